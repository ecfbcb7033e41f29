/*
 * Homes: where nodes live.
 *
 * A node belongs for life to a home: one per thread and context, in memory
 * that is never freed. The thread takes nodes from its home, whoever ends a
 * request gives the node back in chains. A home is touched by its thread, by
 * those who give nodes back, and by the worker, each on lines of their own.
 * The code is in node.c.
 */
#ifndef FERRY_FFI_HOME_H
#define FERRY_FFI_HOME_H

#include "ffi/ahead.h"

/*
 * An exact bound over all homes of a context: nodes that are out. tell() is
 * called when one comes home and somebody has announced a want. A context has
 * one, and those of former lives whose replies nobody has taken yet; holders of
 * stale tokens read them too.
 */
struct total {
	atom64 out;
	atom64 most;
	atom32 wanted;
	struct total *next;           /* of the same context; constant */
	void *context;
	void (*tell)(struct total *);
};

/*
 * A home. Never freed: it outlives its context until its last node is back,
 * and is then used for another.
 */
struct home {
	/* Its thread's, copied from the context when it was bound. */
	ON_OWN_LINE atom64 token;     /* of the context; 0: never bound */
	struct list *shards;
	struct list *shard;           /* of lane 0 */
	struct park *park;            /* of the worker */
	struct node *cache;           /* linked by link.next */
	uint64_t generation;          /* of the bank */
	uint32_t shard_mask;
	uint32_t n_methods;
	size_t payload_max;
	atomp context;                /* read by holders of stale tokens too */
	uint32_t context_flags;
	atom32 thread;                /* system id; read by who describes */
	uint64_t inbox_token;         /* the inbox named last: attached */
	const struct slot *inbox_slot;
	const atom32 *stuck;          /* not NULL: a word to test first */
	atomp methods;                /* struct methods */
	struct total *total;          /* of nodes with NODE_COUNTED */

	/* Its thread's, counted for whoever takes a snapshot. */
	ON_OWN_LINE count_single submitted;
	count_single refused;
	count_single wakes;
	uint32_t until_timed;         /* submits up to the next timed one … */
	uint32_t timed_at;            /* … and its place among 64 (timing.h) */
	uint64_t random;
	struct trail submits;
	uint64_t depth;               /* nodes it may own */
	atom64 nodes;                 /* nodes carved for it, ever */
	uint32_t fresh;               /* next node never used, in … */
	uint32_t fresh_end;           /* … the newest chunk */
	struct node *memory;          /* of a chunk that got no number */
	struct node *spare;           /* beyond a smaller depth: not used */
	uint64_t spares;

	/* Written by whoever gives nodes back. */
	ON_OWN_LINE atomp returned;   /* chains, newest first */
	atom32 wanted;                /* its thread waits for room … */
	atom64 wanted_by;             /* … to be told at this inbox, … */
	atomp attachments;            /* … one of its context's (inbox.h) */
	atom64 discarded;             /* replies whose taker was gone */

	/* The worker's: a chain in the making. */
	ON_OWN_LINE struct link *chain;
	struct link *chain_last;
	struct trail gives;
	uint32_t chain_length;
	uint32_t chain_most;          /* constant while it is bound */
	bool chain_listed;            /* in its worker's list, by: */
	struct home *chain_next;

	/* Registry, under the homes' mutex. */
	ON_OWN_LINE uint32_t owner;   /* serial of its thread; 0: orphan */
	bool bound;                   /* in the list of a context */
	uint32_t chunk;               /* newest chunk + 1; 0: none */
	struct home *next_of_thread;
	struct home *next_of_context;
	struct home *next_free;
};

/* Beside the context's own flags in home.context_flags: it has an exact total
 * bound. */
#define HOME_TOTAL (1u << 31)

/* The homes of one context. */
struct homes {
	struct home *first;
};

/* What a home needs to know of the context that it is bound to. */
struct home_binding {
	uint64_t token;
	uint64_t generation;
	struct list *shards;
	uint32_t n_shards;
	struct park *park;
	uint32_t flags;
	size_t payload_max;
	uint64_t depth;
	const atom32 *stuck;
	const struct methods *methods;
	struct total *total;
	void *context;
	void *attachments;
};

/* ---- looking ---- */

