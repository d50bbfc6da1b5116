package compare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/shbuild/shbuild/registry/image"
)

// Side is one of the images that are compared. The zero value but for its name is an image with nothing in it.
type Side struct {
	Name    string
	Config  []byte   // JSON; empty: none
	DiffIDs []string // of the layers, the lowest first
	Layers  []func() (io.ReadCloser, error)
}

// Of makes a side of an image.
func Of(name string, img v1.Image) (*Side, error) {
	s := &Side{Name: name}
	var err error
	if s.Config, err = img.RawConfigFile(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, l := range layers {
		diffID, err := l.DiffID()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		s.DiffIDs = append(s.DiffIDs, diffID.String())
		s.Layers = append(s.Layers, func() (io.ReadCloser, error) { return uncompressed(l) })
	}
	return s, nil
}

func uncompressed(l v1.Layer) (io.ReadCloser, error) {
	mediaType, err := l.MediaType()
	if err != nil {
		return nil, err
	}
	packed, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	content, err := image.Decompress(packed, mediaType)
	if err != nil {
		return nil, errors.Join(err, packed.Close())
	}
	return &unpacking{content, packed}, nil
}

// unpacking closes what it reads from too.
type unpacking struct {
	io.ReadCloser
	packed io.Closer
}

func (u *unpacking) Close() error { return errors.Join(u.ReadCloser.Close(), u.packed.Close()) }

// Tree reads the side's files.
func (s *Side) Tree(ctx context.Context) (Tree, error) {
	t := Tree{}
	for i, open := range s.Layers {
		if err := t.from(ctx, open); err != nil {
			return nil, fmt.Errorf("%s: layer %s: %w", s.Name, s.DiffIDs[i], err)
		}
	}
	return t, nil
}

func (t Tree) from(ctx context.Context, open func() (io.ReadCloser, error)) error {
	r, err := open()
	if err != nil {
		return err
	}
	return errors.Join(t.Layer(ctx, r), r.Close())
}

// Shared is how many layers two images have in common, from the lowest up.
func Shared(a, b *Side) int {
	n := 0
	for n < len(a.DiffIDs) && n < len(b.DiffIDs) && a.DiffIDs[n] == b.DiffIDs[n] {
		n++
	}
	return n
}

// Difference is what makes one image of another.
type Difference struct {
	Before string         `json:"before"`
	After  string         `json:"after"`
	Layers LayersInCommon `json:"layers"`
	Files  []File         `json:"files"`
	Config []Field        `json:"config"`
}

// LayersInCommon counts the layers, from the lowest up.
type LayersInCommon struct {
	Shared int `json:"shared"`
	Before int `json:"before"` // that only the one has
	After  int `json:"after"`  // … only the other
}

// Images compares two images.
func Images(ctx context.Context, before, after *Side) (*Difference, error) {
	shared := Shared(before, after)
	d := &Difference{
		Before: before.Name, After: after.Name, Files: []File{}, Config: []Field{},
		Layers: LayersInCommon{shared, len(before.DiffIDs) - shared, len(after.DiffIDs) - shared},
	}
	if d.Layers.Before+d.Layers.After > 0 {
		a, err := before.Tree(ctx)
		if err != nil {
			return nil, err
		}
		b, err := after.Tree(ctx)
		if err != nil {
			return nil, err
		}
		d.Files = append(d.Files, Trees(a, b)...)
	}
	fields, err := Configs(before.Config, after.Config)
	d.Config = append(d.Config, fields...)
	return d, err
}

// Step is an entry of an image's history.
type Step struct {
	Created   string `json:"created,omitempty"` // as the image says it, RFC 3339
	CreatedBy string `json:"createdBy"`
	Comment   string `json:"comment,omitempty"`
	Empty     bool   `json:"empty"` // it has no layer
	DiffID    string `json:"diffID,omitempty"`
	Digest    string `json:"digest,omitempty"` // of the compressed layer
	Size      int64  `json:"size"`             // … in bytes
}

// History lists what an image was made by, the oldest first. Layers that the image's own history does not tell of
// stand at the end, without words.
func History(img v1.Image) ([]Step, error) {
	raw, err := img.RawConfigFile()
	if err != nil {
		return nil, err
	}
	var config struct {
		History []struct {
			Created   string `json:"created"`
			CreatedBy string `json:"created_by"`
			Comment   string `json:"comment"`
			Empty     bool   `json:"empty_layer"`
		} `json:"history"`
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	out := []Step{}
	for _, h := range config.History {
		s := Step{Created: h.Created, CreatedBy: h.CreatedBy, Comment: h.Comment, Empty: h.Empty || len(layers) == 0}
		if !s.Empty {
			if err := s.of(layers[0]); err != nil {
				return nil, err
			}
			layers = layers[1:]
		}
		out = append(out, s)
	}
	for _, l := range layers {
		var s Step
		if err := s.of(l); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (s *Step) of(l v1.Layer) error {
	diffID, err := l.DiffID()
	if err != nil {
		return err
	}
	digest, err := l.Digest()
	if err != nil {
		return err
	}
	s.DiffID, s.Digest = diffID.String(), digest.String()
	s.Size, err = l.Size()
	return err
}
