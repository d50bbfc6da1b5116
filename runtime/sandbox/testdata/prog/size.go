package main

import (
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// "size" prints the size of the terminal, now and when it has changed.
func init() {
	if len(os.Args) < 2 || os.Args[1] != "size" {
		return
	}
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, unix.SIGWINCH)
	for range 2 {
		size, err := unix.IoctlGetWinsize(1, unix.TIOCGWINSZ)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf("%d rows, %d columns\n", size.Row, size.Col)
		<-changed
	}
	os.Exit(0)
}
