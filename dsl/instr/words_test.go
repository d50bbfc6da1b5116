package instr

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// Words that are expanded already: nothing in them is expanded, split or unquoted.
var words = []struct {
	words []string
	docs  []Heredoc
	want  string
}{
	{[]string{"FROM", "a:1", "AS", "n"}, nil, `FROM "a:1" as "n" platform ""`},
	{[]string{"FROM", "--platform=linux/arm64", "a"}, nil, `FROM "a" as "" platform "linux/arm64"`},
	{[]string{"RUN", "sh", "-c", "a && $b"}, nil, `RUN shell=false ["sh" "-c" "a && $b"]`},
	{[]string{"run", "--mount=type=cache,target=/$y", "ls", "--mount=x"}, nil, `RUN shell=false ["ls" "--mount=x"] cache on /$y`},
	{[]string{"RUN", "--", "--prog"}, nil, `RUN shell=false ["--prog"]`},
	{[]string{"CMD", "a", "$x"}, nil, `CMD shell=false ["a" "$x"]`},
	{[]string{"ENTRYPOINT", "a b"}, nil, `ENTRYPOINT shell=false ["a b"]`},
	{[]string{"SHELL", "bash", "-c"}, nil, `SHELL ["bash" "-c"]`},
	{[]string{"HEALTHCHECK", "--interval=3s", "CMD", "a", "$b"}, nil, `HEALTHCHECK ["CMD" "a" "$b"] every 3s`},
	{[]string{"HEALTHCHECK", "NONE"}, nil, `HEALTHCHECK ["NONE"] every 0s`},
	{[]string{"ONBUILD", "RUN", "a b", "$c"}, nil, `ONBUILD "RUN [\"a b\",\"$c\"]"`},
	{[]string{"ENV", "A=$x 'y", "B="}, nil, `ENV A="$x 'y" B=""`},
	{[]string{"ENV", "A", "b c", "d=e"}, nil, `ENV A="b c d=e"`},
	{[]string{"LABEL", `l="q"`}, nil, `LABEL l="\"q\""`},
	{[]string{"ARG", "a=$x", "b"}, nil, `ARG a="$x" b`},
	{[]string{"COPY", "--chown=me", "a b", "$c", "/d/"}, nil, `COPY ["a b" "$c"] to "/d/" chown "me" chmod "" from "" link false`},
	{[]string{"COPY", "<<A", "b", "/d"}, []Heredoc{{"A", "$x\n"}}, `COPY ["b"] <A "$x\n" false> to "/d" chown "" chmod "" from "" link false`},
	{[]string{"ADD", "http://x/$y", "/"}, nil, `ADD ["http://x/$y"] to "/" chown "" checksum ""`},
	{[]string{"WORKDIR", "/a b"}, nil, `WORKDIR "/a b"`},
	{[]string{"WORKDIR", "/a", "b"}, nil, `WORKDIR "/a b"`},
	{[]string{"USER", "me:us"}, nil, `USER "me:us"`},
	{[]string{"STOPSIGNAL", "9"}, nil, `STOPSIGNAL "9"`},
	{[]string{"EXPOSE", "80", "81/udp"}, nil, `EXPOSE ["80" "81/udp"]`},
	{[]string{"VOLUME", "/a b", "/c"}, nil, `VOLUME ["/a b" "/c"]`},
	{[]string{"MAINTAINER", "me", "too"}, nil, `MAINTAINER "me too"`},
	{[]string{"EXEC", "a b", "--c", ""}, nil, `&instr.Exec{Args:[]string{"a b", "--c", ""}}`},
	{[]string{"CWD", "/a b"}, nil, `&instr.Cwd{Dir:"/a b"}`},
	{[]string{"MEM", "1k"}, nil, `&instr.Mem{Bytes:1024}`},
	{[]string{"MEM"}, nil, `&instr.Mem{Bytes:0}`},
	{[]string{"USERNS", "0"}, nil, `&instr.UserNS{UID:"0"}`},
	{[]string{"COMMIT", "a", "b:1"}, nil, `&instr.Commit{Names:[]string{"a", "b:1"}}`},
	{[]string{"PUSH", "a"}, nil, `&instr.Push{Names:[]string{"a"}}`},
	{[]string{"EXPORT", "/a", "b"}, nil, `&instr.Export{Src:"/a", Dest:"b"}`},
}

func TestFromWords(t *testing.T) {
	t.Parallel()
	for _, tt := range words {
		t.Run(strings.Join(tt.words, " "), func(t *testing.T) {
			t.Parallel()
			cmd, err := FromWords(tt.words[0], tt.words[1:], tt.docs...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, show(cmd)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFromWordsErrors(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"COPY a":          "COPY requires at least two arguments",
		"COPY --bad a b":  "unknown flag: --bad",
		"ENV":             "ENV requires at least one argument",
		"ENV A":           "ENV must have two arguments",
		"ENV A=1 B":       `can't find = in "B"`,
		"ENV =1":          "ENV names can not be blank",
		"WORKDIR":         "WORKDIR requires exactly one argument",
		"SHELL":           "SHELL requires at least one argument",
		"ONBUILD":         "ONBUILD requires at least one argument",
		"ONBUILD FROM a":  "FROM isn't allowed as an ONBUILD trigger",
		"HEALTHCHECK":     "HEALTHCHECK requires at least one argument",
		"FORM a":          "unknown instruction: FORM",
		"RUN --mount=x a": "x",
		"EXEC":            "EXEC requires a program",
		"MEM lots":        "is not a size",
		"USERNS me":       "is not a user id",
		"EXPORT a":        "EXPORT requires a source and a destination",
	} {
		words := strings.Fields(line)
		if _, err := FromWords(words[0], words[1:]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", line, err, want)
		}
	}
}

// The text that the history and ONBUILD keep is read back as the same instruction.
func TestWordsAsText(t *testing.T) {
	t.Parallel()
	for _, tt := range words {
		keyword := strings.ToUpper(tt.words[0])
		if _, own := ownWords[keyword]; own || tt.docs != nil || keyword == "ONBUILD" {
			continue
		}
		flags, operands := splitFlags(tt.words[1:])
		text := source(keyword, flags, operands)
		again, err := Parse(text, 0)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if _, ok := again.(*instructions.RunCommand); ok || strings.Contains(text, "$") || keyword == "ENV" || keyword == "LABEL" {
			continue // what is quoted or mounted shows after expansion only
		}
		if diff := cmp.Diff(tt.want, show(again)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
