/*
 * Calls that do not come back, on purpose, for tests of what a host does about
 * them.
 *
 * Threads: the FFI thread, in a handler, is held; helpers of this file's hold
 * it, and have ended when it goes on. The call stays in hand meanwhile, so all
 * of them may ask whether it was cancelled: nobody tells them.
 */
#include "ffi/call.h"
#include "ffi/self.h"

#define LOOK_NS   20000000u  /* between two looks for a cancel */
#define SLICE_NS  100000000u /* the same, of a sleep */
#define ROUNDS    4096       /* between two looks at the clock */
#define STARVERS  8u         /* for each processor … */
#define STARVERS_MOST 2048u  /* … and in all */

struct wedge {
	ferry_call call;
	uint64_t until_ns;
	pthread_mutex_t mutex; /* held by the helper */
	int pipe[2];           /* written to by the helper */
	pthread_t helper;
	atom32 ready;          /* the helper has the mutex */
	atom32 go, stop;       /* starvers begin, and end */
};

static atom32 nobody; /* to be waited on for a while */

static bool
is_canceled(const struct wedge *w)
{
	return ferry_call_check(w->call) == FERRY_ECANCELED;
}

static bool
is_over(const struct wedge *w)
{
	return ferry__os_now_ns() >= w->until_ns || is_canceled(w);
}

/* The next look: as late as the end, at the latest. */
static uint64_t
in_a_while(const struct wedge *w, uint64_t ns)
{
	uint64_t next = ferry__os_now_ns() + ns;

	return next < w->until_ns ? next : w->until_ns;
}

/* A helper's. */
static void
bide(const struct wedge *w)
{
	while (!is_over(w))
		ferry__os_wait(&nobody, 0, in_a_while(w, LOOK_NS));
}

static int
start(pthread_t *out, void *(*run)(void *), struct wedge *w)
{
	return ferry__os_thread_start(out, run, w, 0) == 0 ? FERRY_OK
	                                                   : FERRY_ESYSTEM;
}

/* --------------------------------------------------------- spin and sleep */

static void
compute(void)
{
	for (int i = 0; i < ROUNDS; i++)
		compiler_barrier();
}

static int
spin(struct wedge *w)
{
	while (!is_over(w))
		compute();
	return FERRY_OK;
}

static int
nap(struct wedge *w)
{
	while (!is_over(w))
		ferry__os_sleep_until(in_a_while(w, SLICE_NS));
	return FERRY_OK;
}

/* ----------------------------------------------------------- lock and read */

static void *
hold(void *arg)
{
	struct wedge *w = arg;

	ferry__os_thread_name("ferry-wedge");
	pthread_mutex_lock(&w->mutex);
	/* pair(wedge) release: the mutex is held. */
	atom32_store_release(&w->ready, 1);
	ferry__os_wake(&w->ready, 1);
	bide(w);
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

static int
lock(struct wedge *w)
{
	int r = start(&w->helper, hold, w);

	if (r != FERRY_OK)
		return r;
	/* pair(wedge) acquire. */
	while (atom32_load_acquire(&w->ready) == 0)
		ferry__os_wait(&w->ready, 0, OS_NEVER);
	pthread_mutex_lock(&w->mutex);
	pthread_mutex_unlock(&w->mutex);
	ferry__os_thread_join(w->helper);
	return FERRY_OK;
}

/* A byte rather than a close: a child forked meanwhile has this end, too. */
static void *
write_late(void *arg)
{
	struct wedge *w = arg;

	ferry__os_thread_name("ferry-wedge");
	bide(w);
	ferry__os_pipe_write(w->pipe);
	return NULL;
}

static int
read_pipe(struct wedge *w)
{
	int r;

	if (ferry__os_pipe_open(w->pipe) != 0)
		return FERRY_ESYSTEM;
	r = start(&w->helper, write_late, w);
	if (r == FERRY_OK) {
		ferry__os_pipe_await(w->pipe);
		ferry__os_thread_join(w->helper);
	}
	ferry__os_pipe_close(w->pipe);
	return r;
}

/* ----------------------------------------------------------------- starve */

static void *
compete(void *arg)
{
	struct wedge *w = arg;

	ferry__os_thread_name("ferry-wedge");
	/* Relaxed, all: nothing is handed over. */
	while (atom32_load_relaxed(&w->go) == 0)
		ferry__os_wait(&w->go, 0, OS_NEVER);
	while (atom32_load_relaxed(&w->stop) == 0)
		compute();
	return NULL;
}

static void
release(struct wedge *w)
{
	/* Relaxed: see compete(). */
	atom32_store_relaxed(&w->go, 1);
	ferry__os_wake(&w->go, INT32_MAX);
}

/* Those that run already would keep the rest from being started. */
static int
starve_among(struct wedge *w, pthread_t *threads, uint32_t most)
{
	uint32_t n = 0;
	int r = FERRY_OK;

	while (n < most && r == FERRY_OK) {
		r = start(&threads[n], compete, w);
		n += r == FERRY_OK;
	}
	if (r == FERRY_OK) {
		release(w);
		spin(w);
	}
	/* Relaxed: see compete(). */
	atom32_store_relaxed(&w->stop, 1);
	release(w);
	while (n != 0)
		ferry__os_thread_join(threads[--n]);
	return r;
}

static int
starve(struct wedge *w)
{
	uint32_t n = STARVERS * ferry__os_cpus();
	pthread_t *threads;
	int r;

	if (n > STARVERS_MOST)
		n = STARVERS_MOST;
	threads = malloc(n * sizeof *threads);
	if (threads == NULL)
		return FERRY_ENOMEM;
	r = starve_among(w, threads, n);
	free(threads);
	return r;
}

/* ------------------------------------------------------------------ public */

static int (*const ways[])(struct wedge *) = {
	[FERRY_WEDGE_SPIN] = spin,
	[FERRY_WEDGE_SLEEP] = nap,
	[FERRY_WEDGE_LOCK] = lock,
	[FERRY_WEDGE_READ] = read_pipe,
	[FERRY_WEDGE_STARVE] = starve,
};

int
ferry_debug_wedge(ferry_call call, uint32_t how, uint32_t ms)
{
	struct wedge wedge = {
		.call = call,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
	};
	struct worker *w;
	int r = ferry__call_in_handler(&w, call);

	if (r != FERRY_OK)
		return r;
	if (how >= COUNT_OF(ways) || ways[how] == NULL || w->strand != NULL)
		return FERRY_EINVAL;
	wedge.until_ns = ferry__os_deadline_in(ms);
	r = ways[how](&wedge);
	pthread_mutex_destroy(&wedge.mutex);
	if (r == FERRY_OK && is_canceled(&wedge))
		return FERRY_ECANCELED;
	return r;
}