/* Relaxed: its thread's, or of somebody who makes sure of it afterwards. */
static inline uint64_t
ferry__home_token(const struct home *h)
{
	return atom64_load_relaxed(&h->token);
}

static inline const char *
ferry__node_method_name(const struct node *n)
{
	const struct methods *m = atomp_load_relaxed(&n->home->methods);

	return m->at[ferry__node_method(n)].name;
}

/* ---- the submitting thread's side ---- */

/*
 * This thread's home for a context, bound and in *homes. NULL: no memory.
 */
struct home *ferry__node_home(
    struct homes *homes, const struct home_binding *binding);

struct node *ferry__node_take_slow(struct home *h);

/* Why a take found nothing: the bound is reached, or there is no memory. */
static inline bool
ferry__node_at_bound(const struct home *h)
{
	return atom64_load_relaxed(&h->nodes) - h->spares >= h->depth;
}

/* A node to fill, or NULL. */
static inline struct node *
ferry__node_take(struct home *h)
{
	struct node *n = h->cache;

	if (UNLIKELY(n == NULL))
		return ferry__node_take_slow(h);
	h->cache = (struct node *)n->link.next;
	ferry__ahead_take(n);
	return n;
}

/* Puts back a node that was never pushed. */
static inline void
ferry__node_untake(struct home *h, struct node *n)
{
	n->user = NULL; /* no hint (ahead.h) */
	n->link.next = (struct link *)h->cache;
	h->cache = n;
}

/*
 * Announces that this thread wants room, to be told at an inbox. Returns true
 * if there is some after all (the announcement is withdrawn).
 */
bool ferry__node_want_room(struct home *h, ferry_inbox inbox);

/* The announcement alone; the caller looks again at a bound of its own. */
void ferry__node_announce_want(struct home *h, ferry_inbox inbox);

/* Whether the home's thread wants room; takes the want away. */
bool ferry__node_wants_room(struct home *h);

/* ---- giving back ---- */

/*
 * Nodes on their way home, collected by a thread that is not the worker.
 * room() is called with a home whose thread wants to be told.
 */
struct node_chain {
	struct home *home;
	struct link *first;
	struct link *last;
	uint32_t length;
	void (*room)(struct home *h);
};

#define NODE_CHAIN 64u

void ferry__node_chain_flush(struct node_chain *c);

/* The node is nobody's any more: into the chain. */
void ferry__node_give(struct node_chain *c, struct node *n);

/* Out of the exact bound: by give(), and by a submit that was refused after
 * it was counted. Tells who wants room. */
void ferry__node_uncount(struct total *t, uint64_t count);

/* Sends the worker's chain back; the worker does so for all homes at each
 * drain's end. True: the home's thread wants to be told of room. */
bool ferry__node_flush_worker(struct home *h);

/* give() for the worker, which keeps the chain in the home: *touched are the
 * homes with one. A full chain goes home at once; true: as flush_worker(). */
static inline bool
ferry__node_give_worker(struct home **touched, struct node *n)
{
	struct home *h = n->home;

	if (UNLIKELY(n->flags & NODE_COUNTED))
		ferry__node_uncount(h->total, 1);
	n->link.next = h->chain;
	h->chain = &n->link;
	if (UNLIKELY(h->chain_length++ == 0)) {
		h->chain_last = &n->link;
		/* Relaxed: are those that went home before still there? */
		if (atomp_load_relaxed(&h->returned) == NULL)
			ferry__trail_forget(&h->gives);
		if (!h->chain_listed) {
			h->chain_listed = true;
			h->chain_next = *touched;
			*touched = h;
		}
	}
	ferry__ahead_give(&h->gives, n);
	if (UNLIKELY(h->chain_length >= h->chain_most))
		return ferry__node_flush_worker(h);
	return false;
}

/* ---- closing ---- */

/* Calls visit() for every node ever used of every home in the list. */
void ferry__node_each(struct homes *homes,
    void (*visit)(struct node *n, void *arg), void *arg);

/* Calls visit() for every home in the list, under the homes' mutex. */
void ferry__node_each_home(struct homes *homes,
    void (*visit)(struct home *h, void *arg), void *arg);

/* The context is gone: its homes are unbound, or free when orphaned. */
void ferry__node_disband(struct homes *homes);

/* In a forked child: see forked.c. */
void ferry__node_forked(void);

#endif
