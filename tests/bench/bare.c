/*
 * The consumer's side of the bare push list, and what is rare on the
 * producers'. How and why is said in bare.h.
 */
#include "bare.h"

#include <stdlib.h>

#include "system.h"

#define CHAIN    64           /* nodes that come back together */
#define SLAB     4096         /* nodes made at once in an unbounded home */
#define SPIN_MAX (20 * 1000u) /* ns */
#define SPIN_MIN \
	(1000u)       /* ns; low enough to be no cost, and still
                                  * long enough to see a steady stream */
#define SPIN_BURST 64 /* looks between two looks at the clock */
#define LINGER     32 /* pauses; about a microsecond */

/* The answer to a call; see bare_call(). */
enum {
	UNANSWERED,
	AWAITED,
	ANSWERED
};

/* ------------------------------------------------------ the consumer's side */

static bare_node *
reverse(bare_node *newest)
{
	bare_node *oldest = NULL;

	while (newest != NULL) {
		bare_node *older = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = older;
	}
	return oldest;
}

/* Gives back a chain, linked from `first` to `last`. */
static void
give_back(bare_home *home, bare_node *first, bare_node *last)
{
	/* Relaxed: nothing is read through it. Only the producer's take comes
	 * between, and makes the CAS fail. */
	bare_node *top =
	    atomic_load_explicit(&home->returned, memory_order_relaxed);

	do
		last->next = top;
	/* pair(bare-return) release: our reads of the nodes are over before
	 * the producer can write to them, and it sees the links. */
	while (!atomic_compare_exchange_weak_explicit(&home->returned, &top,
	    first, memory_order_release, memory_order_relaxed));
}

/* Runs a list, oldest first, and gives its nodes back. Not empty. */
static void
run(bare_node *n)
{
	bare_home *home = n->home;
	bare_node *first = NULL, *last = NULL;
	unsigned count = 0;

	while (n != NULL) {
		bare_node *next = n->next;

		/* The list was just walked to reverse it: the links are near,
		 * but a long list has pushed its own beginning out again. */
		if (next != NULL && next->next != NULL)
			__builtin_prefetch(next->next, 1);
		if (n->home != home || count == CHAIN) {
			give_back(home, first, last);
			home = n->home;
			first = NULL;
			count = 0;
		}
		n->run(&n->payload, n->user);
		if (first == NULL)
			last = n;
		n->next = first;
		first = n;
		count++;
		n = next;
	}
	give_back(home, first, last);
}

typedef enum haul {
	NOTHING,
	SINGLE,
	STREAM
} haul;

/* Takes and runs what is in the shards; tells how much that was. */
static haul
drain(bare *b)
{
	haul took = NOTHING;

	for (unsigned i = 0; i < BARE_SHARDS; i++) {
		bare_head *h = &b->shards[i];

		/* Relaxed: only whether to take. An empty head is not taken,
		 * because a take would fetch its line for writing. */
		if (atomic_load_explicit(&h->top, memory_order_relaxed) == NULL)
			continue;
		/* pair(bare-publish) acquire: what the producers wrote into
		 * the nodes. Every CAS on the head reads the one before it, so
		 * the newest push carries the older ones along. */
		bare_node *list = atomic_exchange_explicit(
		    &h->top, NULL, memory_order_acquire);

		took = took == NOTHING && list->next == NULL ? SINGLE : STREAM;
		run(reverse(list));
	}
	return took;
}

/* While spinning: is there anything? */
static bool
glance(bare *b)
{
	for (unsigned i = 0; i < BARE_SHARDS; i++)
		/* Relaxed: drain() takes properly. */
		if (atomic_load_explicit(
			&b->shards[i].top, memory_order_relaxed) != NULL)
			return true;
	return false;
}

