package interp

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// What a script tries on the host. Each attempt ends the build, even where a shell
// would forgive it.
func TestRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ script, err string }{
		{"cat /etc/passwd", "2:1: unknown instruction or command: cat"},
		{"curl -s https://example.com || true", "2:1: unknown instruction or command: curl"},
		{"if /bin/sh -c id; then :; fi", "2:4: unknown instruction or command: /bin/sh"},
		{"./run.sh", "2:1: unknown instruction or command: ./run.sh"},
		{"exec sh", "2:1: unknown instruction or command: sh"},
		{"command sh", "2:1: unknown instruction or command: sh"},
		{"x=$(id)", "2:5: unknown instruction or command: id"},
		{"from debian\n:", "2:1: unknown instruction or command: from (did you mean FROM?)"},
		{"prnitf x", "2:1: unknown instruction or command: prnitf (did you mean printf?)"},
		{"build() { :; }; biuld", "2:17: unknown instruction or command: biuld (did you mean build?)"},
		{"echo x > /tmp/y", "2:1: write /tmp/y: a script writes no files of the host"},
		{"echo x >> own || true", "2:1: write own: a script writes no files of the host"},
		{"echo x &> own", "write own: a script"},
		{"exec > /tmp/y", "write /tmp/y: a script"},
		{". /etc/profile", "2:1: /etc/profile: outside of the build context"},
		{"source ../x.sh || true", "2:1: ../x.sh: outside of the build context"},
		{"command . /etc/profile", "/etc/profile: outside"},
		{"builtin source /etc/profile", "/etc/profile: outside"},
		{"eval '. /etc/profile'", "2:1: /etc/profile: outside"},
		{"[ -r /etc/shadow ]", "2:1: /etc/shadow: outside"},
		{"if [ -e /etc/hostname ]; then :; fi", "2:4: /etc/hostname: outside"},
		{"[[ -d /usr ]] || true", "2:1: /usr: outside"},
		{"test own -nt /etc/passwd", "/etc/passwd: outside"},
		{"read -r x < ../f", "2:1: ../f: outside"},
		{"mapfile -t x < /etc/passwd", "2:1: /etc/passwd: outside"},
		{"x=$(</etc/passwd)", "/etc/passwd: outside"},
		{"x=$(< sub/../../f)", "outside"},
		{"cd / || true", "2:1: /: outside"},
		{"cd ..", "outside"},
		{"pushd /etc", "/etc: outside"},
		{"echo /etc/*", "/etc: outside"},
		{"echo ../*", "outside"},
		{"PWD=/etc; echo *", "/etc: outside"},
		{"for f in /*; do :; done", "/: outside"},
		{"read x < link/passwd", "2:1: link/passwd: the link leads out of the build context"},
		{"read x < secret", "secret: the link leads out"},
		{"[ -f secret ]", "the link leads out"},
		{"cd link", "the link leads out"},
		{". ./dangling", "the link leads out"},
		{"exec 3< /dev/tcp/127.0.0.1/80", "file descriptor 3 is not"},
		{"read x < /dev/tcp/127.0.0.1/80", "/dev/tcp/127.0.0.1/80: outside"},
		{"read x < /proc/self/environ", "/proc/self/environ: outside"},
		{"(cat /etc/passwd) || true", "2:2: unknown"},
		{"{ cat /etc/passwd; } & wait || true", "2:3: unknown"},
		{"trap 'cat /etc/passwd' EXIT; exit", "unknown instruction or command: cat"},
		{"type() { :; }", "2:1: type cannot be redefined"},
		{"\x01same() { :; }", "cannot be redefined"},
		{"$'\\x01at' \"'; cat /etc/passwd; '\"\nSHBUILD_AT=\"'; cat /etc/passwd; '\"\nf() { cat; }; f", "unknown instruction or command: cat"},
		{"unset() { cat /etc/passwd; }\nX=(1)\nENV_=1 exec cat", "unknown instruction or command: cat"},
		{"alias unset='cat /etc/passwd'; shopt -s expand_aliases; cat", "unknown instruction or command: cat"},
		{"builtin eval 'command -p cat /etc/passwd'", "unknown instruction or command: cat"},
		{"builtin exec cat", "unknown instruction or command: cat"},
		{"exec -a x cat", "unknown instruction or command: -a"},
		{"[ own -ef /etc/passwd ]", "/etc/passwd: outside"},
		{"[ -x /bin/sh ]", "/bin/sh: outside"},
		{"[ -O /etc/passwd ]", "/etc/passwd: outside"},
		{"[ -L /etc/mtab ]", "/etc/mtab: outside"},
		{"cd sub; [ -f ../../f ]", "outside"},
		{"cd sub; cd -; cd ../sub/../..", "outside"},
		{"pushd -n /etc; popd", "outside"},
		{"OLDPWD=/etc; cd -", "/etc: outside"},
		{"HOME=/etc; cd", "/etc: outside"},
		{"HOME=/etc; echo ~/*", "/etc: outside"},
		{"shopt -s globstar; echo /**/passwd", "outside"},
		{"for f in link/*; do read -r x < $f; done", "link"},
		{"echo x > sub/new", "write sub/new"},
		{"echo x >| sub/new", "write sub/new"},
		{"echo x <> own", "<> is not"},
		{"echo ~/x", "~ is not"},
		{"echo x > /dev/full", "write /dev/full"},
		{"{ RUN print x\n} > out", "write out"},
		{"getopts ab x -ab; getopts ab x -a", "the shell broke down"},
		{"x='eval \"$x\"'; eval \"$x\"", "evals call each other more than"},
		{"shift -1", "a number is needed"},
		{"f() { f; }; f", "functions call each other more than"},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			dir := filepath.Join(parent, "context")
			write(t, dir, "own", "mine", "sub/x", "", "run.sh", "#!/bin/sh\n")
			write(t, parent, "f", "secret", "x.sh", "echo out")
			for link, target := range map[string]string{"link": "/etc", "secret": "../f", "dangling": "/nowhere/at/all"} {
				if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
			got := play(t, "FROM a\n"+tt.script+"\nRUN after", Options{Dir: dir})
			if got.err == nil || !strings.Contains(got.err.Error(), tt.err) {
				t.Fatalf("got error %v, want %q", got.err, tt.err)
			}
			if !strings.HasPrefix(got.err.Error(), "build.sh:") {
				t.Errorf("no position: %v", got.err)
			}
			if len(got.calls) > 1 {
				t.Errorf("the build went on: %q", got.calls)
			}
		})
	}
}

