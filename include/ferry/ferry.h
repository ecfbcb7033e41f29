/*
 * Ferry: call any C library safely, asynchronously and observably.
 *
 * One thread, the FFI thread of a *worker*, owns the library. Threads of any
 * runtime submit *requests*; the FFI thread runs the registered *handlers*;
 * each request is answered exactly once. A second thread, the event thread,
 * delivers events and judges the FFI thread's heartbeat: when a handler does
 * not come back, it says which request, which method and for how long.
 *
 *	library   what can be called: methods, events, init and fini
 *	context   one opened library on a worker; the thing you submit to
 *	request   what a caller submitted; named by a token until answered
 *	call      the same request, seen by its handler
 *	reply     the outcome: a status and one block of bytes
 *	event     something the library says unasked
 *	inbox     a completion queue for one event loop
 *	listener  a function that hears a context's events
 *	handle    an object of the library, held by token
 *	strand    a handler that waits without holding the thread: strand.h
 *	cleanup   a fire-and-forget job of a finalizer: cleanup.h
 *	episode   a call that does not come back, and why: watch.h
 *
 * Everything is named by tokens (uint64_t, 0 is never valid). A token that no
 * longer names anything is answered FERRY_ESTALE, one that never could
 * FERRY_EINVAL, one that belongs elsewhere FERRY_EFOREIGN, one from before a
 * fork FERRY_EFORKED. Tokens catch mistakes; they are no security boundary
 * inside one process.
 *
 * THE LAWS
 *
 *  1. An error means that nothing happened. A submit that returned an error
 *     will call and free nothing. Otherwise exactly one reply arrives: after
 *     cancel, deadline, close and the death of a handler's thread too. The
 *     only exception is a reply callback whose FFI thread is wedged in an
 *     abandoned close: the close report counts it, and it never runs later;
 *     under FERRY_REQUEST_ANY_THREAD the closer runs it.
 *  2. Order is by lane. Lane 0, the default, is the calling thread; any
 *     other value is a lane of the caller's choice. Requests of one lane
 *     whose submits are ordered start in that order.
 *  3. A submit makes a system call only when it finds the FFI thread asleep.
 *     From 2 s after the last request an idle context wakes zero times.
 *  4. A handler, reply callback or cancel hook that submits to its own
 *     context gets FERRY_EREENTRANT at once (asynchronous submits are allowed
 *     under FERRY_CONTEXT_SELF_SUBMIT). Open and close, and blocking calls to
 *     any context of one's own worker, are refused always. A strand may
 *     submit to any context, its own too, and wait for it by its own means
 *     (strand.h). A listener may submit to and wait for any context, its
 *     own too. A circle of waiting FFI and event threads, through requests
 *     and through emits that block, gets FERRY_EDEADLK. Waits inside foreign
 *     code (a mutex of your own, say) and between strands cannot be seen.
 *  5. No callback runs while Ferry holds a lock, and on a strand's stack
 *     none but its handler.
 *  6. Inputs are copied, or adopted with a free function: adopted only when
 *     submit returned FERRY_OK, and then freed exactly once, after the last
 *     use, on any thread that runs Ferry code; the free function must be
 *     native and may not call Ferry. Blocks given to you are yours until
 *     ferry_block_release(), also after their context closed.
 *  7. A request that raced with a close is answered or refused with
 *     FERRY_ECLOSED; it never reaches the next owner of the slot.
 *  8. After ferry_context_close() returned 0 no callback of that context
 *     runs, no strand is left, and no memory of the caller is touched. What
 *     a strand has offloaded and left behind goes on with its own argument.
 *  9. Queues are bounded. Past a bound: FERRY_EAGAIN or FERRY_E2BIG.
 * 10. What happens when events overflow is a policy of each context.
 * 11. Ferry's threads block all asynchronous signals, carry names, and no
 *     signal handler, environment variable, log line or atexit is used but
 *     what ferry_dump_on_signal() and ferry_watch_signal() were asked for. A
 *     forked child has none of them, and Ferry anew: see FORKS.
 * 12. Counters add up: submitted = refused + queued + started + ended
 *     unstarted, and started = running + ended started.
 *
 * WHO MAY CALL WHAT, FROM WHERE
 *
 * ("callback" is any function of yours that Ferry calls, a listener too.)
 *
 *	function                  any thread  handler,callback,hook  blocks
 *	ferry_request_submit*     yes         not own context (4)    no
 *	ferry_request_invoke/wait yes         not own worker (4)     yes
 *	ferry_request_cancel      yes         yes                    hook only
 *	ferry_request_release     yes         yes                    no
 *	ferry_call_*              see each    yes                    no
 *	ferry_scope_*             no          the call's handler     no
 *	ferry_debug_wedge         no          the call's handler     yes
 *	ferry_strand_*: itself    no          strand only            suspends
 *	ferry_strand_counters,
 *	ferry_strand_admit        yes         yes                    no
 *	ferry_strand_wait_all     yes         FERRY_EDEADLK          yes
 *	ferry_handle_open/object  no          FFI thread only        no
 *	ferry_handle_release      yes         yes                    no
 *	ferry_context_open/close  yes         FERRY_EREENTRANT       yes
 *	ferry_context_emit        yes         yes                    policy
 *	ferry_listener_add        yes         not in a hook          no
 *	ferry_listener_remove     yes         yes                    no
 *	ferry_listener_remove_wait yes        FERRY_EREENTRANT       yes
 *	ferry_context_counters,
 *	ferry_context_health,
 *	ferry_context_ledger,
 *	ferry_context_metrics     yes         yes                    no
 *	ferry_library_*           yes         yes                    no
 *	ferry_inbox_open/attach   yes         FERRY_EREENTRANT       no
 *	ferry_inbox_take          one taker   yes                    no
 *	ferry_inbox_wait          one taker   FERRY_EREENTRANT       yes
 *	ferry_inbox_wake          yes         yes                    no
 *	ferry_inbox_close         yes         FERRY_EREENTRANT       shortly
 *	ferry_dump                yes         yes                    fd
 *	ferry_dump_on_signal      yes         FERRY_EREENTRANT       fd
 *	ferry_watch_signal        yes         FERRY_EREENTRANT       shortly
 *	ferry_context_watch       yes         FERRY_EREENTRANT       callback
 *	ferry_quiesce             yes         FERRY_EREENTRANT       yes
 *	ferry_cleanup_submit/post any state   yes                    no
 *	ferry_cleanup_flush/shutdown yes      FERRY_EREENTRANT       yes
 *	ferry_cleanup_*, others   yes         yes                    no
 *	ferry_block_release       yes         yes                    no
 *
 * FORKS
 *
 * In a forked child every token of before the fork is FERRY_EFORKED. Nothing
 * of before runs there, no callback, hook, free function or fini; no inherited
 * descriptor is read, written or closed; and ferry_quiesce() has not been
 * called. Libraries, contexts and inboxes can be opened anew at once, from any
 * thread, whatever the parent's threads were doing; so in the child's children.
 * Blocks that the child holds it may release. The parent notices nothing.
 *
 * Any callback (a handler, listener or gone, init, fini or destroy, doorbell,
 * free function, reply callback, hook) that forks must exec or _exit() in the
 * child, and until then may call Ferry as any other code. If it returns there,
 * or ends its thread, Ferry ends the child by _exit(70); but a hook that
 * ferry_request_cancel() runs on a thread of the host's may return, and the
 * cancel returns FERRY_EFORKED.
 *
 * vfork(), posix_spawn() and system() are no forks in this sense.
 *
 * CONVENTIONS
 *
 * Functions return FERRY_OK (0) or one of the negative FERRY_E… numbers,
 * unless their comment says that they return a count. Out-parameters come
 * first and are written only on success. Option structs begin with
 * struct_size = sizeof the struct as the caller knows it; zero in any other
 * field means the default; an unknown flag, or a longer struct whose unknown
 * tail is not zero, is FERRY_EINVAL. Result structs begin with struct_size
 * too, and are filled as far as the caller knows them. Timeouts are int64_t
 * milliseconds: negative waits for ever, 0 looks once. Deadlines are absolute
 * nanoseconds of ferry_clock_ns(), 0 for none. Strings are UTF-8, terminated
 * by a zero byte; Ferry copies every string and table it is given. Strings
 * and names it returns live as long as the process. No function is a
 * cancellation point of pthread_cancel(). Handlers, reply callbacks, init,
 * fini, destroy, listeners and gone may end their thread (a handler's call is
 * answered FERRY_ELOST); cancel hooks, free and doorbell functions must not,
 * and are not cancelled while they run.
 */
