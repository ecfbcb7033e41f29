/*
 * The watching half of an event thread: looks at the heartbeat, has the
 * watchdog (watchdog.h) judge it, gathers evidence, and does what the host
 * wants done about it.
 *
 * Threads: the event thread. Nothing is looked at but the heartbeat's word as
 * long as that moves, or says that the worker sleeps.
 */
#ifndef FERRY_EVENT_JUDGE_H
#define FERRY_EVENT_JUDGE_H

#include "event/report.h"
#include "event/watchdog.h"
#include "ffi/scope.h"

struct event_thread;
struct source;

/* Who holds the FFI thread; filled in by the worker's side. */
struct suspect {
	ferry_request request;
	ferry_context context;
	/* Of code of the host's that is no request's, else NULL: its library.
	 * Its `name` is "init" & co, its method UINT32_MAX. */
	const char *library;
	const char *name;            /* of the method */
	uint32_t method;
	uint32_t submitter;
	struct watchdog_limits limits; /* the method's */
	/* Of the innermost scope, 0: none; or what the call was given more. */
	uint64_t limit_ms;
	uint64_t extended_ms;
	uint32_t n;                  /* pieces of work: outermost first */
	uint64_t serial[WATCHDOG_PIECES];
	char scope[FERRY_SCOPE_NAME + 1];
	char reason[FERRY_SCOPE_NAME + 1];
};

/* A callback's or file's turn, which waits for the frames for a moment. */
struct pending {
	uint32_t actions;            /* FERRY_ACTION_…; 0: nothing */
	uint64_t due_ns;
	struct report_case about;    /* as it was then */
};

struct docket;                       /* evidence and report: docket.c */

struct judge {
	struct watchdog dog;
	uint64_t turn;               /* looks so far */
	struct suspect suspect;      /* as of the last look that found one */
	struct suspect blamed;       /* of the episode that goes on */
	struct docket *docket;       /* made at the first need, for ever */
	struct facts before;         /* of the last look, if `word` stands */
	uint64_t before_word;
	uint64_t ahead_ns;           /* counted of a wait that goes on */
	struct awaited_room room;    /* at the last gathering, … */
	uint64_t room_serial;        /* … which was about this */
	struct pending pending;
	uint32_t level;              /* the highest that has been acted on */
	uint64_t lost_word;          /* of a lost wake-up told of; or 0 */
	uint64_t lost_since_ns;
};

/*
 * A method's limits, with those of a scope of limit_ms (0: none), or extended:
 * stretched, so that what comes first of notify_level and above comes then.
 */
void ferry__judge_limits(struct watchdog_limits *l, uint32_t notify_level,
    uint64_t limit_ms, uint64_t extended_ms);

/* Starts over, as when the watcher leaves its deep sleep. */
void ferry__judge_reset(struct event_thread *t, uint64_t now_ns);

/* A look that was planned `planned_ns` after the last one. `first` heads the
 * list of sources. */
void ferry__judge_look(struct event_thread *t, struct source *first,
    uint64_t now_ns, uint64_t planned_ns);

/* Between looks: what waited for frames, which may have come. */
void ferry__judge_attend(
    struct event_thread *t, struct source *first, uint64_t now_ns);

/* The source finishes: nothing of its host's is called or kept any more; what
 * goes to its file is written, if the disk lets it. */
void ferry__judge_leave(
    struct event_thread *t, struct source *first, struct source *s);

/* In a successor: a callback has ended the thread. */
void ferry__judge_mend(struct source *first);

/* Whether the worker sleeps while there is something for it. */
bool ferry__judge_stirs(struct event_thread *t, struct source *first);

#endif
