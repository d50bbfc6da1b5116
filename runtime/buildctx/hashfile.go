package buildctx

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"golang.org/x/sys/unix"
)

// A hashFile is records of one size, sorted by inode, one for each: an inode's earlier states never come back. It is
// mapped; a record is checked when it is looked at.
type hashFile struct {
	data []byte // all of the file; nil: there is none
}

const (
	hashesMagic = "shbuild hashes 2\n"
	sumAt       = 5*8 + 4
	checkAt     = sumAt + 32
	recordSize  = checkAt + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openHashFile maps a file. It is never changed in place, so what is mapped stays.
func openHashFile(path string) hashFile {
	f, err := os.Open(path)
	if err != nil {
		return hashFile{}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() < int64(len(hashesMagic)+recordSize) {
		return hashFile{}
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return hashFile{}
	}
	file := hashFile{data}
	if !bytes.HasPrefix(data, []byte(hashesMagic)) {
		_ = file.close()
		return hashFile{}
	}
	return file
}

func (f hashFile) close() error {
	if f.data == nil {
		return nil
	}
	return unix.Munmap(f.data)
}

func (f hashFile) len() int {
	if f.data == nil {
		return 0
	}
	return (len(f.data) - len(hashesMagic)) / recordSize
}

func (f hashFile) raw(i int) []byte {
	at := len(hashesMagic) + i*recordSize
	return f.data[at : at+recordSize]
}

// find looks an inode up.
func (f hashFile) find(id inode) (remembered, bool) {
	i := sort.Search(f.len(), func(i int) bool { return inodeIn(f.raw(i)).compare(id) >= 0 })
	if i == f.len() || inodeIn(f.raw(i)) != id {
		return remembered{}, false
	}
	return decodeRecord(f.raw(i))
}

func (i inode) compare(other inode) int {
	return cmp.Or(cmp.Compare(i.dev, other.dev), cmp.Compare(i.ino, other.ino))
}

func inodeIn(b []byte) inode {
	return inode{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

func decodeRecord(b []byte) (r remembered, ok bool) {
	le := binary.LittleEndian
	if crc32.Checksum(b[:checkAt], castagnoli) != le.Uint32(b[checkAt:]) {
		return r, false
	}
	r.inode = inodeIn(b)
	r.size, r.mtime, r.ctime = int64(le.Uint64(b[16:])), int64(le.Uint64(b[24:])), int64(le.Uint64(b[32:]))
	r.used = le.Uint32(b[40:])
	copy(r.sum[:], b[sumAt:])
	return r, true
}

func (r remembered) encode(b []byte) {
	le := binary.LittleEndian
	for i, v := range []uint64{r.dev, r.ino, uint64(r.size), uint64(r.mtime), uint64(r.ctime)} {
		le.PutUint64(b[8*i:], v)
	}
	le.PutUint32(b[40:], r.used)
	copy(b[sumAt:], r.sum[:])
	le.PutUint32(b[checkAt:], crc32.Checksum(b[:checkAt], castagnoli))
}

// writeHashFile writes a file of what was there and of what was learnt, the later going before, without what nobody
// has used for long.
func writeHashFile(path string, there hashFile, learnt map[inode]remembered, today uint32) error {
	return replace(path, func(w io.Writer) error {
		if _, err := io.WriteString(w, hashesMagic); err != nil {
			return err
		}
		buf := make([]byte, recordSize)
		put := func(r remembered) error {
			if r.used+unusedDays < today {
				return nil
			}
			r.encode(buf)
			_, err := w.Write(buf)
			return err
		}
		i := 0
		upTo := func(before func(inode) bool) error {
			for ; i < there.len() && before(inodeIn(there.raw(i))); i++ {
				r, ok := decodeRecord(there.raw(i))
				if _, later := learnt[r.inode]; !ok || later {
					continue
				}
				if err := put(r); err != nil {
					return err
				}
			}
			return nil
		}
		for _, id := range slices.SortedFunc(maps.Keys(learnt), inode.compare) {
			if err := upTo(func(other inode) bool { return other.compare(id) <= 0 }); err != nil {
				return err
			}
			if err := put(learnt[id]); err != nil {
				return err
			}
		}
		return upTo(func(inode) bool { return true })
	})
}

// replace makes or replaces a file by a rename.
func replace(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.Mkdir(filepath.Dir(path), 0o700); err == nil || errors.Is(err, fs.ErrExist) {
			f, err = os.CreateTemp(filepath.Dir(path), ".new-*")
		}
	}
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 64<<10)
	err = cmp.Or(write(b), b.Flush(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
