/*
 * The judge of a heartbeat against a slow reference, by random series: that
 * one remembers every look, and judges from the whole of them. It adds nothing
 * up from look to look but the ages, which it keeps by serial.
 */
#include "dog.h"

#define LOOKS  400
#define SERIES 500
#define FAR    UINT64_MAX

enum mood {
	CALM,
	UNEASY,
	WAITS,
	STALLS
};

struct look {
	uint64_t at, planned;
	struct watchdog_sample s;
	bool give;             /* "keep waiting", after it */
	/* What the reference makes of it. */
	bool same, known;
	uint64_t credit, starved;
	uint32_t n;            /* the pieces, as known */
	uint64_t pieces[WATCHDOG_PIECES];
	enum mood mood;
	uint32_t level;
	bool reported;
	bool again;            /* the first one after a "keep waiting" */
};

/* By serial. */
struct piece {
	uint64_t age, given, starved;
	bool told, waits, blamed;
};

static struct look looks[LOOKS + 1];
static struct piece pieces[LOOKS * 2 + 2];
static int begun;              /* the look that began it, or -1 */
static uint64_t begun_age;
static uint64_t said[8];       /* how often, in all */

static enum beat_state
state(int i)
{
	return ferry__beat_state(looks[i].s.word);
}

static struct piece *
inner(int i)
{
	return &pieces[looks[i].pieces[looks[i].n - 1]];
}

static uint64_t
age(int i)
{
	return looks[i].known ? inner(i)->age - inner(i)->given : 0;
}

static uint64_t
notify(const struct watchdog_limits *l)
{
	uint64_t least = FAR;

	for (uint32_t i = 1; i < WATCHDOG_LEVELS; i++)
		if (i >= l->notify_level && l->level_ns[i] != 0 &&
		    l->level_ns[i] < least)
			least = l->level_ns[i];
	return least;
}

/* ---- what is known after look i ---- */

static void
weigh(int i)
{
	struct look *l = &looks[i], *last = &looks[i - 1];
	uint64_t from = last->s.done_ns > last->at ? last->s.done_ns
	                                           : last->at;
	uint64_t passed = l->at > from ? l->at - from : 0;

	if (passed > l->planned * 3 / 2)
		passed = l->planned * 3 / 2;
	if (l->s.held || last->s.held)
		passed = 0;
	l->starved = l->s.delay_ns < passed ? l->s.delay_ns : passed;
	l->credit = passed - l->starved;
	l->same = l->s.word == last->s.word;
}

static void
grow(int i)
{
	struct look *l = &looks[i], *last = &looks[i - 1];

	l->known = state(i) != BEAT_IDLE &&
	    (l->s.n > 0 || (last->known && l->same));
	l->n = l->s.n > 0 ? l->s.n : last->n;
	memcpy(l->pieces, l->s.n > 0 ? l->s.serial : last->pieces,
	    sizeof l->pieces);
	if (!l->known || !l->same || state(i) != BEAT_BUSY)
		return;
	inner(i)->age += l->credit;
	inner(i)->starved += l->starved;
}

static enum mood
blind_mood(int i)
{
	if (begun < 0)
		return CALM;
	if (looks[i - 1].mood == STALLS && looks[i - 1].give)
		return WAITS;
	return looks[i - 1].mood >= WAITS ? looks[i - 1].mood : CALM;
}

static enum mood
mood(int i)
{
	const struct watchdog_limits *l = looks[i].s.limits;
	uint32_t level = 0;

	if (state(i) != BEAT_BUSY || !looks[i].known)
		return CALM;
	if (l == NULL && looks[i].same) {
		looks[i].level = looks[i - 1].give ? 0 : looks[i - 1].level;
		return blind_mood(i);
	}
	if (l == NULL)
		return CALM;
	while (level + 1 < WATCHDOG_LEVELS) {
		level++;
		if (l->level_ns[level] != 0 && l->level_ns[level] <= age(i))
			looks[i].level = level;
	}
	if (age(i) >= notify(l))
		return STALLS;
	if (begun >= 0 && inner(i)->waits)
		return WAITS;
	return notify(l) != FAR && age(i) * 2 >= notify(l) ? UNEASY : CALM;
}

/* ---- the episode, from its looks ---- */

/* From the beginning to look i, or to the look that found the last stall's
 * end. */
static uint64_t
lasted(int i)
{
	uint64_t sum = begun_age;
	int last = i;

	while (looks[last].mood < WAITS)
		last--;
	for (int j = begun + 1; j <= i && j <= last + 1; j++)
		sum += looks[j].credit;
	return sum;
}

