/*
 * The seam on a Linux that refuses: no membarrier, no wiped pages, or an
 * emulator that says yes to everything. Each case is a process of its own,
 * because the seam starts once.
 */
#include "t.h"

#include <sys/wait.h>

#ifdef __linux__

#include <sys/mman.h>
#include <sys/syscall.h>

/* What madvise() and mmap() answer instead, and whether membarrier() does. */
static int advice, no_map, no_membarrier;
#define REFUSE 1
#define LIE    2

static long
refused(int error)
{
	errno = error;
	return -1;
}

#define madvise(p, n, what) \
	(advice == 0 ? madvise(p, n, what) : \
	    advice == LIE ? 0 : (int)refused(EINVAL))
#define mmap(...) (no_map ? MAP_FAILED : mmap(__VA_ARGS__))
#define FIRST(n, ...) (n)
#define syscall(...) \
	(no_membarrier && FIRST(__VA_ARGS__, 0) == SYS_membarrier \
	        ? refused(ENOSYS) \
	        : syscall(__VA_ARGS__))
#include "ffi/os_linux.c"
#undef madvise
#undef mmap
#undef syscall

static void
in_a_process(void (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		body();
		_exit(0);
	}
	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
}

/* ---- forks ---- */

static void
child_reads_0(void)
{
	T_EQ(atom32_load_relaxed(ferry__os_fork_word()), 0);
}

static void
word_is_wiped(void)
{
	T_EQ(atom32_load_relaxed(ferry__os_fork_word()), 0);
	T_OK(ferry__os_start());
	T_EQ(atom32_load_relaxed(ferry__os_fork_word()), 1);
	in_a_process(child_reads_0);
	T_EQ(atom32_load_relaxed(ferry__os_fork_word()), 1);
}

/* By the handler: the page is not what it looks like. */
static void
word_is_wiped_without_a_page(void)
{
	atom32 *before = ferry__os_fork_word();

	word_is_wiped();
	T_ASSERT(ferry__os_fork_word() == before);
}

static void
wiped_pages_refused(void)
{
	advice = REFUSE;
	in_a_process(word_is_wiped_without_a_page);
	advice = 0;
}

static void
wiped_pages_promised_and_not_given(void)
{
	advice = LIE;
	in_a_process(word_is_wiped_without_a_page);
	advice = 0;
}

static void
no_page_to_wipe(void)
{
	no_map = 1;
	in_a_process(word_is_wiped_without_a_page);
	no_map = 0;
}

static void
nothing_refused(void)
{
	in_a_process(word_is_wiped);
}

/* ---- the asymmetric fence ---- */

static void
symmetric(void)
{
	T_ASSERT(!ferry__os_asymmetric);
	ferry__os_barrier_heavy();
	ferry__os_barrier_light();
}

static void
start_symmetric(void)
{
	T_OK(ferry__os_start());
	symmetric();
}

static void
membarrier_refused(void)
{
	no_membarrier = 1;
	in_a_process(start_symmetric);
	no_membarrier = 0;
}

/* A sandbox that was set up before the fork's first use of Ferry. */
static void
child_is_refused(void)
{
	no_membarrier = 1;
	ferry__os_forked();
	symmetric();
}

static void
refused_in_the_child(void)
{
	T_OK(ferry__os_start());
	in_a_process(child_is_refused);
}

static void
membarrier_refused_in_the_child(void)
{
	in_a_process(refused_in_the_child);
}

T_MAIN(
	T_RUN(nothing_refused);
	T_RUN(wiped_pages_refused);
	T_RUN(wiped_pages_promised_and_not_given);
	T_RUN(no_page_to_wipe);
	T_RUN(membarrier_refused);
	T_RUN(membarrier_refused_in_the_child);
)

#else

T_MAIN(
	T_SKIP("this is not Linux");
)

#endif
