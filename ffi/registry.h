/*
 * The registry of what runs: which strands a worker has just now, readable
 * from any thread, also when the worker is wedged. One writer, the worker's
 * FFI thread (or its successor), which no reader delays; any number of
 * readers, who take no lock.
 *
 * An entry keeps its slot from enter to leave. Slots lie in chunks that are
 * never given back, each twice as large as the one before; `used` slots have
 * been in use, and only those does a reader look at: pair(registry). So one
 * look, slot by slot, sees whoever lived throughout once, and those who came
 * or went meanwhile once or not at all.
 *
 * A slot's words belong together by a sequence lock:
 *
 *	63      8 7     1       0
 *	| count  | state | WRITING |     enum registry_state; 0: free
 *
 * The writer sets WRITING, stores the words with release, and stores the next
 * count with the new state. A reader loads `word`, then the others with
 * acquire, then `word` again. If one of them was of a later write, its acquire
 * has that write's WRITING come before the second load, which sees it or a
 * later count: pair(registry-word). If one was of an earlier write, the first
 * load would not have been of this count. A count never comes again, so
 * nothing that left is mixed with what came into its slot. Modelled in
 * tests/model/registry.pml.
 *
 * A writer that is stopped in the middle has one slot WRITING: readers try for
 * a moment and pass over it, counted.
 */
#ifndef FERRY_FFI_REGISTRY_H
#define FERRY_FFI_REGISTRY_H

#include "ffi/atomic.h"

enum registry_state {
	REGISTRY_FREE,      /* no entry; not for enter() and state() */
	REGISTRY_READY,     /* will be resumed */
	REGISTRY_RUNNING,
	REGISTRY_SLEEPING,  /* `what`: when it will be woken, ns */
	REGISTRY_AWAITING,  /* `what`: a request */
	REGISTRY_OFFLOADED, /* to the worker pool */
	REGISTRY_POLLING,   /* `what`: a descriptor */
	REGISTRY_STATES
};

struct registry_entry {
	uint64_t strand;
	uint64_t request;
	uint64_t context;     /* tokens */
	uint64_t spawned_ns;
	uint64_t progress_ns; /* resumed or suspended last */
	uint64_t what;        /* by state */
	const char *name;     /* of the method; lives for ever */
	uint32_t method;
	enum registry_state state;
};

struct registry_slot {
	/* What changes often is in one line. */
	ON_OWN_LINE atom64 word;
	atom64 progress_ns;
	atom64 what;
	atom64 strand;
	atom64 request;
	atom64 context;
	atom64 spawned_ns;
	atomp name;
	atom32 method;
	struct registry_slot *next; /* while free; the writer's */
};

#define REGISTRY_WRITING 1u
#define REGISTRY_FIRST   64u   /* slots in the first chunk */
#define REGISTRY_CHUNKS  26u   /* of 64 << n slots: 32 bits of them */
#define REGISTRY_LIMIT   65536u
/* For slots that are never taken, and such as a limit of none. */
#define REGISTRY_MOST    (REGISTRY_FIRST * ((1u << REGISTRY_CHUNKS) - 1))

/* Zeroed, and for ever: readers may look at any time. */
struct registry {
	/* The writer's. */
	struct registry_slot *free; /* the latest first: still in a cache */
	uint32_t limit;             /* of slots; 0: REGISTRY_LIMIT */
	uint32_t room;              /* in the chunks there are */
	uint32_t n_chunks;
	/* Read by all. */
	atomp chunk[REGISTRY_CHUNKS]; /* struct registry_slot */
	atom32 used;
	count_single overflow;      /* those that found no slot, ever */
	atom64 unlisted;            /* of them, not left yet */
};

/* ------------------------------------------------------- the slot's words */

static inline uint64_t
ferry__registry_begin(struct registry_slot *slot)
{
	/* Relaxed: only the writer writes it. Whoever sees one of the words
	 * that come next, by their release, sees this. */
	uint64_t word = atom64_load_relaxed(&slot->word);

	atom64_store_relaxed(&slot->word, word | REGISTRY_WRITING);
	return word;
}

