package store_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/shbuild/shbuild/registry/store"
)

func tee(s *store.Store, want, got string, size int64) io.ReadCloser {
	return s.Tee(hashOf(want), size, io.NopCloser(iotest.OneByteReader(strings.NewReader(got))))
}

func TestTee(t *testing.T) {
	t.Parallel()
	const layer = "a layer"
	t.Run("read to its end", func(t *testing.T) {
		t.Parallel()
		s := open(t, t.TempDir())
		r := tee(s, layer, layer, int64(len(layer)))
		got, err := io.ReadAll(r)
		if err != nil || string(got) != layer || !s.Has(hashOf(layer)) {
			t.Errorf("%q, %v", got, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("size unknown", func(t *testing.T) {
		t.Parallel()
		s := open(t, t.TempDir())
		r := tee(s, layer, layer, -1)
		defer r.Close()
		if _, err := io.ReadAll(r); err != nil || !s.Has(hashOf(layer)) {
			t.Error(err)
		}
	})
	t.Run("last byte but not EOF", func(t *testing.T) {
		t.Parallel()
		s := open(t, t.TempDir())
		r := tee(s, layer, layer, int64(len(layer)))
		if _, err := io.ReadFull(r, make([]byte, len(layer))); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil || !s.Has(hashOf(layer)) {
			t.Error(err)
		}
	})
	t.Run("cut off", func(t *testing.T) {
		t.Parallel()
		var wrong *store.WrongSize
		err := failing(t, tee2{layer, layer[:3], int64(len(layer))})
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "cut off after 3 of 7 bytes") {
			t.Error(err)
		}
	})
	t.Run("too long", func(t *testing.T) {
		t.Parallel()
		var wrong *store.WrongSize
		if err := failing(t, tee2{layer, layer + "!!", int64(len(layer))}); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "longer than") {
			t.Error(err)
		}
	})
	t.Run("wrong digest", func(t *testing.T) {
		t.Parallel()
		var wrong *store.WrongDigest
		if err := failing(t, tee2{layer, "a liar!", int64(len(layer))}); !errors.As(err, &wrong) || wrong.Got != hashOf("a liar!") {
			t.Error(err)
		}
	})
	t.Run("closed early", func(t *testing.T) {
		t.Parallel()
		s := open(t, t.TempDir())
		r := tee(s, layer, layer, int64(len(layer)))
		if _, err := io.ReadFull(r, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err == nil || !strings.Contains(err.Error(), "after 4 bytes") || s.Has(hashOf(layer)) {
			t.Error(err)
		}
		if left := ingesting(t, s); len(left) > 0 {
			t.Error(left)
		}
	})
	t.Run("source fails", func(t *testing.T) {
		t.Parallel()
		s := open(t, t.TempDir())
		fault := errors.New("the line is dead")
		r := s.Tee(hashOf(layer), 7, io.NopCloser(io.MultiReader(strings.NewReader("a l"), iotest.ErrReader(fault))))
		if _, err := io.ReadAll(r); !errors.Is(err, fault) {
			t.Error(err)
		}
		if err := r.Close(); err != nil || len(ingesting(t, s)) > 0 {
			t.Error(err, ingesting(t, s))
		}
	})
}

type tee2 struct {
	want, got string
	size      int64
}

// failing reads a bad blob, sees that nothing of it is kept, and gives the error.
func failing(t *testing.T, c tee2) error {
	t.Helper()
	s := open(t, t.TempDir())
	r := tee(s, c.want, c.got, c.size)
	_, err := io.ReadAll(r)
	if cerr := r.Close(); cerr != nil {
		t.Error("close:", cerr)
	}
	if s.Has(hashOf(c.want)) || s.Has(hashOf(c.got)) || len(ingesting(t, s)) > 0 {
		t.Error("something was kept")
	}
	return err
}
