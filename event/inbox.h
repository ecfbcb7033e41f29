/*
 * Inboxes: completions for event loops.
 *
 * Owns: inboxes, attachments (context x inbox), the doorbell and its protocol.
 *
 * An inbox is a push list of posts. A reply's post is inside its node, a
 * notice's inside its attachment: posting cannot fail for want of memory and
 * never waits. It can be refused, by the generation or the CLOSED bit of the
 * list's head, when the inbox has been closed; the poster then discards.
 *
 * The doorbell word is `epoch << 2 | {QUIET, RINGING, RUNG}` and follows the
 * rule of the park word (park.h):
 *
 *	poster  after its push: from {QUIET e} to {RINGING e}, rings, then
 *	        from {RINGING e} to {RUNG e}; who finds RINGING rings too;
 *	        who finds RUNG goes
 *	taker   clears the descriptor, then sets {QUIET e+1}, then takes
 *
 * A poster that finds RUNG relies on a ring that has happened and has not
 * been cleared, because the taker clears before it sets QUIET, and takes
 * after it. What was taken and not yet delivered keeps the descriptor
 * readable: the taker rings it itself. Modelled in tests/model/doorbell.pml.
 *
 * A ring is announced in `ringing` before it is made. close() marks the word
 * CLOSED (seq_cst), then waits until nobody is ringing (seq_cst): so no
 * descriptor is written, and no doorbell function runs, after close returned.
 */
#ifndef FERRY_EVENT_INBOX_H
#define FERRY_EVENT_INBOX_H

#include <ck_ring.h>

#include "ffi/alloc.h"
#include "ffi/node.h"

enum post_kind {
	POST_REPLY,
	POST_STALE,
	POST_NOTICE /* of an attachment */
};

enum notice_kind {
	NOTICE_EVENTS,
	NOTICE_LIVENESS,
	NOTICE_WRITABLE,
	NOTICE_CLOSED,
	NOTICES
};

/* One slot each: posted while `pending` is not 0, merged until taken. */
struct notice {
	struct post post;
	atom32 pending;
	uint32_t kind; /* enum notice_kind */
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
};

/* An event on its way to one taker: a block with a head of its own. */
struct parcel {
	uint32_t event;
	uint32_t size;
	const char *name;
	uint64_t number; /* among those offered to its attachment */
	struct block block;
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
	uint64_t offered;    /* parcels, dropped ones included; event thread's */
	uint64_t sequence;   /* of the event offered last; event thread's */
	uint64_t taken;      /* number of the parcel taken last; taker's */
	atom32 room_wanted;  /* the event thread waits for room */
	void (*room)(void *arg);
	void *room_arg;
	/* Liveness as a sequence lock: one writer, the event thread. */
	atom32 liveness_sequence;
	atom64 liveness[7];
	struct attachment *next_of_context; /* under the context's mutex */
	struct attachment *next_of_inbox;   /* under the inbox's mutex */
};

/* The attachments of one context. */
struct attachments {
	pthread_mutex_t mutex;
	struct attachment *first;
};

/* The inbox behind a token; FERRY_EINVAL, FERRY_ESTALE. */
int ferry__inbox_find(ferry_inbox token, struct slot **out);

/* Whether a slot found before still names this token. */
bool ferry__inbox_is(const struct slot *s, ferry_inbox token);

uint64_t ferry__inbox_generation(ferry_inbox token);

/* Posts a reply (the node is the inbox's from then on); false: closed. */
bool ferry__inbox_post_reply(struct node *n);

/* Posts a STALE notice; the caller has added a reference. false: closed. */
bool ferry__inbox_post_stale(struct node *n);

/* Posts or merges a notice; a closed inbox is ignored. */
void ferry__inbox_post_notice(struct attachment *a, enum notice_kind kind);
void ferry__inbox_post_liveness(
    struct attachment *a, const struct liveness *what);

/* Tells a home's thread, where it asked for it, that there is room. */
void ferry__inbox_post_room(struct home *h);

/* Attaches; FERRY_EALREADY, FERRY_ENOMEM, FERRY_ESTALE. */
int ferry__inbox_attach(struct attachments *list, ferry_inbox inbox,
    ferry_context context, const ferry_attach_options *options,
    void (*room)(void *arg), void *room_arg);

/* Whether the inbox is attached to the context of the list. */
bool ferry__inbox_attached(struct attachments *list, ferry_inbox inbox);

/* An event's parcel with a copy of its data; NULL: no memory. The event
 * thread packs it, or makes room by dropping the oldest. */
struct parcel *ferry__inbox_parcel(const void *data, uint32_t size);
bool ferry__inbox_pack(struct attachment *a, struct parcel *p);
bool ferry__inbox_drop_oldest(struct attachment *a);

/* Calls visit() for each that lives, and lets go of those that do not;
 * without the mutex, but only one thread (the event thread) may do so. */
void ferry__inbox_each(struct attachments *list,
    void (*visit)(struct attachment *a, void *arg), void *arg);

/* The context lets go of all its attachments. */
void ferry__inbox_detach_all(struct attachments *list);

#endif