static inline void
ferry__registry_put(atom64 *word, uint64_t value)
{
	/* pair(registry-word) release: it is being written. */
	atom64_store_release(word, value);
}

static inline void
ferry__registry_end(
    struct registry_slot *slot, uint64_t word, enum registry_state state)
{
	/* pair(registry-word) release: the words of this count. */
	atom64_store_release(
	    &slot->word, ((word >> 8) + 1) << 8 | (uint64_t)state << 1);
}

/* It is this now, and waits for that. */
static inline void
ferry__registry_state(struct registry_slot *slot, enum registry_state state,
    uint64_t what, uint64_t now_ns)
{
	uint64_t word;

	if (slot == NULL)
		return;
	word = ferry__registry_begin(slot);
	ferry__registry_put(&slot->progress_ns, now_ns);
	ferry__registry_put(&slot->what, what);
	ferry__registry_end(slot, word, state);
}

/* ------------------------------------------------------------- the writer */

/* The next slot that was never used; NULL: there is no room, or no memory, and
 * that is counted. */
struct registry_slot *ferry__registry_fresh(struct registry *r);

/* One without a slot leaves. */
void ferry__registry_leave_unlisted(struct registry *r);

/*
 * A new entry. NULL: there is no room, or no memory; it is counted, and not
 * listed. leave() and state() take that NULL too. Inlined: the entry is then
 * written once, into its slot.
 */
static ALWAYS_INLINE struct registry_slot *
ferry__registry_enter(struct registry *r, const struct registry_entry *entry)
{
	struct registry_slot *slot = r->free;
	uint64_t word;

	if (LIKELY(slot != NULL))
		r->free = slot->next;
	else if ((slot = ferry__registry_fresh(r)) == NULL)
		return NULL;
	word = ferry__registry_begin(slot);
	ferry__registry_put(&slot->progress_ns, entry->progress_ns);
	ferry__registry_put(&slot->what, entry->what);
	ferry__registry_put(&slot->strand, entry->strand);
	ferry__registry_put(&slot->request, entry->request);
	ferry__registry_put(&slot->context, entry->context);
	ferry__registry_put(&slot->spawned_ns, entry->spawned_ns);
	/* pair(registry-word) release, both, as the others. */
	atomp_store_release(&slot->name, (void *)(uintptr_t)entry->name);
	atom32_store_release(&slot->method, entry->method);
	ferry__registry_end(slot, word, entry->state);
	return slot;
}

static inline void
ferry__registry_leave(struct registry *r, struct registry_slot *slot)
{
	if (UNLIKELY(slot == NULL)) {
		ferry__registry_leave_unlisted(r);
		return;
	}
	/* The words may stay: a free slot's are not read. Relaxed: only the
	 * writer writes it. */
	ferry__registry_end(
	    slot, atom64_load_relaxed(&slot->word), REGISTRY_FREE);
	slot->next = r->free;
	r->free = slot;
}

/* ----------------------------------------------------------------- readers */

/* What a look has found. */
struct registry_sum {
	uint64_t listed;   /* entries, seen whole */
	uint64_t skipped;  /* in the writing for as long as was waited */
	uint64_t unlisted; /* alive without a slot */
	uint64_t overflow; /* … ever */
};

typedef void (*ferry__registry_visit)(
    const struct registry_entry *entry, void *arg);

/* Calls visit() for each entry; from any thread. */
void ferry__registry_read(struct registry_sum *out, const struct registry *r,
    ferry__registry_visit visit, void *arg);

/*
 * The up to `capacity` longest there, the oldest first, of one context (0: of
 * all); returns how many. out_sum->listed is then of that context too.
 */
size_t ferry__registry_oldest(struct registry_entry *out,
    struct registry_sum *out_sum, size_t capacity, const struct registry *r,
    uint64_t context);

/* "running", "sleeping" and so on. */
const char *ferry__registry_state_name(enum registry_state state);

#endif
