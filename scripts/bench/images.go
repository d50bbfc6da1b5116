package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
)

// layers are the files of an image's layers in the registry.
func (r *registry) layers(name string) ([]string, error) {
	digest, err := r.current(name)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(r.blob(digest))
	if err != nil {
		return nil, err
	}
	var manifest struct{ Layers []struct{ Digest string } }
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, err
	}
	var files []string
	for _, l := range manifest.Layers {
		files = append(files, r.blob(l.Digest))
	}
	return files, nil
}

func pull(ctx context.Context, b *bench) error {
	file, err := b.dockerfile("pull", "FROM @six:1\nRUN true\n")
	if err != nil {
		return err
	}
	of := func(t builder) turn {
		return func(ctx context.Context) (map[string]float64, error) {
			if err := t.reset(ctx); err != nil {
				return nil, err
			}
			ms, err := b.ms(t.build(ctx, job{tag: "made/pull", file: file, context: b.contextDir("empty")}))
			return map[string]float64{"pull": ms}, err
		}
	}
	layers, err := b.registry.layers("six:1")
	if err != nil {
		return err
	}
	to := filepath.Join(b.who.home, "unpacked")
	unpack := func(gunzip string) func(context.Context) (*exec.Cmd, error) {
		return func(ctx context.Context) (*exec.Cmd, error) {
			if err := b.who.wipe(to); err != nil {
				return nil, err
			}
			script := `printf '%s\n' "$@" | xargs -P2 -I{} sh -c 'd=$(mktemp -d "$0/XXXXXX") && $1 -dc "$2" | tar -C "$d" -x --exclude="dev/*"' "$to" "$gunzip" {}`
			return b.sh("to=$1 gunzip=$2; shift 2; mkdir -p \"$to\"; "+script, append([]string{to, gunzip}, layers...)...)(ctx)
		}
	}
	defer os.RemoveAll(to)
	floors := []opponent{b.floor("gzip -d | tar x", "pull", unpack("gzip"))}
	if found("pigz") {
		floors = append(floors, b.floor("pigz -d | tar x", "pull", unpack("pigz")))
	}
	return b.pairs(ctx, of(b.ours), append(floors, b.each(of)...))
}

// push builds three fresh layers and pushes them. What was pushed before is other data, so no blob is there already.
func push(ctx context.Context, b *bench) error {
	dir := b.contextDir("fresh")
	if err := b.folder(dir); err != nil {
		return err
	}
	file, err := b.dockerfile("push", "FROM @busybox:1\nCOPY f1 /d1/\nCOPY f2 /d2/\nCOPY f3 /d3/\n")
	if err != nil {
		return err
	}
	if err := b.warmAll(ctx, "@busybox:1"); err != nil {
		return err
	}
	names := []string{"f1", "f2", "f3"}
	refill := func() error {
		for _, name := range names {
			if err := b.fresh(filepath.Join(dir, name), 100_000_000); err != nil {
				return err
			}
		}
		return b.registry.forget("made")
	}
	of := func(t builder) turn {
		return func(ctx context.Context) (map[string]float64, error) {
			took := map[string]float64{}
			for _, compression := range []string{"gzip", "zstd"} {
				if err := refill(); err != nil {
					return nil, err
				}
				j := job{tag: "made/push:" + compression, file: file, context: dir, compression: compression}
				send := t.push(ctx, j, compression)
				if send == nil {
					continue
				}
				built, err := b.ms(t.build(ctx, j))
				if err != nil {
					return nil, err
				}
				sent, err := b.ms(send)
				if err != nil {
					return nil, err
				}
				took["push-"+compression] = sent
				took["build-push-"+compression] = built + sent
			}
			return took, nil
		}
	}
	// What was made of one round's data tells nothing of the next one's, so the floor has data of its own too.
	floor := opponent{"pigz, zstd -T0", func(ctx context.Context) (map[string]float64, error) {
		if err := refill(); err != nil {
			return nil, err
		}
		took := map[string]float64{}
		for name, program := range map[string]string{"gzip": "pigz -c", "zstd": "zstd -q -T0 -3 -c"} {
			cmd, err := b.sh(`cd "$1" && tar -c f1 f2 f3 | $2 > ../compressed && rm ../compressed`, dir, program)(ctx)
			if err != nil {
				return nil, err
			}
			ms, err := b.ms(cmd)
			if err != nil {
				return nil, err
			}
			took["push-"+name], took["build-push-"+name] = ms, ms
		}
		return took, nil
	}}
	return b.pairs(ctx, of(b.ours), append([]opponent{floor}, b.each(of)...))
}