/* Once the sleep has been announced. */
static bool
look(bare *b)
{
	for (unsigned i = 0; i < BARE_SHARDS; i++)
		/* pair(bare-park) seq_cst: the announcement, then the heads;
		 * see bare.h. */
		if (atomic_load_explicit(
			&b->shards[i].top, memory_order_seq_cst) != NULL)
			return true;
	return atomic_load_explicit(&b->closing, memory_order_seq_cst);
}

/* Looks for a while; tells whether something came. */
static bool
spin(bare *b, uint64_t budget_ns)
{
	uint64_t start = bench_clock_ns();

	do {
		for (unsigned i = 0; i < SPIN_BURST; i++) {
			if (glance(b))
				return true;
			bench_pause();
		}
		/* Producers may be waiting for this very processor. */
		bench_backoff_yield();
	} while (bench_clock_ns() - start < budget_ns);
	return glance(b);
}

/* The budget doubles when spinning was worth it, and halves when not. */
static bool
spin_adapting(bare *b)
{
	bool hit = spin(b, b->spin_ns);

	if (hit)
		b->spin_ns *= 2;
	else
		b->spin_ns /= 2;
	if (b->spin_ns > SPIN_MAX)
		b->spin_ns = SPIN_MAX;
	if (b->spin_ns < SPIN_MIN)
		b->spin_ns = SPIN_MIN;
	return hit;
}

static void
sleep_announced(bare *b)
{
	/* pair(bare-park) seq_cst: see bare.h. */
	atomic_store_explicit(&b->asleep, 1, memory_order_seq_cst);
	if (look(b)) {
		/* Relaxed: a producer that still sees the 1 makes a call in
		 * vain, no more. */
		atomic_store_explicit(&b->asleep, 0, memory_order_relaxed);
		return;
	}
	/* Relaxed: the kernel compares the word itself, and what woke us is
	 * read through the heads. */
	while (atomic_load_explicit(&b->asleep, memory_order_relaxed) == 1)
		bench_futex_wait(&b->asleep, 1);
}

static bool
is_closing(bare *b)
{
	/* pair(bare-close) acquire: nothing is submitted any more. */
	return atomic_load_explicit(&b->closing, memory_order_acquire);
}

static void
wait_for_work(bare *b)
{
	bench_backoff backoff = { 0 };

	switch (b->wait) {
	case BENCH_WAIT_SPIN:
		while (!glance(b) && !is_closing(b))
			bench_backoff_step(&backoff);
		return;
	case BENCH_WAIT_ADAPT:
		if (bench_cpu_count() > 1 && spin_adapting(b))
			return;
		break;
	case BENCH_WAIT_SLEEP:
		break;
	}
	sleep_announced(b);
}

static void
linger(void)
{
	for (unsigned i = 0; i < LINGER; i++)
		bench_pause();
}

static void *
consume(void *arg)
{
	bare *b = arg;

	for (;;) {
		switch (drain(b)) {
		case STREAM:
			linger();
			continue;
		case SINGLE:
			continue;
		case NOTHING:
			break;
		}
		if (is_closing(b))
			return NULL;
		wait_for_work(b);
	}
}

/* ------------------------------------------------------ the producers' side */

void
bare_wake(bare *b)
{
	/* Relaxed: picks the one who calls, and carries nothing. */
	if (atomic_exchange_explicit(&b->asleep, 0, memory_order_relaxed) == 0)
		return;
	bench_futex_wake(&b->asleep);
	/* Relaxed: a count. Beside a system call its cost is nothing. */
	atomic_fetch_add_explicit(&b->wakes, 1, memory_order_relaxed);
}

static void
add_slab(bare_home *home, size_t n)
{
	bare_slab *s = bench_alloc(sizeof(*s));

	s->slots = bench_alloc(n * sizeof(*s->slots));
	s->next = home->slabs;
	home->slabs = s;
	home->fresh = s->slots;
	home->fresh_end = s->slots + n;
}

static bare_node *
open_fresh(bare_home *home)
{
	bare_node *n = &home->fresh++->node;

	n->home = home;
	return n;
}

