package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The secrets of the test. Their first letters are common, so that they come in pieces.
const (
	fileSecret = "sssssecret-of-a-file-8d3a1c"
	envSecret  = "sssssecret-of-a-variable-77f0e2"
)

// A secret is nowhere but in the program that asked for it: not in the image, the cache or another file of the state
// folder, nor in what shbuild says, even if the program prints it, fails, or is killed.
func TestSecretsNowhere(t *testing.T) {
	t.Parallel()
	const mounts = "--mount=type=secret,id=f,required --mount=type=secret,id=e,env=PW,required "
	b := newBuilding(t, "")
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(fileSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said transcript
	archive := filepath.Join(b.dir, "image.tar")
	for _, c := range []struct {
		name, dockerfile string
		status           int
		says             string
	}{
		{"used", "FROM builtin:toybox\nRUN " + mounts + `test "$(cat /run/secrets/f)" = ` + reversed(fileSecret) + "\n" +
			"RUN " + mounts + "echo -n $PW | rev > /out\nCMD env\n", 0, ""},
		{"printed", "FROM builtin:toybox\nRUN " + mounts + "echo file $(cat /run/secrets/f); echo variable $PW >&2; touch /printed\n", 0, "variable ****\n"},
		{"fails", "FROM builtin:toybox\nRUN " + mounts + "cat /run/secrets/f; echo $PW; env; cat /proc/self/environ >&2; exit 7\n", 7, "****"},
		{"value", "FROM builtin:toybox\nv=$(RUN " + mounts + "cat /run/secrets/f)\n[ ${#v} = " + strconv.Itoa(len(fileSecret)) + " ]\n" +
			"if RUN " + mounts + "echo $PW; exit 1; then exit 9; fi\n", 0, ""},
		{"missing", "FROM builtin:toybox\nRUN --mount=type=secret,id=other,required true\n", 1, "the secret other: it was not given"},
	} {
		if err := os.WriteFile(filepath.Join(b.dir, "Dockerfile"), []byte(c.dockerfile), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd, out := b.command("-t", "named:"+c.name, "-o", "type=tar,dest="+archive, "--secret", "id=f,src="+secret, "--secret", "id=e,env=THE_PASSWORD")
		cmd.Env = append(cmd.Env, "THE_PASSWORD="+envSecret)
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != c.status || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: status %d\n%s", c.name, got, out)
		}
		_, _ = said.Write([]byte(out.String()))
		nowhere(t, b, out.String(), archive)
	}
	killedWithSecret(t, b, secret)
	nowhere(t, b, said.String(), archive)
}

// killedWithSecret kills a build while its step holds secrets.
func killedWithSecret(t *testing.T, b *building, secret string) {
	t.Helper()
	text := "FROM builtin:toybox\nRUN --mount=type=secret,id=f --mount=type=secret,id=e,env=PW cat /run/secrets/f; echo $PW; echo ready; sleep 100\n"
	if err := os.WriteFile(filepath.Join(b.dir, "Dockerfile"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd, out := b.command("--secret", "id=f,src="+secret, "--secret", "id=e,env=THE_PASSWORD")
	cmd.Env = append(cmd.Env, "THE_PASSWORD="+envSecret)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, out, " ready\n")
	nowhere(t, b, out.String(), "")
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	gone(t, b.dir)
	nowhere(t, b, out.String(), "")
}

// nowhere looks for the secrets in a text, in a tar if it is there, and in every file of the state folder.
func nowhere(t *testing.T, b *building, said, archive string) {
	t.Helper()
	for _, s := range []string{fileSecret, envSecret} {
		if strings.Contains(said, s) {
			t.Errorf("%s is in what shbuild said:\n%s", s, said)
		}
		if text, err := os.ReadFile(archive); err == nil && bytes.Contains(text, []byte(s)) {
			t.Errorf("%s is in the image", s)
		}
		grep := exec.Command("grep", "-r", "-a", "-l", "-D", "skip", "-e", s, b.state)
		if os.Getuid() != 0 {
			grep = exec.Command("unshare", append([]string{"--user", "--map-auto", "--map-root-user"}, grep.Args...)...)
		}
		found, err := grep.Output()
		if status := grep.ProcessState.ExitCode(); status != 1 {
			t.Errorf("grep: status %d, %v: %s is in %s", status, err, s, found)
		}
	}
}

// reversed is shell for the secret: a Dockerfile must not have it itself.
func reversed(s string) string {
	var out strings.Builder
	for i := len(s) - 1; i >= 0; i-- {
		out.WriteByte(s[i])
	}
	return "$(echo " + out.String() + " | rev)"
}