#ifndef FERRY_FERRY_H
#define FERRY_FERRY_H

#include <stddef.h>
#include <stdint.h>

#include <ferry/version.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FERRY_API __attribute__((visibility("default")))
#else
#define FERRY_API
#endif

typedef uint64_t ferry_library;
typedef uint64_t ferry_context;
typedef uint64_t ferry_request;
typedef uint64_t ferry_call;
typedef uint64_t ferry_handle;
typedef uint64_t ferry_inbox;
typedef uint64_t ferry_listener;

/*
 * Errors. The numbers are frozen; new ones are appended. A reply's status is
 * 0, one of these, or a positive number of the library's own.
 */
enum {
	FERRY_OK = 0,
	FERRY_EINVAL = -1,      /* an argument cannot be right */
	FERRY_ESTALE = -2,      /* the token no longer names anything */
	FERRY_EFOREIGN = -3,    /* the token belongs to another context */
	FERRY_ENOMEM = -4,      /* out of memory */
	FERRY_ESYSTEM = -5,     /* no thread or descriptor to be had */
	FERRY_EAGAIN = -6,      /* a queue bound is reached */
	FERRY_E2BIG = -7,       /* a payload or a count is over the bound */
	FERRY_ECLOSED = -8,     /* the context or inbox is closed or closing */
	FERRY_EQUIESCED = -9,   /* ferry_quiesce() has been called */
	FERRY_EREENTRANT = -10, /* not from this callback or thread */
	FERRY_EDEADLK = -11,    /* this wait would close a circle */
	FERRY_ETIMEDOUT = -12,  /* the timeout passed; wait again or cancel */
	FERRY_EINTR = -13,      /* a signal arrived; wait again or cancel */
	FERRY_ECANCELED = -14,  /* the request was cancelled */
	FERRY_EDEADLINE = -15,  /* the deadline passed before the start */
	FERRY_ENOMETHOD = -16,  /* no method of that id or name */
	FERRY_ENOEVENT = -17,   /* no event of that id or name */
	FERRY_EALREADY = -18,   /* done already: cancel, close, attach */
	FERRY_EBUSY = -19,      /* still in use; close: see the report */
	FERRY_EREPLIED = -20,   /* the call has been answered already */
	FERRY_EDONE = -21,      /* too late: the request has finished */
	FERRY_EFROZEN = -22,    /* the library has been opened */
	FERRY_EEXIST = -23,     /* the name is taken */
	FERRY_EABI = -24,       /* this libferry is too old or too new */
	FERRY_EINIT = -25,      /* the library's init failed; see init_status */
	FERRY_ESTUCK = -26,     /* refused while the event queue is stuck */
	FERRY_ETHREAD = -27,    /* only on the context's FFI thread */
	FERRY_ELOST = -28,      /* the handler's thread ended */
	FERRY_EDETACHED = -29,  /* the inbox is not attached to the context */
	FERRY_ENOTSUP = -30,    /* not available here */
	FERRY_EFORKED = -31,    /* the token is from before a fork */
	FERRY_ENOSTRAND = -32,  /* only in a strand */
	FERRY_EUNINIT = -33     /* the cleanup lane has not been started */
};

/* For number fields of option structs: no bound, or switched off. */
#define FERRY_UNBOUNDED UINT64_MAX
#define FERRY_OFF       UINT32_MAX

/* The name of an error ("FERRY_EAGAIN"), "FERRY_E?" if there is none such. */
FERRY_API const char *
ferry_error_name(int error);

/* What an error means, in one sentence. Never NULL. */
FERRY_API const char *
ferry_error_text(int error);

/* MAJOR * 10000 + MINOR * 100 + PATCH of the loaded library. */
FERRY_API int
ferry_version(void);

/*
 * Whether the loaded library serves callers of this FERRY_ABI.
 * Returns FERRY_OK, or FERRY_EABI if it is too old or too new for that.
 */
FERRY_API int
ferry_abi_check(uint32_t abi);

/*
 * Where the loaded library has a field of a public struct, bytes from its
 * beginning, and how many it takes: "ferry_reply", "size". `field` NULL: the
 * whole struct. For bindings that mirror structs by hand, to compare all of
 * them when they are loaded, and to see whether an older library fills a
 * field. FERRY_EINVAL: no struct or field of that name.
 */
FERRY_API int
ferry_abi_layout(uint32_t *out_offset, uint32_t *out_size, const char *type,
    const char *field);

/*
 * Now, in nanoseconds of the clock that deadlines are measured by:
 * CLOCK_MONOTONIC, which does not count time spent suspended.
 */
FERRY_API uint64_t
ferry_clock_ns(void);

/* ------------------------------------------------------------- callbacks */

/*
 * A method's handler. Runs on the FFI thread; a strand's on a stack of its own.
 *
 * `data` and `size` are the request's payload, aligned to 16 bytes unless it
 * was adopted: nobody else's, and to be changed in place if need be, until the
 * handler has returned or, after ferry_call_defer(), until it is answered.
 * `state` is what init stored.
 * Answer with ferry_call_reply(), now or, after ferry_call_defer(), later
 * from any thread. A handler that returns with neither done is answered by
 * its return value, with no bytes: FERRY_OK, a positive status of the
 * library's own, or a negative FERRY_E… number. After a reply or a defer the
 * return value is ignored. Must not throw and must not longjmp out.
 */
