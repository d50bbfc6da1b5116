package remote_test

import (
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/shbuild/shbuild/registry/reference"
	"github.com/shbuild/shbuild/registry/remote"
)

// keys is a keychain of one key.
type keys struct{ host, user, password string }

func (k keys) Resolve(r authn.Resource) (authn.Authenticator, error) {
	if r.RegistryStr() != k.host {
		return authn.Anonymous, nil
	}
	return &authn.Basic{Username: k.user, Password: k.password}, nil
}

// private is a registry that wants a user and a password.
func private(user, password string) http.Handler {
	good := handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			w.Write([]byte(`{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":null}]}`))
			return
		}
		good.ServeHTTP(w, r)
	})
}

func TestLogin(t *testing.T) {
	t.Parallel()
	host := serve(t, private("me", "secret"))
	img := randomImage(t, linux)
	c := client(t, remote.Options{Keychain: keys{host, "me", "secret"}})
	if err := c.Push(t.Context(), img, host+"/x:v1"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Fetch(t.Context(), host+"/x:v1", linux); err != nil {
		t.Error(err)
	}
	wrong := client(t, remote.Options{Keychain: keys{host, "me", "guess"}})
	_, _, err := wrong.Fetch(t.Context(), host+"/x:v1", linux)
	wantError(t, err, remote.Unauthorized, "access denied: authentication required", "docker login "+host)
	wantError(t, wrong.Push(t.Context(), img, host+"/x:v2"), remote.Unauthorized, "access denied", "docker login "+host)
}

// TestTLS: a certificate that nobody signed is refused, but not on this machine, and not with
// Insecure.
func TestTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(handler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // the client's refusals
	s.StartTLS()
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "https://")
	img := randomImage(t, linux)
	c := client(t, remote.Options{})
	if err := c.Push(t.Context(), img, host+"/x:v1"); err != nil {
		t.Error(err)
	}
	if _, _, err := c.Fetch(t.Context(), host+"/x:v1", linux); err != nil {
		t.Error(err)
	}

	c.DialTo(host)
	_, _, err := c.Fetch(t.Context(), "example.com/x:v1", linux)
	wantError(t, err, remote.Insecure, "registry example.com: its certificate is signed by an unknown authority", "--insecure")
	wantError(t, c.Push(t.Context(), img, "example.com/x:v1"), remote.Insecure, "unknown authority", "SSL_CERT_FILE")
	_, _, err = c.Fetch(t.Context(), "registry.test/x:v1", linux)
	wantError(t, err, remote.Insecure, "its certificate is for another host", "--insecure")

	insecure := client(t, remote.Options{Insecure: true})
	insecure.DialTo(host)
	if _, _, err := insecure.Fetch(t.Context(), "registry.test/x:v1", linux); err != nil {
		t.Error(err)
	}
}

// TestPlainHTTP: only on this machine, and with Insecure. go-containerregistry alone would also
// take it on private networks.
func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	host := serve(t, private("me", "secret"))
	for _, far := range []string{"registry.test:5000", "10.1.2.3:5000", "192.168.0.1"} {
		c := client(t, remote.Options{Keychain: keys{far, "me", "secret"}})
		c.DialTo(host)
		_, _, err := c.Fetch(t.Context(), far+"/x:v1", linux)
		wantError(t, err, remote.Insecure, "registry "+far+" does not speak TLS", "--insecure")
		insecure := client(t, remote.Options{Insecure: true, Keychain: keys{far, "me", "secret"}})
		insecure.DialTo(host)
		if err := insecure.Push(t.Context(), randomImage(t, linux), far+"/x:v1"); err != nil {
			t.Error(err)
		}
	}
	for _, near := range []string{"127.0.0.1:5000", "127.8.8.8:5000", "localhost:5000", "localhost", "[::1]:5000", "x.localhost:80"} {
		c := client(t, remote.Options{Keychain: keys{near, "me", "secret"}})
		c.DialTo(host)
		if err := c.Push(t.Context(), randomImage(t, linux), near+"/y:v1"); err != nil {
			t.Errorf("%s: %v", near, err)
		}
	}
}

// TestAuthFiles: the files of docker and podman, all of them, in order.
func TestAuthFiles(t *testing.T) {
	t.Parallel()
	env := map[string]string{}
	files := func() []string { return remote.AuthFiles(func(k string) string { return env[k] }, "/home/me", 1000) }
	if diff := cmp.Diff([]string{"/home/me/.docker/config.json", "/run/containers/1000/auth.json", "/home/me/.config/containers/auth.json"}, files()); diff != "" {
		t.Error(diff)
	}
	env = map[string]string{"REGISTRY_AUTH_FILE": "/a", "DOCKER_CONFIG": "/d", "XDG_RUNTIME_DIR": "/r", "XDG_CONFIG_HOME": "/c"}
	if diff := cmp.Diff([]string{"/a", "/d/config.json", "/r/containers/auth.json", "/c/containers/auth.json"}, files()); diff != "" {
		t.Error(diff)
	}
}

