package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/runtime/layer"
	"github.com/shbuild/shbuild/runtime/owner"
)

// Checkout unpacks an image as one tree into a folder, which is new or empty, with the image's owners as ids of
// the build's user namespace. The image is looked for where FROM looks for it.
func (b *Builder) Checkout(ctx context.Context, name, dir string) (err error) {
	if err := emptyFolder(dir); err != nil {
		return err
	}
	b.whole, b.cancel = context.WithCancel(ctx)
	if name == scratchName {
		return nil
	}
	img, err := b.resolve(name, "")
	if err != nil {
		return err
	}
	f, err := b.unpackNode(img, &input{}, "pull "+name).solve(ctx)
	if err != nil {
		return err
	}
	return b.mounted(ctx, f, nil, func(root string) error {
		if err := applyFrom(ctx, dir, func(w io.Writer) error {
			return layer.Write(ctx, w, root, nil, layer.WriteOptions{})
		}); err != nil {
			return fmt.Errorf("unpack %s into %s: %w", name, dir, err)
		}
		return sameFolder(root, dir)
	})
}

// emptyFolder makes the folder, or sees that the one that is there is empty.
func emptyFolder(dir string) error {
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrExist) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("make the folder %s: %w", dir, err)
		}
		if len(entries) > 0 {
			return diag.WithHint(fmt.Errorf("%s is not empty", dir), "dist rm "+dir+" removes it, with the files in it that belong to your sub-ids")
		}
		return nil
	}
	return err
}

// sameFolder gives a folder the owner and the mode of another.
func sameFolder(like, dir string) error {
	var st unix.Stat_t
	if err := owner.Lstat(like, &st); err != nil {
		return fmt.Errorf("read the root folder: %w", err)
	}
	if err := errors.Join(owner.Chown(dir, int(st.Uid), int(st.Gid)), unix.Chmod(dir, st.Mode&0o7777)); err != nil {
		return fmt.Errorf("set the owner and mode of %s: %w", dir, err)
	}
	return nil
}
