package compare

import (
	"archive/tar"
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// layer makes a layer's tar of lines: TYPE MODE NAME [CONTENT or TARGET].
func layer(t *testing.T, lines ...string) *bytes.Buffer {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, line := range lines {
		f := strings.Fields(line)
		h := &tar.Header{Typeflag: f[0][0], Name: f[2], Mode: 0o644, Format: tar.FormatPAX}
		if f[1] == "x" {
			h.Mode = 0o755
		}
		content := strings.Join(f[3:], " ")
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(content))
		} else {
			h.Linkname, content = content, ""
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &buf
}

func TestTrees(t *testing.T) {
	lower := []string{"5 x dir", "0 - dir/a one", "0 - dir/b two", "5 x dir/sub", "0 - dir/sub/c three", "2 - link dir/a", "0 - file old", "1 - hard dir/a"}
	for _, test := range []struct {
		name  string
		upper []string
		want  []File
	}{
		{"nothing", nil, nil},
		{"the same again", []string{"5 x dir", "0 - dir/a one"}, nil},
		{"added", []string{"0 - ./new text"}, []File{{Path: "/new", Kind: "added", Size: 4}}},
		{"content", []string{"0 - file fresh"}, []File{{Path: "/file", Kind: "changed", Size: 5, Before: 3, What: []string{"content"}}}},
		{"mode", []string{"0 x file old"}, []File{{Path: "/file", Kind: "changed", Size: 3, Before: 3, What: []string{"mode 644 → 755"}}}},
		{"link", []string{"2 - link dir/b"}, []File{{Path: "/link", Kind: "changed", What: []string{"link to dir/a → dir/b"}}}},
		{"deleted", []string{"0 - .wh.file"}, []File{{Path: "/file", Kind: "deleted", Size: 3}}},
		{"deleted folder", []string{"0 - dir/.wh.sub"}, []File{{Path: "/dir/sub/", Kind: "deleted"}, {Path: "/dir/sub/c", Kind: "deleted", Size: 5}}},
		{"opaque folder", []string{"5 x dir/sub", "0 - dir/sub/.wh..wh..opq", "0 - dir/sub/d four"}, []File{
			{Path: "/dir/sub/c", Kind: "deleted", Size: 5}, {Path: "/dir/sub/d", Kind: "added", Size: 4},
		}},
		{"folder becomes file", []string{"0 - dir/sub text"}, []File{
			{Path: "/dir/sub", Kind: "changed", Size: 4, What: []string{"type folder → file"}}, {Path: "/dir/sub/c", Kind: "deleted", Size: 5},
		}},
		{"a whiteout is not about its own layer", []string{"0 - file new", "0 - .wh.file"}, []File{
			{Path: "/file", Kind: "changed", Size: 3, Before: 3, What: []string{"content"}},
		}},
		{"hard link is the file", []string{"1 - file dir/a"}, []File{{Path: "/file", Kind: "changed", Size: 3, Before: 3, What: []string{"content"}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, after := Tree{}, Tree{}
			for _, tree := range []Tree{before, after} {
				if err := tree.Layer(t.Context(), layer(t, lower...)); err != nil {
					t.Fatal(err)
				}
			}
			if err := after.Layer(t.Context(), layer(t, test.upper...)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, Trees(before, after)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConfigs(t *testing.T) {
	text := func(s string) *string { return &s }
	got, err := Configs(
		[]byte(`{"os":"linux","created":"2020","config":{"Env":["A=1","B=2","C=x=y"],"Cmd":["sh"],"ExposedPorts":{"80/tcp":{}}},"history":[{}]}`),
		[]byte(`{"os":"linux","created":"2021","config":{"Env":["A=1","B=","D=4"],"Cmd":["sh","-c"],"User":"me","Volumes":{"/v":{}}},"rootfs":{"diff_ids":["x"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Field{
		{"config.Cmd", text(`["sh"]`), text(`["sh","-c"]`)},
		{"config.Env.B", text("2"), text("")},
		{"config.Env.C", text("x=y"), nil},
		{"config.Env.D", nil, text("4")},
		{"config.ExposedPorts.80/tcp", text("set"), nil},
		{"config.User", nil, text("me")},
		{"config.Volumes./v", nil, text("set")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
