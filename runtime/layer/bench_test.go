package layer

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// benchTar is a layer of 2,000 files of 10,000 bytes, in folders of 50.
func benchTar(b *testing.B) []byte {
	var entries []entry
	for i := range 2000 {
		folder := fmt.Sprintf("d%d", i/50)
		if i%50 == 0 {
			entries = append(entries, dir(folder))
		}
		entries = append(entries, file(fmt.Sprintf("%s/f%d", folder, i), strings.Repeat("x", 10_000)))
	}
	return makeTar(b, entries...)
}

// BenchmarkApply unpacks a layer, without decompressing.
func BenchmarkApply(b *testing.B) {
	text := benchTar(b)
	b.SetBytes(int64(len(text)))
	top := b.TempDir()
	for i := 0; b.Loop(); i++ {
		to := filepath.Join(top, fmt.Sprint(i))
		if err := os.Mkdir(to, 0o755); err != nil {
			b.Fatal(err)
		}
		if _, err := Apply(b.Context(), bytes.NewReader(text), to); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		os.RemoveAll(to)
		b.StartTimer()
	}
}

// BenchmarkWrite makes the tar of a layer: on nothing, and on a layer that has the same files, so that each is compared.
func BenchmarkWrite(b *testing.B) {
	text := benchTar(b)
	upper, lower := b.TempDir(), b.TempDir()
	for _, to := range []string{upper, lower} {
		if _, err := Apply(b.Context(), bytes.NewReader(text), to); err != nil {
			b.Fatal(err)
		}
	}
	for name, lowers := range map[string][]string{"new": nil, "same": {lower}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if err := Write(b.Context(), io.Discard, upper, lowers, WriteOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
