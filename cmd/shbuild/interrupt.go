package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/shbuild/shbuild/runtime/trace"
)

// oneKeystroke is how long the signals of one Ctrl-C may take: the terminal sends one to this process, and the outer
// one passes its own on.
const oneKeystroke = 300 * time.Millisecond

// interruptible gives a context that ends with the first SIGINT, SIGTERM or SIGHUP: the program of a RUN then has a
// little time to end, and what is half made is removed. The second one ends this process at once. The kernel ends
// all that it started, and the next build removes what it left.
func interruptible(ctx context.Context, w io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		cancel()
		for first := time.Now(); ; {
			if _, ok := <-signals; !ok {
				return
			}
			if time.Since(first) > oneKeystroke {
				fmt.Fprintln(w, "shbuild: interrupted twice, ended at once")
				_ = trace.Of(ctx).Close()
				os.Exit(statusInterrupted)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel()
	}
}
