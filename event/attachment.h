/*
 * Attachments: what an inbox hears of a context besides replies.
 *
 * Owns: attachments (context x inbox), their notices and event parcels.
 *
 * A notice has one slot an attachment and kind: posted while it is pending,
 * merged until it is taken. Events are packed into parcels, one an inbox,
 * which go by a bounded ring of the attachment; they are blocks from malloc,
 * because the taker may keep them for as long as it likes, and a pool would
 * let one that keeps them starve the delivery.
 *
 * An attachment is referred to by its context's list, by its inbox's, by each
 * posted notice, and by who looks it up; the last one puts it into a pool.
 */
#ifndef FERRY_EVENT_ATTACHMENT_H
#define FERRY_EVENT_ATTACHMENT_H

#include <ck_ring.h>

#include "event/hearing.h"
#include "ffi/alloc.h"
#include "ffi/home.h"

enum notice_kind {
	NOTICE_EVENTS,
	NOTICE_LIVENESS,
	NOTICE_WRITABLE,
	NOTICE_LISTENER,
	NOTICE_CLOSED,
	NOTICES
};

/* One slot each: posted while `pending` is not 0, merged until taken. */
struct notice {
	struct post post;
	atom32 pending;
	uint32_t kind; /* enum notice_kind */
};

#define WORDS 8

/* What belongs together, read while it may be written: odd, while it is. */
struct words {
	atom32 sequence;
	atom64 word[WORDS];
	uint32_t taken; /* the sequence of those taken last; the taker's */
};

/* What a liveness notice says. */
struct liveness {
	uint32_t kind; /* FERRY_KIND_NOT_RESPONDING or FERRY_KIND_RESPONDING */
	uint32_t level;
	uint32_t method;
	ferry_request request;
	const char *name;
	uint64_t age_ns;
	uint64_t depth;
	uint32_t verdict;
};

/* The report that belongs to one: a block with a head of its own. */
struct liveness_text {
	uint32_t stamp; /* of the words that it belongs to */
	uint32_t size;
	struct block block;
};

/* An event on its way to one taker: a block with a head of its own. */
struct parcel {
	uint32_t event;
	uint32_t size;
	const char *name;
	uint64_t number; /* among those offered to its attachment */
	struct block block;
};

/* What a notice says of a listener that does not return, or has returned. */
struct listening {
	ferry_listener listener;
	uint32_t event;
	uint32_t level;      /* FERRY_LEVEL_NONE: it has */
	uint64_t age_ns;
	const char *name;    /* the listener's, else the event's, or NULL */
};

struct inbox;

struct attachment {
	struct inbox *inbox;
	uint64_t inbox_token;
	uint64_t generation; /* of the inbox's list */
	ferry_context context;
	uint32_t flags;      /* FERRY_ATTACH_… */
	void *user;
	atom32 dead;         /* the inbox has been closed */
	/* Context's list, inbox's list, each posted notice, who looks it up. */
	atom32 references;
	bool closed_taken;   /* the taker's: nothing comes after CLOSED */
	struct notice notices[NOTICES];
	/* Parcels: the event thread puts in, it and the taker take out. */
	ck_ring_t ring;
	ck_ring_buffer_t *slots;
	struct hearing hearing; /* the event thread's */
	uint64_t taken;      /* number of the parcel taken last; taker's */
	atom32 room_wanted;  /* the event thread waits for room */
	void (*room)(void *arg);
	void *room_arg;
	/* Sequence locks, of one writer each: the event thread, and (of
	 * listeners, which are what that may be stuck in) the FFI thread. */
	struct words liveness;
	atomp liveness_text; /* struct liveness_text, untaken; or NULL */
	struct words listening;
	atom32 episodes;     /* begun since the last one was taken */
	bool in_episode;     /* the event thread's: has been told of it */
	struct attachment *next_of_context; /* under the context's mutex */
	struct attachment *next_of_inbox;   /* under the inbox's mutex */
	struct attachment *next_told;       /* the FFI thread's */
};

/* The attachments of one context. */
struct attachments {
	pthread_mutex_t mutex;
	struct attachment *first;
	atom32 hearers; /* living ones that want events, as of the last look */
};

/* Posts or merges a notice; a closed inbox is ignored. */
void ferry__attachment_post_notice(struct attachment *a, enum notice_kind kind);
/* With a report of `size` bytes, unless there is no memory for a copy. Event
 * thread. RESPONDING only where it has posted NOT_RESPONDING before. */
void ferry__attachment_post_liveness(struct attachment *a,
    const struct liveness *what, const char *text, size_t size);

/* FFI thread: tells all who want liveness of a listener. Doorbells ring. */
void ferry__attachment_post_listening(
    struct attachments *list, const struct listening *what);

/* Tells a home's thread, where it asked for it, that there is room. */
void ferry__attachment_post_room(struct home *h);

/* Attaches, to hear events from here on; FERRY_EALREADY, FERRY_ENOMEM,
 * FERRY_ESTALE. */
int ferry__attachment_open(struct attachments *list, ferry_inbox inbox,
    ferry_context context, const ferry_attach_options *options,
    const struct hearing *from, void (*room)(void *arg), void *room_arg);

/* Whether the inbox is attached to the context of the list. */
bool ferry__attachment_attached(struct attachments *list, ferry_inbox inbox);

/* An event's parcel with a copy of its data; NULL: no memory. The event
 * thread packs it where there is room, or makes some by dropping the oldest. */
struct parcel *ferry__attachment_parcel(const void *data, uint32_t size);
bool ferry__attachment_has_room(const struct attachment *a);
void ferry__attachment_pack(struct attachment *a, struct parcel *p);
bool ferry__attachment_drop_oldest(struct attachment *a);

/* Event thread: lets go of those that live no more, and counts hearers. */
void ferry__attachment_tidy(struct attachments *list);

/* Event thread: tidies, and calls visit() for the rest, without the mutex. */
void ferry__attachment_each(struct attachments *list,
    void (*visit)(struct attachment *a, void *arg), void *arg);

/* In a forked child: see ffi/forked.c. */
void ferry__attachment_forked(void);

/* The context lets go of all its attachments. */
void ferry__attachment_detach_all(struct attachments *list);

/* The taker's: the oldest parcel, or NULL; what the last notice of its kind
 * says, with its report or NULL (false: it has been taken); and letting a
 * reference go. */
struct parcel *ferry__attachment_unpack(struct attachment *a);
bool ferry__attachment_liveness(struct liveness *out, struct attachment *a,
    struct liveness_text **text);
bool ferry__attachment_listening(struct listening *out, struct attachment *a);
void ferry__attachment_unref(struct attachment *a);

#endif
