/*
 * ferry_debug_wedge(): each way to be held takes its time, is what it says,
 * ends early by a cancel, and leaves nothing behind.
 */
#include <sched.h>
#include <sys/stat.h>

#include "forking.h"
#include "proc.h"
#include "strands.h"
#include "watched.h"

enum { SHORT_MS = 60, LONG_MS = 100 * FX_LIMIT_MS };

static const uint32_t ways[] = {FERRY_WEDGE_SPIN, FERRY_WEDGE_SLEEP,
    FERRY_WEDGE_LOCK, FERRY_WEDGE_READ, FERRY_WEDGE_STARVE};
enum { N_WAYS = sizeof ways / sizeof ways[0] };

struct held {
	uint32_t how;
	uint32_t ms;
	atomic_uint tid;      /* of the FFI thread; stored before it is held */
	int result;
	uint64_t took_ns;
	_Atomic ferry_call call;
};

static int
hold_run(ferry_call call, void *arg)
{
	struct held *h = arg;
	uint64_t began = t_now_ns();

	atomic_store(&h->call, call);
	atomic_store(&h->tid, fx_tid());
	h->result = ferry_debug_wedge(call, h->how, h->ms);
	h->took_ns = t_now_ns() - began;
	return h->result;
}

/* Of this program, when there is nothing of Ferry's. */
static int threads_alone;

static void *
stand(void *gate)
{
	fx_gate_pass(gate);
	return NULL;
}

/* A sanitizer has a thread of its own, from the first one on: so there is one,
 * which has not ended, as who has may be seen for a moment more. */
static int
least_threads(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	pthread_t thread = t_thread_start(stand, &gate);
	int least;

	fx_gate_await(&gate, 1);
	least = t_entries(T_THREADS) - 1;
	fx_gate_open(&gate);
	t_thread_join(thread);
	return least;
}

/* What a case counts must not be what is left of the one before. */
static ferry_context
open_alone(void)
{
	T_WAIT_UNTIL(
	    t_entries(T_THREADS) == threads_alone, FX_LIMIT_MS);
	return open_unwatched();
}

/* A joined thread may be seen for a moment more; and an event thread has a file
 * of /proc open for one, when it looks. What is left open stays. */
static void
back_to(int threads, int descriptors)
{
	T_WAIT_UNTIL(t_entries(T_THREADS) == threads, FX_LIMIT_MS);
	T_WAIT_UNTIL(t_entries(T_DESCRIPTORS) <= descriptors, FX_LIMIT_MS);
}

static void
takes_its_time(void)
{
	ferry_context context = open_alone();
	int threads, descriptors;

	fx_do_wait(context, hold_run, &(struct held){.how = 1, .ms = 1});
	threads = t_entries(T_THREADS);
	descriptors = t_entries(T_DESCRIPTORS);
	for (int i = 0; i < N_WAYS; i++) {
		struct held h = {.how = ways[i], .ms = SHORT_MS};

		T_OK(fx_do_wait(context, hold_run, &h));
		T_OK(h.result);
		T_GE(h.took_ns, SHORT_MS * UINT64_C(1000000));
		back_to(threads, descriptors);
	}
	fx_close(context);
}

/* One that would last for ever, until the thread is held by it. */
static ferry_request
begin(ferry_context context, struct held *h, uint32_t how)
{
	ferry_request request;

	*h = (struct held){.how = how, .ms = LONG_MS};
	request = fx_do(context, hold_run, h);
	T_WAIT_UNTIL(atomic_load(&h->tid) != 0, FX_LIMIT_MS);
	return request;
}

static void
ends_by_cancel(void)
{
	ferry_context context = open_alone();
	int threads = t_entries(T_THREADS);
	int descriptors = t_entries(T_DESCRIPTORS);
	struct held h;

	for (int i = 0; i < N_WAYS; i++) {
		ferry_request request = begin(context, &h, ways[i]);

		T_OK(ferry_request_cancel(request));
		T_EQ(fx_wait(request), FERRY_ECANCELED);
		T_EQ(h.result, FERRY_ECANCELED);
		back_to(threads, descriptors);
	}
	fx_close(context);
}

