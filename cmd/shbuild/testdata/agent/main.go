// Command agent asks the agent of SSH_AUTH_SOCK for its keys, signs with the first one, and tries to empty it.
package main

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/crypto/ssh/agent"
)

func main() {
	c, err := net.Dial("unix", os.Getenv("SSH_AUTH_SOCK"))
	if err != nil {
		fatal(err)
	}
	a := agent.NewClient(c)
	keys, err := a.List()
	if err != nil {
		fatal(err)
	}
	for _, k := range keys {
		fmt.Println(k.Type(), k.Comment)
	}
	text := []byte("text")
	signature, err := a.Sign(keys[0], text)
	if err == nil {
		err = keys[0].Verify(text, signature)
	}
	fmt.Println("signed:", err)
	fmt.Println("emptied:", a.RemoveAll() == nil)
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
