// Package hugepage lets the Go runtime of a program begin on few page faults: its first memory comes in huge pages. It
// is for programs that live for milliseconds and are started often, where a fault is dear, as in a guest without
// hardware paging (25 µs each, and a Go program that has libraries begins on hundreds).
//
// A program imports it, and that is all; it becomes a static one. With cgo the Go runtime maps its memory by the C
// library's mmap, which the linker replaces by ours:
//
//   - the first two pieces of the heap, of 4 MB each, are asked for in huge pages;
//   - small pieces, of which the runtime has dozens for its own tables, come from one huge page, as far as it goes.
//
// It is advice: a kernel that has no huge page to give does as ever. What it costs elsewhere is the zeroing of two or
// three of them, and 1 to 3 MB of memory that may never be used. Without cgo, or with the race detector, which has its
// own ideas of where memory is, there is nothing in the package.
//
// It changes nothing of what Go or C allocate, nor of what the runtime gives back: that is unmapped, from the huge page
// too.
package hugepage
