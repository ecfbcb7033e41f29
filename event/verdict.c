/*
 * What holds a thread. Pure functions; verdict.h has the order of precedence.
 */
#include "event/verdict.h"

#include <string.h>

/* What the looks amount to. */
struct evidence {
	const struct verdict_look *looks;
	uint32_t n;
	const struct facts *last;  /* n is 0: nothing is known */
	enum verdict_wait wait;
	bool idle_with_work;
	uint64_t wall;             /* 0: one look, or none */
	uint64_t cpu, delay;       /* no more than that together */
	bool cpu_known;
	bool one_call;             /* most looks, in the one of `shown` */
	uint32_t shown;            /* the latest of these */
};

/* -------------------------------------------------------------- one look */

static bool
knows(const struct facts *f, uint32_t which)
{
	return (f->known & which) == which;
}

static bool
has_state(const struct facts *f, char state)
{
	return knows(f, FACT_STATE) && f->state == state;
}

/* Asleep, and where is known. */
static bool
in_call(const struct facts *f)
{
	return knows(f, FACT_CALL) && f->in_call;
}

static bool
is_runnable(const struct facts *f)
{
	if (knows(f, FACT_STATE))
		return f->state == 'R';
	return knows(f, FACT_CALL) && !f->in_call;
}

/* ------------------------------------------------------------- two looks */

bool
ferry__verdict_same_call(const struct facts *a, const struct facts *b)
{
	return in_call(a) && in_call(b) && a->number == b->number &&
	    a->sp == b->sp && a->pc == b->pc &&
	    memcmp(a->args, b->args, sizeof a->args) == 0;
}

static uint64_t
minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

uint64_t
ferry__verdict_delay(
    const struct facts *a, const struct facts *b, uint64_t wall_ns)
{
	uint64_t cpu = minus(b->cpu_ns, a->cpu_ns);
	bool timed = knows(a, FACT_CPU) && knows(b, FACT_CPU) &&
	    is_runnable(a) && is_runnable(b);

	if (!knows(a, FACT_DELAY) || !knows(b, FACT_DELAY))
		return timed ? minus(wall_ns, cpu) : 0;
	return timed && cpu == 0 ? wall_ns : minus(b->delay_ns, a->delay_ns);
}

/* ------------------------------------------------------------- all looks */

static void
measure(struct evidence *e)
{
	const struct verdict_look *first = &e->looks[0];
	const struct verdict_look *last = &e->looks[e->n - 1];

	e->wall = minus(last->at_ns, first->at_ns);
	e->cpu_known = e->wall != 0 && knows(&first->facts, FACT_CPU) &&
	    knows(&last->facts, FACT_CPU);
	if (e->cpu_known)
		e->cpu = minus(last->facts.cpu_ns, first->facts.cpu_ns);
	for (uint32_t i = 1; i < e->n; i++) {
		const struct verdict_look *l = &e->looks[i];

		e->delay += ferry__verdict_delay(&l[-1].facts, &l->facts,
		    minus(l->at_ns, l[-1].at_ns));
	}
	/* Some of it may have been before the first look. */
	if (e->delay > minus(e->wall, e->cpu))
		e->delay = minus(e->wall, e->cpu);
}

/* Blocked outside a call is by a page, which nobody can name. */
static bool
on_call(const struct facts *f)
{
	return in_call(f) && f->number >= 0;
}

static bool
on_lock(const struct facts *f)
{
	return in_call(f) && ferry__facts_call_is_futex(f->number, f->args);
}

/* The call that more than half of the looks found it in. */
static void
find_call(struct evidence *e)
{
	for (uint32_t i = 0; i < e->n; i++) {
		uint32_t same = 0;

		for (uint32_t j = 0; j < e->n; j++)
			same += ferry__verdict_same_call(
			    &e->looks[i].facts, &e->looks[j].facts);
		if (2 * same > e->n && on_call(&e->looks[i].facts)) {
			e->one_call = true;
			e->shown = i;
		}
	}
}

