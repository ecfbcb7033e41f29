/*
 * Verdicts from looks that are made up: each rule, what comes before what, and
 * what is left when something is not known.
 */
#include "t.h"

#include <sys/syscall.h>

#include "event/verdict.h"

#ifndef SYS_read
#define SYS_read  0
#define SYS_futex 202
#endif

#define MS 1000000ull
#define KNOWN \
	(FACT_STATE | FACT_EXISTS | FACT_CALL | FACT_CPU | FACT_DELAY | \
	    FACT_TRACER)

/* At a time, in a state, with processor and delay used until then; in ms. */
#define LOOK(at_, state_, cpu_, delay_, ...) \
	{ \
		.at_ns = (at_) * MS, .word = 5, \
		.facts = { .known = KNOWN, \
			.state = (state_), \
			.exists = true, \
			.cpu_ns = (cpu_) * MS, \
			.delay_ns = (delay_) * MS, \
			__VA_ARGS__ } \
	}
#define RUN(at_, cpu_, delay_) LOOK(at_, 'R', cpu_, delay_, .number = -1)
#define IN(at_, call_, arg_, cpu_) \
	LOOK(at_, 'S', cpu_, 0, .in_call = true, .number = (call_), \
	    .args = { arg_ }, .sp = 100, .pc = 200)
#define READ(at_, arg_, cpu_)  IN(at_, SYS_read, arg_, cpu_)
#define FUTEX(at_, arg_, cpu_) IN(at_, SYS_futex, arg_, cpu_)
#define DISK(at_) \
	LOOK(at_, 'D', 0, 0, .in_call = true, .number = SYS_read, .sp = 100)

/* Without Linux' seam, no call is known to be of a lock. */
#define LOCK_ \
	(T_PORTABLE ? FERRY_VERDICT_BLOCKED_SYSCALL \
	            : FERRY_VERDICT_BLOCKED_LOCK)
#define V(name) FERRY_VERDICT_##name
#define P(name) FERRY_PROGRESS_##name

struct row {
	const char *what;
	uint32_t n;
	struct verdict_look looks[VERDICT_LOOKS];
	uint32_t verdict, progress, shown;
};

static void
check(const struct row *r, enum verdict_wait wait, bool idle)
{
	struct verdict v = ferry__verdict(r->looks, r->n, wait, idle);

	if (v.verdict != r->verdict || v.progress != r->progress ||
	    v.shown != r->shown)
		T_FAIL("%s: %s, progress %u, look %u; not %s, %u, %u",
		    r->what, ferry_verdict_name(v.verdict), v.progress,
		    v.shown, ferry_verdict_name(r->verdict), r->progress,
		    r->shown);
}

