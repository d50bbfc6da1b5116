package reason

import "strings"

// The names of inputs that more is said of than their values.
const (
	Files   = "files below"
	Content = "content"
	Command = "command" // a JSON list of words
	Kind    = "kind"

	// What begins a name.
	Variable   = "variable "
	MountFiles = "files of the mount "
	Mount      = "the mount "
)

// isFiles says whether an input is files, named by what made them.
func isFiles(name string) bool { return name == Files || strings.HasPrefix(name, MountFiles) }

// Image says in Input.From that files are a base image's.
func Image(name, platform, digest string) string {
	return strings.Join([]string{image, name, platform, digest}, " ")
}

const image = "image"

// baseImage reads what Image wrote.
func baseImage(from string) (name, platform, digest string, ok bool) {
	part := strings.Split(from, " ")
	if len(part) != 4 || part[0] != image {
		return "", "", "", false
	}
	return part[1], part[2], part[3], true
}
