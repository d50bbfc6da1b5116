package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/opencontainers/go-digest"
)

// File is a file that was fetched.
type File struct {
	Path     string // where it lies, until the fetcher is closed; not to be changed
	Digest   digest.Digest
	Modified time.Time // by the server's word; zero: it said nothing
}

// record is what is known of a URL's file.
type record struct {
	ETag     string        `json:"etag"`
	Modified string        `json:"modified,omitempty"` // Last-Modified as it came
	Digest   digest.Digest `json:"digest"`
}

// ParseChecksum reads --checksum of a URL: sha256:…, or another algorithm that the builder knows.
func ParseChecksum(text string) (digest.Digest, error) {
	d, err := digest.Parse(text)
	if err != nil {
		return "", hinted(fmt.Errorf("the checksum %s: %w", text, err), "of a URL the checksum is sha256: and 64 hexadecimal digits, as sha256sum prints them")
	}
	return d, nil
}

// URL fetches a file, or finds it among what was fetched before if the server says by its ETag that it is still the
// same. With a checksum a file that is here is taken unasked, and one of another content is an error.
func (f *Fetcher) URL(ctx context.Context, address string, checksum digest.Digest) (*File, error) {
	out, err := f.url(ctx, address, checksum)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", Redacted(address), err)
	}
	if checksum != "" && out.Digest != checksum {
		return nil, hinted(fmt.Errorf("fetch %s: its content has the checksum %s, not %s", Redacted(address), out.Digest, checksum), "the file has changed at its source, or the checksum is another file's")
	}
	return out, nil
}

func (f *Fetcher) url(ctx context.Context, address string, checksum digest.Digest) (*File, error) {
	if err := f.use(); err != nil {
		return nil, err
	}
	known := f.known(address)
	if known != nil && known.Digest == checksum {
		touch(f.record(address))
		return f.file(known), nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if f.opts.UserAgent != "" {
		req.Header.Set("User-Agent", f.opts.UserAgent)
	}
	if v := f.httpSecret(req.URL.Hostname()); v != "" {
		req.Header.Set("Authorization", v) // not sent to another host that this one redirects to
	}
	if known != nil && known.ETag != "" && checksum == "" {
		req.Header.Set("If-None-Match", known.ETag)
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotModified && known != nil {
		touch(f.record(address))
		return f.file(known), nil
	}
	if resp.StatusCode < 200 || resp.StatusCode >= 300 {
		return nil, answered(resp)
	}
	return f.keep(address, checksum, resp)
}

// unreachable takes the method and the address out of an error of package http: it is told already.
func unreachable(err error) error {
	var inner interface{ Unwrap() error }
	if errors.As(err, &inner) && inner.Unwrap() != nil {
		err = inner.Unwrap()
	}
	return hinted(err, "is the address right, and the server up? a proxy is taken from HTTP_PROXY and HTTPS_PROXY")
}

func answered(resp *http.Response) error {
	err := fmt.Errorf("the server answers %s", strings.ToLower(resp.Status))
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return hinted(err, "there is nothing at this address")
	case http.StatusUnauthorized, http.StatusForbidden:
		return hinted(err, "--secret id=HTTP_AUTH_TOKEN_"+resp.Request.URL.Hostname()+",src=FILE gives the build a token for it")
	}
	return err
}

// keep stores what comes, and what is known of it. It lies under its own SHA-256; a checksum of another algorithm
// is computed beside.
func (f *Fetcher) keep(address string, checksum digest.Digest, resp *http.Response) (*File, error) {
	dir, err := f.folder("files")
	if err != nil {
		return nil, err
	}
	tmp, err := os.CreateTemp(dir, ".new-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name())
	algorithm := digest.SHA256
	if checksum != "" {
		algorithm = checksum.Algorithm()
	}
	sum, own := algorithm.Digester(), sha256.New()
	_, err = io.Copy(io.MultiWriter(tmp, sum.Hash(), own), resp.Body)
	if err = errors.Join(err, tmp.Chmod(0o600), tmp.Close()); err != nil {
		return nil, err
	}
	rec := record{ETag: resp.Header.Get("ETag"), Modified: resp.Header.Get("Last-Modified"), Digest: sum.Digest()}
	if checksum != "" && rec.Digest != checksum {
		return &File{Digest: rec.Digest}, nil // the caller tells; nothing of it is kept
	}
	if algorithm != digest.SHA256 {
		rec.ETag = "" // the record is for those who ask by this checksum
	}
	if err := os.Rename(tmp.Name(), f.path(rec.Digest)); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(rec)
	if err == nil {
		err = renameio.WriteFile(f.record(address), raw, 0o600)
	}
	return f.file(&rec), err
}

func (f *Fetcher) known(address string) *record {
	raw, err := os.ReadFile(f.record(address))
	var rec record
	if err != nil || json.Unmarshal(raw, &rec) != nil || rec.Digest.Validate() != nil {
		return nil
	}
	if _, err := os.Stat(f.path(rec.Digest)); err != nil {
		return nil
	}
	return &rec
}

func (f *Fetcher) file(rec *record) *File {
	out := &File{Path: f.path(rec.Digest), Digest: rec.Digest}
	if t, err := http.ParseTime(rec.Modified); err == nil {
		out.Modified = t
	}
	return out
}

func (f *Fetcher) path(d digest.Digest) string {
	return filepath.Join(f.opts.Dir, "files", d.Algorithm().String()+"-"+d.Encoded())
}

// recordPrefix begins the names of the records of URLs.
const recordPrefix = "url-"

func (f *Fetcher) record(address string) string {
	return filepath.Join(f.opts.Dir, "files", recordPrefix+key(address)+".json")
}

// key is a name for an address among files.
func key(address string) string {
	sum := sha256.Sum256([]byte(address))
	return hex.EncodeToString(sum[:])
}
