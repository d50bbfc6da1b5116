package remote_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/shbuild/shbuild/registry/remote"
)

// TestAhead sends a layer before its image, which is not sent again then.
func TestAhead(t *testing.T) {
	t.Parallel()
	images := handler()
	var uploads atomic.Int32
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/blobs/uploads/") {
			uploads.Add(1)
		}
		images.ServeHTTP(w, r)
	}))
	img := randomImage(t, linux)
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, remote.Options{})
	a := c.Ahead(t.Context(), host+"/x:v1")
	for _, l := range layers {
		a.Send(l)
	}
	a.Wait()
	sent := uploads.Load()
	if int(sent) != len(layers) {
		t.Errorf("%d uploads for %d layers", sent, len(layers))
	}
	if err := c.Push(t.Context(), img, host+"/x:v1"); err != nil {
		t.Fatal(err)
	}
	if again := uploads.Load() - sent; again != 1 {
		t.Errorf("%d uploads with the image, want its configuration alone", again)
	}
	// What cannot be sent is the push's to tell.
	refused := serve(t, http.NotFoundHandler())
	a = c.Ahead(t.Context(), refused+"/x:v1")
	a.Send(layers[0])
	a.Wait()
	if err := c.Push(t.Context(), img, refused+"/x:v1"); err == nil {
		t.Error("no error")
	}
}