/* All that a thread may do by itself. */
static void
from_looks(void)
{
	static const struct row rows[] = {
		{ "no look", 0, { RUN(0, 0, 0) }, V(UNKNOWN), P(UNKNOWN), 0 },
		{ "one look, running", 1, { RUN(0, 9, 0) }, V(UNKNOWN),
		    P(UNKNOWN), 0 },
		{ "one look, in a call", 1, { READ(0, 3, 9) },
		    V(BLOCKED_SYSCALL), P(UNKNOWN), 0 },
		{ "one look, at a lock", 1, { FUTEX(0, 9, 9) }, LOCK_,
		    P(UNKNOWN), 0 },

		{ "reads", 3, { READ(0, 3, 1), READ(50, 3, 1), READ(90, 3, 1) },
		    V(BLOCKED_SYSCALL), P(NONE), 2 },
		{ "waits for a lock", 3,
		    { FUTEX(0, 3, 1), FUTEX(50, 3, 1), FUTEX(90, 3, 1) }, LOCK_,
		    P(NONE), 2 },
		{ "two looks are too few to say that nothing moves", 2,
		    { READ(0, 3, 1), READ(50, 3, 1) }, V(BLOCKED_SYSCALL),
		    P(UNKNOWN), 1 },
		{ "the same sleep again and again", 3,
		    { READ(0, 3, 1), READ(50, 3, 2), READ(90, 3, 3) },
		    V(BLOCKED_SYSCALL), P(UNKNOWN), 2 },
		{ "in one call twice, then awake", 3,
		    { READ(0, 3, 1), READ(50, 3, 1), RUN(90, 1, 0) },
		    V(BLOCKED_SYSCALL), P(SOME), 1 },
		{ "in one call twice, between them in another", 3,
		    { READ(0, 3, 1), FUTEX(50, 3, 1), READ(90, 3, 1) },
		    V(BLOCKED_SYSCALL), P(SOME), 2 },
		{ "another descriptor each time", 3,
		    { READ(0, 3, 1), READ(50, 4, 1), READ(90, 5, 1) },
		    V(BLOCKED_SYSCALL), P(SOME), 2 },
		{ "another lock each time", 3,
		    { FUTEX(0, 3, 1), FUTEX(50, 4, 1), FUTEX(90, 5, 1) }, LOCK_,
		    P(SOME), 2 },
		{ "calls, and computes more", 3,
		    { READ(0, 3, 0), READ(50, 4, 40), READ(90, 5, 75) },
		    V(SPINNING), P(SOME), 2 },
		{ "a page that does not come", 3,
		    { IN(0, -1, 0, 1), IN(50, -1, 0, 1), IN(90, -1, 0, 1) },
		    V(UNKNOWN), P(NONE), 2 },
		{ "a page that came late", 3,
		    { IN(0, -1, 0, 1), IN(50, -1, 0, 1), READ(90, 3, 1) },
		    V(BLOCKED_SYSCALL), P(SOME), 2 },

		{ "computes", 3,
		    { RUN(0, 0, 0), RUN(50, 49, 1), RUN(90, 88, 2) },
		    V(SPINNING), P(UNKNOWN), 2 },
		{ "computes on a third of a processor", 3,
		    { RUN(0, 0, 0), RUN(50, 25, 20), RUN(90, 40, 40) },
		    V(SPINNING), P(UNKNOWN), 2 },
		{ "computes, seen in a call once", 3,
		    { RUN(0, 0, 0), RUN(50, 49, 0), READ(90, 3, 88) },
		    V(SPINNING), P(SOME), 2 },
		{ "woken just now", 3,
		    { RUN(0, 1, 0), RUN(50, 2, 0), RUN(90, 3, 0) }, V(UNKNOWN),
		    P(UNKNOWN), 2 },
		{ "runs a little, sleeps a little", 2,
		    { RUN(0, 0, 0), RUN(90, 30, 0) }, V(UNKNOWN), P(UNKNOWN),
		    1 },
		{ "waits for a processor, a little each time", 3,
		    { RUN(0, 0, 0), RUN(50, 5, 40), RUN(90, 10, 70) },
		    V(STARVED), P(UNKNOWN), 2 },
		{ "gets none at all: the kernel has not counted yet", 3,
		    { RUN(0, 7, 9), RUN(50, 7, 9), RUN(90, 7, 9) }, V(STARVED),
		    P(UNKNOWN), 2 },

		{ "a disk", 3, { DISK(0), DISK(50), DISK(90) }, V(DISK_SLEEP),
		    P(NONE), 2 },
		{ "a disk, mostly", 3, { DISK(0), RUN(50, 1, 0), DISK(90) },
		    V(DISK_SLEEP), P(SOME), 2 },
		{ "a disk, until just now", 3,
		    { DISK(0), DISK(50), READ(90, 3, 1) }, V(DISK_SLEEP),
		    P(SOME), 1 },
		{ "a disk, once", 3,
		    { DISK(0), READ(50, 3, 1), READ(90, 3, 1) },
		    V(BLOCKED_SYSCALL), P(SOME), 2 }
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check(&rows[i], VERDICT_NOT_OURS, false);
}

/* The last look decides, whatever was before. */
static void
held_or_gone(void)
{
	static const struct row rows[] = {
		{ "stopped", 2,
		    { RUN(0, 0, 0), LOOK(50, 'T', 0, 0, .tracer = 0) },
		    V(STOPPED), P(UNKNOWN), 1 },
		{ "traced", 2,
		    { RUN(0, 0, 0), LOOK(50, 't', 0, 0, .tracer = 9) },
		    V(TRACED), P(UNKNOWN), 1 },
		{ "traced, as old kernels say it", 2,
		    { RUN(0, 0, 0), LOOK(50, 'T', 0, 0, .tracer = 9) },
		    V(TRACED), P(UNKNOWN), 1 },
		{ "a debugger that lets it run", 3,
		    { LOOK(0, 'R', 0, 0, .tracer = 9),
		        LOOK(50, 'R', 49, 0, .tracer = 9),
		        LOOK(90, 'R', 89, 0, .tracer = 9) },
		    V(SPINNING), P(UNKNOWN), 2 },
		{ "a zombie", 2,
		    { RUN(0, 0, 0), LOOK(50, 'Z', 0, 0, .tracer = 0) },
		    V(EXITED), P(NONE), 1 },
		{ "gone, from a call", 3,
		    { READ(0, 3, 1), READ(50, 3, 1), { .at_ns = 90 * MS,
		        .word = 5, .facts = { .known = FACT_EXISTS,
		            .number = -1 } } },
		    V(EXITED), P(NONE), 2 },
		{ "gone", 2,
		    { RUN(0, 0, 0), { .at_ns = 50 * MS, .word = 5,
		        .facts = { .known = FACT_EXISTS, .number = -1 } } },
		    V(EXITED), P(NONE), 1 },
		{ "it was stopped", 3,
		    { LOOK(0, 'T', 0, 0, .tracer = 0), RUN(10, 0, 0),
		        RUN(90, 80, 0) },
		    V(SPINNING), P(UNKNOWN), 2 }
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check(&rows[i], VERDICT_NOT_OURS, false);
	/* Whatever Ferry believes. */
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].verdict != V(SPINNING)) {
			check(&rows[i], VERDICT_IN_HOOK, true);
			check(&rows[i], VERDICT_IN_EMIT, true);
		}
}

