package reference_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/shbuild/shbuild/registry/reference"
)

const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ typed, full, familiar, ggcr string }{
		{"x", "docker.io/library/x:latest", "x:latest", "index.docker.io/library/x:latest"},
		{"debian:12", "docker.io/library/debian:12", "debian:12", "index.docker.io/library/debian:12"},
		{"docker.io/debian", "docker.io/library/debian:latest", "debian:latest", "index.docker.io/library/debian:latest"},
		{"index.docker.io/library/debian", "docker.io/library/debian:latest", "debian:latest", "index.docker.io/library/debian:latest"},
		{"me/app:v1", "docker.io/me/app:v1", "me/app:v1", "index.docker.io/me/app:v1"},
		{"library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest", "index.docker.io/library/a/b:latest"},
		{"localhost/x", "localhost/x:latest", "localhost/x:latest", "localhost/x:latest"},
		{"127.0.0.1:5000/x", "127.0.0.1:5000/x:latest", "127.0.0.1:5000/x:latest", "127.0.0.1:5000/x:latest"},
		{"[::1]:5000/x/y:t", "[::1]:5000/x/y:t", "[::1]:5000/x/y:t", "[::1]:5000/x/y:t"},
		{"debian:12@" + digest, "docker.io/library/debian@" + digest, "debian@" + digest, "index.docker.io/library/debian@" + digest},
		{"a__b/c--d.e", "docker.io/a__b/c--d.e:latest", "a__b/c--d.e:latest", "index.docker.io/a__b/c--d.e:latest"},
	} {
		r, err := reference.Parse(test.typed)
		if err != nil {
			t.Errorf("%s: %v", test.typed, err)
			continue
		}
		remote, err := r.Remote(false)
		if err != nil {
			t.Errorf("%s: %v", test.typed, err)
			continue
		}
		if r.Full() != test.full || r.Familiar() != test.familiar || remote.Name() != test.ggcr {
			t.Errorf("%s: %s, %s, %s", test.typed, r.Full(), r.Familiar(), remote.Name())
		}
		for _, again := range []string{r.Full(), r.Familiar(), remote.Name()} {
			if r2, err := reference.Parse(again); err != nil || r2 != r {
				t.Errorf("%s read again is %+v, %v", again, r2, err)
			}
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ typed, reason, hint string }{
		{"", "empty", "[registry/]path"},
		{"a b", "space", ""},
		{"größe", "not ASCII", ""},
		{"https://ghcr.io/a/b", "URL", "ghcr.io/a/b"},
		{"MyApp:v1", "capital letters", "write myapp:v1"},
		{"app:", `"" is not a tag`, ""},
		{"app:v1:v2", "two tags", "one tag"},
		{"app:-v", `"-v" is not a tag`, ""},
		{"app@sha256:12", "not a digest", "64 digits"},
		{"-app", "not a repository", ""},
		{"a//b", "not a repository", ""},
		{"a/../b", "not a repository", ""},
		{"-bad.host/x", "not a registry", ""},
		{strings.Repeat("a", 64), "image id", "name"},
		{strings.Repeat("b/", 150) + "b", "longer than 255", ""},
	} {
		_, err := reference.Parse(test.typed)
		var e *reference.Error
		if !errors.As(err, &e) {
			t.Errorf("%q: %v", test.typed, err)
			continue
		}
		if !strings.Contains(e.Error(), test.reason) || !strings.Contains(e.Hint(), test.hint) {
			t.Errorf("%q: %s / %s", test.typed, e, e.Hint())
		}
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]bool{
		"localhost/x": true, "localhost:5000/x": true, "127.0.0.2:80/x": true, "[::1]:5000/x": true,
		"reg.localhost:5000/x": true, "10.0.0.1:5000/x": false, "debian": false, "localhost.example.com/x": false,
	} {
		r, err := reference.Parse(typed)
		if err != nil || r.Loopback() != want {
			t.Errorf("%s: loopback %v, %v", typed, r.Loopback(), err)
		}
	}
}

// FuzzParse: a name that is taken is one that go-containerregistry can send, and reads back the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"x", "a/b:c", "localhost:5000/x@" + digest, "[::1]/x", "A.b/c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		r, err := reference.Parse(typed)
		if err != nil {
			return
		}
		if again, err := reference.Parse(r.Full()); err != nil || again != r {
			t.Errorf("%q: %q is read as %+v, %v", typed, r.Full(), again, err)
		}
		if again, err := reference.Parse(r.Familiar()); err != nil || again != r {
			t.Errorf("%q: %q is read as %+v, %v", typed, r.Familiar(), again, err)
		}
		var ref name.Reference
		if ref, err = r.Remote(true); err != nil {
			t.Errorf("%q: %v", typed, err)
		} else if ref.Context().RepositoryStr() != r.Path {
			t.Errorf("%q: path %q", typed, ref.Context().RepositoryStr())
		}
	})
}
