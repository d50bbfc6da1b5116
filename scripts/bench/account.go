package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// account is the ordinary user that rootless programs run as, in a home of the bench's.
type account struct {
	name      string
	uid, gid  int
	home, run string
	switches  bool // this process is root, the account is not
}

// lookUp finds the user; whoever is not root can only be themselves.
func lookUp(name, home, run string) (*account, error) {
	if os.Getuid() != 0 {
		u, err := user.Current()
		if err != nil {
			return nil, err
		}
		return &account{u.Username, os.Getuid(), os.Getgid(), home, run, false}, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("%w: `scripts/setup test` makes the user shbuild-test", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	return &account{name, uid, gid, home, run, true}, err
}

func (a *account) makeFolders() error {
	for _, dir := range []string{a.home, a.run, filepath.Join(a.home, "tmp")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := os.Chown(dir, a.uid, a.gid); err != nil {
			return err
		}
	}
	return nil
}

// command is a program as this user, with a clean environment. A time limit is the caller's, by ctx.
func (a *account) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := plain(ctx, program, args...)
	cmd.Dir = a.home
	cmd.Env = []string{
		"HOME=" + a.home, "USER=" + a.name, "XDG_RUNTIME_DIR=" + a.run, "TMPDIR=" + filepath.Join(a.home, "tmp"),
		"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8",
	}
	if a.switches {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return cmd
}

// wipe removes folders in which there may be files of the user's sub-ids.
func (a *account) wipe(dirs ...string) error {
	for _, dir := range dirs {
		if os.Getuid() == 0 {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			continue
		}
		if _, err := os.Lstat(dir); err != nil {
			continue
		}
		if out, err := exec.Command("unshare", "--user", "--map-auto", "--map-root-user", "rm", "-rf", dir).CombinedOutput(); err != nil {
			return fmt.Errorf("remove %s: %w: %s", dir, err, out)
		}
	}
	return nil
}

// plain is a program as the caller. It is killed, with what it started, when ctx ends, and by itself when this program does:
// main stays on one thread for that.
func plain(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGTERM}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	return cmd
}
