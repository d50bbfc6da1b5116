package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// mistake is one of the gallery.
type mistake struct {
	group, title string
	args         []string
	files        []txtar.File
	said         string
}

func readGallery(t *testing.T) []*mistake {
	t.Helper()
	a, err := txtar.ParseFile("testdata/gallery.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var all []*mistake
	for _, f := range a.Files {
		at := strings.LastIndexByte(f.Name, '/')
		group, title, ok := strings.Cut(f.Name[:max(at, 0)], ": ")
		if !ok {
			t.Fatalf("not GROUP: TITLE/FILE: %s", f.Name)
		}
		if n := len(all); n == 0 || all[n-1].group != group || all[n-1].title != title {
			all = append(all, &mistake{group: group, title: title})
		}
		m := all[len(all)-1]
		f.Name = f.Name[at+1:]
		if f.Name == "ARGS" {
			m.args = strings.Fields(string(f.Data))
		} else {
			m.files = append(m.files, f)
		}
	}
	return all
}

// play makes the mistake, and notes what shbuild says.
func (m *mistake) play(t *testing.T, state string) {
	dir := t.TempDir()
	for _, f := range m.files {
		write(t, filepath.Join(dir, f.Name), string(f.Data))
	}
	args := m.args
	if args == nil {
		args = []string{m.files[0].Name}
	}
	cmd := exec.Command("shbuild", append([]string{"--progress", "quiet"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SHBUILD_ROOT="+state)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Errorf("%s: no failure: %v\n%s", m.title, err, said.String())
	}
	text := strings.ReplaceAll(said.String(), dir, "/home/me/app")
	if strings.Contains(text, state) {
		t.Errorf("%s: says where its state is:\n%s", m.title, text)
	}
	m.said = fmt.Sprintf("%s[%v]\n", text, err)
}

// located is how most errors begin; the others are about no place in a file.
var located = regexp.MustCompile(`(?m)^(?:Dockerfile|build\.sh|lib\.sh):\d+:\d+: .+\n(?:    .+\n    [\t ]*\^+\n)?`)

// TestGallery makes docs/errors.md of real runs, and compares; UPDATE_GALLERY=1 writes it.
func TestGallery(t *testing.T) {
	all := readGallery(t)
	if len(all) < 60 {
		t.Errorf("%d mistakes", len(all))
	}
	state := t.TempDir()
	t.Cleanup(func() { emptied(t, state) })
	var wg sync.WaitGroup
	lanes := make(chan struct{}, 4)
	for _, m := range all {
		wg.Add(1)
		lanes <- struct{}{}
		go func() {
			defer wg.Done()
			m.play(t, state)
			<-lanes
		}()
	}
	wg.Wait()
	var b strings.Builder
	b.WriteString("# Mistakes, and how they are told\n\nMade of real runs by a test (`UPDATE_GALLERY=1 go test ./cmd/shbuild -run TestGallery`): " +
		"what was built, and what\nshbuild said, with its exit status.\n")
	group := ""
	for _, m := range all {
		if m.group != group {
			group = m.group
			fmt.Fprintf(&b, "\n## %s\n", group)
		}
		if m.group != "Usage" && m.title != "it is not there" && !strings.HasPrefix(m.title, "--") && !located.MatchString(m.said) {
			t.Errorf("%s: %s: no place:\n%s", m.group, m.title, m.said)
		}
		fmt.Fprintf(&b, "\n### %s\n\n", m.title)
		for i, f := range m.files {
			if i > 0 && len(bytes.TrimSpace(f.Data)) < 3 {
				continue // its contents are nothing to look at
			}
			fmt.Fprintf(&b, "`%s`:\n\n```sh\n%s```\n\n", f.Name, f.Data)
		}
		if m.args != nil {
			fmt.Fprintf(&b, "`shbuild %s`:\n\n", strings.Join(m.args, " "))
		}
		fmt.Fprintf(&b, "```text\n%s```\n", m.said)
	}
	const file = "../../docs/errors.md"
	if os.Getenv("UPDATE_GALLERY") != "" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("docs/errors.md is not what is said (-page +now); UPDATE_GALLERY=1 writes it:\n%s", diff)
	}
}
