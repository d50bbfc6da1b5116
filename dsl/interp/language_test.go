package interp

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// These are LANGUAGE's examples: what is done, in which order.
func TestLanguage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, script string
		files        []string
		options      Options
		calls        []string // without FROM
		stdout       string
	}{
		{
			name: "the operators of a RUN line stay in the container",
			script: `RUN apt-get update && apt-get install -y git > /log   # all of it in the container
RUN set -eux; if [ -d /x ]; then rm -r /x; fi         # all of it in the container
`,
			calls: []string{
				"RUN apt-get update && apt-get install -y git > /log   # all of it in the container",
				"RUN set -eux; if [ -d /x ]; then rm -r /x; fi         # all of it in the container",
			},
		},
		{
			name:   "a RUN ends before done",
			script: `for p in curl git; do RUN apt-get install -y $p; done # RUN ends before '; done'`,
			calls:  []string{"RUN apt-get install -y $p", "RUN apt-get install -y $p"},
		},
		{
			name: "a RUN is a condition",
			script: `if RUN test -e /etc/debian_version; then              # RUN ends before '; then'
  ENV FAMILY=debian
fi
if RUN fail 1; then ENV FAMILY=none; fi
echo $FAMILY`,
			calls:  []string{"RUN test -e /etc/debian_version", `ENV FAMILY="debian"`, "RUN fail 1"},
			stdout: "debian\n",
		},
		{
			name:   "a RUN feeds a loop",
			script: `{ RUN print root:x daemon:y; } | while IFS=: read -r g _; do echo "group $g"; done  # read outside`,
			calls:  []string{"RUN print root:x daemon:y"},
			stdout: "group root\n",
		},
		{
			name: "a RUN answers",
			script: `v=$(RUN print 13.1)        # RUN ends before ')'
case $v in 13*) ENV NEW=1 ;; esac                     # ENV ends before ';;'
echo $NEW`,
			calls:  []string{"RUN print 13.1", `ENV NEW="1"`},
			stdout: "1\n",
		},
		{
			name:   "a script feeds a RUN",
			script: "x=$(echo data | RUN input)\necho \"$x\"",
			calls:  []string{"RUN input"},
			stdout: "input \"data\\n\"\n",
		},
		{
			name:   "the last member of a pipeline runs in the current shell",
			script: "echo data | RUN tee /x                                # the script feeds its stdin\necho $?",
			calls:  []string{"RUN tee /x                                # the script feeds its stdin"},
			stdout: "0\n",
		},
		{
			name: "an answer with the container's operators, its pipes and its variables",
			script: `v=$(RUN . /etc/os-release && echo $VERSION_ID)        # RUN ends before ')'
VERSION_ID=host
v=$(RUN env $VERSION_ID | sort; true); echo "$v"`,
			calls:  []string{"RUN . /etc/os-release && echo $VERSION_ID", "RUN env $VERSION_ID | sort; true"},
			stdout: "VERSION_ID=host\n",
		},
		{
			name: "retry tries again, and then fails",
			script: `retry() { "$@" || "$@" || "$@"; }
retry RUN fail 3 || echo $?
if retry RUN fail 4; then :; fi`,
			calls: []string{
				`RUN ["fail" "3"]`, `RUN ["fail" "3"]`, `RUN ["fail" "3"]`,
				`RUN ["fail" "4"]`, `RUN ["fail" "4"]`, `RUN ["fail" "4"]`,
			},
			stdout: "3\n",
		},
		{
			name: "the stage's ARGs in shell text",
			script: `ARG TARGETARCH
if [ "$TARGETARCH" = arm64 ]; then RUN arm; fi
case $TARGETARCH in arm*) RUN new arm ;; esac`,
			options: Options{Builder: &ledger{args: map[string]string{"TARGETARCH": "arm64"}}},
			calls:   []string{"ARG TARGETARCH=arm64", "RUN arm", "RUN new arm"},
		},
		{
			name: "files of the context",
			script: `while read -r p; do RUN apt-get install -y $p; done < packages.txt
[ -f packages.txt ] && echo there
for f in *.d/*; do COPY $f /etc/; done
. ./lib.sh
greet`,
			files: []string{"packages.txt", "git\ncurl\n", "x.d/a b", "", "x.d/c", "", "lib.sh", "greet() { RUN echo hello; }\n"},
			calls: []string{
				"RUN apt-get install -y $p", "RUN apt-get install -y $p",
				`COPY ["x.d/a b"] "/etc/"`, `COPY ["x.d/c"] "/etc/"`, "RUN echo hello",
			},
			stdout: "there\n",
		},
		{
			name: "an instruction may go on over lines, and be the body of a block",
			script: `if true; then
  ENV A=1 \
      # a comment
      B=2
  RUN a \

    && b
fi
f() { RUN c; }
f; { RUN d; RUN e; }`,
			calls: []string{`ENV A="1" B="2"`, "RUN a     && b", "RUN c", "RUN d; RUN e"},
		},
		{
			name:   "a RUN does not eat a loop's input",
			script: "for i in 1 2; do echo $i; done | while read -r n; do\nRUN input\necho $n; done",
			calls:  []string{"RUN input", "RUN input"},
			stdout: "1\n2\n",
		},
		{
			name: "words that were expanded are the exec form",
			script: `retry() { "$@" || "$@" || "$@"; }
retry RUN apt-get update            # exec form: RUN ["apt-get", "update"]
retry RUN sh -c 'a && b'
eval "RUN x"
i=RUN; $i y z`,
			calls: []string{
				`RUN ["apt-get" "update"]`, `RUN ["sh" "-c" "a && b"]`, `RUN ["x"]`, `RUN ["y" "z"]`,
			},
		},
		{
			name: "operands are expanded without splitting and globbing",
			script: `v='a  b'; list=(x 'y z'); p=/usr/local; set -- one 'two three'
COPY *.go /src/
COPY $v ~ {1,2} /
COPY it\'s "it's" 'a"b' a\"\$v\' /
COPY "$@" "${list[@]}" /d/
COPY --chown=${u:-me} ${p#/usr} $((1+2)) $(echo sub  shell) /e
WORKDIR $p/$v
`,
			files: []string{"a.go", ""},
			calls: []string{
				`COPY ["*.go"] "/src/"`,
				`COPY ["a  b" "~" "{1,2}"] "/"`,
				`COPY ["it's" "it's" "a\"b" "a\"$v'"] "/"`,
				`COPY ["one" "two three" "x" "y z"] "/d/"`,
				`COPY ["/local" "3" "sub shell"] "/e" chown=me`,
				`WORKDIR /usr/local/a  b`,
			},
		},
		{
			name:   "a heredoc is expanded unless its name is quoted",
			script: "x=1\nCOPY <<A <<'B' /d/\n$x $(RUN print in) \\$x\nA\n$x\nB\nRUN <<E\nprint $x\nE\n",
			calls: []string{
				"RUN print in", `COPY [] "/d/" A:"1 in $x\n" B:"$x\n"`, "RUN <<E <print $x\n>",
			},
		},
		{
			name:   "the JSON form is expanded by Dockerfile's rules",
			script: "x='a b'\nCOPY [\"$x\", \"${y:-z}\", \"/d\"]\nRUN [\"print\", \"$x\"]",
			calls:  []string{`COPY ["a b" "z"] "/d"`, `RUN ["print" "$x"]`},
		},
		{
			name:   "EXEC is raw",
			script: "x=1\nEXEC print 'a b' $x",
			calls:  []string{`EXEC ["print" "a b" "$x"]`},
		},
		{
			name: "of ENV and ARG the later one wins, then come the script's variables",
			script: `V=script W=script
ENV V=stage
ARG V=arg
COPY $V $W /
echo $V
V=again
COPY $V /
`,
			calls:  []string{`ENV V="stage"`, "ARG V=arg", `COPY ["arg" "script"] "/"`, `COPY ["arg"] "/"`},
			stdout: "arg\n",
		},
		{
			name: "RUN sees what is exported and what it names",
			script: `export E=1; N=2; M=3; H=4; list=(5); IFS=,
RUN true
RUN env ${list} $PWD $IFS $N ${M:-x} | $(none) || '$Q'
env=$(RUN env $N ${M:-x} ${list} $PWD $V $PATH)
echo "$env"
`,
			calls: []string{
				"RUN true", "RUN env ${list} $PWD $IFS $N ${M:-x} | $(none) || '$Q'",
				"RUN env $N ${M:-x} ${list} $PWD $V $PATH",
			},
			stdout: "E=1\nM=3\nN=2\nPATH=/bin\n",
		},
		{
			name:    "$1 and $@",
			script:  "echo $0 $# \"$1\"; COPY \"$@\" /",
			options: Options{Args: []string{"a b", "-e", "--c"}, Name: "me"},
			calls:   []string{`COPY ["a b" "-e" "--c"] "/"`},
			stdout:  "me 3 a b\n",
		},
		{
			name:   "status in while, until, ! and ||",
			script: "n=0\nwhile RUN fail $n; do n=2; break; done\n! RUN fail 2\n{ RUN fail 3; } || echo $?\nf() {\n RUN fail 4\n echo on\n}\n! f\n",
			calls:  []string{"RUN fail $n", "RUN fail 2", "RUN fail 3", "RUN fail 4"},
			stdout: "3\non\n",
		},
		{
			name:   "the last status of a script does not count",
			script: "[ -n \"$X\" ] && ENV X=$X\n",
		},
		{
			name:   "the shell's own words",
			script: "printf -v v '%03d\\n' 7; RUN x\necho \"[$v]\"; IFS=, read -ra p <<< '1,2'; echo ${p[1]}; export \"Q=a\\\\b\"; echo \"$Q\"; v=$(<list); echo $v",
			files:  []string{"list", "a\nb\n"},
			calls:  []string{"RUN x"},
			stdout: "[007\n]\n2\na\\b\na b\n",
		},
		{
			name:   "lines that end in CRLF",
			script: "x=1\r\nif true; then\r\n  RUN a \\\r\n    b\r\nfi\r\nfor i in a b; do\r\n  COPY $i /\r\ndone\r\necho \"$x\" \\\r\n  y\r\n. ./lib.sh\r\n",
			files:  []string{"lib.sh", "z=2\r\necho $z\r\nRUN c\r\n"},
			calls:  []string{"RUN a     b", `COPY ["a"] "/"`, `COPY ["b"] "/"`, "RUN c"},
			stdout: "1 y\n2\n",
		},
		{
			name: "what is escaped",
			script: `x=it\'s\$y; export z=a\ b\~; echo "$x $z" ${q:-a\ b} "${q:-a\$b}" "${q:-a\ b}" "${q:-"a\"b"}"
case a\ b in "a b") echo one;; esac; case 'a*' in a\*) echo two;; esac; case ab in a\*) echo bad;; esac
[[ a\ b = "a b" ]] && echo three; [[ a.b =~ ^a\.b$ ]] && echo four; [[ axb =~ ^a\.b$ ]] || echo five
v='a/b c'; echo ${v//\//_} ${v%\ c} "${v/ /\$}"; read -r w <<< x\ y; echo "$w"; eval 'w=x\ z'; echo "$w"
COPY ${q:-a\ b} "${q:-a\ b}" ${v#a\/} \é /`,
			calls:  []string{`COPY ["a b" "a\\ b" "b c" "é"] "/"`},
			stdout: "it's$y a b~ a b a$b a\\ b a\"b\none\ntwo\nthree\nfour\nfive\na_b c a/b a/b$c\nx y\nx z\n",
		},
		{
			name:   "exit 0 ends it well",
			script: "exit 0\nRUN never",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := tt.options
			o.Dir = write(t, t.TempDir(), tt.files...)
			got := play(t, "FROM debian:12\n"+tt.script, o)
			if got.err != nil {
				t.Fatalf("error: %v", got.err)
			}
			if diff := cmp.Diff(append([]string{"FROM debian:12"}, tt.calls...), got.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.stdout, got.stdout); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
			if got.stderr != "" {
				t.Errorf("stderr: %s", got.stderr)
			}
		})
	}
}
