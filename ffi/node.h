/*
 * Nodes: the memory of a request, its two words, and who may change them.
 *
 * A node is named by its token from submit until the reply is taken. Two
 * words say what it is; both carry the generation (token >> 24), so that a
 * stale token can neither be mistaken nor change anything.
 *
 *	state  generation << 24 | phase
 *
 *	from FREE     to QUEUED    the submitting thread
 *	from QUEUED   to RUNNING   the FFI thread
 *	from RUNNING  to DEFERRED  the FFI thread, in ferry_call_defer()
 *	from RUNNING  to DONE      the FFI thread
 *	from DEFERRED to DONE      whoever delivers
 *	from QUEUED   to DONE      whoever answers it unstarted
 *	from DONE     to FREE      whoever takes the reply
 *
 * An ANSWERED node (below) keeps whatever phase it was in when it was answered
 * in its handler's place; CLAIM_TAKEN stands for FREE there.
 *
 *	claim  generation << 24 | references << 19 | flags
 *
 * The state has one writer at a time and is written by plain stores; others
 * (cancel, close, a deferred reply, a hook) set flags in the claim word by
 * compare-and-swap. The fast path of a request never writes the claim word:
 * it stores its state, executes the light half of an asymmetric fence, and
 * loads the claim. Whoever sets CANCEL or CLOSE does so, executes the heavy
 * half, and loads the state. So at least one sees the other:
 *
 *   - the canceller sees the phase that the FFI thread has reached, or
 *   - the FFI thread sees the flag, and then both settle by compare-and-swap
 *     on the claim word (STARTED against ANSWERED for a queued request,
 *     FINISHED against HOOKING or ANSWERED for a running one).
 *
 * A deferred call has CLAIM_DEFERRED, and goes by read-modify-write all the
 * way: REPLYING is for the one replier who wins, FINISHED says that the reply
 * is in the node. Who answers in a handler's place (ANSWERED) leaves no reply
 * in the node: the flags themselves say FERRY_ECANCELED or FERRY_ECLOSED, so
 * that a late replier has nothing to race for.
 *
 * A strand's call (strand.h) is a deferred one from its first wait on, with
 * STRAND: the FFI thread alone replies, and who sets CANCEL or CLOSE rouses it,
 * once (ROUSED).
 *
 * References. The main line (bank, worker, reply, taker) has one. Who answers
 * in its place adds one for the answer, since the bank still holds the node as
 * a tombstone, or a handler still has the call; who runs a hook adds one; a
 * timer adds one. Whoever drops the last gives the node home. With one
 * reference and no flags there is only the main line, and it goes home without
 * a compare-and-swap.
 *
 * Modelled in tests/model/cancel.pml.
 */
#ifndef FERRY_FFI_NODE_H
#define FERRY_FFI_NODE_H

#include <ferry/ferry.h>

#include "ffi/fork.h"
#include "ffi/list.h"
#include "ffi/token.h"

struct awaiter;
struct home;
struct worker;

#define NODE_INLINE 64 /* bytes of payload inside the node */

enum node_phase {
	NODE_FREE,
	NODE_QUEUED,
	NODE_RUNNING,
	NODE_DEFERRED,
	NODE_DONE
};

