package buildctx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What .dockerignore's lines leave of one context.
func TestIgnore(t *testing.T) {
	t.Parallel()
	const context = "a.c =, a.o =, README.md =, d/a.c =, d/a.o =, d/e/a.o =, d/e/f =, .hidden ="
	all := strings.Split("a.c a.o README.md d/ d/a.c d/a.o d/e/ d/e/a.o d/e/f .hidden .dockerignore", " ")
	for _, tt := range []struct{ name, rules, without string }{
		{"none", "", ""},
		{"at the top only", "*.o", "a.o"},
		{"everywhere", "**/*.o", "a.o d/a.o d/e/a.o"},
		{"one folder down", "*/*.o", "d/a.o"},
		{"a folder with all in it", "d", "d/ d/a.c d/a.o d/e/ d/e/a.o d/e/f"},
		{"leading and trailing slashes do not count", "/d/", "d/ d/a.c d/a.o d/e/ d/e/a.o d/e/f"},
		{"trailing two stars: what is in it, and it stays", "d/**", "d/a.c d/a.o d/e/ d/e/a.o d/e/f"},
		{"an exception", "*.md\n*.o\n!README.md", "a.o"},
		{"the last line that matches counts", "!README.md\n*.md", "README.md"},
		{"an exception below a folder that is left out", "d\n!d/e/f", "d/a.c d/a.o d/e/a.o"},
		{"an exception with wildcards", "d\n!d/**/*.o", "d/a.c d/e/f"},
		{"all but", "*\n!a.c", "a.o README.md d/ d/a.c d/a.o d/e/ d/e/a.o d/e/f .hidden .dockerignore"},
		{"all but a folder", "**\n!d/e", "a.c a.o README.md d/a.c d/a.o .hidden .dockerignore"},
		{"comments and empty lines", "# *.c\n\n  \n*.o\n", "a.o"},
		{"spaces around a line", "  *.o  \t\n", "a.o"},
		{"CRLF", "*.o\r\n*.md\r\n", "a.o README.md"},
		{"a byte order mark", "\xef\xbb\xbf*.o", "a.o"},
		{"a space after !", "*.o\n! a.o", ""},
		{"no such file", "nothing", ""},
		{"dots", "./d/../a.c\n.", "a.c"},
		{"question mark and class", "?.[oc]", "a.c a.o"},
		{"itself", ".dockerignore", ".dockerignore"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src, root := folder(t, context), t.TempDir()
			must(t, os.WriteFile(filepath.Join(src, ".dockerignore"), []byte(tt.rules), 0o644))
			must(t, run(t, src, root, "COPY . /"))
			got := " " + look(t, root) + ","
			for _, name := range all {
				without := strings.Contains(" "+tt.without+" ", " "+name+" ")
				if there := strings.Contains(got, " "+name+" ") || strings.Contains(got, " "+name+","); there == without {
					t.Errorf("%s: there is %t\n%s", name, there, got)
				}
			}
		})
	}
}

// What the rules leave out is not there for any source, and the error says which line it was.
func TestIgnoredSources(t *testing.T) {
	t.Parallel()
	src := folder(t, ".dockerignore =# a comment\n*.conf\nsecret\n!secret/public\n, app.conf =, b =, secret/key =, secret/public =, l -> app.conf, sl -> secret/key, d/x =")
	for _, tt := range []struct{ line, want, err, hint string }{
		{"COPY b /d/", "d/, d/b =", "", ""},
		{"COPY [bl] /d/", "", "[bl]: l: not in the build context", ".dockerignore line 2 (*.conf) leaves it out"},
		{"COPY [bs]* /d/", "", "[bs]*: sl: not in the build context", ".dockerignore line 3 (secret) leaves it out"},
		{"COPY app.conf /d/", "", "app.conf: not in the build context", ".dockerignore line 2 (*.conf) leaves it out"},
		{"COPY secret/key /d/", "", "secret/key: not in the build context", ".dockerignore line 3 (secret) leaves it out"},
		{"COPY l /d/", "", "l: not in the build context", ".dockerignore line 2 (*.conf) leaves it out"},
		{"COPY secret /d/", "d/, d/public =", "", ""},
		{"COPY secret/public /d/", "d/, d/public =", "", ""},
		{"COPY *.conf /d/", "", "", ""},
		{"COPY --parents app.conf /d/", "", "app.conf: not in the build context", ".dockerignore line 2 (*.conf) leaves it out"},
	} {
		root := t.TempDir()
		err := run(t, src, root, tt.line)
		switch {
		case tt.err != "" && (err == nil || err.Error() != tt.err || hint(err) != tt.hint):
			t.Errorf("%s: error %v\nhint %s", tt.line, err, hint(err))
		case tt.err == "" && err != nil:
			t.Errorf("%s: %v", tt.line, err)
		case tt.err == "" && look(t, root) != tt.want:
			t.Errorf("%s:\n got %s\nwant %s", tt.line, look(t, root), tt.want)
		}
	}
}

