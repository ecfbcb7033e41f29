/*
 * tests/unit/dog.h: the judge of a heartbeat with a clock of the test's own.
 *
 * A case is a table, and each row some looks that are alike: what was found,
 * how much later, and what comes of it. Whatever is looked at is also held to
 * what is true of every series of looks.
 */
#ifndef TESTS_UNIT_DOG_H
#define TESTS_UNIT_DOG_H

#include "t.h"

#include "event/watchdog.h"

#define MS   UINT64_C(1000000)
#define TICK (100 * MS)

#define PREPARE    WATCHDOG_PREPARE
#define BEGAN      WATCHDOG_BEGAN
#define ROSE       WATCHDOG_ROSE
#define GOES_ON    WATCHDOG_GOES_ON
#define ENDED      WATCHDOG_ENDED
#define OVERLOADED WATCHDOG_OVERLOADED
#define HELD       WATCHDOG_HELD
#define LOST       WATCHDOG_LOST
#define GAP        WATCHDOG_GAP
#define REPORTS    (BEGAN | ROSE | GOES_ON | ENDED)

#define SLOW    FERRY_LEVEL_SLOW
#define STALLED FERRY_LEVEL_STALLED
#define WEDGED  FERRY_LEVEL_WEDGED
#define FATAL   FERRY_LEVEL_FATAL

#define LOST_NS (1000 * MS)

static struct watchdog dog;
static uint64_t now;

/* A tick is a third of the lowest; calm must be 500 ms. */
static const struct watchdog_limits usual __attribute__((unused)) = {
	.level_ns = { 0, 300 * MS, 1000 * MS, 5000 * MS, 0 },
	.notify_level = STALLED,
};

/* Word of the nth beat, in this state. */
static inline uint64_t
word(uint64_t sequence, enum beat_state state)
{
	return sequence << 26 | UINT64_C(7) << 2 | state;
}

/* ---- what is true of every series ---- */

static struct {
	bool goes_on;
	uint64_t began_ns;
	uint32_t peak;
} episode;

static inline void
check_report(const struct watchdog_sample *s, struct watchdog_result r)
{
	uint32_t report = r.actions & REPORTS;
	enum beat_state state = ferry__beat_state(s->word);

	T_EQ(report & (report - 1), 0);
	if (report & BEGAN) {
		T_ASSERT(!episode.goes_on);
		T_EQ(state, BEAT_BUSY);
		T_GT(dog.level, 0);
		T_GE(dog.level, s->limits->notify_level);
		T_ASSERT(ferry__watchdog_age(&dog) >=
		    s->limits->level_ns[dog.level]);
		episode.goes_on = true;
		episode.began_ns = ferry__watchdog_age(&dog);
		episode.peak = dog.level;
	}
	if (report & (ROSE | GOES_ON)) {
		T_ASSERT(episode.goes_on && !dog.calm);
		T_EQ(state, BEAT_BUSY);
		T_EQ((report & ROSE) != 0, dog.level > episode.peak);
		if (report & ROSE)
			episode.peak = dog.level;
	}
	if (report & ENDED) {
		T_ASSERT(episode.goes_on);
		T_EQ(r.peak, episode.peak);
		T_ASSERT(r.lasted_ns >= episode.began_ns);
		episode.goes_on = false;
	}
	T_EQ(episode.goes_on, dog.announced);
}

static inline struct watchdog_result
step(uint64_t planned, const struct watchdog_sample *s)
{
	uint64_t passed = now > dog.looked_ns ? now - dog.looked_ns : 0;
	struct watchdog before = dog;
	bool nears = s->limits != NULL &&
	    ferry__watchdog_nears(&before, s->limits, planned);
	struct watchdog_result r =
	    ferry__watchdog_step(&dog, now, planned, LOST_NS, s);
	enum beat_state state = ferry__beat_state(s->word);

	T_EQ((r.actions & GAP) != 0,
	    planned <= UINT64_MAX / 2 && passed > planned + planned / 2);
	check_report(s, r);
	if (state == BEAT_IDLE) {
		T_EQ(ferry__watchdog_age(&dog), 0);
		T_ASSERT(!dog.announced);
	}
	if (state != BEAT_BUSY) {
		T_EQ(dog.level, 0);
		T_EQ(r.actions & (PREPARE | OVERLOADED), 0);
	}
	if (dog.announced && !dog.calm)
		T_ASSERT(r.actions & PREPARE);
	/* Who is told more of a piece was to look at it before. */
	if ((r.actions & (ROSE | GOES_ON)) != 0 && s->limits != NULL &&
	    before.known &&
	    before.pieces[before.n - 1].serial ==
	        dog.pieces[dog.n - 1].serial)
		T_ASSERT(nears);
	T_ASSERT(state == BEAT_IDLE || !(r.actions & LOST));
	return r;
}

