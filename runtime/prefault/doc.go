// Package prefault lets the Go runtime of an executable begin on few page faults. It is for the runner, which lives for
// milliseconds, once for each container: what it costs is mostly the faults of its first touches, where a fault is
// dear, as in a guest without hardware paging (20 to 40 µs).
//
// The program imports it, and that is all. With cgo the Go runtime maps its memory by the C library's mmap, which the
// linker replaces by ours:
//
//   - before the first of them all pages of the executable that are only read are mapped, by one system call;
//   - the heap, which is mapped in pieces of 4 MB, is asked for in huge pages;
//   - small pieces, of which the runtime has dozens for its own tables, come from one huge page.
//
// It is advice: a kernel that has no huge pages to give, or does not know the call, does as ever. What it costs
// elsewhere is the zeroing of two to three huge pages.
//
// It changes nothing of what Go or C allocate, nor of what the runtime gives back: that is unmapped, from the huge page
// too.
package prefault
