package buildctx

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Hashes remembers the digests of files by what the file system says of them, so that an unchanged file
// is not read again. What is remembered holds for as long as inode, size, modification and change time
// are the same; the change time cannot be set back.
//
// It is a folder with a file for each tree, named by the tree's top folder, so that a build pays for its own
// context's files and not for those of all contexts that there ever were. A file is mapped, not read: memory does not
// grow with it. Hashes may be used at once, and several processes may share the folder: each replaces files whole, and
// the later keeps what the earlier learnt.
type Hashes struct {
	dir string

	mu    sync.Mutex
	trees map[inode]*treeHashes
}

// fileID is what a file is recognised by.
type fileID struct {
	inode
	size         int64
	mtime, ctime int64 // ns
}

type remembered struct {
	fileID
	used uint32 // days since 1970
	sum  [sha256.Size]byte
}

const (
	// racy is for how long after a change a file is not trusted to be unchanged: the clock of a file
	// system may tick so slowly that a second change leaves no trace (git's "racy" index entries).
	racy = 2 * time.Second
	// unusedDays is for how long what is not used is kept, refreshDays how exactly the use is known.
	unusedDays, refreshDays = 60, 7
	// most is how much is learnt before it is written.
	most = 32 << 10
)

// OpenHashes uses a folder, which is made when there is something to remember. Files in it that are damaged or from
// another version count as empty.
func OpenHashes(dir string) *Hashes { return &Hashes{dir: dir, trees: map[inode]*treeHashes{}} }

// of is what is remembered of the tree whose top folder is open.
func (h *Hashes) of(top int) (*treeHashes, error) {
	if h == nil {
		return nil, nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(top, &st); err != nil {
		return nil, err
	}
	id := inode{uint64(st.Dev), st.Ino}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.trees[id] == nil {
		h.trees[id] = &treeHashes{path: filepath.Join(h.dir, fmt.Sprintf("%x-%x", id.dev, id.ino)), learnt: map[inode]remembered{}}
	}
	return h.trees[id], nil
}

// Save writes what was learnt, and ends the use. Nothing is synced to disk: checksums tell what is torn.
func (h *Hashes) Save() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var err error
	changed := false
	for _, t := range h.trees {
		wrote, serr := t.save()
		changed = changed || wrote
		err = cmp.Or(err, serr, t.close())
	}
	clear(h.trees)
	if changed {
		err = cmp.Or(err, h.forget(time.Now()))
	}
	if err != nil {
		return fmt.Errorf("remember file digests: %w", err)
	}
	return nil
}

// forget removes the files of trees that nobody has used for long.
func (h *Hashes) forget(now time.Time) error {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || now.Sub(info.ModTime()) < (unusedDays+refreshDays)*24*time.Hour {
			continue
		}
		if err := os.Remove(filepath.Join(h.dir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// treeHashes is what is remembered of one tree; nil: nothing ever is.
type treeHashes struct {
	path string

	mu     sync.Mutex
	opened bool
	file   hashFile
	learnt map[inode]remembered // since the file was written
}

func idOf(st *unix.Stat_t) fileID {
	return fileID{
		inode: inode{uint64(st.Dev), st.Ino}, size: st.Size,
		mtime: unix.TimespecToNsec(st.Mtim), ctime: unix.TimespecToNsec(st.Ctim),
	}
}

// get returns the digest of a file in the state st, if it is known.
func (t *treeHashes) get(st *unix.Stat_t) (sum [sha256.Size]byte, ok bool) {
	if t == nil {
		return sum, false
	}
	id := idOf(st)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.opened {
		t.opened = true
		t.file = openHashFile(t.path)
	}
	r, ok := t.learnt[id.inode]
	if !ok {
		r, ok = t.file.find(id.inode)
	}
	if !ok || r.fileID != id {
		return sum, false
	}
	if today := days(time.Now()); r.used+refreshDays < today {
		r.used = today
		t.learnt[id.inode] = r
	}
	return r.sum, true
}

// put remembers the sum of a file that had the state st before it was read, at the time start.
func (t *treeHashes) put(st *unix.Stat_t, start time.Time, sum [sha256.Size]byte) {
	if t == nil {
		return
	}
	id := idOf(st)
	if max(id.mtime, id.ctime) > start.Add(-racy).UnixNano() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.learnt[id.inode] = remembered{id, days(start), sum}
	if len(t.learnt) >= most {
		// Here nothing is lost but time if it fails: Save tries again, and tells.
		_, _ = t.saveLocked()
	}
}

func days(t time.Time) uint32 { return uint32(t.Unix() / (24 * 60 * 60)) }

// save writes the file if anything was learnt, and says whether it did.
func (t *treeHashes) save() (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.saveLocked()
}

func (t *treeHashes) saveLocked() (bool, error) {
	if len(t.learnt) == 0 {
		return false, nil
	}
	there := openHashFile(t.path) // what others have learnt meanwhile
	err := cmp.Or(writeHashFile(t.path, there, t.learnt, days(time.Now())), there.close())
	if err != nil {
		return false, err
	}
	clear(t.learnt)
	err = t.file.close()
	t.file = openHashFile(t.path)
	return true, err
}

func (t *treeHashes) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.opened = false
	file := t.file
	t.file = hashFile{}
	return file.close()
}
