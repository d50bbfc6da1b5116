package buildctx

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkCopy compares a COPY of 20,000 files, 400 MB, with cp -a of the same. Run it alone:
//
//	go test -run '^$' -bench . -benchtime 5x ./runtime/buildctx
func BenchmarkCopy(b *testing.B) {
	src := b.TempDir()
	tree(b, src, 20_000, 400<<20)
	fresh := func(b *testing.B) string {
		b.StopTimer()
		defer b.StartTimer()
		dir := filepath.Join(b.TempDir(), "x")
		os.RemoveAll(dir)
		if err := os.Mkdir(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		unix.Sync()
		return dir
	}
	b.Run("cp", func(b *testing.B) {
		for b.Loop() {
			dest := fresh(b)
			if out, err := exec.Command("cp", "-a", src, dest).CombinedOutput(); err != nil {
				b.Fatal(err, string(out))
			}
		}
	})
	b.Run("copy", func(b *testing.B) {
		for b.Loop() {
			t, m := find(b, src, nil)
			if err := Copy(b.Context(), t, m, fresh(b), "/", CopyOptions{}); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
	b.Run("digest", func(b *testing.B) {
		for b.Loop() {
			t, m := find(b, src, nil)
			if _, err := t.Digest(b.Context(), m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		file := filepath.Join(b.TempDir(), "hashes")
		time.Sleep(racy)
		for i := range b.N + 1 {
			if i == 1 {
				b.ResetTimer()
			}
			h := OpenHashes(file)
			t, m := find(b, src, h)
			if _, err := t.Digest(b.Context(), m); err != nil {
				b.Fatal(err)
			}
			if err := h.Save(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func report(b *testing.B) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/1e6, "MB-sys")
}

func find(tb testing.TB, dir string, h *Hashes) (*Tree, []Match) {
	t, err := Open(dir, Options{Hashes: h})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { t.Close() })
	m, err := t.Find([]string{"."}, FindOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return t, m
}

// tree fills dir with n files of size bytes in all, 100 to a folder.
func tree(tb testing.TB, dir string, n, size int) {
	data := make([]byte, 2*size/n)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	for i := range n {
		d := filepath.Join(dir, fmt.Sprintf("d%03d", i/1000), fmt.Sprintf("e%d", i/100%10))
		if i%100 == 0 {
			if err := os.MkdirAll(d, 0o755); err != nil {
				tb.Fatal(err)
			}
		}
		data[0]++
		if err := os.WriteFile(filepath.Join(d, fmt.Sprintf("f%d", i)), data[:rand.IntN(len(data))], 0o644); err != nil {
			tb.Fatal(err)
		}
	}
}
