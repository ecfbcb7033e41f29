/*
 * What libferry asks the system for, counted, and refused now and then.
 *
 * The words through which libferry.so calls malloc & co (its global offset
 * table) are pointed here when the program starts; nobody else's calls are
 * touched, sanitizers' neither. So the count of its blocks is exact: at the
 * end it must be what it was when nothing was open.
 */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "soak.h"

static struct {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	void (*free)(void *);
	void *(*mmap)(void *, size_t, int, int, int, off_t);
	int (*munmap)(void *, size_t);
	int (*mprotect)(void *, size_t, int);
	int (*epoll_create1)(int);
	int (*pthread_create)(pthread_t *, const pthread_attr_t *,
	    void *(*)(void *), void *);
	int (*eventfd)(unsigned, int);
} theirs;

static atomic_int enabled;
static atomic_long live, live_bytes, pages;
static atomic_ullong calls, refused[4];

enum { MEMORY, PAGES, THREAD, DESCRIPTOR };

/* One in so many, by kind; from the seed and the number of the call. */
static int
fails(int kind)
{
	static const uint64_t one_of[] = {2000, 40, 100, 60};
	struct t_rng rng = {soak.seed + atomic_fetch_add(&calls, 1)};

	if (!atomic_load_explicit(&enabled, memory_order_relaxed) ||
	    !one_in(&rng, one_of[kind]))
		return 0;
	atomic_fetch_add(&refused[kind], 1);
	return 1;
}

static void *
counted(void *p)
{
	if (p != NULL) {
		atomic_fetch_add(&live, 1);
		atomic_fetch_add(&live_bytes, (long)malloc_usable_size(p));
	}
	return p;
}

static void
uncounted(void *p)
{
	if (p == NULL)
		return;
	atomic_fetch_sub(&live, 1);
	atomic_fetch_sub(&live_bytes, (long)malloc_usable_size(p));
}

static void *
our_malloc(size_t size)
{
	return fails(MEMORY) ? NULL : counted(theirs.malloc(size));
}

static void *
our_calloc(size_t n, size_t size)
{
	return fails(MEMORY) ? NULL : counted(theirs.calloc(n, size));
}

static void *
our_aligned_alloc(size_t align, size_t size)
{
	return fails(MEMORY) ? NULL
	                     : counted(theirs.aligned_alloc(align, size));
}

static void *
our_realloc(void *p, size_t size)
{
	long before = p != NULL ? (long)malloc_usable_size(p) : 0;
	void *q;

	if (fails(MEMORY))
		return NULL;
	q = theirs.realloc(p, size);
	if (q == NULL)
		return NULL;
	atomic_fetch_add(&live, p == NULL);
	atomic_fetch_add(&live_bytes, (long)malloc_usable_size(q) - before);
	return q;
}

static void
our_free(void *p)
{
	uncounted(p);
	theirs.free(p);
}

static void *
our_mmap(void *at, size_t size, int prot, int flags, int fd, off_t from)
{
	void *p;

	if (fails(PAGES)) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	p = theirs.mmap(at, size, prot, flags, fd, from);
	if (p != MAP_FAILED)
		atomic_fetch_add(&pages, (long)size);
	return p;
}

/* Stacks come and go. */
static int
our_munmap(void *at, size_t size)
{
	atomic_fetch_sub(&pages, (long)size);
	return theirs.munmap(at, size);
}

static int
our_mprotect(void *at, size_t size, int prot)
{
	if (fails(PAGES)) {
		errno = ENOMEM;
		return -1;
	}
	return theirs.mprotect(at, size, prot);
}

static int
our_epoll_create1(int flags)
{
	if (fails(DESCRIPTOR)) {
		errno = EMFILE;
		return -1;
	}
	return theirs.epoll_create1(flags);
}

static int
our_pthread_create(pthread_t *out, const pthread_attr_t *attr,
    void *(*run)(void *), void *arg)
{
	return fails(THREAD) ? EAGAIN
	                     : theirs.pthread_create(out, attr, run, arg);
}

static int
our_eventfd(unsigned first, int flags)
{
	if (fails(DESCRIPTOR)) {
		errno = EMFILE;
		return -1;
	}
	return theirs.eventfd(first, flags);
}

/* ------------------------------------------------------------- the table */

