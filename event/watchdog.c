/*
 * The judge; see watchdog.h.
 *
 * A look goes through it in this order: what the time since the last one is
 * worth (weigh), which pieces there are and which one is credited with it
 * (match), what that amounts to (judge), what is to be said of it (begin,
 * go_on).
 */
#include "event/watchdog.h"

#define CALM_MOST UINT64_C(1000000000)

enum mood {
	CALM,
	UNEASY,
	WAITS,
	STALLED
};

/* What the time between two looks is worth. */
struct interval {
	bool gap;
	bool same;           /* the word: nothing has happened */
	uint64_t credit_ns;
	uint64_t starved_ns;
	uint64_t used_ns;
	uint64_t held_ns;
};

/* Nothing wraps: an age that does is a new one. */
static uint64_t
sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Rounded up: who is not half as old has not been calm for half of it. */
static uint64_t
half(uint64_t ns)
{
	return ns - ns / 2;
}

void
ferry__watchdog_reset(struct watchdog *w, uint64_t now_ns, uint64_t word)
{
	*w = (struct watchdog){ .word = word, .looked_ns = now_ns };
}

/* ----------------------------------------------------------------- pieces */

static struct watchdog_piece *
innermost(struct watchdog *w)
{
	return w->known ? &w->pieces[w->n - 1] : NULL;
}

uint64_t
ferry__watchdog_age(const struct watchdog *w)
{
	const struct watchdog_piece *p;

	if (!w->known)
		return 0;
	p = &w->pieces[w->n - 1];
	return p->age_ns - p->given_ns;
}

uint64_t
ferry__watchdog_used(const struct watchdog *w)
{
	return w->known ? w->pieces[w->n - 1].used_ns : 0;
}

uint64_t
ferry__watchdog_starved(const struct watchdog *w)
{
	return w->known ? w->pieces[w->n - 1].starved_ns : 0;
}

uint64_t
ferry__watchdog_held(const struct watchdog *w)
{
	return w->known ? w->pieces[w->n - 1].held_ns : 0;
}

/* Its levels count from now on. */
static void
give(struct watchdog_piece *p)
{
	p->given_ns = p->age_ns;
	p->starved_ns = 0;
	p->used_ns = 0;
	p->held_ns = 0;
	p->overload_told = p->held_told = false;
}

static struct interval
weigh(const struct watchdog *w, uint64_t now_ns, uint64_t planned_ns,
    const struct watchdog_sample *s)
{
	struct interval i = { .same = s->word == w->word };
	uint64_t passed = now_ns > w->looked_ns ? now_ns - w->looked_ns : 0;
	uint64_t most = sum(planned_ns, planned_ns / 2);

	i.gap = passed > most;
	/* A pause may race with the look: held at one end is held. */
	if (s->held || w->held) {
		if (s->held && w->held)
			i.held_ns = smaller(passed, most);
		return i;
	}
	passed = smaller(passed, most);
	i.starved_ns = smaller(s->delay_ns, passed);
	i.credit_ns = passed - i.starved_ns;
	i.used_ns = smaller(s->cpu_ns, i.credit_ns);
	return i;
}

static void
credit(struct watchdog_piece *p, const struct interval *i)
{
	p->age_ns = sum(p->age_ns, i->credit_ns);
	p->starved_ns = sum(p->starved_ns, i->starved_ns);
	p->used_ns = sum(p->used_ns, i->used_ns);
	p->held_ns = sum(p->held_ns, i->held_ns);
}

/*
 * Where the sample's pieces are those that were known, from the outermost on,
 * they go on. True: so is the innermost one, as far as anything was known.
 */
static bool
take_pieces(struct watchdog *w, const struct watchdog_sample *s)
{
	uint32_t kept = 0;
	bool stays;

	ASSERT(s->n <= WATCHDOG_PIECES);
	while (kept < s->n && kept < w->n &&
	    w->pieces[kept].serial == s->serial[kept])
		kept++;
	stays = !w->known || (kept == s->n && kept == w->n);
	for (uint32_t i = kept; i < s->n; i++)
		w->pieces[i] =
		    (struct watchdog_piece){ .serial = s->serial[i] };
	w->n = s->n;
	w->known = true;
	return stays;
}

static void
match(struct watchdog *w, const struct watchdog_sample *s,
    const struct interval *i)
{
	enum beat_state state = ferry__beat_state(s->word);
	bool stays = true;

	if (state == BEAT_IDLE) {
		w->n = 0;
		w->known = false;
	} else if (s->n == 0) {
		/* None, or none was to be found: those that there were rest
		 * until it shows, by their serials, whether they go on. */
		w->known = w->known && i->same;
	} else {
		stays = take_pieces(w, s);
	}
	if (state == BEAT_BUSY && w->known && i->same && stays)
		credit(innermost(w), i);
}