typedef int (*ferry_handler_fn)(
    ferry_call call, const void *data, size_t size, void *state);

/*
 * A reply, delivered by callback on the FFI thread (on the canceller's never,
 * on the closer's only under FERRY_REQUEST_ANY_THREAD). `data` is valid until
 * the callback returns; NULL if size is 0. Must not block.
 */
typedef void (*ferry_reply_fn)(ferry_request request, int status,
    const void *data, size_t size, void *user);

/*
 * Interrupts a running call (sqlite3_interrupt, say). Runs once at most, on
 * the thread that cancels or closes, while any handler of the context may be
 * running. Must be short, and may only interrupt. Until it has returned, the
 * reply is held back and the FFI thread starts no other handler. It may run
 * before the work that it is to interrupt has begun: where the library forgets
 * an interrupt that comes too early, the handler asks ferry_call_check() too.
 */
typedef void (*ferry_cancel_fn)(ferry_call call, void *user);

/* Frees adopted memory; law 6. */
typedef void (*ferry_free_fn)(void *data, void *user);

/*
 * Opens the library, on the FFI thread, before the first request. Stores the
 * library's state in *state. Non-zero fails the open with FERRY_EINIT; the
 * reason may be written to `text` (text_size bytes, terminated).
 */
typedef int (*ferry_init_fn)(void **state, const void *arg, char *text,
    size_t text_size, ferry_context context);

/* Closes the library, on the FFI thread, after the last request. */
typedef void (*ferry_fini_fn)(void *state);

/* Destroys a handle's object, on the FFI thread of its context. */
typedef void (*ferry_destroy_fn)(void *object, void *state);

/*
 * An inbox's doorbell, for loops that are woken by a function. Called on any
 * thread that posts, at least once each time the inbox stops being empty;
 * must not block and may not call Ferry. After ferry_inbox_close() returned
 * it is never called.
 */
typedef void (*ferry_doorbell_fn)(void *user);

/*
 * Hears an event, on the event thread of the context's worker. `data` is
 * valid until it returns; NULL if size is 0. `dropped` tells how many events
 * of the context overflow has kept from this listener since the one before.
 * It delays every other listener and inbox of the worker, and the watchdog:
 * one that does not return is named by ferry_context_health() and by
 * FERRY_KIND_IN_LISTENER. It may add and remove listeners, itself too. Must
 * not throw.
 */
typedef void (*ferry_listener_fn)(ferry_context context, uint32_t event,
    const void *data, size_t size, uint64_t dropped, void *user);

/* The listener is gone: not running, never to be called again. Called once,
 * on the event thread; what `user` points to may be freed here. */
typedef void (*ferry_gone_fn)(void *user);

/* ------------------------------------------------------------- libraries */

/* Stall levels, by how long one call has held the FFI thread. */
enum {
	FERRY_LEVEL_NONE = 0,
	FERRY_LEVEL_SLOW = 1,
	FERRY_LEVEL_STALLED = 2,
	FERRY_LEVEL_WEDGED = 3,
	FERRY_LEVEL_FATAL = 4
};

/* Ages in milliseconds; 0 inherits (method from context, context from
 * 100, 1000, 5000, FERRY_OFF), FERRY_OFF switches a level off. Those that are
 * on must ascend. */
typedef struct ferry_levels {
	uint32_t slow_ms;
	uint32_t stalled_ms;
	uint32_t wedged_ms;
	uint32_t fatal_ms;
} ferry_levels;

enum { /* ferry_method.flags */
	/* The handler is a strand: it may wait without holding the FFI thread;
	 * see <ferry/strand.h>. */
	FERRY_METHOD_STRAND = 1u << 0
};

typedef struct ferry_method {
	size_t struct_size;
	uint32_t flags;           /* FERRY_METHOD_… */
	uint32_t reserved;        /* 0 */
	const char *name;         /* unique in its library */
	ferry_handler_fn handler;
	ferry_levels levels;
} ferry_method;

typedef struct ferry_event {
	size_t struct_size;
	uint32_t flags;           /* none yet */
	uint32_t reserved;        /* 0 */
	const char *name;         /* unique in its library */
} ferry_event;

typedef struct ferry_library_options {
	size_t struct_size;
	uint32_t flags;           /* none yet */
	uint32_t n_methods;
	const char *name;         /* required */
	const ferry_method *methods; /* optional static table */
	const ferry_event *events;   /* optional static table */
	uint32_t n_events;
	uint32_t reserved;        /* 0 */
	ferry_init_fn init;       /* optional */
	ferry_fini_fn fini;       /* optional; only after a successful init */
} ferry_library_options;

/*
 * Describes a library. Methods and events of the tables get the ids 0, 1, 2…
 * in order; more may be added until the first context is opened on it
 * (also by an open that fails). Returns FERRY_EINVAL, FERRY_EEXIST (two of one
 * name), FERRY_ENOMEM.
 */
FERRY_API int
ferry_library_open(ferry_library *out, const ferry_library_options *options);

/* Adds a method, and tells its id. FERRY_EFROZEN once a context is open;
 * FERRY_ESTALE; others as for ferry_library_open(). */
FERRY_API int
ferry_library_add_method(
    uint32_t *out_id, ferry_library library, const ferry_method *method);

/* Adds an event, and tells its id. Errors as for a method. */
FERRY_API int
ferry_library_add_event(
    uint32_t *out_id, ferry_library library, const ferry_event *event);

/* Forgets the description. Contexts opened on it are not affected. */
FERRY_API int
ferry_library_close(ferry_library library);

/* -------------------------------------------------------------- contexts */

enum { /* ferry_context_options.flags */
	/* Handlers and callbacks may submit asynchronously to their own. */
	FERRY_CONTEXT_SELF_SUBMIT = 1u << 0,
	/* When a handler ends its thread: refuse what is queued and what comes,
	 * with FERRY_ECLOSED, instead of going on with a new FFI thread. The
	 * owner still closes the context. */
	FERRY_CONTEXT_CLOSE_ON_LOSS = 1u << 1
};

enum { /* ferry_context_options.event_policy */
	FERRY_EVENTS_DROP_OLDEST = 0, /* and count it; the default */
	/* Refuse: emit and submit return FERRY_ESTUCK until there is room. */
	FERRY_EVENTS_STUCK = 1,
	/* The emitting thread waits for room. */
	FERRY_EVENTS_BLOCK = 2
};

