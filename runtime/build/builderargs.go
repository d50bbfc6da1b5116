package build

import (
	"cmp"
	"strings"
)

// Build-args that no ARG has to ask for, since they are for the builder.
const (
	checkArg     = "BUILDKIT_DOCKERFILE_CHECK" // goes before the file's check directive
	hostnameArg  = "BUILDKIT_SANDBOX_HOSTNAME" // of a RUN's container
	cacheRoomArg = "BUILDKIT_CACHE_MOUNT_NS"   // keeps --mount=type=cache apart from those of other builds
)

// forBuilder says whether a build-arg is none of the file's. Those that mean
// nothing here (BUILDKIT_SYNTAX, BUILDKIT_MULTI_PLATFORM) are not worth a
// warning: docker's users have them in their scripts.
func forBuilder(name string) bool {
	return name == sourceDateEpoch || strings.HasPrefix(name, "BUILDKIT_")
}

// hostname is that of containers. BuildKit's own is the default: programs bake
// it into files, and images are compared.
func (b *Builder) hostname() string {
	return cmp.Or(b.opts.BuildArgs[hostnameArg], "buildkitsandbox")
}