func auth(user string) string {
	return `{"auth":"` + base64.StdEncoding.EncodeToString([]byte(user+":pw-"+user)) + `"}`
}

func TestFindLogin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	docker := write("docker.json", `{"auths":{"https://index.docker.io/v1/":`+auth("hub")+`,"ghcr.io":`+auth("github")+`,
		"https://old.example.com/v2/":`+auth("old")+`,"token.example.com":{"identitytoken":"t0ken"}}}`)
	podman := write("podman.json", `{"auths":{"docker.io":`+auth("podmanhub")+`,"quay.io/team":`+auth("team")+`,
		"quay.io/team/app":`+auth("app")+`,"127.0.0.1:5000":`+auth("local")+`}}`)
	broken := write("broken.json", `{"auths":`)
	both := []string{filepath.Join(dir, "none.json"), docker, podman}
	for _, test := range []struct {
		files        []string
		image        string
		user, secret string
	}{
		{both, "debian", "hub", "pw-hub"},
		{both, "me/app", "hub", "pw-hub"},
		{[]string{podman}, "debian", "podmanhub", "pw-podmanhub"},
		{both, "ghcr.io/a/b", "github", "pw-github"},
		{both, "old.example.com/x", "old", "pw-old"},
		{both, "token.example.com/x", "", "t0ken"},
		{both, "quay.io/team/app", "app", "pw-app"},
		{both, "quay.io/team/app/sub", "app", "pw-app"},
		{both, "quay.io/team/other", "team", "pw-team"},
		{both, "quay.io/others/app", "", ""},
		{both, "quay.io/teams", "", ""},
		{both, "127.0.0.1:5000/x", "local", "pw-local"},
		{both, "127.0.0.1:5001/x", "", ""},
		{[]string{broken, podman}, "127.0.0.1:5000/x", "local", "pw-local"},
	} {
		ref, err := reference.Parse(test.image)
		if err != nil {
			t.Fatal(err)
		}
		user, secret, _, _ := remote.FindLogin(test.files, ref)
		if user != test.user || secret != test.secret {
			t.Errorf("%s: %s, %s", test.image, user, secret)
		}
	}
	ref, err := reference.Parse("quay.io/others/app")
	if err != nil {
		t.Fatal(err)
	}
	_, _, from, advice := remote.FindLogin([]string{broken, podman}, ref)
	if from != "" || !strings.Contains(advice, "docker login quay.io") || !strings.Contains(advice, podman) || !strings.Contains(advice, "broken.json: ") {
		t.Error(from, advice)
	}
}

// TestCredentialHelper runs a real helper program, and one that is not installed. It sets PATH, so it
// runs alone.
func TestCredentialHelper(t *testing.T) {
	dir := t.TempDir()
	helper := `#!/bin/sh
read -r host
case $1,$host in
get,helped.example.com) echo '{"ServerURL":"helped.example.com","Username":"helper","Secret":"s3cret"}' ;;
get,token.example.com) echo '{"ServerURL":"token.example.com","Username":"<token>","Secret":"t0ken"}' ;;
*) echo "credentials not found in native keychain"; exit 1 ;;
esac
`
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-test"), []byte(helper), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for config, want := range map[string]map[string]string{
		`{"credsStore":"test"}`:                                                        {"helped.example.com": "helper s3cret", "token.example.com": " t0ken", "other.example.com": " "},
		`{"credHelpers":{"helped.example.com":"test"}}`:                                {"helped.example.com": "helper s3cret", "other.example.com": " "},
		`{"credsStore":"missing","credHelpers":{"helped.example.com":"test"}}`:         {"helped.example.com": "helper s3cret", "other.example.com": " "},
		`{"credsStore":"missing","auths":{"plain.example.com":` + auth("plain") + `}}`: {"plain.example.com": "plain pw-plain"},
		`{"credsStore":"missing","auths":{"https://index.docker.io/v1/":{}}}`:          {"docker.io": " "},
	} {
		path := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		for host, credentials := range want {
			ref, err := reference.Parse(host + "/x/y")
			if err != nil {
				t.Fatal(err)
			}
			user, secret, _, advice := remote.FindLogin([]string{path}, ref)
			if user+" "+secret != credentials {
				t.Errorf("%s, %s: %s %s", config, host, user, secret)
			}
			if missing := strings.Contains(config, "missing") && credentials == " "; missing != strings.Contains(advice, "docker-credential-missing") {
				t.Errorf("%s, %s: %s", config, host, advice)
			}
		}
	}
}
