// Package cache remembers what steps made, so that a step whose inputs are the
// same is not run again: step key → layer, status, standard output.
//
// Invariants: a record appears whole or not at all (written aside, then
// renamed), so several builds may share one folder and a build may be killed
// at any instant; a record that cannot be read is a miss, never an error. The
// records are small and only point: the files of a layer are the layer
// store's, and the caller checks that a layer it is pointed to is still there.
//
// A key is the hash of a list of named inputs (Inputs.Key), and the list is kept
// with the entry that it made (Made): what explains a miss is what the key is
// made of. Which inputs an instruction has is the engine's to decide.
package cache

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Step is what a step left behind.
type Step struct {
	// Layer is the ID of the layer in the layer store; empty where the step
	// failed, which is remembered for probes only.
	Layer string `json:"layer,omitempty"`
	// Created is when the step was carried out; the image's history shows it.
	Created time.Time `json:"created"`
	// Status is the exit status, 0 to 255.
	Status int `json:"status,omitempty"`
	// Session names the build that made the record, so that a failed probe
	// answers later builds but is asked anew within its own.
	Session string `json:"session,omitempty"`
	// Title is the step as the display shows it, for people who look here.
	Title string `json:"title,omitempty"`
}

// Blob is what is known of a layer as part of an image.
type Blob struct {
	// DiffID is the digest of the uncompressed tar, "sha256:…".
	DiffID string `json:"diffID"`
	Tar    int64  `json:"tar,omitempty"` // bytes of that tar; 0: not known
	// Digest, Size (bytes) and MediaType are those of the compressed blob;
	// empty until an output needed it.
	Digest    string `json:"digest,omitempty"`
	Size      int64  `json:"size,omitempty"`
	MediaType string `json:"mediaType,omitempty"`
}

// Cache is a folder of records. Its methods are safe for concurrent use, by
// several processes too.
type Cache struct {
	dir string
}

// Open makes the folder if need be.
func Open(dir string) (*Cache, error) {
	for _, kind := range []string{steps, outputs, blobs, chains, found, locks, inputs, near, contents} {
		if err := os.MkdirAll(filepath.Join(dir, kind), 0o700); err != nil {
			return nil, fmt.Errorf("open the build cache: %w", err)
		}
	}
	return &Cache{dir: dir}, nil
}

// The kinds of records, a folder each.
const (
	steps   = "steps"   // step key → Step
	outputs = "outputs" // step key → the step's standard output
	blobs   = "blobs"   // layer ID → Blob
	chains  = "chains"  // chain ID of diff IDs → layer ID
	found   = "found"   // a question about the files of layers → Found
	locks   = "locks"   // step key, or another: a file that who works on it has locked
	// More in near.go.
)

func (c *Cache) path(kind, key string) string {
	return filepath.Join(c.dir, kind, key)
}

// Step returns the record for a step's key.
func (c *Cache) Step(key string) (Step, bool) {
	var s Step
	return s, c.read(steps, key, &s)
}

// PutStep records what a step made and, where stdout is not nil, what it
// wrote to its standard output. A record for the key is replaced.
func (c *Cache) PutStep(key string, s Step, stdout io.Reader) error {
	if stdout != nil {
		if err := c.write(outputs, key, stdout); err != nil {
			return err
		}
	}
	return c.writeJSON(steps, key, s)
}

// Stdout opens the standard output recorded with a step. A step that wrote
// nothing, or whose output was not recorded, gives fs.ErrNotExist.
func (c *Cache) Stdout(key string) (io.ReadCloser, error) {
	f, err := os.Open(c.path(outputs, key))
	if err != nil {
		return nil, fmt.Errorf("open a step's recorded output: %w", err)
	}
	return f, nil
}

// Blob returns what is known of a layer as part of an image.
func (c *Cache) Blob(layer string) (Blob, bool) {
	var b Blob
	return b, c.read(blobs, layer, &b) && b.DiffID != ""
}

// PutBlob records what is known of a layer as part of an image.
func (c *Cache) PutBlob(layer string, b Blob) error {
	return c.writeJSON(blobs, layer, b)
}

// Chain returns the ID of the layer whose files are those of the stack of
// diff IDs that chainID (image-spec, "Layer ChainID") stands for, without the
// layers below it.
func (c *Cache) Chain(chainID string) (layer string, ok bool) {
	return layer, c.read(chains, chainID, &layer) && layer != ""
}

// PutChain records a layer under its chain ID, so that an image built here
// and then used as a base is not unpacked again.
func (c *Cache) PutChain(chainID, layer string) error {
	return c.writeJSON(chains, chainID, layer)
}

// Found is what sources of a COPY --from are, in files that never change.
type Found struct {
	Digest string   `json:"digest"`
	Paths  []string `json:"paths,omitempty"` // of the first sources, for people
}

// Found returns the answer to a question about the files of layers, which key names.
func (c *Cache) Found(key string) (Found, bool) {
	var f Found
	return f, c.read(found, key, &f) && f.Digest != ""
}

// PutFound records the answer.
func (c *Cache) PutFound(key string, f Found) error { return c.writeJSON(found, key, f) }

func (c *Cache) read(kind, key string, v any) bool {
	data, err := os.ReadFile(c.path(kind, key))
	return err == nil && json.Unmarshal(data, v) == nil
}

func (c *Cache) writeJSON(kind, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write a record of the build cache: %w", err)
	}
	return c.writeBytes(kind, key, data)
}

func (c *Cache) writeBytes(kind, key string, data []byte) error {
	return c.replace(kind, key, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

func (c *Cache) write(kind, key string, r io.Reader) error {
	return c.replace(kind, key, func(f *os.File) error {
		_, err := io.Copy(f, r)
		return err
	})
}

// replace writes a record aside and renames it into place. It does not sync:
// after a power cut a record may be empty, which reads as a miss.
func (c *Cache) replace(kind, key string, fill func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Join(c.dir, kind), ".new-*")
	if err != nil {
		return fmt.Errorf("write a record of the build cache: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write a record of the build cache: %w", err), ignoreGone(os.Remove(f.Name())))
		}
	}()
	err = fill(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), c.path(kind, key))
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
