package explain

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// runFlags explains a RUN's flags, and gives what they add to the key.
func runFlags(l *Line, c *instructions.RunCommand) (keys []string) {
	switch n := instructions.GetNetwork(c); n {
	case instructions.NetworkNone:
		l.say("namespaces", "--network=none: a network namespace too, with a loopback only")
		keys = append(keys, "the network")
	case instructions.NetworkHost:
		l.say("namespaces", "--network=host: the host's network, if --allow network.host lets it")
	}
	if instructions.GetSecurity(c) == instructions.SecurityInsecure {
		l.say("capabilities", "--security=insecure: all that the build itself has, and no seccomp filter; if --allow security.insecure lets it")
	}
	for _, m := range instructions.GetMounts(c) {
		l.say("mounts", "%s", mount(m))
		switch m.Type {
		case instructions.MountTypeBind:
			keys = append(keys, "the files mounted on "+m.Target)
		case instructions.MountTypeSecret:
			keys = append(keys, "that it asks for the secret "+secretID(m)+", not what that is")
		case instructions.MountTypeSSH:
			keys = append(keys, "that it asks for an ssh agent")
		default:
			keys = append(keys, "that there is a mount on "+m.Target)
		}
	}
	return keys
}

// mount is a --mount in words.
func mount(m *instructions.Mount) string {
	rw := "read-only"
	if !m.ReadOnly {
		rw = "writable, but what is written is dropped"
	}
	from := "the build context"
	if m.From != "" {
		from = m.From
	}
	switch m.Type {
	case instructions.MountTypeBind:
		return fmt.Sprintf("%s: bind of %s from %s, %s", m.Target, orNone(m.Source, "all", m.Source), from, rw)
	case instructions.MountTypeCache:
		id := m.Target
		if m.CacheID != "" {
			id = m.CacheID
		}
		return fmt.Sprintf("%s: bind of the cache folder %q, which outlives the build and is in no layer (sharing=%s)", m.Target, id, cmp.Or(m.CacheSharing, instructions.MountSharingShared))
	case instructions.MountTypeTmpfs:
		return m.Target + ": tmpfs, gone afterwards" + orNone(size(m.SizeLimit), "", ", size="+size(m.SizeLimit))
	case instructions.MountTypeSecret:
		return secret(m)
	case instructions.MountTypeSSH:
		return "the ssh agent's socket, by SSH_AUTH_SOCK; keys stay with the agent"
	}
	return m.Target + ": " + string(m.Type)
}

func secretID(m *instructions.Mount) string {
	return cmp.Or(m.Source, m.CacheID, path.Base(m.Target))
}

func secret(m *instructions.Mount) string {
	target := m.Target
	if target == "" && m.Env == nil {
		target = "/run/secrets/" + path.Base(secretID(m))
	}
	var as []string
	if m.Env != nil {
		as = append(as, "as the variable "+*m.Env)
	}
	if target != "" {
		as = append(as, "as the file "+target+", in memory")
	}
	return fmt.Sprintf("the secret %q %s; in no layer, no cache, no history", secretID(m), strings.Join(as, " and "))
}

func size(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// copying is COPY or ADD.
type copying struct {
	word, from    string
	sources       []string
	heredocs      int
	dest          string
	chown, chmod  string
	excludes      []string
	parents, link bool
	checksum      string
	unpack        bool
}

func (x *explaining) copy(l *Line, s *stage, c copying) {
	what := strings.Join(c.sources, ", ")
	if c.heredocs > 0 {
		what = strings.TrimPrefix(what+fmt.Sprintf(" and %d heredoc(s)", c.heredocs), " and ")
	}
	switch {
	case c.from != "":
		l.say("fetch", "%s from the files of %s: a stage of the file by name or number, else an image, fetched as by FROM", what, c.from)
	case c.word == "ADD" && strings.Contains(what, "://"):
		l.say("fetch", "%s from the network%s", what, orNone(c.checksum, "; --checksum would pin it", ", which must have the digest "+c.checksum))
	default:
		l.say("fetch", "%s of the build context, as far as .dockerignore lets it", what)
	}
	if c.unpack && c.from == "" {
		l.say("layer", "a local tar (gzip, bzip2, xz, zstd too) is unpacked, anything else is copied as it is")
	}
	l.say("layer", "written into a fresh folder on top of %s, without a container, to %s%s", s.stack(), s.under(c.dest), orNone(strings.Join(copyNotes(c), "; "), "", "; "+strings.Join(copyNotes(c), "; ")))
	l.say("key", "the layers below, a digest of what is copied (names, modes, owners, contents; no times), the destination and the flags")
	l.say("config", "nothing; the history says %s and the words", c.word)
	x.layered(l, s)
}

func copyNotes(c copying) []string {
	var notes []string
	owner := "owner 0:0"
	switch {
	case c.chown != "":
		owner = "owner " + c.chown + ", by the image's /etc/passwd and /etc/group"
	case c.from != "":
		owner = "owners as they are there"
	}
	notes = append(notes, owner)
	if c.chmod != "" {
		notes = append(notes, "mode "+c.chmod)
	}
	if c.parents {
		notes = append(notes, "with the folders of the sources' paths")
	}
	if c.link {
		notes = append(notes, "--link: independent of what is below, no symlink of it is followed")
	} else {
		notes = append(notes, "symlinks in the destination are followed, within the image")
	}
	if len(c.excludes) > 0 {
		notes = append(notes, "without "+strings.Join(c.excludes, ", "))
	}
	return notes
}
