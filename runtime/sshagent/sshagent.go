// Package sshagent lets containers use SSH keys without having them: it serves the protocol of ssh-agent on sockets,
// and answers from an agent of the user's or from keys read from files.
//
// Invariant: what is served can list keys and sign, nothing else. A stranger's RUN can neither add to, empty nor
// lock the user's agent, nor reach its extensions.
//
// It does not decide which container sees which socket.
package sshagent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/shbuild/shbuild/runtime/owner"
)

// Agent is where answers come from. It may serve several sockets at once.
type Agent struct {
	socket string      // the user's agent; empty: keys
	keys   agent.Agent // nil: the user's agent
}

// maxKey is how much of a key's file is read, in bytes.
const maxKey = 100 << 10

// Open reads what --ssh names: the socket of one agent, or private keys' files in a form of OpenSSH or PEM,
// without a passphrase. A socket is connected to only when it is asked.
func Open(paths ...string) (*Agent, error) {
	a := &Agent{}
	for _, path := range paths {
		fi, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("find the SSH agent or key: %w", err)
		}
		if fi.Mode()&os.ModeSocket != 0 {
			if len(paths) > 1 {
				return nil, fmt.Errorf("%s is an agent's socket, which stands alone", path)
			}
			a.socket = path
			return a, nil
		}
		if a.keys == nil {
			a.keys = agent.NewKeyring()
		}
		if err := addKey(a.keys, path); err != nil {
			return nil, err
		}
	}
	if a.keys == nil {
		return nil, errors.New("neither an SSH agent nor a key is named")
	}
	return a, nil
}

func addKey(keys agent.Agent, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read the SSH key: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKey))
	if err != nil {
		return fmt.Errorf("read the SSH key: %w", err)
	}
	key, err := ssh.ParseRawPrivateKey(text)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		return &LockedError{path}
	}
	if err != nil {
		return fmt.Errorf("%s is no private SSH key: %w", path, err)
	}
	if err := keys.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		return fmt.Errorf("use the SSH key %s: %w", path, err)
	}
	return nil
}

// LockedError is a key with a passphrase.
type LockedError struct{ Path string }

func (e *LockedError) Error() string { return "the SSH key " + e.Path + " has a passphrase" }

// Hint says what to do about it.
func (e *LockedError) Hint() string {
	return "add it to your agent (ssh-add), and give that: --ssh default"
}

// Serve makes a socket of a name in a folder, for the user and group and with the permissions given, and answers
// there until the returned function is called, which removes the socket.
func (a *Agent) Serve(dir, name string, uid, gid int, mode os.FileMode) (stop func() error, err error) {
	// A socket's path may have 107 bytes: the folder is named by its handle.
	folder, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("serve SSH keys: %w", err)
	}
	defer folder.Close()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), name), Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("serve SSH keys: %w", err)
	}
	l.SetUnlinkOnClose(false) // the handle in the name is gone by then
	path := filepath.Join(dir, name)
	ctx, cancel := context.WithCancel(context.Background())
	stop = func() error {
		cancel()
		return errors.Join(l.Close(), os.Remove(path))
	}
	if err := errors.Join(owner.Lend(path, uid, gid), os.Chmod(path, mode)); err != nil {
		return nil, errors.Join(fmt.Errorf("serve SSH keys: %w", err), stop())
	}
	go a.accept(ctx, l)
	return stop, nil
}

func (a *Agent) accept(ctx context.Context, l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed
		}
		go a.answer(ctx, c)
	}
}

// answer serves one connection until either side ends it.
func (a *Agent) answer(ctx context.Context, c net.Conn) {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	keys := a.keys
	if keys == nil {
		dial := net.Dialer{Timeout: 2 * time.Second}
		up, err := dial.DialContext(ctx, "unix", a.socket)
		if err != nil {
			return // the client sees an agent that hangs up
		}
		defer up.Close()
		defer context.AfterFunc(ctx, func() { up.Close() })()
		keys = agent.NewClient(up)
	}
	_ = agent.ServeAgent(readOnly{keys}, c) // its error is that of a client that has gone
}

// readOnly refuses what would change an agent. ServeAgent asks it for nothing that it does not have.
type readOnly struct{ keys agent.Agent }

var errReadOnly = errors.New("this agent lists keys and signs, nothing else")

func (r readOnly) List() ([]*agent.Key, error) { return r.keys.List() }

func (r readOnly) Sign(key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	return r.keys.Sign(key, data)
}

// SignWithFlags signs by the newer algorithms of RSA, which servers ask for.
func (r readOnly) SignWithFlags(key ssh.PublicKey, data []byte, flags agent.SignatureFlags) (*ssh.Signature, error) {
	if more, ok := r.keys.(agent.ExtendedAgent); ok {
		return more.SignWithFlags(key, data, flags)
	}
	return r.keys.Sign(key, data)
}

func (r readOnly) Signers() ([]ssh.Signer, error) { return r.keys.Signers() }
func (r readOnly) Add(agent.AddedKey) error       { return errReadOnly }
func (r readOnly) Remove(ssh.PublicKey) error     { return errReadOnly }
func (r readOnly) RemoveAll() error               { return errReadOnly }
func (r readOnly) Lock([]byte) error              { return errReadOnly }
func (r readOnly) Unlock([]byte) error            { return errReadOnly }
func (r readOnly) Extension(string, []byte) ([]byte, error) {
	return nil, agent.ErrExtensionUnsupported
}
