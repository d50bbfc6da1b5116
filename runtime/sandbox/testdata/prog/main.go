// Command prog is the only program of the tests' root file system: its first argument says what it does.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	do, ok := commands[os.Args[1]]
	if !ok {
		fatal(fmt.Errorf("no such command: %s", os.Args[1]))
	}
	if err := do(os.Args[2:]); err != nil {
		fatal(err)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

var commands map[string]func(args []string) error

func init() {
	commands = map[string]func([]string) error{
		"true":   func([]string) error { return nil },
		"exit":   func(a []string) error { os.Exit(number(a[0])); return nil },
		"kill":   func(a []string) error { return kill(number(a[0])) },
		"args":   func(a []string) error { _, err := fmt.Printf("%q\n", a); return err },
		"env":    func([]string) error { fmt.Println(strings.Join(os.Environ(), "\n")); return nil },
		"both":   both,
		"flood":  flood,
		"cat":    each(func(f string) error { return cat(f) }),
		"stdin":  func([]string) error { _, err := io.Copy(os.Stdout, os.Stdin); return err },
		"ids":    ids,
		"pwd":    pwd,
		"host":   func([]string) error { name, err := os.Hostname(); fmt.Println(name); return err },
		"pid":    func([]string) error { _, err := fmt.Println(os.Getpid()); return err },
		"link":   each(func(f string) error { to, err := os.Readlink(f); fmt.Println(to); return err }),
		"ls":     each(ls),
		"stat":   each(stat),
		"write":  func(a []string) error { return os.WriteFile(a[0], []byte(a[1]), 0o644) },
		"append": appendTo,
		"mkdir":  each(func(d string) error { return os.MkdirAll(d, 0o755) }),
		"rm":     each(os.RemoveAll),
		"mv":     func(a []string) error { return os.Rename(a[0], a[1]) },
		"call":   each(call),
		"daemon": daemon,
		"attach": func(a []string) error { return answers("attach", syscall.PtraceAttach(number(a[0]))) },
		"signal": func(a []string) error { return answers("signal", syscall.Kill(number(a[0]), 0)) },
		"leave":  func(a []string) error { return leave(a[0]) },
		"hold":   func([]string) error { time.Sleep(time.Hour); return nil },
		"eat":    eat,
		"eat-in-child": func(a []string) error {
			fmt.Println(exec.Command("/proc/self/exe", "eat", a[0]).Run())
			return nil
		},
		"term": term,
	}
}

func each(f func(string) error) func([]string) error {
	return func(args []string) error {
		for _, a := range args {
			if err := f(a); err != nil {
				return err
			}
		}
		return nil
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		fatal(err)
	}
	return n
}

// kill ends the process by a signal, which PID 1 does not take from itself: a child of it does, and passes on.
func kill(n int) error {
	cmd := exec.Command("/proc/self/exe", "hold")
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = cmd.Process.Signal(syscall.Signal(n))
	_ = cmd.Wait()
	fmt.Println(cmd.ProcessState)
	return nil
}

func both([]string) error {
	fmt.Print("out 1\n")
	fmt.Fprint(os.Stderr, "err 2\n")
	fmt.Print("out 3\n")
	return nil
}

// flood writes so many bytes to both outputs.
func flood(args []string) error {
	n := number(args[0])
	errs := make(chan error, 2)
	for f, c := range map[*os.File]string{os.Stdout: "o", os.Stderr: "e"} {
		go func() {
			_, err := io.WriteString(f, strings.Repeat(c, n))
			errs <- err
		}()
	}
	for range 2 {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func cat(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, f)
	return err
}

func ids([]string) error {
	groups, err := os.Getgroups()
	slices.Sort(groups)
	fmt.Println(os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid(), groups)
	return err
}

func pwd([]string) error {
	dir, err := os.Getwd()
	fmt.Println(dir)
	return err
}

func ls(dir string) error {
	names, err := os.ReadDir(dir)
	for _, n := range names {
		fmt.Println(n.Name())
	}
	return err
}

func stat(name string) error {
	var st syscall.Stat_t
	err := syscall.Lstat(name, &st)
	if err != nil {
		fmt.Println(name, err)
		return nil
	}
	fmt.Printf("%s %o %d:%d %d:%d\n", name, st.Mode, st.Uid, st.Gid, st.Rdev>>8, st.Rdev&0xff)
	return nil
}

func appendTo(args []string) error {
	f, err := os.OpenFile(args[0], os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(args[1])
	}
	fmt.Println(err)
	return nil
}

// daemon leaves a process behind that nobody waits for, and stays itself if it is told to.
func daemon(args []string) error {
	for range 3 {
		cmd := exec.Command(os.Args[0], "hold", args[0]) // a chroot has no /proc
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	if len(args) > 1 {
		time.Sleep(time.Hour)
	}
	return nil
}

// eat uses so many MiB of memory.
func eat(args []string) error {
	b := make([]byte, number(args[0])<<20)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	fmt.Println("ate", len(b)>>20)
	return nil
}
