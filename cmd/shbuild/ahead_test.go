package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// programIn is shbuild in a folder of its own, which may hold a state folder too.
func programIn(t *testing.T, pattern string) (top, program string) {
	t.Helper()
	top, err := os.MkdirTemp("", pattern)
	check(t, err)
	t.Cleanup(func() { emptied(t, top); _ = os.Remove(top) })
	program = filepath.Join(top, "shbuild") // the name makes it the command
	copyFile(t, program)
	return top, program
}

// TestBasesComeAhead has a script wait, in its first stage, for what only the second stage's base brings about: that its
// registry is asked for a layer.
func TestBasesComeAhead(t *testing.T) {
	top, program := programIn(t, "ahead")
	context := filepath.Join(top, "context")
	check(t, os.Mkdir(context, 0o755))
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	var asked sync.Map // the configuration and the one layer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			asked.Store(r.URL.Path, true)
			n := 0
			asked.Range(func(any, any) bool { n++; return true })
			if n == 2 {
				check(t, os.WriteFile(filepath.Join(context, "asked"), nil, 0o644))
			}
		}
		images.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	name := strings.TrimPrefix(server.URL, "http://") + "/base:1"
	build := func(state, script string) string {
		check(t, os.WriteFile(filepath.Join(context, "script"), []byte(script), 0o644))
		cmd := exec.Command(program, "--root", filepath.Join(top, state), "--progress", "plain", "script")
		cmd.Dir = context
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + top, "TMPDIR=" + top}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	build("a", "FROM scratch\nCOPY script /\nPUSH "+name+"\n")
	check(t, os.RemoveAll(filepath.Join(context, "asked")))
	asked.Clear()
	build("b", `n=0
FROM builtin:toybox
until [ -e asked ]; do
	n=$((n+1))
	[ $n -lt 200 ]
	RUN sleep 0.1
done
FROM `+name+`
COPY script /again
`)
	// What a script does not come to is given up, and is no error.
	out := build("c", "FROM builtin:toybox\nRUN true\nexit 0\nFROM "+name+"\n")
	if strings.Contains(out, "ERROR") {
		t.Errorf("a base that was not needed shows as an error:\n%s", out)
	}
}
