/*
 * What Ferry does just now, as text for people: context by context what the
 * counters, the heartbeat and the registry of its worker say. All of these are
 * read while everything moves, or while nothing does any more.
 *
 * Threads: any. Of a context everything is read before anything of it is
 * written: a descriptor may take its time, and nobody's close waits for that.
 */
#include "ffi/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "ffi/facts.h"
#include "ffi/running.h"

/* How long a descriptor may take nothing at all. */
#define PATIENCE_NS UINT64_C(1000000000)

#define OLDEST 20u

/* So much longer than a wake-up takes that who still sleeps is worth a line. */
#define LOST_NS UINT64_C(10000000)

/* ---------------------------------------------------------------- writing */

struct text {
	int fd;
	int r;       /* FERRY_OK, or what ended it: nothing more is written */
	size_t n;
	char bytes[4096];
};

static void
flush(struct text *t)
{
	int e;

	if (t->r == FERRY_OK && t->n != 0) {
		e = ferry__os_write(t->fd, t->bytes, t->n, PATIENCE_NS);
		if (e != 0)
			t->r = e == ETIMEDOUT ? FERRY_ETIMEDOUT
			    : e == EBADF      ? FERRY_EINVAL
			                      : FERRY_ESYSTEM;
	}
	t->n = 0;
}

/* What is longer than all of the text at once is cut off. A newline ends a
 * format; what else is control characters comes from names. */
__attribute__((format(printf, 2, 3))) static void
put(struct text *t, const char *format, ...)
{
	bool ends = format[strlen(format) - 1] == '\n';
	va_list ap;
	int n;

	for (int again = 0; again < 2; again++) {
		va_start(ap, format);
		n = vsnprintf(t->bytes + t->n, sizeof t->bytes - t->n, format,
		    ap);
		va_end(ap);
		ASSERT(n >= 0);
		if ((size_t)n < sizeof t->bytes - t->n) {
			ferry__facts_plain(t->bytes + t->n, (size_t)n - ends);
			t->n += (size_t)n;
			return;
		}
		flush(t);
	}
	t->n = sizeof t->bytes - 1;
	ferry__facts_plain(t->bytes, t->n);
}

/* Seconds; for "%" SECONDS. */
#define SECONDS   PRIu64 ".%03u s"
#define IN(ns)    (ns) / 1000000000u, (unsigned)((ns) / 1000000u % 1000u)
#define TOKEN     "0x%" PRIx64
#define NAME      "\"%.200s\""
#define OR_NO(s)  ((s) != NULL ? (s) : "?")

