package instr

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// show gives what counts of an instruction's value.
func show(cmd any) string {
	switch c := cmd.(type) {
	case *instructions.Stage:
		return fmt.Sprintf("FROM %q as %q platform %q", c.BaseName, c.Name, c.Platform)
	case *instructions.RunCommand:
		return fmt.Sprintf("RUN shell=%v %q%s", c.PrependShell, c.CmdLine, files(c.Files)) + mounts(c)
	case *instructions.CmdCommand:
		return fmt.Sprintf("CMD shell=%v %q", c.PrependShell, c.CmdLine)
	case *instructions.EntrypointCommand:
		return fmt.Sprintf("ENTRYPOINT shell=%v %q", c.PrependShell, c.CmdLine)
	case *instructions.ShellCommand:
		return fmt.Sprintf("SHELL %q", []string(c.Shell))
	case *instructions.HealthCheckCommand:
		return fmt.Sprintf("HEALTHCHECK %q every %v", c.Health.Test, c.Health.Interval)
	case *instructions.OnbuildCommand:
		return fmt.Sprintf("ONBUILD %q", c.Expression)
	case *instructions.EnvCommand:
		return "ENV" + pairs(c.Env)
	case *instructions.LabelCommand:
		return "LABEL" + pairs(c.Labels)
	case *instructions.ArgCommand:
		out := "ARG"
		for _, a := range c.Args {
			out += " " + a.Key
			if a.Value != nil {
				out += fmt.Sprintf("=%q", *a.Value)
			}
		}
		return out
	case *instructions.CopyCommand:
		return fmt.Sprintf("COPY %q%s to %q chown %q chmod %q from %q link %v", c.SourcePaths, contents(c.SourceContents), c.DestPath, c.Chown, c.Chmod, c.From, c.Link)
	case *instructions.AddCommand:
		return fmt.Sprintf("ADD %q%s to %q chown %q checksum %q", c.SourcePaths, contents(c.SourceContents), c.DestPath, c.Chown, c.Checksum)
	case *instructions.WorkdirCommand:
		return fmt.Sprintf("WORKDIR %q", c.Path)
	case *instructions.UserCommand:
		return fmt.Sprintf("USER %q", c.User)
	case *instructions.StopSignalCommand:
		return fmt.Sprintf("STOPSIGNAL %q", c.Signal)
	case *instructions.ExposeCommand:
		return fmt.Sprintf("EXPOSE %q", c.Ports)
	case *instructions.VolumeCommand:
		return fmt.Sprintf("VOLUME %q", c.Volumes)
	case *instructions.MaintainerCommand:
		return fmt.Sprintf("MAINTAINER %q", c.Maintainer)
	}
	return fmt.Sprintf("%#v", cmd)
}

func mounts(c *instructions.RunCommand) string {
	out := ""
	for _, m := range instructions.GetMounts(c) {
		if m.Target != "" { // else it is not read before it is expanded
			out += fmt.Sprintf(" %s on %s", m.Type, m.Target)
		}
	}
	return out
}

func pairs(list instructions.KeyValuePairs) string {
	out := ""
	for _, kv := range list {
		out += fmt.Sprintf(" %s=%q", kv.Key, kv.Value)
	}
	return out
}

func files(list []instructions.ShellInlineFile) string {
	out := ""
	for _, f := range list {
		out += fmt.Sprintf(" <%s %q>", f.Name, f.Data)
	}
	return out
}

func contents(list []instructions.SourceContent) string {
	out := ""
	for _, c := range list {
		out += fmt.Sprintf(" <%s %q %v>", c.Path, c.Data, c.Expand)
	}
	return out
}

