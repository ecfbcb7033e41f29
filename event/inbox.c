/*
 * Inboxes; the protocol and its proof are in inbox.h.
 *
 * Threads: posting from any, lock-free. One taker at a time; its private list
 * is guarded by the `taking` word. The mutexes of an inbox and of a context's
 * list guard only the lists of attachments, and no callback runs under them.
 */
#include "event/inbox.h"

#include <string.h>

#include "ffi/options.h"
#include "ffi/self.h"

/* A head of LIST_TAG_SMALL has 19 bits of generation. */
static struct slot_table inboxes =
    SLOT_TABLE(TOKEN_INBOX, (UINT64_C(1) << 19) - 1);

/* ---------------------------------------------------------------- posting */

bool
ferry__inbox_push(struct inbox *b, uint64_t generation, struct post *p)
{
	if (!ferry__list_push(
	        &b->posts, &p->link, &p->link, generation, LIST_TAG_SMALL))
		return false;
	ferry__door_knock(&b->door);
	return true;
}

bool
ferry__inbox_post_reply(struct node *n)
{
	n->reply_post.kind = POST_REPLY;
	return ferry__inbox_push(
	    n->inbox, n->inbox_generation, &n->reply_post);
}

bool
ferry__inbox_post_stale(struct node *n)
{
	n->stale_post.kind = POST_STALE;
	return ferry__inbox_push(
	    n->inbox, n->inbox_generation, &n->stale_post);
}


/* ---------------------------------------------------------- open and find */

int
ferry__inbox_find(ferry_inbox token, struct slot **out)
{
	return ferry__token_find(&inboxes, token, out);
}

bool
ferry__inbox_is(const struct slot *s, ferry_inbox token)
{
	return atom64_load_relaxed(&s->token) == token;
}

uint64_t
ferry__inbox_generation(ferry_inbox token)
{
	return ferry__token_count(token);
}

static int
find(ferry_inbox token, struct inbox **out)
{
	struct slot *s;
	int r = ferry__inbox_find(token, &s);

	if (r == FERRY_OK)
		*out = atomp_load_relaxed(&s->object);
	return r;
}

static struct inbox *
inbox_of(struct slot *s)
{
	struct inbox *b = atomp_load_relaxed(&s->object);

	if (b == NULL) {
		b = ferry__alloc_for_ever(sizeof *b);
		if (b == NULL)
			return NULL;
		pthread_mutex_init(&b->mutex, NULL);
		b->slot = s;
		atomp_store_relaxed(&s->object, b);
	}
	return b;
}

int
ferry_inbox_open(ferry_inbox *out, const ferry_inbox_options *options)
{
	ferry_inbox_options o;
	struct slot *s;
	struct inbox *b;
	int fd = -1;

	if (out == NULL ||
	    ferry__options_read(&o, sizeof o, options) != FERRY_OK ||
	    o.flags != 0 || o.reserved != 0)
		return FERRY_EINVAL;
	ferry__fork_enter();
	if (ferry__self.roles != 0)
		return FERRY_EREENTRANT;
	if (ferry__os_start() != 0)
		return FERRY_ENOMEM;
	s = ferry__token_reserve(&inboxes);
	b = s != NULL ? inbox_of(s) : NULL;
	if (b == NULL) {
		if (s != NULL)
			ferry__token_free(&inboxes, s);
		return FERRY_ENOMEM;
	}
	if (o.doorbell == NULL && ferry__os_bell_open(&fd) != 0) {
		ferry__token_free(&inboxes, s);
		return FERRY_ESYSTEM;
	}
	ferry__door_open(&b->door, fd, o.doorbell, o.user);
	b->taken = NULL;
	b->unpacking = NULL;
	b->closing = false;
	b->token = ferry__token_next(&inboxes, s);
	ferry__list_open(&b->posts, ferry__inbox_generation(b->token));
	ferry__token_publish(s, b->token, b);
	*out = b->token;
	return FERRY_OK;
}

int
ferry_inbox_fd(int *out, ferry_inbox inbox)
{
	struct inbox *b;
	int r = out == NULL ? FERRY_EINVAL : find(inbox, &b);

	if (r != FERRY_OK)
		return r;
	if (b->door.ring != NULL)
		return FERRY_ENOTSUP;
	*out = b->door.fd;
	return FERRY_OK;
}

/* ----------------------------------------------------------------- taking */