// What a script must not learn, and may do.
func TestInside(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, script, stdout string }{
		{"reading", "while read -r p; do echo $p; done < packages.txt\necho \"$(<own)\"; cd sub; read -r x < ../own; echo $x $(< inner)", "git\ncurl\nmine\nmine in\n"},
		{"tests", "[ -f own ] && [ -d sub ] && [ -r own ] && [ ! -w own ] && [ ! -e none ] && [ -L in ] && [ -s own ] && echo yes", "yes\n"},
		{"globs", "echo *.txt sub/*; cd sub; echo *; echo none*; echo l*/*", "packages.txt sub/inner\ninner\nnone*\nl*/*\n"},
		{"links that stay inside", "read -r x < in; echo $x; read -r x < abs; echo $x; read -r x < folder/inner; echo $x; echo fol*/*", "mine\nmine\nin\nfolder/inner\n"},
		{"/dev/null and the like", "echo x > /dev/null; echo y > /dev/stdout; read -r x < /dev/null || echo end; [ -e /dev/null ] && echo there", "y\nend\nthere\n"},
		{"no environment", "echo ${HOME-none} ${UID-none} ${TMPDIR-none} ${USER-none} ${PATH-none} ~root; (echo ~root ${HOME-none}) & wait", "none none none none none ~root\n~root none\n"},
		{"the host's users, in text that only running gives", "v=h=~root; w='h=~root'; declare $w; echo $h; export \"$w\" x=1; echo $h $x; f() { local \"$w\"; echo $h; }; f; [ '~root' = /root ] || echo no; [ '~root' != '~root' ] || echo no; echo ${y:-~root} \"${y:-~root}\"; shopt -s expand_aliases; alias e='echo ~root'; e; eval 'echo ~root; export z=~root'; echo $z; trap 'echo ~root' EXIT", "~root\n~root 1\n~root\nno\nno\n~root ~root\n~root\n~root\n~root\n~root\n"},
		{"asking for commands", "command -v sh || echo no; command -v f || echo no; f() { :; }; command -v f; command -v echo; command -v RUN; type -t f; type -t sh || echo no; command -v /bin/sh || echo no; command -v ./run.sh || echo no; PATH=/bin; command -v sh || echo no; type -p sh || echo no; echo $PATH", "no\nno\nf\necho\nRUN\nfunction\nno\nno\nno\nno\nno\n/bin\n"},
		{"process substitution", "while read -r l; do echo \"<$l>\"; done < <(echo a; echo b)\nmapfile -t m < <(RUN print c\n)\necho ${m[0]} ${#m[@]}", "<a>\n<b>\nc 1\n"},
		{"missing files are a status", "read -r x < none || echo no; . ./none || echo no; cd none || echo no; [ -f none/x ] || echo no", "no\nno\nno\nno\n"},
		{"functions that hide builtins", "cd() { echo cd $1; }; cd /etc; (unset -f cd; cd sub; echo *); cd x", "cd /etc\ninner\ncd x\n"},
		{"functions that would hide builtins", "if false; then test() { :; }; fi; test '~root' = /root || echo no; x() { test() { echo mine; }; }; x; test; (unset test; test '~root' = /root || echo no)", "no\nmine\nno\n"},
		{"no input", "mapfile x <&- || echo no; read -r x || echo no", "no\nno\n"},
		{"! forgives", "f() { false; echo on; }; ! f; ! command -v none; ! eval false; echo on", "on\non\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, t.TempDir(), "own", "mine\n", "sub/inner", "in\n", "packages.txt", "git\ncurl\n", "run.sh", "")
			for link, target := range map[string]string{"in": "sub/../own", "abs": filepath.Join(dir, "own"), "folder": "sub", "out": "/etc"} {
				if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(filepath.Join(dir, "run.sh"), 0o755); err != nil {
				t.Fatal(err)
			}
			got := play(t, "FROM a\nENV PATH=\nFROM b\nunset PATH\n"+tt.script+"\n", Options{Dir: dir})
			if got.err != nil {
				t.Errorf("error: %v", got.err)
			}
			if got.stdout != tt.stdout {
				t.Errorf("stdout %q, want %q; stderr %s", got.stdout, tt.stdout, got.stderr)
			}
		})
	}
}