enum node_claim {
	CLAIM_CANCEL = 1u << 0,   /* somebody wants it to end */
	CLAIM_CLOSE = 1u << 1,    /* its context is closing without it */
	CLAIM_STARTED = 1u << 2,  /* the FFI thread saw a flag and started */
	CLAIM_ANSWERED = 1u << 3, /* answered by a canceller or closer … */
	CLAIM_ECLOSED = 1u << 4,  /* … with FERRY_ECLOSED, not ECANCELED */
	CLAIM_HOOK = 1u << 5,     /* the handler has set a cancel hook */
	CLAIM_HOOKING = 1u << 6,  /* somebody is running it … */
	CLAIM_HOOKED = 1u << 7,   /* … and has finished */
	CLAIM_DEFERRED = 1u << 8, /* will be answered by any thread */
	CLAIM_REPLYING = 1u << 9, /* deferred: somebody is replying … */
	CLAIM_FINISHED = 1u << 10, /* the reply is in the node */
	CLAIM_TOLD = 1u << 11,    /* its callback has run, or never will */
	CLAIM_WAITING = 1u << 12, /* a thread is in ferry_request_wait() */
	CLAIM_RELEASED = 1u << 13, /* nobody will wait for it */
	CLAIM_TAKEN = 1u << 14,   /* answered, and the answer is taken */
	/* NODE_WAITED and NODE_CALLBACK, for who holds a token and no more. */
	CLAIM_WAITED = 1u << 15,
	CLAIM_CALLBACK = 1u << 16,
	CLAIM_STRAND = 1u << 17, /* deferred: by a strand that waits … */
	CLAIM_ROUSED = 1u << 18  /* … and has been told to end */
};

/* Flags that the FFI thread need not know of. */
#define CLAIM_ASIDE \
	(CLAIM_WAITING | CLAIM_RELEASED | CLAIM_WAITED | CLAIM_CALLBACK)

#define CLAIM_REFERENCE  (UINT64_C(1) << 19)
#define CLAIM_REFERENCES (UINT64_C(0x1f) << 19)
#define CLAIM_FLAGS      (CLAIM_REFERENCE - 1)

/* How the reply travels, and what there is to watch. Set by submit. */
enum node_flag {
	NODE_CALLBACK = 1u << 0,
	NODE_INBOX = 1u << 1,
	NODE_WAITED = 1u << 2,
	NODE_ADOPTED = 1u << 3,  /* the payload is outside, see outside() */
	NODE_DEADLINE = 1u << 4,
	NODE_STALE = 1u << 5,
	NODE_COUNTED = 1u << 6,  /* in its context's exact total */
	NODE_TIMED = 1u << 7,    /* submitted_ns is set (timing.h) */
	NODE_ANY_THREAD = 1u << 8, /* closers run its callback */
	NODE_CANCEL_LATE = 1u << 9 /* its deadline ends what runs, too */
};

/* The waiting word of a request that is waited for. */
enum node_wait {
	WAIT_NONE,
	WAIT_DONE,    /* the reply is there */
	WAIT_PARKED,  /* a thread sleeps on the word */
	WAIT_STRAND,  /* a strand awaits it: node.awaiter */
	WAIT_RELEASED /* nobody will come for the reply */
};

/* An item of an inbox's list; `kind` says what holds it (inbox.h). */
struct post {
	_Alignas(16) struct link link;
	uint32_t kind;
};

/* An item of a worker's inner lane; run on the FFI thread. */
struct job {
	_Alignas(16) struct link link;
	void (*run)(struct worker *, struct job *);
};

/*
 * The first 128 bytes are all that a request with a small payload and a
 * callback touches; the second half is for the rest.
 */
struct node {
	ON_OWN_LINE struct link link; /* bank, home; who holds it writes; and
	                               * while it is a strand's, to that */
	atom64 state;
	atom64 claim;
	struct home *home;            /* for life */
	ferry_reply_fn callback;
	void *user;
	atom32 method;                /* the watcher looks, too */
	uint32_t size;                /* bytes of payload */
	uint32_t index;               /* for life: the slot of its token */
	uint16_t flags;               /* enum node_flag */
	int16_t earlier;              /* a hint (ahead.h) */
	union {
		_Alignas(16) unsigned char bytes[NODE_INLINE];
		struct {
			void *data;
			ferry_free_fn free; /* NULL: a copy of ours */
			void *free_user;
		} outside;            /* NODE_ADOPTED */
	} payload;

