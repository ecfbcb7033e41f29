/*
 * The registry of what runs; see registry.h, where the argument is.
 *
 * Threads: enter and leave, the worker's FFI thread; reading, any.
 */
#include "ffi/registry.h"

#include <sched.h>

#include "ffi/alloc.h"

/* A write takes some nanoseconds. One that takes longer has lost its
 * processor, maybe to the reader. */
#define TRIES  64u
#define YIELDS 8u

_Static_assert(REGISTRY_STATES < 128, "a state has seven bits");

/* ------------------------------------------------------------- the writer */

static uint32_t
limit_of(const struct registry *r)
{
	if (r->limit == 0)
		return REGISTRY_LIMIT;
	return r->limit < REGISTRY_MOST ? r->limit : REGISTRY_MOST;
}

static COLD bool
grow(struct registry *r)
{
	uint32_t more = REGISTRY_FIRST << r->n_chunks;
	uint32_t left = limit_of(r) - r->room;
	void *chunk;

	if (more > left)
		more = left;
	if (more == 0)
		return false;
	chunk = ferry__alloc_for_ever(more * sizeof(struct registry_slot));
	if (chunk == NULL)
		return false;
	/* Relaxed: readers find it by `used`. */
	atomp_store_relaxed(&r->chunk[r->n_chunks++], chunk);
	r->room += more;
	return true;
}

COLD struct registry_slot *
ferry__registry_fresh(struct registry *r)
{
	/* Relaxed: the writer's own, all of it. */
	uint32_t used = atom32_load_relaxed(&r->used), before;
	struct registry_slot *slot;

	if (used == r->room && !grow(r)) {
		atom64_store_relaxed(
		    &r->unlisted, atom64_load_relaxed(&r->unlisted) + 1);
		count_single_add(&r->overflow, 1);
		return NULL;
	}
	slot = atomp_load_relaxed(&r->chunk[r->n_chunks - 1]);
	before = REGISTRY_FIRST * ((1u << (r->n_chunks - 1)) - 1);
	/* pair(registry) release: the chunk, zeroed: nobody is in it. */
	atom32_store_release(&r->used, used + 1);
	return &slot[used - before];
}

COLD void
ferry__registry_leave_unlisted(struct registry *r)
{
	/* Relaxed: a number for people. */
	atom64_store_relaxed(
	    &r->unlisted, atom64_load_relaxed(&r->unlisted) - 1);
}

/* ----------------------------------------------------------------- readers */

static uint64_t
get(const atom64 *word)
{
	/* pair(registry-word) acquire: before the second look. */
	return atom64_load_acquire(word);
}

/* Whether it has seen one write's words, all of them. */
static bool
look(struct registry_entry *e, const struct registry_slot *slot)
{
	/* pair(registry-word) acquire: the words of this count. */
	uint64_t word = atom64_load_acquire(&slot->word);

	e->state = (enum registry_state)(word >> 1 & 127);
	if ((word & REGISTRY_WRITING) != 0)
		return false;
	if (e->state == REGISTRY_FREE)
		return true;
	e->progress_ns = get(&slot->progress_ns);
	e->what = get(&slot->what);
	e->strand = get(&slot->strand);
	e->request = get(&slot->request);
	e->context = get(&slot->context);
	e->spawned_ns = get(&slot->spawned_ns);
	/* pair(registry-word) acquire, both, as the others. */
	e->name = atomp_load_acquire(&slot->name);
	e->method = atom32_load_acquire(&slot->method);
	/* Relaxed: not before the loads above, by their acquire. */
	return atom64_load_relaxed(&slot->word) == word;
}

/* False: somebody is in the middle of writing it, for as long as this. */
static bool
read_slot(struct registry_entry *e, const struct registry_slot *slot)
{
	for (unsigned n = 0;; n++) {
		for (unsigned i = 0; i < TRIES; i++) {
			if (look(e, slot))
				return true;
			cpu_relax();
		}
		if (n == YIELDS)
			return false;
		sched_yield();
	}
}

void
ferry__registry_read(struct registry_sum *out, const struct registry *r,
    ferry__registry_visit visit, void *arg)
{
	/* pair(registry) acquire: the chunks of so many. */
	uint32_t left = atom32_load_acquire(&r->used);
	struct registry_entry e;

	out->listed = out->skipped = 0;
	for (unsigned c = 0; left != 0; c++) {
		/* Relaxed: came with `used`. */
		const struct registry_slot *slot =
		    atomp_load_relaxed(&r->chunk[c]);
		uint32_t n = REGISTRY_FIRST << c;

		if (n > left)
			n = left;
		left -= n;
		for (; n != 0; n--, slot++) {
			if (!read_slot(&e, slot)) {
				out->skipped++;
			} else if (e.state != REGISTRY_FREE) {
				out->listed++;
				visit(&e, arg);
			}
		}
	}
	out->overflow = count_read(&r->overflow.n);
	/* Relaxed: a number for people. */
	out->unlisted = atom64_load_relaxed(&r->unlisted);
}

struct oldest {
	struct registry_entry *entries;
	size_t capacity;
	size_t n;
	uint64_t context;
	uint64_t seen;
};

static bool
is_older(const struct registry_entry *a, const struct registry_entry *b)
{
	if (a->spawned_ns != b->spawned_ns)
		return a->spawned_ns < b->spawned_ns;
	return a->strand < b->strand;
}

static void
keep_if_old(const struct registry_entry *e, void *arg)
{
	struct oldest *o = arg;
	size_t i;

	if (o->context != 0 && e->context != o->context)
		return;
	o->seen++;
	if (o->n < o->capacity)
		o->n++;
	else if (o->n == 0 || !is_older(e, &o->entries[o->n - 1]))
		return;
	for (i = o->n - 1; i > 0 && is_older(e, &o->entries[i - 1]); i--)
		o->entries[i] = o->entries[i - 1];
	o->entries[i] = *e;
}

size_t
ferry__registry_oldest(struct registry_entry *out, struct registry_sum *out_sum,
    size_t capacity, const struct registry *r, uint64_t context)
{
	struct oldest o = { .entries = out, .capacity = capacity,
		.context = context };

	ferry__registry_read(out_sum, r, keep_if_old, &o);
	out_sum->listed = o.seen;
	return o.n;
}

const char *
ferry__registry_state_name(enum registry_state state)
{
	static const char *const names[REGISTRY_STATES] = {
		[REGISTRY_FREE] = "free",
		[REGISTRY_READY] = "ready",
		[REGISTRY_RUNNING] = "running",
		[REGISTRY_SLEEPING] = "sleeping",
		[REGISTRY_AWAITING] = "awaiting",
		[REGISTRY_OFFLOADED] = "offloaded",
		[REGISTRY_POLLING] = "polling",
	};

	return state < REGISTRY_STATES ? names[state] : "?";
}
