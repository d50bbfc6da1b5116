package reference

import (
	"fmt"
	"strings"
)

// Error says why a word is not an image name.
type Error struct {
	Name   string // as typed
	Reason string
	Advice string // may be empty
}

func (e *Error) Error() string { return fmt.Sprintf("image name %q: %s", e.Name, e.Reason) }

// Hint is what to write instead.
func (e *Error) Hint() string { return e.Advice }

// checkWhole finds what is wrong with the name before it is cut into parts.
func checkWhole(typed string) error {
	switch {
	case typed == "":
		return &Error{Name: typed, Reason: "empty", Advice: "an image name is [registry/]path[:tag]"}
	case strings.ContainsFunc(typed, func(c rune) bool { return c <= ' ' || c > '~' }):
		return &Error{Name: typed, Reason: "has a space or a character that is not ASCII", Advice: "an image name is [registry/]path[:tag]"}
	case strings.Contains(typed, "://"):
		_, rest, _ := strings.Cut(typed, "://")
		return &Error{Name: typed, Reason: "is a URL", Advice: "leave out the scheme: " + rest}
	case idForm().MatchString(typed):
		return &Error{Name: typed, Reason: "64 hexadecimal digits are an image id", Advice: "give the image a name"}
	}
	return nil
}

func checkRepository(typed string, r Ref) error {
	switch {
	case !domainForm().MatchString(r.Domain):
		return &Error{Name: typed, Reason: fmt.Sprintf("%q is not a registry", r.Domain), Advice: "a registry is a host name or address, with :port if need be"}
	case strings.Contains(r.Path, ":"):
		return &Error{Name: typed, Reason: "has two tags", Advice: "a name has one tag, behind its last ':'"}
	case strings.ToLower(r.Path) != r.Path:
		return &Error{Name: typed, Reason: "has capital letters", Advice: "write " + strings.Replace(typed, strings.TrimPrefix(r.Path, hubLibrary), strings.ToLower(strings.TrimPrefix(r.Path, hubLibrary)), 1)}
	case !pathForm().MatchString(r.Path):
		return &Error{Name: typed, Reason: fmt.Sprintf("%q is not a repository", strings.TrimPrefix(r.Path, hubLibrary)), Advice: "use small letters and digits, with single '.', '_', '-' or '/' between them"}
	case len(r.Domain)+1+len(r.Path) > maxPath:
		return &Error{Name: typed, Reason: fmt.Sprintf("is longer than %d characters", maxPath)}
	}
	return nil
}
