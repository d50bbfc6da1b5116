// Package platform chooses among the platforms of a multi-platform image, by containerd's rules:
// an arm/v7 machine takes v7, else v6, else v5; arm64 and arm64/v8 are one.
//
// It knows nothing of emulation: that a platform can be run is the caller's affair.
package platform

import (
	"github.com/containerd/platforms"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	specs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Host is the platform of this machine, its processor's variant included.
func Host() v1.Platform { return fromSpec(platforms.DefaultSpec()) }

// Parse reads "linux/arm/v7", "arm64", "linux" (the rest is the host's).
func Parse(text string) (v1.Platform, error) {
	spec, err := platforms.Parse(text)
	if err != nil {
		return v1.Platform{}, &Error{Text: text, Err: err}
	}
	return fromSpec(platforms.Normalize(spec)), nil
}

// Normalize gives equal platforms equal spellings: linux/x86_64 is linux/amd64, arm is arm/v7.
func Normalize(p v1.Platform) v1.Platform { return fromSpec(platforms.Normalize(toSpec(p))) }

// Format writes a platform as a user would: linux/arm/v7.
func Format(p v1.Platform) string { return platforms.Format(toSpec(p)) }

// Best is the index in have of the platform that suits want best, or -1. Of equals the first wins.
func Best(want v1.Platform, have []v1.Platform) int {
	match := platforms.Only(toSpec(want))
	best := -1
	for i, p := range have {
		if !match.Match(toSpec(p)) {
			continue
		}
		if best < 0 || match.Less(toSpec(p), toSpec(have[best])) {
			best = i
		}
	}
	return best
}

func toSpec(p v1.Platform) specs.Platform {
	return specs.Platform{Architecture: p.Architecture, OS: p.OS, OSVersion: p.OSVersion, OSFeatures: p.OSFeatures, Variant: p.Variant}
}

func fromSpec(p specs.Platform) v1.Platform {
	return v1.Platform{Architecture: p.Architecture, OS: p.OS, OSVersion: p.OSVersion, OSFeatures: p.OSFeatures, Variant: p.Variant}
}

// Error says that a word is not a platform.
type Error struct {
	Text string
	Err  error
}

func (e *Error) Error() string { return "platform " + e.Text + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Hint shows what a platform looks like.
func (e *Error) Hint() string { return "write it as OS/ARCH[/VARIANT], such as linux/arm64" }
