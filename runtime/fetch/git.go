package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// git runs the host's git: hermetic as the package's documentation says.
type git struct {
	fetcher *Fetcher
	dir     string   // where it runs
	gitDir  string   // of a bare repository; empty: dir's own
	auth    []string // the environment that has the secret for the remote
	local   bool     // it fetches from a repository of the fetcher's own
}

// run runs git and returns what it writes.
func (g *git) run(ctx context.Context, args ...string) (string, error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return "", hinted(errors.New("git is not installed"), "install it (Debian: apt-get install git): repositories are fetched by it")
	}
	cmd := exec.CommandContext(ctx, program, append(g.settings(), args...)...)
	cmd.Dir = g.dir
	cmd.Env = g.environ()
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	// Its helpers too: they would wait on for a server that does not answer, and this for their output.
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", &gitError{act: args[0], said: said.String(), err: err}
	}
	return out.String(), nil
}

// settings are git's own: what a configuration file could have done to the build.
func (g *git) settings() []string {
	file := "user" // never by a submodule's word
	if g.local {
		file = "always"
	}
	set := []string{
		"protocol.allow=never", "protocol.https.allow=always", "protocol.http.allow=always",
		"protocol.ssh.allow=always", "protocol.git.allow=always", "protocol.file.allow=" + file,
		"core.hooksPath=/dev/null", "core.fsmonitor=false", "init.defaultBranch=master", "gc.auto=0",
		"maintenance.auto=false", "advice.detachedHead=false", "credential.helper=",
	}
	var args []string
	for _, s := range set {
		args = append(args, "-c", s)
	}
	if g.gitDir != "" {
		args = append(args, "--git-dir", g.gitDir)
	}
	return args
}

func (g *git) environ() []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=/dev/null",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "GIT_SSH_COMMAND=" + g.ssh(),
		// Owners and modes of the tree are the image's: a repository must belong to us, and it does.
		"GIT_CEILING_DIRECTORIES=" + g.dir,
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"} {
		for _, n := range []string{name, strings.ToLower(name)} {
			if v, ok := os.LookupEnv(n); ok {
				env = append(env, n+"="+v)
			}
		}
	}
	return append(env, g.auth...)
}

// ssh is how git calls ssh: without the user's configuration and keys. A host that is met for the first time is
// believed, and its key remembered; another key is refused from then on.
func (g *git) ssh() string {
	o := g.fetcher.opts
	agent := o.Agent
	if agent == "" {
		agent = "none"
	}
	hosts := quoted(o.Dir + "/known_hosts")
	if o.KnownHosts != "" {
		hosts += " " + quoted(o.KnownHosts)
	}
	options := []string{
		"BatchMode=yes", "IdentityFile=none", "IdentityAgent=" + quoted(agent),
		"StrictHostKeyChecking=accept-new", "UserKnownHostsFile=" + hosts,
	}
	command := "ssh -F /dev/null"
	for _, option := range options {
		command += " -o '" + strings.ReplaceAll(option, "'", `'\''`) + "'"
	}
	return command
}

// quoted is a word of ssh's configuration.
func quoted(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%").Replace(path) + `"`
}

// shallow runs a fetch that asks for the newest commit alone, and for all where the server cannot do that.
func (g *git) shallow(ctx context.Context, args ...string) error {
	_, err := g.run(ctx, args...)
	var failed *gitError
	if errors.As(err, &failed) && (strings.Contains(failed.said, "--depth") || strings.Contains(failed.said, "shallow")) {
		_, err = g.run(ctx, slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "--depth=1" })...)
	}
	return err
}

// gitError is what git said when it failed.
type gitError struct {
	act, said string
	err       error
}

func (e *gitError) Error() string {
	for _, line := range strings.Split(e.said, "\n") {
		for _, mark := range []string{"fatal: ", "error: ", "ERROR: "} {
			if what, ok := strings.CutPrefix(line, mark); ok {
				return fmt.Sprintf("git %s: %s", e.act, strings.TrimSpace(what))
			}
		}
	}
	said := strings.TrimSpace(e.said)
	if said == "" {
		said = e.err.Error()
	}
	return fmt.Sprintf("git %s: %s", e.act, said)
}

func (e *gitError) Unwrap() error { return e.err }

// Hint says what the usual reasons are.
func (e *gitError) Hint() string {
	switch {
	case strings.Contains(e.said, "could not read Username"), strings.Contains(e.said, "Authentication failed"):
		return "the repository asks for a password, or is not there: --secret id=GIT_AUTH_TOKEN,src=FILE gives the build a token for it"
	case strings.Contains(e.said, "Permission denied (publickey"):
		return "SSH keys come from an agent: --ssh default lends yours to the build"
	case strings.Contains(e.said, "Host key verification failed"):
		return "the host's key is not the one that is known: see ssh-keygen -R"
	case strings.Contains(e.said, "not found"):
		return "is the repository's address right?"
	case strings.Contains(e.said, "transport") && strings.Contains(e.said, "not allowed"):
		return "a repository on a stranger's word may be reached by https, http, ssh and git only"
	}
	return ""
}
