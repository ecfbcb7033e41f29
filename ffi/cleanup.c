/*
 * The cleanup lane's life: start, flush, shutdown, counters and health. What
 * goes through it, and the proofs, are in lane.h.
 *
 * Threads: any. `life` guards the state.
 */
#include "ffi/cleanup.h"

#include <string.h>

#include "ffi/alloc.h"
#include "ffi/context.h"
#include "ffi/lane.h"
#include "ffi/options.h"

#define CAPACITY 4096u
#define WORKERS  8u
#define BATCH    64u
#define IDLE_MS  1000u
#define STALL_MS 1000u

#define MILLISECOND UINT64_C(1000000)

static struct lane *const lane = &ferry__lane;

/* ------------------------------------------------------------------ start */

static bool
is_power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static int
read_options(ferry_cleanup_options *o, const ferry_cleanup_options *theirs)
{
	int r = ferry__options_read(o, sizeof *o, theirs);

	if (r != FERRY_OK || o->flags != 0)
		return FERRY_EINVAL;
	if (o->capacity == 0)
		o->capacity = CAPACITY;
	if (o->workers_most == 0)
		o->workers_most = WORKERS;
	if (o->batch == 0)
		o->batch = BATCH;
	if (o->idle_ms == 0)
		o->idle_ms = IDLE_MS;
	if (o->stall_ms == 0)
		o->stall_ms = STALL_MS;
	return is_power_of_two(o->capacity) &&
	        o->capacity <= 1u << LANE_CAPACITY_LOG2_MOST &&
	        o->workers_most <= POOL_MOST &&
	        ferry__os_thread_has_room(o->stack_size)
	    ? FERRY_OK
	    : FERRY_EINVAL;
}

/* The rack of that capacity, made once. With `life`. */
static struct rack *
rack_of(uint32_t capacity)
{
	struct rack **at = &lane->racks[__builtin_ctz(capacity)];
	struct rack *r = *at;

	if (r != NULL)
		return r;
	r = ferry__alloc_for_ever(sizeof *r + capacity * sizeof *r->slots);
	if (r == NULL)
		return NULL;
	r->slots = (struct task *)(void *)(r + 1);
	r->capacity = capacity;
	return *at = r;
}

static uint64_t
nanoseconds(uint32_t ms)
{
	return ms == FERRY_OFF ? OS_NEVER : ms * MILLISECOND;
}

static int
start_threads(const ferry_cleanup_options *o)
{
	const struct pool_options po = {
		.name = "ferry-cleaner",
		.least = 1,
		.most = o->workers_most,
		.idle_ns = nanoseconds(o->idle_ms),
		.stack_size = o->stack_size,
	};
	int r = ferry__pool_start(&lane->pool, &ferry__lane_ops, &po);

	if (r != FERRY_OK)
		return r;
	/* Relaxed: the thread's start publishes it. */
	atom32_store_relaxed(&lane->leaving, 0);
	if (ferry__os_thread_start(&lane->dispatcher,
	        ferry__lane_dispatch, NULL, 0) == 0)
		return FERRY_OK;
	ferry__pool_stop(&lane->pool, OS_NEVER);
	return FERRY_ESYSTEM;
}

/* With `life`. The head opens last. */
static int
start_locked(const ferry_cleanup_options *o)
{
	struct rack *rack;
	int r;

	if (lane->state == FERRY_CLEANUP_RUNNING)
		return FERRY_EALREADY;
	if (lane->state == FERRY_CLEANUP_STOPPING)
		return FERRY_EBUSY;
	rack = rack_of(o->capacity);
	if (rack == NULL)
		return FERRY_ENOMEM;
	/* With no dispatcher there is nobody else to use it. */
	lane->batch = o->batch;
	r = start_threads(o);
	if (r != FERRY_OK)
		return r;
	lane->stall_ns = nanoseconds(o->stall_ms);
	lane->generation = (lane->generation + 1) & LANE_GENERATIONS;
	lane->state = FERRY_CLEANUP_RUNNING;
	/* Relaxed: ferry__list_open() publishes it. */
	atomp_store_relaxed(&lane->rack, rack);
	ferry__list_open(&lane->list, lane->generation);
	/* pair(cleanup-start) release: the list is this generation's. */
	atom32_store_release(&lane->mark, ferry__fork_mark());
	return FERRY_OK;
}

