package syntax

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/shbuild/shbuild/dsl/diag"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"a script", "FROM   a\nif true ;then\nRUN  x   &&y\n      ENV A=1\nfi\n\n\n\nfor i in 1 2;do RUN a; done\n", "FROM   a\nif true; then\n  RUN  x   &&y\n  ENV A=1\nfi\n\nfor i in 1 2; do RUN a; done\n"},
		{"continuations and heredocs", "f(){\nRUN a \\\n      b\nRUN <<E >x\n  body\nE\nCOPY <<-E /x\n\ttab\n\tE\n:\n}\n", "f() {\n  RUN a \\\n      b\n  RUN <<E >x\n  body\nE\n  COPY <<-E /x\n\ttab\n\tE\n  :\n}\n"},
		{"a heredoc before the line's end", "for i in a;do RUN <<E; done\nbody\nE\n:\n", "for i in a; do RUN <<E; done\nbody\nE\n:\n"},
		{"comments", "#!/usr/bin/env shbuild\n# top\nFROM a\n( # in\n  RUN x # the container's\n)   & # out\nENV A=1   # note\nwait\n", "#!/usr/bin/env shbuild\n# top\nFROM a\n( # in\n  RUN x # the container's\n) &        # out\nENV A=1 # note\nwait\n"},
		{"operands with instructions in them", "FROM a\n  ENV A=$(RUN   x)\n:\n", "FROM a\nENV A=$(RUN   x)\n:\n"},
		{"pipes", "FROM a\necho x|RUN cat\n{ RUN x;}|while read -r y;do :;done\n", "FROM a\necho x | RUN cat\n{ RUN x; } | while read -r y; do :; done\n"},
		{"a library", "f() {\nRUN x\n}\n", "f() {\n  RUN x\n}\n"},
		{"plain", "\n\n# syntax=x\nfrom a  \n\n\n\n  run x \\\n   y  \n   # c\nRUN <<E\n  b  \nE\n\n", "# syntax=x\nFROM a\n\nRUN x \\\n   y\n# c\nRUN <<E\n  b  \nE\n"},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out := formatted(t, "F", []byte(tt.text))
			if diff := cmp.Diff(tt.want, out); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// formatted formats a text, and what came out once more: that changes nothing.
func formatted(t *testing.T, name string, text []byte) string {
	t.Helper()
	out, err := Format(&diag.Source{Name: name, Text: text})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	again, err := Format(&diag.Source{Name: name, Text: out})
	if err != nil {
		t.Fatalf("%s, formatted: %v", name, err)
	}
	if diff := cmp.Diff(string(out), string(again)); diff != "" {
		t.Errorf("%s: formatting twice is not formatting once:\n%s", name, diff)
	}
	return string(out)
}

// TestFormatAll formats every example and every file of the manual's scripts that can be read.
func TestFormatAll(t *testing.T) {
	t.Parallel()
	n := 0
	each := func(name string, text []byte) {
		if _, _, err := readAny(&diag.Source{Name: name, Text: text}); err == nil {
			n++
			formatted(t, name, text)
		}
	}
	err := filepath.WalkDir("../../examples", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".sh") && !strings.HasPrefix(d.Name(), "Dockerfile") {
			return err
		}
		text, err := os.ReadFile(path)
		each(path, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob("../../cmd/shbuild/testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range scripts {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			if strings.HasSuffix(f.Name, ".sh") || strings.Contains(f.Name, "ockerfile") {
				each(file+"/"+f.Name, f.Data)
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d files", n)
	}
}

// FuzzFormat formats whatever can be read: Format itself sees to it that the meaning stays; here, that it is tidy then.
func FuzzFormat(f *testing.F) {
	for _, text := range []string{"FROM a\nif x;then RUN y;fi\n", "from a\nrun b", "f(){ RUN <<E; }\nx\nE\n", "RUN a |b\nENV A=\"$(RUN x)\" # c\n:\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, err := Format(&diag.Source{Name: "F", Text: []byte(text)})
		if err != nil {
			return
		}
		if _, err := Format(&diag.Source{Name: "F", Text: out}); err != nil {
			t.Errorf("%q: formatted as %q: %v", text, out, err)
		}
	})
}