// Each text, what it is before variables are expanded, and after, with x='a b' and y=c.
// "" means that expanding changes nothing.
var texts = []struct{ text, parsed, expanded string }{
	{"FROM a:$y AS n", `FROM "a:$y" as "n" platform ""`, `FROM "a:c" as "n" platform ""`},
	{"from --platform=linux/$y a", `FROM "a" as "" platform "linux/$y"`, `FROM "a" as "" platform "linux/c"`},
	{"RUN echo $x && \\\n  ls  # $y", `RUN shell=true ["echo $x &&   ls  # $y"]`, ""},
	{`RUN ["a", "$x"]`, `RUN shell=false ["a" "$x"]`, ""},
	{"RUN <<E\n$x\nE", `RUN shell=true ["<<E"] <E "$x\n">`, ""},
	{"RUN --mount=type=cache,target=/$y ls <<E\n$x\nE", `RUN shell=true ["ls <<E"] <E "$x\n">`, `RUN shell=true ["ls <<E"] <E "$x\n"> cache on /c`},
	{"CMD echo $x", `CMD shell=true ["echo $x"]`, ""},
	{`ENTRYPOINT ["a", "$x"]`, `ENTRYPOINT shell=false ["a" "$x"]`, ""},
	{`SHELL ["$x", "-c"]`, `SHELL ["$x" "-c"]`, ""},
	{"HEALTHCHECK --interval=2s CMD echo $x", `HEALTHCHECK ["CMD-SHELL" "echo $x"] every 2s`, ""},
	{"HEALTHCHECK NONE", `HEALTHCHECK ["NONE"] every 0s`, ""},
	{"ONBUILD RUN echo $x", `ONBUILD "RUN echo $x"`, ""},
	{"ENV A=$x B=\"$y z\" C='$x' D=\\$x", `ENV A="$x" B="\"$y z\"" C="'$x'" D="\\$x"`, `ENV A="a b" B="c z" C="$x" D="$x"`},
	{"ENV A $x z", `ENV A="$x z"`, `ENV A="a b z"`},
	{"LABEL l=${none:-$y}", `LABEL l="${none:-$y}"`, `LABEL l="c"`},
	{"ARG a=1 b=$a c", `ARG a="1" b="$a" c`, `ARG a="1" b="1" c`},
	{"COPY --chown=$y --chmod=755 $x b* /$y/", `COPY ["$x" "b*"] to "/$y/" chown "$y" chmod "755" from "" link false`, `COPY ["a b" "b*"] to "/c/" chown "c" chmod "755" from "" link false`},
	{`COPY ["$x", "/$y"]`, `COPY ["$x"] to "/$y" chown "" chmod "" from "" link false`, `COPY ["a b"] to "/c" chown "" chmod "" from "" link false`},
	{"COPY --from=n --link a /b", `COPY ["a"] to "/b" chown "" chmod "" from "n" link true`, ""},
	{"COPY <<A <<'B' /d\n$y\nA\n$y\nB", `COPY [] <A "$y\n" true> <B "$y\n" false> to "/d" chown "" chmod "" from "" link false`, `COPY [] <A "c\n" true> <B "$y\n" false> to "/d" chown "" chmod "" from "" link false`},
	{"ADD --chown=$y --checksum=sha256:$y http://$y /", `ADD ["http://$y"] to "/" chown "$y" checksum "sha256:$y"`, `ADD ["http://c"] to "/" chown "c" checksum "sha256:c"`},
	{"WORKDIR /$x", `WORKDIR "/$x"`, `WORKDIR "/a b"`},
	{"USER $y:1", `USER "$y:1"`, `USER "c:1"`},
	{"STOPSIGNAL $y", `STOPSIGNAL "$y"`, `STOPSIGNAL "c"`},
	{"EXPOSE 80 $y/udp", `EXPOSE ["$y/udp" "80"]`, `EXPOSE ["c/udp" "80"]`},
	{"VOLUME /$y /b", `VOLUME ["/$y" "/b"]`, `VOLUME ["/c" "/b"]`},
	{"MAINTAINER $x me", `MAINTAINER "$x me"`, ""},

	{`EXEC make -C '/a b' $x "q\"" ''`, `&instr.Exec{Args:[]string{"make", "-C", "/a b", "$x", "q\"", ""}}`, ""},
	{"exec a \\\n  --b", `&instr.Exec{Args:[]string{"a", "--b"}}`, ""},
	{"CWD /$y", `&instr.Cwd{Dir:"/$y"}`, `&instr.Cwd{Dir:"/c"}`},
	{"MEM 512m", `&instr.Mem{Bytes:536870912}`, ""},
	{"MEM 2g", `&instr.Mem{Bytes:2147483648}`, ""},
	{"MEM 4096", `&instr.Mem{Bytes:4096}`, ""},
	{"MEM", `&instr.Mem{Bytes:0}`, ""},
	{"USERNS 1000", `&instr.UserNS{UID:"1000"}`, ""},
	{"USERNS", `&instr.UserNS{UID:""}`, ""},
	{"COMMIT app:$y app:latest", `&instr.Commit{Names:[]string{"app:$y", "app:latest"}}`, `&instr.Commit{Names:[]string{"app:c", "app:latest"}}`},
	{"PUSH reg/$y", `&instr.Push{Names:[]string{"reg/$y"}}`, `&instr.Push{Names:[]string{"reg/c"}}`},
	{"EXPORT /$x out/$y", `&instr.Export{Src:"/$x", Dest:"out/$y"}`, `&instr.Export{Src:"/a b", Dest:"out/c"}`},
}

