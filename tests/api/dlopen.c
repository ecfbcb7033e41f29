/*
 * libferry.so loaded and let go of by a host that was not linked with it:
 * a hundred times over, from threads that outlive it, in two copies at once.
 *
 * It is linked -z nodelete: dlclose() gives the reference back and unmaps
 * nothing. So its code is there for whatever still needs it (the destructor of
 * its thread key, FFI threads of contexts that were not closed), the next
 * dlopen() finds it as it was left, and a leak of a round is a leak for good.
 * That is why flat is asked of everything here, and why, as a control, a copy
 * without that flag must crash.
 */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "proc.h"
#include "world/loaded.h"

enum { WARM = 10, ROUNDS = 100 };

static char original[500];

/* ------------------------------------------------------- what is to be flat */

static int threads_at_first;

struct usage {
	int descriptors, maps;
	size_t heap;
	long resident_kb;
};

/* Lines of /proc/self/maps that have `text` in them. */
static int
maps_with(const char *text)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[1000];
	int n = 0;

	T_ASSERT(f != NULL);
	while (fgets(line, sizeof line, f) != NULL)
		n += strstr(line, text) != NULL;
	fclose(f);
	return n;
}

static long
resident_kb(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[200];
	long kb = -1;

	T_ASSERT(f != NULL);
	while (kb < 0 && fgets(line, sizeof line, f) != NULL)
		sscanf(line, "VmRSS: %ld", &kb);
	fclose(f);
	T_GT(kb, 0);
	return kb;
}

static struct usage
usage(void)
{
	struct usage u;

	/* One that has been joined is in this list for a moment more. */
	T_WAIT_UNTIL(t_entries(T_THREADS) == threads_at_first, LIMIT_MS);
	/* The heap before the rest, which uses it. */
	u.heap = mallinfo2().uordblks;
	u.descriptors = t_entries(T_DESCRIPTORS);
	u.maps = maps_with("");
	u.resident_kb = resident_kb();
	return u;
}

static void
flat(const struct usage *before)
{
	struct usage now = usage();

	dprintf(1, "  descriptors %d %d, maps %d %d, heap %zu %zu, "
	    "resident %ld %ld kB\n", before->descriptors, now.descriptors,
	    before->maps, now.maps, before->heap, now.heap,
	    before->resident_kb, now.resident_kb);
	T_EQ(now.descriptors, before->descriptors);
	/* A sanitizer or Valgrind has its own malloc, keeps what was freed,
	 * and keeps books. */
	if (before->heap == 0)
		return;
	T_LE(now.maps, before->maps);
	T_LE(now.heap, before->heap);
	T_LE(now.resident_kb, before->resident_kb + 256);
}

/* ----------------------------------------------------------------- cases */

static void
rounds(void (*round)(const char *path), const char *path)
{
	struct usage before;

	for (int i = 0; i < WARM; i++)
		round(path);
	before = usage();
	for (int i = 0; i < ROUNDS; i++)
		round(path);
	flat(&before);
}

static void
round_here(const char *path)
{
	struct ferry f;

	load(&f, path, RTLD_LOCAL);
	converse(&f);
	unload(&f);
}

static void
a_hundred_times(void)
{
	/* The others are about a library that dlopen() brings. */
	T_EQ(maps_with("libferry.so"), 0);
	rounds(round_here, original);
	T_GT(maps_with("libferry.so"), 0);
}

struct outliving {
	const char *path;
	pthread_barrier_t let_go, end;
};

/* It has homes in Ferry, which the destructor of a thread key gives back. */
static void *
outlive(void *arg)
{
	struct outliving *o = arg;
	struct ferry f;

	load(&f, o->path, RTLD_LOCAL);
	converse(&f);
	unload(&f);
	pthread_barrier_wait(&o->let_go);
	pthread_barrier_wait(&o->end);
	return NULL;
}

static void
round_outlived(const char *path)
{
	struct outliving o = {.path = path};
	pthread_t t;

	T_OK(pthread_barrier_init(&o.let_go, NULL, 2));
	T_OK(pthread_barrier_init(&o.end, NULL, 2));
	t = t_thread_start(outlive, &o);
	pthread_barrier_wait(&o.let_go);
	/* Every reference has been given back; now the thread ends. */
	pthread_barrier_wait(&o.end);
	t_thread_join(t);
	pthread_barrier_destroy(&o.let_go);
	pthread_barrier_destroy(&o.end);
}

static void
by_threads_that_outlive_it(void)
{
	rounds(round_outlived, original);
}

/* Let go of with a context open: it goes on, and can be closed. */
static void
with_a_context_open(void)
{
	struct ferry f;
	struct order answer = {.f = &f, .what = ANSWER};
	ferry_context c;

	load(&f, original, RTLD_LOCAL);
	c = open_context(&f);
	unload(&f);
	invoke(&f, c, &answer);
	load(&f, original, RTLD_LOCAL);
	invoke(&f, c, &answer);
	T_OK(f.context_close(c, NULL, NULL));
	unload(&f);
}

/* ---------------------------------------------------------------- copies */

static char folder[64];

static void *
whole_file(size_t *size, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat s;
	char *bytes;

	T_GE(fd, 0);
	T_OK(fstat(fd, &s));
	bytes = malloc((size_t)s.st_size);
	T_ASSERT(bytes != NULL);
	T_EQ(read(fd, bytes, (size_t)s.st_size), s.st_size);
	close(fd);
	*size = (size_t)s.st_size;
	return bytes;
}

