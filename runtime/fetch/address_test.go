package fetch

import "testing"

func TestParseRepository(t *testing.T) {
	for address, want := range map[string]*Repository{
		"https://host/x.git":                            {Remote: "https://host/x.git"},
		"https://host/x.git#v1:a/../b":                  {Remote: "https://host/x.git", Ref: "v1", Subdir: "b"},
		"https://host/x.git#:../../etc":                 {Remote: "https://host/x.git", Subdir: "etc"},
		"https://host/x.git?subdir=../../etc":           {Remote: "https://host/x.git", Subdir: "etc"},
		"git@host:a/x.git#main":                         {Remote: "git@host:a/x.git", Ref: "main"},
		"ssh://git@host:22/x":                           {Remote: "ssh://git@host:22/x"},
		"git://host/x?tag=1&keep-git-dir":               {Remote: "git://host/x", Ref: "refs/tags/1", KeepGitDir: true},
		"https://host/x.git?checksum=abc&mtime=commit":  {Remote: "https://host/x.git", Checksum: "abc", CommitTimes: true},
		"https://host/x.git?commit=abc&fetch-by-commit": {Remote: "https://host/x.git", Ref: "abc", Checksum: "abc"},
		"https://host/x":                                nil,
		"./x.git":                                       nil,
		"file:///x.git":                                 nil,
		"ext::sh -c id":                                 nil,
		"github.com/a/x":                                nil,
		"x.git":                                         nil,
		"/srv/x.git#main":                               nil,
		"host:x.git":                                    nil,
		"http://host/x.tgz":                             nil,
	} {
		got, err := ParseRepository(address, false)
		if err != nil {
			t.Errorf("%s: %v", address, err)
		}
		if (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: got %+v, want %+v", address, got, want)
		}
	}
	for _, address := range []string{
		"https://host/x.git#-upload-pack=id", "https://host/x.git?ref=-x", "https://host/x.git?color=blue", "https://host/x.git?checksum=sha256:1",
	} {
		if _, err := ParseRepository(address, false); err == nil {
			t.Errorf("%s is taken", address)
		}
	}
	if r, err := ParseRepository("github.com/a/x#main", true); err != nil || r.Remote != "https://github.com/a/x" || r.Ref != "main" {
		t.Errorf("the short form gives %+v, %v", r, err)
	}
}

func TestFileName(t *testing.T) {
	for address, want := range map[string]string{
		"http://h/a/b.txt?c=d#e": "b.txt", "http://h/a%20b": "a b", "http://h/": Unnamed, "http://h": Unnamed,
		"http://h/a/..": Unnamed, "http://h/a/": "a", "http://h/%2e%2e": Unnamed, "http://h/a%2fb": "b",
	} {
		if got := FileName(address); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}
