/*
 * The watching half of an event thread; see judge.h.
 */
#include "event/judge.h"

#include <string.h>

#include "event/docket.h"
#include "event/tell.h"
#include "event/thread.h"

/* How long a source that finishes waits for its file. */
#define FILE_NS UINT64_C(1000000000)

/* ------------------------------------------------------------------ limits */

static uint64_t
scaled(uint64_t ns, uint64_t to, uint64_t from)
{
	double d = (double)ns * (double)to / (double)from;

	if (ns == from)
		return to;
	return d < (double)INT64_MAX ? (uint64_t)d : INT64_MAX;
}

void
ferry__judge_limits(struct watchdog_limits *l, uint32_t notify_level,
    uint64_t limit_ms, uint64_t extended_ms)
{
	uint32_t first = notify_level;
	uint64_t from, to;

	l->notify_level = notify_level;
	while (first < WATCHDOG_LEVELS && l->level_ns[first] == 0)
		first++;
	if (first >= WATCHDOG_LEVELS)
		/* Nothing would be said of it, and nothing will be. */
		return;
	from = l->level_ns[first];
	to = limit_ms != 0 ? limit_ms * 1000000 : from + extended_ms * 1000000;
	for (uint32_t i = 1; to != from && i < WATCHDOG_LEVELS; i++)
		if (l->level_ns[i] != 0)
			l->level_ns[i] = scaled(l->level_ns[i], to, from);
}

/* ----------------------------------------------------------------- sources */

static uint64_t
depth_of_all(struct event_thread *t, struct source *first)
{
	uint64_t n = 0;

	for (; first != NULL; first = first->next)
		n += t->ops->depth(first);
	return n;
}

bool
ferry__judge_stirs(struct event_thread *t, struct source *first)
{
	return ferry__beat_state(ferry__beat_look(t->beat)) == BEAT_IDLE &&
	    depth_of_all(t, first) != 0;
}

/* ----------------------------------------------------------------- looking */

