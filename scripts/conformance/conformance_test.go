package conformance

import (
	"bufio"
	"cmp"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// testcase is a case of testdata.
type testcase struct {
	name    string
	archive *txtar.Archive
	flags   []string
	setup   string
	context string // the build context's address; empty: the folder
	podman  string // why podman is not compared; empty: it is
	want    string
}

// update writes `want` anew, from BuildKit.
var update = os.Getenv("CONFORMANCE_UPDATE") != ""

func TestConformance(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	s := newSuite(t)
	for _, file := range files {
		c := readCase(t, file)
		if !s.some.has(c.name) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s.check(t, file, c)
		})
	}
}

func readCase(t *testing.T, file string) *testcase {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &testcase{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), archive: archive}
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "flags":
			c.flags = append(c.flags, strings.Fields(value)...)
		case "context":
			c.context = value
		case "setup":
			c.setup += value + "\n"
		case "podman":
			c.podman = value
		}
	}
	for _, f := range archive.Files {
		if f.Name == "want" {
			c.want = string(f.Data)
		}
	}
	if c.want == "" && !update {
		t.Errorf("%s has no `want`: CONFORMANCE_UPDATE=1 with a BuildKit makes it", file)
	}
	return c
}

// suite is the builders and their bases.
type suite struct {
	shbuild  *shbuild
	buildkit *buildkit // nil: there is none
	podman   *podman   // nil: there is none
	share    share     // of the cases that podman builds
	server   *server
	rung     rung
	some     share // of the cases that are built at all
	bases    map[builder]*image
}

func newSuite(t *testing.T) *suite {
	program, err := filepath.Abs(cmp.Or(os.Getenv("SHBUILD"), "../../bin/shbuild"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%v: `make conformance` builds it", err)
	}
	root := t.TempDir()
	t.Cleanup(func() { emptied(t, root) })
	s := &suite{server: newServer(t), bases: map[builder]*image{}, rung: newRung(t), some: newShare(t, "CONFORMANCE_SHARE")}
	s.shbuild = &shbuild{program, root, s.rung.name}
	registry := startRegistry(t)
	s.base(t, s.shbuild, "--push", "-t", registry+"/"+baseName)
	if address := os.Getenv("CONFORMANCE_BUILDKIT"); address != "" {
		s.buildkit = &buildkit{address: address, registry: registry}
		s.base(t, s.buildkit)
	}
	if update {
		if s.buildkit == nil {
			t.Fatal("CONFORMANCE_UPDATE needs CONFORMANCE_BUILDKIT")
		}
		return s
	}
	if s.share = newShare(t, "CONFORMANCE_PODMAN"); s.share == 0 {
		return s
	}
	if s.podman = newPodman(t, registry); s.podman != nil {
		s.base(t, s.podman)
	} else if os.Getenv("CI") != "" {
		t.Error("there is no podman to compare with")
	}
	return s
}

// base builds a Dockerfile that only has its FROM.
func (s *suite) base(t *testing.T, b builder, flags ...string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "Dockerfile"), "FROM "+baseName+"\n")
	archive := filepath.Join(t.TempDir(), "base.tar")
	err := b.build(&testcase{name: "base", flags: flags}, dir, archive)
	if err == nil {
		s.bases[b], err = readImage(archive)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// startRegistry starts a registry on a free port of loopback.
func startRegistry(t *testing.T) string {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "config.yml"), fmt.Sprintf(`version: 0.1
log: {accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %s}}
http: {addr: "127.0.0.1:0"}
`, dir))
	cmd := exec.Command("docker-registry", "serve", filepath.Join(dir, "config.yml"))
	out, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("docker-registry (Debian: docker-registry): %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`).FindStringSubmatch(lines.Text()); m != nil {
			go func() {
				for lines.Scan() { // so that it never waits for us
				}
			}()
			return m[1]
		}
	}
	t.Fatal("docker-registry did not start")
	return ""
}

// positioned is how shbuild's errors about a file begin.
var positioned = regexp.MustCompile(`(?m)^\S*:\d+:\d+: `)

func (s *suite) check(t *testing.T, file string, c *testcase) {
	if s.buildkit != nil {
		got := s.result(t, s.buildkit, c, true)
		if update {
			c.keep(t, file, got)
			return
		}
		compare(t, "BuildKit", got, c.want, false)
	}
	if why := s.rung.reason(c.name); why != "" {
		s.rung.checkDifference(t, why, s.result(t, s.shbuild, c, true), c.want)
		return
	}
	compare(t, "shbuild", s.result(t, s.shbuild, c, true), c.want, c.context == "")
	if s.podman != nil && c.podman == "" && s.share.has(c.name) {
		compare(t, "podman", s.result(t, s.podman, c, false), s.result(t, s.shbuild, c, false), false)
	}
}