static inline void
start(uint64_t w)
{
	now = 1000000 * MS;
	memset(&episode, 0, sizeof episode);
	ferry__watchdog_reset(&dog, now, w);
}

/* ---- tables ---- */

struct row {
	uint32_t times;        /* 0: once */
	/* The pieces, outermost first: each letter is one. "." is IDLE, "-"
	 * BUSY with nobody to be blamed; with "!" at its end it is EXEMPT. */
	const char *in;
	bool moves;            /* the word does, although these are as before */
	bool at_once;          /* no time has passed; else … */
	int32_t passed;        /* in ms; 0: a tick */
	uint32_t delay;
	uint32_t late;         /* the look took so long */
	bool held, stirs, blind;
	bool give;             /* "keep waiting", before */
	const struct watchdog_limits *limits; /* NULL: usual */
	/* Then, but for PREPARE; `each` at all looks, `says` at the last. */
	uint32_t each, says;
	bool prepares;
	uint32_t level, age;   /* ms */
	uint32_t peak, lasted; /* with ENDED */
	uint32_t suppressed;   /* with a report */
};

static uint64_t row_sequence;
static const char *row_in;
static size_t row_number;

/* Which row it was. */
void
t_on_fail(void)
{
	if (row_in != NULL)
		dprintf(2, "in row %zu, \"%s\"\n", row_number, row_in);
}

static inline struct watchdog_sample
sample_of(const struct row *r)
{
	size_t n = strlen(r->in);
	struct watchdog_sample s = { .delay_ns = r->delay * MS,
		.held = r->held, .stirs = r->stirs };
	enum beat_state state = BEAT_BUSY;

	if (r->in[n - 1] == '!') {
		state = BEAT_EXEMPT;
		n--;
	}
	if (r->in[0] == '.')
		state = BEAT_IDLE;
	s.word = word(row_sequence, state);
	if (r->in[0] == '.' || r->in[0] == '-')
		return s;
	s.n = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		s.serial[i] = (uint64_t)r->in[i];
	s.limits = r->limits != NULL ? r->limits : &usual;
	if (r->blind)
		s.limits = NULL;
	return s;
}

static inline void
row_ends(const struct row *row, struct watchdog_result r)
{
	/* HELD has a test of its own. */
	T_EQ(r.actions & ~(PREPARE | HELD), row->each | row->says);
	T_EQ((r.actions & PREPARE) != 0, row->prepares);
	T_EQ(dog.level, row->level);
	T_EQ(ferry__watchdog_age(&dog), row->age * MS);
	if (row->says & ENDED) {
		T_EQ(r.peak, row->peak);
		T_EQ(r.lasted_ns, row->lasted * MS);
	}
	if (row->says & REPORTS)
		T_EQ(r.suppressed, row->suppressed);
}

static inline void
run_row(const struct row *row)
{
	uint32_t times = row->times == 0 ? 1 : row->times;
	struct watchdog_sample s;
	struct watchdog_result r;

	if (row_in == NULL || row->moves || strcmp(row_in, row->in) != 0)
		row_sequence++;
	row_in = row->in;
	s = sample_of(row);
	if (row->give)
		ferry__watchdog_give(&dog);
	for (uint32_t i = 1; i <= times; i++) {
		if (row->passed != 0)
			now += (uint64_t)(int64_t)row->passed * MS;
		else if (!row->at_once)
			now += TICK;
		s.done_ns = now + row->late * MS;
		r = step(TICK, &s);
		if (i < times)
			T_EQ(r.actions & ~(PREPARE | HELD), row->each);
	}
	row_ends(row, r);
}

/* Each table begins with a thread that sleeps. */
static inline void
run_rows(const struct row *rows, size_t n)
{
	row_sequence = 1;
	row_in = NULL;
	start(word(1, BEAT_IDLE));
	for (size_t i = 0; i < n; i++) {
		row_number = i;
		run_row(&rows[i]);
	}
	row_in = NULL;
}

#define RUN(...) \
	do { \
		static const struct row rows[] = { __VA_ARGS__ }; \
		run_rows(rows, COUNT_OF(rows)); \
	} while (0)

#endif