int
ferry_cleanup_start(const ferry_cleanup_options *options)
{
	ferry_cleanup_options o;
	int r = read_options(&o, options);

	if (r != FERRY_OK)
		return r;
	ferry__fork_enter();
	pthread_mutex_lock(&lane->life);
	r = start_locked(&o);
	pthread_mutex_unlock(&lane->life);
	return r;
}

/* ------------------------------------------------------ flush and shutdown */

static int
may_wait(void)
{
	ferry__fork_enter();
	if (ferry__lane_mark() == LANE_NO_MARK)
		return FERRY_EUNINIT;
	return ferry__context_may_block() && !ferry__pool_has_me(&lane->pool)
	    ? FERRY_OK
	    : FERRY_EREENTRANT;
}

/* Until everything that is in the list now has ended. */
static enum os_sleep
await_all(uint64_t deadline_ns)
{
	ferry__lane_hand_over();
	return ferry__pool_await(
	    &lane->pool, ferry__pool_ticket(&lane->pool), deadline_ns);
}

int
ferry_cleanup_flush(int64_t timeout_ms)
{
	uint64_t deadline = ferry__os_deadline_in(timeout_ms);
	int r = may_wait();

	if (r != FERRY_OK)
		return r;
	switch (await_all(deadline)) {
	case OS_WOKEN:
		return FERRY_OK;
	case OS_TIMEOUT:
		return FERRY_ETIMEDOUT;
	default:
		return FERRY_EINTR;
	}
}

/* Closes the list, once; the turn is the caller's. */
static int
begin_shutdown(void)
{
	int r = FERRY_EALREADY;

	pthread_mutex_lock(&lane->life);
	if (!lane->closing && lane->state != FERRY_CLEANUP_STOPPED) {
		r = FERRY_OK;
		lane->closing = true;
		lane->state = FERRY_CLEANUP_STOPPING;
		ferry__list_close(&lane->list);
	}
	pthread_mutex_unlock(&lane->life);
	return r;
}

/* Looks at the pool while it is this shutdown's: from STOPPED on it is that of
 * whoever starts the lane next. */
static void
end_shutdown(struct pool_state *s, bool all)
{
	if (all) {
		/* pair(park) seq_cst: before the look at the park word. */
		atom32_store_seqcst(&lane->leaving, 1);
		ferry__park_wake(&lane->park);
		ferry__os_thread_join(lane->dispatcher);
		ferry__pool_stop(&lane->pool, OS_NEVER);
	}
	ferry__pool_look(&lane->pool, s);
	pthread_mutex_lock(&lane->life);
	lane->closing = false;
	if (all)
		lane->state = FERRY_CLEANUP_STOPPED;
	pthread_mutex_unlock(&lane->life);
}

static uint64_t
ended(const struct pool_counts *n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < POOL_ENDS; i++)
		sum += n->ended[i];
	return sum;
}

static uint64_t
age_ns(uint64_t since_ns, uint64_t now_ns)
{
	return since_ns != 0 && now_ns > since_ns ? now_ns - since_ns : 0;
}

static void
write_report(ferry_cleanup_report *theirs, const struct pool_state *s,
    const struct pool_counts *before)
{
	const ferry_cleanup_report r = {
		.running = (uint32_t)s->n.running,
		.queued = s->n.waiting,
		.ended = ended(&s->n) - ended(before),
		.canceled = s->n.ended[POOL_CANCELED] -
		    before->ended[POOL_CANCELED],
		.fn = (ferry_cleanup_fn)s->what,
		.age_ns = age_ns(s->since_ns, ferry__os_now_ns()),
	};

	/* Its size was looked at before anything was done. */
	if (theirs != NULL)
		(void)ferry__options_write(theirs, &r, sizeof r);
}

static int
read_shutdown(ferry_cleanup_shutdown_options *o,
    const ferry_cleanup_shutdown_options *theirs,
    const ferry_cleanup_report *report)
{
	if (ferry__options_read(o, sizeof *o, theirs) != FERRY_OK ||
	    o->flags != 0 || o->mode > FERRY_CLEANUP_CANCEL ||
	    (report != NULL && report->struct_size < OPTIONS_LEAST))
		return FERRY_EINVAL;
	return FERRY_OK;
}

