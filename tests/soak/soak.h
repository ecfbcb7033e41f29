/*
 * tests/soak: everything at once, for as long as is asked, and an accountant
 * over all of it.
 *
 *	soak.c      the run: starts all, rests now and then, ends all
 *	actor.c     the threads: their history, pauses, and who has stopped
 *	op.c        how often each call was made, and what it returned
 *	record.c    the accountant: what became of every request
 *	berth.c     contexts that open, live and close, again and again
 *	library.c   the library they open: handlers of every kind
 *	strand.c    its strands
 *	request.c   one request: made by chance, submitted, settled
 *	producer.c  threads that submit
 *	aside.c     cancels, deferred replies, finalizers, who lets wedged
 *	            handlers go, who looks at counters and health
 *	box.c       inboxes;  ear.c: listeners and emitters
 *	fault.c     libferry's malloc & co, that fail now and then
 *	memory.c    what the process holds;  child.c: forks
 *
 * A *berth* is a place for one context after the other; each has a *life*, a
 * number that is never used twice. Every submit has a *record*, and the tag of
 * that record is in the payload and in `user`. All of a thread's choices come
 * from its own generator, seeded by the run's seed and the thread's number.
 */
#ifndef SOAK_H
#define SOAK_H

#include "api/fixture.h"
#include "stress/payload.h"

enum {
	BERTHS = 6,
	BOXES = 4,
	PRODUCERS = 4,
	RECORDS = 1 << 14,
	TALLIES = 256, /* lives that may be about at the same time */
	MIB = 1 << 20
};

/* ---------------------------------------------------------------- the run */

struct soak {
	uint64_t seed;
	uint64_t seconds;
	int faults, forks;
	uint64_t began_ns;
	atomic_int pausing, stopping;
};

extern struct soak soak;

/* ----------------------------------------------------------------- actors */

struct step {
	uint64_t at_ns;
	const char *what; /* the call, as it stands in the source */
	uint64_t on;      /* a token, or a tag */
	int result;
};

enum { STEPS = 32 };

struct actor {
	const char *kind;
	unsigned n;
	void (*run)(struct actor *a);
	void *arg;
	int serves; /* goes on while the others rest */
	struct t_rng rng;
	pthread_t thread;
	atomic_ullong beats; /* steps ended */
	atomic_int parked, ended;
	uint64_t seen_beats, seen_ns; /* of who looks for those that hang */
	unsigned n_steps;
	struct step steps[STEPS];
};

/* This thread's, or NULL on Ferry's threads. */
extern _Thread_local struct actor *actor_self;

/* Starts a thread that is joined by actor_join_all(). */
struct actor *actor_start(const char *kind, unsigned n,
    void (*run)(struct actor *), void *arg, int serves);
void actor_join_all(void);

/* At the top of each turn: rests while all rest; 0 when the run is over. */
int actor_turn(struct actor *a);
/* All that do not serve: rest, and go on again. */
void actor_pause(void);
void actor_resume(void);
/* Fails when one has not ended a step for too long. */
void actor_look(void);
/* How long anything may take. */
uint64_t actor_limit_ns(void);

void actor_begin(const char *what, uint64_t on);
int actor_end(int result);
/* It goes on; for turns that have no step. */
void actor_beat(void);

/* A step: written into the thread's history, before and after. */
#define STEP(call, on) (actor_begin(#call, (on)), actor_end(call))

/* A chance of one in n. */
static inline int
one_in(struct t_rng *rng, uint64_t n)
{
	return t_rand_below(rng, n) == 0;
}

/* ------------------------------------------------------------- operations */

enum op {
	OP_SUBMIT, OP_MANY, OP_INVOKE, OP_WAIT, OP_CANCEL, OP_RELEASE,
	OP_ANSWER, OP_EMIT, OP_OPEN, OP_CLOSE, OP_BOX_OPEN, OP_BOX_CLOSE,
	OP_ATTACH, OP_TAKE, OP_ADD, OP_REMOVE, OP_REMOVE_WAIT, OP_HANDLE,
	OP_FINALIZE, OP_SNAPSHOT, OP_DUMP, OP_FORK, OP_STRAND, OP_OFFLOAD,
	OP_SCOPE, OP_POLL, OP_WAKE, OPS
};

/* Counts a call and what it returned; returns that. */
int op_did(enum op op, int r);
/* OK, and errors from a list that ends with 0; others fail. */
int op_allow(enum op op, int r, const int *allowed);
#define ALLOW(op, r, ...) \
	op_allow((op), (r), (const int[]){__VA_ARGS__, 0})
void op_print(void);
/* The most important of it, without a line's end. */
void op_line(void);
extern atomic_ullong op_wedges, op_losses, op_notices[16], op_events_heard;

/* --------------------------------------------------------------- a tally */

