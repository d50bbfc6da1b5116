package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/shbuild/shbuild/registry/remote"
	"github.com/shbuild/shbuild/registry/store"
)

// spoiled is a registry with one image, /x:v1, between whose answers and the client spoil stands. It
// says whether it has answered itself.
func spoiled(t *testing.T, spoil func(w http.ResponseWriter, r *http.Request) bool) (host string, img v1.Image) {
	t.Helper()
	good := handler()
	armed := atomic.Bool{}
	host = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !armed.Load() || !spoil(w, r) {
			good.ServeHTTP(w, r)
		}
	}))
	img = randomImage(t, linux)
	upload(t, host+"/x:v1", img)
	armed.Store(true)
	return host, img
}

func isBlob(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/")
}

func isManifest(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/manifests/")
}

// record answers by the registry, in whole, into memory.
func record(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	r = r.Clone(r.Context())
	r.Header.Del("Range")
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	return recorder
}

// layerOf fetches the image and stores its first layer, as a build does.
func layerOf(t *testing.T, c *remote.Client, host string) error {
	t.Helper()
	img, _, err := c.Fetch(t.Context(), host+"/x:v1", linux)
	if err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := layers[0].Compressed()
	if err != nil {
		return err
	}
	size, err := layers[0].Size()
	if err != nil {
		return err
	}
	digest := digestOf(t, layers[0])
	tee := s.Tee(digest, size, raw)
	defer tee.Close()
	_, err = io.Copy(io.Discard, tee)
	if (err == nil) != s.Has(digest) {
		t.Errorf("stored: %v, error: %v", s.Has(digest), err)
	}
	return err
}

