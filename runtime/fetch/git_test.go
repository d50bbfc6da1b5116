package fetch

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serve makes a repository by a shell script and serves the folder that it is in.
func serve(t *testing.T, script string) string {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal("git is needed: apt-get install git")
	}
	dir := t.TempDir()
	cmd := exec.Command("sh", "-euc", "umask 022\ngit init -q -b main x.git\ncd x.git\n"+script)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_AUTHOR_NAME=n", "GIT_AUTHOR_EMAIL=e", "GIT_COMMITTER_NAME=n",
		"GIT_COMMITTER_EMAIL=e", "GIT_AUTHOR_DATE=2002-02-02T02:02:02Z", "GIT_COMMITTER_DATE=2002-02-02T02:02:02Z",
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server := httptest.NewServer(&cgi.Handler{
		Path: git, Args: []string{"-c", "safe.directory=*", "http-backend"}, Stderr: &bytes.Buffer{},
		Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "HOME=/nonexistent"},
	})
	t.Cleanup(server.Close)
	return server.URL + "/x.git"
}

func checkout(t *testing.T, f *Fetcher, address string) (string, error) {
	t.Helper()
	r, err := ParseRepository(address, false)
	if err != nil {
		return "", err
	}
	c, err := f.Resolve(context.Background(), r)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(t.TempDir(), "tree")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir, f.Checkout(context.Background(), r, c, dir)
}

// A build that is ended does not wait for a server that does not answer: git's helpers end with it.
func TestGitCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	silent := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		cancel()
		<-silent
	}))
	defer server.Close()
	defer close(silent)
	ended := make(chan error, 1)
	go func() {
		_, err := New(Options{Dir: t.TempDir()}).Resolve(ctx, &Repository{Remote: server.URL + "/x.git"})
		ended <- err
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it goes on")
	}
}

// Neither the user's configuration nor the repository's wishes do anything: no hooks, no filters, no other address.
func TestGitHermetic(t *testing.T) {
	address := serve(t, `
echo text > file; echo '* filter=evil' > .gitattributes; git add .; git commit -qm one`)
	home := t.TempDir()
	ran := filepath.Join(home, "ran")
	config := "[filter \"evil\"]\n\tsmudge = touch " + ran + "\n[core]\n\thooksPath = " + home + "\n[url \"http://127.0.0.1:1/\"]\n\tinsteadOf = http://\n"
	hook := "#!/bin/sh\ntouch " + ran + "\n"
	for name, text := range map[string]string{".gitconfig": config, "post-checkout": hook, "reference-transaction": hook} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "core.hooksPath")
	t.Setenv("GIT_CONFIG_VALUE_0", home)
	dir, err := checkout(t, New(Options{Dir: t.TempDir()}), address)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "file")); string(got) != "text\n" {
		t.Errorf("file has %q", got)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("something of the user's ran")
	}
}

// A submodule that lies in the host's own files is refused: its address is a stranger's word.
func TestGitLocalSubmodule(t *testing.T) {
	lib := t.TempDir()
	address := serve(t, `
git init -q -b main `+lib+`; (cd `+lib+`; echo secret > file; git add .; git commit -qm lib)
git -c protocol.file.allow=always submodule --quiet add `+lib+` lib; git commit -qm one`)
	if _, err := checkout(t, New(Options{Dir: t.TempDir()}), address); err == nil || !strings.Contains(err.Error(), "submodules: git submodule: ") {
		t.Errorf("got %v", err)
	}
	dir, err := checkout(t, New(Options{Dir: t.TempDir()}), address+"?submodules=false")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "lib", "file")); err == nil {
		t.Error("the submodule came")
	}
}

