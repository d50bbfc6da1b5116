package rootfs

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// A stack is the folders of one overlay, opened. The kernel gets them as
// /proc/self/fd/N: fsconfig takes no string over 255 bytes, mount's options
// must fit one page, and colons and commas in paths mean something there.
type stack struct {
	lowers      []int
	upper, work int // -1: read-only
}

func openStack(lowers []string, upper, work string) (*stack, error) {
	s := &stack{upper: -1, work: -1}
	err := func() (err error) {
		for _, dir := range lowers {
			fd, err := open(dir)
			if err != nil {
				return err
			}
			s.lowers = append(s.lowers, fd)
		}
		if upper == "" {
			return nil
		}
		if s.upper, err = open(upper); err == nil {
			s.work, err = open(work)
		}
		return err
	}()
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func open(dir string) (int, error) {
	for {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return -1, fmt.Errorf("open %s: %w", dir, err)
		}
		return fd, nil
	}
}

func (s *stack) close() {
	for _, fd := range append(s.lowers, s.upper, s.work) {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

func fdPath(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// mount mounts by lowerdir+ (Linux 6.5), else by one option string.
func (s *stack) mount(target string) error {
	err := s.mountByFsconfig(target)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		classic := s.mountByOptions(target)
		if classic == nil {
			return nil
		}
		if errors.Is(classic, errTooLong) || errors.Is(err, unix.ENOSYS) {
			return classic
		}
	}
	return err
}

// mountByFsconfig gives each layer by itself.
func (s *stack) mountByFsconfig(target string) error {
	fsfd, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fsfd)
	for _, o := range s.options() {
		key, value, isString := strings.Cut(o, "=")
		if isString {
			err = unix.FsconfigSetString(fsfd, key, value)
		} else {
			err = unix.FsconfigSetFlag(fsfd, key)
		}
		if err != nil {
			return kernelError(fsfd, err)
		}
	}
	for _, fd := range s.lowers {
		if err := unix.FsconfigSetString(fsfd, "lowerdir+", fdPath(fd)); err != nil {
			return kernelError(fsfd, err)
		}
	}
	if err := unix.FsconfigCreate(fsfd); err != nil {
		return kernelError(fsfd, err)
	}
	mfd, err := unix.Fsmount(fsfd, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return kernelError(fsfd, err)
	}
	defer unix.Close(mfd)
	if err := unix.MoveMount(mfd, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("attach at %s: %w", target, err)
	}
	return nil
}

// options are all but the lower folders. The index of hard links is not used,
// and would forbid a layer's folder to be part of two mounts.
func (s *stack) options() []string {
	o := []string{"userxattr", "index=off"}
	if s.upper >= 0 {
		o = append(o, "volatile", "upperdir="+fdPath(s.upper), "workdir="+fdPath(s.work))
	}
	return o
}

var errTooLong = errors.New("so many layers need Linux 6.5 or later")

// mountByOptions is for kernels without lowerdir+. The kernel would cut the
// options off after one page without a word, and mount fewer layers.
func (s *stack) mountByOptions(target string) error {
	lower := make([]string, len(s.lowers))
	for i, fd := range s.lowers {
		lower[i] = fdPath(fd)
	}
	options := strings.Join(append(s.options(), "lowerdir="+strings.Join(lower, ":")), ",")
	if len(options) >= unix.Getpagesize() {
		return fmt.Errorf("stack %d layers: %w", len(lower), errTooLong)
	}
	var flags uintptr
	if s.upper < 0 {
		flags = unix.MS_RDONLY
	}
	return unix.Mount("overlay", target, "overlay", flags, options)
}
