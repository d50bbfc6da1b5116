package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runc/libcontainer/configs"
)

// networkMounts gives the container the host's /etc/resolv.conf, name servers on loopback included, since it
// uses the host's network, and an /etc/hosts that knows its own name too. They are read-only: nobody may edit
// the host's. The file that is written is removed by the returned function.
func networkMounts(spec *Spec) ([]*configs.Mount, func(), error) {
	var mounts []*configs.Mount
	const flags = noAccess
	if _, err := os.Stat("/etc/resolv.conf"); err == nil {
		mounts = append(mounts, bind("/etc/resolv.conf", "/etc/resolv.conf", true, flags))
	}
	text, err := os.ReadFile("/etc/hosts")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read the host names: %w", err)
	}
	if err != nil {
		text = []byte("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	}
	file := filepath.Join(spec.StateDir, spec.ID+".hosts")
	if err := os.WriteFile(file, withName(text, spec.Hostname), 0o644); err != nil {
		return nil, nil, fmt.Errorf("write the host names: %w", err)
	}
	mounts = append(mounts, bind(file, "/etc/hosts", true, flags))
	return mounts, func() { _ = os.Remove(file) }, nil
}

// withName adds a line for name to the text of an /etc/hosts, unless it has one.
func withName(text []byte, name string) []byte {
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 1 && slices.Contains(fields[1:], name) {
			return text
		}
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	return append(text, "127.0.0.1\t"+name+"\n"...)
}
