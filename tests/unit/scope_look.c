/*
 * A look at the stack of scopes while it changes: on another thread, and in the
 * middle of the look.
 */
#include <signal.h>
#include <stdbool.h>
#include <sys/time.h>

#include "t.h"

#include "ffi/scope.h"

static struct scopes s;
static struct beat b;

enum { SLOT = 77 };

static uint64_t
word(void)
{
	return ferry__beat_look(&b);
}

static void
clear(void)
{
	memset(&s, 0, sizeof s);
	memset(&b, 0, sizeof b);
}

/* ----------------------------------------------- in the middle of a look */

/* A change that begins in the middle of a look, wherever that is, and stops in
 * the middle itself: a signal handler is the writer. */
static volatile sig_atomic_t looking, halved;

enum { HALVES = 300 };

static void
change_half(int signo)
{
	(void)signo;
	if (!looking || halved)
		return;
	halved = 1;
	atom64_store_relaxed(&s.lock, atom64_load_relaxed(&s.lock) + 1);
	for (int i = 0; i < FERRY_SCOPES_MOST; i++)
		atom64_store_relaxed(&s.at[i].limit_ms,
		    atom64_load_relaxed(&s.at[i].limit_ms) + 1);
}

static void
look_once(void)
{
	struct scope_view v;
	bool whole;

	looking = 1;
	whole = ferry__scope_look(&v, &s, word());
	looking = 0;
	for (int i = 1; whole && i < FERRY_SCOPES_MOST; i++)
		T_EQ(v.at[i].limit_ms, v.at[0].limit_ms);
}

static void
half_a_change_is_not_seen(void)
{
	const struct itimerval often = {{0, 50}, {0, 50}};
	const struct itimerval never = {{0, 0}, {0, 0}};
	struct sigaction a = {.sa_handler = change_half};

	if (T_TSAN)
		T_SKIP_CASE("ThreadSanitizer puts signals off");
	clear();
	ferry__beat(&b, SLOT);
	ferry__scope_begin(&s, &b);
	for (int i = 0; i < FERRY_SCOPES_MOST; i++)
		T_ASSERT(ferry__scope_push(&s, &b, "x", 1));
	T_OK(sigaction(SIGALRM, &a, NULL));
	T_OK(setitimer(ITIMER_REAL, &often, NULL));
	for (int n = 0; n < HALVES; n += halved) {
		halved = 0;
		look_once();
		if (halved)
			atom64_store_relaxed(
			    &s.lock, atom64_load_relaxed(&s.lock) + 1);
	}
	T_OK(setitimer(ITIMER_REAL, &never, NULL));
	/* Some deliver what is pending late. */
	a.sa_handler = SIG_IGN;
	T_OK(sigaction(SIGALRM, &a, NULL));
}

/* ------------------------------------------- a reader against the writer */

enum { CHANGES = 100000, CHANGES_TSAN = 20000 };

/* What belongs to each beat; written before it. */
static struct truth {
	uint64_t hold, extended_ms;
	uint32_t n;
	uint32_t of[FERRY_SCOPES_MOST]; /* the change that pushed each */
	uint64_t limit_ms[FERRY_SCOPES_MOST];
} truths[CHANGES + 1];

static atomic_int ended;

static unsigned
changes(void)
{
	return T_TSAN ? CHANGES_TSAN : CHANGES;
}

static void
write_one(struct t_rng *rng, struct truth *now, unsigned i)
{
	uint64_t what = t_rand_below(rng, 8);
	char name[FERRY_SCOPE_NAME + 1];

	snprintf(name, sizeof name, "%u", i);
	if (what == 0) {
		*now = (struct truth){.hold = i};
		truths[i] = *now;
		ferry__beat(&b, SLOT);
		ferry__scope_begin(&s, &b);
	} else if (what == 1) {
		*(now->n == 0 ? &now->extended_ms
		              : &now->limit_ms[now->n - 1]) += i;
		truths[i] = *now;
		ferry__scope_extend(&s, &b, i, name);
	} else if (what < 5 && now->n != 0) {
		now->n--;
		truths[i] = *now;
		T_ASSERT(ferry__scope_pop(&s, &b));
	} else if (now->n < FERRY_SCOPES_MOST) {
		now->limit_ms[now->n] = i;
		now->of[now->n++] = i;
		truths[i] = *now;
		T_ASSERT(ferry__scope_push(&s, &b, name, i));
	} else {
		now->n = 0;
		truths[i] = *now;
		ferry__scope_pop_all(&s, &b);
	}
}

static void *
write_all(void *arg)
{
	struct t_rng rng = {t_seed()};
	struct truth now = {.hold = 1};

	truths[1] = now;
	ferry__beat(&b, SLOT);
	ferry__scope_begin(&s, &b);
	for (unsigned i = 2; i <= changes(); i++)
		write_one(&rng, &now, i);
	atomic_store(&ended, 1);
	return arg;
}

static void
check(const struct scope_view *got, const struct truth *t)
{
	char name[FERRY_SCOPE_NAME + 1];

	T_EQ(got->hold, t->hold);
	T_EQ(got->extended_ms, t->extended_ms);
	T_EQ(got->n, t->n);
	for (uint32_t i = 0; i < t->n; i++) {
		snprintf(name, sizeof name, "%u", t->of[i]);
		T_STR(got->at[i].name, name);
		T_EQ(got->at[i].limit_ms, t->limit_ms[i]);
	}
}

static void *
read_all(void *arg)
{
	struct scope_view got;
	uint64_t seen = 0;

	while (!atomic_load(&ended)) {
		uint64_t w = word();

		if (ferry__beat_sequence(w) == 0 ||
		    !ferry__scope_look(&got, &s, w) || word() != w)
			continue;
		check(&got, &truths[ferry__beat_sequence(w)]);
		seen++;
	}
	/* At rest. */
	T_ASSERT(ferry__scope_look(&got, &s, word()));
	check(&got, &truths[ferry__beat_sequence(word())]);
	*(uint64_t *)arg = seen;
	return NULL;
}

static void
what_is_seen_was_so(void)
{
	uint64_t seen[2] = {0};
	pthread_t reader[2], writer;

	clear();
	atomic_store(&ended, 0);
	for (int i = 0; i < 2; i++)
		reader[i] = t_thread_start(read_all, &seen[i]);
	writer = t_thread_start(write_all, NULL);
	t_thread_join(writer);
	for (int i = 0; i < 2; i++)
		t_thread_join(reader[i]);
	dprintf(1, "seen %ju and %ju times\n", (uintmax_t)seen[0],
	    (uintmax_t)seen[1]);
}

T_MAIN(
	T_RUN(half_a_change_is_not_seen);
	T_RUN(what_is_seen_was_so);
)