static uint64_t
since(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

/*
 * For how long it has waited for a processor since the last look. A kernel
 * counts a wait when it is over: of one that goes on, which is what a thread
 * that would run has not used, and was not counted, is a part already, and
 * is not counted again.
 */
static uint64_t
delay_since(struct judge *j, const struct facts *f, uint64_t now_ns)
{
	const struct facts *b = &j->before;
	uint64_t rest = since(now_ns, j->dog.looked_ns);
	uint64_t delay = 0, again;

	if (f->known & b->known & FACT_DELAY)
		delay = since(f->delay_ns, b->delay_ns);
	again = delay < j->ahead_ns ? delay : j->ahead_ns;
	delay -= again;
	if ((f->known & b->known & FACT_CPU) == 0)
		return delay;
	/* Once it has run, that wait is over, and all of it was counted. */
	j->ahead_ns =
	    f->cpu_ns != b->cpu_ns ? 0 : j->ahead_ns - again;
	if ((f->known & FACT_STATE) == 0 || f->state != 'R')
		return delay;
	rest = since(rest, since(f->cpu_ns, b->cpu_ns));
	if (rest > delay) {
		j->ahead_ns += rest - delay;
		delay = rest;
	}
	return delay;
}

/* What the thread had to wait for, and whether it is held: only of one whose
 * word stands. */
static void
add_facts(struct event_thread *t, struct watchdog_sample *s, uint64_t now_ns)
{
	struct judge *j = &t->judge;
	struct facts f;

	ferry__facts_look(&f, t->ops->thread_id(t->worker),
	    FACT_STATE | FACT_CPU | FACT_DELAY);
	s->held = (f.known & FACT_STATE) != 0 &&
	    (f.state == 'T' || f.state == 't');
	if (j->before_word == s->word) {
		s->delay_ns = delay_since(j, &f, now_ns);
		if (f.known & j->before.known & FACT_CPU)
			s->cpu_ns = since(f.cpu_ns, j->before.cpu_ns);
	} else {
		j->ahead_ns = 0;
	}
	j->before = f;
	j->before_word = s->word;
}

/* The one in hand, if the word says so before and after. */
static bool
find_suspect(struct event_thread *t, uint64_t word)
{
	struct suspect found;

	if (ferry__beat_state(word) == BEAT_IDLE ||
	    ferry__beat_slot(word) == BEAT_NO_SLOT ||
	    !t->ops->suspect(t->worker, word, &found) ||
	    !ferry__beat_stands(t->beat, word))
		return false;
	t->judge.suspect = found;
	return true;
}

/* For who asks how it is just now; and for the FFI thread, which finds how long
 * its calls last by it (ffi/timing.h). */
static void
publish(struct event_thread *t, const struct watchdog_sample *s,
    uint64_t now_ns)
{
	const struct watchdog *w = &t->judge.dog;

	/* Relaxed: read one by one. */
	atom32_store_relaxed(&t->level, w->level);
	atom64_store_relaxed(&t->age_ns, ferry__watchdog_age(w));
	ferry__event_thread_looked(t,
	    s->n != 0 ? s->serial[0] >> 1 : ferry__beat_sequence(s->word),
	    w->level, now_ns);
}

static uint64_t
lost_limit_ns(const struct source *first)
{
	uint64_t least = UINT64_MAX;

	for (; first != NULL; first = first->next)
		if (first->notify_ns != 0 && first->notify_ns < least)
			least = first->notify_ns;
	return least;
}

/*
 * For the first time: to have the scribe begin. The first stack of a process
 * takes it long, for it has to read what the modules say.
 */
static bool
is_half_way(const struct judge *j, const struct watchdog_limits *limits)
{
	uint64_t serial = j->suspect.serial[j->suspect.n - 1];
	uint32_t level = limits->notify_level;

	while (level < WATCHDOG_LEVELS && limits->level_ns[level] == 0)
		level++;
	return level < WATCHDOG_LEVELS && !j->dog.announced &&
	    ferry__watchdog_age(&j->dog) >= limits->level_ns[level] / 2 &&
	    !ferry__docket_knows(j, serial);
}

/* Whether the call is to be looked at more closely, as something will be said
 * of it soon, or is now. */
static bool
is_near(const struct event_thread *t, const struct watchdog_limits *limits,
    uint32_t actions)
{
	const struct watchdog *w = &t->judge.dog;
	const uint32_t now = WATCHDOG_BEGAN | WATCHDOG_ROSE |
	    WATCHDOG_GOES_ON | WATCHDOG_OVERLOADED | WATCHDOG_HELD;

	if (actions & now)
		return true;
	return (actions & WATCHDOG_PREPARE) != 0
	    ? !w->announced || ferry__watchdog_nears(w, limits, t->tick_ns)
	    : is_half_way(&t->judge, limits);
}

/* All that one look led to. `s` is whose call is in hand, within `limits`; or
 * NULL. */
static void
follow(struct event_thread *t, struct source *first, struct source *s,
    const struct watchdog_limits *limits, const struct watchdog_result *v,
    uint64_t word, uint64_t now_ns)
{
	struct judge *j = &t->judge;
	const uint32_t worse =
	    WATCHDOG_BEGAN | WATCHDOG_ROSE | WATCHDOG_GOES_ON;
	uint32_t actions = v->actions;

	if (actions & WATCHDOG_GAP)
		count_shared_add(&t->gaps, 1);
	if (actions & WATCHDOG_ENDED)
		ferry__tell_end(t, first, v, now_ns);
	if (j->lost_word != 0 && word != j->lost_word)
		ferry__tell_found(t, first, now_ns);
	if ((actions & WATCHDOG_LOST) != 0 && first != NULL)
		ferry__tell_lost(t, first, word, now_ns);
	if (s == NULL)
		return;
	if (is_near(t, limits, actions))
		ferry__tell_gather(
		    t, s, j->suspect.serial[j->suspect.n - 1], word);
	if (actions & worse)
		ferry__tell_act(t, first, s, actions, now_ns);
	if (actions & WATCHDOG_OVERLOADED)
		ferry__tell_no_stall(
		    t, first, s, limits, WATCHDOG_OVERLOADED, now_ns);
	if (actions & WATCHDOG_HELD)
		ferry__tell_no_stall(
		    t, first, s, limits, WATCHDOG_HELD, now_ns);
}

/* At which anything is done about it, for any who is told. */
static uint32_t
lowest_level(struct source *s, const struct suspect *p)
{
	uint32_t least = WATCHDOG_LEVELS, level;

	for (; s != NULL; s = ferry__tell_next(s, p)) {
		level = ferry__actions_lowest(
		    ferry__actions_use(&s->actions), s->notify_level);
		ferry__actions_let_go(&s->actions);
		if (level < least)
			least = level;
	}
	return least;
}

/* Whose call is in hand, and by when something is to be done about it. */
static struct source *
add_suspect(struct event_thread *t, struct source *first,
    struct watchdog_sample *sample, struct watchdog_limits *limits)
{
	struct suspect *p = &t->judge.suspect;
	struct source *s;

	if (!find_suspect(t, sample->word)) {
		if (ferry__beat_state(sample->word) == BEAT_BUSY &&
		    ferry__beat_slot(sample->word) == BEAT_NO_SLOT) {
			/* Nobody's call, of which the age is known. */
			sample->serial[0] =
			    ferry__beat_sequence(sample->word) << 1 | 1;
			sample->n = 1;
		}
		return NULL;
	}
	s = ferry__tell_source(first, p);
	if (s == NULL)
		return NULL;
	*limits = p->limits;
	ferry__judge_limits(
	    limits, lowest_level(s, p), p->limit_ms, p->extended_ms);
	sample->limits = limits;
	sample->n = p->n;
	memcpy(sample->serial, p->serial, p->n * sizeof p->serial[0]);
	return s;
}

/* Since when what is queued behind a call has been: who is not there any more
 * may have been the oldest, so that then the next ones count from now on. */
static void
look_at_queue(struct event_thread *t, struct source *s)
{
	/* First: who leaves after this is missed by the next look's. */
	uint64_t left = t->ops->left(s);

	if (t->ops->depth(s) == 0)
		s->queued_ns = 0;
	else if (s->queued_ns == 0 || s->queued_left != left)
		/* Not before it was seen. */
		s->queued_ns = ferry__os_now_ns();
	s->queued_left = left;
}

static void
look_at_queues(struct event_thread *t, struct source *first, bool stands)
{
	for (struct source *s = first; s != NULL; s = s->next)
		if (stands)
			look_at_queue(t, s);
		else
			s->queued_ns = 0;
}

/* It has been woken, and waits for a processor. */
static bool
is_on_its_way(struct event_thread *t)
{
	struct facts f;

	ferry__facts_look(&f, t->ops->thread_id(t->worker), FACT_STATE);
	return (f.known & FACT_STATE) != 0 && f.state == 'R';
}

void
ferry__judge_look(struct event_thread *t, struct source *first,
    uint64_t now_ns, uint64_t planned_ns)
{
	struct judge *j = &t->judge;
	struct watchdog_sample sample = { .word = ferry__beat_look(t->beat) };
	bool stands = sample.word == j->dog.word;
	struct watchdog_limits limits;
	struct watchdog_result v;
	struct source *s = add_suspect(t, first, &sample, &limits);

	j->turn++;
	look_at_queues(t, first, stands && s != NULL);
	if (stands && ferry__beat_state(sample.word) != BEAT_IDLE)
		add_facts(t, &sample, now_ns);
	sample.stirs = stands && ferry__judge_stirs(t, first) &&
	    !is_on_its_way(t);
	sample.done_ns = ferry__os_now_ns();
	v = ferry__watchdog_step(
	    &j->dog, now_ns, planned_ns, lost_limit_ns(first), &sample);
	follow(t, first, s, &limits, &v, sample.word, now_ns);
	ferry__tell_settle(t, first, now_ns);
	publish(t, &sample, now_ns);
}

void
ferry__judge_attend(struct event_thread *t, struct source *first,
    uint64_t now_ns)
{
	ferry__tell_settle(t, first, now_ns);
}

/* -------------------------------------------------------------------- life */

void
ferry__judge_reset(struct event_thread *t, uint64_t now_ns)
{
	struct judge *j = &t->judge;

	ferry__watchdog_reset(&j->dog, now_ns, ferry__beat_look(t->beat));
	j->before_word = 0;
}

void
ferry__judge_leave(
    struct event_thread *t, struct source *first, struct source *s)
{
	struct actions *a = &s->actions;

	ferry__tell_leave(t, first, s, ferry__os_now_ns());
	if (a->ticket != 0)
		ferry__scribe_await(
		    a->ticket, ferry__os_deadline_in(FILE_NS / 1000000));
	a->ticket = 0;
}

void
ferry__judge_mend(struct source *first)
{
	for (; first != NULL; first = first->next)
		ferry__actions_let_go(&first->actions);
}