/* ----------------------------------------------------------------- levels */

uint32_t
ferry__watchdog_level(const struct watchdog_limits *limits, uint64_t age_ns)
{
	uint32_t level = FERRY_LEVEL_NONE;

	for (uint32_t i = 1; i < WATCHDOG_LEVELS; i++)
		if (limits->level_ns[i] != 0 && age_ns >= limits->level_ns[i])
			level = i;
	return level;
}

/* The age at which an episode begins; 0: never. */
static uint64_t
notify_age(const struct watchdog_limits *limits)
{
	uint32_t i = limits->notify_level;

	for (i = i == 0 ? 1 : i; i < WATCHDOG_LEVELS; i++)
		if (limits->level_ns[i] != 0)
			return limits->level_ns[i];
	return 0;
}

/* Of a piece whose limits could not be read: as it was. */
static enum mood
judge_blind(const struct watchdog *w)
{
	if (w->announced && !w->calm)
		return STALLED;
	return w->announced && w->waits ? WAITS : CALM;
}

static enum mood
judge(struct watchdog *w, const struct watchdog_sample *s, bool same)
{
	bool works = ferry__beat_state(s->word) == BEAT_BUSY && w->known;
	uint64_t age = ferry__watchdog_age(w), notify;

	if (works && s->limits == NULL && same)
		return judge_blind(w);
	w->level = FERRY_LEVEL_NONE;
	if (!works || s->limits == NULL)
		return CALM;
	w->level = ferry__watchdog_level(s->limits, age);
	notify = notify_age(s->limits);
	if (notify != 0 && age >= notify)
		return STALLED;
	if (w->announced && innermost(w)->waits)
		return WAITS;
	return notify != 0 && age >= half(notify) ? UNEASY : CALM;
}

/* --------------------------------------------------------------- episodes */

static void
end(struct watchdog *w, struct watchdog_result *r, bool calm_by_limits)
{
	r->actions |= WATCHDOG_ENDED;
	r->peak = w->peak;
	r->lasted_ns = w->lasted_ns;
	r->suppressed = w->suppressed;
	for (uint32_t i = 0; i < w->n; i++) {
		/* Its limits say of the innermost one that it is young. */
		if (w->pieces[i].blamed &&
		    !(calm_by_limits && i == w->n - 1))
			give(&w->pieces[i]);
		w->pieces[i].blamed = false;
		w->pieces[i].waits = false;
	}
	w->announced = false;
	w->calm = false;
}

static void
blame(struct watchdog *w, uint64_t planned_ns,
    const struct watchdog_limits *limits)
{
	uint64_t least;

	innermost(w)->blamed = true;
	if (limits == NULL)
		return;
	least = smaller(half(notify_age(limits)), CALM_MOST);
	w->calm_least_ns = sum(planned_ns, planned_ns);
	if (w->calm_least_ns < least)
		w->calm_least_ns = least;
}

static void
begin(struct watchdog *w, struct watchdog_result *r)
{
	uint64_t age = ferry__watchdog_age(w);

	r->actions |= WATCHDOG_BEGAN;
	w->announced = true;
	w->peak = w->level;
	w->began_ns = age;
	w->lasted_ns = age;
	w->since_ns = 0;
	w->base_ns = 0;
	w->next_ns = sum(age, age);
	w->suppressed = 0;
}

/* Powers of two, and once at each look. */
static bool
is_due(struct watchdog *w)
{
	uint64_t run = w->lasted_ns - w->base_ns;

	if (run < w->next_ns || w->next_ns == UINT64_MAX)
		return false;
	if (w->next_ns == 0)
		w->next_ns = sum(run, run);
	while (w->next_ns <= run && w->next_ns != UINT64_MAX)
		w->next_ns = sum(w->next_ns, w->next_ns);
	return true;
}

static void
report_stall(struct watchdog *w, struct watchdog_result *r)
{
	struct watchdog_piece *p = innermost(w);
	bool due;

	if (p->waits) {
		p->waits = false;
		w->base_ns = w->lasted_ns -
		    smaller(w->lasted_ns, ferry__watchdog_age(w));
		w->next_ns = 0;
	}
	due = is_due(w);
	if (w->level > w->peak) {
		r->actions |= WATCHDOG_ROSE;
		w->peak = w->level;
	} else if (due) {
		r->actions |= WATCHDOG_GOES_ON;
	} else {
		w->suppressed = sum(w->suppressed, 1);
		return;
	}
	r->suppressed = w->suppressed;
	w->suppressed = 0;
}

/* The time of a stall, to the look that finds its end, is the episode's; the
 * time after it only if another one comes. */
