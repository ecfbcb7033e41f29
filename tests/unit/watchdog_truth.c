/*
 * The judge of a heartbeat against the truth: a thread that lives on a clock
 * of its own, with calls, scopes and exemptions, and is stopped, held and
 * starved; an observer that is held up before, between and during its looks.
 *
 * However badly it looks, no age is more than the piece has had, and no call
 * that keeps to its limit is blamed. If it looks well, none that does not goes
 * unseen for more than two ticks.
 */
#include "dog.h"

#define LIVES 300
#define LOOKS 400

static struct watchdog_limits limits;
static uint64_t level, tick;

static struct t_rng rng;

static uint64_t
below(uint64_t n)
{
	return t_rand_below(&rng, n);
}

static bool
one_in(uint64_t n)
{
	return below(n) == 0;
}

/* ---- the thread ---- */

struct piece {
	uint64_t serial;
	uint64_t wall;         /* innermost, and not exempt */
	uint64_t ran;          /* of that: not held, and had a processor */
	uint64_t unseen;       /* holds of which no look could know */
};

static struct {
	uint64_t sequence;
	enum beat_state state;
	uint32_t n;
	struct piece pieces[WATCHDOG_PIECES];
	uint64_t serials;
	uint64_t change;       /* so long until it does something else */
	bool lasts;            /* it does nothing else any more */
	bool obeys;            /* no piece takes as long as its level */
	uint64_t starved;      /* since the last look */
	uint64_t share;        /* of 16, that it gets of a processor */
	uint64_t hold;         /* it is held for so long still */
	bool seen;             /* at a look */
} thread;

static struct piece *
inner(void)
{
	return &thread.pieces[thread.n - 1];
}

static void
push(void)
{
	thread.pieces[thread.n++] =
	    (struct piece){ .serial = ++thread.serials };
}

static void
beat(enum beat_state state)
{
	thread.sequence++;
	thread.state = state;
}

/* It does something else; many a time more than one thing at once. */
static void
act(void)
{
	uint64_t what = below(10);

	if (what < 2 || thread.n == 0) {
		thread.n = 0;
		if (one_in(3)) {
			beat(BEAT_IDLE);
		} else {
			push();
			beat(BEAT_BUSY);
		}
	} else if (what < 5 && thread.n < WATCHDOG_PIECES) {
		push();
		beat(BEAT_BUSY);
	} else if (what < 8 && thread.n > 1) {
		thread.n--;
		beat(BEAT_BUSY);
	} else {
		beat(what == 8 ? BEAT_EXEMPT : BEAT_BUSY);
	}
}

/* Of a piece that obeys: the rest of what it may have. */
static void
plan(void)
{
	uint64_t rest = thread.n == 0 ? level : level - 1 - inner()->wall;

	while (thread.n != 0 && thread.obeys && rest == 0) {
		thread.n--;
		beat(thread.n == 0 ? BEAT_IDLE : BEAT_BUSY);
		rest = thread.n == 0 ? level : level - 1 - inner()->wall;
	}
	thread.change = 1 + below(level);
	if (one_in(3))
		thread.change = 1 + below(tick);
	if (thread.obeys && (thread.change > rest || one_in(2)))
		thread.change = rest;
}

/* `ns` pass, in which it does nothing else. */
static void
last_for(uint64_t ns)
{
	uint64_t runs = ns * thread.share / 16;

	now += ns;
	if (thread.hold > 0)
		runs = 0;
	else
		thread.starved += ns - runs;
	if (thread.n == 0 || thread.state != BEAT_BUSY)
		return;
	inner()->wall += ns;
	inner()->ran += runs;
}

static void
end_hold(void)
{
	if (!thread.seen && thread.n > 0)
		inner()->unseen++;
	thread.seen = false;
}

static void
live(uint64_t ns)
{
	while (ns > 0) {
		uint64_t part = ns;

		if (thread.hold > 0 && thread.hold < part)
			part = thread.hold;
		else if (thread.hold == 0 && !thread.lasts &&
		    thread.change < part)
			part = thread.change;
		last_for(part);
		ns -= part;
		if (thread.hold > 0) {
			thread.hold -= part;
			if (thread.hold == 0)
				end_hold();
		} else if (!thread.lasts && (thread.change -= part) == 0) {
			act();
			plan();
		}
	}
}

/* ---- the observer ---- */

/* One look, for which it is held up before and after it sees the thread, and
 * that may fail to see what that has in hand. */
static struct watchdog_result
look(uint64_t before, uint64_t after, bool fails)
{
	uint64_t at = now, done;
	struct watchdog_sample s = { .n = 0 };
	struct watchdog_result r;

	live(before);
	s.held = thread.hold > 0;
	thread.seen |= s.held;
	s.word = word(thread.sequence, thread.state);
	s.n = thread.state == BEAT_IDLE || fails ? 0 : thread.n;
	for (uint32_t i = 0; i < s.n; i++)
		s.serial[i] = thread.pieces[i].serial;
	s.limits = s.n == 0 ? NULL : &limits;
	s.delay_ns = thread.starved;
	thread.starved = 0;
	live(after);
	done = now;
	s.done_ns = done;
	now = at;
	r = step(tick, &s);
	now = done;
	return r;
}

