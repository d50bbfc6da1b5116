package container

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/opencontainers/runc/libcontainer/configs"
	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// adapt makes of a Spec one that the rung of isolation can give.
func adapt(s *sandbox.Spec, rootfs string) error {
	if !pretends(s) {
		return nil
	}
	s.UID, s.GID, s.Groups = 0, 0, nil // there is nobody else
	return calmApt(s, rootfs)
}

// adaptMounts changes the mounts of every container to what the rung of isolation can give.
func adaptMounts(spec *sandbox.Spec, mounts []*configs.Mount) {
	r := spec.Isolation
	if r == nil {
		return
	}
	for _, m := range mounts {
		switch {
		case m.Destination == "/proc" && r.OuterProc:
			// One bound without what is mounted in it would show what is hidden there.
			m.Device, m.Source, m.Flags = "bind", "/proc", unix.MS_BIND|unix.MS_REC|noAccess
		case m.Destination == "/dev/pts" && pretends(spec):
			m.Data = strings.TrimSuffix(m.Data, ",gid=5")
		}
	}
}

// aptConfig is where apt finds what it has to know, in the container.
const aptConfig = "/dev/shbuild-apt.conf"

// calmApt lets apt do without the user that it fetches files as: it looks whether it has become that user, and is
// not to be fooled. What it is told is in no file of the image, nor in its configuration. An image without apt is
// told nothing.
func calmApt(s *sandbox.Spec, rootfs string) error {
	if !haveFile(rootfs, "/usr/bin/apt-get") {
		return nil
	}
	text := ""
	for i, v := range s.Env {
		own, set := strings.CutPrefix(v, "APT_CONFIG=")
		if !set {
			continue
		}
		if haveFile(rootfs, own) && !strings.ContainsAny(own, "\"\n") {
			text = fmt.Sprintf("#include %q;\n", own)
		}
		s.Env = slices.Delete(slices.Clone(s.Env), i, i+1)
		break
	}
	file := filepath.Join(s.StateDir, s.ID+".apt.conf")
	if err := os.WriteFile(file, []byte(text+"APT::Sandbox::User \"root\";\n"), 0o644); err != nil {
		return fmt.Errorf("write a configuration for apt: %w", err)
	}
	s.Env = append(slices.Clip(s.Env), "APT_CONFIG="+aptConfig)
	s.Mounts = append([]sandbox.Mount{{Source: file, Target: aptConfig, ReadOnly: true}}, s.Mounts...)
	return nil
}

// haveFile says whether a root file system has a regular file, links followed inside it.
func haveFile(rootfs, name string) bool {
	path, err := securejoin.SecureJoin(rootfs, name)
	if err != nil {
		return false
	}
	fi, err := os.Lstat(path)
	return err == nil && fi.Mode().IsRegular()
}
