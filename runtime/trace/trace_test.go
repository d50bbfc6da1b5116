package trace_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/shbuild/shbuild/runtime/trace"
)

type event struct {
	Name, Ph string
	Ts, Dur  float64
	Pid, Tid int
	Args     map[string]any
}

func read(t *testing.T, file string) (spans map[string]event, tracks map[int]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []event
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	spans, tracks = map[string]event{}, map[int]string{}
	for _, e := range all {
		switch {
		case e.Ph == "X":
			spans[e.Name] = e
		case e.Name == "thread_name":
			tracks[e.Pid*1000+e.Tid] = e.Args["name"].(string)
		}
	}
	return spans, tracks
}

// rounding is less than the ns that the file has, in µs.
const rounding = 0.0005

func within(outer, inner event) bool {
	return outer.Pid == inner.Pid && outer.Tid == inner.Tid && outer.Ts <= inner.Ts && inner.Ts+inner.Dur <= outer.Ts+outer.Dur+rounding
}

// Spans nest, those side by side get lanes, and those of a track stand on it.
func TestSpans(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trace")
	tr, err := trace.Create(file, "one")
	if err != nil {
		t.Fatal(err)
	}
	ctx, outer := trace.Start(tr.Context(t.Context()), "outer")
	inner, first := trace.Start(ctx, "first")
	_, deep := trace.Start(inner, "deep")
	_, beside := trace.Start(ctx, "beside") // first has outer's lane
	_, away := trace.Start(trace.On(ctx, "blobs"), "away")
	deep.Text("what", `a "b"`)
	deep.Number("n", 1)
	deep.Number("n", 2)
	deep.End()
	first.End()
	_, second := trace.Start(ctx, "second")
	second.End()
	beside.End()
	outer.End()
	away.End()
	away.Text("too", "late")
	away.End()
	if err := errors.Join(tr.Close(), tr.Close()); err != nil {
		t.Fatal(err)
	}
	spans, tracks := read(t, file)
	for _, pair := range [][2]string{{"outer", "first"}, {"first", "deep"}, {"outer", "second"}} {
		if !within(spans[pair[0]], spans[pair[1]]) {
			t.Errorf("%s is not within %s: %+v", pair[1], pair[0], spans)
		}
	}
	for name, want := range map[string]string{"outer": "main", "beside": "main (2)", "away": "blobs", "start the program": "main"} {
		if got := tracks[1000+spans[name].Tid]; got != want {
			t.Errorf("%s stands on %q, not on %q", name, got, want)
		}
	}
	if got := spans["deep"].Args; got["what"] != `a "b"` || got["n"] != 2.0 {
		t.Errorf("deep tells %v", got)
	}
}

// A span that is ended before what is within it is as long as that.
func TestEarlyEnd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trace")
	tr, err := trace.Create(file, "one")
	if err != nil {
		t.Fatal(err)
	}
	ctx, outer := trace.Start(tr.Context(t.Context()), "outer")
	ctx, inner := trace.Start(ctx, "inner")
	outer.End()
	_, left := trace.Start(ctx, "left open")
	inner.End()
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	spans, _ := read(t, file)
	if !within(spans["outer"], spans["inner"]) || !within(spans["inner"], spans["left open"]) {
		t.Errorf("%+v", spans)
	}
	if spans["left open"].Args["cut off"] != "yes" || spans["inner"].Args["cut off"] != nil {
		t.Errorf("%+v", spans)
	}
	left.End() // after Close: nothing
}

// Two processes, and many goroutines of each, write one file; and it is a trace wherever it is cut off.
func TestTogether(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trace")
	outer, err := trace.Create(file, "outer")
	if err != nil {
		t.Fatal(err)
	}
	inner, err := trace.Join(file, "inner")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, tr := range []*trace.Trace{outer, inner} {
		for range 8 {
			all.Go(func() {
				for range 50 {
					ctx, a := trace.Start(tr.Context(t.Context()), "a")
					_, b := trace.Start(ctx, "b")
					b.End()
					a.End()
				}
			})
		}
	}
	all.Wait()
	if err := inner.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cut := strings.TrimSuffix(string(text), ",\n") + "]"
	if !json.Valid([]byte(cut)) {
		t.Error("what is there before the end is no JSON but for the bracket")
	}
	if err := outer.Close(); err != nil {
		t.Fatal(err)
	}
	text, _ = os.ReadFile(file)
	var list []event
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range list {
		if e.Ph == "X" && e.Name != "start the program" {
			n++
		}
	}
	if n != 2*8*50*2 {
		t.Errorf("%d spans", n)
	}
}

func TestBadPath(t *testing.T) {
	dir := t.TempDir()
	if _, err := trace.Create(filepath.Join(dir, "no", "trace"), "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	for _, path := range []string{dir, "/dev/null"} {
		if _, err := trace.Create(path, "x"); err == nil || !strings.Contains(err.Error(), path+" is not a regular file") {
			t.Errorf("%s: got %v", path, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "absent")); err == nil {
		t.Error("it was made")
	}
	if _, err := trace.Join(filepath.Join(dir, "absent"), "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestReader(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trace")
	tr, err := trace.Create(file, "x")
	if err != nil {
		t.Fatal(err)
	}
	_, span := trace.Start(tr.Context(t.Context()), "fetch")
	if _, err := io.Copy(io.Discard, span.Reader("network", strings.NewReader("1234567"))); err != nil {
		t.Fatal(err)
	}
	span.End()
	tr.Close()
	spans, _ := read(t, file)
	if got := spans["fetch"].Args["network: bytes"]; got != 7.0 {
		t.Errorf("it read %v bytes", got)
	}
}

// off is what stands in a hot path.
func off(ctx context.Context, name string, r io.Reader) {
	ctx, span := trace.Start(trace.On(ctx, name), name)
	span.Text("key", name)
	span.Number("n", int64(len(name)))
	_ = span.Reader("network", r)
	trace.Current(ctx).Text("key", name)
	span.End()
}

// Without a trace nothing is allocated.
func TestOffAllocatesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := strings.NewReader("")
	if n := testing.AllocsPerRun(100, func() { off(ctx, "RUN true", r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	var none *trace.Trace
	if got := none.Context(ctx); got != ctx || none.Close() != nil {
		t.Error("no trace does something")
	}
}

func BenchmarkOff(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	r := strings.NewReader("")
	b.ReportAllocs()
	for b.Loop() {
		off(ctx, "RUN true", r)
	}
}

func BenchmarkOn(b *testing.B) {
	tr, err := trace.Create(filepath.Join(b.TempDir(), "trace"), "x")
	if err != nil {
		b.Fatal(err)
	}
	defer tr.Close()
	ctx := tr.Context(b.Context())
	r := strings.NewReader("")
	b.ReportAllocs()
	for b.Loop() {
		off(ctx, "RUN true", r)
	}
}