static struct evidence
gather(const struct verdict_look *looks, uint32_t n, enum verdict_wait wait,
    bool idle_with_work)
{
	static const struct facts nothing;
	struct evidence e = { .looks = looks, .n = n, .last = &nothing,
		.wait = wait, .idle_with_work = idle_with_work };

	if (n == 0)
		return e;
	e.last = &looks[n - 1].facts;
	measure(&e);
	find_call(&e);
	return e;
}

/* --------------------------------------------------------------- verdicts */

static bool
exited(const struct evidence *e)
{
	return (knows(e->last, FACT_EXISTS) && !e->last->exists) ||
	    has_state(e->last, 'Z') || has_state(e->last, 'X') ||
	    has_state(e->last, 'x');
}

static bool
traced(const struct evidence *e)
{
	return has_state(e->last, 't') ||
	    (has_state(e->last, 'T') && knows(e->last, FACT_TRACER) &&
	        e->last->tracer != 0);
}

static bool
stopped(const struct evidence *e)
{
	return has_state(e->last, 'T');
}

static bool
runnable_though_idle(const struct evidence *e)
{
	return e->idle_with_work && is_runnable(e->last);
}

static bool
lost(const struct evidence *e)
{
	return e->idle_with_work;
}

static bool
in_hook(const struct evidence *e)
{
	return e->wait == VERDICT_IN_HOOK;
}

static bool
in_emit(const struct evidence *e)
{
	return e->wait == VERDICT_IN_EMIT;
}

static bool
in_disk_sleep(const struct evidence *e)
{
	uint32_t times = 0;

	for (uint32_t i = 0; i < e->n; i++)
		times += has_state(&e->looks[i].facts, 'D');
	return 2 * times > e->n;
}

static bool
blocked_on_lock(const struct evidence *e)
{
	return e->one_call && on_lock(&e->looks[e->shown].facts);
}

static bool
blocked_in_call(const struct evidence *e)
{
	return e->one_call;
}

static bool
starved(const struct evidence *e)
{
	return 2 * e->delay > e->wall;
}

static bool
spinning(const struct evidence *e)
{
	return e->cpu_known && 4 * e->cpu > e->wall &&
	    2 * (e->cpu + e->delay) > e->wall;
}

/* Not in one call, but in some whenever it was looked at. */
static bool
mostly_asleep(const struct evidence *e)
{
	uint32_t times = 0;

	for (uint32_t i = 0; i < e->n; i++)
		times += in_call(&e->looks[i].facts);
	return 2 * times >= e->n;
}

static bool
last_on_lock(const struct evidence *e)
{
	return mostly_asleep(e) && on_lock(e->last);
}

static bool
last_in_call(const struct evidence *e)
{
	return mostly_asleep(e) && on_call(e->last);
}

/* The first that holds. */
static const struct {
	bool (*holds)(const struct evidence *e);
	uint32_t verdict;
} rules[] = {
	{ exited, FERRY_VERDICT_EXITED },
	{ traced, FERRY_VERDICT_TRACED },
	{ stopped, FERRY_VERDICT_STOPPED },
	{ runnable_though_idle, FERRY_VERDICT_STARVED },
	{ lost, FERRY_VERDICT_LOST_WAKEUP },
	{ in_hook, FERRY_VERDICT_IN_CANCEL_HOOK },
	{ in_emit, FERRY_VERDICT_IN_LISTENER },
	{ in_disk_sleep, FERRY_VERDICT_DISK_SLEEP },
	{ blocked_on_lock, FERRY_VERDICT_BLOCKED_LOCK },
	{ blocked_in_call, FERRY_VERDICT_BLOCKED_SYSCALL },
	{ starved, FERRY_VERDICT_STARVED },
	{ spinning, FERRY_VERDICT_SPINNING },
	{ last_on_lock, FERRY_VERDICT_BLOCKED_LOCK },
	{ last_in_call, FERRY_VERDICT_BLOCKED_SYSCALL }
};