	ON_OWN_LINE struct post reply_post;
	struct post stale_post;       /* also the timer intake's link */
	struct job job;               /* a callback reply from elsewhere; or
	                               * CLAIM_ROUSED */
	uint64_t deadline_ns;
	/* The reply; written by who claims it, read by who delivers. */
	void *reply;
	size_t reply_size;
	int32_t status;
	uint32_t stale_ms;
	union {
		/* The hook; written before CLAIM_HOOK is set. */
		struct {
			ferry_cancel_fn hook;
			void *hook_user;
		};
		uint64_t submitted_ns; /* NODE_TIMED, until the start */
	};
	union {
		void *inbox;          /* NODE_INBOX: where to, and … */
		struct awaiter *awaiter; /* WAIT_STRAND: whom to wake */
	};
	atom64 stale_posted;          /* an untaken STALE notice; 0: none */
	uint32_t inbox_generation;    /* … in which of its lives */
	atom32 wait;                  /* enum node_wait */
	atom32 hooked;                /* slept on until the hook has ended */
	atom32 since_ms;              /* deferred since then; it wraps */
};

_Static_assert(offsetof(struct node, reply_post) == LINE,
    "what the fast path touches is one pair of lines");
_Static_assert(sizeof(struct node) == 2 * LINE, "a node is two pairs");

/*
 * What the methods of a context are, with the levels resolved. Kept for ever,
 * equal ones once: whoever holds a node, or only the slot of one, may look.
 */
struct method {
	ferry_handler_fn handler; /* of a strand method: the spawning one */
	ferry_handler_fn strand;  /* and its own; or NULL */
	const char *name;
	ferry_levels levels;
};

struct methods {
	uint32_t n;
	uint32_t notify_level;
	ferry_levels levels; /* the context's, of what is no method's */
	struct method at[];
};

/* The word of an untaken STALE notice: age in ms << 16 | how many. */
#define NODE_STALE_MOST 0xffffu

static inline uint64_t
ferry__node_stale(uint64_t age_ns, uint64_t count)
{
	return age_ns / 1000000u << 16 | count;
}

static inline uint64_t
ferry__node_stale_count(uint64_t word)
{
	return word & NODE_STALE_MOST;
}

static inline uint64_t
ferry__node_stale_age_ns(uint64_t word)
{
	return (word >> 16) * 1000000u;
}

/* ---- words ---- */

static inline uint64_t
ferry__node_token(const struct node *n, enum token_kind kind)
{
	/* Relaxed: the caller holds the node, its generation stands still. */
	uint64_t generation = atom64_load_relaxed(&n->claim) >> 24;

	return ferry__token_as(generation << 24 | n->index, kind);
}

/* The state word of this generation and phase. */
static inline uint64_t
ferry__node_word(uint64_t generation_of, enum node_phase phase)
{
	return (generation_of & ~UINT64_C(0xffffff)) | phase;
}

static inline enum node_phase
ferry__node_phase(uint64_t state)
{
	return (enum node_phase)(state & 7);
}

static inline bool
ferry__node_same_generation(uint64_t a, uint64_t b)
{
	return a >> 24 == b >> 24;
}

static inline bool
ferry__node_is_plain(uint64_t claim)
{
	return (claim & (CLAIM_REFERENCES | (CLAIM_FLAGS & ~CLAIM_ASIDE))) ==
	    CLAIM_REFERENCE;
}

/* Relaxed: whoever asks holds the node, or makes sure of it afterwards. */
static inline uint32_t
ferry__node_method(const struct node *n)
{
	return atom32_load_relaxed(&n->method);
}

