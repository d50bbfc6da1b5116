package build

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	securejoin "github.com/cyphar/filepath-securejoin"

	"github.com/shbuild/shbuild/runtime/owner"
	"github.com/shbuild/shbuild/runtime/rootfs"
)

// makeDir makes a folder of the image with those above it, as far as they are
// not there, owned by user, with the given modification time unless it is nil;
// a folder that another one is then made in has that one's. Symlinks in the image are followed inside it.
// root must not be changed by others meanwhile: no container runs on it.
func makeDir(root, dir string, user rootfs.User, mtime *time.Time) error {
	at := ""
	for _, name := range strings.Split(strings.Trim(dir, "/"), "/") {
		at += "/" + name
		path, err := securejoin.SecureJoin(root, at)
		if err != nil {
			return fmt.Errorf("make the folder %s: %w", at, err)
		}
		fi, err := os.Stat(path)
		switch {
		case err == nil && !fi.IsDir():
			return fmt.Errorf("make the folder %s: %s is a file", dir, at)
		case err == nil:
			continue
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("make the folder %s: %w", at, err)
		}
		above, err := filepath.Rel(root, filepath.Dir(path))
		if err == nil && above != "." { // a link may lead to where more is missing than its last name
			err = makeDir(root, above, user, mtime)
		}
		if err != nil {
			return err
		}
		err = os.Mkdir(path, 0o755)
		if err == nil { // mode and owner are set apart: the umask must not show in an image
			err = errors.Join(os.Chmod(path, 0o755), owner.Chown(path, user.UID, user.GID))
		}
		if err != nil {
			return fmt.Errorf("make the folder %s: %w", at, err)
		}
		if mtime != nil {
			if err := os.Chtimes(path, *mtime, *mtime); err != nil {
				return fmt.Errorf("make the folder %s: %w", at, err)
			}
		}
	}
	return nil
}

// haveDir says whether a folder is there in the image.
func haveDir(root, dir string) bool {
	path, err := securejoin.SecureJoin(root, dir)
	if err != nil {
		return false
	}
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}