typedef struct ferry_context_options {
	size_t struct_size;
	uint32_t flags;           /* FERRY_CONTEXT_… */
	uint32_t shards;          /* 1…64, a power of two; default 8 */
	ferry_library library;    /* required */
	/* Contexts of one key (at most 255 bytes) share one worker, hence one
	 * FFI thread; NULL: a worker of its own. thread_name and stack_size are
	 * the first opener's; another who asks for others gets FERRY_EINVAL. */
	const char *worker_key;
	const char *thread_name;  /* at most 15 bytes; default the library's */
	/* Bytes, and no fewer than the system's least for a thread; default the
	 * system's. */
	size_t stack_size;
	/* For init; used until the open returns, or after FERRY_ETIMEDOUT until
	 * init does. */
	const void *init_arg;
	int64_t timeout_ms;       /* for the open; 0 waits for ever */
	/* Requests that one submitting thread may have unfinished or not yet
	 * taken: default 4096, or FERRY_UNBOUNDED. A place is free again with
	 * its reply or shortly after; up to a quarter of them, if answered by
	 * callback, only once what the FFI thread took together with it has
	 * run, or the watcher has looked and the call in hand has returned. */
	uint64_t depth;
	/* Exact bound over all threads; costs a shared counter. 0: none. */
	uint64_t depth_total;
	/* Bytes a request: default 16 MiB, at most 4 GiB - 1
	 * (FERRY_UNBOUNDED). */
	uint64_t payload_max;
	uint32_t event_policy;    /* FERRY_EVENTS_… */
	/* Entries, a power of two; default 256. As many again for events of
	 * threads other than the FFI thread. */
	uint32_t event_capacity;
	ferry_levels levels;      /* of the watchdog */
	/* The level at which an episode is announced, once; default STALLED.
	 * Higher levels that it reaches are told at its end, as the peak. */
	uint32_t notify_level;
	/* Strands that may be active at once: default 16384, at most 1048576.
	 * Past it requests are answered FERRY_EAGAIN. */
	uint32_t strands;
	char *error_text;         /* init's message on FERRY_EINIT; optional */
	size_t error_text_size;   /* bytes */
	/* Usable bytes of each strand's stack: at least 16 KiB, default 64 KiB,
	 * at most 1 GiB. */
	size_t strand_stack;
	/* Bytes of ferry_strand_alloc() that a strand may have: default 1 MiB,
	 * or FERRY_UNBOUNDED. */
	uint64_t strand_memory;
	/* On FERRY_EINIT: what init returned, or FERRY_ELOST if it has ended
	 * its thread; optional. */
	int32_t *init_status;
} ferry_context_options;

/*
 * Opens a library: starts its worker or joins that of the key, and runs init
 * on the FFI thread. Returns FERRY_EINVAL, FERRY_ESTALE (library),
 * FERRY_ENOMEM, FERRY_ESYSTEM, FERRY_EINIT, FERRY_EQUIESCED, FERRY_EREENTRANT
 * or, when init takes longer than timeout_ms, FERRY_ETIMEDOUT (what it opens
 * later is closed again by fini). Blocks.
 */
FERRY_API int
ferry_context_open(ferry_context *out, const ferry_context_options *options);

enum { /* ferry_close_options.mode */
	FERRY_CLOSE_DRAIN = 0,  /* run what is queued, await what is deferred */
	FERRY_CLOSE_CANCEL = 1, /* answer what is queued FERRY_ECLOSED, cancel
	                         * what runs, and await it */
	FERRY_CLOSE_ABANDON = 2 /* answer everything FERRY_ECLOSED, wait for
	                         * nothing but a moment */
};

typedef struct ferry_close_options {
	size_t struct_size;
	uint32_t flags;     /* none yet */
	uint32_t mode;      /* FERRY_CLOSE_… */
	/* For DRAIN and CANCEL: 0 waits for ever; past it, abandon. */
	int64_t timeout_ms;
} ferry_close_options;

typedef struct ferry_close_report {
	size_t struct_size;
	uint32_t running;          /* calls that had not ended */
	uint32_t callback_not_run; /* replies that needed the wedged thread */
	uint64_t abandoned;        /* requests answered by the closer */
	ferry_request request;     /* the one that holds the FFI thread, or 0 */
	const char *method;        /* its method's name, "fini" & co, or NULL */
	uint64_t age_ns;           /* since when, as far as the watcher saw */
} ferry_close_report;

/*
 * Closes a context. From the first step on submits get FERRY_ECLOSED. NULL
 * options: drain, for ever. The report is optional.
 *
 * Returns FERRY_OK when the worker has let the context go: every request is
 * answered, fini has returned, and (with a worker's last context) both
 * threads are joined; not those that a callback ended before, which may still
 * be in the destructors of their thread-specific data. Returns FERRY_EBUSY
 * when something still runs, or the reply of a deferred call is still to come:
 * every unfinished request has been answered FERRY_ECLOSED nevertheless, late
 * replies will get FERRY_ESTALE, and closing again waits for the rest.
 * A second closer at the same time gets FERRY_EALREADY; a closed context
 * FERRY_ESTALE. From a callback or a Ferry thread: FERRY_EREENTRANT.
 */
FERRY_API int
ferry_context_close(ferry_context context, const ferry_close_options *options,
    ferry_close_report *report);

/* The id of a method by name; FERRY_ENOMETHOD. This and the next three:
 * FERRY_ECLOSED once fini has returned. */
FERRY_API int
ferry_context_method(uint32_t *out_id, ferry_context context, const char *name);

/* The id of an event by name; FERRY_ENOEVENT. */
FERRY_API int
ferry_context_event(uint32_t *out_id, ferry_context context, const char *name);

/* The name of a method by id; FERRY_ENOMETHOD. */
FERRY_API int
ferry_context_method_name(
    const char **out, ferry_context context, uint32_t method);

/* The name of an event by id; FERRY_ENOEVENT. */
FERRY_API int
ferry_context_event_name(
    const char **out, ferry_context context, uint32_t event);

/*
 * Says something that nobody asked for: to every listener, and copied to every
 * inbox that wants events. From any thread. Events of one thread are heard in
 * their order. At most 64 KiB, otherwise FERRY_E2BIG.
 *
 * On the FFI thread it takes no lock and allocates only for events of more than
 * 512 bytes. Events of other threads (a device library's own) have room of
 * their own, event_capacity entries; when it is used up, DROP_OLDEST drops the
 * new event (counted, FERRY_OK), because only the FFI thread may take out what
 * is queued. FERRY_ESTUCK by FERRY_EVENTS_STUCK. FERRY_EVENTS_BLOCK waits, and
 * returns FERRY_ECLOSED when the context closes meanwhile, FERRY_EDEADLK where
 * the wait would close a circle (law 4). FERRY_ENOEVENT, FERRY_ENOMEM;
 * FERRY_ESTALE also before the open has returned, FERRY_EREENTRANT in a
 * doorbell, FERRY_ECLOSED once fini has returned.
 *
 * One that was lost before it could be said is told as that: no data, and as
 * its size FERRY_EVENT_LOST. It is counted with those of other threads that
 * were dropped, whatever the thread and the policy, and who hears of events
 * hears of a gap. Never waits, allocates nothing.
 */
FERRY_API int
ferry_context_emit(
    ferry_context context, uint32_t event, const void *data, size_t size);

#define FERRY_EVENT_LOST SIZE_MAX /* as a size: see there */

/* ------------------------------------------------------------- listeners */

#define FERRY_EVENT_ANY UINT32_MAX /* as an id: every event */

