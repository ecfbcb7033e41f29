/*
 * Dumps on a signal that the host has chosen: a handler, and a thread of its
 * own that it wakes, so that there is a dump also when every other thread is
 * wedged. Neither is there unless asked for.
 *
 * Threads: on and off, any, one at a time by the mutex. The handler runs on
 * any thread of the host's at any moment, so it does nothing but count, ring a
 * bell, and call the handler that was there before.
 *
 * Off: the handler that is just ringing must not ring what the bell's
 * descriptor has become. It counts itself in and then looks whether it is
 * wanted; who switches off says so and then waits for those inside. All four
 * are seq_cst: otherwise both could see the old, and the bell be closed under
 * the ring: pair(dump). A handler that is interrupted in there by another
 * signal goes on when that returns; nothing else can keep it.
 *
 * A forked child inherits the action and no thread: there the handler only
 * calls the former one, and rings nothing, which is its parent's.
 */
#include <errno.h>

#include "ffi/context.h"
#include "ffi/dump.h"
#include "ffi/fork.h"
#include "ffi/handler.h"

static void
on_signal(int signo, siginfo_t *info, void *ucontext);

static struct handler handler = { .function = on_signal };

/* Read by the handler. */
static atom32 wanted; /* the signal; 0: none */
static atom32 mark;   /* of the process that wants it; fork.h */
static atom32 inside; /* handlers that look, or ring */
static atom32 bell;   /* a descriptor */
static atom32 asked;  /* how often it came */

static pthread_mutex_t on_off = PTHREAD_MUTEX_INITIALIZER;
static bool running;  /* the thread; under on_off */
static pthread_t thread;
static atom32 ending; /* it is to end */

/* Where to; held while it is written to. */
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;
static int to;

/* ------------------------------------------------------------- the handler */

static void
on_signal(int signo, siginfo_t *info, void *ucontext)
{
	int before = errno;

	/* pair(dump) seq_cst: counted in before the look. */
	atom32_add_seqcst(&inside, 1);
	/* pair(dump) seq_cst. Relaxed: stored before `wanted`. */
	if (atom32_load_seqcst(&wanted) == (uint32_t)signo &&
	    atom32_load_relaxed(&mark) == ferry__fork_mark()) {
		/* Relaxed: the bell is what tells. */
		atom32_add_relaxed(&asked, 1);
		ferry__os_bell_ring((int)atom32_load_relaxed(&bell));
	}
	/* pair(dump) seq_cst: it has rung. */
	atom32_sub_seqcst(&inside, 1);
	errno = before;
	ferry__handler_chain(&handler, signo, info, ucontext);
}

/* -------------------------------------------------------------- the thread */

static void
write_dump(int *last)
{
	pthread_mutex_lock(&writing);
	*last = ferry__dump_write(to, "on a signal", *last);
	pthread_mutex_unlock(&writing);
}

/* If there is nothing to hear, somebody has closed the bell. */
static void *
run(void *arg)
{
	static atom32 nobody;
	uint32_t heard = 0, n;
	int last = FERRY_OK;

	(void)arg;
	ferry__os_thread_name("ferry-dump");
	ferry__fork_enter();
	for (;;) {
		int fd = (int)atom32_load_relaxed(&bell);

		ferry__os_bell_wait(fd, OS_NEVER);
		ferry__os_bell_clear(fd);
		/* Relaxed, both: by the bell. */
		if (atom32_load_relaxed(&ending) != 0)
			return NULL;
		n = atom32_load_relaxed(&asked);
		if (n == heard)
			ferry__os_wait(&nobody, 0,
			    ferry__os_now_ns() + 1000000000u);
		else
			write_dump(&last);
		heard = n;
	}
}

static int
start(void)
{
	int fd;

	/* The handler must know a fork when it is in one. */
	if (ferry__os_start() != 0)
		return FERRY_ENOMEM;
	if (ferry__os_bell_open(&fd) != 0)
		return FERRY_ESYSTEM;
	/* Relaxed, all: by the start of the thread, and by `wanted`. */
	atom32_store_relaxed(&bell, (uint32_t)fd);
	atom32_store_relaxed(&ending, 0);
	atom32_store_relaxed(&asked, 0);
	atom32_store_relaxed(&mark, ferry__fork_mark());
	if (ferry__os_thread_start(&thread, run, NULL, 0) != 0) {
		ferry__os_bell_close(fd);
		return FERRY_ESYSTEM;
	}
	running = true;
	return FERRY_OK;
}

static void
stop(void)
{
	int fd = (int)atom32_load_relaxed(&bell);

	/* Relaxed: by the bell. */
	atom32_store_relaxed(&ending, 1);
	ferry__os_bell_ring(fd);
	ferry__os_thread_join(thread);
	ferry__os_bell_close(fd);
	running = false;
}

/* ---------------------------------------------------------------- on, off */

/* Until no handler is where it could ring. */
static void
want(int signo)
{
	static atom32 nobody;

	/* pair(dump) seq_cst: stored before the look. */
	atom32_store_seqcst(&wanted, (uint32_t)signo);
	/* pair(dump) seq_cst. */
	while (atom32_load_seqcst(&inside) != 0)
		ferry__os_wait(&nobody, 0, ferry__os_now_ns() + 1000000u);
}

static void
write_to(int fd)
{
	pthread_mutex_lock(&writing);
	to = fd;
	pthread_mutex_unlock(&writing);
}

/* With the mutex held, as the next. */
static int
switch_on(int signo, int fd)
{
	int before = (int)atom32_load_relaxed(&wanted);
	struct sigaction now;
	int r = ferry__handler_check(&handler, signo, &now);

	if (r == FERRY_OK)
		r = ferry__dump_check(fd);
	if (r == FERRY_OK)
		r = ferry__handler_keep(&handler, signo, &now);
	if (r == FERRY_OK && !running)
		r = start();
	if (r != FERRY_OK)
		return r;
	write_to(fd);
	want(signo);
	ferry__handler_install(&handler, signo, &now, 0);
	if (before != 0 && before != signo)
		ferry__handler_restore(&handler, before);
	return FERRY_OK;
}

static int
switch_off(void)
{
	int signo = (int)atom32_load_relaxed(&wanted);

	if (signo != 0)
		ferry__handler_restore(&handler, signo);
	want(0);
	if (running)
		stop();
	return FERRY_OK;
}

int
ferry_dump_on_signal(int signo, int fd)
{
	int r;

	ferry__fork_enter();
	if (!ferry__context_may_block())
		return FERRY_EREENTRANT;
	pthread_mutex_lock(&on_off);
	r = signo == 0 || signo == -1 ? switch_off() : switch_on(signo, fd);
	pthread_mutex_unlock(&on_off);
	return r;
}

void
ferry__dump_forked(void)
{
	ferry__fork_renew(&on_off);
	ferry__fork_renew(&writing);
	running = false;
	/* Relaxed: one thread. What is inside a handler is the parent's. */
	atom32_store_relaxed(&wanted, 0);
	atom32_store_relaxed(&inside, 0);
}