static bare_node *
take_returned(bare_home *home)
{
	/* Relaxed: only whether to take. */
	if (atomic_load_explicit(&home->returned, memory_order_relaxed) == NULL)
		return NULL;
	/* pair(bare-return) acquire: the consumer has finished with them. */
	return atomic_exchange_explicit(
	    &home->returned, NULL, memory_order_acquire);
}

/* The cache is empty. */
bare_node *
bare_take_slow(bare_home *home)
{
	bench_backoff backoff = { 0 };
	bare_node *n;

	while ((n = take_returned(home)) == NULL) {
		if (home->fresh != home->fresh_end)
			return open_fresh(home);
		if (home->bounded)
			bench_backoff_step(&backoff); /* all in flight */
		else
			add_slab(home, SLAB);
	}
	home->cache = n->next;
	return n;
}

/* -------------------------------------------------------------- round trips */

/* Runs on the consumer thread. */
static void
answer(const void *payload, void *user)
{
	bare_home *home = user;

	(void)payload;
	/* pair(bare-answer) release: what the handler did. The caller's step
	 * to AWAITED is on the same word, so one of the two sees the other:
	 * no seq_cst is needed here. */
	if (atomic_exchange_explicit(
		&home->answer, ANSWERED, memory_order_acq_rel) == AWAITED)
		bench_futex_wake(&home->answer);
}

static bool
answered(bare_home *home)
{
	/* pair(bare-answer) acquire. */
	return atomic_load_explicit(&home->answer, memory_order_acquire) ==
	    ANSWERED;
}

static void
await(bare_home *home)
{
	bench_backoff backoff = { 0 };
	uint32_t expected = UNANSWERED;

	if (home->owner->wait == BENCH_WAIT_SPIN) {
		while (!answered(home))
			bench_backoff_step(&backoff);
		return;
	}
	/* pair(bare-answer) acquire for when it fails, since then the word is
	 * ANSWERED. When it succeeds it carries nothing, but C11 does not
	 * allow the weaker order there. */
	if (!atomic_compare_exchange_strong_explicit(&home->answer, &expected,
		AWAITED, memory_order_acquire, memory_order_acquire))
		return;
	while (!answered(home))
		bench_futex_wait(&home->answer, AWAITED);
}

/* ---------------------------------------------------------------- public */

bare *
bare_open(bench_wait wait)
{
	bare *b = bench_alloc(sizeof(*b));

	b->wait = wait;
	b->spin_ns = SPIN_MAX;
	if (pthread_create(&b->thread, NULL, consume, b) != 0)
		bench_die("bare: no thread");
	return b;
}

void
bare_close(bare *b)
{
	/* pair(bare-close) release; seq_cst as one of the things look() looks
	 * at, pair(bare-park). */
	atomic_store_explicit(&b->closing, true, memory_order_seq_cst);
	bare_wake(b);
	pthread_join(b->thread, NULL);
	free(b);
}

bare_home *
bare_home_open(bare *b, unsigned in_flight)
{
	bare_home *home = bench_alloc(sizeof(*home));
	/* Relaxed: a ticket. */
	unsigned i =
	    atomic_fetch_add_explicit(&b->n_homes, 1, memory_order_relaxed);

	home->owner = b;
	home->shard = &b->shards[i % BARE_SHARDS];
	home->bounded = in_flight != 0;
	add_slab(home, home->bounded ? in_flight : SLAB);
	return home;
}

void
bare_home_close(bare_home *home)
{
	while (home->slabs != NULL) {
		bare_slab *s = home->slabs;

		home->slabs = s->next;
		free(s->slots);
		free(s);
	}
	free(home);
}

void
bare_call(bare_home *home, const bench_payload *payload)
{
	/* Relaxed: the push publishes it. */
	atomic_store_explicit(&home->answer, UNANSWERED, memory_order_relaxed);
	bare_submit(home, payload, answer, home);
	await(home);
}

uint64_t
bare_wakes(bare *b)
{
	return atomic_load_explicit(&b->wakes, memory_order_relaxed);
}
