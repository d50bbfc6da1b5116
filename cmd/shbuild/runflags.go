package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/build"
)

// runFlags are the flags for the containers of RUN, as typed.
type runFlags struct {
	secrets, ssh, allow []string
	hosts, ulimits      []string
	network, shmSize    string
	cgroupParent        string
}

func (f *runFlags) register(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.secrets, "secret", nil, "give RUN --mount=type=secret a secret: `id=ID[,src=FILE|,env=NAME]`")
	fs.StringArrayVar(&f.ssh, "ssh", nil, "give RUN --mount=type=ssh an agent's socket or private keys: `default|ID[=SOCKET|KEY[,KEY…]]`")
	fs.StringVar(&f.network, "network", "", "the network of RUN: `default|none|host|private`")
	fs.StringArrayVar(&f.allow, "allow", nil, "allow what a Dockerfile may ask for: `network.host|security.insecure`")
	fs.StringArrayVar(&f.hosts, "add-host", nil, "put a name into /etc/hosts of RUN: `NAME:ADDRESS`")
	fs.StringVar(&f.shmSize, "shm-size", "", "the `SIZE` of /dev/shm in RUN (default 64m)")
	fs.StringArrayVar(&f.ulimits, "ulimit", nil, "limit the processes of RUN: `NAME=SOFT[:HARD]`")
	fs.StringVar(&f.cgroupParent, "cgroup-parent", "", "refused: RUN's processes are in the `CGROUP` of shbuild")
	_ = fs.MarkHidden("cgroup-parent")
}

// options gives the flags' meaning.
func (f *runFlags) options() (o build.RunOptions, err error) {
	if f.cgroupParent != "" {
		return o, diag.WithHint(errors.New("--cgroup-parent cannot be had: RUN's processes are in the cgroup that shbuild is in"),
			"start shbuild in it: systemd-run --user --scope --slice=NAME shbuild …")
	}
	o.Network = f.network
	if f.network != "" && !slices.Contains([]string{"default", "none", "host", build.NetworkPrivate}, f.network) {
		return o, fmt.Errorf("--network %s: it is default, none, host or private", f.network)
	}
	for _, what := range f.allow {
		if what != build.AllowHostNetwork && what != build.AllowInsecure {
			return o, fmt.Errorf("--allow %s: it is %s or %s", what, build.AllowHostNetwork, build.AllowInsecure)
		}
	}
	o.Allow = f.allow
	if f.shmSize != "" {
		if o.ShmSize, err = units.RAMInBytes(f.shmSize); err != nil || o.ShmSize <= 0 {
			return o, fmt.Errorf("--shm-size %s: a size is 64m or 1g", f.shmSize)
		}
	}
	for _, text := range f.ulimits {
		u, err := units.ParseUlimit(text)
		if err != nil {
			return o, fmt.Errorf("--ulimit %s: %w", text, err)
		}
		o.Ulimits = append(o.Ulimits, u)
	}
	for _, text := range f.hosts {
		h, err := parseHost(text)
		if err != nil {
			return o, err
		}
		o.Hosts = append(o.Hosts, h)
	}
	if o.Secrets, err = parseSecrets(f.secrets); err != nil {
		return o, err
	}
	o.SSH, err = parseSSH(f.ssh)
	return o, err
}

// parseHost reads NAME:ADDRESS or NAME=ADDRESS. An address of IPv6 may stand in brackets.
func parseHost(text string) (h build.Host, err error) {
	i := strings.IndexAny(text, ":=")
	if i <= 0 {
		return h, fmt.Errorf("--add-host %s: it is NAME:ADDRESS", text)
	}
	h.Name = strings.ToLower(text[:i])
	address := text[i+1:]
	if address == "host-gateway" {
		return h, diag.WithHint(fmt.Errorf("--add-host %s: there is no gateway to the host", text), "a RUN uses the host's network: "+h.Name+":127.0.0.1")
	}
	if inner, ok := strings.CutPrefix(address, "["); ok {
		address = strings.TrimSuffix(inner, "]")
	}
	if h.Address, err = netip.ParseAddr(address); err != nil {
		return h, fmt.Errorf("--add-host %s: %q is not an address", text, address)
	}
	return h, nil
}

// parseSecrets reads --secret as docker does: without a source it is the variable of the id's name, else the file.
func parseSecrets(list []string) (map[string]build.Secret, error) {
	out := map[string]build.Secret{}
	for _, text := range list {
		id, s, err := parseSecret(text)
		if err != nil {
			return nil, fmt.Errorf("--secret %s: %w", text, err)
		}
		out[id] = s
	}
	return out, nil
}

func parseSecret(text string) (id string, s build.Secret, err error) {
	fields, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return "", s, err
	}
	kind := ""
	for _, field := range fields {
		name, value, ok := strings.Cut(field, "=")
		if !ok {
			return "", s, fmt.Errorf("%s has no value", field)
		}
		switch strings.ToLower(name) {
		case "type":
			if kind = value; kind != "file" && kind != "env" {
				return "", s, fmt.Errorf("type=%s: it is file or env", value)
			}
		case "id":
			id = value
		case "src", "source":
			s.File = value
		case "env":
			s.Env = value
		default:
			return "", s, fmt.Errorf("%s is not known: there are id, src, env and type", name)
		}
	}
	if id == "" {
		return "", s, errors.New("id= is missing")
	}
	if kind == "env" && s.Env == "" {
		s.Env, s.File = s.File, ""
	}
	err = findSecret(&s, id, kind)
	return id, s, err
}

// findSecret says where a secret comes from if that was left out, and sees that a file is there: better now than in
// the middle of a build.
func findSecret(s *build.Secret, id, kind string) (err error) {
	if s.File == "" && s.Env == "" {
		if _, there := os.LookupEnv(id); there && kind != "file" || kind == "env" {
			s.Env = id
		} else {
			s.File = id
		}
	}
	if s.File == "" {
		return nil
	}
	if s.File, err = filepath.Abs(s.File); err != nil {
		return err
	}
	fi, err := os.Stat(s.File)
	if err == nil && fi.IsDir() {
		err = fmt.Errorf("%s is a folder", s.File)
	}
	return err
}

// parseSSH reads --ssh as docker does.
func parseSSH(list []string) (map[string][]string, error) {
	out := map[string][]string{}
	for _, text := range list {
		id, paths, _ := strings.Cut(text, "=")
		if id == "" {
			id = "default"
		}
		if _, twice := out[id]; twice {
			return nil, fmt.Errorf("--ssh %s: %s is given twice", text, id)
		}
		if paths == "" {
			if paths = os.Getenv("SSH_AUTH_SOCK"); paths == "" {
				return nil, diag.WithHint(fmt.Errorf("--ssh %s: no ssh agent runs: SSH_AUTH_SOCK is not set", text), "eval $(ssh-agent); ssh-add, or name a key: --ssh "+id+"=FILE")
			}
		}
		for _, path := range strings.Split(paths, ",") {
			abs, err := filepath.Abs(path)
			if err != nil {
				return nil, err
			}
			if _, err := os.Stat(abs); err != nil {
				return nil, fmt.Errorf("--ssh %s: %w", text, err)
			}
			out[id] = append(out[id], abs)
		}
	}
	return out, nil
}
