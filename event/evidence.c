/*
 * Evidence; see evidence.h.
 */
#include "event/evidence.h"

#include <string.h>

#include "ffi/alloc.h"

/* After a thread that runs has not answered. */
#define ASK_NS UINT64_C(500000000)

/* How long a look is fresh: for so many of the watcher's turns, and not much
 * longer than these take on a machine that is not idle. */
#define FRESH_TURNS 4u
#define LATE_NS     UINT64_C(250000000)

/* How old a stack of a thread that moves may be. */
#define MOVED_NS UINT64_C(1000000000)

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
	e->n = 0;
	e->call.known = 0;
	e->wait = VERDICT_NOT_OURS;
}

/* ------------------------------------------------------------- two looks */

static bool
in_call(const struct facts *f)
{
	return (f->known & FACT_CALL) != 0 && f->in_call;
}

/* It has not run between the two, and so was where it is. */
static bool
stood(const struct facts *f, const struct facts *g)
{
	return in_call(f) && in_call(g) &&
	    (f->known & g->known & FACT_CPU) != 0 && f->cpu_ns == g->cpu_ns;
}

static uint64_t
apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* Whether the frames of the one are those of the other. */
static bool
shows(const struct sight *a, const struct sight *b)
{
	const struct facts *f = &a->look.facts, *g = &b->look.facts;

	if (a->serial == 0 || a->serial != b->serial || a->look.place == 0 ||
	    a->look.place != b->look.place || in_call(f) != in_call(g) ||
	    (in_call(f) && !ferry__verdict_same_call(f, g)))
		return false;
	return stood(f, g) || apart(a->turn, b->turn) < FRESH_TURNS;
}

/* ---------------------------------------------------------------- copies */

static const struct unwinding *
newest(const struct evidence *e)
{
	return &e->unwindings[e->newest];
}

void
ferry__evidence_hand_on(struct evidence *e)
{
	struct unwinding *u = &e->unwindings[1 - e->newest];
	struct trace t = u->job.trace;

	if (e->waiting.serial == 0)
		return;
	/* It knows the place. */
	if (shows(&newest(e)->of, &e->waiting)) {
		e->waiting.serial = 0;
		return;
	}
	if (ferry__scribe_is(&newest(e)->job, SCRIBE_GIVEN))
		return;
	u->job.trace = e->latest;
	e->latest = t;
	u->job.symbols = e->symbols;
	u->of = e->waiting;
	e->waiting.serial = 0;
	if (ferry__scribe_give(&u->job))
		e->newest = 1 - e->newest;
	else
		u->of.serial = 0;
}

static bool
copy(struct evidence *e, const struct facts *f, uint64_t now_ns)
{
	if (in_call(f))
		return ferry__trace_blocked(&e->latest, e->thread, f);
	if (now_ns < e->ask_ns)
		return false;
	if (ferry__trace_running(&e->latest, e->thread, f))
		return true;
	/* It may have been waited for: events wait meanwhile. */
	e->ask_ns = now_ns + ASK_NS;
	return false;
}

/* ----------------------------------------------------------------- looks */

/* A wait that goes on after a stop shows no number of its own, but is where it
 * was. If that was not seen, nobody knows what it waits for. */
static void
find_number(struct evidence *e, struct facts *f)
{
	if (!in_call(f))
		return;
	if (!ferry__facts_call_is_resumed(f->number)) {
		e->call = *f;
		return;
	}
	f->number = e->call.number;
	if (!ferry__verdict_same_call(f, &e->call))
		f->number = -1;
}

/* What the call is about, while it is. */
static void
add_site(struct sight *s)
{
	const struct facts *f = &s->look.facts;
	int at = ferry__facts_call_descriptor(f->number);

	if (ferry__facts_call_is_futex(f->number, f->args))
		s->owner = ferry__facts_lock_owner(f->args[0]);
	if (at >= 0 && !ferry__facts_descriptor(
	        s->target, sizeof s->target, (int)f->args[at]))
		s->target[0] = '\0';
}

/* Still where it was before its stack and all that was read. */
static bool
still_there(const struct evidence *e, const struct facts *f)
{
	struct facts now;

	ferry__facts_look(&now, e->thread, FACT_CALL);
	if (in_call(&now) && ferry__facts_call_is_resumed(now.number))
		now.number = f->number;
	return ferry__verdict_same_call(f, &now);
}