static void
check_ages(void)
{
	for (uint32_t i = 0; i < dog.n && i < thread.n; i++) {
		struct watchdog_piece *p = &dog.pieces[i];
		struct piece *t = &thread.pieces[i];

		if (p->serial != t->serial)
			return;
		T_LE(p->age_ns, t->wall);
		T_LE(p->age_ns + p->starved_ns, t->wall);
		T_LE(p->age_ns, t->ran + t->unseen * (tick + tick / 2));
	}
}

static void
new_world(uint64_t seed)
{
	rng.state = seed;
	level = (3 + below(3000)) * MS;
	tick = level / 3;
	limits = (struct watchdog_limits){
		.level_ns = { 0, level, 0, 0, 0 },
		.notify_level = 1,
	};
	memset(&thread, 0, sizeof thread);
	thread.share = 16;
	start(word(0, BEAT_IDLE));
	plan();
}

/* An observer as bad as they come. */
static struct watchdog_result
look_badly(void)
{
	live(tick / 2 + below(tick));
	if (one_in(10))
		live(below(20 * tick));
	if (one_in(10))
		thread.share = 1 + below(16);
	return look(one_in(5) ? below(2 * tick) : 0,
	    one_in(5) ? below(2 * tick) : 0, one_in(20));
}

/* Calls that all come back in time, just so. */
static void
no_false_alarm(void)
{
	uint64_t oldest = 0;

	for (uint64_t i = 0; i < LIVES; i++) {
		new_world(t_seed() * 10000 + i);
		thread.obeys = true;
		for (int l = 0; l < LOOKS; l++) {
			struct watchdog_result r = look_badly();

			T_EQ(r.actions & (REPORTS | OVERLOADED | LOST), 0);
			check_ages();
			if (ferry__watchdog_age(&dog) * 100 / level > oldest)
				oldest = ferry__watchdog_age(&dog) * 100 /
				    level;
		}
	}
	/* They did come near to it. */
	T_GE(oldest, 90);
}

/* Held, stopped, starved: none of it is in an age. */
static void
no_age_but_its_own(void)
{
	for (uint64_t i = 0; i < LIVES; i++) {
		new_world(t_seed() * 20000 + i);
		for (int l = 0; l < LOOKS; l++) {
			if (one_in(10))
				thread.hold = 1 +
				    below(one_in(2) ? tick : 20 * tick);
			look_badly();
			check_ages();
		}
	}
}

/* ---- what must be seen ---- */

/* Looks each tick; what it looks at is there, and so is its processor. */
static void
look_well(void)
{
	live(tick);
	look(0, 0, false);
}

/* Something that stays, as a call or as a scope, at any time. */
static void
stay(void)
{
	live(below(tick));
	if (thread.n == WATCHDOG_PIECES || one_in(2))
		thread.n = 0;
	push();
	beat(BEAT_BUSY);
	thread.lasts = true;
}

static void
stall_is_seen(void)
{
	uint64_t at;

	live(dog.looked_ns + tick - now);
	look(0, 0, false);
	/* Each look must see it that comes a tick and the level after it
	 * began; between two of them there is one more. */
	do {
		at = now;
		if (one_in(4))
			thread.share = 1 + below(16);
		look_well();
		T_EQ(now, at + tick);
		if (inner()->ran >= level + tick)
			T_ASSERT(dog.announced && !dog.calm);
	} while (!dog.announced || dog.calm || inner()->ran < 5 * level);
	T_GE(dog.level, 1);
}

/* No matter what there was before: other stalls, and calm just now. */
static void
no_stall_goes_unseen(void)
{
	for (uint64_t i = 0; i < LIVES; i++) {
		new_world(t_seed() * 30000 + i);
		thread.obeys = one_in(2);
		for (uint64_t l = below(LOOKS / 4); l > 0; l--)
			look_well();
		stay();
		stall_is_seen();
	}
}

/* Three looks at a stall have been prepared, the last one announces it; fewer
 * only if it came to be innermost again shortly before. */
static void
evidence_before_each(void)
{
	uint32_t prepared = 0, still = 0, begun = 0;
	uint64_t last = 0;

	new_world(t_seed());
	for (int i = 0; i < 50 * LOOKS; i++) {
		uint32_t actions;

		live(tick);
		actions = look(0, 0, false).actions;
		prepared = actions & PREPARE ? prepared + 1 : 0;
		still = dog.word == last ? still + 1 : 1;
		last = dog.word;
		if ((actions & BEGAN) && still >= 3) {
			T_GE(prepared, 3);
			begun++;
		}
	}
	T_GT(begun, 20);
}

T_MAIN(
	T_RUN(no_false_alarm);
	T_RUN(no_age_but_its_own);
	T_RUN(no_stall_goes_unseen);
	T_RUN(evidence_before_each);
)
