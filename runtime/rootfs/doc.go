// Package rootfs stacks layer folders into one tree with overlayfs ([Mount]),
// and looks up users in such a tree ([LookupUser], [ParseChown]).
//
// Layer folders are in the form that package layer describes; the marks for
// deletions are those of overlayfs's option userxattr, as root as well, so that
// there is one form. Everything runs inside the build's user and mount
// namespace. Mounts are not shared with anybody and die with the namespace.
//
// [Reown] hands a tree over to another root. The package neither makes nor removes folders.
package rootfs