static void
ends_by_close(void)
{
	struct held h;

	for (int i = 0; i < N_WAYS; i++) {
		ferry_context context = open_unwatched();
		ferry_request request = begin(context, &h, ways[i]);

		T_OK(fx_close_mode(context, FERRY_CLOSE_CANCEL, 0, NULL));
		T_EQ(fx_wait(request), FERRY_ECANCELED);
		T_EQ(h.result, FERRY_ECANCELED);
	}
}

static int
defer_and_hold(ferry_call call, void *arg)
{
	T_OK(ferry_call_defer(call));
	return hold_run(call, arg);
}

/* Answered by somebody else: it goes on, and is no cancel. */
static void
outlives_its_answer(void)
{
	ferry_context context = open_unwatched();
	struct held h = {.how = FERRY_WEDGE_SLEEP, .ms = SHORT_MS};
	ferry_request request = fx_do(context, defer_and_hold, &h);

	T_WAIT_UNTIL(atomic_load(&h.call) != 0, FX_LIMIT_MS);
	T_OK(ferry_call_reply(atomic_load(&h.call), 9, NULL, 0));
	T_EQ(fx_wait(request), 9);
	fx_close(context);
	T_OK(h.result);
	T_GE(h.took_ns, SHORT_MS * UINT64_C(1000000));
}

/* ------------------------------------------------------- what it looks like */

/* The call to the system that a thread is in, as the system tells, with its
 * arguments; false: it is in none, or does not tell. */
static int
system_call(char text[256], uint32_t tid)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/self/task/%u/syscall", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, 255);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	return n > 0 && text[0] >= '0' && text[0] <= '9';
}

/* For longer than some slices: the same arguments. It may be in such a call on
 * its way there, too, and for as long as another thread takes to begin. */
static int
stands(char first[256], uint32_t tid, long number)
{
	char again[256];

	if (!system_call(first, tid) || strtol(first, NULL, 10) != number)
		return 0;
	for (int i = 0; i < 5; i++) {
		t_sleep_ms(50);
		/* Between two slices it may be in none for a moment. */
		T_WAIT_UNTIL(system_call(again, tid), FX_LIMIT_MS);
		if (strcmp(again, first) != 0)
			return 0;
	}
	return 1;
}

static void
stands_in(uint32_t how, long number, const char *what)
{
	ferry_context context = open_unwatched();
	char first[256];
	struct held h;
	ferry_request request = begin(context, &h, how);
	uint32_t tid = atomic_load(&h.tid);

	T_WAIT_UNTIL(stands(first, tid, number), FX_LIMIT_MS);
	dprintf(1, "%s: %s", what, first);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	fx_close(context);
}

