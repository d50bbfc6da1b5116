package build

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/owner"
	"github.com/shbuild/shbuild/runtime/sandbox"
	"github.com/shbuild/shbuild/runtime/sshagent"
)

// Secret is where a --secret comes from. It is read each time that a RUN asks for it, and never written to a disk.
type Secret struct {
	File string // absolute
	Env  string // a variable of shbuild's own environment, if there is no File
}

// maxSecret is BuildKit's limit, in bytes.
const maxSecret = 500 << 10

var errNoSecret = errors.New("it was not given")

func (s Secret) read() ([]byte, error) {
	if s.File == "" {
		v, ok := os.LookupEnv(s.Env)
		if !ok {
			return nil, errNoSecret
		}
		return checkSecret([]byte(v))
	}
	data, err := os.ReadFile(s.File)
	if err != nil {
		return nil, err
	}
	return checkSecret(data)
}

func checkSecret(data []byte) ([]byte, error) {
	if len(data) > maxSecret {
		return nil, fmt.Errorf("its %d bytes are more than the %d that a secret may have", len(data), maxSecret)
	}
	return data, nil
}

// secret gives a container a secret: as a variable, as a file on a tmpfs, or both.
func (r *ready) secret(m mount) error {
	data, err := r.b.secret(m.id)
	if errors.Is(err, errNoSecret) && !m.Required {
		if m.Env != nil { // BuildKit sets it all the same
			r.env = append(r.env, *m.Env+"=")
		}
		return nil
	}
	if err != nil {
		return diag.WithHint(fmt.Errorf("the secret %s: %w", m.id, err), fmt.Sprintf("--secret id=%s,src=FILE or id=%s,env=NAME gives it", m.id, m.id))
	}
	r.secrets = append(r.secrets, data)
	r.b.sawSecret(data)
	if m.Env != nil {
		r.env = append(r.env, *m.Env+"="+string(data))
	}
	if m.target == "" {
		return nil
	}
	mode := permissions(m, 0o400)
	file, err := r.secretFile(data, m, mode)
	if err != nil {
		return fmt.Errorf("the secret %s: %w", m.id, err)
	}
	options := []string{"nodev", "nosuid"}
	if mode&0o111 == 0 {
		options = append(options, "noexec")
	}
	r.add(sandbox.Mount{Type: "bind", Source: file, Target: m.target, ReadOnly: true, Options: options})
	return nil
}

func (b *Builder) secret(id string) ([]byte, error) {
	s, ok := b.opts.Run.Secrets[id]
	if !ok {
		return nil, errNoSecret
	}
	return s.read()
}

// permissions are what mode= of a secret or an ssh agent says, without setuid and the like.
func permissions(m mount, none os.FileMode) os.FileMode {
	switch {
	case m.Mode != nil:
		return os.FileMode(*m.Mode) & 0o777
	default:
		return none
	}
}

// mountOwner is what uid= and gid= say.
func mountOwner(m mount) (uid, gid int) {
	if m.UID != nil {
		uid = int(*m.UID)
	}
	if m.GID != nil {
		gid = int(*m.GID)
	}
	return uid, gid
}

// secretFile writes a secret to this RUN's tmpfs.
func (r *ready) secretFile(data []byte, m mount, mode os.FileMode) (string, error) {
	if r.secretDir == "" {
		dir, err := r.b.layers.Temp()
		if err != nil {
			return "", err
		}
		if mustCopy(r.b.opts.Isolation) { // nothing can be mounted
			r.later(func() error { return os.RemoveAll(dir) })
			r.secretDir = dir
			return r.secretFile(data, m, mode)
		}
		r.later(func() error { return os.Remove(dir) })
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0700"); err != nil {
			return "", fmt.Errorf("mount a tmpfs for it: %w", err)
		}
		r.later(func() error { return unix.Unmount(dir, unix.MNT_DETACH) })
		r.secretDir = dir
	}
	uid, gid := mountOwner(m)
	file := filepath.Join(r.secretDir, strconv.Itoa(len(r.mounts)))
	uid, gid, err := ownerFor(r.root, uid, gid)
	if err == nil {
		err = errors.Join(os.WriteFile(file, data, 0o600), owner.Lend(file, uid, gid), os.Chmod(file, mode))
	}
	return file, err
}

// agent gives a container the socket of an ssh agent.
func (r *ready) agent(m mount) error {
	a, ok := r.b.agents[m.id]
	if !ok {
		if m.Required {
			return diag.WithHint(fmt.Errorf("no ssh agent %s was given", m.id), fmt.Sprintf("--ssh %s gives yours (SSH_AUTH_SOCK), --ssh %s=KEY a key", m.id, m.id))
		}
		return nil
	}
	dir, err := r.b.layers.Temp()
	if err != nil {
		return err
	}
	r.later(func() error { return os.Remove(dir) })
	uid, gid := mountOwner(m)
	if uid, gid, err = ownerFor(r.root, uid, gid); err != nil {
		return err
	}
	stop, err := a.Serve(dir, "agent", uid, gid, permissions(m, 0o600))
	if err != nil {
		return err
	}
	r.later(stop)
	r.add(sandbox.Mount{Type: "bind", Source: filepath.Join(dir, "agent"), Target: m.target, ReadOnly: false})
	return nil
}

// openAgents reads --ssh.
func openAgents(given map[string][]string) (map[string]*sshagent.Agent, error) {
	out := map[string]*sshagent.Agent{}
	for id, paths := range given {
		a, err := sshagent.Open(paths...)
		if err != nil {
			return nil, fmt.Errorf("--ssh %s: %w", id, err)
		}
		out[id] = a
	}
	return out, nil
}
