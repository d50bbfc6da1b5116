package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// What explains entries, a folder each. None of it is read unless somebody asks.
const (
	inputs   = "inputs"   // step key → Made
	near     = "near"     // slot → the keys of the last steps made there, a line each
	contents = "contents" // digest → what of a COPY it is the digest of
)

// Slots keep so many keys at least, and twice as many at most. A loop makes many steps in one.
const slotSize = 64

// keyLine is a line of a slot: a key and a line end.
const keyLine = 65

// PutMade records how the entry of a key came to be, and adds it to its slots.
func (c *Cache) PutMade(key string, m Made) error {
	if err := c.writeJSON(inputs, key, m); err != nil {
		return err
	}
	for _, slot := range m.Slots {
		if err := c.addNear(slot, key); err != nil {
			return fmt.Errorf("write a record of the build cache: %w", err)
		}
	}
	return nil
}

// Made returns how the entry of a key came to be. A record that does not give the key is none.
func (c *Cache) Made(key string) (Made, bool) {
	var m Made
	return m, c.read(inputs, key, &m) && m.Inputs.Key() == key
}

// Near returns the keys of the last steps that were made in a slot, the latest first. Two builds that write at the
// same instant may lose one.
func (c *Cache) Near(slot string) []string {
	data, err := os.ReadFile(c.path(near, slot))
	if err != nil {
		return nil
	}
	var keys []string
	seen := map[string]bool{}
	lines := strings.Split(string(data), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if key := lines[i]; len(key) == keyLine-1 && !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}

// addNear adds a line to a slot's file, which is one write.
func (c *Cache) addNear(slot, key string) (err error) {
	f, err := os.OpenFile(c.path(near, slot), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(key + "\n")
	info, serr := f.Stat()
	if err = errors.Join(err, serr, f.Close()); err != nil || info.Size() < 2*slotSize*keyLine {
		return err
	}
	data, err := os.ReadFile(f.Name())
	if err != nil {
		return err
	}
	data = data[max(0, len(data)-slotSize*keyLine):]
	if i := bytes.IndexByte(data, '\n'); i != keyLine-1 {
		data = data[i+1:]
	}
	return c.writeBytes(near, slot, data)
}

// PutContent keeps what a digest is the digest of.
func (c *Cache) PutContent(digest string, data []byte) error {
	if _, err := os.Stat(c.path(contents, digest)); err == nil {
		return nil
	}
	return c.writeBytes(contents, digest, data)
}

// Content returns what a digest is the digest of; fs.ErrNotExist: it is not known.
func (c *Cache) Content(digest string) ([]byte, error) {
	if digest == "" || digest != filepath.Base(digest) {
		return nil, fs.ErrNotExist
	}
	return os.ReadFile(c.path(contents, digest))
}
