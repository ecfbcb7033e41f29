/*
 * A worker: one FFI thread with its event thread, park word, heartbeat and
 * inner lane, and the contexts that live on it.
 *
 * Owned by the FFI thread but for what is marked otherwise. Workers are never
 * freed, and used again: a producer may look at a park word of a worker whose
 * context has closed meanwhile, and wake somebody else's for nothing.
 */
#ifndef FERRY_FFI_WORKER_H
#define FERRY_FFI_WORKER_H

#include "event/thread.h"
#include "ffi/beat.h"
#include "ffi/coro.h"
#include "ffi/home.h"
#include "ffi/hooks.h"
#include "ffi/park.h"
#include "ffi/registry.h"
#include "ffi/scope.h"
#include "ffi/timer.h"

struct context;
struct handle;
struct strand;

/* Whose code the FFI thread is in; what its successor must mend if that code
 * ends the thread. */
enum worker_doing {
	DOING_OWN,
	DOING_HANDLER,
	DOING_STRAND,   /* one that has waited */
	DOING_CALLBACK,
	DOING_INIT,
	DOING_FINI,
	DOING_DESTROY
};

/* The answer to the call in hand, as the handler gave it. */
struct answer {
	int status;
	bool given;
	bool is_block;      /* `data` is a block, to be passed on or freed */
	void *data;
	size_t size;
};

/* What is known of how long the request in hand has had the thread; the
 * argument is in timing.h. */
struct hold {
	uint64_t looked;    /* the watcher's clock when it began; 0: it is
	                     * timed, and this was its clock: */
	uint64_t before;
	uint64_t clock_ns;  /* the last look at the real one … */
	uint64_t clock_at;  /* … and the beat's sequence then */
	uint64_t strand;    /* that was spawned last */
	bool timed;
	bool known;         /* when it began, were it not timed */
};

/*
 * Whose init, fini or destroy the FFI thread is in. No node has it, so it is
 * here, for the watcher and those who ask (suspect() in watch.c).
 *
 * The FFI thread alone writes it, in ferry__context_go_aside(): after the beat
 * before, by release, and before the beat that names such code, a release as
 * well. Who reads it takes that word, loads all three, by acquire, and takes
 * the word again: if it is the same one, all three are of that beat.
 *   - Not of an earlier one: the first look acquires what came before the beat.
 *   - Not of a later one: between two that are aside there is always a beat, as
 *     coming back is one, and the end of a thread (its successor rises; lost()
 *     beats where there is none). A release is seen after that beat, and who
 *     acquired it sees the beat in his second look, or a later one.
 *   - No word comes twice: only the FFI thread beats, and a worker that is used
 *     again goes on counting. So which context it was of does not matter.
 * What is read may be trusted to be readable whether or not it is believed:
 * methods and names are never freed, of libraries that are, either.
 *
 * Nothing else beats meanwhile: jobs run one after the other and on the
 * thread's own stack, no strand is current, scopes and calls are out of reach
 * without a call in hand, and who forks in there ends before it would come
 * back. Modelled in tests/model/aside.pml.
 */
struct aside {
	atom64 context;
	atomp methods;      /* its methods, with levels; kept for ever … */
	atomp library;      /* … and so is the library's name */
};

struct worker {
	/* Producers look at these. */
	struct park park;
	struct beat beat;
	struct list inner;            /* jobs, by job.link */
	struct waits waits;           /* the FFI thread's */
	atom32 cpu;                   /* where it ran last */

	/* The FFI thread's. */
	ON_OWN_LINE struct node *batch; /* not yet started: oldest first … */
	struct node **recent;         /* … and then these, newest first */
	uint32_t n_recent;
	struct context *batch_context;
	struct link *jobs;            /* taken from the inner lane */
	struct home *touched;         /* homes with a chain in the making */
	struct node *current;         /* the call in hand … */
	struct context *context;      /* … and whose code is running */
	ferry_call call;              /* its token while it may be answered */
	struct answer answer;
	void *block;                  /* freed after the callback; or NULL */
	/* Of the call in hand. Tested, and cleared, as one: what is written by
	 * bytes and read by two would have to wait for the write. */
	union {
		struct {
			bool deferred;
			bool scoped;  /* it has used `scopes` */
		};
		uint16_t unusual;
	};
	struct hold hold;
	bool refusing;                /* no thread to be had: start nothing */
	bool stream;                  /* the last takes had more than one */
	uint32_t mark;                /* of its process; fork.h */
	enum worker_doing doing;
	void *scratch;                /* a reply for a callback */
	size_t scratch_size;
	struct context *contexts;
	struct context *letting_go;   /* its handles and fini, or NULL */
	struct handle *ending;        /* its destroy is running, or NULL */
	struct coro_owner coros;
	struct strand *strand;        /* whose code is running; or NULL */
	struct strand *ready, **ready_end; /* those that have yielded */
	struct timers timers;         /* of strands */
	bool offloads, polls;         /* its strands have */
	uint64_t trim_ns;             /* their unused stacks are looked at */
	struct spin spin;
	count_single parks;
	count_single lost;            /* FFI threads ended by handlers */
	atom32 id;                    /* system id of the FFI thread */
	struct registry registry;     /* its strands, for others to look at … */
	struct scopes scopes;         /* … and of the call in hand */
	struct aside aside;
	/* Stuck: see stuck.h. */
	atom64 awaited_hook;          /* it waits for this request's; or 0 */
	/* It waits for room: the event thread that makes some, or NULL; of
	 * which context; and since when. */
	atomp emitting;
	atom64 emits_to;
	atom64 emits_since;

	/* Others'. */
	ON_OWN_LINE struct hooks hooks; /* that run, of its contexts' calls */
	atom64 lost_word;             /* the beat of a lost wake-up … */
	atom64 lost_since_ns;         /* … found then */

	/* Its life; under the workers' mutex but for `gone`. */
	ON_OWN_LINE struct event_thread events;
	uint32_t references;          /* contexts, open or opening */
	const char *key;              /* interned; NULL: of one context */
	const char *thread_name;
	size_t stack_size;
	pthread_t thread;             /* the last successor's */
	bool detached;                /* it is: a lost one, with no successor */
	bool ending_itself;
	struct job leave_job;
	atom32 leaving;
	atom32 gone;                  /* the FFI thread has left its loop */
	struct worker *next;          /* in the list of those in use, or free */
};

/* What an opener wants of its worker. Strings are interned. */
struct worker_options {
	const char *key;   /* or NULL: a worker of its own */
	const char *name;  /* of the threads, at most 15 bytes */
	bool named;        /* the name was asked for, and must be the same */
	size_t stack_size; /* 0: any */
};

/*
 * The worker of a key, or a new one, with a reference. FERRY_EINVAL: the
 * thread options differ; FERRY_ENOMEM, FERRY_ESYSTEM.
 */
int ferry__worker_ref(struct worker **out, const struct worker_options *o);

/* Gives a reference back; true: it was the last, and the caller joins. */
bool ferry__worker_release(struct worker *w);

/* Ends both threads and waits for them, once every context has left. */
void ferry__worker_join(struct worker *w);

/* FFI thread: the last reference was its own; it ends by itself. */
void ferry__worker_end_itself(struct worker *w);

/* Puts a job onto the inner lane; from any thread, never fails. */
void ferry__worker_post(struct worker *w, struct job *j);

/* In a forked child: see forked.c. */
void ferry__worker_forked(void);

/* The FFI thread's side of a context's life; called from its jobs. */
void ferry__worker_adopt(struct worker *w, struct context *c);

#endif
