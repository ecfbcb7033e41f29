/*
 * Ferry's watchdog: which call does not come back, since when, how, and where.
 *
 * A part of <ferry/ferry.h>, which includes it; include that.
 *
 * The event thread of each worker watches the FFI thread's heartbeat. A call
 * that holds that thread for longer than its levels say (ferry_levels) begins
 * an *episode*. The watcher then says what the thread does, as far as the
 * system tells unprivileged callers, and where in the library it is:
 *
 *	verdict   what holds the thread: a lock, a system call, a loop …
 *	stack     frames as module, build id and offset; where libdw is
 *	          installed also function, file and line
 *	progress  whether it was somewhere else at each of three looks
 *
 * All this is read from outside: the FFI thread need not help, and no signal
 * is sent to it unless ferry_watch_signal() chose one.
 *
 * WHERE IT IS SAID. In the notice that inboxes with FERRY_ATTACH_LIVENESS get
 * (ferry_inbox_take()), to a callback, and as text to a file: by level, as
 * ferry_context_watch() asks. Without that call: notices alone, from the
 * context's notify_level on.
 *
 * NO REQUEST. The init, fini and destroy of a context are watched too, by the
 * context's own levels: their method is UINT32_MAX, and named "init", "fini" or
 * "destroy". Of an init, whose context nobody can hear of yet, the others on
 * its worker are told, each as it has asked. A reply's callback is a part of
 * its request.
 *
 * SCOPES. A handler that legally takes long says so: it pushes a scope with a
 * limit of its own, extends the one it is in, or exempts itself. While a scope
 * is the innermost one, it alone is measured; what is outside rests, and goes
 * on where it was when the scope is popped.
 */
#ifndef FERRY_WATCH_H
#define FERRY_WATCH_H

#include <ferry/ferry.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --------------------------------------------------------------- verdicts */

/*
 * What holds an FFI thread. Taken from what Linux tells a process about its
 * own threads; elsewhere, and where that is refused, UNKNOWN.
 */
enum {
	FERRY_VERDICT_UNKNOWN = 0,
	FERRY_VERDICT_SPINNING = 1,        /* it runs, and uses a processor */
	FERRY_VERDICT_BLOCKED_LOCK = 2,    /* a futex: a lock, a condition */
	FERRY_VERDICT_BLOCKED_SYSCALL = 3, /* another call to the system */
	FERRY_VERDICT_DISK_SLEEP = 4,      /* uninterruptible, in the kernel */
	FERRY_VERDICT_STARVED = 5,         /* would run, gets no processor */
	FERRY_VERDICT_STOPPED = 6,         /* by a signal */
	FERRY_VERDICT_TRACED = 7,          /* a debugger holds it */
	FERRY_VERDICT_EXITED = 8,          /* by a raw system call */
	FERRY_VERDICT_LOST_WAKEUP = 9,     /* sleeps, and has requests */
	FERRY_VERDICT_IN_LISTENER = 10,    /* waits for room in an event queue,
	                                    * which a listener holds up */
	FERRY_VERDICT_IN_CANCEL_HOOK = 11  /* waits for the hook of a cancel; or
	                                    * for room, which one holds up */
};

/* "SPINNING" and so on; "?" if there is none such. */
FERRY_API const char *
ferry_verdict_name(uint32_t verdict);

enum { /* ferry_stall.progress */
	FERRY_PROGRESS_UNKNOWN = 0,
	FERRY_PROGRESS_NONE = 1, /* at the same place at every look */
	FERRY_PROGRESS_SOME = 2  /* it moves: slow rather than wedged */
};

enum { /* ferry_frame.flags */
	FERRY_FRAME_GUESSED = 1u << 0, /* found on the stack, not unwound */
	FERRY_FRAME_INLINE = 1u << 1   /* inlined into the next one */
};

/* One frame, the innermost first. Strings live as long as the ferry_stall. */
typedef struct ferry_frame {
	uint64_t address;     /* in this process; of the return, but for the
	                       * innermost */
	uint64_t offset;      /* in the module's file, as its symbols count */
	const char *module;   /* path; or NULL */
	const char *build_id; /* hexadecimal; or NULL */
	const char *function; /* or NULL */
	const char *file;     /* or NULL */
	uint32_t line;        /* or 0 */
	uint32_t flags;       /* FERRY_FRAME_… */
} ferry_frame;

/* -------------------------------------------------------------- episodes */

enum { /* ferry_stall.kind */
	FERRY_STALL_BEGAN = 1,      /* the lowest level with an action */
	FERRY_STALL_ROSE = 2,       /* a higher one */
	FERRY_STALL_GOES_ON = 3,    /* at 2, 4, 8 … times its age at BEGAN */
	FERRY_STALL_ENDED = 4,      /* level: the peak; age: how long it was */
	FERRY_STALL_OVERLOADED = 5, /* it would have begun, but for want of a
	                             * processor: no fault of the call's */
	FERRY_STALL_HELD = 6        /* likewise, but somebody has stopped its
	                             * thread; age: for how long */
};

/*
 * One report. What is not known is 0, or NULL. Lives until the callback that
 * got it returns.
 */
