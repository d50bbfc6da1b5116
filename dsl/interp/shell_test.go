package interp

import (
	"strings"
	"testing"
)

// TestAsBash runs text whose meaning bash and the runner do not share: what is printed is what bash prints.
func TestAsBash(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, script, stdout string }{
		{"set -e is ignored in a subshell before ||", `(false; echo on) || echo or`, "on\n"},
		{"… in a condition", `if (false; echo on); then echo yes; fi`, "on\nyes\n"},
		{"… behind !", `! (false; echo on); echo $?`, "on\n1\n"},
		{"… in a substitution", `x=$(false; echo on) || echo or; echo "<$x>"`, "<on>\n"},
		{"… in a function that is called there", `f() { (false; echo on); }; f || echo or; g() { f; }; if g; then :; fi`, "on\non\n"},
		{"… though it is set anew", `(set -e; false; echo on) || echo or; (set -eu; false; echo on) || echo or; (set -o errexit; false; echo on) || :`, "on\non\non\n"},
		{"… in eval", `eval '(false; echo on) || echo or'`, "on\n"},
		{"… and nowhere else", `f() { (false; echo on); }; { (f; echo no) && echo no; } || echo or`, "on\nno\nno\n"},
		{"a local without a value is unset", `f() { local x; echo "<${x-unset}>"; x=2; local x; echo "<$x>"; }; x=1; f; echo $x`, "<unset>\n<2>\n1\n"},
		{"… an array", `f() { local -a a; a+=(x); echo ${#a[@]}; }; a=(1 2 3); f; echo ${#a[@]}`, "1\n3\n"},
		{"… by declare", `f() { declare x y=3; echo "<${x-unset}>$y"; }; x=1 y=1; f; echo $x$y; declare x; echo $x`, "<unset>3\n11\n1\n"},
		{"… for getopts", `f() { local OPTIND o; while getopts xy o; do echo $o; done; }; f -xy; f -y`, "x\ny\ny\n"},
		{"shift past the end", `set -- a; shift 2 || echo no $#; shift; shift || echo no`, "no 1\nno\n"},
		{"read keeps empty fields", `IFS=: read -r a b c <<< 'a::c'; echo "<$a><$b><$c>"; IFS=: read -ra p <<< ':b::c'; echo ${#p[@]}`, "<a><><c>\n4\n"},
		{"read trims blanks", `read -r a b <<< '  x   y  z  '; echo "<$a><$b>"; read -r <<< ' x '; echo "<$REPLY>"`, "<x><y  z>\n< x >\n"},
		{"read and backslashes", "read a b <<< 'a\\ b c\\\nd'; echo \"<$a><$b>\"; read -r a <<< 'a\\b'; echo $a", "<a b><cd>\na\\b\n"},
		{"read gives the last field the rest", `IFS=: read -r a b <<< 'a:b:c:'; echo "$b"; IFS=: read -r a b <<< 'a:b:'; echo "$b"; IFS=', ' read -r a b <<< 'a , b'; echo "$a-$b"`, "b:c:\nb\na-b\n"},
		{"read leaves the next line", "{ read -r a; read -r b; } <<E\n1\n2\nE\necho $b$a", "21\n"},
		{"read at the end", `while read -r l || [ -n "$l" ]; do echo "<$l>"; done < <(printf 'a\nb')`, "<a>\n<b>\n"},
		{"quotes in patterns", `x='a*'; echo "${x%'*'}" ${x%"*"} ${x/'*'/+}; [[ abc =~ "a.c" ]] || echo no; [[ a.c =~ ^a'.'c$ ]] && echo yes`, "a a a+\nno\nyes\n"},
		{"echo's flags and escapes", `echo -ne 'a\0101\x42\n'; echo -neE 'x\n'; echo; echo -e 'a\cb'; echo; echo -- -e`, "aAB\nx\\n\na\n-- -e\n"},
		{"an ERR trap runs once for a failure", `trap 'echo E$?' ERR; set +e; f() { { (exit 3); }; }; f; echo on; { false; }; if false; then :; fi; false || :`, "E3\non\nE1\n"},
		{"lines", "eval 'echo $LINENO'\nf() {\necho $LINENO\n}; f", "2\n4\n"},
		{"a trap for 0", `trap 'echo bye' 0; echo x`, "x\nbye\n"},
		{">|", `echo x >| /dev/null; echo y`, "y\n"},
		{"variables that bash sets, where the text bears that they are not", `echo "${SECONDS:-none}${HOSTNAME+set}"; FUNCNAME=x; echo $FUNCNAME; read -r x _ <<< 'a b'; echo $_`, "none\nx\nb\n"},
		{"~ with a HOME", `HOME=/h; echo ~ ~/x`, "/h /h/x\n"},
		{"numbers", `x=010 y=0x1f z= n=abc; echo $((x + y + z + n)) $((10#08 + 1)); x=08; echo $((10#$x))`, "39 9\n8\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := play(t, "FROM a\n"+tt.script+"\n", Options{})
			if got.err != nil || got.stdout != tt.stdout {
				t.Errorf("got %q, want %q; error %v", got.stdout, tt.stdout, got.err)
			}
		})
	}
}

// TestENVOfLocal sets a stage's variable in a function that has a local one of that name.
func TestENVOfLocal(t *testing.T) {
	t.Parallel()
	got := play(t, "FROM a\nX=outer\nf() {\n  local X=mine\n  ENV X=stage\n  echo $X\n}\nf\necho $X\nRUN env $X\nFROM b\necho $X\n", Options{})
	if want := "stage\nstage\nouter\n"; got.err != nil || got.stdout != want {
		t.Errorf("got %q, want %q; error %v", got.stdout, want, got.err)
	}
}

// TestJobsMessages fails two jobs side by side: each error has its own message and place.
func TestJobsMessages(t *testing.T) {
	t.Parallel()
	for range 5 {
		got := play(t, "FROM a\ncd one &\ncd two &\nwait\n", Options{})
		if got.err == nil {
			t.Fatal("no error")
		}
		for _, want := range []string{`build.sh:2:1: cd: no such file or directory: "one"`, `build.sh:3:1: cd: no such file or directory: "two"`} {
			if !strings.Contains(got.err.Error(), want) {
				t.Errorf("no %q in %q", want, got.err)
			}
		}
		if got.stderr != "" {
			t.Errorf("said twice: %s", got.stderr)
		}
	}
}