typedef struct ferry_listener_options {
	size_t struct_size;
	uint32_t flags;             /* none yet */
	uint32_t event;             /* the id to hear, or FERRY_EVENT_ANY */
	ferry_listener_fn listener; /* required */
	ferry_gone_fn gone;         /* optional */
	void *user;                 /* handed to both */
	const char *name;           /* for reports; optional */
} ferry_listener_options;

/*
 * Adds a listener to a context; it hears what is emitted from now on. *out is
 * written before it may be called.
 * FERRY_EINVAL, FERRY_ENOEVENT, FERRY_ESTALE, FERRY_ECLOSED, FERRY_ENOMEM,
 * FERRY_EREENTRANT (in a cancel hook or doorbell). After an error `gone` is
 * not called; otherwise once: after a remove, or when the context closes.
 */
FERRY_API int
ferry_listener_add(ferry_listener *out, ferry_context context,
    const ferry_listener_options *options);

/*
 * Removes a listener. Once this has returned no call of it starts; one that
 * is running goes on, and `gone` is called when it has returned.
 * FERRY_EALREADY: removed before, or just now by its context's close, and
 * `gone` may be to come. FERRY_ESTALE: gone, also by its context's close.
 */
FERRY_API int
ferry_listener_remove(ferry_listener listener);

/*
 * Removes a listener, if that has not been done, and waits until it is gone:
 * afterwards neither function runs, nor will. FERRY_ETIMEDOUT, FERRY_EINTR: it
 * is removed, and may be waited for again. FERRY_ESTALE: gone before.
 * FERRY_EREENTRANT on a Ferry thread, in a hook or doorbell. Blocks.
 */
FERRY_API int
ferry_listener_remove_wait(ferry_listener listener, int64_t timeout_ms);

/* -------------------------------------------------------------- requests */

enum { /* ferry_request_options.flags */
	/* `data` is not copied but adopted; `free` is then called once. */
	FERRY_REQUEST_ADOPT = 1u << 0,
	/* With a callback: where an abandoned close would have it never run,
	 * the closer runs it instead, or the submit that raced with the close,
	 * on its own thread. It may then call nothing of Ferry's. */
	FERRY_REQUEST_ANY_THREAD = 1u << 1,
	/* Past deadline_ns it is cancelled, also while its handler runs; that
	 * is what happens to deferred calls anyhow. On the event thread. */
	FERRY_REQUEST_CANCEL_LATE = 1u << 2
};

typedef struct ferry_request_options {
	size_t struct_size;
	uint32_t flags;          /* FERRY_REQUEST_… */
	/* Post FERRY_KIND_STALE to the inbox each time the request has been
	 * running this long again; 0: never. */
	uint32_t stale_ms;
	uint64_t lane;           /* 0: the calling thread */
	uint64_t deadline_ns;    /* not to be started later; 0: none */
	ferry_inbox inbox;       /* deliver the reply here … */
	ferry_reply_fn callback; /* … or here; neither: ferry_request_wait() */
	void *user;              /* handed back with the reply */
	ferry_free_fn free;      /* with FERRY_REQUEST_ADOPT */
	void *free_user;
} ferry_request_options;

/*
 * Submits one request. `data` (size bytes) is copied, or adopted under
 * FERRY_REQUEST_ADOPT. NULL options: a request to be waited for. `out` may be
 * NULL unless the request is to be waited for.
 *
 * Returns, nothing having happened: FERRY_EINVAL, FERRY_ESTALE (context or
 * inbox), FERRY_EDETACHED, FERRY_ENOMETHOD, FERRY_E2BIG, FERRY_EAGAIN,
 * FERRY_ESTUCK, FERRY_ECLOSED, FERRY_EQUIESCED, FERRY_EREENTRANT,
 * FERRY_EDEADLINE (in the past already), FERRY_ENOMEM. Never blocks.
 */
FERRY_API int
ferry_request_submit(ferry_request *out, ferry_context context, uint32_t method,
    const void *data, size_t size, const ferry_request_options *options);

typedef struct ferry_request_item {
	uint32_t method;
	uint32_t reserved; /* 0 */
	const void *data;
	size_t size;       /* bytes */
	void *user;        /* in place of the options' */
} ferry_request_item;

/*
 * Submits `count` requests of one lane: all of them, contiguous and in order,
 * or none. One wake at most. `out` has room for count tokens, or is NULL
 * where ferry_request_submit() would allow it. FERRY_REQUEST_ADOPT adopts
 * each item's data. Errors as for ferry_request_submit(); FERRY_E2BIG also
 * for more than the bound has room for when all is empty.
 */
FERRY_API int
ferry_request_submit_many(ferry_request *out, ferry_context context,
    const ferry_request_item *items, size_t count,
    const ferry_request_options *options);

typedef struct ferry_reply {
	int32_t status;    /* 0, FERRY_E…, or positive: the library's own */
	uint32_t reserved;
	void *data;        /* yours until ferry_block_release(); or NULL */
	size_t size;       /* bytes */
} ferry_reply;

/*
 * Waits for a request submitted without inbox and callback, and takes its
 * reply; the token is stale afterwards. FERRY_OK says that there is a reply,
 * whose own status is out->status. FERRY_ETIMEDOUT and FERRY_EINTR take
 * nothing: wait again, cancel, or release. FERRY_EBUSY: another thread is
 * waiting for it. FERRY_EINVAL: it has an inbox or a callback.
 * FERRY_EREENTRANT, FERRY_EDEADLK: law 4. Blocks. A signal that arrives just
 * before the thread falls asleep does not end the wait: runtimes that must not
 * miss one wait in slices.
 */
FERRY_API int
ferry_request_wait(ferry_reply *out, ferry_request request, int64_t timeout_ms);

/*
 * Submit and wait in one. When the submit fails, its error is returned and
 * *out_request is 0. When the wait ends early (FERRY_ETIMEDOUT, FERRY_EINTR)
 * the request lives on as *out_request. Refuses what could only deadlock
 * (law 4) before submitting. The options may name neither inbox nor callback.
 */
FERRY_API int
ferry_request_invoke(ferry_reply *out, ferry_request *out_request,
    ferry_context context, uint32_t method, const void *data, size_t size,
    const ferry_request_options *options, int64_t timeout_ms);

/*
 * Asks that a request end early. A queued one is answered FERRY_ECANCELED and
 * never starts. A running one has its cancel hook called, here, once; its
 * handler still gives the reply, and may find it too late for another than
 * the one it has. FERRY_OK: done so. FERRY_EALREADY: cancelled
 * before. FERRY_EDONE: finished, the reply is on its way. FERRY_ESTALE: the
 * reply has been taken.
 */
FERRY_API int
ferry_request_cancel(ferry_request request);

/*
 * Gives up a request that nobody will wait for: its reply will be freed. The
 * token is stale afterwards. FERRY_EINVAL with inbox or callback, FERRY_EBUSY
 * while a thread waits for it.
 */