static void
what_ferry_knows(void)
{
	static const struct row lost = { "lost", 3,
		{ FUTEX(0, 3, 1), FUTEX(50, 3, 1), FUTEX(90, 3, 1) },
		V(LOST_WAKEUP), P(NONE), 2 };
	static const struct row wanting = { "idle and runnable", 2,
		{ FUTEX(0, 3, 1), RUN(50, 1, 0) }, V(STARVED), P(SOME), 1 };
	static const struct row nothing = { "nothing known", 2,
		{ { .at_ns = 0, .word = 5 }, { .at_ns = 90 * MS, .word = 5 } },
		V(LOST_WAKEUP), P(UNKNOWN), 1 };
	struct row in_hook = lost, in_emit = lost, running = wanting;

	check(&lost, VERDICT_NOT_OURS, true);
	check(&wanting, VERDICT_NOT_OURS, true);
	check(&nothing, VERDICT_NOT_OURS, true);
	in_hook.verdict = V(IN_CANCEL_HOOK);
	check(&in_hook, VERDICT_IN_HOOK, false);
	in_emit.verdict = V(IN_LISTENER);
	check(&in_emit, VERDICT_IN_EMIT, false);
	running.verdict = V(IN_CANCEL_HOOK);
	check(&running, VERDICT_IN_HOOK, false);
}

/* ---- one thing not known ---- */

static void
forget(struct row *r, uint32_t which)
{
	for (uint32_t i = 0; i < r->n; i++)
		r->looks[i].facts.known &= ~which;
}

static void
check_without(const struct row *of, uint32_t which, uint32_t verdict,
    uint32_t progress)
{
	struct row r = *of;

	forget(&r, which);
	r.verdict = verdict;
	r.progress = progress;
	check(&r, VERDICT_NOT_OURS, false);
}

