package build

import (
	"bytes"
	"io"
	"os"
)

// A record keeps a step's standard output for the cache. A secret in it makes it worthless, as does a full disk: the
// output then goes to the display and to whoever asked for it, as the program wants it, but nothing of it is kept,
// and the step is carried out anew the next time.
type record struct {
	file    *os.File
	secrets [][]byte
	end     []byte // the last bytes, in which a secret may begin
	spoilt  bool
}

// keepOff names secrets, before anything is written. Line ends around one do not make it another.
func (r *record) keepOff(secrets [][]byte) {
	for _, s := range secrets {
		if s = bytes.TrimSpace(s); len(s) > 0 {
			r.secrets = append(r.secrets, s)
		}
	}
}

func (r *record) Write(p []byte) (int, error) {
	if r.spoilt {
		return len(p), nil
	}
	if len(r.secrets) > 0 && r.tells(p) {
		return len(p), r.spoil()
	}
	if _, err := r.file.Write(p); err != nil {
		return len(p), r.spoil()
	}
	return len(p), nil
}

func (r *record) spoil() error {
	r.spoilt = true
	return r.file.Truncate(0)
}

// tells says whether a secret ends in what is being written.
func (r *record) tells(p []byte) bool {
	longest := 0
	text := append(r.end, p...)
	for _, s := range r.secrets {
		if bytes.Contains(text, s) {
			return true
		}
		longest = max(longest, len(s))
	}
	r.end = bytes.Clone(text[max(0, len(text)-longest):])
	return false
}

// reader gives what was kept.
func (r *record) reader() (io.Reader, error) {
	_, err := r.file.Seek(0, io.SeekStart)
	return r.file, err
}