static void
go_on(struct watchdog *w, struct watchdog_result *r,
    const struct watchdog_sample *s, const struct interval *i, enum mood mood)
{
	bool was = !w->calm || w->waits;

	w->since_ns = sum(w->since_ns, i->credit_ns);
	if (was || mood >= WAITS) {
		w->lasted_ns = sum(w->lasted_ns, w->since_ns);
		w->since_ns = 0;
	}
	w->calm = mood != STALLED;
	w->waits = mood == WAITS;
	w->calm_ns =
	    mood == CALM && !was ? sum(w->calm_ns, i->credit_ns) : 0;
	if (mood == STALLED)
		report_stall(w, r);
	else if (ferry__beat_state(s->word) == BEAT_IDLE)
		end(w, r, false);
	else if (mood == CALM && !was && w->calm_ns >= w->calm_least_ns)
		end(w, r,
		    ferry__beat_state(s->word) == BEAT_BUSY && w->known &&
		        s->limits != NULL);
}

void
ferry__watchdog_give(struct watchdog *w)
{
	struct watchdog_piece *p = innermost(w);

	if (p == NULL)
		return;
	give(p);
	w->level = FERRY_LEVEL_NONE;
	if (!w->announced || w->calm)
		return;
	p->waits = true;
	w->calm = true;
	w->waits = true;
}

bool
ferry__watchdog_nears(const struct watchdog *w,
    const struct watchdog_limits *limits, uint64_t planned_ns)
{
	uint64_t soon = sum(planned_ns, planned_ns);
	uint64_t run = sum(w->lasted_ns - w->base_ns, w->since_ns);
	bool waits = w->known && w->pieces[w->n - 1].waits;

	return waits || sum(run, soon) >= w->next_ns ||
	    ferry__watchdog_level(
	        limits, sum(ferry__watchdog_age(w), soon)) > w->peak;
}

/* --------------------------------------------------------------- one look */

/* Sleeping with requests at both ends of an interval, and all through it. */
static void
judge_lost(struct watchdog *w, struct watchdog_result *r,
    const struct watchdog_sample *s, const struct interval *i, uint64_t limit)
{
	bool stirs = s->stirs && ferry__beat_state(s->word) == BEAT_IDLE;

	if (!stirs || !i->same || !w->stirred) {
		w->lost_ns = 0;
		w->lost_told = false;
	} else {
		w->lost_ns = sum(w->lost_ns, i->credit_ns);
	}
	w->stirred = stirs;
	if (limit == 0 || w->lost_ns < limit || w->lost_told)
		return;
	w->lost_told = true;
	r->actions |= WATCHDOG_LOST;
}

/* What comes near to a stall, and what would be one. */
static void
judge_near(struct watchdog *w, struct watchdog_result *r,
    const struct watchdog_sample *s, uint64_t planned_ns)
{
	struct watchdog_piece *p = innermost(w);
	uint64_t age = ferry__watchdog_age(w), notify;

	if (w->announced && !w->calm)
		r->actions |= WATCHDOG_PREPARE;
	if (ferry__beat_state(s->word) != BEAT_BUSY || p == NULL ||
	    s->limits == NULL)
		return;
	notify = notify_age(s->limits);
	if (notify == 0)
		return;
	if (sum(age, sum(planned_ns, planned_ns)) >= notify)
		r->actions |= WATCHDOG_PREPARE;
	/* That it is most of the time: who waits a little now and then, and has
	 * nearly used up its own, is about to be told of as what it is. */
	if (!w->announced && !p->overload_told && p->starved_ns > age &&
	    sum(age, p->starved_ns) >= notify) {
		p->overload_told = true;
		r->actions |= WATCHDOG_OVERLOADED;
	}
	if (!w->announced && !p->held_told && p->held_ns > age &&
	    sum(sum(age, p->starved_ns), p->held_ns) >= notify) {
		p->held_told = true;
		r->actions |= WATCHDOG_HELD;
	}
}

struct watchdog_result
ferry__watchdog_step(struct watchdog *w, uint64_t now_ns, uint64_t planned_ns,
    uint64_t lost_limit_ns, const struct watchdog_sample *sample)
{
	struct watchdog_result r = { 0 };
	struct interval i = weigh(w, now_ns, planned_ns, sample);
	enum mood mood;

	if (i.gap)
		r.actions |= WATCHDOG_GAP;
	match(w, sample, &i);
	mood = judge(w, sample, i.same);
	if (mood == STALLED)
		blame(w, planned_ns, sample->limits);
	if (w->announced)
		go_on(w, &r, sample, &i, mood);
	else if (mood == STALLED)
		begin(w, &r);
	if (w->announced) {
		r.peak = w->peak;
		r.lasted_ns = w->lasted_ns;
	}
	judge_lost(w, &r, sample, &i, lost_limit_ns);
	judge_near(w, &r, sample, planned_ns);
	w->word = sample->word;
	w->looked_ns = sample->done_ns > now_ns ? sample->done_ns : now_ns;
	w->held = sample->held;
	return r;
}
