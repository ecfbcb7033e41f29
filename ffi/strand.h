/*
 * Strands: handlers that are coroutines on the FFI thread.
 *
 * A strand method's handler, as dispatch sees it, is ferry__strand_spawn(): it
 * takes a stack, runs the library's handler on it, and returns as a plain
 * handler would if that one never waited. When it does wait, the request
 * becomes a deferred one (node.h) whose replier is the FFI thread itself:
 *
 *	CLAIM_DEFERRED  cancel, close and deadline treat it as any deferred
 *	                call: marked, its hook run, abandoned if need be
 *	CLAIM_STRAND    set with it, at the first wait: nobody else may reply;
 *	                and who wants the request to end rouses the strand
 *	CLAIM_ROUSED    somebody has: the node's job is on the inner lane, with
 *	                a reference of its own. Once is enough: a strand looks
 *	                at CANCEL and CLOSE before each wait.
 *
 * No wake is lost between the two: the strand sets CLAIM_STRAND by
 * read-modify-write, and waits only if the claim had neither CANCEL nor CLOSE;
 * who sets one of these afterwards finds CLAIM_STRAND. At later waits the flag
 * is there already, and the rousing job runs on the FFI thread, after the
 * strand has suspended.
 *
 * A suspended strand is in one state, which says who may wake it. The wakers
 * on other threads (a reply, a pool worker, the poller) post `wake.job`; only
 * the FFI thread resumes. Timers, cancels and losses withdraw the wait first:
 * if that fails the job is on its way, and the strand waits for it, so that no
 * wait outlives its strand.
 *
 *	state              woken by                withdrawn by
 *	REGISTRY_READY     its turn                -
 *	REGISTRY_SLEEPING  the timer               clearing the timer
 *	REGISTRY_AWAITING  wake.job, of a reply    node.wait STRAND to NONE
 *	REGISTRY_OFFLOADED wake.job, of the pool   before it has begun, or by
 *	                                           leaving it behind
 *	REGISTRY_POLLING   wake.job, of the poller disarming it
 *
 * Owned by the FFI thread but for wake.job and what is marked otherwise.
 */
#ifndef FERRY_FFI_STRAND_H
#define FERRY_FFI_STRAND_H

#include "ffi/arena.h"
#include "ffi/coro.h"
#include "ffi/poller.h"
#include "ffi/timer.h"
#include "ffi/worker.h"

struct offload;
struct scope_view;
struct strand;

/* How strands end; each once. */
enum strand_end {
	STRAND_COMPLETED,
	STRAND_FAILED,
	STRAND_CANCELLED,
	STRAND_LOST,
	STRAND_ENDS
};

/* A context's. */
struct strands {
	struct strand *oldest, *newest; /* alive, in the order of their ids */
	struct strand *spare;      /* ended; their memory */
	struct stack_pool stacks;
	uint64_t measured, rested; /* of those ended; strand_memory.c */
	uint64_t memory_most;      /* bytes of each one's arena */
	uint32_t most;             /* alive at once */
	uint32_t n;                /* alive */
	count_single spawned;
	count_single ended[STRAND_ENDS];
	count_single peak;
	count_single refused;
	count_single unlisted;     /* no room in the worker's registry */
	count_single touched;      /* the deepest, as far as looked */

	/* Everybody's. */
	ON_OWN_LINE atom64 oldest_id; /* all before it have been counted */
	atom64 stack_size;         /* usable bytes of each */
	atom32 shut;               /* no more are spawned */
	atom32 waiters;            /* in ferry_strand_wait_all() … */
	atom32 passed;            /* … asleep on this, changed with oldest_id */
};

/* Whom a strand that awaits a request gave as its waker: node.h. */
struct awaiter {
	struct job job;
	struct worker *worker;
};

/* A strand. Its memory is the context's, used again after its end. */
struct strand {
	struct coro coro;
	struct context *context;
	struct node *node;
	ferry_call call;
	uint64_t id;
	struct link self;            /* what the node's link points to */
	struct strand *older, *newer;
	struct strand *next;         /* ready behind this one */
	struct answer answer;        /* what the worker had, while suspended */
	enum registry_state state;
	struct registry_slot *listed; /* NULL: there was no room */
	int status;                  /* what the handler returned */
	int woken;                   /* what the wait is to return */
	uint32_t shields;
	bool deferred;               /* its call is: it has waited */
	bool lost;
	bool timed;                  /* its request is (timing.h) */
	struct timer timer;          /* of a sleep, or of a wait's end */
	struct scope_view *scopes;   /* while suspended; NULL: never used */
	struct awaiter wake;
	struct node *awaits;         /* REGISTRY_AWAITING */
	struct offload *offload;     /* REGISTRY_OFFLOADED; NULL: given up */
	struct poll_wait poll;       /* REGISTRY_POLLING */
	uint64_t since_ns;           /* resumed or suspended last */
	struct arena arena;
};

/* ---- called by dispatch and by the worker ---- */

/* What dispatch takes for a strand method's handler. */
int ferry__strand_spawn(
    ferry_call call, const void *data, size_t size, void *state);

/* Runs what is due and what was ready at the call; whether there was any. */
bool ferry__strand_run(struct worker *w);

/*
 * A thread of this worker's has ended in a strand's hands: the strand is lost.
 * Returns what is left to be mended: `doing`, if its call is to be answered as
 * a plain handler's.
 */
enum worker_doing ferry__strand_mend(
    struct worker *w, enum worker_doing doing);

/* The same, wherever it has ended: the suspended strands are lost. */
void ferry__strand_lose_waiting(struct worker *w);

/* The node's job: somebody wants its request to end, and has set CANCEL or
 * CLOSE. Has a reference. */
void ferry__strand_roused(struct worker *w, struct job *j);

/* ---- between strand.c and strand_wait.c ---- */

/* Goes on with a suspended one; its wait returns `woken`. */
void ferry__strand_resume(struct worker *w, struct strand *s, int woken);

/* To be resumed behind what is queued. */
void ferry__strand_make_ready(struct worker *w, struct strand *s);

/* Takes back the wait of a suspended one; false: it is ready, or wake.job is
 * on its way. */
bool ferry__strand_withdraw(struct strand *s);

/* A suspended one whose thread has ended. */
void ferry__strand_lose(struct worker *w, struct strand *s);

/* What ferry_strand_counters() tells, but for the size. From any thread. */
void ferry__strand_fill(ferry_strands *n, const struct strands *all);

static inline void
ferry__strand_unset_timer(struct worker *w, struct strand *s)
{
	if (ferry__timer_is_set(&s->timer))
		ferry__timer_clear(&w->timers, &s->timer);
}

#endif