static void
less_known(void)
{
	static const struct row blocked = { "reads", 3,
		{ READ(0, 3, 1), READ(50, 3, 1), READ(90, 3, 1) }, 0, 0, 2 };
	static const struct row busy = { "computes", 3,
		{ RUN(0, 0, 0), RUN(50, 49, 1), RUN(90, 88, 2) }, 0, 0, 2 };
	static const struct row poor = { "starved", 3,
		{ RUN(0, 0, 0), RUN(50, 5, 40), RUN(90, 10, 70) }, 0, 0, 2 };
	static const struct row disk = { "disk", 3,
		{ DISK(0), DISK(50), DISK(90) }, 0, 0, 2 };

	check_without(&blocked, FACT_STATE, V(BLOCKED_SYSCALL), P(NONE));
	check_without(&blocked, FACT_CALL, V(UNKNOWN), P(UNKNOWN));
	check_without(&blocked, FACT_CPU, V(BLOCKED_SYSCALL), P(UNKNOWN));
	check_without(&blocked, FACT_DELAY, V(BLOCKED_SYSCALL), P(NONE));
	check_without(&busy, FACT_STATE, V(SPINNING), P(UNKNOWN));
	check_without(&busy, FACT_CALL, V(SPINNING), P(UNKNOWN));
	check_without(&busy, FACT_CPU, V(UNKNOWN), P(UNKNOWN));
	check_without(&busy, FACT_DELAY, V(SPINNING), P(UNKNOWN));
	check_without(&poor, FACT_STATE, V(STARVED), P(UNKNOWN));
	check_without(&poor, FACT_STATE | FACT_CALL, V(STARVED), P(UNKNOWN));
	check_without(&poor, FACT_CPU, V(STARVED), P(UNKNOWN));
	/* What it did not use of the time it would have. */
	check_without(&poor, FACT_DELAY, V(STARVED), P(UNKNOWN));
	check_without(&poor, FACT_DELAY | FACT_CPU, V(UNKNOWN), P(UNKNOWN));
	check_without(&disk, FACT_STATE, V(BLOCKED_SYSCALL), P(NONE));
	for (uint32_t f = 1; f <= FACT_SIGNALS; f <<= 1) {
		check_without(&blocked, KNOWN & ~f, f == FACT_CALL
		        ? V(BLOCKED_SYSCALL) : V(UNKNOWN), P(UNKNOWN));
		check_without(&disk, KNOWN & ~f,
		    f == FACT_STATE ? V(DISK_SLEEP)
		    : f == FACT_CALL ? V(BLOCKED_SYSCALL) : V(UNKNOWN),
		    P(UNKNOWN));
	}
	check_without(&blocked, KNOWN, V(UNKNOWN), P(UNKNOWN));
	check_without(&busy, KNOWN, V(UNKNOWN), P(UNKNOWN));
	check_without(&poor, KNOWN, V(UNKNOWN), P(UNKNOWN));
}

/* ---- progress ---- */

static uint32_t
progress_of(const struct verdict_look *looks, uint32_t n)
{
	return ferry__verdict(looks, n, VERDICT_NOT_OURS, false).progress;
}

static void
by_place(void)
{
	struct verdict_look l[] = { RUN(0, 0, 0), RUN(50, 49, 0),
		RUN(90, 88, 0) };

	for (size_t i = 0; i < COUNT_OF(l); i++)
		l[i].place = 77;
	T_EQ(progress_of(l, 3), P(NONE));
	T_EQ(progress_of(l, 2), P(UNKNOWN));
	l[2].place = 78;
	T_EQ(progress_of(l, 3), P(SOME));
	l[2].place = 0;
	T_EQ(progress_of(l, 3), P(UNKNOWN));
	/* It sleeps in between. */
	l[2].place = 77;
	l[1].facts.cpu_ns = l[2].facts.cpu_ns = 10 * MS;
	T_EQ(progress_of(l, 3), P(UNKNOWN));
}

static void
by_the_beat(void)
{
	struct verdict_look l[] = { READ(0, 3, 1), READ(50, 3, 1),
		READ(90, 3, 1) };

	T_EQ(progress_of(l, 3), P(NONE));
	l[1].word = l[2].word = 6;
	T_EQ(progress_of(l, 3), P(SOME));
}

/* The same call with the same arguments, from elsewhere. */
static void
by_the_stack_pointer(void)
{
	struct verdict_look l[] = { READ(0, 3, 1), READ(50, 3, 1),
		READ(90, 3, 1) };

	l[2].facts.sp++;
	T_EQ(progress_of(l, 3), P(SOME));
	l[2].facts.sp--;
	l[2].facts.pc++;
	T_EQ(progress_of(l, 3), P(SOME));
	l[2].facts.pc--;
	l[2].facts.args[5] = 1;
	T_EQ(progress_of(l, 3), P(SOME));
}

/* ---- figures ---- */

static struct verdict
of(struct verdict_look a, struct verdict_look b)
{
	struct verdict_look l[] = { a, b };

	return ferry__verdict(l, 2, VERDICT_NOT_OURS, false);
}

