package platform_test

import (
	"errors"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/shbuild/shbuild/registry/platform"
)

func parse(t *testing.T, text string) v1.Platform {
	t.Helper()
	p, err := platform.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestBest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		want string
		have []string
		best int
	}{
		{"linux/amd64", []string{"linux/arm64", "linux/amd64"}, 1},
		{"linux/arm/v7", []string{"linux/arm/v5", "linux/arm/v6"}, 1},
		{"linux/arm/v7", []string{"linux/arm/v6", "linux/arm/v7"}, 1},
		{"linux/arm/v6", []string{"linux/arm/v7"}, -1},
		{"linux/arm64", []string{"linux/arm64/v8"}, 0},
		{"linux/arm64/v8", []string{"linux/arm/v7", "linux/arm64"}, 1},
		{"linux/riscv64", []string{"linux/amd64", "linux/arm64"}, -1},
		{"linux/amd64", nil, -1},
	} {
		var have []v1.Platform
		for _, text := range test.have {
			have = append(have, parse(t, text))
		}
		if got := platform.Best(parse(t, test.want), have); got != test.best {
			t.Errorf("%s of %v: %d, want %d", test.want, test.have, got, test.best)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	if got := platform.Format(parse(t, "linux/x86_64")); got != "linux/amd64" {
		t.Error(got)
	}
	_, err := platform.Parse("a/b/c/d/e")
	var e *platform.Error
	if !errors.As(err, &e) || e.Hint() == "" {
		t.Error(err)
	}
}