/* What is known of one life of a berth. */
struct tally {
	atomic_ullong life;
	int shares, threads_refused; /* when it opened */
	atomic_int closing;  /* a close has begun */
	atomic_int refusing; /* its FFI thread was lost; it may refuse */
	atomic_int over;     /* a close has returned 0 */
	atomic_int inside;   /* submits in progress */
	atomic_ullong accepted, started, blind, seen, lost;
	atomic_ullong emitted, emit_refused;
	atomic_ullong opened, destroyed; /* handles */
	atomic_ullong strands, strands_back; /* begun; and returned */
	atomic_ullong not_run; /* callbacks, by the report of who closed it */
};

struct tally *tally_of(uint64_t life);
/* Whether its context may refuse, and answer FERRY_ECLOSED: it closes, or its
 * FFI thread was lost, or could not be replaced. */
int tally_may_refuse(const struct tally *t);

/* ---------------------------------------------------------------- records */

enum way { BY_WAIT, BY_CALLBACK, BY_BOX };

enum { /* record.word, below its serial */
	R_LIVE = 1 << 0,
	R_ADOPTED = 1 << 1,
	R_ACCEPTED = 1 << 2,
	R_STARTED = 1 << 3,
	R_ENDED = 1 << 4,
	R_FREED = 1 << 5,
	R_HELD = 1 << 6,       /* ended ECLOSED: its handler may still run */
	R_RELEASED = 1 << 7,   /* nobody waits for it any more */
	R_DISCARDED = 1 << 8,  /* its inbox has closed */
	R_NOT_RUN = 1 << 9,    /* its callback was reported as not run */
	R_CLOSED = 1 << 10,    /* its context has closed */
	R_CANCELABLE = 1 << 11, /* somebody may cancel it */
	R_BITS = 16
};

struct record {
	/* Flags; above them the serial: how often it was used, which is the
	 * tag's upper part. */
	atomic_ullong word;
	atomic_uint way;
	atomic_ullong life;    /* of the berth; 0: a token known to be stale */
	atomic_ullong box_life;
	atomic_ullong since_ns;
	/* Written before the submit, read by the handler and at the end. */
	uint32_t method;
	uint32_t size;
	uint64_t deadline_ns;
	uint64_t losses; /* threads ended before it was submitted */
	struct berth *berth;
	/* Order is checked within one lane and one epoch of it. */
	uint32_t lane;
	uint64_t epoch, order;
	char by[16];
};

/* NULL when all are in use. */
struct record *record_take(struct t_rng *rng, uint64_t *tag);
/* Before the submit. */
void record_mark(uint64_t tag, unsigned flags);
struct record *record_of(uint64_t tag);
/* After the submit. */
void record_accepted(uint64_t tag);
void record_refused(uint64_t tag);
/* By the handler, at its start. */
struct record *record_started(uint64_t tag);
/* By whoever gets the reply. */
void record_ended(uint64_t tag, enum way way, int status, const void *data,
    size_t size);
void record_released(uint64_t tag);
void record_cancelable(uint64_t tag);
/* A ferry_free_fn; `user` is the tag, or NULL: then the payload has it. */
void record_free(void *data, void *user);
/* All of a context that has closed; returns how many callbacks have not run. */
uint64_t record_close_life(uint64_t life);
/* All of an inbox that has closed. */
void record_close_box(uint64_t box_life);
/* How many are on their way; fails when one has been for too long. */
unsigned record_outstanding(void);
/* How many of a life will never be seen: released, or discarded. */
uint64_t record_unseen(uint64_t life);
void record_print(void);
extern atomic_ullong record_latency_ns[3];

/* ----------------------------------------------------------------- berths */

enum method {
	M_PLAIN,  /* status 1 */
	M_ECHO,   /* the payload, back */
	M_ERROR,  /* FERRY_EBUSY */
	M_DEFER,  /* 7, or an echo, from another thread */
	M_HOOK,   /* spins until cancelled: 1 */
	M_WEDGE,  /* does not return until it is let go: 1 */
	M_EXIT,   /* ends its thread */
	M_EMIT,   /* emits: 1 */
	M_HANDLE, /* a handle */
	M_CALL,   /* calls another context: 1 */
	M_STRAND, /* waits in every way: 1 */
	METHODS
};

enum event { E_SMALL, E_LARGE, EVENTS };
enum { LANES = 64 };

/* Where a lane's last start was. */
struct lane {
	uint64_t life, epoch, order;
};

struct berth {
	unsigned n;
	int shares; /* its worker with others */
	/* Read by berth_enter(); `life` is 0 while they do not belong
	 * together. Then there is the context before, which is closed. */
	atomic_ullong context, life, stale;
	/* The FFI thread's, one after the other. */
	struct lane lanes[LANES];
	uint64_t last_life;
	uint64_t emit_order;
};

extern struct berth berths[BERTHS];

/* A context that may have closed; the tally is held until berth_leave(), and
 * NULL if it is closed for sure. */
ferry_context berth_enter(struct berth *b, struct tally **tally);
void berth_leave(struct tally *tally);
/* The context of a berth as it is just now, maybe stale. */
ferry_context berth_context(struct berth *b);
/* The berth's owner's thread. */
void berth_run(struct actor *a);
/* Closes once more, together with whoever does. */
void berth_rival(struct berth *b, struct t_rng *rng);
/* At rest: what is counted is what was tallied. */
int berth_at_rest(struct berth *b);
void berth_check_rest(struct berth *b);
void berth_health(void);
void berth_print(void);