// A clone is added to: what a branch is later, a commit that only history knows, and a tag that was moved.
func TestGitAgain(t *testing.T) {
	address := serve(t, `
echo 1 > file; git add .; git commit -qm one; git tag v; git rev-parse HEAD > ../one
echo 2 > file; git commit -qam two`)
	f := New(Options{Dir: t.TempDir()})
	want := func(ref, text string) {
		t.Helper()
		dir, err := checkout(t, f, address+ref)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(filepath.Join(dir, "file")); string(got) != text {
			t.Errorf("%s: got %q, want %q", ref, got, text)
		}
	}
	want("", "2\n")
	want("#v", "1\n")
	r, _ := ParseRepository(address+"#v", false)
	one, err := f.Resolve(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	f = New(Options{Dir: t.TempDir()})
	want("", "2\n")
	want("#"+one.Hash, "1\n")
	if _, err := checkout(t, f, address+"#"+strings.Repeat("0", 40)); err == nil {
		t.Error("a commit that is nowhere was found")
	}
	want("?mtime=commit&branch=main", "2\n")
}

// The times are the commit's where that is asked for, folders' too.
func TestGitTimes(t *testing.T) {
	address := serve(t, `mkdir dir; echo 1 > dir/file; ln -s dir link; git add .; git commit -qm one`)
	dir, err := checkout(t, New(Options{Dir: t.TempDir()}), address+"?mtime=commit")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "dir", "dir/file", "link"} {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil || !info.ModTime().Equal(time.Date(2002, 2, 2, 2, 2, 2, 0, time.UTC)) {
			t.Errorf("%s: %v, %v", name, info.ModTime(), err)
		}
	}
}

// A secret opens a repository and a file, and stays in none of the fetcher's files.
func TestSecrets(t *testing.T) {
	address := serve(t, `echo 1 > file; git add .; git commit -qm one`)
	inner, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: inner.Scheme, Host: inner.Host})
	basic := "basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:hush"))
	guard := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != basic && got != "Bearer hush" {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer guard.Close()
	address = guard.URL + "/x.git"
	if _, err := checkout(t, New(Options{Dir: t.TempDir()}), address); err == nil {
		t.Error("it was open")
	}
	kept := t.TempDir()
	f := New(Options{Dir: kept, Secret: func(id string) ([]byte, bool) {
		ok := id == "GIT_AUTH_TOKEN" || id == "HTTP_AUTH_TOKEN_127.0.0.1"
		return []byte("hush\n"), ok
	}})
	dir, err := checkout(t, f, address+"?keep-git-dir=1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.URL(context.Background(), guard.URL+"/x.git/HEAD", ""); err != nil {
		t.Error(err)
	}
	for _, top := range []string{kept, dir} {
		err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if bytes.Contains(text, []byte("hush")) || bytes.Contains(text, []byte(basic)) {
				t.Errorf("%s has the secret in it", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// SSH is called with the keys that were lent and no others, and remembers the hosts that it meets.
func TestSSH(t *testing.T) {
	bin, top := t.TempDir(), t.TempDir()
	repo := filepath.Join(top, "x.git")
	for _, args := range [][]string{{"init", "-q", "-b", "main", repo}, {"-C", repo, "-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "one"}} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	// An ssh that says how it was called, and runs the command on this machine.
	fake := "#!/bin/sh\nprintf '%s\\n' \"$@\" >> " + bin + "/said\nenv >> " + bin + "/env\nfor last; do :; done\nexec sh -c \"$last\"\n"
	if err := os.WriteFile(filepath.Join(bin, "ssh"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("SSH_AUTH_SOCK", "/the/users/own")
	dir := filepath.Join(t.TempDir(), "a 'folder'")
	f := New(Options{Dir: dir, Agent: "/lent/agent", KnownHosts: "/home/u/.ssh/known_hosts"})
	if _, err := checkout(t, f, "git@example.com:"+repo+"#main"); err != nil {
		t.Fatal(err)
	}
	said, err := os.ReadFile(filepath.Join(bin, "said"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"BatchMode=yes", "IdentityFile=none", `IdentityAgent="/lent/agent"`, "StrictHostKeyChecking=accept-new", "git@example.com",
		`UserKnownHostsFile="` + dir + `/known_hosts" "/home/u/.ssh/known_hosts"`,
	} {
		if !strings.Contains(string(said), want+"\n") {
			t.Errorf("ssh was not told %s:\n%s", want, said)
		}
	}
	if env, _ := os.ReadFile(filepath.Join(bin, "env")); strings.Contains(string(env), "/the/users/own") {
		t.Error("ssh could reach the user's own agent")
	}
}
