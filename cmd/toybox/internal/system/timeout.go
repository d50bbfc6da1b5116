package system

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

const statusTimedOut = 124

func timeout(c *applet.Call) error {
	o, err := c.Options("+ s,signal: k,kill-after: preserve-status foreground v,verbose")
	if err != nil {
		return err
	}
	if len(o.Args) < 2 {
		return applet.Usagef("a time and a command are needed")
	}
	limit, err := duration(o.Args[0])
	if err != nil {
		return err
	}
	t := &timer{c: c, o: o, sig: syscall.SIGTERM}
	if o.Has("s") {
		if t.sig, err = applet.Signal(o.Get("s")); err != nil {
			return err
		}
	}
	if o.Has("k") {
		if t.killAfter, err = duration(o.Get("k")); err != nil {
			return err
		}
	}
	// A group of its own, so that what the command has started ends with it.
	attr := &syscall.SysProcAttr{Setpgid: !o.Has("foreground")}
	cmd, status, err := c.StartChild(o.Args[1:], c.Environ, c.Stdin, attr)
	if err != nil {
		c.Warn(err)
		return applet.Exit(status)
	}
	return t.wait(cmd, limit)
}

// timer is one run of timeout.
type timer struct {
	c         *applet.Call
	o         *applet.Options
	sig       syscall.Signal
	killAfter time.Duration
}

func (t *timer) wait(cmd *exec.Cmd, limit time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var expired, last <-chan time.Time
	if limit > 0 {
		expired = time.After(limit)
	}
	timedOut, killed := false, false
	asked := make(chan os.Signal, 4)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	for {
		select {
		case sig := <-asked: // to end: the command, which is in another group, has to hear of it
			t.send(cmd, sig.(syscall.Signal))
		case err := <-ended:
			status, err := applet.Status(cmd, err)
			switch {
			case err != nil:
				return err
			case killed:
				status = 128 + int(syscall.SIGKILL)
			case timedOut && !t.o.Has("preserve-status"):
				status = statusTimedOut
			}
			return applet.Exit(status)
		case <-expired:
			timedOut = true
			t.send(cmd, t.sig)
			killed = t.sig == syscall.SIGKILL
			if t.killAfter > 0 {
				last = time.After(t.killAfter)
			}
		case <-last:
			killed = true
			t.send(cmd, syscall.SIGKILL)
		}
	}
}

func (t *timer) send(cmd *exec.Cmd, sig syscall.Signal) {
	if t.o.Has("v") {
		fmt.Fprintf(t.c.Stderr, "timeout: sending signal %d to command '%s'\n", sig, cmd.Args[0])
	}
	pid := cmd.Process.Pid
	if !t.o.Has("foreground") {
		pid = -pid
	}
	syscall.Kill(pid, sig)
	if sig != syscall.SIGKILL {
		syscall.Kill(pid, syscall.SIGCONT)
	}
}

// nohup runs a command that a hang-up does not end. Its output stays where it goes: in a build
// there is no terminal that would need nohup.out.
func nohup(c *applet.Call) error {
	o, err := c.Options("+")
	if err != nil {
		return err
	}
	if len(o.Args) == 0 {
		return applet.Usagef("no command given")
	}
	signal.Ignore(syscall.SIGHUP)
	return become(c, o.Args, c.Environ)
}
