package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// fakeDigest is the hexadecimal form of a digest that nothing real has.
func fakeDigest(kind string, i int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", kind, i))
	return hex.EncodeToString(sum[:])
}

// moreImages puts images into the store that the build does not touch, and lists them.
func (b *bench) moreImages(ctx context.Context) error {
	if err := b.warm(ctx, b.ours, "@busybox:1"); err != nil {
		return err
	}
	file, err := b.stepsFile(1)
	if err != nil {
		return err
	}
	j := job{tag: "made/steps", file: file, context: b.contextDir("empty")}
	s := &shbuild{b}
	list := series{Name: "shbuild ls", Of: "images"}
	have := 0
	counts := []int{10, 100, 1000, 10_000}
	err = b.coldAndCached(ctx, "images", counts, func(n int) (job, error) {
		err := b.fillStore(have, n)
		have = n
		if err != nil {
			return j, err
		}
		ms, err := b.ms(s.command(ctx, "ls"))
		list.add(n, ms)
		return j, err
	})
	b.results.grows(b.now, list)
	return err
}

// fillStore adds images by writing what the image layout has for each: a config, a manifest and an entry of the index.
func (b *bench) fillStore(from, to int) error {
	dir := filepath.Join((&shbuild{b}).root(), "images")
	var index struct {
		SchemaVersion int              `json:"schemaVersion"`
		MediaType     string           `json:"mediaType,omitempty"`
		Manifests     []map[string]any `json:"manifests"`
	}
	path := filepath.Join(dir, "index.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &index); err != nil {
		return err
	}
	blob := func(v any) (digest string, size int, err error) {
		data, err := json.Marshal(v)
		if err != nil {
			return "", 0, err
		}
		sum := sha256.Sum256(data)
		hexed := hex.EncodeToString(sum[:])
		return "sha256:" + hexed, len(data), b.file(filepath.Join(dir, "blobs", "sha256", hexed), data)
	}
	for i := from; i < to; i++ {
		config, size, err := blob(map[string]any{"architecture": "amd64", "os": "linux", "created": "2020-01-01T00:00:00Z", "author": fmt.Sprint(i), "rootfs": map[string]any{"type": "layers", "diff_ids": []string{}}})
		if err != nil {
			return err
		}
		const manifestType = "application/vnd.oci.image.manifest.v1+json"
		manifest, msize, err := blob(map[string]any{
			"schemaVersion": 2, "mediaType": manifestType, "layers": []any{},
			"config": map[string]any{"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": size},
		})
		if err != nil {
			return err
		}
		name := fmt.Sprintf("filler/image%d:latest", i)
		index.Manifests = append(index.Manifests, map[string]any{
			"mediaType": manifestType, "digest": manifest, "size": msize, "platform": map[string]any{"architecture": "amd64", "os": "linux"},
			"annotations": map[string]any{"org.opencontainers.image.ref.name": name, "io.containerd.image.name": "docker.io/" + name},
		})
	}
	if data, err = json.Marshal(index); err != nil {
		return err
	}
	return b.file(path, data)
}
