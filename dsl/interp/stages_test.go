package interp

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a stage holds at the end of a script.
func TestStageIsScoped(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, script string
		done         []string
		stdout       string
	}{
		{
			name: "a subshell, a substitution and all but a pipe's end are branches",
			script: `FROM a
(RUN in subshell)
v=$(RUN in substitution)
{ RUN in pipe
} | while read -r _; do :; done
echo | { RUN in the last member
}
RUN after`,
			done: []string{"FROM a", "RUN in the last member", "RUN after"},
		},
		{
			name: "a failed question leaves no layer, one that is answered does",
			script: `FROM a
if RUN fail 1; then :; fi
while RUN fail 2; do :; done
! RUN fail 3
{ RUN fail 4; } || true
if RUN true; then RUN after; fi`,
			done: []string{"FROM a", "RUN true", "RUN after"},
		},
		{
			name: "a named stage goes on; another FROM begins anew",
			script: `FROM a AS one
RUN in one
FROM b
COPY --from=one /x /
{ FROM c
RUN in c
}`,
			done: []string{"FROM c", "RUN in c"},
		},
		{
			name: "functions share the caller's stage",
			script: `f() {
  local x=1
  RUN in function
  g
}
g() {
  RUN deeper
}
FROM a
f`,
			done: []string{"FROM a", "RUN in function", "RUN deeper"},
		},
		{
			name: "a FROM in a branch does not leak",
			script: `FROM a
(
  FROM b
  RUN there
) &
wait
RUN here`,
			done: []string{"FROM a", "RUN here"},
		},
		{
			name: "ENV and ARG are variables; the next stage does not have them",
			script: `X=own
FROM a
ENV X=1 Y=2
echo "$X $Y"
(
  ENV Y=3
  echo "$Y"
)
echo "$Y"
FROM b
echo "$X ${Y-unset}"
[ -z "${HOME-}${UID-}" ] && echo clean`,
			done:   []string{"FROM b"},
			stdout: "1 2\n3\n2\nown unset\nclean\n",
		},
		{
			name: "what the script assigns while the stage has the name is its own afterwards",
			script: `FROM a
ENV X=1 Y=1
X=2
FROM b
echo "$X ${Y-unset}"
ENV X=3
X=4
RUN true
echo $X
FROM c
echo $X`,
			done:   []string{"FROM c"},
			stdout: "2 unset\n3\n4\n",
		},
		{
			name: "arrays come back too",
			script: `X=(a 'b c')
FROM a
ENV X=1
echo "$X"
FROM b
echo "${X[1]}"`,
			done:   []string{"FROM b"},
			stdout: "1\nb c\n",
		},
		{
			name: "a global ARG is the script's",
			script: `ARG V=1
ARG W=2
V=3
ARG U=4
FROM a:$V-$W
echo $V $W $U
FROM b
echo $V $W $U`,
			done:   []string{"FROM b"},
			stdout: "3 2 4\n3 2 4\n",
		},
		{
			name: "names that no shell variable can have are left alone",
			script: `FROM a
ENV a.b=1 PWD=/x SHBUILD_STAGE=7
[ -f ./nothing ] || RUN true`,
			done: []string{"FROM a", `ENV a.b="1" PWD="/x" SHBUILD_STAGE="7"`, "RUN true"},
		},
		{
			name:   "a script without FROM has no stage",
			script: "for i in 1; do echo $i; done\nif false; then FROM x; fi",
			stdout: "1\n",
		},
		{
			name: "the exit trap still has the stage",
			script: `trap 'RUN last' EXIT
FROM a`,
			done: []string{"FROM a", `RUN ["last"]`},
		},
		{
			name: "set -x says nothing of what was prepared",
			script: `FROM a
set -x
ENV X=1
true`,
			done: []string{"FROM a", `ENV X="1"`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := play(t, tt.script, Options{})
			if got.err != nil {
				t.Fatalf("error: %v", got.err)
			}
			var done []string
			if got.stage != nil {
				done = append([]string{"FROM " + got.stage.from}, got.stage.done...)
				done = slices.Compact(done)
			}
			if diff := cmp.Diff(tt.done, done); diff != "" {
				t.Errorf("stage (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.stdout, got.stdout); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBranches(t *testing.T) {
	t.Parallel()
	got := play(t, `FROM debian:12
RUN apt-get update
for lang in python3 nodejs; do
  (                                     # a branch of the image …
    RUN apt-get install -y $lang
    COMMIT app:$lang
  ) &                                   # … built beside the others
done
wait
`, Options{})
	if got.err != nil {
		t.Fatal(got.err)
	}
	slices.Sort(got.calls)
	want := []string{
		"COMMIT app:nodejs", "COMMIT app:python3", "FROM debian:12",
		"RUN apt-get install -y $lang", "RUN apt-get install -y $lang", "RUN apt-get update",
	}
	if diff := cmp.Diff(want, got.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if len(got.stage.done) != 2 {
		t.Errorf("a branch leaked into the script's stage: %q", got.stage.done)
	}
}

func TestBuildArgs(t *testing.T) {
	t.Parallel()
	l := &ledger{args: map[string]string{"V": "13"}}
	got := play(t, "ARG V=12\nFROM debian:$V\nARG V\nif [ \"$V\" = 13 ]; then RUN new; fi", Options{Builder: l})
	want := []string{"ARG V=13", "FROM debian:13", "ARG V=13", "RUN new"}
	if diff := cmp.Diff(want, got.calls); diff != "" || got.err != nil {
		t.Errorf("calls (-want +got):\n%s\n%v", diff, got.err)
	}
}

func TestReadonly(t *testing.T) {
	t.Parallel()
	got := play(t, "FROM a\nreadonly X=1\nENV X=2\n", Options{})
	if want := "build.sh:3:1: ENV: X is a readonly variable of the script"; got.err == nil || got.err.Error() != want {
		t.Errorf("got %v, want %s", got.err, want)
	}
}