FERRY_API int
ferry_request_release(ferry_request request);

/* ----------------------------------------------- calls: the handler's side */

/*
 * Answers a call: status and a copy of `size` bytes. On the FFI thread within
 * the handler, or after ferry_call_defer() from any thread. The payload must
 * not be used any more afterwards. FERRY_EREPLIED: answered before.
 * FERRY_ESTALE: the call is gone (its context was abandoned, say).
 * FERRY_ETHREAD: not deferred, and not the handler's thread. FERRY_ENOMEM:
 * nothing happened, answer with less. The reply is delivered when the handler
 * has returned; that of a deferred call at once.
 */
FERRY_API int
ferry_call_reply(ferry_call call, int status, const void *data, size_t size);

/*
 * The same with a block from ferry_block_alloc(), which is passed on without
 * a copy. On success the block is no longer the caller's; after
 * FERRY_ESTALE it may have been freed: forget it either way. After any other
 * error it still is the caller's.
 */
FERRY_API int
ferry_call_reply_block(ferry_call call, int status, void *block, size_t size);

/*
 * The call will be answered later, from any thread. In the handler only, else
 * FERRY_ETHREAD; FERRY_EREPLIED, FERRY_EALREADY, FERRY_EINVAL (in a strand). A
 * deferred call with a deadline is cancelled (its hook run) when the deadline
 * passes.
 */
FERRY_API int
ferry_call_defer(ferry_call call);

/*
 * Sets what a cancel of this call does; NULL takes it back. In the handler,
 * or after ferry_call_defer() from the one thread that will answer it.
 * FERRY_ECANCELED: the cancel has come already, the hook will not be called.
 * Once this has returned for NULL, the former hook is not and will not be
 * running: if it is at that moment, FERRY_ECANCELED is returned after it ends.
 * Other errors as for ferry_call_reply().
 */
FERRY_API int
ferry_call_on_cancel(ferry_call call, ferry_cancel_fn hook, void *user);

/* FERRY_OK, or FERRY_ECANCELED when somebody wants this call to end. */
FERRY_API int
ferry_call_check(ferry_call call);

typedef struct ferry_call_info {
	size_t struct_size;
	ferry_context context;
	ferry_request request;
	uint64_t deadline_ns;  /* 0: none */
	uint32_t method;
	uint32_t submitter;    /* id of the thread that submitted */
} ferry_call_info;

/* Facts about a call that has not been answered. */
FERRY_API int
ferry_call_describe(ferry_call_info *out, ferry_call call);

/* --------------------------------------------------------------- blocks */

/* Memory for a reply, `size` bytes, aligned to 16. FERRY_ENOMEM. */
FERRY_API int
ferry_block_alloc(void **out, size_t size);

/*
 * Gives back a block: a reply's or completion's data, or an unused one from
 * ferry_block_alloc(). NULL is ignored. FERRY_EINVAL: not a block.
 */
FERRY_API int
ferry_block_release(void *block);

/* -------------------------------------------------------------- handles */

/*
 * Gives an object of the library a token that callers may hold. In a handler
 * (the context is the call's). `type` is any address that stands for the
 * object's type, compared by ferry_handle_object(). `destroy` runs once, on
 * the FFI thread: after ferry_handle_release(), or before fini when the
 * context closes. A token in a reply that nobody takes stays open until then.
 * FERRY_ETHREAD, FERRY_EINVAL, FERRY_ENOMEM.
 */
FERRY_API int
ferry_handle_open(ferry_handle *out, ferry_call call, void *object,
    const void *type, ferry_destroy_fn destroy);

/*
 * The object behind a token, for use within this handler: whoever releases the
 * handle meanwhile, it is not destroyed before the handler has returned, or a
 * strand waits: that looks it up again after each wait. FERRY_ESTALE: released.
 * FERRY_EFOREIGN: of another context. FERRY_EINVAL: of another type, or no
 * handle at all. FERRY_ETHREAD: not in a handler.
 */
FERRY_API int
ferry_handle_object(
    void **out, ferry_call call, ferry_handle handle, const void *type);

/*
 * Releases a handle: once, by whoever comes first. Made for finalizers: from
 * any thread in any state, in callbacks, in a signal handler; never blocks,
 * never fails for want of memory. The token is stale at once; the object is
 * destroyed later, on its FFI thread, with all that was released meanwhile.
 * FERRY_ESTALE: released before, or closed.
 *
 * A handler that is to end an object at a caller's request looks it up, and
 * releases its handle: FERRY_OK says that nobody else has or will. It ends what
 * the object stands for, and leaves the rest to destroy.
 */
FERRY_API int
ferry_handle_release(ferry_handle handle);

/* -------------------------------------------------------------- inboxes */

typedef struct ferry_inbox_options {
	size_t struct_size;
	uint32_t flags;             /* none yet */
	uint32_t reserved;          /* 0 */
	/* NULL: the inbox has a descriptor, see ferry_inbox_fd(). */
	ferry_doorbell_fn doorbell;
	void *user;
} ferry_inbox_options;

/* Opens a completion queue. NULL options: with a descriptor. FERRY_ENOMEM,
 * FERRY_ESYSTEM (no descriptor to be had). */
FERRY_API int
ferry_inbox_open(ferry_inbox *out, const ferry_inbox_options *options);

/*
 * The descriptor that is readable while anything is undelivered: for poll,
 * epoll, asyncio's add_reader. Ferry's own: never read, write or close it.
 * FERRY_ENOTSUP: this inbox has a doorbell function.
 */
FERRY_API int
ferry_inbox_fd(int *out, ferry_inbox inbox);

enum { /* ferry_attach_options.flags */
	FERRY_ATTACH_EVENTS = 1u << 0,  /* wants FERRY_KIND_EVENT */
	/* Wants (NOT_)RESPONDING, OVERLOADED, HELD, IN_LISTENER. */
	FERRY_ATTACH_LIVENESS = 1u << 1
};

typedef struct ferry_attach_options {
	size_t struct_size;
	uint32_t flags;          /* FERRY_ATTACH_… */
	uint32_t event_capacity; /* entries, a power of two; default 256 */
	void *user;              /* handed back with what is no REPLY */
} ferry_attach_options;

/*
 * Attaches an inbox to a context: requests may then name it, and it hears
 * the context's events and liveness as asked. FERRY_EALREADY: attached
 * before. FERRY_ECLOSED, FERRY_ENOMEM. NULL options: replies only.
 */
FERRY_API int
ferry_inbox_attach(ferry_inbox inbox, ferry_context context,
    const ferry_attach_options *options);

/*
 * What an inbox delivers. REPLY answers a request, once. The others are
 * notices: one not yet taken is merged with the next of its kind and context
 * (`count` tells how many).
 */
