/*
 * A context: one opened library on a worker; its bank, counters and life.
 *
 * Never freed: a slot's context is used again by the slot's next token. What
 * producers read of it is copied into their homes when they are bound; what
 * they may still touch with a stale token are the shards (whose heads refuse
 * them) and the words marked atomic.
 */
#ifndef FERRY_FFI_CONTEXT_H
#define FERRY_FFI_CONTEXT_H

#include "event/thread.h"
#include "ffi/library.h"
#include "ffi/home.h"
#include "ffi/ledger.h"
#include "ffi/strand.h"
#include "ffi/timing.h"

#define SHARDS_MOST 64u

/*
 * How requests end. Stored per context twice: by the FFI thread alone, and by
 * everybody else. Equations, by law 12, at rest:
 *	submitted = refused + started + queued + sum of UNSTARTED_…
 *	started   = running + sum of ENDED_…
 */
enum outcome {
	UNSTARTED_CANCELED,
	UNSTARTED_DEADLINE,
	UNSTARTED_CLOSED,
	ENDED_OK,
	ENDED_ERROR,
	ENDED_CANCELED,
	ENDED_LOST,
	ENDED_CLOSED,
	OUTCOMES
};

enum context_stage {
	CONTEXT_FREE,
	CONTEXT_OPENING,
	CONTEXT_OPEN,
	CONTEXT_CLOSING, /* every shard is flipped, or is being */
	CONTEXT_LEFT     /* the FFI thread has let go */
};

enum opening {
	OPENING_PENDING,
	OPENING_DONE,     /* `opened` says how */
	OPENING_ABANDONED /* the opener's time was up */
};

struct handle;

struct context {
	/* Constant while open. */
	struct slot *slot;
	ferry_context token;
	uint64_t generation;
	atomp worker;              /* read by holders of stale tokens too */
	struct library *library;
	const struct methods *methods; /* for ever */
	void *state;               /* the library's, from init */
	struct list *shards;
	uint32_t n_shards;
	uint32_t shards_room;      /* how many the memory has room for */
	uint32_t flags;            /* FERRY_CONTEXT_… */
	ferry_levels levels;       /* resolved: no zeros */
	uint64_t depth;
	uint64_t depth_total;
	struct total *total;       /* when depth_total is set */
	struct total *totals;      /* all that it ever had */
	size_t payload_max;
	struct source source;
	struct homes homes;
	pthread_mutex_t mutex;     /* binding homes against closing */

	/* The FFI thread's. */
	ON_OWN_LINE count_single started;
	count_single ended[OUTCOMES];
	count_single late;
	uint64_t shards_closed;    /* bit by bit, as their takes saw it */
	struct handle *handles;
	uint64_t n_handles;
	count_single handles_open; /* a gauge: stored, not added */
	uint64_t told;             /* its inboxes, of a listener since then */
	struct strands strands;
	struct timings timings;
	struct ledger ledger;
	struct context *next;      /* on its worker */

	/* Everybody's; rare. */
	ON_OWN_LINE atom64 ended_elsewhere[OUTCOMES];
	atom64 late_elsewhere;
	atom32 late_told;          /* counts those; slept on */
	atom64 ended_unheard;      /* by an abandoned close: no callback */
	atom32 stage;              /* enum context_stage; slept on */
	atom64 closer;             /* generation << 1 | somebody is in close */
	atom32 refusing;           /* the queued are answered ECLOSED */
	atom32 busy;               /* others in the middle of an answer */
	/* Under the closer's word: */
	bool was_abandoned;
	atom32 callback_not_run;
	uint64_t n_abandoned;

	/* Opening. */
	struct job open_job;
	atom32 opening;            /* enum opening; slept on */
	int opened;
	int32_t init_status;       /* with FERRY_EINIT */
	const void *init_arg;
	char text[256];
	struct job stop_job;       /* to make the worker look again */
	atom32 stop_posted;
};

static inline struct worker *
ferry__context_worker(const struct context *c)
{
	/* Relaxed: published with the token. For a stale one it may be the next
	 * life's: workers are never freed. */
	return atomp_load_relaxed(&c->worker);
}

extern struct slot_table ferry__contexts;

/* Jobs of a context, on its FFI thread: runs init; looks again. */
void ferry__context_init(struct worker *w, struct job *j);
void ferry__context_looked(struct worker *w, struct job *j);

/* What a context holds, but for its worker; by whoever ends its life. */
void ferry__context_release(struct context *c);
void ferry__context_leave_worker(struct context *c);

/* The context of a live token: FERRY_EINVAL, FERRY_ESTALE. */
int ferry__context_find(struct context **out, ferry_context token);

/* FERRY_OK between ferry__reply_enter() and _leave(): it is this context still,
 * has not been let go, and stays until then. FERRY_ESTALE, FERRY_ECLOSED. */
int ferry__context_check(struct context *c, ferry_context token);

/* Calls visit() for each live one. */
void ferry__context_each(
    void (*visit)(void *context, uint64_t token, void *arg), void *arg);

/* Its library's name; FERRY_ECLOSED once it has been let go, and as find(). */
int ferry__context_name(const char **out, ferry_context token);

/* This thread's home for it; FERRY_ECLOSED, FERRY_ENOMEM, and as find(). */
int ferry__context_home(struct home **out, ferry_context token);

/* Set by ferry_quiesce(): nothing is started any more. */
extern atom32 ferry__context_quiesced;

/* Whether anything of it is started and unfinished, as the FFI thread sees
 * it; what others end they count before they look at the stage. */
bool ferry__context_is_running(const struct context *c);

/* Wakes the worker of a closing context, to look whether it may let go. */
void ferry__context_nudge(struct context *c);

/* FFI thread: the last request is answered; handles, fini. The context is out
 * of the worker's list, and is not touched after this. */
void ferry__context_let_go(struct worker *w, struct context *c);

/* FFI thread: into code of the host's that is no request's, and out of it; for
 * the watcher, and for who mends. */
void ferry__context_go_aside(
    struct worker *w, struct context *c, enum worker_doing doing);
void ferry__context_come_back(struct worker *w);

/* FFI thread: init, fini or a handle's destroy has ended the thread. */
void ferry__context_mend(struct worker *w, enum worker_doing doing);

/* No request is started from now on, and none accepted. */
void ferry__context_quiesce(struct context *c);

/* FFI thread: flips every shard; a worker's loss may do so, and close. */
void ferry__context_flip(struct context *c);

/* The closer has waited for everything: the end of this generation. */
void ferry__context_end(struct context *c);

/* In a forked child: see forked.c. */
void ferry__context_forked(void);

/* Whether code of this thread may call open and close: law 4. */
bool ferry__context_may_block(void);

/* ---- counting ---- */

static inline uint64_t
ferry__context_ended(const struct context *c, enum outcome o)
{
	return count_read(&c->ended[o].n) +
	    count_read(&c->ended_elsewhere[o]);
}

uint64_t ferry__context_queued(struct context *c);

/* How many requests have left that queue; only grows. */
uint64_t ferry__context_left(struct context *c);

#endif