#define OF(a, b) of((struct verdict_look)a, (struct verdict_look)b)

static void
figures(void)
{
	struct verdict v = OF(RUN(0, 10, 5), RUN(100, 70, 35));

	T_EQ(v.cpu_ns, 60 * MS);
	T_EQ(v.delay_ns, 30 * MS);
	/* A delay that ended now had begun before the first look. */
	v = OF(RUN(0, 10, 5), RUN(100, 20, 500));
	T_EQ(v.cpu_ns, 10 * MS);
	T_EQ(v.delay_ns, 90 * MS);
	v = OF(RUN(0, 10, 5), RUN(100, 10, 5));
	T_EQ(v.delay_ns, 100 * MS);
	/* Whether it ran enough, also where another rule holds before. */
	T_ASSERT(v.timed && !v.spins);
	v = OF(RUN(0, 0, 0), RUN(65, 9, 56));
	T_EQ(v.verdict, V(STARVED));
	T_ASSERT(v.timed && !v.spins);
	v = OF(RUN(0, 0, 0), RUN(65, 20, 45));
	T_EQ(v.verdict, V(STARVED));
	T_ASSERT(v.timed && v.spins);
	v = OF(READ(0, 3, 10), RUN(100, 10, 0));
	T_EQ(v.delay_ns, 0);
	/* Clocks that go backwards, or stand. */
	v = OF(RUN(100, 10, 5), RUN(0, 5, 1));
	T_EQ(v.verdict, V(UNKNOWN));
	T_EQ(v.cpu_ns, 0);
	T_EQ(v.delay_ns, 0);
	T_ASSERT(!v.timed);
}

/* What the judge of ages needs, of two looks only. */
static void
delays(void)
{
	struct verdict_look l[] = { RUN(0, 10, 5), RUN(30, 10, 5),
		RUN(60, 11, 63), READ(90, 3, 11) };

	T_EQ(ferry__verdict_delay(&l[0].facts, &l[1].facts, 30), 30);
	T_EQ(ferry__verdict_delay(&l[1].facts, &l[2].facts, 30), 58 * MS);
	l[3].facts.delay_ns = l[2].facts.delay_ns;
	T_EQ(ferry__verdict_delay(&l[2].facts, &l[3].facts, 30), 0);
	for (size_t i = 0; i < COUNT_OF(l); i++)
		l[i].facts.known &= ~FACT_DELAY;
	T_EQ(ferry__verdict_delay(&l[0].facts, &l[1].facts, 30 * MS), 30 * MS);
	T_EQ(ferry__verdict_delay(&l[1].facts, &l[2].facts, 30 * MS), 29 * MS);
	T_EQ(ferry__verdict_delay(&l[2].facts, &l[3].facts, 30 * MS), 0);
	for (size_t i = 0; i < COUNT_OF(l); i++)
		l[i].facts.known = 0;
	T_EQ(ferry__verdict_delay(&l[0].facts, &l[1].facts, 30 * MS), 0);
}

/* ---- names ---- */

static void
names(void)
{
	T_STR(ferry_verdict_name(FERRY_VERDICT_UNKNOWN), "UNKNOWN");
	T_STR(ferry_verdict_name(FERRY_VERDICT_BLOCKED_LOCK), "BLOCKED_LOCK");
	T_STR(ferry_verdict_name(FERRY_VERDICT_IN_CANCEL_HOOK),
	    "IN_CANCEL_HOOK");
	for (uint32_t a = 0; a <= FERRY_VERDICT_IN_CANCEL_HOOK; a++)
		for (uint32_t b = 0; b <= a; b++)
			T_EQ(strcmp(ferry_verdict_name(a),
			         ferry_verdict_name(b)) == 0, a == b);
	T_STR(ferry_verdict_name(FERRY_VERDICT_IN_CANCEL_HOOK + 1), "?");
	T_STR(ferry_verdict_name(UINT32_MAX), "?");
}

T_MAIN(
	T_RUN(from_looks);
	T_RUN(held_or_gone);
	T_RUN(what_ferry_knows);
	T_RUN(less_known);
	T_RUN(by_place);
	T_RUN(by_the_beat);
	T_RUN(by_the_stack_pointer);
	T_RUN(figures);
	T_RUN(delays);
	T_RUN(names);
)
