package interp

import (
	"errors"
	"strings"
	"testing"

	"github.com/shbuild/shbuild/dsl/diag"
)

// The error that each script ends with.
func TestErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ script, err string }{
		{"false", "2:1: false: exit status 1"},
		{"  if true; then\n    false x\n  fi", "3:5: false x: exit status 1"},
		{"f() {\n  [ a = b ]\n}\nf", "3:3: [ a = b ]: exit status 1"},
		{"[[ a = b ]]", "2:1: [[ a = b ]]: exit status 1"},
		{"(( 0 ))", "2:1: (( 0 )): exit status 1"},
		{"true && [[ a = b ]]", "2:9: [[ a = b ]]: exit status 1"},
		{"for i in 1 2; do\n  [[ $i = 1 ]]\ndone", "3:3: [[ $i = 1 ]]: exit status 1"},
		{"( [[ a = b ]] )", "2:1: ( [[ a = b ]] ): exit status 1"},
		{"( false )", "2:3: false: exit status 1"},
		{"x=$(false)", "2:5: false: exit status 1"},
		{"x=$(RUN fail 3)", "2:5: RUN: exit status 3"},
		{"false | true", "2:1: false: exit status 1"},
		{"f() { return 3; }\nf", "2:7: return 3: exit status 3"},
		{"set -u; echo $typo", "2:9: typo: unbound variable"},
		{"set -u\nf() {\n  x=${typo}\n}\nf", "4:3: typo: unbound variable"},
		{"set -u\nCOPY $typo /", "3:1: COPY: typo: unbound variable"},
		{"echo ${x:?is needed}", "2:1: x: is needed"},
		{"COPY ${x:?is needed} /\n:", "2:1: COPY: x: is needed"},
		{"COPY <<E /d\n${x:?is needed}\nE\n:", "2:1: COPY: x: is needed"},
		{"ENV X=$(RUN fail 3)\n:", "2:9: RUN: exit status 3"},
		{"ENV X=$(false; echo)\n:", "2:9: false: exit status 1"},
		{"readonly x=1; x=2", "2:15: x: readonly variable"},
		{"cd none", `2:1: cd: no such file or directory: "none"`},
		{"echo x > none/x", "2:1: write none/x"},
		{"while read x; do :; done < none", "2:1: open none: no such file or directory"},
		{"wait g7", "2:1: wait: pid g7 is not a child of this shell"},
		{"eval 'x=('", "2:1: eval: 1:3: reached EOF without matching `(` with `)`"},
		{"eval false", "2:1: false: exit status 1"},
		{"exit 3", "2:1: exit: the script ended with status 3"},
		{"f() { exit 4; }; f", "2:7: exit: the script ended with status 4"},
		{"RUN fail 3\n:", "2:1: RUN: exit status 3"},
		{"{ RUN fail 3\n} || exit", "2:3: RUN: exit status 3"},
		{"{ RUN fail 3\n} || exit $?", "2:3: RUN: exit status 3"},
		{"f() {\n  RUN fail 3\n}\nf", "3:3: RUN: exit status 3"},
		{"retry() { \"$@\" || \"$@\"; }\nretry RUN fail 3", "3:1: RUN: exit status 3"},
		{"COPY --bad x /\n:", "2:1: COPY: unknown flag: --bad"},
		{"COPY x\n:", "2:1: COPY: requires at least two arguments"},
		{"MEM lots", `2:1: MEM: "lots" is not a size such as 512m or 2g`},
		{"COMMIT", "2:1: COMMIT: requires at least one image name"},
		{"CWD a b", "2:1: CWD: requires exactly one folder"},
		{"set +e; false\nRUN fail 3\nset -e; { false; }", "4:11: false: exit status 1"},
		{"if RUN fail 3; then :; fi\n[[ a = b ]]", "3:1: [[ a = b ]]: exit status 1"},
		{":\nENV A=1 && RUN x", "3:9: ENV: && after an instruction that runs nothing"},
		{"MEM 512m; RUN x\n:", "2:9: MEM: ; after an instruction that runs nothing"},
		{"f() {\n  false || return\n}\nf", "3:3: false: exit status 1"},
		{"f() {\n  RUN fail 7\n}\ng() {\n  f || return\n}\ng", "3:3: RUN: exit status 7"},
		{"{ RUN fail 1\n} || [[ a = b ]]", "3:6: [[ a = b ]]: exit status 1"},
		{"f() { RUN fail 6; }\nf || return", "3:6: return: can only be done from a func"},
		{"(exit 3) || exit", "2:13: exit: the script ended with status 3"},
		{"(exit 5)", "2:1: (exit 5): exit status 5"},
		{"USERNS me", `2:1: USERNS: "me" is not a user id`},
		{"EXPORT a", "2:1: EXPORT: requires a source and a destination"},
		{"export 'a b=c'", "2:1: export: a b=c: not a name"},
		{"readonly \"x=1\"; export \"x=2\"", "2:17: x: readonly variable"},
		{"x=$(<none)", "2:1: open none: no such file or directory"},
		{":; ENV X=$(<none)\n:", "2:4: open none: no such file or directory"},
		{"x=$((1/0)) || true\necho on", "2:1: division by zero"},
		{"f() {\n  echo $((1 % 0))\n}\nf", "3:3: division by zero"},
		{"for i in {1..99999}; do RUN x; done\n:", "2:1: brace expansion would exceed 16384 elements"},
		{"a=(1)\necho ${a[-5]}", "3:1: negative array index"},
		{"ENV X=$((1/0))\n:", "2:1: ENV: division by zero"},
		{"set -o nosuch", `2:1: set nosuch is not in this shell`},
		{"umask 022", "2:1: umask is not in this shell"},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			t.Parallel()
			got := play(t, "FROM a\n"+tt.script+"\n", Options{})
			if got.err == nil || !strings.HasPrefix(got.err.Error(), "build.sh:"+tt.err) {
				t.Errorf("got error %v, want %q", got.err, tt.err)
			}
			if got.stderr != "" {
				t.Errorf("stderr: %q", got.stderr)
			}
		})
	}
}

