package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// hostPath is where the tools are that toybox is compared with.
const hostPath = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

// TestDiffer runs every snippet of testdata/differ twice, by toybox's shell and applets and by the
// host's dash and GNU tools, each in a folder of its own that starts out the same. What they
// print, their status and what they leave in the folder has to be the same.
//
// A file has one snippet a line; a line that starts with blanks goes on with the one before.
// A row is left out where the host lacks one of the tools that it names.
func TestDiffer(t *testing.T) {
	t.Parallel()
	hostShell := ""
	for _, name := range []string{"dash", "sh"} {
		if file, err := exec.LookPath(name); err == nil && hostShell == "" {
			hostShell = file
		}
	}
	files, err := filepath.Glob("testdata/differ/*.sh")
	if err != nil || len(files) == 0 {
		t.Fatalf("no snippets: %v", err)
	}
	for _, file := range files {
		for row, snippet := range snippets(t, file) {
			t.Run(fmt.Sprintf("%s/%d", strings.TrimSuffix(filepath.Base(file), ".sh"), row), func(t *testing.T) {
				t.Parallel()
				if tool := missing(snippet); tool != "" {
					t.Skipf("no %s on this machine", tool)
				}
				host := runSnippet(t, hostShell, hostPath, snippet)
				toybox := runSnippet(t, filepath.Join(bin, "sh"), bin, snippet)
				if diff := cmp.Diff(host.compared(), toybox.compared()); diff != "" {
					t.Errorf("%s\n-host +toybox\n%s\nhost's errors:\n%s\ntoybox's errors:\n%s",
						snippet, diff, host.stderr, toybox.stderr)
				}
			})
		}
	}
}

// snippets reads a file; the keys are line numbers.
func snippets(t *testing.T, file string) map[int]string {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all, last := map[int]string{}, 0
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.HasPrefix(line, "\t"):
			all[last] += "\n" + line[1:]
		case line != "" && !strings.HasPrefix(line, "#"):
			last = i + 1
			all[last] = line
		}
	}
	return all
}

var wordPattern = regexp.MustCompile(`[a-z0-9]+`)

// missing is an applet that a snippet names and the host does not have.
func missing(snippet string) string {
	applets := table()
	for _, word := range wordPattern.FindAllString(snippet, -1) {
		if _, isApplet := applets[word]; !isApplet {
			continue
		}
		if _, err := exec.LookPath(word); err != nil {
			return word
		}
	}
	return ""
}

// outcome is what a snippet did.
type outcome struct {
	stdout, stderr, tree string
	status               int
}

func (o outcome) compared() string {
	return fmt.Sprintf("%sstatus %d\n%s", o.stdout, o.status, o.tree)
}

func runSnippet(t *testing.T, shell, path, snippet string) outcome {
	dir := filepath.Join(t.TempDir(), "work")
	start := time.Now().Add(-time.Second)
	fixture(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, shell, "-c", snippet)
	cmd.Args[0] = "sh"
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = []string{"PATH=" + path, "HOME=" + dir, "LC_ALL=C", "TZ=UTC", "PWD=" + dir}
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Errorf("%s: %v", snippet, err)
	}
	status := cmd.ProcessState.ExitCode()
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
		status = 128 + int(ws.Signal())
	}
	return outcome{
		stdout: strings.ReplaceAll(stdout.String(), dir, "$DIR"),
		stderr: stderr.String(), status: status, tree: tree(t, dir, start),
	}
}

// fixture is what every snippet finds in its folder.
func fixture(t *testing.T, dir string) {
	stamp := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for name, text := range map[string]string{
		"words":     "pear\napple\nfig\nbanana\napple\nCherry\n",
		"numbers":   "10\n9\n2\n33\n1\n2.5\n-4\n",
		"table":     "root:x:0:0:root:/root:/bin/sh\nbin:x:2:2::/bin:/bin/false\nann:x:1000:100:Ann:/home/ann:/bin/sh\n",
		"conf":      "# a comment\nListen 80\n  ServerName  localhost\n\nUser www-data\n#Group www-data\nkey = value\n",
		"noend":     "one\ntwo\nthree",
		"empty":     "",
		"run":       "#!/bin/sh\necho run \"$@\"\n",
		"d/a.txt":   "a\n",
		"d/b.c":     "int b;\n",
		"d/s/c.txt": "c\nc\n",
		"d/s/.dot":  "dot\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(
		os.Chmod(filepath.Join(dir, "run"), 0o755),
		os.Symlink("words", filepath.Join(dir, "link")),
		os.Symlink("nowhere", filepath.Join(dir, "dangling")),
		os.Symlink("s", filepath.Join(dir, "d/slink")),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"words", "numbers", "table", "conf", "noend", "empty", "run", "d/a.txt", "d/b.c", "d/s/c.txt", "d/s/.dot", "d/s", "d", "."} {
		if err := os.Chtimes(filepath.Join(dir, name), stamp, stamp); err != nil {
			t.Fatal(err)
		}
	}
}

// tree describes all that is in a folder. A time counts if it is not the test's own.
func tree(t *testing.T, dir string, start time.Time) string {
	var b strings.Builder
	names := map[uint64]string{}
	err := filepath.WalkDir(dir, func(file string, _ fs.DirEntry, err error) error {
		if err != nil {
			fmt.Fprintln(&b, "unreadable:", strings.TrimPrefix(file, dir))
			return nil
		}
		info, err := os.Lstat(file)
		if err != nil {
			return err
		}
		what := ""
		switch info.Mode().Type() {
		case 0:
			text, err := os.ReadFile(file)
			what = fmt.Sprintf("%x", sha256.Sum256(text))[:8]
			if err != nil || len(text) < 40 {
				what = fmt.Sprintf("%q", text)
			}
		case fs.ModeSymlink:
			what, err = os.Readlink(file)
		}
		st := info.Sys().(*syscall.Stat_t)
		if first, seen := names[st.Ino]; seen && st.Nlink > 1 {
			what += " = " + first
		}
		stamp := ""
		if info.ModTime().Before(start) {
			stamp = info.ModTime().UTC().Format(time.DateTime)
		}
		name := strings.TrimPrefix(file, dir)
		names[st.Ino] = name
		fmt.Fprintf(&b, "%s %s %d:%d %s %s\n", info.Mode(), name, st.Uid, st.Gid, stamp, what)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