// share is one of how many cases podman builds.
type share uint32

// newShare reads a variable: 1 or nothing for all cases, 10 for one in ten, 0 for none.
func newShare(t *testing.T, variable string) share {
	text := cmp.Or(os.Getenv(variable), "1")
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("%s=%s is no number", variable, text)
	}
	return share(n)
}

// has says whether a case is one of those: always the same ones, spread over all areas.
func (s share) has(name string) bool {
	return s > 0 && crc32.ChecksumIEEE([]byte(name))%uint32(s) == 0
}

const refused = "refused"

// same says whether two results are one, as far as compare goes: of refusals the words may differ.
func same(got, want string) bool {
	gotFirst, _, _ := strings.Cut(got, "\n")
	wantFirst, _, _ := strings.Cut(want, "\n")
	return got == want || gotFirst == refused && wantFirst == refused
}

func compare(t *testing.T, who, got, want string, places bool) {
	t.Helper()
	gotFirst, _, _ := strings.Cut(got, "\n")
	wantFirst, _, _ := strings.Cut(want, "\n")
	switch {
	case gotFirst == refused && wantFirst == refused:
		if places && !positioned.MatchString(got) {
			t.Errorf("%s refused it without saying where:\n%s", who, got)
		}
	case gotFirst == refused:
		t.Errorf("%s %s", who, got)
	default:
		if diff := gocmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", who, diff)
		}
	}
}

// result builds a case and describes what came of it.
func (s *suite) result(t *testing.T, b builder, c *testcase, all bool) string {
	t.Helper()
	context := filepath.Join(t.TempDir(), "context")
	c.materialize(t, context)
	archive := filepath.Join(t.TempDir(), "image.tar")
	address := s.server.serve(t, context)
	if address != "" {
		if err := addressed(context, address); err != nil {
			t.Fatal(err)
		}
		c = c.at(address)
	}
	if err := b.build(c, context, archive); err != nil {
		said := err.Error()
		if address != "" {
			said = strings.ReplaceAll(said, address, serverName)
		}
		return refused + "\n" + said
	}
	img, err := readImage(archive)
	if err != nil {
		t.Fatal(err)
	}
	if b == builder(s.podman) {
		forgetMarks(img, s.bases[b])
	}
	text := img.text(s.bases[b], all)
	if address != "" {
		text = strings.ReplaceAll(text, address, serverName)
	}
	return text
}

// at is the case with the server's address in its flags.
func (c *testcase) at(address string) *testcase {
	moved := *c
	moved.context = strings.ReplaceAll(c.context, serverName, address)
	moved.flags = nil
	for _, flag := range c.flags {
		moved.flags = append(moved.flags, strings.ReplaceAll(flag, serverName, address))
	}
	return &moved
}

// materialize makes the build context.
func (c *testcase) materialize(t *testing.T, context string) {
	t.Helper()
	if err := os.MkdirAll(context, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range c.archive.Files {
		if f.Name != "want" {
			write(t, filepath.Join(context, f.Name), string(f.Data))
		}
	}
	setup := exec.Command("sh", "-euc", "umask 022\n"+c.setup+"\nfind . -depth -exec touch -h -d 2001-02-03T04:05:06Z {} +")
	setup.Dir = context
	if out, err := setup.CombinedOutput(); err != nil {
		t.Fatalf("setup: %v\n%s", err, out)
	}
}

// keep writes what BuildKit made as the case's `want`. Of a refusal the last line is kept, for the reader.
func (c *testcase) keep(t *testing.T, file, got string) {
	if first, said, _ := strings.Cut(got, "\n"); first == refused {
		got = refused + "\n"
		lines := strings.Split(strings.TrimSpace(said), "\n")
		if last := lines[len(lines)-1]; strings.HasPrefix(last, "error: ") {
			got += regexp.MustCompile(` of ref \S+:`).ReplaceAllString(last, ":") + "\n"
		}
	}
	kept := c.archive.Files[:0]
	for _, f := range c.archive.Files {
		if f.Name != "want" {
			kept = append(kept, f)
		}
	}
	c.archive.Files = append(kept, txtar.File{Name: "want", Data: []byte(got)})
	if err := os.WriteFile(file, txtar.Format(c.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// emptied removes what is below a folder, as the root of the caller's sub-ids.
func emptied(t *testing.T, dir string) {
	rm := exec.Command("find", dir, "-mindepth", "1", "-delete")
	if os.Getuid() != 0 {
		rm = exec.Command("unshare", append([]string{"--user", "--map-auto", "--map-root-user"}, rm.Args...)...)
	}
	if out, err := rm.CombinedOutput(); err != nil {
		t.Errorf("remove the files of the test: %v\n%s", err, out)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
