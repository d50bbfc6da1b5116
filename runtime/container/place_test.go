package container

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/sandbox"
)

// TestCalmApt: apt is told to stay root where it has to, in a way that leaves no trace in images.
func TestCalmApt(t *testing.T) {
	oneID := &isolation.Report{Rung: isolation.OneID}
	for _, tt := range []struct {
		name   string
		rung   *isolation.Report
		apt    bool
		env    []string
		config string // what apt reads; empty: nothing is said to it
	}{
		{"full", &isolation.Report{Rung: isolation.Full}, true, nil, ""},
		{"no apt", oneID, false, nil, ""},
		{"apt", oneID, true, []string{"A=1"}, "APT::Sandbox::User \"root\";\n"},
		{"a configuration of the user's", oneID, true, []string{"APT_CONFIG=/etc/own.conf"}, "#include \"/etc/own.conf\";\nAPT::Sandbox::User \"root\";\n"},
		{"one that is not there", oneID, true, []string{"APT_CONFIG=/etc/none"}, "APT::Sandbox::User \"root\";\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, state := t.TempDir(), t.TempDir()
			for name, there := range map[string]bool{"usr/bin/apt-get": tt.apt, "etc/own.conf": true} {
				file := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if there {
					if err := os.WriteFile(file, []byte("x"), 0o755); err != nil {
						t.Fatal(err)
					}
				}
			}
			spec := &sandbox.Spec{ID: "x", StateDir: state, Env: slices.Clone(tt.env), UID: 7, GID: 8, Isolation: tt.rung}
			if err := adapt(spec, root); err != nil {
				t.Fatal(err)
			}
			if one := tt.rung == oneID; one != (spec.UID == 0 && spec.GID == 0) {
				t.Errorf("user %d:%d", spec.UID, spec.GID)
			}
			at := slices.IndexFunc(spec.Env, func(v string) bool { return v == "APT_CONFIG="+aptConfig })
			if (at >= 0) != (tt.config != "") || len(spec.Mounts) > 0 != (tt.config != "") {
				t.Fatalf("environment %v, mounts %v", spec.Env, spec.Mounts)
			}
			if tt.config == "" {
				return
			}
			if n := strings.Count(strings.Join(spec.Env, " "), "APT_CONFIG="); n != 1 {
				t.Errorf("environment %v", spec.Env)
			}
			text, err := os.ReadFile(spec.Mounts[0].Source)
			if err != nil || string(text) != tt.config || spec.Mounts[0].Target != aptConfig {
				t.Errorf("apt reads %q at %s, want %q: %v", text, spec.Mounts[0].Target, tt.config, err)
			}
		})
	}
}
