package layer

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// lockSuffix ends the name of the file whose lock says that a session lives.
const lockSuffix = ".lock"

// A session owns a folder for as long as it holds the lock beside it. The
// kernel drops the lock when the process dies, whatever way.
type session struct {
	dir  string
	lock *os.File
}

// newSession takes the lock before it makes the folder, so that no folder is
// ever there without a lock held, but a dead one's.
func newSession(tmp string) (*session, error) {
	for {
		dir := filepath.Join(tmp, rand.Text())
		f, err := os.OpenFile(dir+lockSuffix, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, err
		}
		held, err := tryLock(f)
		if err == nil && held {
			if err = os.Mkdir(dir, 0o700); err == nil {
				return &session{dir, f}, nil
			}
		}
		f.Close()
		if err != nil {
			return nil, err
		}
		// Somebody who cleans up came between the open and the lock.
	}
}

// end removes the folder, then the lock file, and only then lets go of the
// lock.
func (s *session) end() error {
	err := errors.Join(removeAll(s.dir), os.Remove(s.dir+lockSuffix))
	return errors.Join(err, s.lock.Close())
}

// removeStale removes the sessions whose lock nobody holds.
func removeStale(tmp string) error {
	entries, err := os.ReadDir(tmp)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), lockSuffix); ok {
			errs = append(errs, removeIfStale(filepath.Join(tmp, name)))
		}
	}
	return errors.Join(errs...)
}

func removeIfStale(dir string) error {
	f, err := os.OpenFile(dir+lockSuffix, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it has just ended
	}
	if err != nil {
		return err
	}
	held, err := tryLock(f)
	if err != nil || !held {
		f.Close()
		return err
	}
	return (&session{dir, f}).end()
}

// tryLock takes the lock without waiting, and says whether it holds it: not
// if another process does, or if the file is not at its path any more.
func tryLock(f *os.File) (bool, error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if errors.Is(err, unix.EWOULDBLOCK) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		break
	}
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Lstat(f.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(mine, there), err
}