/* One taker, waiter or closer at a time; and the token is still good. */
static int
begin_taking(struct inbox *b, ferry_inbox token)
{
	uint32_t no = 0;

	/* pair(taking) acq_rel: the last taker's private list. */
	if (!atom32_cas_acqrel(&b->taking, &no, 1))
		return FERRY_EBUSY;
	/* pair(slot) acquire: close() revokes while it holds this word. */
	if (atom64_load_acquire(&b->slot->token) == token)
		return FERRY_OK;
	/* pair(taking) release. */
	atom32_store_release(&b->taking, 0);
	return FERRY_ESTALE;
}

static void
end_taking(struct inbox *b)
{
	/* pair(taking) release. */
	atom32_store_release(&b->taking, 0);
}

static void
refill(struct inbox *b)
{
	uint64_t head;

	ferry__door_hush(&b->door);
	head = ferry__list_take(&b->posts, LIST_TAG_SMALL);
	b->taken =
	    ferry__list_reverse(ferry__list_first(head, LIST_TAG_SMALL));
}

/* Something is left over: keep the loop coming. */
static void
ring_again(struct inbox *b)
{
	ferry__door_knock(&b->door);
}

static void
fill_reply(ferry_completion *c, struct node *n)
{
	int status = 0;
	bool answered = ferry__node_answered(n, &status);

	*c = (ferry_completion){
		.kind = FERRY_KIND_REPLY,
		.status = answered ? status : n->status,
		.code = ferry__node_method(n),
		.context = ferry__home_token(n->home),
		.request = ferry__node_token(n, TOKEN_REQUEST),
		.user = n->user,
		.data = answered ? NULL : n->reply,
		.size = answered ? 0 : n->reply_size,
		.name = ferry__node_method_name(n),
		.count = 1,
	};
}

/* The reply is the taker's; the node goes home unless somebody else still
 * holds it. */
static void
finish_node(struct inbox *b, struct node_chain *home, struct node *n)
{
	if (UNLIKELY(b->closing))
		count_shared_add(&n->home->discarded, 1);
	ferry__node_taken(n);
	if (ferry__node_drop(n))
		ferry__node_give(home, n);
}

static bool
take_stale(ferry_completion *c, struct node *n, struct node_chain *home)
{
	/* Relaxed: this thread took the reply, if it was taken. */
	bool told = ferry__node_status(ferry__node_token(n, TOKEN_REQUEST),
	                atom64_load_relaxed(&n->claim),
	                atom64_load_relaxed(&n->state)) != FERRY_ESTALE;
	/* pair(stale) acq_rel: the post may be used again. */
	uint64_t word = atom64_xchg_acqrel(&n->stale_posted, 0);

	if (told)
		*c = (ferry_completion){
			.kind = FERRY_KIND_STALE,
			.code = ferry__node_method(n),
			.context = ferry__home_token(n->home),
			.request = ferry__node_token(n, TOKEN_REQUEST),
			.user = n->user,
			.name = ferry__node_method_name(n),
			.age_ns = ferry__node_stale_age_ns(word),
			.count = ferry__node_stale_count(word),
		};
	if (ferry__node_drop(n))
		ferry__node_give(home, n);
	return told;
}

static void
take_parcel(ferry_completion *c, struct attachment *a, struct parcel *p)
{
	*c = (ferry_completion){
		.kind = FERRY_KIND_EVENT,
		.code = p->event,
		.context = a->context,
		.user = a->user,
		.data = ferry__alloc_block_data(&p->block),
		.size = p->size,
		.name = p->name,
		/* The gap in the numbers: what was dropped before it. */
		.count = p->number - a->taken - 1,
	};
	a->taken = p->number;
}

/* Parcels of the attachment being unpacked; 0 when there is none left. */
static uint32_t
take_parcels(struct inbox *b, ferry_completion *items, uint32_t capacity)
{
	struct attachment *a = b->unpacking;
	struct parcel *p = NULL;
	uint32_t n = 0;

	while (n < capacity && (p = ferry__attachment_unpack(a)) != NULL)
		take_parcel(&items[n++], a, p);
	/* pair(event-room) seq_cst: the want is looked at after room was
	 * made; the event thread announces it before it looks for room. An
	 * exchange there too: nothing else orders CK's relaxed one before. */
	if (n != 0 && atom32_xchg_seqcst(&a->room_wanted, 0) != 0)
		a->room(a->room_arg);
	if (p == NULL) {
		b->unpacking = NULL;
		ferry__attachment_unref(a);
	}
	return n;
}

