package fetch

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

// A file whose ETag has not changed does not come again; one that has changed does; a checksum is asked of what is
// here first, and then of the server.
func TestURL(t *testing.T) {
	content, served, asked := "one", 0, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("ETag", `"`+content+`"`)
		w.Header().Set("Last-Modified", "Sat, 03 Feb 2001 04:05:06 GMT")
		if r.Header.Get("If-None-Match") == `"`+content+`"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		served++
		_, _ = w.Write([]byte(content))
	}))
	defer server.Close()
	f := New(Options{Dir: t.TempDir()})
	want := func(text string, sum digest.Digest, asks, serves int) {
		t.Helper()
		asked, served = 0, 0
		file, err := f.URL(context.Background(), server.URL+"/x", sum)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file.Path)
		if err != nil || string(got) != text || asked != asks || served != serves {
			t.Errorf("got %q, %v, asked %d times, served %d times; want %q, %d, %d", got, err, asked, served, text, asks, serves)
		}
		if !file.Modified.Equal(time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)) {
			t.Errorf("modified %v", file.Modified)
		}
	}
	want("one", "", 1, 1)
	want("one", "", 1, 0)
	want("one", digest.FromString("one"), 0, 0)
	content = "two"
	want("one", digest.FromString("one"), 0, 0)
	want("two", "", 1, 1)
	content = "three"
	want("three", digest.SHA512.FromString("three"), 1, 1)
	want("three", digest.SHA512.FromString("three"), 0, 0)

	_, err := f.URL(context.Background(), server.URL+"/x", digest.FromString("other"))
	if err == nil || !strings.Contains(err.Error(), "its content has the checksum "+digest.FromString("three").String()) {
		t.Errorf("a wrong checksum gives %v", err)
	}
}

// A password in an address shows in no error.
func TestURLRedacted(t *testing.T) {
	f := New(Options{Dir: t.TempDir()})
	_, err := f.URL(context.Background(), "http://user:secret@127.0.0.1:1/x", "")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}
