package conformance

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// serverName is the server's address in a case: files of the context's folder `served` are there, and are not part of
// the context. A folder NAME.git is a repository that git's own server serves; /moved/X is answered with where X is,
// /plain/X gives the file without a time.
const serverName = "http://server"

// server serves each context's files below a number of its own.
type server struct {
	*httptest.Server
	mu   sync.Mutex
	dirs []string
}

func newServer(t *testing.T) *server {
	s := &server{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// serve moves what the context wants served out of it, and gives the address.
func (s *server) serve(t *testing.T, context string) string {
	t.Helper()
	dir := filepath.Join(context, "served")
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	away := filepath.Join(t.TempDir(), "served")
	if err := os.Rename(dir, away); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(context, contextTime, contextTime); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirs = append(s.dirs, away)
	return fmt.Sprintf("%s/%d", s.URL, len(s.dirs)-1)
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	number, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	var n int
	s.mu.Lock()
	if _, err := fmt.Sscan(number, &n); err != nil || n >= len(s.dirs) {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	dir := s.dirs[n]
	s.mu.Unlock()
	if to, ok := strings.CutPrefix(name, "moved/"); ok {
		http.Redirect(w, r, "/"+number+"/"+to, http.StatusFound)
		return
	}
	if plain, ok := strings.CutPrefix(name, "plain/"); ok {
		text, err := os.ReadFile(filepath.Join(dir, plain))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(text)
		return
	}
	if strings.Contains(name, ".git/") {
		repositories(dir, "/"+number).ServeHTTP(w, r)
		return
	}
	http.StripPrefix("/"+number, http.FileServer(http.Dir(dir))).ServeHTTP(w, r)
}

// repositories is git's own server.
func repositories(dir, prefix string) http.Handler {
	git, err := exec.LookPath("git")
	if err != nil {
		return http.NotFoundHandler()
	}
	return &cgi.Handler{
		Path: git, Args: []string{"-c", "safe.directory=*", "http-backend"}, Root: prefix, Stderr: &bytes.Buffer{},
		Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "HOME=/nonexistent"},
	}
}

// addressed writes an address in place of another into the context's Dockerfiles and the repositories' submodules.
func addressed(context, address string) error {
	files, err := filepath.Glob(filepath.Join(context, "*Dockerfile*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte(serverName), []byte(address)), 0o644); err != nil {
			return err
		}
		if err := os.Chtimes(file, contextTime, contextTime); err != nil {
			return err
		}
	}
	return nil
}
