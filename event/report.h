/*
 * A report: what is known of a call that does not come back, as a ferry_stall
 * and as text for people.
 *
 * Pure but for the time of day.
 */
#ifndef FERRY_EVENT_REPORT_H
#define FERRY_EVENT_REPORT_H

#include "event/evidence.h"

#define REPORT_TEXT (16u * 1024u)

/* What the event thread knows of it, besides the evidence. */
struct report_case {
	uint32_t kind;            /* FERRY_STALL_… */
	uint32_t level;
	uint64_t age_ns;
	uint64_t suppressed;
	ferry_context context;
	ferry_request request;
	const char *library;
	const char *method_name;
	uint32_t method;
	uint32_t submitter;
	uint32_t worker_thread;
	uint64_t depth;
	uint64_t oldest_ns;
	uint64_t behind;          /* queued in all contexts of the thread */
	uint64_t behind_ns;       /* the oldest, at least; 0: not known */
	uint64_t starved_ns;      /* left out of the age for that … */
	uint64_t used_ns;         /* what it used meanwhile, if … */
	bool use_known;           /* … that is known */
	uint64_t held_ns;         /* … or because it was stopped */
	const char *scope;        /* "": none */
	const char *reason;       /* likewise */
	struct awaited_room room; /* or of no context */
	bool idle_with_work;
};

struct report {
	ferry_stall stall;        /* its text, frames and strings: */
	size_t size;              /* of the text, without its end */
	char text[REPORT_TEXT];
};

/* Frames may be NULL, and stay the scribe's; strings of the finding are its
 * own. */
void ferry__report_make(struct report *r, const struct report_case *c,
    const struct finding *found, const struct frames *frames);

/* A level's name: "slow". */
const char *ferry__report_level(uint32_t level);

#endif