static bool
ends(int i)
{
	uint64_t calm = 0, least;
	int j = i;

	if (looks[i].mood >= WAITS)
		return false;
	if (state(i) == BEAT_IDLE)
		return true;
	for (; looks[j].mood == CALM && looks[j - 1].mood < WAITS; j--)
		calm += looks[j].credit;
	while (looks[j].mood != STALLS || looks[j].s.limits == NULL)
		j--;
	least = (notify(looks[j].s.limits) + 1) / 2;
	if (least > 1000 * MS)
		least = 1000 * MS;
	if (least < 2 * looks[j].planned)
		least = 2 * looks[j].planned;
	return looks[i].mood == CALM && looks[i - 1].mood < WAITS &&
	    calm >= least;
}

static uint32_t
peak(int i)
{
	uint32_t most = 0;

	for (int j = begun; j <= i; j++)
		if (looks[j].mood == STALLS && looks[j].level > most)
			most = looks[j].level;
	return most;
}

static uint64_t
suppressed(int i)
{
	uint64_t n = 0;

	for (int j = i - 1; !looks[j].reported; j--)
		n += looks[j].mood == STALLS;
	return n;
}

/* How long it had run at look j, counted from look `mark`, which began it or
 * was the first one stalled again. */
static uint64_t
run(int mark, uint64_t mark_age, int j)
{
	return lasted(j) - lasted(mark) + mark_age;
}

static uint64_t mark_age;

static bool
doubled(int i)
{
	int mark = i, last = i - 1;
	uint64_t power;

	while (mark > begun && !looks[mark].again)
		mark--;
	if (mark == i) {
		mark_age = age(i);
		return true;
	}
	while (looks[last].mood != STALLS)
		last--;
	power = mark_age;
	while (power <= run(mark, mark_age, last))
		power *= 2;
	return run(mark, mark_age, i) >= power;
}

static uint32_t
in_episode(int i)
{
	struct look *l = &looks[i];
	bool due;

	if (ends(i))
		return ENDED;
	if (l->mood != STALLS)
		return 0;
	l->again = inner(i)->waits;
	inner(i)->waits = false;
	due = doubled(i);
	if (l->level > peak(i - 1))
		return ROSE;
	return due ? GOES_ON : 0;
}

/* ---- */

static uint32_t
lost(int i)
{
	uint64_t now_lost = 0, before = 0;

	for (int j = i; j > 0 && looks[j].same && looks[j].s.stirs &&
	     looks[j - 1].s.stirs && state(j) == BEAT_IDLE; j--) {
		now_lost += looks[j].credit;
		before += j < i ? looks[j].credit : 0;
	}
	return now_lost >= LOST_NS && before < LOST_NS ? LOST : 0;
}

static uint32_t
near(int i)
{
	const struct watchdog_limits *l = looks[i].s.limits;
	uint32_t says = 0;

	if (begun >= 0 && looks[i].mood == STALLS)
		says |= PREPARE;
	if (state(i) != BEAT_BUSY || !looks[i].known || l == NULL ||
	    notify(l) == FAR)
		return says;
	if (age(i) + 2 * looks[i].planned >= notify(l))
		says |= PREPARE;
	if (begun < 0 && !inner(i)->told && inner(i)->starved > age(i) &&
	    age(i) + inner(i)->starved >= notify(l)) {
		inner(i)->told = true;
		says |= OVERLOADED;
	}
	return says;
}

static void
anew(struct piece *p)
{
	p->given = p->age;
	p->starved = 0;
	p->told = false;
}

static void
close_episode(int i)
{
	bool young = state(i) == BEAT_BUSY && looks[i].known &&
	    looks[i].s.limits != NULL;

	for (size_t p = 0; p < COUNT_OF(pieces); p++) {
		if (pieces[p].blamed && !(young && &pieces[p] == inner(i)))
			anew(&pieces[p]);
		pieces[p].blamed = pieces[p].waits = false;
	}
	begun = -1;
}

static void
compare(int i, struct watchdog_result r)
{
	uint32_t want = 0;

	weigh(i);
	grow(i);
	looks[i].mood = mood(i);
	if (looks[i].mood == STALLS)
		inner(i)->blamed = true;
	if (begun >= 0) {
		want = in_episode(i);
	} else if (looks[i].mood == STALLS) {
		want = BEGAN;
		begun = i;
		begun_age = mark_age = age(i);
	}
	if (begun >= 0) {
		T_EQ(r.peak, peak(i));
		T_EQ(r.lasted_ns, lasted(i));
	}
	if (want != 0 && want != BEGAN)
		T_EQ(r.suppressed, suppressed(i));
	looks[i].reported = want != 0;
	if (want == ENDED)
		close_episode(i);
	want |= lost(i) | near(i);
	T_EQ(r.actions & ~(GAP | HELD), want);
	T_EQ(ferry__watchdog_age(&dog), age(i));
	T_EQ(dog.level, looks[i].level);
	for (int b = 0; b < 8; b++)
		said[b] += want >> b & 1;
}

