package build

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/sandbox"
)

// RunOptions are the command line's for the containers of RUN and EXEC.
type RunOptions struct {
	Secrets map[string]Secret   // by id
	SSH     map[string][]string // by id: an agent's socket, or files of keys
	Network string              // of a RUN that names none: "default", "none", "host" or NetworkPrivate; empty: default
	Allow   []string            // AllowHostNetwork, AllowInsecure
	Hosts   []Host              // further names in /etc/hosts
	ShmSize int64               // of /dev/shm, in bytes; 0: 64 MB
	Ulimits []*units.Ulimit
}

// NetworkPrivate is a network of the build's own, see package network.
const NetworkPrivate = "private"

// What Dockerfiles may ask for only where it is allowed: BuildKit's words for it.
const (
	AllowHostNetwork = "network.host"
	AllowInsecure    = "security.insecure"
)

// Host is a name for /etc/hosts.
type Host struct {
	Name    string
	Address netip.Addr
}

// confinement is how far a container is cut off. All of it is in the cache key, as BuildKit has it there: of the
// hosts only the names.
type confinement struct {
	Network  string // "none", or "host" of a RUN's own; empty: the build's. Which that is, is no part of the key
	Insecure bool
	Hosts    []string // names
	ShmSize  int64
	Ulimits  []string
}

// confined is what the command line asks for.
func (b *Builder) confined() confinement {
	o := &b.opts.Run
	c := confinement{ShmSize: o.ShmSize}
	if o.Network == instructions.NetworkNone {
		c.Network = instructions.NetworkNone
	}
	for _, h := range o.Hosts {
		c.Hosts = append(c.Hosts, h.Name)
	}
	for _, u := range o.Ulimits {
		c.Ulimits = append(c.Ulimits, u.String())
	}
	return c
}

// confinedBy is what the command line and a RUN's flags ask for.
func (b *Builder) confinedBy(c *instructions.RunCommand) (confinement, error) {
	out := b.confined()
	if n := instructions.GetNetwork(c); n != "" && n != instructions.NetworkDefault {
		out.Network = n
	}
	out.Insecure = instructions.GetSecurity(c) == instructions.SecurityInsecure
	switch {
	case len(instructions.GetDevices(c)) > 0:
		return out, diag.WithHint(errors.New("--device: devices of the host cannot be had"), "leave the flag out")
	case out.Network == instructions.NetworkHost && !b.allowed(AllowHostNetwork):
		return out, diag.WithHint(errors.New("--network=host is not allowed"), "shbuild --allow "+AllowHostNetwork+" allows it"+b.hostAnyway())
	case out.Insecure && !b.allowed(AllowInsecure):
		return out, diag.WithHint(errors.New("--security=insecure is not allowed"), "shbuild --allow "+AllowInsecure+" allows it")
	}
	return out, nil
}

// hostAnyway is for who asks for the host's network and has it.
func (b *Builder) hostAnyway() string {
	if b.opts.Run.Network == NetworkPrivate {
		return ""
	}
	return "; without the flag a RUN uses the host's network as well"
}

// allowed says whether the command line allows a thing. The network that it names itself needs no other word.
func (b *Builder) allowed(what string) bool {
	return slices.Contains(b.opts.Run.Allow, what) || what == AllowHostNetwork && b.opts.Run.Network == instructions.NetworkHost
}

// confine tells a container.
func (b *Builder) confine(ctx context.Context, spec *sandbox.Spec, c confinement) (err error) {
	spec.NoNetwork = c.Network == instructions.NetworkNone
	if c.Network == "" && b.opts.Run.Network == NetworkPrivate {
		if spec.Private, err = b.private.get(ctx, b.opts.Isolation); err != nil {
			return err
		}
	}
	spec.Insecure, spec.ShmSize = c.Insecure, c.ShmSize
	for _, h := range b.opts.Run.Hosts {
		spec.Hosts = append(spec.Hosts, h.Address.String()+"\t"+h.Name)
	}
	for _, u := range b.opts.Run.Ulimits {
		l, err := u.GetRlimit()
		if err != nil {
			return fmt.Errorf("--ulimit: %w", err)
		}
		spec.Limits = append(spec.Limits, sandbox.Limit{Name: strings.ToLower(u.Name), Resource: l.Type, Soft: l.Soft, Hard: l.Hard})
	}
	return nil
}