enum {
	FERRY_KIND_REPLY = 1,          /* request, method, status, data */
	FERRY_KIND_EVENT = 2,          /* code, data; count: dropped before */
	FERRY_KIND_STALE = 3,          /* request, method, age: still running */
	/* To the inbox that a submit refused by FERRY_EAGAIN had named, once
	 * there is room again. */
	FERRY_KIND_WRITABLE = 4,
	/* request, method, level, age, depth; status: the FERRY_VERDICT_…;
	 * data: a report as text, terminated, or NULL. Where none is in hand
	 * (see NO REQUEST in watch.h) request is 0, and code UINT32_MAX. */
	FERRY_KIND_NOT_RESPONDING = 5,
	/* The same, as it was; level: peak; age: how long it was. To who was
	 * told NOT_RESPONDING. */
	FERRY_KIND_RESPONDING = 6,
	FERRY_KIND_CLOSED = 7,         /* a context's last; it is gone */
	/* To those that want liveness: a listener holds the event thread, so
	 * that events, notices and the watchdog wait: listener, name, code (the
	 * event), level, age. Posted by the FFI thread, between requests and
	 * while it waits in ferry_context_emit(); with level FERRY_LEVEL_NONE
	 * when it has returned. */
	FERRY_KIND_IN_LISTENER = 8,
	/* To those that want liveness: a call would be NOT_RESPONDING, but it
	 * is for want of a processor: request, method, depth, data. */
	FERRY_KIND_OVERLOADED = 9,
	/* The same, but somebody (a debugger) has stopped its thread. */
	FERRY_KIND_HELD = 10
};

typedef struct ferry_completion {
	uint32_t kind;         /* FERRY_KIND_… */
	int32_t status;        /* REPLY; a verdict */
	uint32_t code;         /* method id, or event id */
	uint32_t level;        /* FERRY_LEVEL_… */
	ferry_context context;
	ferry_request request; /* 0 where there is none */
	void *user;            /* the request's, or the attachment's */
	void *data;            /* yours until ferry_block_release(); NULL if
	                        * there is none */
	size_t size;           /* bytes */
	const char *name;      /* method's, event's, listener's; or NULL */
	uint64_t age_ns;
	uint64_t depth;        /* requests queued behind it */
	uint64_t count;
	ferry_listener listener; /* IN_LISTENER; or see ferry_stall_fn */
} ferry_completion;

/*
 * Takes up to `capacity` completions; returns how many (0: none), or
 * FERRY_EINVAL, FERRY_ESTALE, or FERRY_EBUSY while another thread takes. What
 * is left over keeps the descriptor readable. The data is the taker's.
 */
FERRY_API int
ferry_inbox_take(
    ferry_completion *items, uint32_t capacity, ferry_inbox inbox);

/*
 * Waits until there may be something to take. FERRY_ETIMEDOUT, FERRY_EINTR,
 * FERRY_ESTALE; FERRY_EBUSY while another thread takes; FERRY_ENOTSUP with a
 * doorbell function; FERRY_EREENTRANT on a Ferry thread. Blocks.
 */
FERRY_API int
ferry_inbox_wait(ferry_inbox inbox, int64_t timeout_ms);

/*
 * Until it is next taken from, the inbox looks as if something had come: who
 * waits, or comes to wait, gets FERRY_OK, the descriptor is readable, or the
 * doorbell is called. For a thread that is to do something else, or to end, so
 * that the inbox can be closed. FERRY_ESTALE; FERRY_EREENTRANT in a doorbell.
 */
FERRY_API int
ferry_inbox_wake(ferry_inbox inbox);

/* Releases the data of `count` completions in one call. */
FERRY_API int
ferry_inbox_release(const ferry_completion *items, uint32_t count);

/*
 * Closes an inbox: detaches every context and waits for a doorbell in flight.
 * What was not taken, and replies still to come, are freed and counted as
 * discarded: replies by their contexts, and what was in the inbox, of any
 * kind, in *out_discarded, which may be NULL. FERRY_EBUSY while a thread takes
 * or waits; FERRY_EREENTRANT on a Ferry thread or in a doorbell.
 */
FERRY_API int
ferry_inbox_close(uint64_t *out_discarded, ferry_inbox inbox);

/* -------------------------------------------------- counters and health */

/*
 * Counts since the open. At rest, and in every snapshot as inequalities:
 *	submitted = refused + queued + started + (unstarted outcomes)
 *	started   = running + (started outcomes)
 */
typedef struct ferry_counters {
	size_t struct_size;
	/* Tried, past the checks of the arguments and of who may. */
	uint64_t submitted;
	/* Of them, answered by FERRY_EAGAIN, ESTUCK, ECLOSED, EQUIESCED or
	 * ENOMEM. */
	uint64_t refused;
	uint64_t started;            /* handlers started */
	uint64_t queued;             /* waiting now */
	uint64_t running;            /* started and unfinished now */
	uint64_t unstarted_canceled; /* answered without having started … */
	uint64_t unstarted_deadline;
	uint64_t unstarted_closed;
	uint64_t ended_ok;           /* … and answered after it */
	uint64_t ended_error;
	uint64_t ended_canceled;     /* status FERRY_ECANCELED */
	uint64_t ended_lost;         /* the handler's thread ended */
	uint64_t ended_closed;       /* abandoned by a close */
	uint64_t late_replies;       /* after an abandoned close: not sent */
	uint64_t discarded;          /* replies whose taker was gone */
	uint64_t wakes;              /* system calls made by its submits */
	/* emitted = unheard + dropped + dropped_elsewhere + dispatched + those
	 * in the queue; at rest, with one inbox that wants events, dispatched
	 * = delivered. */
	uint64_t events_emitted;     /* accepted by emit */
	uint64_t events_refused;     /* by FERRY_EVENTS_STUCK */
	uint64_t events_unheard;     /* nobody wanted events */
	uint64_t events_dropped;     /* by DROP_OLDEST, out of the queue */
	/* By DROP_OLDEST, of threads other than the FFI thread; and
	 * FERRY_EVENT_LOST, of any. */
	uint64_t events_dropped_elsewhere;
	uint64_t events_dispatched;  /* offered to all who hear */
	uint64_t events_heard;       /* calls of listeners */
	uint64_t events_delivered;   /* copies put into inboxes */
	uint64_t events_overrun;     /* copies dropped there by DROP_OLDEST,
	                              * or for want of memory */
	uint64_t stall_episodes;     /* told of by a notice, or otherwise */
	uint64_t handles_open;       /* now */
	/* Of its worker, for all contexts on it: */
	uint64_t parks;              /* times the FFI thread went to sleep */
	uint64_t observer_gaps;      /* times the watcher itself was held up */
	uint64_t threads_lost;       /* Ferry threads ended by callbacks */
} ferry_counters;

/* A snapshot, from any thread, lock-free on the request path. */
FERRY_API int
ferry_context_counters(ferry_counters *out, ferry_context context);

