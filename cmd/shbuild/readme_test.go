package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// block is a fenced block of a Markdown file.
type block struct {
	kind, text string
}

func blocks(t *testing.T, file string) []block {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	for i, part := range strings.Split("\n"+string(text), "\n```") {
		if i%2 == 1 {
			kind, body, _ := strings.Cut(part, "\n")
			all = append(all, block{kind, body + "\n"})
		}
	}
	return all
}

// TestReadme plays the README's sessions and builds its scripts.
func TestReadme(t *testing.T) {
	sessions, scripts := 0, 0
	for _, b := range blocks(t, "../../README.md") {
		switch {
		case b.kind == "console":
			sessions++
			t.Run("session", func(t *testing.T) { play(t, b.text) })
		case strings.HasPrefix(b.text, "#!"):
			scripts++
			t.Run("script", func(t *testing.T) {
				play(t, "$ cat > build.sh\n"+b.text+"$ shbuild build.sh\n$ shbuild ls -q\ngreeting:english\ngreeting:french\n")
			})
		}
	}
	if sessions == 0 || scripts == 0 {
		t.Errorf("the README has %d sessions and %d scripts", sessions, scripts)
	}
}

// play runs a session: `$ command`, then what it must print. `cat FILE` and `cat > FILE` make the file of what
// stands below.
func play(t *testing.T, session string) {
	dir := t.TempDir()
	t.Cleanup(func() { emptied(t, dir) })
	write(t, filepath.Join(dir, "words/english.txt"), "hello\n")
	write(t, filepath.Join(dir, "words/french.txt"), "bonjour\n")
	for step := range strings.SplitSeq(strings.TrimPrefix(session, "$ "), "\n$ ") {
		command, want, _ := strings.Cut(step, "\n")
		if file, ok := strings.CutPrefix(command, "cat "); ok {
			write(t, filepath.Join(dir, strings.TrimPrefix(file, "> ")), want+"\n")
			continue
		}
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "SHBUILD_ROOT="+filepath.Join(dir, ".state"))
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, said.String())
		}
		if got := strings.TrimSpace(string(out)); got != strings.TrimSpace(want) {
			t.Errorf("%s printed\n%s\nand not\n%s", command, got, want)
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