func TestFaultsThatPass(t *testing.T) {
	t.Parallel()
	for what, fault := range map[string]func(w http.ResponseWriter){
		"500": func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"429": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"503 with a page":  func(w http.ResponseWriter) { w.WriteHeader(503); fmt.Fprint(w, "<html>") },
		"connection reset": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int64
			host, _ := spoiled(t, func(w http.ResponseWriter, r *http.Request) bool {
				if n.Add(1)%3 == 0 {
					return false // every third request is answered
				}
				fault(w)
				return true
			})
			if err := layerOf(t, client(t, remote.Options{}), host); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFaultsThatStay(t *testing.T) {
	t.Parallel()
	host, _ := spoiled(t, func(w http.ResponseWriter, r *http.Request) bool {
		if isManifest(r) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return isManifest(r)
	})
	_, _, err := client(t, remote.Options{}).Fetch(t.Context(), host+"/x:v1", linux)
	wantError(t, err, remote.Refused, "503 Service Unavailable", "try again later")
	host, _ = spoiled(t, func(w http.ResponseWriter, r *http.Request) bool {
		if isManifest(r) {
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"errors":[{"code":"TOOMANYREQUESTS","message":"you have reached\nyour limit"}]}`)
		}
		return isManifest(r)
	})
	_, _, err = client(t, remote.Options{}).Fetch(t.Context(), host+"/x:v1", linux)
	wantError(t, err, remote.Refused, "you have reached your limit", "docker login")
}

// TestCancelled: neither a pause before a retry nor a stalled transfer outlives its context.
func TestCancelled(t *testing.T) {
	t.Parallel()
	host, _ := spoiled(t, func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, _, err := client(t, remote.Options{}).Fetch(ctx, host+"/x:v1", linux); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestBrokenTransfer cuts each answer for a blob after some bytes; ranges bring it to its end.
func TestBrokenTransfer(t *testing.T) {
	t.Parallel()
	for _, ranges := range []string{"given", "ignored", "refused"} {
		t.Run("ranges "+ranges, func(t *testing.T) {
			t.Parallel()
			good := handler()
			var most atomic.Int64
			most.Store(30_000)
			host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !isBlob(r) {
					good.ServeHTTP(w, r)
					return
				}
				all := record(good, r).Body.Bytes()
				from := 0
				asked := r.Header.Get("Range")
				if asked != "" && ranges == "refused" {
					w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
					return
				}
				if asked != "" && ranges == "given" {
					start, _, _ := strings.Cut(strings.TrimPrefix(asked, "bytes="), "-")
					from, _ = strconv.Atoi(start)
					w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(all)-1, len(all)))
				}
				w.Header().Set("Content-Length", strconv.Itoa(len(all)-from))
				if from > 0 {
					w.WriteHeader(http.StatusPartialContent)
				}
				end := min(from+int(most.Load()), len(all))
				if ranges != "given" {
					most.Add(30_000) // a server that comes farther each time
				}
				w.Write(all[from:end])
			}))
			upload(t, host+"/x:v1", randomImage(t, linux))
			if err := layerOf(t, client(t, remote.Options{Tries: 3}), host); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCutOff(t *testing.T) {
	t.Parallel()
	good := handler()
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isBlob(r) {
			good.ServeHTTP(w, r)
			return
		}
		all := record(good, r).Body.Bytes()
		w.Header().Set("Content-Length", strconv.Itoa(len(all)))
		w.Write(all[:len(all)/2])
	}))
	upload(t, host+"/x:v1", randomImage(t, linux))
	err := layerOf(t, client(t, remote.Options{Tries: 3}), host)
	wantError(t, err, remote.Broken, "broke off after", "try again")
}

func TestStalled(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	good := handler()
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isBlob(r) {
			good.ServeHTTP(w, r)
			return
		}
		all := record(good, r).Body.Bytes()
		w.Header().Set("Content-Length", strconv.Itoa(len(all)))
		w.Write(all[:10])
		w.(http.Flusher).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer close(release)
	upload(t, host+"/x:v1", randomImage(t, linux))
	err := layerOf(t, client(t, remote.Options{Tries: 2, Stall: 50 * time.Millisecond}), host)
	wantError(t, err, remote.Broken, "no data for too long", "try again")
}

func TestWrongContent(t *testing.T) {
	t.Parallel()
	t.Run("layer", func(t *testing.T) {
		t.Parallel()
		good := handler()
		host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !isBlob(r) {
				good.ServeHTTP(w, r)
				return
			}
			all := record(good, r).Body.Bytes()
			all[len(all)/2] ^= 1
			w.Write(all)
		}))
		upload(t, host+"/x:v1", randomImage(t, linux))
		var wrong *store.WrongDigest
		if err := layerOf(t, client(t, remote.Options{}), host); !errors.As(err, &wrong) || wrong.Hint() == "" {
			t.Error(err)
		}
		img, _, err := client(t, remote.Options{}).Fetch(t.Context(), host+"/x:v1", linux)
		if err != nil {
			t.Fatal(err)
		}
		_, err = img.ConfigFile()
		wantError(t, err, remote.Wrong, "wrong digest", "something else")
	})
	t.Run("longer layer", func(t *testing.T) {
		t.Parallel()
		host, _ := spoiled(t, func(w http.ResponseWriter, r *http.Request) bool {
			if isBlob(r) {
				for range 1000 {
					w.Write(make([]byte, 1000)) // chunked: no length beforehand
				}
			}
			return isBlob(r)
		})
		wantError(t, layerOf(t, client(t, remote.Options{}), host), remote.Wrong, "longer than", "something else")
	})
	t.Run("other length", func(t *testing.T) {
		t.Parallel()
		host, _ := spoiled(t, func(w http.ResponseWriter, r *http.Request) bool {
			if isBlob(r) {
				fmt.Fprint(w, "<html>sign in</html>")
			}
			return isBlob(r)
		})
		wantError(t, layerOf(t, client(t, remote.Options{}), host), remote.Wrong, "the registry has 20 bytes", "something else")
	})
	t.Run("manifest by digest", func(t *testing.T) {
		t.Parallel()
		host, img := spoiled(t, func(w http.ResponseWriter, r *http.Request) bool {
			if isManifest(r) {
				w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
				fmt.Fprint(w, `{"schemaVersion":2,"config":{"digest":"sha256:`+strings.Repeat("0", 64)+`"},"layers":[]}`)
			}
			return isManifest(r)
		})
		_, _, err := client(t, remote.Options{}).Fetch(t.Context(), host+"/x@"+digestOf(t, img).String(), linux)
		wantError(t, err, remote.Wrong, "wrong digest", "something else")
	})
}

// TestBadManifests: what a registry, or what stands before it, may say in the place of a manifest.
func TestBadManifests(t *testing.T) {
	t.Parallel()
	const oci = "application/vnd.oci.image.manifest.v1+json"
	config := `"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"sha256:` + strings.Repeat("0", 64) + `"}`
	for what, test := range map[string]struct {
		contentType, body string
		kind              remote.Kind
		reason, hint      string
	}{
		"HTML":        {"text/html", "<html><title>Sign in</title>", remote.NotImage, `begins with "<html>`, "proxy"},
		"empty":       {oci, "", remote.NotImage, "no manifest", ""},
		"cut off":     {oci, `{"schemaVersion":2,`, remote.NotImage, "no manifest", ""},
		"other JSON":  {"application/json", `{"ok":true}`, remote.NotImage, "media type is application/json", ""},
		"schema 1":    {"application/vnd.docker.distribution.manifest.v1+prettyjws", `{"schemaVersion":1,"fsLayers":[]}`, remote.NotImage, "schema 1", "skopeo copy"},
		"huge":        {oci, `{"annotations":{"a":"` + strings.Repeat("x", 5<<20) + `"}}`, remote.Wrong, "larger than 4194304 bytes", ""},
		"both":        {oci, `{"schemaVersion":2,"manifests":[],` + config + `,"layers":[]}`, remote.Wrong, "both", ""},
		"no config":   {oci, `{"schemaVersion":2,"layers":[]}`, remote.NotImage, "not an image", ""},
		"a chart":     {oci, `{"schemaVersion":2,"layers":[],"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","size":2,"digest":"sha256:` + strings.Repeat("0", 64) + `"}}`, remote.NotImage, "vnd.cncf.helm", "charts"},
		"empty index": {"application/vnd.oci.image.index.v1+json", `{"schemaVersion":2,"manifests":[]}`, remote.NoPlatform, "no image for linux/amd64", "empty"},
		"bad digest":  {oci, `{"schemaVersion":2,"layers":[],"config":{"digest":"sha256:../../x"}}`, remote.NotImage, "no manifest", ""},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			host, _ := spoiled(t, func(w http.ResponseWriter, r *http.Request) bool {
				if isManifest(r) {
					w.Header().Set("Content-Type", test.contentType)
					fmt.Fprint(w, test.body)
				}
				return isManifest(r)
			})
			_, _, err := client(t, remote.Options{}).Fetch(t.Context(), host+"/x:v1", linux)
			wantError(t, err, test.kind, test.reason, test.hint)
		})
	}
}

// TestRedirect: blobs may come from another host, which gets no credentials.
func TestRedirect(t *testing.T) {
	t.Parallel()
	good := handler()
	elsewhere := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials went to another host")
		}
		good.ServeHTTP(w, r)
	}))
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, _, ok := r.BasicAuth(); r.URL.Path == "/v2/" && (!ok || user != "me") {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if isBlob(r) {
			http.Redirect(w, r, "http://"+elsewhere+r.URL.Path, http.StatusTemporaryRedirect)
			return
		}
		good.ServeHTTP(w, r)
	}))
	upload(t, elsewhere+"/x:v1", randomImage(t, linux))
	if err := layerOf(t, client(t, remote.Options{Keychain: keys{host, "me", "secret"}}), host); err != nil {
		t.Error(err)
	}
}

// TestPushRetries: an upload that fails in its middle is begun anew.
func TestPushRetries(t *testing.T) {
	t.Parallel()
	var faults atomic.Int64
	good := handler()
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if (r.Method == http.MethodPatch || r.Method == http.MethodPut) && faults.Add(1) <= 3 {
			io.CopyN(io.Discard, r.Body, 10)
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		good.ServeHTTP(w, r)
	}))
	c := client(t, remote.Options{})
	img := randomImage(t, linux)
	if err := c.Push(t.Context(), img, host+"/x:v1"); err != nil {
		t.Fatal(err)
	}
	if got, _, err := c.Fetch(t.Context(), host+"/x:v1", linux); err != nil || digestOf(t, got) != digestOf(t, img) {
		t.Error(err)
	}
	full := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		handler().ServeHTTP(w, r)
	}))
	wantError(t, c.Push(t.Context(), img, full+"/x:v1"), remote.Refused, "too large", "client_max_body_size")
}