static void
give(int i)
{
	ferry__watchdog_give(&dog);
	if (!looks[i].known)
		return;
	anew(inner(i));
	if (begun >= 0 && looks[i].mood == STALLS)
		inner(i)->waits = true;
}

/* ---- the series ---- */

#define LIMITS 5

static struct watchdog_limits limits[LIMITS];
static uint64_t serials;

static void
random_limits(struct t_rng *r)
{
	for (int k = 0; k < LIMITS; k++) {
		struct watchdog_limits *l = &limits[k];
		uint64_t last = 0;

		*l = (struct watchdog_limits){
			.notify_level = (uint32_t)t_rand_below(r, 6),
		};
		for (uint32_t i = 1; i < WATCHDOG_LEVELS; i++) {
			last += 1 + t_rand_below(r, 300 * MS);
			l->level_ns[i] = t_rand_below(r, 4) == 0 ? 0 : last;
		}
	}
}

/* What the thread does: calls begin and end, scopes come and go. */
static void
act(struct t_rng *r, struct watchdog_sample *s)
{
	uint64_t what = t_rand_below(r, 10);
	enum beat_state state = BEAT_BUSY;

	if (what == 0) {
		s->n = 0;
		state = BEAT_IDLE;
	} else if (what < 3 || s->n == 0) {
		s->n = 1;
		s->serial[0] = serials++;
	} else if (what < 5 && s->n < WATCHDOG_PIECES) {
		s->serial[s->n++] = serials++;
	} else if (what < 7 && s->n > 1) {
		s->n--;
	} else if (what == 7) {
		state = BEAT_EXEMPT;
	}
	if (t_rand_below(r, 2) == 0)
		s->limits = &limits[t_rand_below(r, LIMITS)];
	s->word = word(ferry__beat_sequence(s->word) + 1, state);
}

/* How it is looked at, well or badly. */
static struct look
look_at(struct t_rng *r, const struct watchdog_sample *truth, uint64_t last)
{
	struct look l = { .s = *truth,
		.planned = (1 + t_rand_below(r, 40)) * MS,
		.give = t_rand_below(r, 25) == 0 };
	uint64_t passed = l.planned / 2 + t_rand_below(r, l.planned);

	if (t_rand_below(r, 20) == 0)
		passed = t_rand_below(r, 5000) * MS;
	l.at = last + passed;
	if (t_rand_below(r, 50) == 0)
		l.at = last - t_rand_below(r, MS);
	if (t_rand_below(r, 10) == 0)
		l.s.done_ns = l.at + t_rand_below(r, 20 * MS);
	if (t_rand_below(r, 5) == 0)
		l.s.delay_ns = t_rand_below(r, 2 * passed + 1);
	l.s.held = t_rand_below(r, 40) == 0;
	l.s.stirs = t_rand_below(r, 40) != 0;
	if (l.s.n == 0 || t_rand_below(r, 12) == 0)
		l.s.limits = NULL;
	if (t_rand_below(r, 15) == 0) {
		l.s.n = 0;
		l.s.limits = NULL;
	}
	return l;
}

static void
random_series(uint64_t seed)
{
	struct t_rng r = { seed };
	uint64_t calmness = 2 + t_rand_below(&r, 80);
	struct watchdog_sample truth = { .word = word(1, BEAT_IDLE),
		.limits = &limits[0] };

	random_limits(&r);
	memset(looks, 0, sizeof looks);
	memset(pieces, 0, sizeof pieces);
	serials = 1;
	begun = -1;
	start(truth.word);
	looks[0] = (struct look){ .at = now, .s = { .word = truth.word } };
	for (int i = 1; i <= LOOKS; i++) {
		if (t_rand_below(&r, calmness) == 0)
			act(&r, &truth);
		looks[i] = look_at(&r, &truth, looks[i - 1].at);
		now = looks[i].at;
		compare(i, step(looks[i].planned, &looks[i].s));
		if (looks[i].give)
			give(i);
	}
}

static void
as_the_reference_says(void)
{
	for (uint64_t i = 0; i < SERIES; i++)
		random_series(t_seed() * 1000 + i);
	/* Or it has compared nothing with nothing. */
	for (int b = 0; b < 7; b++)
		T_GT(said[b], 20);
}

T_MAIN(
	T_RUN(as_the_reference_says);
)
