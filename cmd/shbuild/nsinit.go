package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/docker/go-units"
	"github.com/spf13/pflag"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/cgroup"
	"github.com/shbuild/shbuild/runtime/isolation"
	"github.com/shbuild/shbuild/runtime/rootfs"
	"github.com/shbuild/shbuild/runtime/runner"
	"github.com/shbuild/shbuild/runtime/sandbox"
)

const nsinitUsage = `nsinit runs a program in a container on a folder with a root file system.

usage:
  nsinit exec --create --rootfs DIR [flags] -- PROGRAM [ARG…]

"nsinit exec --help" tells the flags. The container is that of a RUN: its own
mount, PID, IPC and UTS namespaces, Docker's capabilities and seccomp profile,
the host's network. It is shbuild under another name: ln -s shbuild nsinit.

exit status: the program's; 126 or 127 if it cannot be run; 1 if the container
cannot be made; 2 for wrong usage.
`

// nsinit is the program of that name.
func nsinit(args []string, std streams) int {
	if len(args) == 0 {
		fmt.Fprint(std.err, nsinitUsage)
		return statusUsage
	}
	switch args[0] {
	case "exec":
		return nsinitExec(args[1:], std)
	case "help", "--help", "-h":
		fmt.Fprint(std.out, nsinitUsage)
		return 0
	}
	return badUsage(std, diag.WithHint(fmt.Errorf("nsinit has no command %s", args[0]), "nsinit --help"))
}

// execFlags are the flags of nsinit exec, as typed.
type execFlags struct {
	rootfs, cwd string
	create, tty bool
	env         []string
	user        string
	memory      string
	swap        string
	rootUID     int
}

func nsinitExec(args []string, std streams) int {
	var f execFlags
	flags := pflag.NewFlagSet("nsinit exec", pflag.ContinueOnError)
	flags.SetInterspersed(false)
	flags.StringVar(&f.rootfs, "rootfs", "", "the container's root file system, a `DIR` that dist pull made")
	flags.BoolVar(&f.create, "create", false, "make a container for the program")
	flags.BoolVar(&f.tty, "tty", false, "give the program a terminal")
	flags.StringVar(&f.cwd, "cwd", "/", "start in this `DIR` of the container")
	flags.StringArrayVar(&f.env, "env", nil, "set a variable: `NAME=VALUE`")
	flags.StringVar(&f.user, "user", "", "run as this `USER[:GROUP]` of the container (default root)")
	flags.StringVar(&f.memory, "memory-limit", "", "limit the memory: `SIZE` in bytes, or 512m, 2g")
	flags.StringVar(&f.swap, "memory-swap", "", "limit memory and swap together: a `SIZE`, the same as --memory-limit, for there is no swap")
	flags.IntVar(&f.rootUID, "userns-root-uid", -1, "the host's user that is root in the container: your `UID` or one of your sub-ids")
	if status, done := parseAs("nsinit", flags, args, std, "exec --create --rootfs DIR [flags] -- PROGRAM [ARG…]"); done {
		return status
	}
	spec, err := f.spec(flags.Args())
	if err != nil {
		return badUsage(std, err)
	}
	if flags.Changed("userns-root-uid") && f.rootUID < 0 {
		return badUsage(std, fmt.Errorf("--userns-root-uid %d: ids are numbers from 0", f.rootUID))
	}
	return inside(std, f.rootUID, func(ctx context.Context, r *isolation.Report) (int, error) {
		spec.Isolation = r
		return f.exec(ctx, spec, std)
	})
}

// spec is the container that the flags ask for, as far as it can be told outside of the namespaces.
func (f *execFlags) spec(args []string) (spec sandbox.Spec, err error) {
	switch {
	case len(args) == 0:
		return spec, diag.WithHint(errors.New("nsinit exec: which program is to be run?"), "write it behind the flags: nsinit exec --create --rootfs DIR -- /bin/sh")
	case f.rootfs == "":
		return spec, diag.WithHint(errors.New("nsinit exec: --rootfs is missing"), "dist pull builtin:toybox rootfs makes one")
	case !f.create:
		return spec, diag.WithHint(errors.New("nsinit exec: there is no container to enter"), "--create makes one; it ends with its program")
	case !filepath.IsAbs(f.cwd):
		return spec, fmt.Errorf("nsinit exec: --cwd %s: an absolute path is needed", f.cwd)
	}
	if fi, err := os.Stat(f.rootfs); err != nil || !fi.IsDir() {
		return spec, diag.WithHint(fmt.Errorf("nsinit exec: --rootfs %s: there is no such folder", f.rootfs), "dist pull IMAGE "+f.rootfs+" makes it")
	}
	spec = sandbox.Spec{ID: "nsinit", Args: args, Cwd: f.cwd, Hostname: "nsinit"}
	if spec.Rootfs, err = filepath.Abs(f.rootfs); err != nil {
		return spec, err
	}
	spec.Env = append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, f.env...)
	spec.Memory, err = f.limit()
	return spec, err
}

// limit is the memory that the container may use, in bytes.
func (f *execFlags) limit() (int64, error) {
	if f.memory == "" && f.swap == "" {
		return 0, nil
	}
	memory, err := units.RAMInBytes(f.memory)
	if err != nil || memory <= 0 {
		return 0, fmt.Errorf("nsinit exec: --memory-limit %q is not a size such as 512m", f.memory)
	}
	if f.swap == "" {
		return memory, nil
	}
	if swap, err := units.RAMInBytes(f.swap); err != nil || swap != memory {
		return 0, diag.WithHint(fmt.Errorf("nsinit exec: --memory-swap %s is not --memory-limit %s", f.swap, f.memory),
			"it limits memory and swap together, and a container here has no swap: write the same size, or leave it out")
	}
	return memory, nil
}

// exec runs the program, inside the namespaces.
func (f *execFlags) exec(ctx context.Context, spec sandbox.Spec, std streams) (status int, err error) {
	if err := rootfs.Reown(spec.Rootfs); err != nil {
		return 0, err
	}
	user, err := rootfs.LookupUser(spec.Rootfs, f.user)
	if err != nil {
		return 0, err
	}
	spec.UID, spec.GID, spec.Groups = user.UID, user.GID, user.Groups
	if spec.StateDir, err = os.MkdirTemp("", "nsinit-"); err != nil {
		return 0, fmt.Errorf("make a folder for the container's state: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(spec.StateDir)) }()
	stdin, _ := std.in.(*os.File)
	if f.tty {
		if kind := os.Getenv("TERM"); kind != "" {
			spec.Env = append([]string{"TERM=" + kind}, spec.Env...)
		}
		spec.Terminal = &sandbox.Terminal{In: stdin, Out: std.out}
	} else {
		spec.Stdin, spec.Stdout, spec.Stderr = std.in, std.out, std.err
	}
	containers := sandbox.New(runner.Program(), cgroup.New)
	defer func() { err = errors.Join(err, containers.Close()) }()
	res, err := containers.Run(ctx, spec)
	if err == nil && res.OOM {
		fmt.Fprintln(std.err, "nsinit: the program ran out of the memory that --memory-limit allows")
	}
	var missing *sandbox.ExecError
	if errors.As(err, &missing) {
		diag.Print(std.err, err, std.color())
		return missing.ExitStatus(), nil
	}
	return res.Status, err
}
