package build

import (
	"errors"
	"strings"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// foreign says of a program that cannot be run here that its stage is another platform's, where that is so.
func (b *Builder) foreign(err error, p ocispec.Platform) error {
	var exit *ExitError
	if !errors.As(err, &exit) || !strings.Contains(exit.Reason, "exec format error") || platforms.Only(b.host).Match(p) {
		return err
	}
	exit.Advice = "the stage is for " + platforms.Format(p) + ", whose programs this machine runs with an emulator only" +
		" (Debian: apt-get install qemu-user-static); FROM --platform=$BUILDPLATFORM makes a stage of this machine's"
	return err
}
