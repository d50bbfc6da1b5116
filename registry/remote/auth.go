package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/shbuild/shbuild/registry/reference"
)

// login is what the client shows a registry, and where it was found.
type login struct {
	auth     authn.Authenticator
	from     string   // file, or empty: nothing was found
	searched []string // the files looked into
	faults   []error  // of files and helpers that gave no answer
}

// advice is for somebody who was turned away.
func (l login) advice(ref reference.Ref) string {
	var text string
	if l.from != "" {
		text = fmt.Sprintf("the credentials from %s do not suffice; log in anew with: docker login %s", l.from, ref.Domain)
	} else {
		text = fmt.Sprintf("log in with: docker login %[1]s, or: podman login %[1]s; a repository that does not exist may be answered like this too", ref.Domain)
		if len(l.searched) > 0 {
			text += "; no credentials for it in " + strings.Join(l.searched, ", ")
		}
	}
	for _, fault := range l.faults {
		text += fmt.Sprintf("; %v", fault)
	}
	return text
}

func (c *Client) login(ctx context.Context, ref reference.Ref, target name.Repository) (login, error) {
	if c.o.Keychain == nil {
		home, err := os.UserHomeDir()
		if err != nil {
			home = ""
		}
		return findLogin(authFiles(os.Getenv, home, os.Getuid()), ref), nil
	}
	auth, err := authn.Resolve(ctx, c.o.Keychain, target)
	return login{auth: auth, from: "the given keychain"}, err
}

// authFiles are the places where docker, podman, buildah and skopeo leave credentials, in the
// order in which they count. go-containerregistry stops at the first file that there is; here
// each file is asked.
func authFiles(env func(string) string, home string, uid int) []string {
	var files []string
	add := func(dir string, rest ...string) {
		if dir != "" {
			files = append(files, filepath.Join(append([]string{dir}, rest...)...))
		}
	}
	add(env("REGISTRY_AUTH_FILE"))
	if dir := env("DOCKER_CONFIG"); dir != "" {
		add(dir, "config.json")
	} else {
		add(home, ".docker", "config.json")
	}
	if dir := env("XDG_RUNTIME_DIR"); dir != "" {
		add(dir, "containers", "auth.json")
	} else {
		add("/run/containers", strconv.Itoa(uid), "auth.json")
	}
	if dir := env("XDG_CONFIG_HOME"); dir != "" {
		add(dir, "containers", "auth.json")
	} else {
		add(home, ".config", "containers", "auth.json")
	}
	return files
}

// findLogin asks each file in turn. A file or a helper that fails is no reason to stop: most
// images need no login. Its fault is told if the registry then wants one.
func findLogin(files []string, ref reference.Ref) login {
	l := login{auth: authn.Anonymous}
	for _, path := range files {
		file, err := readAuthFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		l.searched = append(l.searched, path)
		if err != nil {
			l.faults = append(l.faults, err)
			continue
		}
		found, err := lookUp(file, ref)
		if err != nil {
			l.faults = append(l.faults, fmt.Errorf("%s: %w", path, err))
		}
		if found != (authn.AuthConfig{}) {
			l.auth, l.from = authn.FromConfig(found), path
			return l
		}
	}
	return l
}

func readAuthFile(path string) (*configfile.ConfigFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	file := configfile.New(path)
	if err := file.LoadFromReader(f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// lookUp finds the credentials for a repository: the most special of podman's keys
// (quay.io/team/app, quay.io/team), then the registry's, by its credential helper where it has one.
func lookUp(file *configfile.ConfigFile, ref reference.Ref) (authn.AuthConfig, error) {
	for key := ref.Domain + "/" + ref.Path; key != ref.Domain; key = key[:strings.LastIndexByte(key, '/')] {
		if found := convert(file.AuthConfigs[key]); found != (authn.AuthConfig{}) {
			return found, nil
		}
	}
	// docker/cli would take the credentials of quay.io/team for all of quay.io.
	for key := range file.AuthConfigs {
		if strings.Contains(key, "/") && !strings.Contains(key, "://") {
			delete(file.AuthConfigs, key)
		}
	}
	keys := []string{ref.Domain}
	if ref.Domain == "docker.io" {
		keys = []string{authn.DefaultAuthKey, "docker.io", "index.docker.io", "registry-1.docker.io"}
	}
	var faults []error
	for _, key := range keys {
		config, err := file.GetAuthConfig(key)
		if err != nil {
			faults = append(faults, err)
		}
		// The file itself is asked too: beside a helper there may be a plain entry, and docker/cli
		// does not know podman's docker.io.
		for _, one := range []types.AuthConfig{config, file.AuthConfigs[key]} {
			if found := convert(one); found != (authn.AuthConfig{}) {
				return found, nil
			}
		}
	}
	return authn.AuthConfig{}, errors.Join(faults...)
}

// convert leaves out what is no credential.
func convert(c types.AuthConfig) authn.AuthConfig {
	return authn.AuthConfig{
		Username:      c.Username,
		Password:      c.Password,
		Auth:          c.Auth,
		IdentityToken: c.IdentityToken,
		RegistryToken: c.RegistryToken,
	}
}