static uint32_t
judge(const struct evidence *e)
{
	for (size_t i = 0; i < COUNT_OF(rules); i++)
		if (rules[i].holds(e))
			return rules[i].verdict;
	return FERRY_VERDICT_UNKNOWN;
}

/* The look that shows it. */
static uint32_t
shown(const struct evidence *e, uint32_t verdict)
{
	uint32_t i = e->n == 0 ? 0 : e->n - 1;

	if (verdict == FERRY_VERDICT_DISK_SLEEP)
		while (!has_state(&e->looks[i].facts, 'D'))
			i--;
	return e->one_call && (verdict == FERRY_VERDICT_BLOCKED_LOCK ||
	                          verdict == FERRY_VERDICT_BLOCKED_SYSCALL)
	    ? e->shown
	    : i;
}

/* --------------------------------------------------------------- progress */

static bool
moved(const struct verdict_look *a, const struct verdict_look *b)
{
	const struct facts *f = &a->facts, *g = &b->facts;

	if (a->word != b->word)
		return true;
	if (a->place != 0 && b->place != 0 && a->place != b->place)
		return true;
	if (!knows(f, FACT_CALL) || !knows(g, FACT_CALL))
		return false;
	return f->in_call != g->in_call ||
	    (f->in_call && !ferry__verdict_same_call(f, g));
}

/* At the same place, as far as that is known. */
static bool
stayed(const struct verdict_look *a, const struct verdict_look *b)
{
	return (a->place != 0 && a->place == b->place) ||
	    ferry__verdict_same_call(&a->facts, &b->facts);
}

static uint32_t
progress(const struct evidence *e)
{
	bool same = e->n >= VERDICT_LOOKS;

	if (exited(e))
		return FERRY_PROGRESS_NONE;
	for (uint32_t i = 1; i < e->n; i++) {
		if (moved(&e->looks[i - 1], &e->looks[i]))
			return FERRY_PROGRESS_SOME;
		same = same && stayed(&e->looks[i - 1], &e->looks[i]);
	}
	if (same && e->cpu_known && (e->cpu == 0 || spinning(e)))
		return FERRY_PROGRESS_NONE;
	return FERRY_PROGRESS_UNKNOWN;
}

/* ----------------------------------------------------------------- public */

struct verdict
ferry__verdict(const struct verdict_look *looks, uint32_t n,
    enum verdict_wait wait, bool idle_with_work)
{
	struct evidence e = gather(looks, n, wait, idle_with_work);
	uint32_t verdict = judge(&e);

	return (struct verdict){ .verdict = verdict,
		.progress = progress(&e),
		.shown = shown(&e, verdict),
		.cpu_ns = e.cpu,
		.delay_ns = e.delay,
		.timed = e.cpu_known,
		.spins = spinning(&e) };
}

const char *
ferry_verdict_name(uint32_t verdict)
{
	static const char *const names[] = {
		[FERRY_VERDICT_UNKNOWN] = "UNKNOWN",
		[FERRY_VERDICT_SPINNING] = "SPINNING",
		[FERRY_VERDICT_BLOCKED_LOCK] = "BLOCKED_LOCK",
		[FERRY_VERDICT_BLOCKED_SYSCALL] = "BLOCKED_SYSCALL",
		[FERRY_VERDICT_DISK_SLEEP] = "DISK_SLEEP",
		[FERRY_VERDICT_STARVED] = "STARVED",
		[FERRY_VERDICT_STOPPED] = "STOPPED",
		[FERRY_VERDICT_TRACED] = "TRACED",
		[FERRY_VERDICT_EXITED] = "EXITED",
		[FERRY_VERDICT_LOST_WAKEUP] = "LOST_WAKEUP",
		[FERRY_VERDICT_IN_LISTENER] = "IN_LISTENER",
		[FERRY_VERDICT_IN_CANCEL_HOOK] = "IN_CANCEL_HOOK"
	};

	return verdict < COUNT_OF(names) ? names[verdict] : "?";
}