/* False: the thread is not to be seen there, by its stack. */
static bool
see(struct evidence *e, struct sight *s, uint32_t flags)
{
	struct facts *f = &s->look.facts;
	bool copied;

	ferry__facts_look(f, e->thread, WANTED);
	find_number(e, f);
	copied = (flags & FERRY_WATCH_NO_STACKS) == 0 &&
	    copy(e, f, s->look.at_ns);
	if (!in_call(f))
		return copied;
	add_site(s);
	if (still_there(e, f))
		return copied;
	s->owner = 0;
	s->target[0] = '\0';
	return false;
}

static bool
is_fresh(const struct sight *s, const struct evidence_look *how,
    uint64_t now_ns)
{
	return how->turn - s->turn < FRESH_TURNS &&
	    now_ns - s->look.at_ns <= FRESH_TURNS * how->tick_ns + LATE_NS;
}

/* Those from before the thread has last run, and that are not fresh. */
static void
forget(struct evidence *e, const struct evidence_look *how,
    const struct sight *last)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < e->n; i++) {
		const struct sight *s = &e->sights[i];

		if (is_fresh(s, how, last->look.at_ns) ||
		    stood(&s->look.facts, &last->look.facts))
			e->sights[n++] = *s;
	}
	e->n = n;
}

bool
ferry__evidence_look(struct evidence *e, const struct evidence_look *how)
{
	struct sight s = { .look.word = how->word, .serial = e->serial,
		.turn = how->turn };
	bool copied;

	if (e->n != 0 && e->sights[e->n - 1].turn == how->turn)
		return true;
	e->waiting.serial = 0;
	s.look.at_ns = ferry__os_now_ns();
	copied = see(e, &s, how->flags);
	if (!ferry__beat_stands(how->beat, how->word)) {
		s.look.facts.known = 0;
		forget(e, how, &s);
		return false;
	}
	if (copied) {
		s.look.place = ferry__trace_place(&e->latest);
		e->symbols = (how->flags & FERRY_WATCH_NO_SYMBOLS) == 0;
		e->waiting = s;
		ferry__evidence_hand_on(e);
	}
	forget(e, how, &s);
	if (e->n == VERDICT_LOOKS)
		memmove(e->sights, e->sights + 1, --e->n * sizeof s);
	e->sights[e->n++] = s;
	e->wait = how->wait;
	return true;
}

/* --------------------------------------------------------------- findings */

void
ferry__evidence_find(struct finding *out, const struct evidence *e,
    uint64_t serial, bool idle_with_work)
{
	bool knows = e != NULL && e->serial == serial && e->n != 0;
	struct verdict_look looks[VERDICT_LOOKS];
	struct verdict *v = &out->verdict;

	memset(out, 0, sizeof *out);
	out->looks = knows ? e->n : 0;
	for (uint32_t i = 0; i < out->looks; i++)
		looks[i] = e->sights[i].look;
	*v = ferry__verdict(looks, out->looks,
	    knows ? e->wait : VERDICT_NOT_OURS, idle_with_work);
	/* One that is gone is nowhere. */
	if (out->looks != 0 && v->verdict != FERRY_VERDICT_EXITED)
		out->shown = e->sights[v->shown];
}

/* Of a thread that moves every look shows another place: one that it was at in
 * the same call, a moment ago, is as good. */
static bool
moves_about(const struct sight *a, const struct sight *b)
{
	return a->serial != 0 && a->serial == b->serial && a->look.place != 0 &&
	    b->look.at_ns != 0 && !in_call(&a->look.facts) &&
	    !in_call(&b->look.facts) &&
	    apart(a->look.at_ns, b->look.at_ns) <= MOVED_NS;
}

static const struct frames *
frames_of(const struct evidence *e, const struct finding *f,
    bool (*of)(const struct sight *, const struct sight *))
{
	for (uint32_t i = 0; i < 2; i++) {
		const struct unwinding *u =
		    &e->unwindings[i == 0 ? e->newest : 1 - e->newest];

		if (of(&u->of, &f->shown) &&
		    ferry__scribe_is(&u->job, SCRIBE_DONE))
			return &u->job.frames;
	}
	return NULL;
}

const struct frames *
ferry__evidence_frames(const struct evidence *e, const struct finding *f)
{
	const struct frames *frames = frames_of(e, f, shows);

	if (frames == NULL && f->verdict.verdict == FERRY_VERDICT_SPINNING &&
	    f->verdict.progress != FERRY_PROGRESS_NONE)
		return frames_of(e, f, moves_about);
	return frames;
}

bool
ferry__evidence_awaits(const struct evidence *e, const struct finding *f)
{
	return shows(&e->waiting, &f->shown) ||
	    (shows(&newest(e)->of, &f->shown) &&
	        ferry__scribe_is(&newest(e)->job, SCRIBE_GIVEN));
}
