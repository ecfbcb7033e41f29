/*
 * The ledger of calls that were slow; see ledger.h.
 */
#include "ffi/ledger.h"

#include "ffi/context.h"
#include "ffi/reply.h"

struct ledger_slot {
	atom64 word; /* of entry k: k << 1; bit 0: it is being written */
	atom64 request;
	atom64 strand;
	atomp name;
	atom64 method_level; /* level << 32 | method */
	atom64 ended_ns;
	atom64 lasted_ns;
	atom64 seen;
};

#define WRITING 1u

/* ------------------------------------------------------------- the writer */

static struct ledger_slot *
ring_of(struct ledger *l)
{
	/* Relaxed: this thread's. */
	struct ledger_slot *ring = atomp_load_relaxed(&l->ring);

	if (ring != NULL)
		return ring;
	ring = calloc(LEDGER_ENTRIES, sizeof *ring);
	/* Relaxed: its words are zero until they are written, and a reader
	 * has seen `total` count one. */
	atomp_store_relaxed(&l->ring, ring);
	return ring;
}

/* pair(ledger-word) release: it is being written. */
static void
put(atom64 *word, uint64_t value)
{
	/* pair(ledger-word) release: as above. */
	atom64_store_release(word, value);
}

static void
fill(struct ledger_slot *slot, uint64_t k, const ferry_ledger_entry *e)
{
	/* Relaxed: whoever sees one of the words that come next, by their
	 * release, sees this. */
	atom64_store_relaxed(&slot->word, k << 1 | WRITING);
	put(&slot->request, e->request);
	put(&slot->strand, e->strand);
	/* pair(ledger-word) release, as the others. */
	atomp_store_release(&slot->name, (void *)(uintptr_t)e->method_name);
	put(&slot->method_level, (uint64_t)e->level << 32 | e->method);
	put(&slot->ended_ns, e->ended_ns);
	put(&slot->lasted_ns, e->lasted_ns);
	put(&slot->seen, e->seen);
	put(&slot->word, k << 1);
}

void
ferry__ledger_write(struct ledger *l, const ferry_ledger_entry *e)
{
	struct ledger_slot *ring = ring_of(l);
	/* Relaxed: this thread's. */
	uint64_t k = atom64_load_relaxed(&l->total.n) + 1;

	if (ring != NULL)
		fill(&ring[(k - 1) % LEDGER_ENTRIES], k, e);
	count_single_add(&l->level[e->level], 1);
	if (!e->seen)
		count_single_add(&l->unseen, 1);
	/* After the rest: who sees it counted finds it. */
	count_single_add(&l->total, 1);
}

void
ferry__ledger_close(struct ledger *l)
{
	/* Relaxed, all: nobody else has it. */
	free(atomp_load_relaxed(&l->ring));
	atomp_store_relaxed(&l->ring, NULL);
	for (uint32_t i = 0; i < LEDGER_LEVELS; i++)
		atom64_store_relaxed(&l->level[i].n, 0);
	atom64_store_relaxed(&l->unseen.n, 0);
	atom64_store_relaxed(&l->total.n, 0);
}

/* ------------------------------------------------------------- the reader */

static uint64_t
get(const atom64 *word)
{
	/* pair(ledger-word) acquire: WRITING, if this is of a later entry. */
	return atom64_load_acquire(word);
}

/* False: it is not there, or not any more. */
static bool
copy(ferry_ledger_entry *out, const struct ledger_slot *slot, uint64_t k)
{
	uint64_t both;

	if (get(&slot->word) != k << 1)
		return false;
	both = get(&slot->method_level);
	*out = (ferry_ledger_entry){
		.request = get(&slot->request),
		.strand = get(&slot->strand),
		/* pair(ledger-word) acquire, as get(). */
		.method_name = atomp_load_acquire(&slot->name),
		.method = (uint32_t)both,
		.level = (uint32_t)(both >> 32),
		.ended_ns = get(&slot->ended_ns),
		.lasted_ns = get(&slot->lasted_ns),
		.seen = (uint32_t)get(&slot->seen),
	};
	return get(&slot->word) == k << 1;
}

uint32_t
ferry__ledger_read(ferry_ledger_entry *items, uint32_t capacity,
    uint64_t *out_total, const struct ledger *l)
{
	uint64_t total = count_read(&l->total.n), k = total;
	/* Relaxed: stored before the first was counted. */
	const struct ledger_slot *ring = atomp_load_relaxed(&l->ring);
	uint32_t n = 0;

	*out_total = total;
	while (ring != NULL && k != 0 && n < capacity &&
	    total - k < LEDGER_ENTRIES) {
		if (copy(&items[n], &ring[(k - 1) % LEDGER_ENTRIES], k))
			n++;
		k--;
	}
	return n;
}

int
ferry_context_ledger(ferry_ledger_entry *items, uint32_t capacity,
    uint64_t *out_total, ferry_context context)
{
	struct context *c;
	uint64_t total;
	int r = ferry__context_find(&c, context);

	if (r != FERRY_OK)
		return r;
	if (items == NULL || capacity == 0 || capacity > INT32_MAX)
		return FERRY_EINVAL;
	ferry__reply_enter(c);
	r = ferry__context_check(c, context);
	if (r == FERRY_OK)
		r = (int)ferry__ledger_read(
		    items, capacity, &total, &c->ledger);
	ferry__reply_leave(c);
	if (r >= 0 && out_total != NULL)
		*out_total = total;
	return r;
}
