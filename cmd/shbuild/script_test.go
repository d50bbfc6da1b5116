package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"shbuild": main, "dist": main, "nsinit": main, "dial": dial})
}

// TestScript runs the manual: every script of testdata/script, each with a state folder of its own.
func TestScript(t *testing.T) {
	if _, err := os.Stat("../../runtime/userland/embed/toybox.gz"); err != nil {
		t.Fatal("the userland is not built: scripts/build-userland")
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			// What a build keeps belongs to sub-ids, so only a namespace can remove it.
			e.Defer(func() { emptied(t, e.WorkDir) })
			e.Setenv("SHBUILD_ROOT", filepath.Join(e.WorkDir, ".state"))
			e.Setenv("HOME", e.WorkDir)
			examples, err := filepath.Abs("../../examples")
			e.Setenv("EXAMPLES", examples)
			return err
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "root":
				return os.Getuid() == 0, nil
			case "memory":
				return limits(), nil
			case "network":
				return networks(), nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"config": config,
			"listen": listen,
			"spans":  spans,
		},
	})
}

// emptied removes what is below a folder, as the root of the caller's sub-ids.
func emptied(t *testing.T, dir string) {
	rm := exec.Command("find", dir, "-mindepth", "1", "-delete")
	if os.Getuid() != 0 {
		rm = exec.Command("unshare", append([]string{"--user", "--map-auto", "--map-root-user"}, rm.Args...)...)
	}
	if out, err := rm.CombinedOutput(); err != nil {
		t.Errorf("remove the script's files: %v\n%s", err, out)
	}
}

// config FILE prints the configuration of the one image in an OCI archive as JSON.
func config(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: config ARCHIVE")
	}
	text, err := readConfig(ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = ts.Stdout().Write(text)
	ts.Check(err)
}

func readConfig(archive string) ([]byte, error) {
	files, err := readTar(archive)
	if err != nil {
		return nil, err
	}
	var index ocispec.Index
	if err := json.Unmarshal(files["index.json"], &index); err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	if len(index.Manifests) != 1 {
		return nil, fmt.Errorf("%d images in %s", len(index.Manifests), archive)
	}
	blob := func(d ocispec.Descriptor) []byte { return files["blobs/sha256/"+d.Digest.Encoded()] }
	var manifest ocispec.Manifest
	if err := json.Unmarshal(blob(index.Manifests[0]), &manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, blob(manifest.Config))
	return compact.Bytes(), err
}

func readTar(archive string) (map[string][]byte, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	files := map[string][]byte{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", archive, err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			return nil, fmt.Errorf("%s: %w", archive, err)
		}
	}
}