func TestErrorStatus(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{"RUN fail 3\n:": 3, "exit 4": 4, "retry() { \"$@\"; }\nretry RUN fail 5": 5} {
		got := play(t, "FROM a\n"+script, Options{})
		var status interface{ ExitStatus() int }
		if !errors.As(got.err, &status) || status.ExitStatus() != want {
			t.Errorf("%s: got %v, want status %d", script, got.err, want)
		}
	}
	got := play(t, "FROM a\nexit 4\n", Options{})
	var exit *ExitError
	if !errors.As(got.err, &exit) || exit.Status != 4 {
		t.Errorf("got %v, want an ExitError", got.err)
	}
}

func TestBeforeFrom(t *testing.T) {
	t.Parallel()
	got := play(t, "x=1\nRUN true\n", Options{})
	if want := "build.sh:2:1: RUN: no FROM before it"; got.err == nil || got.err.Error() != want {
		t.Errorf("got %v, want %s", got.err, want)
	}
}

// A message of the shell that is forgiven is printed; echo's text keeps its order.
func TestMessages(t *testing.T) {
	t.Parallel()
	got := play(t, "FROM a\necho one >&2\ncd none || echo two >&2\nread x < none || true\ntrue\n", Options{})
	want := "one\ncd: no such file or directory: \"none\"\ntwo\nopen none: no such file or directory\n"
	if got.err != nil || got.stderr != want {
		t.Errorf("stderr %q, want %q; error %v", got.stderr, want, got.err)
	}
}

func TestPositionIsAddedOnce(t *testing.T) {
	t.Parallel()
	got := play(t, "FROM a\nretry() { \"$@\"; }\n(retry RUN fail 5) | true\n", Options{})
	var first *diag.Error
	if !errors.As(got.err, &first) {
		t.Fatalf("got %v", got.err)
	}
	var second *diag.Error
	if errors.As(first.Err, &second) {
		t.Errorf("two positions: %v", got.err)
	}
}
