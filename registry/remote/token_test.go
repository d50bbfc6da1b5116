package remote_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/shbuild/shbuild/registry/remote"
)

// tokens is a registry that wants bearer tokens, and its own token service: anybody may pull from
// /public, "me" may do all.
func tokens(t *testing.T) string {
	good := handler()
	var host string
	host = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			user, password, ok := r.BasicAuth()
			if ok && (user != "me" || password != "secret") {
				w.WriteHeader(http.StatusUnauthorized)
				fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}`)
				return
			}
			fmt.Fprintf(w, `{"token":"%s|%s"}`, user, strings.Join(r.URL.Query()["scope"], " "))
			return
		}
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		user, scope, _ := strings.Cut(token, "|")
		public := strings.HasPrefix(r.URL.Path, "/v2/public/") && (r.Method == http.MethodGet || r.Method == http.MethodHead)
		if scope == "" || user != "me" && !public {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="test"`, host))
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
			return
		}
		good.ServeHTTP(w, r)
	}))
	return host
}

func TestTokens(t *testing.T) {
	t.Parallel()
	host := tokens(t)
	me := client(t, remote.Options{Keychain: keys{host, "me", "secret"}})
	img := randomImage(t, linux)
	for _, name := range []string{"/public/x:v1", "/private/x:v1"} {
		if err := me.Push(t.Context(), img, host+name); err != nil {
			t.Fatal(err)
		}
		if _, _, err := me.Fetch(t.Context(), host+name, linux); err != nil {
			t.Error(err)
		}
	}
	anonymous := client(t, remote.Options{})
	if _, _, err := anonymous.Fetch(t.Context(), host+"/public/x:v1", linux); err != nil {
		t.Error(err)
	}
	_, _, err := anonymous.Fetch(t.Context(), host+"/private/x:v1", linux)
	wantError(t, err, remote.Unauthorized, "authentication required", "docker login "+host)
	wantError(t, anonymous.Push(t.Context(), randomImage(t, linux), host+"/public/x:v1"), remote.Unauthorized, "authentication required", "docker login "+host)
	wrong := client(t, remote.Options{Keychain: keys{host, "me", "guess"}})
	_, _, err = wrong.Fetch(t.Context(), host+"/private/x:v1", linux)
	wantError(t, err, remote.Unauthorized, "incorrect username or password", "docker login "+host)
}