static int
tells_calls(void)
{
	char text[256];
	int fd = open("/proc/self/syscall", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;

	if (fd >= 0)
		close(fd);
	return n > 0;
}

static void
stands_where_it_says(void)
{
	if (t_emulated() || !tells_calls())
		T_SKIP_CASE("the system does not tell where threads are");
	stands_in(FERRY_WEDGE_SLEEP, SYS_clock_nanosleep, "sleep");
	stands_in(FERRY_WEDGE_LOCK, SYS_futex, "lock");
	stands_in(FERRY_WEDGE_READ, SYS_read, "read");
}

/* Processor time of a thread, in ticks of the system's; -1: not told. */
static uint64_t
cpu_ns(uint32_t tid)
{
	struct timespec ts;

	/* The kernel's own numbering of a thread's clock: CPUCLOCK_SCHED, and
	 * of a thread. */
	if (clock_gettime((clockid_t)(~tid << 3 | 6), &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void
spins(void)
{
	ferry_context context = open_unwatched();
	struct held h;
	ferry_request request = begin(context, &h, FERRY_WEDGE_SPIN);
	uint64_t before = cpu_ns(atomic_load(&h.tid));

	T_WAIT_UNTIL(cpu_ns(atomic_load(&h.tid)) > before + 50000000,
	    FX_LIMIT_MS);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	fx_close(context);
}

static int
running_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	int n = 0;

	T_ASSERT(d != NULL);
	while ((e = readdir(d)) != NULL)
		n += fx_thread_state(
		    (uint32_t)strtoul(e->d_name, NULL, 10)) == 'R';
	closedir(d);
	return n;
}

/* More than the processors can run, and it is one of them. */
static void
starves(void)
{
	ferry_context context = open_unwatched();
	cpu_set_t set;
	struct held h;
	ferry_request request;
	int cpus;

	T_OK(sched_getaffinity(0, sizeof set, &set));
	cpus = CPU_COUNT(&set);
	request = begin(context, &h, FERRY_WEDGE_STARVE);
	T_WAIT_UNTIL(running_threads() > 4 * cpus, FX_LIMIT_MS);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	fx_close(context);
}

/* ------------------------------------------------------------------ forks */

static void
stay(void *arg)
{
	pause();
	(void)arg;
}

/* A child that lives on has both ends of the pipe. */
static void
ends_beside_a_child(void)
{
	ferry_context context = open_unwatched();
	struct held h = {.how = FERRY_WEDGE_READ, .ms = 4 * SHORT_MS};
	ferry_request request = fx_do(context, hold_run, &h);
	int status;
	pid_t child;

	T_WAIT_UNTIL(atomic_load(&h.tid) != 0, FX_LIMIT_MS);
	fx_await_sleeping(atomic_load(&h.tid));
	child = fx_fork();
	if (child == 0)
		stay(NULL);
	T_GT(child, 0);
	T_OK(fx_wait(request));
	T_OK(kill(child, SIGKILL));
	T_EQ(waitpid(child, &status, 0), child);
	fx_close(context);
}

/* ---------------------------------------------------------------- refusals */

static int
wrong_ways_run(ferry_call call, void *arg)
{
	T_EQ(ferry_debug_wedge(call, 0, 1), FERRY_EINVAL);
	T_EQ(ferry_debug_wedge(call, 6, 1), FERRY_EINVAL);
	T_EQ(ferry_debug_wedge(call, UINT32_MAX, 1), FERRY_EINVAL);
	T_EQ(ferry_debug_wedge(0, 1, 1), FERRY_EINVAL);
	T_EQ(ferry_debug_wedge(FX_FORGED, 1, 1), FERRY_EINVAL);
	T_OK(ferry_debug_wedge(call, FERRY_WEDGE_SPIN, 0));
	*(ferry_call *)arg = call;
	return FERRY_OK;
}

static void
refuses(void)
{
	ferry_context context = st_open();
	struct held h;
	ferry_request request;
	ferry_call stale;

	T_OK(fx_do_wait(context, wrong_ways_run, &stale));
	T_EQ(ferry_debug_wedge(stale, 1, 1), FERRY_ESTALE);
	request = begin(context, &h, FERRY_WEDGE_LOCK);
	T_EQ(ferry_debug_wedge(atomic_load(&h.call), 1, 1), FERRY_ETHREAD);
	T_EQ(ferry_debug_wedge(request, 1, 1), FERRY_EINVAL);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	h = (struct held){.how = FERRY_WEDGE_SPIN, .ms = LONG_MS};
	T_EQ(st_run(context, hold_run, &h), FERRY_EINVAL);
	fx_close(context);
}

T_MAIN(
	threads_alone = least_threads();
	T_RUN(takes_its_time);
	T_RUN(ends_by_cancel);
	T_RUN(ends_by_close);
	T_RUN(outlives_its_answer);
	T_RUN(stands_where_it_says);
	T_RUN(spins);
	T_RUN(starves);
	T_RUN(ends_beside_a_child);
	T_RUN(refuses);
)