/* The library, and what init is given: a struct berth. */
ferry_library library_open(void);
/* Nobody holds a handler any more. */
void library_let_go(void);
/* What each handler begins with. The record is NULL for those that are too
 * small to know it. */
struct record *library_begin(const void *data, size_t size, void *state,
    struct item *item, struct tally **t);

/* --------------------------------------------------------------- strands */

void strand_open(void);
/* A ferry_handler_fn. */
int strand_live(ferry_call call, const void *data, size_t size, void *state);
/* By who ends this FFI thread, just before. */
void strand_lose_all(void);
void orphan_run(struct actor *a);
void strand_look(ferry_context context, struct t_rng *rng);
uint64_t strand_check_rest(ferry_context context, struct tally *t);
int strand_offs_rest(void);
void strand_print(void);

/* ----------------------------------------------------- what threads hand on */

/* Deferred calls. 0: no room, answer it yourself. */
int answer_later(ferry_call call, uint64_t tag, uint64_t life);
int answers_left(void);
/* Requests to be cancelled, handles to be released, by other threads. */
void cancel_later(ferry_request request);
void finalize_later(ferry_handle handle);

void answer_run(struct actor *a);
void cancel_run(struct actor *a);
void finalize_run(struct actor *a);
void jailer_run(struct actor *a);
void snapshot_run(struct actor *a);

/* -------------------------------------------------------------- producers */

/* One request, or several of one submit. */
struct plan {
	struct t_rng *rng;
	struct berth *berth;
	ferry_context context;
	struct tally *tally;
	ferry_request_options o;
	uint32_t method;
	enum way way;
	uint64_t box_life;
	int adopt, cancelable;
	int tagged; /* every payload has room for its tag */
	uint32_t lane; /* checked if it is not 0 */
	uint64_t epoch, *order;
};

/* One of its payloads, and what becomes of it. */
struct parcel {
	uint64_t tag;
	void *data;
	size_t size;
	ferry_request request;
};

/* By chance. Ends with request_leave(). */
void request_plan(struct plan *p, struct berth *b, struct t_rng *rng);
void request_leave(struct plan *p);
/* 0: no record to be had. */
int request_pack(struct plan *p, struct parcel *k);
/* After the submit, with what it returned. */
void request_settle(struct plan *p, struct parcel *k, int r);
/* Fails for an error that has no reason to be. */
int request_refused(const struct plan *p, enum op op, int r, int in_callback);
/* A handler, a reply callback or a listener submits too; may_wait: an invoke,
 * for a while. */
void request_aside(struct berth *b, struct t_rng *rng, int may_wait);
/* A strand's, to be awaited; 0: none was accepted. */
int request_child(struct berth *b, struct t_rng *rng, ferry_request *out,
    uint64_t *tag);
/* A handler that does not return for a while; by chance, perhaps none. */
void request_wedge(struct berth *b, struct t_rng *rng);
/* A reply that was waited for. */
void request_reply(uint64_t tag, const ferry_reply *reply);

/* A thread that starts producers, one after the other. */
void producer_run(struct actor *a);

/* ----------------------------------------------------- inboxes, listeners */

/* An inbox's token and life, maybe closed; 0 when there is none. */
ferry_inbox box_some(struct t_rng *rng, uint64_t *life);
int box_is_over(uint64_t life);
void box_run(struct actor *a);

/* What an event carries. */
struct news {
	uint64_t proof;
	uint64_t life;
	uint32_t emitter; /* below EMITTERS */
	uint32_t size;
	uint64_t order;   /* of its emitter, ascending */
};

enum { EMITTERS = BERTHS + 2, NEWS_MOST = 2000 };

/* What somebody has heard of one context. */
struct heard {
	uint64_t life;
	uint64_t last[EMITTERS];
};

/* Proves it, and that it comes after what was heard before. */
void news_hear(struct heard *h, const void *data, size_t size);
int news_emit(ferry_context context, uint64_t life, uint32_t emitter,
    uint64_t order, struct t_rng *rng);
void emitter_run(struct actor *a);
void ear_run(struct actor *a);
/* All listeners of a life are gone. */
void ear_check_life(uint64_t life);

/* ----------------------------------------------- faults, memory, children */

void fault_install(void);
void fault_enable(int on); /* for all of the process */
long fault_live(void);     /* blocks that libferry holds */
long fault_live_bytes(void);
long fault_pages(void);    /* bytes that it keeps for ever */
int fault_threads(void);   /* starts of threads that were refused */
void fault_print(void);

void memory_sample(int warm);
void memory_line(char *out, size_t size);
/* Fails when it has grown. */
void memory_judge(void);
unsigned memory_threads(void);
unsigned memory_descriptors(void);

int child_supported(void);
void child_run(struct actor *a);

#endif