enum { /* ferry_health.worker, ferry_health.watcher */
	FERRY_THREAD_IDLE = 0, /* asleep */
	FERRY_THREAD_BUSY = 1,
	FERRY_THREAD_IN_LISTENER = 2, /* the watcher: in one, or in a gone */
	FERRY_THREAD_GONE = 3,
	/* The watcher: in one; the worker: it waits for one to return. */
	FERRY_THREAD_IN_CANCEL_HOOK = 4,
	FERRY_THREAD_IN_EMIT = 5, /* the worker: it waits for room */
	FERRY_THREAD_IN_DOORBELL = 6 /* either is in a doorbell function */
};

typedef struct ferry_health {
	size_t struct_size;
	uint32_t worker;         /* FERRY_THREAD_… */
	uint32_t watcher;        /* FERRY_THREAD_…; IDLE between its looks */
	uint32_t level;          /* FERRY_LEVEL_…, as last judged */
	uint32_t method;         /* of the call in hand; see method_name */
	ferry_request request;   /* the call in hand, or 0 */
	/* Or NULL; with method UINT32_MAX, and no request: "init", "fini" or
	 * "destroy", of any context on the worker. */
	const char *method_name;
	uint64_t beats;          /* the heartbeat's sequence */
	uint64_t age_ns;         /* since the watcher saw it move last */
	uint64_t watcher_age_ns; /* since the watcher looked last */
	uint64_t queued;
	uint64_t running;
	/* On Linux the system's ids, elsewhere Ferry's own; 0: unknown. */
	uint32_t worker_thread;
	uint32_t watcher_thread;
	/* The listener that the watcher is in, or 0; of any context on the
	 * worker. Its name, or NULL, and for how long. Or the context whose
	 * ferry_stall_fn it is in: "stall callback". */
	ferry_listener listener;
	const char *listener_name;
	uint64_t listener_age_ns;
	/* A cancel hook that runs, of a call of any context on the worker, on
	 * whatever thread: the one that the FFI thread waits for, if it does,
	 * else the one that has been running longest. Its request, or 0; the
	 * request's method, or NULL; and for how long. */
	ferry_request hook_request;
	const char *hook_method_name;
	uint64_t hook_age_ns;
	uint32_t hook_thread;    /* that runs it */
	uint32_t hooks;          /* that run */
	/* For how long the worker has been asleep with requests queued, at
	 * least: since somebody first asked in that sleep and found some; 0 to
	 * who asks first. Up to some milliseconds: a wake-up on its way. More:
	 * it was lost, or there is no processor for it, or a submitter was
	 * stopped before it could wake it. */
	uint64_t lost_wakeup_ns;
} ferry_health;

/* What the worker does just now; reads words only, needs neither thread. */
FERRY_API int
ferry_context_health(ferry_health *out, ferry_context context);

enum { /* ferry_running.state */
	FERRY_RUNNING_READY = 1,     /* a strand that will go on by itself */
	FERRY_RUNNING_NOW = 2,       /* holds the FFI thread */
	FERRY_RUNNING_SLEEPING = 3,  /* what: until then, ferry_clock_ns() */
	FERRY_RUNNING_AWAITING = 4,  /* what: a request */
	FERRY_RUNNING_OFFLOADED = 5,
	FERRY_RUNNING_POLLING = 6,   /* what: a descriptor */
	FERRY_RUNNING_DEFERRED = 7   /* to be answered by who has the call */
};

typedef struct ferry_running {
	ferry_request request;
	uint64_t strand;         /* its id; 0: no strand */
	const char *method_name;
	uint32_t method;
	uint32_t state;          /* FERRY_RUNNING_… */
	uint64_t age_ns;         /* since it was spawned, started, deferred */
	uint64_t progress_ns;    /* since it last began or ceased to run */
	uint64_t what;           /* that it waits for, by state; or 0 */
	uint64_t reserved[4];
} ferry_running;

/*
 * What has been started and not finished, by age_ns, the oldest first: strands,
 * deferred calls, whose age is counted in milliseconds, and the call in hand,
 * whose age is as of the watcher's last look. Returns how many it has written,
 * at most `capacity`; *out_total, if not NULL, is how many there are. Each
 * entry is whole, and who is there during the whole call is seen once. Takes no
 * lock that a handler could hold, needs no thread of the worker's. Strands that
 * ferry_strands.unlisted counts are missing. FERRY_ESTALE, FERRY_ECLOSED (fini
 * has returned), FERRY_EINVAL.
 */
FERRY_API int
ferry_context_running(ferry_running *items, uint32_t capacity,
    uint64_t *out_total, ferry_context context);

/*
 * Writes to a descriptor what Ferry does just now, as text for people, whose
 * form may change: of each open context its library, counters and health, the
 * call in hand, and the strands that have been there longest. Needs no thread
 * of Ferry's, so it works while all of them are wedged. What opens or closes
 * meanwhile may be missing.
 *
 * FERRY_EINVAL: not a descriptor that can be written to. FERRY_ETIMEDOUT: it
 * took nothing for a second. FERRY_ESYSTEM: it takes nothing any more (nobody
 * reads, the disk is full). What was written stays. Blocks while `fd` is slow,
 * also where it is a non-blocking one; raises no SIGPIPE.
 */
FERRY_API int
ferry_dump(int fd);

/*
 * From now on each signal `signo` that the process gets makes a thread of
 * Ferry's, "ferry-dump", write a dump to `fd`, which must stay open. The
 * handler only wakes it, and then calls the one that was there before, if it
 * was a function. Another call names another descriptor or another signal;
 * when it has returned nothing is written to the former descriptor any more.
 * With signo 0 or -1 (fd is ignored) the thread ends, and the former action is
 * back, unless somebody has set another one meanwhile. Signals that come while
 * a dump is written are one dump more. What a dump came to is told by the next.
 *
 * In a forked child there is no such thread, and the handler only calls the
 * one that was there before; the child may call this for itself.
 *
 * FERRY_EINVAL: not a signal that can be handled, or one that a fault raises;
 * or as for ferry_dump(). FERRY_EBUSY: a handler has been put over Ferry's.
 * FERRY_ENOMEM, FERRY_ESYSTEM (no thread or descriptor to be had),
 * FERRY_EREENTRANT from a callback. Not from a signal handler. Blocks while a
 * dump is being written.
 */
FERRY_API int
ferry_dump_on_signal(int signo, int fd);

/*
 * Before the process ends: no context starts another handler from now on
 * (what is queued is answered FERRY_ECLOSED, submits get FERRY_EQUIESCED), and
 * running ones are waited for, suspended strands too. FERRY_OK: no handler,
 * reply callback or hook of them runs any more (listeners still hear, a
 * doorbell may still ring, and an open in progress goes on). FERRY_ETIMEDOUT:
 * something still runs. Cannot be taken back. Ferry itself does nothing at
 * exit. FERRY_EREENTRANT from a callback.
 */
FERRY_API int
ferry_quiesce(int64_t timeout_ms);

#ifdef __cplusplus
}
#endif

/* Handlers that wait. */
#include <ferry/strand.h>

/* Jobs of destructors and finalizers. */
#include <ferry/cleanup.h>

/* Calls that do not come back. */
#include <ferry/watch.h>

#endif