int
ferry_cleanup_shutdown(const ferry_cleanup_shutdown_options *options,
    ferry_cleanup_report *report)
{
	ferry_cleanup_shutdown_options o;
	struct pool_state before, after;
	uint64_t deadline;
	enum os_sleep how;
	int r = read_shutdown(&o, options, report);

	if (r == FERRY_OK)
		r = may_wait();
	if (r == FERRY_OK)
		r = begin_shutdown();
	if (r != FERRY_OK)
		return r;
	deadline =
	    o.timeout_ms == 0 ? OS_NEVER : ferry__os_deadline_in(o.timeout_ms);
	ferry__pool_look(&lane->pool, &before);
	if (o.mode == FERRY_CLEANUP_CANCEL)
		ferry__pool_cancel(&lane->pool);
	do
		how = await_all(deadline);
	while (how == OS_SIGNAL);
	end_shutdown(&after, how == OS_WOKEN);
	write_report(report, &after, &before.n);
	return how == OS_WOKEN ? FERRY_OK : FERRY_EBUSY;
}

/* ----------------------------------------------------- counters and health */

int
ferry_cleanup_counters(ferry_cleanup_counts *out)
{
	struct pool_state s;
	ferry_cleanup_counts c;

	ferry__fork_enter();
	pthread_mutex_lock(&lane->taking);
	/* So that what was accepted is counted. With no dispatcher the list
	 * is empty. */
	ferry__lane_hand_over_locked();
	ferry__pool_look(&lane->pool, &s);
	c = (ferry_cleanup_counts){
		.accepted = s.n.given,
		.refused_full = count_read(&lane->full),
		.refused_closed = count_read(&lane->closed),
		.queued = s.n.waiting,
		.running = s.n.running,
		.ended_ok = s.n.ended[POOL_DONE],
		.ended_error = s.n.ended[POOL_FAILED],
		.ended_lost = s.n.ended[POOL_LOST],
		.canceled = s.n.ended[POOL_CANCELED],
		.queued_max = s.n.waiting_max,
		.running_max = s.n.running_max,
		.batches = lane->batches,
		.batch_max = lane->batch_max,
		.wakes = count_read(&lane->wakes),
		.parks = count_read(&lane->parks.n),
		.workers_started = s.n.workers_started,
		.workers_refused = s.n.workers_refused,
		.workers_max = s.n.workers_max,
	};
	pthread_mutex_unlock(&lane->taking);
	return ferry__options_write(out, &c, sizeof c);
}

int
ferry_cleanup_health(ferry_cleanup_status *out)
{
	struct pool_state s;
	ferry_cleanup_status h;
	uint64_t stall_ns, now;

	ferry__fork_enter();
	pthread_mutex_lock(&lane->life);
	h = (ferry_cleanup_status){ .state = lane->state };
	stall_ns = lane->stall_ns;
	pthread_mutex_unlock(&lane->life);
	ferry__pool_look(&lane->pool, &s);
	h.workers = s.workers;
	h.busy = (uint32_t)s.n.running;
	h.queued = s.n.waiting;
	h.fn = (ferry_cleanup_fn)s.what;
	/* Of one moment: nothing has waited longer than what holds it up. */
	now = ferry__os_now_ns();
	h.age_ns = age_ns(s.since_ns, now);
	h.stalled_ns = age_ns(s.stuck_ns, now);
	if (h.state == FERRY_CLEANUP_RUNNING && h.stalled_ns >= stall_ns)
		h.state = FERRY_CLEANUP_STALLED;
	return ferry__options_write(out, &h, sizeof h);
}

void
ferry__cleanup_forked(void)
{
	/* Relaxed: one thread, and no other has entered. A submit that the
	 * fork interrupted (in a signal handler) finds the list closed. */
	atom32_store_relaxed(&lane->mark, LANE_NO_MARK);
	atom64_store_relaxed(&lane->list.head, LIST_CLOSED);
	atom32_store_relaxed(&lane->park.word, 0);
	atom64_store_relaxed(&lane->full, 0);
	atom64_store_relaxed(&lane->closed, 0);
	atom64_store_relaxed(&lane->wakes, 0);
	atom64_store_relaxed(&lane->parks.n, 0);
	ferry__fork_renew(&lane->taking);
	ferry__fork_renew(&lane->life);
	lane->batches = lane->batch_max = 0;
	lane->state = FERRY_CLEANUP_NOT_STARTED;
	lane->closing = false;
	memset(lane->racks, 0, sizeof lane->racks);
	ferry__pool_forked(&lane->pool);
}