// The rules beside the Dockerfile count instead of the context's, wherever it is.
func TestDockerfileIgnore(t *testing.T) {
	t.Parallel()
	src := folder(t, ".dockerignore =a\n, a =, b =, c =, sub/x.Dockerfile =, sub/x.Dockerfile.dockerignore =b\n, sub/y.Dockerfile =")
	other := folder(t, "Dockerfile =, Dockerfile.dockerignore =c\nsub")
	for dockerfile, want := range map[string]string{
		"":                                      "b c",
		filepath.Join(src, "sub/y.Dockerfile"):  "b c",
		filepath.Join(src, "sub/x.Dockerfile"):  "a c",
		filepath.Join(other, "Dockerfile"):      "a b",
		filepath.Join(src, "sub/no.Dockerfile"): "b c",
	} {
		tree := openContext(t, src, Options{Dockerfile: dockerfile})
		m, err := tree.Find([]string{"[abc]"}, FindOptions{})
		must(t, err)
		var got []string
		for _, m := range m {
			got = append(got, m.Path)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", dockerfile, got, want)
		}
	}
}

func TestIgnoreErrors(t *testing.T) {
	t.Parallel()
	for rules, want := range map[string]string{
		"ok\n[": "read .dockerignore line 2: [: ",
		"!":     `read .dockerignore line 1: `,
	} {
		src := t.TempDir()
		must(t, os.WriteFile(filepath.Join(src, ".dockerignore"), []byte(rules), 0o644))
		if _, err := Open(src, Options{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: error %v, want %s…", rules, err, want)
		}
	}
	src := t.TempDir()
	f, err := os.Create(filepath.Join(src, ".dockerignore"))
	must(t, err)
	must(t, f.Truncate(ignoreSize+1))
	must(t, f.Close())
	if _, err := Open(src, Options{}); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a huge file: %v", err)
	}
}

// A .dockerignore that is a folder, a FIFO, or leads out of the context has no rules and is not waited for.
func TestIgnoreNoFile(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(folder(t, "rules =a"), "rules")
	for _, list := range []string{".dockerignore/, a =", ".dockerignore -> " + outside + ", a ="} {
		tree := openContext(t, folder(t, list), Options{})
		if _, err := tree.Find([]string{"a"}, FindOptions{}); err != nil {
			t.Errorf("%s: %v", list, err)
		}
	}
	if _, err := Open(folder(t, ".dockerignore|, a ="), Options{}); err == nil {
		t.Error("a FIFO: no error")
	}
}

// The builder's own folder is not there, for no kind of source.
func TestOwnFolder(t *testing.T) {
	t.Parallel()
	src := folder(t, "state/layers/x =, state/y =, a =, sub/state/z =, l -> state")
	tree := openContext(t, src, Options{Own: []string{filepath.Join(src, "state")}})
	m, err := tree.Find([]string{"."}, FindOptions{})
	must(t, err)
	root := t.TempDir()
	must(t, Copy(t.Context(), tree, m, root, "/", CopyOptions{}))
	if got, want := look(t, root), "a =, l -> state, sub/, sub/state/, sub/state/z ="; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	for _, source := range []string{"state", "state/y", "l/y"} {
		if _, err := tree.Find([]string{source}, FindOptions{}); err == nil || !strings.Contains(hint(err), "own folder") {
			t.Errorf("%s: error %v, hint %q", source, err, hint(err))
		}
	}
	if m, err := tree.Find([]string{"state/*", "s*"}, FindOptions{}); err == nil {
		t.Errorf("wildcards found %v", m)
	}
	if m, err := tree.Find([]string{"s*"}, FindOptions{}); err != nil || len(m) != 1 || m[0].Path != "sub" {
		t.Errorf("s*: %v, %v", m, err)
	}
	before, err := tree.Digest(t.Context(), m)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(src, "state/new"), nil, 0o644))
	after, err := tree.Digest(t.Context(), m)
	must(t, err)
	if before != after {
		t.Error("the digest depends on it")
	}
}
