package sshagent_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/shbuild/shbuild/runtime/sshagent"
)

// newKey writes a private key, with a passphrase if that is not empty.
func newKey(t *testing.T, passphrase string) (path string, public ssh.PublicKey) {
	t.Helper()
	pub, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "test")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "test", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	if public, err = ssh.NewPublicKey(pub); err != nil {
		t.Fatal(err)
	}
	return path, public
}

// serve serves an agent in a folder with a long path, and returns a client of it.
func serve(t *testing.T, a *sshagent.Agent) agent.ExtendedAgent {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	stop, err := a.Serve(dir, "s", os.Getuid(), os.Getgid(), 0o640)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) > 0 {
			t.Errorf("left behind: %v", entries)
		}
	})
	if fi, err := os.Stat(filepath.Join(dir, "s")); err != nil || fi.Mode() != os.ModeSocket|0o640 {
		t.Errorf("socket: %v, %v", fi, err)
	}
	folder, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	c, err := net.Dial("unix", "/proc/self/fd/"+strconv.Itoa(int(folder.Fd()))+"/s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return agent.NewClient(c)
}

// An agent of keys, and one that hands on to another agent, list the keys and sign, and let nothing be changed.
func TestServe(t *testing.T) {
	path, public := newKey(t, "")
	keys, err := sshagent.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "ssh") // a short path, for the real agent's socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	stop, err := keys.Serve(dir, "real", os.Getuid(), os.Getgid(), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	socket, err := sshagent.Open(filepath.Join(dir, "real"))
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]*sshagent.Agent{"keys": keys, "socket": socket} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, a)
			list, err := client.List()
			if err != nil || len(list) != 1 {
				t.Fatalf("list: %v, %v", list, err)
			}
			signature, err := client.Sign(public, []byte("data"))
			if err != nil {
				t.Fatal(err)
			}
			if err := public.Verify([]byte("data"), signature); err != nil {
				t.Error(err)
			}
			_, other, _ := ed25519.GenerateKey(rand.Reader)
			for what, err := range map[string]error{
				"add": client.Add(agent.AddedKey{PrivateKey: other}), "remove": client.Remove(public),
				"remove all": client.RemoveAll(), "lock": client.Lock([]byte("x")), "unlock": client.Unlock([]byte("x")),
			} {
				if err == nil {
					t.Errorf("%s was allowed", what)
				}
			}
			if _, err := client.Extension("query", nil); err == nil {
				t.Error("an extension was allowed")
			}
			if list, err := client.List(); err != nil || len(list) != 1 {
				t.Errorf("list afterwards: %v, %v", list, err)
			}
		})
	}
}

func TestOpen(t *testing.T) {
	locked, _ := newKey(t, "pass")
	_, err := sshagent.Open(locked)
	var asks *sshagent.LockedError
	if !errors.As(err, &asks) || asks.Hint() == "" {
		t.Errorf("a key with a passphrase: %v", err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, paths := range [][]string{{text}, {text + ".not"}, {}} {
		if _, err := sshagent.Open(paths...); err == nil {
			t.Errorf("%v was taken", paths)
		}
	}
}
