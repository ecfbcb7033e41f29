/*
 * tests/stress/reckon.h: what became of all that living.h's strands did, and
 * what the counters have to say to that.
 */
#ifndef RECKON_H
#define RECKON_H


#include "living.h"
#include "proc.h"

static atomic_ullong snapshots;

static inline uint64_t
ends(const ferry_strands *s)
{
	return s->completed + s->failed + s->cancelled + s->lost;
}

/* False: the context has gone. */
static inline int
snapshot(ferry_strands *out, ferry_context context)
{
	ferry_counters c = {.struct_size = sizeof c};
	int r;

	*out = (ferry_strands){.struct_size = sizeof *out};
	r = ferry_strand_counters(out, context);
	if (r == FERRY_OK)
		r = ferry_context_counters(&c, context);
	if (r != FERRY_OK) {
		T_EQ(r, FERRY_ESTALE);
		return 0;
	}
	T_EQ(out->spawned, out->active + ends(out));
	T_LE(out->active, account.room);
	/* Read later: a strand is a started request, and ends as one. */
	fx_balance(&c);
	T_LE(out->spawned + out->refused, c.started);
	T_LE(c.running, account.room);
	T_LE(c.queued, account.room);
	atomic_fetch_add(&snapshots, 1);
	return 1;
}

/* ------------------------------------------------------------ the account */

/* Nothing runs in either, nor in the pool, and nothing has come meanwhile. */
static inline void
await_rest(void)
{
	uint64_t before, after;

	do {
		before = atomic_load(&account.next);
		for (int k = 0; k < WORLDS; k++)
			fx_rest(living.world[k].context);
		for (unsigned i = 0; i < atomic_load(&living.n_offs); i++)
			T_WAIT_UNTIL(atomic_load(&living.offs[i].ended) ==
			    atomic_load(&living.offs[i].began), FX_LIMIT_MS);
		after = atomic_load(&account.next);
	} while (before != after);
}

/* The contexts have closed: a pool's thread ends when it has done with what
 * was left behind. A lost strand's function may have been, and nobody has been
 * told; what it was given may be used again when that is over. */
static inline void
await_pool(void)
{
	T_WAIT_UNTIL(t_threads_called("ferry-offload") == 0, FX_LIMIT_MS);
	/* What they did comes before what follows here. */
	(void)atomic_load(&living.n_left);
}

/* Whom each function was answered to; of lost strands it is not known. */
static inline void
check_offs(void)
{
	for (unsigned i = 0; i < atomic_load(&living.n_offs); i++) {
		struct off *o = &living.offs[i];
		int began = atomic_load(&o->began);

		T_EQ(atomic_load(&o->ended), began);
		if (atomic_load(&o->answered)) {
			T_EQ(began, 1);
			T_EQ(atomic_load(&o->left), 0);
		} else if (atomic_load(&o->given_up)) {
			T_EQ(atomic_load(&o->left), 1);
		} else if (!atomic_load(&living.lives[o->owner].returned)) {
			/* Left behind, or it ended before its strand did. */
			T_ASSERT(!o->may_be_left || began ||
			    atomic_load(&o->left));
		} else {
			T_EQ(o->may_be_left, 0);
			T_EQ(began, 0);
		}
	}
}

/* Not ended, though accepted: given up, or its parent was lost. */
static inline int
is_excused(uint64_t tag)
{
	struct life *l = &living.lives[tag];
	uint64_t parent = atomic_load(&l->parent);

	return atomic_load(&l->given_up) ||
	    (parent != 0 && !atomic_load(&living.lives[parent - 1].returned));
}

static inline uint64_t
check_tags(uint64_t not_run)
{
	uint64_t n = atomic_load(&account.next), missing = 0, accepted = 0;

	for (uint64_t i = 0; i < n; i++) {
		struct tag *t = &account.tags[i];

		if (atomic_load(&t->submit) != ACCEPTED) {
			T_EQ(atomic_load(&t->started), 0);
			T_EQ(atomic_load(&t->ended), 0);
			continue;
		}
		accepted++;
		T_EQ(atomic_load(&t->freed), atomic_load(&t->adopted));
		if (atomic_load(&t->ended) != 0 || is_excused(i))
			continue;
		if (!atomic_load(&t->by_callback))
			T_FAIL("tag %ju has not ended", (uintmax_t)i);
		missing++;
	}
	T_EQ(missing, not_run);
	return accepted;
}

struct sums {
	uint64_t accepted, started, spawned, completed, failed, cancelled;
	uint64_t lost, told_lost;
};

static inline struct sums
sum_up(unsigned world)
{
	uint64_t n = atomic_load(&account.next);
	struct sums s = {0};

	for (uint64_t i = 0; i < n; i++) {
		struct tag *t = &account.tags[i];
		struct life *l = &living.lives[i];
		int said = atomic_load(&l->said);

		if (atomic_load(&t->submit) != ACCEPTED ||
		    atomic_load(&l->world) != world)
			continue;
		s.accepted++;
		s.started += atomic_load(&t->started);
		if (!atomic_load(&l->strand) || !atomic_load(&t->started))
			continue;
		s.spawned++;
		if (!atomic_load(&l->returned)) {
			s.lost++;
			s.told_lost +=
			    atomic_load(&t->status) == FERRY_ELOST;
		} else if (said == FERRY_ECANCELED) {
			s.cancelled++;
		} else {
			s.completed += said == FERRY_OK;
			s.failed += said != FERRY_OK;
		}
	}
	return s;
}

/* What the counters say of a context at rest, and what was seen of it. */
static inline void
compare(unsigned k, int shared)
{
	struct sums sums = sum_up(k);
	ferry_counters c = fx_counters(living.world[k].context);
	ferry_strands s;
	unsigned exits = atomic_load(&living.world[k].exits);

	if (shared)
		exits += atomic_load(&living.world[1 - k].exits);
	T_ASSERT(snapshot(&s, living.world[k].context));
	T_EQ(s.active, 0);
	T_EQ(s.spawned, sums.spawned);
	T_EQ(s.completed, sums.completed);
	T_EQ(s.failed, sums.failed);
	T_EQ(s.cancelled, sums.cancelled);
	T_EQ(s.lost, sums.lost);
	T_EQ(c.submitted - c.refused, sums.accepted);
	T_EQ(c.started, sums.started + s.refused);
	T_EQ(c.late_replies, 0);
	T_EQ(c.threads_lost, exits);
	T_LE(c.ended_lost, sums.lost);
	T_GE(c.ended_lost, sums.told_lost);
	T_EQ(fx_ended(&c), c.started);
}

#endif