static const struct {
	const char *name;
	void *ours;
	void *theirs; /* where the one before goes */
} hooks[] = {
    {"malloc", (void *)our_malloc, &theirs.malloc},
    {"calloc", (void *)our_calloc, &theirs.calloc},
    {"realloc", (void *)our_realloc, &theirs.realloc},
    {"aligned_alloc", (void *)our_aligned_alloc, &theirs.aligned_alloc},
    {"free", (void *)our_free, &theirs.free},
    {"mmap", (void *)our_mmap, &theirs.mmap},
    {"munmap", (void *)our_munmap, &theirs.munmap},
    {"mprotect", (void *)our_mprotect, &theirs.mprotect},
    {"epoll_create1", (void *)our_epoll_create1, &theirs.epoll_create1},
    {"pthread_create", (void *)our_pthread_create, &theirs.pthread_create},
    {"eventfd", (void *)our_eventfd, &theirs.eventfd}};

enum { HOOKS = sizeof hooks / sizeof hooks[0] };

/* What an object says about itself, by tag of its dynamic section. */
static uintptr_t
dynamic(const struct link_map *map, long tag)
{
	const ElfW(Dyn) *d = map->l_ld;

	while (d->d_tag != DT_NULL && d->d_tag != tag)
		d++;
	return d->d_tag == DT_NULL ? 0 : (uintptr_t)d->d_un.d_ptr;
}

/* An address; some loaders have added the base already. */
static uintptr_t
address(const struct link_map *map, long tag)
{
	uintptr_t a = dynamic(map, tag);

	return a != 0 && a < map->l_addr ? a + map->l_addr : a;
}

/* The table is read-only once the program runs: writable for a moment. */
static void
redirect(void **word, int hook)
{
	uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);
	void *page = (void *)((uintptr_t)word & ~(size - 1));

	T_EQ(mprotect(page, size, PROT_READ | PROT_WRITE), 0);
	memcpy(hooks[hook].theirs, word, sizeof *word);
	*word = hooks[hook].ours;
	T_EQ(mprotect(page, size, PROT_READ), 0);
}

static unsigned
redirect_all(const struct link_map *map, uintptr_t table, size_t bytes)
{
	const ElfW(Sym) *symbols =
	    (const ElfW(Sym) *)address(map, DT_SYMTAB);
	const char *strings = (const char *)address(map, DT_STRTAB);
	const ElfW(Rela) *rela = (const ElfW(Rela) *)table;
	unsigned n = 0;

	for (size_t i = 0; i < bytes / sizeof *rela; i++) {
		const char *name = strings +
		    symbols[ELF64_R_SYM(rela[i].r_info)].st_name;

		for (int k = 0; k < HOOKS; k++)
			if (strcmp(name, hooks[k].name) == 0) {
				redirect((void **)(map->l_addr +
				    rela[i].r_offset), k);
				n++;
			}
	}
	return n;
}

void
fault_install(void)
{
	struct link_map *map = NULL;
	unsigned n;
	Dl_info info;

	T_NE(dladdr1((void *)(uintptr_t)ferry_version, &info, (void **)&map,
	    RTLD_DL_LINKMAP), 0);
	T_ASSERT(map->l_name[0] != 0); /* not this program's own */
	n = redirect_all(map, address(map, DT_JMPREL),
	    dynamic(map, DT_PLTRELSZ));
	n += redirect_all(map, address(map, DT_RELA),
	    dynamic(map, DT_RELASZ));
	T_GE(n, HOOKS);
	for (int k = 0; k < HOOKS; k++)
		T_ASSERT(*(void **)hooks[k].theirs != NULL);
}

/* --------------------------------------------------------------- counting */

void
fault_enable(int on)
{
	atomic_store(&enabled, on);
}

long
fault_live(void)
{
	return atomic_load(&live);
}

long
fault_live_bytes(void)
{
	return atomic_load(&live_bytes);
}

long
fault_pages(void)
{
	return atomic_load(&pages);
}

int
fault_threads(void)
{
	return (int)atomic_load(&refused[THREAD]);
}

void
fault_print(void)
{
	dprintf(1, "  refused to libferry: memory %llu, pages %llu, threads "
	    "%llu, descriptors %llu; it holds %ld blocks\n",
	    atomic_load(&refused[MEMORY]), atomic_load(&refused[PAGES]),
	    atomic_load(&refused[THREAD]), atomic_load(&refused[DESCRIPTOR]),
	    atomic_load(&live));
}