/* Takes the attachment off the inbox's list, and lets that reference go. */
static void
unlist(struct inbox *b, struct attachment *a)
{
	struct attachment **p;

	pthread_mutex_lock(&b->mutex);
	for (p = &b->attachments; *p != a; p = &(*p)->next_of_inbox)
		;
	*p = a->next_of_inbox;
	pthread_mutex_unlock(&b->mutex);
	ferry__attachment_unref(a);
}

/* These return 0 where the notice before has taken what this one tells. */
static uint32_t
fill_listening(ferry_completion *c, struct attachment *a)
{
	struct listening l;

	if (!ferry__attachment_listening(&l, a))
		return 0;
	c->kind = FERRY_KIND_IN_LISTENER;
	c->listener = l.listener;
	c->code = l.event;
	c->level = l.level;
	c->age_ns = l.age_ns;
	c->name = l.name;
	return 1;
}

/* What came too late to be counted is counted by the next one. */
static uint32_t
fill_liveness(ferry_completion *c, struct attachment *a)
{
	struct liveness_text *text;
	struct liveness l;
	uint32_t count;

	if (!ferry__attachment_liveness(&l, a, &text))
		return 0;
	/* pair(notice) acq_rel. Episodes, not notices: the end of one that was
	 * told of before counts as one too. */
	count = atom32_xchg_acqrel(&a->episodes, 0);
	c->count = count != 0 ? count : 1;
	c->kind = l.kind;
	c->status = (int32_t)l.verdict;
	c->level = l.level;
	c->code = l.method;
	c->request = l.request;
	c->name = l.name;
	c->age_ns = l.age_ns;
	c->depth = l.depth;
	if (text != NULL) {
		c->data = ferry__alloc_block_data(&text->block);
		c->size = text->size;
	}
	return 1;
}

/* A notice other than events, as a completion: 1, or 0 after CLOSED, which is
 * a context's last. */
static uint32_t
take_notice(struct inbox *b, ferry_completion *c, struct attachment *a,
    enum notice_kind kind, uint32_t count)
{
	if (a->closed_taken)
		return 0;
	*c = (ferry_completion){
		.context = a->context,
		.user = a->user,
		.count = count,
	};
	if (kind == NOTICE_WRITABLE) {
		c->kind = FERRY_KIND_WRITABLE;
	} else if (kind == NOTICE_LISTENER) {
		return fill_listening(c, a);
	} else if (kind == NOTICE_LIVENESS) {
		return fill_liveness(c, a);
	} else {
		c->kind = FERRY_KIND_CLOSED;
		a->closed_taken = true;
		unlist(b, a);
	}
	return 1;
}

/* One item of the private list, which yields one completion or none. */
static uint32_t
take_one(struct inbox *b, ferry_completion *c, struct node_chain *home)
{
	struct post *p = container_of(b->taken, struct post, link);
	struct notice *notice;
	struct attachment *a;
	uint32_t count;

	/* Before the item can be posted again. */
	b->taken = p->link.next;
	if (p->kind == POST_REPLY) {
		struct node *n = container_of(p, struct node, reply_post);

		fill_reply(c, n);
		finish_node(b, home, n);
		return 1;
	}
	if (p->kind == POST_STALE)
		return take_stale(
		    c, container_of(p, struct node, stale_post), home);
	notice = container_of(p, struct notice, post);
	a = container_of(notice - notice->kind, struct attachment, notices);
	/* pair(notice) acq_rel: from here on it is posted anew. */
	count = atom32_xchg_acqrel(&notice->pending, 0);
	if (notice->kind == NOTICE_EVENTS) {
		/* With the post's reference, until it is empty. */
		b->unpacking = a;
		return 0;
	}
	count = take_notice(b, c, a, notice->kind, count);
	ferry__attachment_unref(a);
	return count;
}

static uint32_t
take(struct inbox *b, ferry_completion *items, uint32_t capacity)
{
	struct node_chain home = { .room = ferry__attachment_post_room };
	bool refilled = false;
	uint32_t n = 0;

	while (n < capacity) {
		if (b->unpacking != NULL)
			n += take_parcels(b, items + n, capacity - n);
		else if (b->taken != NULL)
			n += take_one(b, items + n, &home);
		else if (!refilled)
			refill(b), refilled = true;
		else
			break;
	}
	ferry__node_chain_flush(&home);
	return n;
}

