package interp

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const library = `# a library
install() {
  local p
  for p in "$@"; do
    RUN apt-get install -y $p && \
        rm -rf /var/cache  # raw
  done
}
broken() {

  if true; then RUN fail 9; fi
}
typo() { false; }
background() {
  ( RUN fail 8 ) &
}
COPY <<E /etc/motd
$greeting
E
x="it's"
[[ $1 = one ]] && return 0
return 5
`

func TestSource(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, script string
		calls        []string
		err, hint    string
	}{
		{
			name:   "a library's functions and instructions",
			script: "greeting=hello\n. ./lib.sh one\ninstall git curl",
			calls: []string{
				`COPY [] "/etc/motd" E:"hello\n"`,
				"RUN apt-get install -y $p &&         rm -rf /var/cache  # raw",
				"RUN apt-get install -y $p &&         rm -rf /var/cache  # raw",
			},
		},
		{
			name:   "in a function, a subshell, a loop",
			script: "f() { source lib.sh one; }\n(f; install a)\nfor i in 1; do f; done\ninstall b",
			calls: []string{
				`COPY [] "/etc/motd" E:"\n"`, "RUN apt-get install -y $p &&         rm -rf /var/cache  # raw",
				`COPY [] "/etc/motd" E:"\n"`, "RUN apt-get install -y $p &&         rm -rf /var/cache  # raw",
			},
		},
		{
			name:   "a library of a library, from its own folder's view",
			script: "cd sub; . ../sub/more.sh",
			calls:  []string{"RUN in more", "RUN in last"},
		},
		{
			name:   "return in a library",
			script: ". ./lib.sh || echo $?\nRUN after",
			calls:  []string{`COPY [] "/etc/motd" E:"\n"`, "RUN after"},
		},
		{
			name:   "a library that is a plain Dockerfile",
			script: ". ./plain.sh; [ $X = 1 ]",
			calls:  []string{`ENV X="1"`, "RUN print $X"},
		},
		{
			name:   "errors have the library's position",
			script: ". ./lib.sh one\n\nbroken",
			calls:  []string{`COPY [] "/etc/motd" E:"\n"`, "RUN fail 9"},
			err:    "lib.sh:11:17: RUN: exit status 9",
			hint:   "called from build.sh:4:1",
		},
		{
			name:   "so have the shell's",
			script: ". ./lib.sh one\ntypo",
			calls:  []string{`COPY [] "/etc/motd" E:"\n"`},
			err:    "lib.sh:13:10: false: exit status 1",
			hint:   "called from build.sh:3:1",
		},
		{
			name:   "and jobs'",
			script: ". ./lib.sh one\nbackground\nwait",
			calls:  []string{`COPY [] "/etc/motd" E:"\n"`, "RUN fail 8"},
			err:    "lib.sh:15:5: RUN: exit status 8",
			hint:   "called from build.sh:3:1",
		},
		{
			name:   "a library that fails while it is sourced",
			script: ". ./fails.sh",
			calls:  []string{"RUN fail 2"},
			err:    "fails.sh:2:3: RUN: exit status 2",
			hint:   "called from build.sh:2:1",
		},
		{
			name:   "a library that does not parse",
			script: ". ./bad.sh",
			err:    "bad.sh:2:1: ",
		},
		{
			name:   "a library that sources itself",
			script: ". ./loop.sh",
			err:    "loop.sh:1:1: .: files source each other more than 1000 deep",
		},
		{
			name:   "a missing library",
			script: ". ./none.sh",
			err:    "build.sh:2:1: open ./none.sh: no such file or directory",
		},
		{
			name:   "a folder",
			script: ". ./sub",
			err:    "build.sh:2:1: open ./sub: is a directory",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, t.TempDir(),
				"lib.sh", library,
				"sub/more.sh", ". ../last.sh\n",
				"last.sh", "{ RUN in more\n}\nRUN in last",
				"plain.sh", "ENV X=1\nRUN print $X\n",
				"fails.sh", "if true; then\n  RUN fail 2\nfi\n",
				"bad.sh", "if true\nfi\n",
				"loop.sh", ". ./loop.sh\n",
			)
			got := play(t, "FROM a\n"+tt.script+"\n", Options{Dir: dir})
			if (tt.err == "") != (got.err == nil) || got.err != nil && !strings.HasPrefix(got.err.Error(), tt.err) {
				t.Errorf("got error %v, want %q", got.err, tt.err)
			}
			if hint := printed(got.err); !strings.Contains(hint, tt.hint) {
				t.Errorf("hint %q, want %q", hint, tt.hint)
			}
			if tt.calls != nil {
				if diff := cmp.Diff(append([]string{"FROM a"}, tt.calls...), got.calls); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			}
		})
	}
}
