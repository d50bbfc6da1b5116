package store_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/shbuild/shbuild/registry/store"
)

// The environment variable by which this test binary becomes another process of the store, and
// what that process does.
const asProcess = "STORE_TEST_PROCESS"

func TestMain(m *testing.M) {
	switch os.Getenv(asProcess) {
	case "tag":
		fatal(tagMany(os.Args[1], os.Args[2]))
	case "full":
		fatal(fillDisk(os.Args[1]))
	case "ingest":
		fatal(ingestForever(os.Args[1]))
	default:
		os.Exit(m.Run())
	}
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func process(t *testing.T, what string, args ...string) *exec.Cmd {
	t.Helper()
	// Not os.Executable: its folder may be out of reach for the user that runs the test.
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), asProcess+"="+what)
	cmd.Stderr = os.Stderr
	return cmd
}

const tagsEach = 25

// tagMany names an image over and over, moving one shared name too.
func tagMany(dir, who string) error {
	s, err := store.Open(dir)
	if err != nil {
		return err
	}
	img, _, err := s.Image("seed", amd64)
	if err != nil {
		return err
	}
	d, err := img.Digest()
	if err != nil {
		return err
	}
	for i := range tagsEach {
		desc := v1.Descriptor{MediaType: "application/vnd.oci.image.manifest.v1+json", Digest: d, Size: 1}
		if err := s.Tag(fmt.Sprintf("%s:%d", who, i), desc, amd64); err != nil {
			return err
		}
		if err := s.Tag("shared", desc, amd64); err != nil {
			return err
		}
	}
	return nil
}

// TestTaggingAtOnce: no process and no goroutine loses the names of another.
func TestTaggingAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	put(t, s, "seed", randomImage(t, amd64))
	var group errgroup.Group
	for i := range 2 {
		group.Go(process(t, "tag", s.Dir(), fmt.Sprintf("process%d", i)).Run)
		group.Go(func() error { return tagMany(s.Dir(), fmt.Sprintf("goroutine%d", i)) })
	}
	group.Go(func() error { // readers see whole indexes all the while
		for range 200 {
			if _, err := s.List(); err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	list, err := s.List()
	if err != nil || len(list) != 4*tagsEach+2 {
		t.Error(len(list), err)
	}
}

// TestIngestingAtOnce writes the same blobs from many goroutines, while the store is opened, and so
// swept, again and again.
func TestIngestingAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	var group errgroup.Group
	for i := range 8 {
		group.Go(func() error {
			for j := range 20 {
				content := strings.Repeat(fmt.Sprint(j), 100_000)
				if _, err := s.Ingest(t.Context(), hashOf(content), strings.NewReader(content)); err != nil {
					return fmt.Errorf("goroutine %d, blob %d: %w", i, j, err)
				}
				if _, err := store.Open(s.Dir()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for j := range 20 {
		blob, err := s.Blob(hashOf(strings.Repeat(fmt.Sprint(j), 100_000)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, blob); err != nil {
			t.Error(err)
		}
		blob.Close()
	}
	if left := ingesting(t, s); len(left) > 0 {
		t.Error(left)
	}
}

// ingestForever stores random blobs until it is killed, and says so.
func ingestForever(dir string) error {
	s, err := store.Open(dir)
	if err != nil {
		return err
	}
	for {
		content := make([]byte, 1<<20)
		rand.Read(content)
		w, err := s.Create()
		if err != nil {
			return err
		}
		fmt.Println("writing")
		if _, err := w.Write(content); err != nil {
			return err
		}
		desc, err := w.Commit(v1.Hash{})
		if err != nil {
			return err
		}
		if err := s.Tag("seed", v1.Descriptor{}, amd64); err == nil {
			return fmt.Errorf("%s: tagged nothing", desc.Digest)
		}
	}
}

// TestKilled: SIGKILL in the middle of an ingest leaves no half blob, and nothing at all once the
// store has been opened again; a living process keeps its own.
func TestKilled(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	put(t, s, "seed", randomImage(t, amd64))
	alive, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Discard()
	for round := range 5 {
		cmd := process(t, "ingest", s.Dir())
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range round + 1 {
			lines.Scan()
		}
		cmd.Process.Kill()
		io.Copy(io.Discard, out)
		cmd.Wait()
	}
	open(t, s.Dir())
	if left := ingesting(t, s); len(left) != 1 {
		t.Error("in ingest:", left)
	}
	blobs, err := os.ReadDir(filepath.Join(s.Dir(), "blobs", "sha256"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blobs {
		content, err := os.ReadFile(filepath.Join(s.Dir(), "blobs", "sha256", b.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := v1.SHA256(bytes.NewReader(content)); got.Hex != b.Name() {
			t.Errorf("half a blob: %s", b.Name())
		}
	}
	if _, err := s.List(); err != nil {
		t.Error(err)
	}
	if _, err := alive.Write([]byte("still here")); err != nil {
		t.Error(err)
	}
	if _, err := alive.Commit(hashOf("still here")); err != nil {
		t.Error(err)
	}
}