int
ferry_inbox_take(ferry_completion *items, uint32_t capacity,
    ferry_inbox inbox)
{
	struct inbox *b;
	uint32_t n;
	int r = find(inbox, &b);

	if (r != FERRY_OK)
		return r;
	if (capacity == 0)
		return 0;
	if (items == NULL)
		return FERRY_EINVAL;
	if (capacity > INT32_MAX)
		capacity = INT32_MAX;
	r = begin_taking(b, inbox);
	if (r != FERRY_OK)
		return r;
	n = take(b, items, capacity);
	if (b->taken != NULL || b->unpacking != NULL)
		ring_again(b);
	end_taking(b);
	return (int)n;
}

int
ferry_inbox_wait(ferry_inbox inbox, int64_t timeout_ms)
{
	struct inbox *b;
	uint64_t deadline = ferry__os_deadline_in(timeout_ms);
	enum os_sleep how = OS_WOKEN;
	int r = find(inbox, &b);

	if (r != FERRY_OK)
		return r;
	if (b->door.ring != NULL)
		return FERRY_ENOTSUP;
	if (ferry__self.roles != 0)
		return FERRY_EREENTRANT;
	r = begin_taking(b, inbox);
	if (r != FERRY_OK)
		return r;
	if (b->taken == NULL && b->unpacking == NULL)
		how = ferry__os_bell_wait(b->door.fd, deadline);
	end_taking(b);
	if (how == OS_WOKEN)
		return FERRY_OK;
	return how == OS_TIMEOUT ? FERRY_ETIMEDOUT : FERRY_EINTR;
}

int
ferry_inbox_wake(ferry_inbox inbox)
{
	struct inbox *b;
	int r = find(inbox, &b);

	if (r != FERRY_OK)
		return r;
	if (ferry__self.roles & SELF_DOORBELL)
		return FERRY_EREENTRANT;
	/* If it closes meanwhile nothing is rung, or the next owner's, who is
	 * then told of nothing. */
	ferry__door_knock(&b->door);
	return FERRY_OK;
}

int
ferry_inbox_release(const ferry_completion *items, uint32_t count)
{
	int r = FERRY_OK;

	if (items == NULL && count != 0)
		return FERRY_EINVAL;
	for (uint32_t i = 0; i < count; i++)
		if (ferry_block_release(items[i].data) != FERRY_OK)
			r = FERRY_EINVAL;
	return r;
}

/* ---------------------------------------------------------------- closing */

/* The attachments are told that their inbox has gone; their contexts' event
 * threads take them out when they next look. */
static void
let_go(struct inbox *b)
{
	struct attachment *a;

	pthread_mutex_lock(&b->mutex);
	a = b->attachments;
	b->attachments = NULL;
	pthread_mutex_unlock(&b->mutex);
	while (a != NULL) {
		struct attachment *next = a->next_of_inbox;

		/* pair(attachment) release. */
		atom32_store_release(&a->dead, 1);
		/* Whoever waits for room in it waits for nothing. */
		a->room(a->room_arg);
		ferry__attachment_unref(a);
		a = next;
	}
}

static uint64_t
discard(struct inbox *b)
{
	ferry_completion items[32];
	uint64_t discarded = 0;
	uint32_t n;

	while ((n = take(b, items, COUNT_OF(items))) != 0)
		for (uint32_t i = 0; i < n; i++) {
			discarded++;
			ferry__alloc_block_free(items[i].data);
		}
	return discarded;
}

int
ferry_inbox_close(uint64_t *out_discarded, ferry_inbox inbox)
{
	struct inbox *b;
	uint64_t discarded;
	int r = find(inbox, &b);

	if (r != FERRY_OK)
		return r;
	if (ferry__self.roles != 0)
		return FERRY_EREENTRANT;
	r = begin_taking(b, inbox);
	if (r != FERRY_OK)
		return r;
	ferry__token_revoke(b->slot, inbox);
	b->closing = true;
	ferry__list_close(&b->posts);
	/* refill() below would open the doorbell again: discard first. What
	 * is pushed after the list was closed is refused. */
	discarded = discard(b);
	ferry__door_close(&b->door);
	let_go(b);
	end_taking(b);
	ferry__token_free(&inboxes, b->slot);
	if (out_discarded != NULL)
		*out_discarded = discarded;
	return FERRY_OK;
}

void
ferry__inbox_forked(void)
{
	ferry__token_forked(&inboxes);
}
