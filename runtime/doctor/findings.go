package doctor

import (
	"cmp"
	"fmt"

	"github.com/docker/go-units"

	"github.com/shbuild/shbuild/runtime/isolation"
)

// proc tells about a /proc of the outside.
func (f *Facts) proc(r isolation.Report) *Finding {
	if !r.OuterProc {
		return nil
	}
	return &Finding{"/proc", Less,
		"RUN sees the one that is here: parts of it are hidden, so the kernel gives no other",
		f.Place.option("--security-opt systempaths=unconfined", "--security-opt unmask=ALL", "hostUsers: false and securityContext.procMount: Unmasked",
			"umount what is mounted below /proc")}
}

// layers tells whether they are stacked or copied.
func (f *Facts) layers(r isolation.Report) *Finding {
	copied := func(why, mend string) *Finding {
		return &Finding{"layers", Less, "copied for each line of steps: " + why, mend}
	}
	s := f.State
	switch {
	case r.Rung == isolation.None:
		return nil // nothing runs on them
	case r.Rung == isolation.Chroot:
		return copied("in a chroot nothing can be mounted", "")
	case s.Filesystem == "overlay":
		return copied("the state folder is on an overlay", f.volume())
	case !s.Attributes:
		return copied("the state folder is on "+cmp.Or(s.Filesystem, "a file system")+" without extended attributes", f.volume())
	case f.Overlay != nil && !f.Overlay.OK:
		return copied(f.Overlay.Error, f.Overlay.Advice)
	}
	return &Finding{"layers", Good, "stacked with overlayfs", ""}
}

// volume gives the state folder a file system of its own. A new volume of docker's is root's.
func (f *Facts) volume() string {
	dir := f.State.Dir
	docker, podman := "-v shbuild:"+dir, "-v shbuild:"+dir
	if f.Isolation.UID != 0 {
		docker, podman = "--tmpfs /state:exec,mode=1777 -e SHBUILD_ROOT=/state", podman+":U"
	}
	return f.Place.option(docker, podman, "volumes: [{name: shbuild, emptyDir: {}}] and volumeMounts: [{name: shbuild, mountPath: "+dir+"}]",
		"--root or SHBUILD_ROOT: a folder of yours on ext4, xfs, btrfs or a tmpfs")
}

// What a state folder should have, for a Debian with a compiler and its layers.
const (
	enoughBytes = 2 << 30
	enoughFiles = 100_000
)

// state tells about the state folder.
func (f *Facts) state(r isolation.Report) *Finding {
	s := f.State
	if !s.Writable {
		return &Finding{"state", Bad, fmt.Sprintf("no right to write in %s, for %s", s.At, s.Dir), f.volume()}
	}
	if s.NoDev && r.Rung == isolation.Chroot {
		return &Finding{"state", Bad, s.Dir + " is mounted nodev, so a chroot in it has no /dev/null", f.volume()}
	}
	text := fmt.Sprintf("%s: %s of %s free", s.Dir, units.BytesSize(float64(s.Free)), units.BytesSize(float64(s.Size)))
	if s.Filesystem != "" {
		text += ", " + s.Filesystem
	}
	switch {
	case s.Free < enoughBytes:
		return &Finding{"state", Less, text, "that is little for images and cache: choose another place with --root or SHBUILD_ROOT"}
	case s.Files > 0 && s.FreeFiles < enoughFiles:
		return &Finding{"state", Less, fmt.Sprintf("%s, but room for %d files", text, s.FreeFiles), "that is little for images and cache: choose another place with --root or SHBUILD_ROOT"}
	}
	return &Finding{"state", Good, text, ""}
}

// memory tells whether MEM works.
func (f *Facts) memory(r isolation.Report) *Finding {
	switch {
	case r.Rung == isolation.None:
		return nil
	case !f.Memory.OK:
		return &Finding{"memory", Less, "MEM is refused: " + f.Memory.Error, f.Memory.Advice}
	}
	return &Finding{"memory", Good, "MEM limits it, by a cgroup", ""}
}

// network tells whether a build can have a network of its own.
func (f *Facts) network(r isolation.Report) *Finding {
	if r.Rung != isolation.Full && r.Rung != isolation.OneID {
		return nil
	}
	program := cmp.Or(f.Pasta, f.Slirp)
	switch {
	case program == "":
		return &Finding{"network", Less, "--network private is refused: neither pasta nor slirp4netns is installed", f.Place.image("sudo apt-get install passt")}
	case !f.Tun.OK:
		return &Finding{"network", Less, "--network private is refused: " + f.Tun.Error, f.Place.option("--device /dev/net/tun", "--device /dev/net/tun",
			"a device plugin that gives /dev/net/tun", "sudo modprobe tun; sudo chmod 666 /dev/net/tun")}
	}
	return &Finding{"network", Good, "--network private can be had, by " + program, ""}
}