/* Takes the flag out of a library's dynamic section. */
static void
clear_nodelete(char *bytes)
{
	ElfW(Ehdr) *e = (void *)bytes;
	ElfW(Phdr) *p = (void *)(bytes + e->e_phoff);
	ElfW(Dyn) *d = NULL;

	for (int i = 0; i < e->e_phnum; i++)
		if (p[i].p_type == PT_DYNAMIC)
			d = (void *)(bytes + p[i].p_offset);
	T_ASSERT(d != NULL);
	while (d->d_tag != DT_FLAGS_1) {
		T_NE(d->d_tag, DT_NULL);
		d++;
	}
	T_NE(d->d_un.d_val & DF_1_NODELETE, 0);
	d->d_un.d_val &= ~(ElfW(Xword))DF_1_NODELETE;
}

static void
make_copy(char *path, size_t size, const char *name, void (*change)(char *))
{
	size_t length;
	char *bytes = whole_file(&length, original);
	int fd;

	if (folder[0] == 0) {
		snprintf(folder, sizeof folder, "/tmp/ferry-dlopen-XXXXXX");
		T_ASSERT(mkdtemp(folder) != NULL);
	}
	snprintf(path, size, "%s/%s", folder, name);
	if (change != NULL)
		change(bytes);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	T_GE(fd, 0);
	T_EQ(write(fd, bytes, length), length);
	close(fd);
	free(bytes);
}

/* The control: what nodelete is there for. */
static void
a_copy_without_nodelete_crashes(void)
{
	char path[200];
	struct rlimit no_core = {0, 0};
	int status;
	pid_t pid;

	make_copy(path, sizeof path, "libdeleted.so", clear_nodelete);
	pid = fork();
	T_GE(pid, 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setrlimit(RLIMIT_CORE, &no_core);
		round_here(path);
		if (maps_with("libdeleted.so") != 0)
			_exit(0);
		dup2(null, 2); /* a sanitizer's report */
		round_outlived(path);
		_exit(0);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		T_FAIL("stayed mapped, or nothing was called");
	T_OK(unlink(path));
}

static void *
converse_often(void *f)
{
	for (int i = 0; i < 20; i++)
		converse(f);
	return NULL;
}

/* Neither sees what the other has opened, or that it was quiesced. */
static void
keep_apart(struct ferry *a, struct ferry *b)
{
	struct order of_a = {.f = a, .what = ANSWER};
	struct order of_b = {.f = b, .what = ANSWER};
	ferry_counters counters = {.struct_size = sizeof counters};
	ferry_context in_a[4], in_b, gone;

	for (int i = 0; i < 4; i++)
		in_a[i] = open_context(a);
	in_b = open_context(b);
	/* Slots count from 0 in each: that of the last is not used in b. */
	T_EQ(b->context_counters(&counters, in_a[3]), FERRY_ESTALE);
	T_EQ(b->context_close(in_a[3], NULL, NULL), FERRY_ESTALE);
	invoke(a, in_a[3], &of_a);
	invoke(b, in_b, &of_b);
	T_OK(b->context_counters(&counters, in_b));
	T_EQ(counters.submitted, 1);
	T_OK(b->quiesce(LIMIT_MS));
	invoke(a, in_a[0], &of_a);
	T_EQ(b->request_submit(&gone, in_b, 0, NULL, 0, NULL),
	    FERRY_EQUIESCED);
	for (int i = 0; i < 4; i++)
		T_OK(a->context_close(in_a[i], NULL, NULL));
	T_OK(b->context_close(in_b, NULL, NULL));
}

/* `flags` of the first one: with RTLD_GLOBAL its symbols come first in the
 * search for those that the second one uses itself. */
static void
two_copies(const char *name, int flags)
{
	char path[200];
	struct ferry a, b;
	pthread_t threads[2];

	make_copy(path, sizeof path, name, NULL);
	load(&a, original, flags);
	load(&b, path, RTLD_LOCAL);
	T_ASSERT(a.request_submit != b.request_submit);
	threads[0] = t_thread_start(converse_often, &a);
	threads[1] = t_thread_start(converse_often, &b);
	t_thread_join(threads[0]);
	t_thread_join(threads[1]);
	keep_apart(&a, &b);
	unload(&a);
	unload(&b);
	T_OK(unlink(path));
}

static void
two_copies_apart(void)
{
	two_copies("libsecond.so", RTLD_LOCAL);
}

static void
two_copies_one_global(void)
{
	two_copies("libthird.so", RTLD_GLOBAL);
}

static void
find_library(void)
{
	const char *path = getenv("FERRY_LIBRARY");
	ssize_t n;

	if (path != NULL) {
		snprintf(original, sizeof original, "%s", path);
		return;
	}
	/* Next to the folder tests/api that this program is in. */
	n = readlink("/proc/self/exe", original, sizeof original - 20);
	T_GT(n, 0);
	original[n] = 0;
	for (int i = 0; i < 3; i++)
		*strrchr(original, '/') = 0;
	strcat(original, "/libferry.so");
}

T_MAIN(
	/* ThreadSanitizer has one too, from the first of ours on. */
	threads_at_first = t_entries(T_THREADS) + T_TSAN;
	find_library();
	T_RUN(a_hundred_times);
	T_RUN(by_threads_that_outlive_it);
	T_RUN(with_a_context_open);
	T_RUN(a_copy_without_nodelete_crashes);
	T_RUN(two_copies_apart);
	T_RUN(two_copies_one_global);
	if (folder[0] != 0)
		T_OK(rmdir(folder));
)
