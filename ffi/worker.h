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
#include "ffi/home.h"
#include "ffi/park.h"

struct context;
struct handle;

/* Whose code the FFI thread is in; what its successor must mend if that code
 * ends the thread. */
enum worker_doing {
	DOING_OWN,
	DOING_HANDLER,
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

struct worker {
	/* Producers look at these. */
	struct park park;
	struct beat beat;
	struct list inner;            /* jobs, by job.link */
	/* Whom this FFI thread waits for, if it does; request.c. */
	ON_OWN_LINE atomp waits_worker;
	atom64 waits_request;
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
	bool deferred;
	bool refusing;                /* no thread to be had: start nothing */
	bool stream;                  /* the last takes had more than one */
	enum worker_doing doing;
	void *scratch;                /* a reply for a callback */
	size_t scratch_size;
	struct context *contexts;
	struct context *letting_go;   /* its handles and fini, or NULL */
	struct handle *ending;        /* its destroy is running, or NULL */
	struct spin spin;
	count_single parks;
	count_single lost;            /* FFI threads ended by handlers */
	atom32 id;                    /* system id of the FFI thread */

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

/* The FFI thread's side of a context's life; called from its jobs. */
void ferry__worker_adopt(struct worker *w, struct context *c);

#endif