/* What the holder of a token may know of the request; FERRY_OK: unfinished. */
static inline int
ferry__node_status(uint64_t token, uint64_t claim, uint64_t state)
{
	/* Kind apart, all 40 bits must be the same. */
	if (ferry__token_as(claim >> 24 << 24, TOKEN_REQUEST) >> 24 !=
	        ferry__token_as(token, TOKEN_REQUEST) >> 24 ||
	    !ferry__node_same_generation(claim, state))
		return FERRY_ESTALE;
	if (claim & CLAIM_ANSWERED)
		return claim & CLAIM_TAKEN ? FERRY_ESTALE : FERRY_EDONE;
	switch (ferry__node_phase(state)) {
	case NODE_FREE:
		return FERRY_ESTALE;
	case NODE_DONE:
		return FERRY_EDONE;
	default:
		return claim & CLAIM_FINISHED ? FERRY_EDONE : FERRY_OK;
	}
}

/* Whether somebody answered in its handler's place: with what status. */
static inline bool
ferry__node_answered(const struct node *n, int *status)
{
	/* pair(claim) acquire: set before the node was handed over. */
	uint64_t claim = atom64_load_acquire(&n->claim);

	if ((claim & CLAIM_ANSWERED) == 0)
		return false;
	*status = claim & CLAIM_ECLOSED ? FERRY_ECLOSED : FERRY_ECANCELED;
	return true;
}

/* The answer has been taken: the token is stale from here on. */
static inline void
ferry__node_taken(struct node *n)
{
	/* Relaxed, both: only for those who ask by token. */
	if (UNLIKELY(atom64_load_relaxed(&n->claim) & CLAIM_ANSWERED))
		/* pair(claim) acq_rel. */
		atom64_or_acqrel(&n->claim, CLAIM_TAKEN);
	else
		atom64_store_relaxed(&n->state,
		    ferry__node_word(
		        atom64_load_relaxed(&n->state), NODE_FREE));
}

/* The node that a request's or call's token may name; NULL: never did. The
 * caller compares generations. */
struct node *ferry__node_at(uint32_t index);

/* Whether it is a node of a process before this one. */
bool ferry__node_is_inherited(uint32_t index);

static inline const void *
ferry__node_data(const struct node *n)
{
	return n->flags & NODE_ADOPTED ? n->payload.outside.data
	                               : n->payload.bytes;
}

/* Frees an adopted payload; whoever ends the request does so, once. */
void ferry__node_free_outside(struct node *n);

static inline void
ferry__node_free_payload(struct node *n)
{
	if (UNLIKELY(n->flags & NODE_ADOPTED))
		ferry__node_free_outside(n);
}

/* Whether the node's generations are used up: it is retired, never wrapped. */
static inline bool
ferry__node_spent(const struct node *n)
{
	/* Relaxed: the node is this thread's. */
	return UNLIKELY(atom64_load_relaxed(&n->claim) >> 61 == 7);
}

/*
 * The next generation: the token becomes valid, the node is QUEUED, with one
 * reference. `aside` is CLAIM_WAITED, CLAIM_CALLBACK or 0. Everything else in
 * the node must be filled in: a closer that walks the nodes takes it for
 * queued from here on.
 */
static inline void
ferry__node_begin(struct node *n, uint64_t aside)
{
	uint64_t generation = atom64_load_relaxed(&n->claim) >> 24;

	generation = generation == 0 ? 8 | TOKEN_REQUEST : generation + 8;
	/* A stale token's compare-and-swap fails before and after this store,
	 * for want of its generation.
	 * pair(begin) release: the node is filled in. */
	atom64_store_release(
	    &n->claim, generation << 24 | CLAIM_REFERENCE | aside);
	/* pair(begin) release. */
	atom64_store_release(&n->state, generation << 24 | NODE_QUEUED);
}

/* Drops a reference; true if it was the last: give the node home. */
static inline bool
ferry__node_drop(struct node *n)
{
	/* pair(node-drop) acquire: nobody else holds it any more. */
	if (ferry__node_is_plain(atom64_load_acquire(&n->claim)))
		return true;
	/* pair(node-drop) acq_rel: the last one sees what all others did. */
	return (atom64_sub_acqrel(&n->claim, CLAIM_REFERENCE) &
	           CLAIM_REFERENCES) == CLAIM_REFERENCE;
}

#endif
