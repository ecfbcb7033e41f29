/*
 * Evidence; see evidence.h.
 */
#include "event/evidence.h"

#include <string.h>

#include "ffi/alloc.h"

/* After a thread that runs has not answered. */
#define ASK_NS UINT64_C(500000000)

#define WANTED \
	(FACT_STATE | FACT_EXISTS | FACT_CALL | FACT_CPU | FACT_DELAY | \
	    FACT_TRACER | FACT_SIGNALS)

struct evidence *
ferry__evidence_make(void (*done)(void *arg), void *arg)
{
	struct evidence *e = ferry__alloc_for_ever(sizeof *e);

	if (e == NULL)
		return NULL;
	e->latest.bytes = e->room[2];
	for (int i = 0; i < 2; i++) {
		e->unwindings[i].job.trace.bytes = e->room[i];
		e->unwindings[i].job.done = done;
		e->unwindings[i].job.arg = arg;
	}
	return e;
}

void
ferry__evidence_about(struct evidence *e, uint64_t serial, uint32_t thread)
{
	if (e->serial == serial && e->thread == thread)
		return;
	e->serial = serial;
	e->thread = thread;
	e->n = e->total = 0;
	e->wait = VERDICT_NOT_OURS;
}

static bool
is_about(const struct evidence *e, const struct unwinding *u)
{
	return u->place != 0 && u->serial == e->serial;
}

/* To the scribe, unless it knows the place, or has another in hand. */
static void
give(struct evidence *e, uint64_t place, uint32_t flags)
{
	const struct unwinding *last = &e->unwindings[e->newest];
	struct unwinding *u = &e->unwindings[1 - e->newest];
	struct trace t = u->job.trace;

	if (ferry__scribe_is(&last->job, SCRIBE_GIVEN) ||
	    (is_about(e, last) && last->place == place))
		return;
	u->job.trace = e->latest;
	e->latest = t;
	u->job.symbols = (flags & FERRY_WATCH_NO_SYMBOLS) == 0;
	u->place = 0;
	if (!ferry__scribe_give(&u->job))
		return;
	u->place = place;
	u->serial = e->serial;
	e->newest = 1 - e->newest;
}

static bool
copy(struct evidence *e, const struct facts *f, uint64_t now_ns)
{
	if ((f->known & FACT_CALL) != 0 && f->in_call)
		return ferry__trace_blocked(&e->latest, e->thread, f);
	if (now_ns < e->ask_ns)
		return false;
	if (ferry__trace_running(&e->latest, e->thread, f))
		return true;
	/* It may have been waited for: events wait meanwhile. */
	e->ask_ns = now_ns + ASK_NS;
	return false;
}

bool
ferry__evidence_look(struct evidence *e, const struct beat *beat,
    uint64_t word, enum verdict_wait wait, uint32_t flags)
{
	struct verdict_look look = { .word = word };
	bool copied;

	look.at_ns = ferry__os_now_ns();
	ferry__facts_look(&look.facts, e->thread, WANTED);
	copied = (flags & FERRY_WATCH_NO_STACKS) == 0 &&
	    copy(e, &look.facts, look.at_ns);
	if (!ferry__beat_stands(beat, word))
		return false;
	if (copied) {
		look.place = ferry__trace_place(&e->latest);
		give(e, look.place, flags);
	}
	if (e->n == VERDICT_LOOKS)
		memmove(e->looks, e->looks + 1, --e->n * sizeof look);
	e->looks[e->n++] = look;
	e->total++;
	e->wait = wait;
	return true;
}

struct verdict
ferry__evidence_verdict(const struct evidence *e, bool idle_with_work)
{
	return ferry__verdict(e->looks, e->n, e->wait, idle_with_work);
}

const struct facts *
ferry__evidence_facts(const struct evidence *e, uint32_t look)
{
	return look < e->n ? &e->looks[look].facts : NULL;
}

const struct frames *
ferry__evidence_frames(const struct evidence *e)
{
	for (uint32_t i = 0; i < 2; i++) {
		const struct unwinding *u =
		    &e->unwindings[i == 0 ? e->newest : 1 - e->newest];

		if (is_about(e, u) && ferry__scribe_is(&u->job, SCRIBE_DONE))
			return &u->job.frames;
	}
	return NULL;
}

bool
ferry__evidence_awaits(const struct evidence *e)
{
	const struct unwinding *u = &e->unwindings[e->newest];

	return is_about(e, u) && ferry__scribe_is(&u->job, SCRIBE_GIVEN);
}
