package explain

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
)

func explained(t *testing.T, text string, o Options) []Line {
	t.Helper()
	f, err := syntax.Read(&diag.Source{Name: "f", Text: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := File(f, o)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// facts are what is said under a topic, by line.
func facts(lines []Line, topic string) []string {
	var out []string
	for _, l := range lines {
		for _, f := range l.Facts {
			if f.Topic == topic {
				out = append(out, fmt.Sprintf("%d: %s", l.Line, f.Text))
			}
		}
	}
	return out
}

// TestWhere names what an instruction of a script stands in.
func TestWhere(t *testing.T) {
	for _, test := range []struct {
		script string
		want   []string // of the last instruction
	}{
		{"x=1\nRUN true", nil},
		{"if RUN test -e /x; then ENV A=b; fi", []string{"only if RUN test -e /x (line 1)"}},
		{"if RUN test -e /x; then true; fi", []string{"the condition of an if (line 1)"}},
		{"if [ a = b ]; then true\nelif [ c = d ]; then true\nelse RUN x\nfi", []string{"only if not [ a = b ] (line 1)", "only if not [ c = d ] (line 2)"}},
		{"for p in a b; do RUN $p; done", []string{"once for each round of for p in a b (line 1)"}},
		{"while RUN test -e /x; do RUN rm /x; done", []string{"in every round of while RUN test -e /x (line 1)"}},
		{"until RUN x; do true; done", []string{"the condition of until, asked before every round (line 1)"}},
		{"case $1 in\na|b) RUN x ;;\nesac", []string{"only where case $1 matches a|b (line 2)"}},
		{"f() {\n  RUN x\n}\nf\nf", []string{"in the function f, each time that it is called (lines 4, 5)"}},
		{"f() {\n  RUN x\n}", []string{"in the function f, which nothing here calls by its name (line 1)"}},
		{"( RUN x ) &", []string{
			"in the background (&), beside what follows, on a copy of the stage (line 1)",
			"in a subshell ( … ): a branch of the stage, not seen outside (line 1)",
		}},
		{"v=$(RUN x)", []string{"in $( … ): its output becomes a value; what it changes in the files is dropped (line 1)"}},
		{"! RUN x", []string{"under !: to fail is to succeed (line 1)"}},
		{"{ RUN x; } || true", []string{"before ||: a failure is forgiven (line 1)"}},
		{"true && RUN x", []string{"only if true succeeds (line 1)"}},
		{"{ RUN x; } | cat", []string{"in a pipe: its output is read behind the |; what it changes in the files is dropped (line 1)"}},
		{"echo x | RUN cat", []string{"in a pipe: it reads what echo x writes (line 1)"}},
	} {
		lines := explained(t, test.script, Options{})
		if diff := cmp.Diff(test.want, lines[len(lines)-1].Where); diff != "" {
			t.Errorf("%s\n%s", test.script, diff)
		}
	}
}

// TestWords explains instructions that are reached by their words, and what brings others.
func TestWords(t *testing.T) {
	lines := explained(t, "retry() { \"$@\"; }\nretry RUN apt-get update\n. ./lib.sh\neval \"$x\"\n", Options{})
	got := facts(lines, "note")
	for i, want := range []string{`2: RUN is handed to retry as words`, "3: reads the file", "4: instructions in it are carried out as words"} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Errorf("not said: %s\n%s", want, strings.Join(got, "\n"))
		}
	}
}

// TestVariables expands what can be known.
func TestVariables(t *testing.T) {
	const file = "ARG TAG=1\nFROM base:$TAG\nARG V=2\nENV A=$V B=$PATH:/b\n"
	known := func(string) (*Image, bool) {
		return &Image{Where: "here", Layers: 2, Config: []byte(`{"config":{"Env":["PATH=/bin"],"User":"me","WorkingDir":"/w"}}`)}, true
	}
	got := facts(explained(t, file+"RUN x", Options{Known: known, BuildArgs: map[string]string{"V": "3"}}), "config")
	for i, want := range []string{
		"1: none; FROM lines see TAG=1 (its default)",
		"2: all of the base's: variables PATH; user me; folder /w",
		"3: a history entry only, but V=3 (by --build-arg) shows in it",
		"4: Env gets A=3", "4: Env gets B=/bin:/b",
	} {
		if got[i] != want {
			t.Errorf("%q and not %q", got[i], want)
		}
	}
	unknown := facts(explained(t, file, Options{}), "config")
	if got := unknown[len(unknown)-1]; got != "4: Env gets B=$PATH:/b" {
		t.Errorf("a variable of a base that is not here: %q", got)
	}
}

// TestStages follows what each stage stands on, and leaves out those that the target does not need.
func TestStages(t *testing.T) {
	const file = `FROM scratch AS a
COPY x /
FROM scratch AS unused
COPY y /
FROM a
COPY --from=0 /x /y
RUN --network=none --mount=type=cache,target=/c --mount=type=secret,id=s true
`
	lines := explained(t, file, Options{})
	if got := facts(lines, "result"); len(got) != 1 || !strings.Contains(got[0], "stage 2: an image of the layers line 2, line 6, line 7,") {
		t.Errorf("result: %q", got)
	}
	if got := facts(lines, "note"); len(got) != 2 || !strings.HasPrefix(got[0], "3: not carried out") {
		t.Errorf("notes: %q", got)
	}
	mounts := strings.Join(facts(lines, "mounts"), "\n")
	for _, want := range []string{"/proc: proc (nosuid, nodev, noexec)", `/c: bind of the cache folder "/c"`, `the secret "s" as the file /run/secrets/s`} {
		if !strings.Contains(mounts, want) {
			t.Errorf("mounts without %s:\n%s", want, mounts)
		}
	}
	if got := facts(lines, "namespaces"); len(got) != 2 || !strings.Contains(got[1], "--network=none") {
		t.Errorf("namespaces: %q", got)
	}
	if got := facts(explained(t, file, Options{Target: "unused"}), "result"); !strings.Contains(got[0], "stage 1: an image of the layers line 4,") {
		t.Errorf("another target: %q", got)
	}
}

// TestErrors finds all faults at once.
func TestErrors(t *testing.T) {
	f, err := syntax.Read(&diag.Source{Name: "f", Text: []byte("FROM scratch\nCOPY a\nWORKDIR\n")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = File(f, Options{})
	if err == nil || !strings.Contains(err.Error(), "f:2:1: COPY:") || !strings.Contains(err.Error(), "f:3:1: WORKDIR:") {
		t.Errorf("errors: %v", err)
	}
}