// A named pipe in the context is not waited for.
func TestPipeInContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := play(t, `FROM a
[ -r pipe ] && [ -p pipe ] && echo there
echo pipe/*
read -r x < pipe || echo no
. ./pipe || echo no
x=$(<pipe) || echo no
cd pipe || echo no
`, Options{Dir: dir})
	if want := "there\npipe/*\nno\nno\nno\nno\n"; got.err != nil || got.stdout != want {
		t.Errorf("stdout %q, want %q; error %v", got.stdout, want, got.err)
	}
}

// A link that is changed while a script reads through it never leads out.
func TestChangingLink(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := write(t, filepath.Join(parent, "context"), "own", "mine\n", "sub/f", "mine\n")
	write(t, parent, "out/f", "secret\n")
	done := make(chan struct{})
	var changing sync.WaitGroup
	changing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			target := []string{"sub", "../out", filepath.Join(dir, "sub"), filepath.Join(parent, "out")}[i%4]
			if err := os.Symlink(target, filepath.Join(dir, "new")); err != nil {
				t.Error(err)
				return
			}
			if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "link")); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 10 {
		got := play(t, `FROM a
i=0
while [ $((i++)) -lt 20 ]; do
  x=$(<link/f) || true; echo "$x"
  { read -r x < link/f; } || true; echo "$x"
  echo link/*
done
`, Options{Dir: dir})
		if strings.Contains(got.stdout, "secret") || strings.Contains(got.stdout, "out") {
			t.Errorf("stdout %q", got.stdout)
		}
	}
	close(done)
	changing.Wait()
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	dir := write(t, t.TempDir(), "own", "mine\n")
	o := Options{Dir: dir, AllowHostProgs: []string{"cat", "false"}, AllowWrite: []string{out}}
	got := play(t, "FROM a\nx=$(cat < own)\necho $x > "+out+"/f\necho more >> "+out+"/f\ncat "+out+"/f\n{ RUN print y\n} | cat\nfalse || echo $?\ncommand -v cat > /dev/null && echo found", o)
	if got.err != nil || got.stdout != "mine\nmore\ny\n1\nfound\n" {
		t.Errorf("stdout %q, error %v", got.stdout, got.err)
	}
	if data, err := os.ReadFile(filepath.Join(out, "f")); err != nil || string(data) != "mine\nmore\n" {
		t.Errorf("wrote %q, %v", data, err)
	}
	for script, want := range map[string]string{
		"sh -c true":                "unknown instruction or command: sh",
		"echo x > own":              "write own",
		"echo x > " + out + "/../x": "write ",
		"false":                     "build.sh:2:1: false: exit status 1",
	} {
		got := play(t, "FROM a\n"+script, o)
		if got.err == nil || !strings.Contains(got.err.Error(), want) {
			t.Errorf("%s: got %v, want %q", script, got.err, want)
		}
	}
	got = play(t, "FROM a\nsh -c 'exit 3'", Options{AllowHost: true})
	if want := "build.sh:2:1: sh -c exit 3: exit status 3"; got.err == nil || got.err.Error() != want {
		t.Errorf("got %v, want %s", got.err, want)
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"curl x":              "--allow-host=curl",
		"echo x > /tmp/y":     "--allow-write=/tmp",
		"read x < /etc/x":     "inside the context folder",
		"f() { cat x; }\n\nf": "called from build.sh:4:1",
	} {
		got := play(t, "FROM a\n"+script, Options{})
		if hint := printed(got.err); !strings.Contains(hint, want) {
			t.Errorf("%s: hint %q, want %q", script, hint, want)
		}
	}
}
