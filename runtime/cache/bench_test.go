package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkLookup is what a step's record costs to find, and its absence, in a cache of so many. A million takes half a
// minute to make.
func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{1000, 100_000, 1_000_000} {
		if n > 100_000 && testing.Short() {
			continue
		}
		c, err := Open(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		key := func(i int) string {
			sum := sha256.Sum256(fmt.Append(nil, i))
			return hex.EncodeToString(sum[:])
		}
		if err := c.PutStep(key(0), Step{Layer: "0123456789abcdef0123456789abcdef", Created: time.Unix(0, 0)}, nil); err != nil {
			b.Fatal(err)
		}
		record, err := os.ReadFile(filepath.Join(c.dir, steps, key(0)))
		if err != nil {
			b.Fatal(err)
		}
		for i := 1; i < n; i++ {
			if err := os.WriteFile(filepath.Join(c.dir, steps, key(i)), record, 0o644); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("hit/%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, ok := c.Step(key(i * 7919 % n)); !ok {
					b.Fatal("a record is missing")
				}
			}
		})
		b.Run(fmt.Sprintf("miss/%d", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, ok := c.Step(key(n + i)); ok {
					b.Fatal("a record too many")
				}
			}
		})
	}
}
