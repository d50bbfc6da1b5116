package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// term waits for SIGTERM: it "ends" then, or "stays", or is "deaf" to it.
func term(args []string) error {
	asked := make(chan os.Signal, 1)
	if args[0] == "deaf" {
		signal.Ignore(syscall.SIGTERM)
	} else {
		signal.Notify(asked, syscall.SIGTERM)
	}
	fmt.Println("ready")
	if args[0] != "deaf" {
		<-asked
		fmt.Println("ended")
	}
	if args[0] != "ends" {
		time.Sleep(time.Hour)
	}
	return nil
}
