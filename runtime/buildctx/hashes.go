package buildctx

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Hashes remembers the digests of files by what the file system says of them, so that an unchanged file
// is not read again. What is remembered holds for as long as inode, size, modification and change time
// are the same; the change time cannot be set back. It may be used at once, and several processes may
// share the file: each replaces it whole, and the later keeps what the earlier learnt.
type Hashes struct {
	path string

	mu    sync.Mutex
	known map[fileID]remembered
	dirty bool
}

// fileID is what a file is recognised by.
type fileID struct {
	dev, ino     uint64
	size         int64
	mtime, ctime int64 // ns
}

type remembered struct {
	sum  [sha256.Size]byte
	used uint32 // days since 1970
}

const (
	hashesMagic = "shbuild hashes 1\n"
	recordSize  = 5*8 + 4 + sha256.Size
	// racy is for how long after a change a file is not trusted to be unchanged: the clock of a file
	// system may tick so slowly that a second change leaves no trace (git's "racy" index entries).
	racy = 2 * time.Second
	// unusedDays is for how long what is not used is kept, refreshDays how exactly the use is known.
	unusedDays, refreshDays = 60, 7
)

// OpenHashes reads what was remembered in the file path. A file that is missing, damaged or from
// another version counts as empty.
func OpenHashes(path string) *Hashes {
	h := &Hashes{path: path, known: map[fileID]remembered{}}
	if data, err := os.ReadFile(path); err == nil {
		h.known = decodeHashes(data)
	}
	return h
}

func idOf(st *unix.Stat_t) fileID {
	return fileID{
		dev: uint64(st.Dev), ino: st.Ino, size: st.Size,
		mtime: unix.TimespecToNsec(st.Mtim), ctime: unix.TimespecToNsec(st.Ctim),
	}
}

func (h *Hashes) get(st *unix.Stat_t) (sum [sha256.Size]byte, ok bool) {
	if h == nil {
		return sum, false
	}
	id, today := idOf(st), days(time.Now())
	h.mu.Lock()
	defer h.mu.Unlock()
	r, ok := h.known[id]
	if ok && r.used+refreshDays < today {
		r.used = today
		h.known[id] = r
		h.dirty = true
	}
	return r.sum, ok
}

// put remembers the sum of a file that had the state st before it was read, at the time start.
func (h *Hashes) put(st *unix.Stat_t, start time.Time, sum [sha256.Size]byte) {
	if h == nil {
		return
	}
	id := idOf(st)
	if max(id.mtime, id.ctime) > start.Add(-racy).UnixNano() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known[id] = remembered{sum: sum, used: days(start)}
	h.dirty = true
}

func days(t time.Time) uint32 { return uint32(t.Unix() / (24 * 60 * 60)) }

// Save writes the file if anything was learnt. It is not synced to disk: a checksum tells a torn file.
func (h *Hashes) Save() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.dirty {
		return nil
	}
	if data, err := os.ReadFile(h.path); err == nil {
		for id, r := range decodeHashes(data) {
			if _, ok := h.known[id]; !ok {
				h.known[id] = r
			}
		}
	}
	if err := replace(h.path, h.encode(days(time.Now()))); err != nil {
		return fmt.Errorf("remember file digests: %w", err)
	}
	h.dirty = false
	return nil
}

func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func (h *Hashes) encode(today uint32) []byte {
	b := make([]byte, 0, len(hashesMagic)+len(h.known)*recordSize+sha256.Size)
	b = append(b, hashesMagic...)
	le := binary.LittleEndian
	for id, r := range h.known {
		if r.used+unusedDays < today {
			continue
		}
		b = le.AppendUint64(b, id.dev)
		b = le.AppendUint64(b, id.ino)
		b = le.AppendUint64(b, uint64(id.size))
		b = le.AppendUint64(b, uint64(id.mtime))
		b = le.AppendUint64(b, uint64(id.ctime))
		b = le.AppendUint32(b, r.used)
		b = append(b, r.sum[:]...)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func decodeHashes(data []byte) map[fileID]remembered {
	n := len(data) - sha256.Size
	if n < len(hashesMagic) || !bytes.HasPrefix(data, []byte(hashesMagic)) {
		return map[fileID]remembered{}
	}
	if sum := sha256.Sum256(data[:n]); !bytes.Equal(sum[:], data[n:]) {
		return map[fileID]remembered{}
	}
	b := data[len(hashesMagic):n]
	known := make(map[fileID]remembered, len(b)/recordSize)
	le := binary.LittleEndian
	for ; len(b) >= recordSize; b = b[recordSize:] {
		id := fileID{
			dev: le.Uint64(b), ino: le.Uint64(b[8:]), size: int64(le.Uint64(b[16:])),
			mtime: int64(le.Uint64(b[24:])), ctime: int64(le.Uint64(b[32:])),
		}
		r := remembered{used: le.Uint32(b[40:])}
		copy(r.sum[:], b[44:])
		known[id] = r
	}
	return known
}
