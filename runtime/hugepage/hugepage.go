//go:build !race

package hugepage

/*
#cgo LDFLAGS: -static -Wl,--wrap=mmap
#define _GNU_SOURCE
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE ((size_t)2 << 20)
#define SMALL ((size_t)256 << 10) // what the runtime allocates its tables from (persistentChunkSize)

void *__real_mmap(void *, size_t, int, int, int, off_t);

static uintptr_t page;
static char *pool, *pool_end; // what is left of the huge page for small pieces

static void begin(void) {
	page = sysconf(_SC_PAGESIZE);
	mallopt(M_ARENA_MAX, 1); // C has next to nothing to allocate, and a heap of its own for each thread else
	char *p = __real_mmap(0, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return;
	pool = (char *)(((uintptr_t)p + HUGE - 1) & -HUGE);
	pool_end = pool + HUGE;
	madvise(pool, HUGE, MADV_HUGEPAGE);
}

void *__wrap_mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset) {
	static int heaps; // pieces of it: the runtime begins anywhere in the first, so the second may come at once
	if (!page)
		begin(); // by the runtime's start: there is one thread
	if (prot != (PROT_READ | PROT_WRITE) || !(flags & MAP_ANONYMOUS))
		return __real_mmap(addr, length, prot, flags, fd, offset);
	if (!addr && flags == (MAP_PRIVATE | MAP_ANONYMOUS) && length <= SMALL) {
		size_t whole = (length + page - 1) & -page;
		char *piece = __sync_fetch_and_add(&pool, whole);
		if (piece + whole <= pool_end)
			return piece;
	}
	void *p = __real_mmap(addr, length, prot, flags, fd, offset);
	if (p != MAP_FAILED && (flags & MAP_FIXED) && length >= 2 * HUGE && heaps++ < 2)
		madvise(p, length, MADV_HUGEPAGE);
	return p;
}
*/
import "C"