/* What it was is past; clocks are read by turns. */
static uint64_t
since(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

/* ------------------------------------------------------------- one context */

struct view {
	ferry_context token;
	const char *name;       /* its library's, or NULL */
	ferry_health health;
	ferry_counters counters;
	struct registry_sum sum;
	size_t n;
	struct registry_entry oldest[OLDEST];
	ferry_strands strands;
	int n_deferred;         /* or why there are none to be seen */
	uint64_t all_deferred;
	ferry_running deferred[OLDEST];
	uint64_t unwritten;     /* of its worker */
	uint64_t now;
};

/* A worker that sleeps over requests is told from one that is being woken by a
 * second look, if nobody has had the first. */
static int
look_at_health(ferry_health *h, ferry_context token)
{
	atom32 nobody_wakes = { 0 };
	int r = ferry_context_health(h, token);

	if (r != FERRY_OK || h->worker != FERRY_THREAD_IDLE ||
	    h->queued == 0 || h->lost_wakeup_ns != 0)
		return r;
	ferry__os_wait(&nobody_wakes, 0, ferry__os_now_ns() + LOST_NS);
	return ferry_context_health(h, token);
}

/* FERRY_ESTALE: it is another's by now. */
static int
look(struct view *v, struct context *c, ferry_context token)
{
	const struct registry *registry = &ferry__context_worker(c)->registry;
	int r;

	v->token = token;
	v->health.struct_size = sizeof v->health;
	v->counters.struct_size = sizeof v->counters;
	v->n = ferry__registry_oldest(
	    v->oldest, &v->sum, OLDEST, registry, token);
	v->n_deferred = ferry__running_deferred(
	    v->deferred, OLDEST, &v->all_deferred, c, token);
	v->strands.struct_size = sizeof v->strands;
	r = ferry_strand_counters(&v->strands, token);
	if (r == FERRY_OK)
		r = look_at_health(&v->health, token);
	if (r == FERRY_OK)
		r = ferry_context_counters(&v->counters, token);
	/* One that is closing may have none any more. */
	if (ferry__context_name(&v->name, token) != FERRY_OK)
		v->name = NULL;
	v->unwritten =
	    count_read(&ferry__context_worker(c)->events.unwritten);
	v->now = ferry__os_now_ns();
	return r;
}

static const char *
level_name(uint32_t level)
{
	static const char *const names[] = { "none", "slow", "stalled",
		"wedged", "fatal" };

	return level < COUNT_OF(names) ? names[level] : "?";
}

static const char *
thread_state(uint32_t state)
{
	static const char *const names[] = {
		[FERRY_THREAD_IDLE] = "idle",
		[FERRY_THREAD_BUSY] = "busy",
		[FERRY_THREAD_IN_LISTENER] = "in a listener",
		[FERRY_THREAD_GONE] = "gone",
		[FERRY_THREAD_IN_CANCEL_HOOK] = "in a cancel hook",
		[FERRY_THREAD_IN_EMIT] = "waits for room in an emit",
		[FERRY_THREAD_IN_DOORBELL] = "in a doorbell function",
	};

	return state < COUNT_OF(names) ? names[state] : "?";
}

/* Why the FFI thread does not go on, as far as Ferry knows. */
static void
put_stuck(struct text *t, const ferry_health *h)
{
	if (h->worker == FERRY_THREAD_IN_CANCEL_HOOK)
		put(t, "    waits for the cancel hook of " TOKEN "\n",
		    h->hook_request);
	if (h->lost_wakeup_ns != 0)
		put(t, "    asleep though requests are queued, for %" SECONDS
		    " at least\n", IN(h->lost_wakeup_ns));
	if (h->hooks != 0)
		put(t, "  cancel hooks: %" PRIu32 "; of request " TOKEN
		    ", method " NAME ", on thread %" PRIu32 ", for %" SECONDS
		    "\n", h->hooks, h->hook_request,
		    OR_NO(h->hook_method_name), h->hook_thread,
		    IN(h->hook_age_ns));
}

static void
put_health(struct text *t, const ferry_health *h)
{
	put(t, "  FFI thread %" PRIu32 ": %s, level %s, beat %" PRIu64 "\n",
	    h->worker_thread,
	    h->worker == FERRY_THREAD_IN_CANCEL_HOOK
	        ? "waits for a cancel hook"
	        : thread_state(h->worker),
	    level_name(h->level), h->beats);
	if (h->request != 0)
		put(t, "    request " TOKEN ", method %" PRIu32 " " NAME
		    ", for %" SECONDS "\n", h->request, h->method,
		    OR_NO(h->method_name), IN(h->age_ns));
	else if (h->method_name != NULL)
		put(t, "    in %s, for %" SECONDS "\n", h->method_name,
		    IN(h->age_ns));
	put_stuck(t, h);
	put(t, "  event thread %" PRIu32 ": %s, looked %" SECONDS " ago\n",
	    h->watcher_thread, thread_state(h->watcher),
	    IN(h->watcher_age_ns));
	if (h->listener != 0)
		put(t, "    listener " TOKEN " " NAME ", for %" SECONDS "\n",
		    h->listener, OR_NO(h->listener_name),
		    IN(h->listener_age_ns));
}

#define U "%" PRIu64

static void
put_requests(struct text *t, const ferry_counters *n)
{
	put(t, "  requests: " U " submitted, " U " refused, " U " queued, "
	    U " started, " U " running\n", n->submitted, n->refused, n->queued,
	    n->started, n->running);
	put(t, "  not started: " U " canceled, " U " deadline, " U " closed\n",
	    n->unstarted_canceled, n->unstarted_deadline, n->unstarted_closed);
	put(t, "  ended: " U " ok, " U " error, " U " canceled, " U " lost, "
	    U " closed, " U " late, " U " discarded\n", n->ended_ok,
	    n->ended_error, n->ended_canceled, n->ended_lost, n->ended_closed,
	    n->late_replies, n->discarded);
}

static void
put_rest(struct text *t, const ferry_counters *n)
{
	put(t, "  events: " U " emitted, " U " refused, " U " unheard, " U
	    " dropped, " U " dropped elsewhere, " U " dispatched, " U
	    " heard, " U " delivered, " U " overrun\n", n->events_emitted,
	    n->events_refused, n->events_unheard, n->events_dropped,
	    n->events_dropped_elsewhere, n->events_dispatched, n->events_heard,
	    n->events_delivered, n->events_overrun);
	put(t, "  " U " handles open, " U " wakes, " U " stalls; its worker: "
	    U " parks, " U " gaps, " U " threads lost\n", n->handles_open,
	    n->wakes, n->stall_episodes, n->parks, n->observer_gaps,
	    n->threads_lost);
}

static void
put_strand(struct text *t, const struct registry_entry *e, uint64_t now)
{
	put(t, "    " U ": method %" PRIu32 " " NAME ", request " TOKEN ", %s",
	    e->strand, e->method, OR_NO(e->name), e->request,
	    ferry__registry_state_name(e->state));
	if (e->state == REGISTRY_AWAITING)
		put(t, " " TOKEN, e->what);
	else if (e->state == REGISTRY_POLLING)
		put(t, " descriptor " U, e->what);
	put(t, " for %" SECONDS ", there for %" SECONDS,
	    IN(since(now, e->progress_ns)), IN(since(now, e->spawned_ns)));
	if (e->state == REGISTRY_SLEEPING)
		put(t, ", until %" SECONDS " from now",
		    IN(since(e->what, now)));
	put(t, "\n");
}

static void
put_strands(struct text *t, const struct view *v)
{
	const struct registry_sum *s = &v->sum;

	if (v->strands.spawned + v->strands.refused + s->listed + s->skipped +
	        s->overflow == 0)
		return;
	put(t, "  strands: " U " spawned, " U " active, " U " completed, " U
	    " failed, " U " cancelled, " U " lost, " U " at most, " U
	    " refused\n", v->strands.spawned, v->strands.active,
	    v->strands.completed, v->strands.failed, v->strands.cancelled,
	    v->strands.lost, v->strands.peak, v->strands.refused);
	put(t, "  strands seen: " U "; its worker: " U " changing, " U
	    " not listed, " U " of them ever\n", s->listed, s->skipped,
	    s->unlisted, s->overflow);
	for (size_t i = 0; i < v->n; i++)
		put_strand(t, &v->oldest[i], v->now);
	if (s->listed > v->n)
		put(t, "    and " U " more\n", s->listed - v->n);
}

static void
put_deferred(struct text *t, const struct view *v)
{
	if (v->n_deferred <= 0)
		return;
	put(t, "  deferred calls: " U "\n", v->all_deferred);
	for (int i = 0; i < v->n_deferred; i++)
		put(t, "    method %" PRIu32 " " NAME ", request " TOKEN
		    ", for %" SECONDS "\n", v->deferred[i].method,
		    OR_NO(v->deferred[i].method_name), v->deferred[i].request,
		    IN(v->deferred[i].age_ns));
	if (v->all_deferred > (uint64_t)v->n_deferred)
		put(t, "    and " U " more\n",
		    v->all_deferred - (uint64_t)v->n_deferred);
}

struct dump {
	struct text text;
	struct view view;
	uint64_t contexts;
};

static void
put_context(void *context, uint64_t token, void *arg)
{
	struct dump *d = arg;
	struct text *t = &d->text;
	struct view *v = &d->view;

	if (t->r != FERRY_OK || look(v, context, token) != FERRY_OK)
		return;
	d->contexts++;
	put(t, "context " TOKEN ", library " NAME "\n", v->token,
	    OR_NO(v->name));
	put_health(t, &v->health);
	put_requests(t, &v->counters);
	put_rest(t, &v->counters);
	if (v->unwritten != 0)
		put(t, "  its worker's reports that no file got: " U "\n",
		    v->unwritten);
	put_strands(t, v);
	put_deferred(t, v);
}

/* -------------------------------------------------------------------- all */

int
ferry__dump_check(int fd)
{
	return ferry__os_is_writable(fd) ? FERRY_OK : FERRY_EINVAL;
}

int
ferry__dump_write(int fd, const char *why, int last)
{
	struct dump d = { .text = { .fd = fd } };
	struct text *t = &d.text;

	put(t, "ferry %d.%d.%d: dump of process %ld, %s, at %" SECONDS "\n",
	    FERRY_VERSION_MAJOR, FERRY_VERSION_MINOR, FERRY_VERSION_PATCH,
	    (long)getpid(), why, IN(ferry__os_now_ns()));
	if (last != FERRY_OK)
		put(t, "the one before: %s\n", ferry_error_name(last));
	ferry__context_each(put_context, &d);
	put(t, "ferry: end of dump, contexts: " U "\n", d.contexts);
	flush(t);
	return t->r;
}

int
ferry_dump(int fd)
{
	int r;

	ferry__fork_enter();
	r = ferry__dump_check(fd);
	return r == FERRY_OK ? ferry__dump_write(fd, "asked for", FERRY_OK) : r;
}