typedef struct ferry_stall {
	size_t struct_size;
	uint32_t kind;             /* FERRY_STALL_… */
	uint32_t level;            /* FERRY_LEVEL_… */
	uint32_t verdict;          /* FERRY_VERDICT_… */
	uint32_t progress;         /* FERRY_PROGRESS_… */
	ferry_context context;     /* whose call it is */
	ferry_request request;
	const char *library;
	const char *method_name;
	uint32_t method;           /* UINT32_MAX: no request's, see method_name;
	                            * if that is NULL, nobody's */
	uint32_t submitter;        /* system id of the thread that submitted */
	uint32_t worker_thread;    /* system id of the FFI thread */
	uint32_t looks;            /* samples that this rests on */
	uint64_t age_ns;           /* as counted: without what the process was
	                            * stopped, or had no processor for */
	uint64_t depth;            /* requests queued in the context */
	uint64_t oldest_ns;        /* for how long the oldest has, at least */
	uint64_t cpu_ns;           /* that the thread used meanwhile … */
	uint64_t delay_ns;         /* … and waited for a processor */
	uint64_t suppressed;       /* reports left out since the last, to keep
	                            * to the rate */
	const char *scope;         /* the innermost scope's name */
	const char *reason;        /* of its extension */
	int64_t syscall;           /* number; -1: not in one, or not known */
	const char *syscall_name;
	int64_t descriptor;        /* that it is called on; -1: none */
	const char *target;        /* what the descriptor is */
	uint64_t lock;             /* address of the futex */
	uint32_t owner;            /* thread id, a hint: what the C library
	                            * keeps in a mutex at that address */
	uint32_t n_frames;
	const ferry_frame *frames;
	const char *text;          /* all of it, for people */
} ferry_stall;

enum { /* what a ferry_stall_fn returns */
	FERRY_STALL_GO_ON = 0,
	/* The call is given its time anew: the age starts over, and nothing is
	 * reported before the level is reached again. */
	FERRY_STALL_KEEP_WAITING = 1
};

/* Hears of episodes, on the event thread: what ferry_listener_fn says of
 * listeners holds, but it may not add or remove any. Must be short: one that
 * does not return is named as a listener is, by "stall callback" and, in the
 * place of a listener's, the token of its context. */
typedef int (*ferry_stall_fn)(const ferry_stall *stall, void *user);

enum { /* ferry_watch_options.actions[] */
	FERRY_ACTION_NOTICE = 1u << 0,   /* to inboxes that want liveness */
	FERRY_ACTION_CALLBACK = 1u << 1,
	FERRY_ACTION_FILE = 1u << 2
};

enum { /* ferry_watch_options.flags */
	FERRY_WATCH_NO_STACKS = 1u << 0,  /* copy none */
	FERRY_WATCH_NO_SYMBOLS = 1u << 1  /* module and offset are enough */
};

typedef struct ferry_watch_options {
	size_t struct_size;
	uint32_t flags;            /* FERRY_WATCH_… */
	/* Callbacks and file reports come no closer together than this;
	 * what is left out is counted. Default 1000 ms, FERRY_OFF: no limit. */
	uint32_t interval_ms;
	/* What is done when a level is reached, SLOW to FATAL: a union of
	 * FERRY_ACTION_…. 0: notice, callback and file, as far as there are
	 * any, from the context's notify_level on, and nothing below it;
	 * FERRY_OFF: nothing. OVERLOADED and HELD follow this by the level
	 * that the call would have reached by the clock: they are told once,
	 * when that is the lowest at which anything is done, or above. Who has
	 * heard of a begin hears of the end, and nobody else. */
	uint32_t actions[4];
	ferry_stall_fn callback;   /* or NULL */
	void *user;
	/* Reports are appended to this file, which is created if need be and
	 * opened for each, so that it may be moved away. NULL: none. */
	const char *path;
} ferry_watch_options;

/*
 * Says what is to be done about calls of this context that do not come back,
 * in place of what was said before; NULL options: notices alone. When it has
 * returned, the former callback does not run and will not.
 *
 * FERRY_EINVAL (also: an action whose callback or path is missing),
 * FERRY_ESTALE, FERRY_ECLOSED (fini has returned), FERRY_ENOMEM,
 * FERRY_EREENTRANT (from a callback or a Ferry thread). Waits for a callback
 * that runs, and for half a second at most while something else holds the
 * loader, which is to load libdw.
 */
FERRY_API int
ferry_context_watch(ferry_context context, const ferry_watch_options *options);

/*
 * Lets the watcher see where a *running* FFI thread is: a thread that blocks
 * is read from outside, one that spins only stands still in a signal handler.
 * From now on the watcher may send `signo` to FFI threads whose call is about
 * to be reported. Ferry's handler copies registers and stack and does nothing
 * else; a signal that was not the watcher's goes to the handler that was
 * there before. FFI threads unblock the signal when they next go to sleep, or
 * start. It is not sent while it is ignored, while the thread blocks it, or
 * while somebody else's handler is in place; what is not answered within
 * 100 ms is given up. 0 takes it back.
 *
 * FERRY_EINVAL: not a signal that can be handled, or one that a fault raises.
 * FERRY_EBUSY: a handler has been put over Ferry's. FERRY_ENOTSUP: not here.
 * FERRY_ENOMEM. FERRY_EREENTRANT from a callback. Not from a signal handler.
 */
