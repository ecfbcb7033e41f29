/*
 * tests/api/gate.h: what holds a test still, and what watches it.
 *
 *	gate   holds whoever passes it until the test opens it, and tells the
 *	       test that somebody stands inside. A handler in a gate is a worker
 *	       in a known state: everything submitted meanwhile is queued.
 *	slot   where a reply callback puts what it was given, and how often.
 *
 * The one thing that cannot be observed is that something does *not* happen.
 * Such a place waits FX_QUIET_MS and says so; the wait can only miss a bug,
 * never report one that is not there.
 */
#ifndef GATE_H
#define GATE_H

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include <ferry/ferry.h>

#include "t.h"

enum {
	FX_LIMIT_MS = 10000, /* bound of every wait that must end by itself */
	FX_QUIET_MS = 20     /* how long we look for what must not happen */
};

/* A token of no kind: no slot of that number, no such generation. */
#define FX_FORGED UINT64_C(0xfefefefefefefefe)

/* ------------------------------------------------------------------ gate */

struct fx_gate {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	int inside; /* how many came in, ever */
	int open;
};

#define FX_GATE_SHUT \
	{PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0}

/* The handler's side: come in, be seen, stay until the gate is open. */
static inline void
fx_gate_pass(struct fx_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->inside++;
	pthread_cond_broadcast(&gate->moved);
	while (!gate->open)
		pthread_cond_wait(&gate->moved, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static inline void
fx_gate_open(struct fx_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = 1;
	pthread_cond_broadcast(&gate->moved);
	pthread_mutex_unlock(&gate->lock);
}

/* Only when nobody stands inside. */
static inline void
fx_gate_shut(struct fx_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = 0;
	gate->inside = 0;
	pthread_mutex_unlock(&gate->lock);
}

static inline int
fx_gate_inside(struct fx_gate *gate)
{
	int n;

	pthread_mutex_lock(&gate->lock);
	n = gate->inside;
	pthread_mutex_unlock(&gate->lock);
	return n;
}

/* Until n have come in. */
static inline void
fx_gate_await(struct fx_gate *gate, int n)
{
	T_WAIT_UNTIL(fx_gate_inside(gate) >= n, FX_LIMIT_MS);
}

/* ------------------------------------------------------------ callbacks */

/* What a reply callback was given. `calls` is written last. */
struct fx_slot {
	atomic_int calls;
	int status;
	size_t size;
	unsigned char head[64]; /* the first bytes of the reply */
	ferry_request request;
	pthread_t thread;
};

static inline void
fx_on_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	struct fx_slot *slot = user;

	slot->request = request;
	slot->status = status;
	slot->size = size;
	slot->thread = pthread_self();
	if (size > 0)
		memcpy(slot->head, data,
		    size < sizeof slot->head ? size : sizeof slot->head);
	atomic_fetch_add(&slot->calls, 1);
}

static inline void
fx_slot_await(struct fx_slot *slot)
{
	T_WAIT_UNTIL(atomic_load(&slot->calls) > 0, FX_LIMIT_MS);
	T_EQ(atomic_load(&slot->calls), 1);
}

/* Counts and frees; the test's own malloc, so that ASan sees it twice. */
static inline void
fx_free(void *data, void *user)
{
	free(data);
	atomic_fetch_add((atomic_int *)user, 1);
}

/* --------------------------------------------------------------- threads */

#if T_ASAN
void __asan_handle_no_return(void);
#endif

/* Before a handler ends its thread: AddressSanitizer does not see the frames
 * go, and would take what comes to lie there for an overflow. */
static inline void
fx_before_exit(void)
{
#if T_ASAN
	__asan_handle_no_return();
#endif
}

static inline uint32_t
fx_tid(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

/* Where the system's ids are not known, Ferry counts threads itself. */
static inline int
fx_is_id_of(uint32_t id, uint32_t tid)
{
	return T_PORTABLE ? id != 0 : id == tid;
}

/* The state letter of a thread of ours: S sleeps; 0: no such thread. */
static inline char
fx_thread_state(uint32_t tid)
{
	char path[64], text[256], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/self/task/%u/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = 0;
	p = strrchr(text, ')');
	return p != NULL && p[1] == ' ' ? p[2] : 0;
}

/*
 * Until the thread sleeps. Say that it is about to wait by a plain atomic
 * store: then the next sleep is the wait we look for.
 */
static inline void
fx_await_sleeping(uint32_t tid)
{
	T_WAIT_UNTIL(fx_thread_state(tid) == 'S', FX_LIMIT_MS);
}

/*
 * Whether a thread waits: for a word, a condition or a descriptor, and not on
 * its way there for a mutex, a page, or because somebody slowed it down. All
 * of these are sleeps, but a mutex's is a futex's WAIT, where the others are
 * its WAIT_BITSET. Where the call is not told any sleep counts.
 */
static inline int
fx_thread_waits(uint32_t tid)
{
	unsigned long long word, operation;
	char path[64];
	int n, call;
	FILE *f;

	if (fx_thread_state(tid) != 'S')
		return 0;
	snprintf(path, sizeof path, "/proc/self/task/%u/syscall", tid);
	f = t_emulated() ? NULL : fopen(path, "re");
	if (f == NULL)
		return 1;
	n = fscanf(f, "%d %llx %llx", &call, &word, &operation);
	fclose(f);
	if (n != 3 || call < 0 || call == SYS_nanosleep)
		return 0;
	return call != SYS_futex ||
	    (operation & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
}

/* Until the thread is in a wait of Ferry's, having said that it is about to. */
static inline void
fx_await_waiting(uint32_t tid)
{
	T_WAIT_UNTIL(fx_thread_waits(tid), FX_LIMIT_MS);
}

#endif
