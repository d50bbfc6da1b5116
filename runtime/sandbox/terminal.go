package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Terminal makes the process's standard streams a pseudo-terminal of the container's own. The host's terminal
// itself never gets into a container: its programs could type into it (TIOCSTI).
type Terminal struct {
	// In is what is typed. A terminal is raw for the time of the run, so that every key, ^C too, reaches the
	// process; its size becomes the process's. The end of anything else becomes a ^D. Nil: nothing.
	In *os.File
	// Out shows what the process writes.
	Out io.Writer
}

// console is a Terminal while a process uses it.
type console struct {
	terminal     *Terminal
	ours, theirs *os.File // the socket that the init sends the pseudo-terminal over
	master       *os.File
	resized      chan os.Signal
	restore      func() error
	stop         *os.File // closed: nothing more is typed
	output       errgroup.Group
	typed        chan struct{} // closed when nobody reads In any more
}

func newConsole(t *Terminal) (*console, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket pair: %w", err)
	}
	return &console{
		terminal: t, restore: func() error { return nil },
		ours: os.NewFile(uintptr(pair[0]), "console socket"), theirs: os.NewFile(uintptr(pair[1]), "console socket"),
	}, nil
}

// size is that of the terminal on our side; zeros: there is none.
func (c *console) size() (width, height int) {
	files := []*os.File{c.terminal.In}
	if f, ok := c.terminal.Out.(*os.File); ok {
		files = append(files, f)
	}
	for _, f := range files {
		if f != nil {
			if w, h, err := term.GetSize(int(f.Fd())); err == nil {
				return w, h
			}
		}
	}
	return 0, 0
}

// begin takes the pseudo-terminal from the container's init and connects it.
func (c *console) begin() error {
	master, err := receiveFile(c.ours)
	if err != nil {
		return fmt.Errorf("open the container's terminal: %w", err)
	}
	c.master = master
	c.output.Go(func() error {
		_, err := io.Copy(c.terminal.Out, master)
		if errors.Is(err, unix.EIO) { // nobody has the other end any more
			return nil
		}
		master.Close() // the process must not wait for ever: it gets SIGHUP
		return err
	})
	if c.terminal.In == nil {
		return nil
	}
	in := int(c.terminal.In.Fd())
	if term.IsTerminal(in) {
		before, err := term.MakeRaw(in)
		if err != nil {
			return fmt.Errorf("make the terminal raw: %w", err)
		}
		c.restore = func() error { return term.Restore(in, before) }
	}
	c.resized = make(chan os.Signal, 1)
	signal.Notify(c.resized, unix.SIGWINCH)
	go func() {
		for range c.resized {
			c.resize()
		}
	}()
	c.resize()
	wake, stop, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	c.stop, c.typed = stop, make(chan struct{})
	go c.keys(in, wake)
	return nil
}

// resize may come when the terminal is just being closed: its number may be another file's by then, and only Control
// tells.
func (c *console) resize() {
	w, h := c.size()
	terminal, err := c.master.SyscallConn()
	if w <= 0 || h <= 0 || err != nil {
		return
	}
	_ = terminal.Control(func(fd uintptr) {
		_ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(w), Row: uint16(h)})
	})
}

// keys hands on what is typed. It reads only while the process lives: what comes later is for somebody else.
func (c *console) keys(in int, wake *os.File) {
	defer close(c.typed)
	defer wake.Close()
	buf := make([]byte, 4096)
	for {
		ready := []unix.PollFd{{Fd: int32(wake.Fd()), Events: unix.POLLIN}, {Fd: int32(in), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err == unix.EINTR {
			continue
		} else if err != nil || ready[0].Revents != 0 {
			return
		}
		n, err := unix.Read(in, buf)
		if err == unix.EINTR || err == unix.EAGAIN {
			continue
		}
		if err != nil || n == 0 {
			_, _ = c.master.Write([]byte{endOfInput})
			return
		}
		if _, err := c.master.Write(buf[:n]); err != nil {
			return
		}
	}
}

const endOfInput = 4 // ^D

// started closes the init's end of the socket.
func (c *console) started() { c.theirs.Close() }

// finish waits until all output has been handed over, and gives the terminal back as it was.
func (c *console) finish() error {
	var err error
	if c.stop != nil {
		c.stop.Close()
		<-c.typed
	}
	if c.master != nil {
		err = c.output.Wait()
	}
	if c.resized != nil {
		signal.Stop(c.resized)
		close(c.resized)
	}
	err = errors.Join(err, c.restore())
	c.close()
	return err
}

func (c *console) close() {
	c.ours.Close()
	c.theirs.Close()
	if c.master != nil {
		c.master.Close()
	}
}

// receiveFile takes one file from a socket.
func receiveFile(socket *os.File) (*os.File, error) {
	oob := make([]byte, unix.CmsgSpace(4))
	name := make([]byte, 4096)
	var n, oobn int
	var err error
	for {
		n, oobn, _, _, err = unix.Recvmsg(int(socket.Fd()), name, oob, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return nil, err
	}
	if n == 0 || len(messages) != 1 {
		return nil, errors.New("the container's init sent none")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fds[0]), string(name[:n])), nil
}
