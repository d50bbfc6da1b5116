package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shbuild/shbuild/cmd/toybox/internal/applet"
)

// run runs an applet of this package in a folder.
func run(dir string, stdin []byte, args ...string) (status int, stderr string) {
	var out, errs bytes.Buffer
	c := &applet.Call{Name: args[0], Args: args[1:], Dir: dir, Umask: 0o022, Stdin: bytes.NewReader(stdin), Stderr: &errs}
	return applet.Run(Applets()[args[0]], c, &out), errs.String()
}

func pack(t *testing.T, members ...tar.Header) []byte {
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, h := range members {
		h.Mode = 0o755
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len("evil\n"))
		}
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			tw.Write([]byte("evil\n"))
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
func symbolic(name, to string) tar.Header {
	return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink}
}
func hard(name, to string) tar.Header {
	return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeLink}
}
func directory(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir} }

// TestHostile unpacks archives that try to write outside of the folder. Beside the folder stands
// a file "victim" that has to stay as it is, and nothing may be added there.
func TestHostile(t *testing.T) {
	t.Parallel()
	for name, members := range map[string][]tar.Header{
		"dot dot":                {file("../victim")},
		"dot dot inside":         {directory("a"), file("a/../../victim")},
		"only dots":              {file("..")},
		"link and through":       {symbolic("l", ".."), file("l/victim")},
		"absolute and through":   {symbolic("l", "OUTSIDE"), file("l/victim")},
		"link to the file":       {symbolic("l", "../victim"), file("l")},
		"two links":              {symbolic("a", "."), symbolic("a/b", ".."), file("a/b/victim")},
		"link over a link":       {symbolic("l", "x"), symbolic("l", ".."), file("l/victim")},
		"hard link to a link":    {symbolic("l", "../victim"), hard("h", "l"), file("h")},
		"hard link out":          {hard("h", "../victim"), file("h")},
		"hard link out absolute": {hard("h", "OUTSIDE/victim"), file("h")},
		"folder over a link":     {symbolic("l", ".."), directory("l"), file("l/victim")},
		"link to a long way":     {directory("d"), symbolic("d/l", "../.."), file("d/l/victim")},
		"link then folder mode":  {symbolic("l", ".."), directory("l/new")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outside := t.TempDir()
			inside := filepath.Join(outside, "in")
			victim := filepath.Join(outside, "victim")
			if err := os.Mkdir(inside, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(victim, []byte("mine\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			for i := range members {
				members[i].Linkname = strings.ReplaceAll(members[i].Linkname, "OUTSIDE", outside)
			}
			run(inside, pack(t, members...), "tar", "-x")
			if text, err := os.ReadFile(victim); err != nil || string(text) != "mine\n" {
				t.Errorf("the victim is now %q, %v", text, err)
			}
			entries, err := os.ReadDir(outside)
			if err != nil || len(entries) != 2 {
				t.Errorf("outside there is now %v, %v", entries, err)
			}
		})
	}
}

// TestHostileFolder: a folder's name leads outside by the time that its mode is set.
func TestHostileFolder(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	inside := filepath.Join(outside, "in")
	for _, dir := range []string{inside, filepath.Join(outside, "sub")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	run(inside, pack(t, directory("d"), symbolic("s", "d"), directory("s/sub"), symbolic("s", outside)), "tar", "-x")
	if to, err := os.Readlink(filepath.Join(inside, "s")); to != outside {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if info, err := os.Stat(filepath.Join(outside, "sub")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder outside has %v, %v", info.Mode(), err)
	}
}

// TestAbsoluteLinks: links that lead out are made nevertheless, in the end.
func TestAbsoluteLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	status, stderr := run(dir, pack(t, symbolic("l", "/etc"), hard("h", "l"), file("/abs/f")), "tar", "-x")
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for _, name := range []string{"l", "h"} {
		if to, err := os.Readlink(filepath.Join(dir, name)); to != "/etc" {
			t.Errorf("%s leads to %q, %v", name, to, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "abs/f")); err != nil {
		t.Error(err)
	}
}

func TestHostileZip(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	for _, name := range []string{"../evil", "good/file"} {
		w, err := zw.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte("text\n"))
	}
	zw.Close()
	outside := t.TempDir()
	inside := filepath.Join(outside, "in")
	if err := os.WriteFile(filepath.Join(outside, "x.zip"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, stderr := run(outside, nil, "unzip", "-q", "-d", "in", "x.zip"); status == 0 {
		t.Errorf("status 0, %s", stderr)
	}
	if _, err := os.Stat(filepath.Join(outside, "evil")); err == nil {
		t.Error("a file was written outside")
	}
	if text, err := os.ReadFile(filepath.Join(inside, "good/file")); string(text) != "text\n" {
		t.Errorf("%q, %v", text, err)
	}
}
