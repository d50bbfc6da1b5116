package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A RUN uses the keys of the caller's ssh-agent, or one that --ssh names, and can do them no harm.
func TestSSH(t *testing.T) {
	t.Parallel()
	b := newBuilding(t, "FROM builtin:toybox\nCOPY agent /bin/agent\nRUN --mount=type=ssh,required agent > /out\n"+
		"USER 1000\nRUN --mount=type=ssh,id=key,uid=1000,required agent > /tmp/out; ls /tmp/out\n")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(b.dir, "agent"), "./testdata/agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir, err := os.MkdirTemp("", "ssh") // a short path for the socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket, key := filepath.Join(dir, "socket"), filepath.Join(dir, "key")
	must := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	agent := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Fatalf("the package openssh-client is needed: %v", err)
	}
	t.Cleanup(func() { _ = agent.Process.Kill(); _ = agent.Wait() })
	must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "in the agent", "-f", key+"1")
	must("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-C", "in a file", "-f", key+"2")
	must("sh", "-c", "until [ -S "+socket+" ]; do sleep 0.05; done")
	must("ssh-add", key+"1")
	out := filepath.Join(b.dir, "out")
	cmd, said := b.command("--ssh", "default", "--ssh", "key="+key+"2", "-o", "type=local,dest="+out)
	cmd.Env = append(cmd.Env, "SSH_AUTH_SOCK="+socket)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for file, want := range map[string]string{
		"out":     "ssh-ed25519 in the agent\nsigned: <nil>\nemptied: false\n",
		"tmp/out": "ssh-rsa \nsigned: <nil>\nemptied: false\n", // a file's comment is not part of the key
	} {
		if text, err := os.ReadFile(filepath.Join(out, file)); err != nil || string(text) != want {
			t.Errorf("/%s: %q, %v, want %q", file, text, err, want)
		}
	}
	if left := must("ssh-add", "-l"); !strings.Contains(left, "in the agent") {
		t.Errorf("the agent holds %s", left)
	}
}