func TestParseAndExpand(t *testing.T) {
	t.Parallel()
	env := shell.EnvsFromSlice([]string{"x=a b", "y=c"})
	for _, tt := range texts {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			cmd, err := Parse(tt.text, 0)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.parsed, show(cmd)); diff != "" {
				t.Errorf("parsed (-want +got):\n%s", diff)
			}
			out, err := Expand(cmd, env, 0)
			if err != nil {
				t.Fatal(err)
			}
			want := tt.expanded
			if want == "" {
				want = tt.parsed
			}
			if diff := cmp.Diff(want, show(out)); diff != "" {
				t.Errorf("expanded (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.parsed, show(cmd)); diff != "" {
				t.Errorf("Expand has changed its operand (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"COPY a":               "COPY requires at least two arguments",
		"COPY --bad a b":       "unknown flag: --bad",
		"ENV A":                "ENV must have two arguments",
		"ENV A=1 B":            "can't find = in \"B\"",
		"FROM":                 "FROM requires either one or three arguments",
		"FROM a b c":           "FROM requires either one or three arguments",
		"WORKDIR":              "WORKDIR requires exactly one argument",
		"USER":                 "USER requires exactly one argument",
		"SHELL a":              "SHELL requires the arguments to be in JSON form",
		"HEALTHCHECK a":        `Unknown type "A"`,
		"ONBUILD FROM a":       "FROM isn't allowed as an ONBUILD trigger",
		"COPY <<E /d\nx":       "unterminated heredoc",
		"FORM a":               "unknown instruction: FORM",
		"RUN a\nRUN b":         "2 instructions where one was expected",
		"":                     "file with no instructions",
		"EXEC":                 "EXEC requires a program",
		"EXEC '' a":            "EXEC requires a program",
		"EXEC 'a":              "a quote is not closed",
		"CWD":                  "CWD requires exactly one folder",
		"CWD a b":              "CWD requires exactly one folder",
		"CWD --x":              "unknown flag: --x",
		"CWD ''":               "an operand is empty",
		"MEM lots":             `"lots" is not a size such as 512m or 2g`,
		"MEM 0":                `"0" is not a size`,
		"MEM -1":               `"-1" is not a size`,
		"MEM 1m 2m":            "MEM takes one size, or nothing for no limit",
		"USERNS root":          `"root" is not a user id: a number is needed`,
		"USERNS -1":            `"-1" is not a user id`,
		"USERNS 1 2":           "USERNS takes one user id, or nothing for the default",
		"USERNS 4294967296":    `"4294967296" is not a user id`,
		"COMMIT":               "COMMIT requires at least one image name",
		"COMMIT --all x":       "unknown flag: --all",
		"PUSH":                 "PUSH requires at least one image name",
		"EXPORT a":             "EXPORT requires a source and a destination",
		"EXPORT a b c":         "EXPORT requires a source and a destination",
		"EXPORT a \"\"":        "an operand is empty",
		"RUN --mount=type=x a": "",
	} {
		cmd, err := Parse(text, 0)
		if want == "" {
			if err == nil {
				_, err = Expand(cmd, shell.EnvsFromSlice(nil), 0)
			}
			if err == nil {
				t.Errorf("%s: no error", text)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// A wrong use of an own word says how it is used.
func TestOwnHints(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"EXEC":      "EXEC make",
		"CWD a b":   "CWD /src",
		"MEM lots":  "MEM 512m",
		"MEM 1 2":   "MEM alone",
		"USERNS me": "USERNS 1000",
		"COMMIT":    "COMMIT app",
		"PUSH":      "PUSH registry",
		"EXPORT a":  "EXPORT /bin/app app",
	} {
		_, err := Parse(text, 0)
		hint, ok := err.(interface{ Hint() string })
		if !ok || !strings.Contains(hint.Hint(), want) {
			t.Errorf("%s: %#v has no hint %q", text, err, want)
		}
	}
}

func TestExpandErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"FROM $none":              "base name ($none) should not be blank",
		"FROM --platform=$none a": "empty platform value from expression $none",
		"COPY --from=$x a b":      "variable expansion is not supported for --from",
		"ENV A=${none:?needed}":   "needed",
		"COPY ${x /":              "failed to process",
		"WORKDIR ${x!y}":          "unsupported modifier",
	} {
		cmd, err := Parse(text, 0)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if _, err := Expand(cmd, shell.EnvsFromSlice([]string{"x=n"}), 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	if _, err := Expand(7, shell.EnvsFromSlice(nil), 0); err == nil {
		t.Error("a number was expanded")
	}
}

// With "# escape=`" a backslash is a character like any other.
func TestEscape(t *testing.T) {
	t.Parallel()
	cmd, err := Parse("COPY a `\n  C:\\d\\ ", '`')
	if err != nil {
		t.Fatal(err)
	}
	out, err := Expand(cmd, shell.EnvsFromSlice(nil), '`')
	if err != nil {
		t.Fatal(err)
	}
	if got := out.(*instructions.CopyCommand).DestPath; got != `C:\d\` {
		t.Errorf("destination %q", got)
	}
	cmd, err = Parse("EXEC a\\b `'c", '`')
	if diff := cmp.Diff(&Exec{Args: []string{`a\b`, "'c"}}, cmd); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := Word("`$x\\$x", shell.EnvsFromSlice([]string{"x=1"}), '`'); got != `$x\1` || err != nil {
		t.Errorf("Word: %q, %v", got, err)
	}
}

func TestOnbuild(t *testing.T) {
	t.Parallel()
	cmd, err := Onbuild("COPY a /b")
	if err != nil || !strings.HasPrefix(show(cmd), `COPY ["a"] to "/b"`) {
		t.Errorf("%s, %v", show(cmd), err)
	}
	for _, trigger := range []string{"COPY a", "NONSENSE", ""} {
		if _, err := Onbuild(trigger); err == nil || !strings.HasPrefix(err.Error(), "onbuild trigger") {
			t.Errorf("%q: %v", trigger, err)
		}
	}
}

// What stands around an instruction is in its value, and the lint rules hear of it.
func TestParseAt(t *testing.T) {
	t.Parallel()
	var heard []string
	lint := linter.New(&linter.Config{Warn: func(rule, _, _, detail string, at []parser.Range) {
		heard = append(heard, fmt.Sprintf("%s at %d-%d: %s", rule, at[0].Start.Line, at[len(at)-1].End.Line, detail))
	}})
	for _, tt := range []struct {
		text, comment, want string
	}{
		{"FROM a AS Base", "base is below all", "StageNameCasing at 7-8: Stage name 'Base' should be lowercase"},
		{"FROM a AS Base", "check=skip=StageNameCasing", ""},
		{"MAINTAINER me", "", "MaintainerDeprecated at 7-8: Maintainer instruction is deprecated in favor of using label"},
	} {
		heard = nil
		cmd, err := ParseAt(tt.text, 0, Place{Line: 7, EndLine: 8, Comments: []string{tt.comment}, Lint: lint})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(heard, "\n"); got != tt.want {
			t.Errorf("%s: the rules say %q, want %q", tt.text, got, tt.want)
		}
		if s, ok := cmd.(*instructions.Stage); ok && strings.HasPrefix(tt.comment, "base ") && s.DocComment != "is below all" {
			t.Errorf("%s: described as %q", tt.text, s.DocComment)
		}
	}
	// A directive in a comment where nobody listens.
	if _, err := ParseAt("FROM a", 0, Place{Line: 1, EndLine: 1, Comments: []string{"check=skip=all"}}); err != nil {
		t.Error(err)
	}
}

// Variables that are not set are told, in order, wherever they stand.
func TestExpandNoting(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ENV A=$x B=$y$z C=${w:-d}": "y z w",
		"COPY <<E $y/\n$z $x\nE":    "y z",
		"WORKDIR $x":                "",
		"RUN echo $y":               "",
		"LABEL '$y'=\\$z":           "",
	} {
		cmd, err := Parse(text, 0)
		if err != nil {
			t.Fatal(err)
		}
		var unset []string
		if _, err := ExpandNoting(cmd, shell.EnvsFromSlice([]string{"x=1"}), 0, func(name string) { unset = append(unset, name) }); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(unset, " "); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	m, err := WordNoting("$x-${y}", shell.EnvsFromSlice([]string{"x=1"}), 0)
	if _, matched := m.Matched["x"]; err != nil || m.Result != "1-" || !matched || len(m.Unmatched) != 1 {
		t.Errorf("WordNoting: %v, %v", m, err)
	}
}