FERRY_API int
ferry_watch_signal(int signo);

/* ---------------------------------------------------------------- scopes */

#define FERRY_SCOPES_MOST 8 /* pushed and not popped, of one call */
#define FERRY_SCOPE_NAME 47 /* bytes kept of a name or reason */

/*
 * From here on the call may take limit_ms (1 and more, under FERRY_OFF) until
 * the scope is popped: the method's levels are stretched so that the one at
 * which an episode begins comes then. `name` is copied. In the handler, on its
 * own thread; what is not popped when the handler returns is popped then. A
 * strand keeps its scopes while it waits; that time does not count.
 *
 * FERRY_EINVAL, FERRY_ESTALE; FERRY_ETHREAD: not in the call's handler;
 * FERRY_EAGAIN: FERRY_SCOPES_MOST are pushed; FERRY_ENOMEM: in a strand.
 */
FERRY_API int
ferry_scope_push(ferry_call call, const char *name, uint32_t limit_ms);

/* The innermost scope may take more_ms longer, or the call itself, if there is
 * none. `reason` is copied and reported. Errors as for push, but EAGAIN. */
FERRY_API int
ferry_scope_extend(ferry_call call, uint32_t more_ms, const char *reason);

/* A scope without a limit: nothing is measured until it is popped. `reason` is
 * its name. Errors as for push. */
FERRY_API int
ferry_scope_exempt(ferry_call call, const char *reason);

/* Pops the innermost scope. FERRY_EINVAL also: there is none. */
FERRY_API int
ferry_scope_pop(ferry_call call);

/* ------------------------------------------------ what was, in numbers */

/*
 * The ledger: calls that reached SLOW, whether the watcher saw them or not, as
 * the FFI thread itself found when they returned. The last 64 of a context.
 */
typedef struct ferry_ledger_entry {
	ferry_request request;
	uint64_t strand;         /* its id; 0: no strand */
	const char *method_name;
	uint32_t method;
	uint32_t level;          /* FERRY_LEVEL_… that it reached */
	uint64_t ended_ns;       /* ferry_clock_ns() */
	uint64_t lasted_ns;      /* wall time; to half a tick of the watcher's,
	                          * see docs/watchdog.md */
	uint32_t seen;           /* 1: the watcher saw it at that level */
	uint32_t reserved;
} ferry_ledger_entry;

/*
 * Copies the ledger, the latest first. Returns how many entries it has
 * written, at most `capacity`; *out_total, if not NULL, is how many there have
 * been since the open. Each entry is whole. FERRY_EINVAL, FERRY_ESTALE,
 * FERRY_ECLOSED (fini has returned).
 */
FERRY_API int
ferry_context_ledger(ferry_ledger_entry *items, uint32_t capacity,
    uint64_t *out_total, ferry_context context);

enum { /* ferry_context_metrics() */
	FERRY_METRICS_TEXT = 1, /* Prometheus' text format 0.0.4 */
	FERRY_METRICS_JSON = 2
};

/*
 * All counters of a context, of its strands and its ledger, and of each method
 * histograms of how long requests waited and ran, into `buf` (size bytes;
 * terminated by a zero byte if size is not 0). *out_size is the length of the
 * whole, without the zero byte, whether it had room or not: FERRY_E2BIG if it
 * had not. Allocates nothing, takes no lock that a handler could hold.
 * docs/watchdog.md has the names and what is sampled. FERRY_EINVAL,
 * FERRY_ESTALE, FERRY_ECLOSED.
 */
FERRY_API int
ferry_context_metrics(size_t *out_size, char *buf, size_t size,
    ferry_context context, uint32_t format);

/* --------------------------------------------------------- for tests */

enum { /* ferry_debug_wedge() */
	FERRY_WEDGE_SPIN = 1,  /* computes */
	FERRY_WEDGE_SLEEP = 2, /* in a system call */
	FERRY_WEDGE_LOCK = 3,  /* for a mutex that another thread holds */
	FERRY_WEDGE_READ = 4,  /* from a pipe to which nobody writes */
	FERRY_WEDGE_STARVE = 5 /* computes, while threads of its own use all
	                        * processors */
};

/*
 * For hosts' own tests of what they do about a stall: holds the FFI thread in
 * that way for `ms`, and returns FERRY_OK. In a handler, on its own thread, not
 * in a strand. FERRY_ECANCELED: the call was cancelled meanwhile, and it ended
 * early. FERRY_EINVAL, FERRY_ESTALE, FERRY_ETHREAD, FERRY_ENOMEM, FERRY_ESYSTEM
 * (no thread or descriptor to be had).
 */
FERRY_API int
ferry_debug_wedge(ferry_call call, uint32_t how, uint32_t ms);

#ifdef __cplusplus
}
#endif

#endif
