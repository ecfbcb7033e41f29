/*
 * Inboxes: completions for event loops.
 *
 * Owns: inboxes, and what a taker has taken and not yet delivered.
 *
 * An inbox is a push list of posts. A reply's post is inside its node, a
 * notice's inside its attachment: posting cannot fail for want of memory and
 * never waits. It can be refused, by the generation or the CLOSED bit of the
 * list's head, when the inbox has been closed; the poster then discards.
 */
#ifndef FERRY_EVENT_INBOX_H
#define FERRY_EVENT_INBOX_H

#include "event/attachment.h"
#include "event/door.h"
#include "ffi/home.h"

enum post_kind {
	POST_REPLY,
	POST_STALE,
	POST_NOTICE /* of an attachment */
};

struct inbox {
	struct list posts;
	struct door door;
	/* Constant while the inbox is open. */
	struct slot *slot;
	ferry_inbox token;
	/* The taker's. */
	ON_OWN_LINE atom32 taking;
	struct link *taken;           /* oldest first */
	struct attachment *unpacking; /* has parcels left, before `taken` */
	bool closing;                 /* what is taken is discarded */
	/* Attachments, under the mutex. */
	pthread_mutex_t mutex;
	struct attachment *attachments;
};

/* The inbox behind a token; FERRY_EINVAL, FERRY_ESTALE. */
int ferry__inbox_find(ferry_inbox token, struct slot **out);

/* Whether a slot found before still names this token. */
bool ferry__inbox_is(const struct slot *s, ferry_inbox token);

uint64_t ferry__inbox_generation(ferry_inbox token);

/* In a forked child: see ffi/forked.c. */
void ferry__inbox_forked(void);

/* Posts a reply (the node is the inbox's from then on); false: closed. */
bool ferry__inbox_post_reply(struct node *n);

/* Posts a STALE notice; the caller has added a reference. false: closed. */
bool ferry__inbox_post_stale(struct node *n);

/* Pushes a post and rings if need be; false: closed, or of another life. */
bool ferry__inbox_push(
    struct inbox *b, uint64_t generation, struct post *p);

#endif
