// Package layer holds filesystem layers as folders in the form that overlayfs
// wants (with its option userxattr): it unpacks a layer's tar into such a
// folder ([Apply]), writes the tar of one ([Write]), and keeps them ([Store]).
//
// In a layer's folder
//   - a deleted entry ("whiteout") is a character device 0/0;
//   - a folder that hides what is below it ("opaque") has the extended
//     attribute user.overlay.opaque=y;
//   - owners are ids of the build's user namespace, so everything here runs
//     inside it, as its root.
//
// A layer's folder depends on the layers below it. A tar may hold usr/bin/x
// and neither usr nor usr/bin; its folder must have those all the same, and
// overlayfs shows a merged folder with the attributes of the topmost one. So
// such folders, the implied ones, have to copy the attributes of the nearest
// folder below. Layers may still be unpacked side by side: Apply says which
// folders are implied, and [Adopt] gives them their attributes once the layers
// below are there, from the lowest layer up:
//
//	Apply of all layers, in any order or at once
//	Adopt(draft 1, implied 1, [])
//	Adopt(draft 2, implied 2, [dir 1])
//	Adopt(draft 3, implied 3, [dir 2, dir 1])
//
// Therefore an unpacked layer is named by its chain ID (a hash over the diff
// IDs up to it), never by its diff ID alone.
//
// The package neither compresses nor computes digests, and mounts nothing.
package layer
