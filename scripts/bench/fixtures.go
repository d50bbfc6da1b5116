package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// The contexts. All are the ordinary user's.
func (b *bench) contextDir(name string) string { return filepath.Join(b.who.home, "contexts", name) }

const (
	treeFiles = 20_000
	treeBytes = 400_000_000
	stepCount = 50
)

// dockerfile writes a Dockerfile and gives its path. In text, @name:tag is an image of the registry.
func (b *bench) dockerfile(name, text string) (string, error) {
	dir := filepath.Join(b.who.home, "dockerfiles")
	if err := b.folder(dir); err != nil {
		return "", err
	}
	file := filepath.Join(dir, name)
	text = strings.ReplaceAll(text, "@", b.registry.address+"/")
	return file, os.WriteFile(file, []byte(text), 0o644)
}

func (b *bench) folder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Chown(dir, b.who.uid, b.who.gid)
}

// prepare makes what is not there yet.
func (b *bench) prepare(ctx context.Context) error {
	for _, dir := range []string{"", "empty"} {
		if err := b.folder(b.contextDir(dir)); err != nil {
			return err
		}
	}
	if err := b.tree("tree", treeFiles, treeBytes); err != nil {
		return err
	}
	return b.bases(ctx)
}

// tree makes a context of so many files of one size, 100 to a folder: half of them noise, half of them words.
func (b *bench) tree(name string, files, bytes int) error {
	dir := b.contextDir(name)
	done := dir + ".done"
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	if err := b.who.wipe(dir); err != nil {
		return err
	}
	t := newText(7)
	data := make([]byte, bytes/files)
	for i := range files {
		folder := filepath.Join(dir, fmt.Sprintf("d%04d", i/100))
		if i%100 == 0 {
			if err := b.folder(folder); err != nil {
				return err
			}
		}
		t.fill(data, i%2 == 0)
		if err := b.file(filepath.Join(folder, fmt.Sprintf("f%02d", i%100)), data); err != nil {
			return err
		}
	}
	if err := os.Chown(dir, b.who.uid, b.who.gid); err != nil {
		return err
	}
	return os.WriteFile(done, nil, 0o644)
}

func (b *bench) file(path string, data []byte) error {
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return err
	}
	return os.Chown(path, b.who.uid, b.who.gid)
}

// fresh makes a file of so many bytes that was never there before: half noise, half words.
func (b *bench) fresh(path string, bytes int) error {
	t := newText(rand.Uint64())
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	piece := make([]byte, 1<<20)
	for left, i := bytes, 0; left > 0; left, i = left-len(piece), i+1 {
		piece = piece[:min(len(piece), left)]
		t.fill(piece, i%2 == 0)
		if _, err := f.Write(piece); err != nil {
			return err
		}
	}
	if err := f.Chown(b.who.uid, b.who.gid); err != nil {
		return err
	}
	return f.Close()
}

// text makes content that compresses as files do: words of which few are frequent, or noise.
type text struct {
	words []string
	rand  *rand.Rand
	noise io.Reader
}

func newText(seed uint64) *text {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	noise := rand.NewChaCha8(key)
	t := &text{rand: rand.New(noise), noise: noise}
	for range 4000 {
		word := make([]byte, 2+t.rand.IntN(8))
		for i := range word {
			word[i] = byte('a' + t.rand.IntN(26))
		}
		t.words = append(t.words, string(word))
	}
	return t
}

func (t *text) fill(data []byte, noise bool) {
	if noise {
		io.ReadFull(t.noise, data) //nolint:errcheck // it has no end
		return
	}
	for rest := data; len(rest) > 0; {
		r := t.rand.Float64()
		n := copy(rest, t.words[int(r*r*float64(len(t.words)))])
		rest = rest[n:]
		if len(rest) > 0 {
			rest[0] = ' '
			rest = rest[1:]
		}
	}
}
