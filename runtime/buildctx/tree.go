package buildctx

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Open opens a folder as a build context.
func Open(dir string, o Options) (*Tree, error) {
	t, err := openTree(dir)
	if err != nil {
		return nil, err
	}
	t.strict, t.most = o.Strict, o.MostRead
	if t.hashes, err = o.Hashes.of(t.fd); err != nil {
		t.Close()
		return nil, fmt.Errorf("look at the folder %s: %w", dir, err)
	}
	var st unix.Stat_t
	for _, path := range o.Own {
		if unix.Stat(path, &st) == nil {
			t.own = append(t.own, inode{uint64(st.Dev), st.Ino})
		}
	}
	if o.Fetched {
		t.stage, t.whole = true, true
		return t, nil
	}
	if t.rules, err = readRules(t, o.Dockerfile); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Root opens the folder where a stage's or image's root is mounted as a source (COPY --from). Owners
// and file capabilities are kept, and are part of its digests.
func Root(dir string) (*Tree, error) {
	t, err := openTree(dir)
	if err != nil {
		return nil, err
	}
	t.stage = true
	return t, nil
}

func openTree(dir string) (*Tree, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, &Error{Path: dir, Err: notFoundError("there is no such folder"), hint: "--context names the folder to build from"}
	case errors.Is(err, unix.ENOTDIR):
		return nil, &Error{Path: dir, Err: fmt.Errorf("is not a folder"), hint: "--context names the folder to build from"}
	case err != nil:
		return nil, fmt.Errorf("open the folder %s: %w", dir, err)
	}
	return &Tree{fd: fd, name: dir}, nil
}

// Close ends the use of the tree; the files stay.
func (t *Tree) Close() error { return unix.Close(t.fd) }
