/*
 * Attachments; see attachment.h.
 *
 * Threads: posting from any, lock-free but for room. The mutexes of an inbox
 * and of a context's list guard only the lists, and no callback runs under
 * them; they are taken in the order context, inbox.
 */
#include "event/attachment.h"

#include <string.h>

#include "event/inbox.h"

#define EVENTS_DEFAULT 256u
#define EVENTS_MOST    65536u

/* Attachments that nobody refers to. */
static pthread_mutex_t pool_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct attachment *pool;

/* ---------------------------------------------------------------- parcels */

static void
free_parcel(struct block *b)
{
	free(container_of(b, struct parcel, block));
}

struct parcel *
ferry__attachment_parcel(const void *data, uint32_t size)
{
	struct parcel *p = malloc(sizeof *p + size);

	if (p == NULL)
		return NULL;
	ferry__alloc_block_init(&p->block, free_parcel);
	p->size = size;
	if (size != 0)
		memcpy(ferry__alloc_block_data(&p->block), data, size);
	return p;
}

struct parcel *
ferry__attachment_unpack(struct attachment *a)
{
	void *p;

	if (!ck_ring_dequeue_spmc(&a->ring, a->slots, &p))
		return NULL;
	HANDOVER_TAKE(p);
	return p;
}

bool
ferry__attachment_has_room(const struct attachment *a)
{
	/* The ring has twice the room: CK's leaves one entry empty. */
	return ck_ring_size(&a->ring) < ck_ring_capacity(&a->ring) / 2;
}

void
ferry__attachment_pack(struct attachment *a, struct parcel *p)
{
	bool packed;

	HANDOVER_GIVE(p);
	packed = ck_ring_enqueue_spmc(&a->ring, a->slots, p);
	ASSERT(packed);
}

bool
ferry__attachment_drop_oldest(struct attachment *a)
{
	struct parcel *p = ferry__attachment_unpack(a);

	if (p == NULL)
		return false;
	free(p);
	return true;
}

static struct attachment *
make_attachment(uint32_t capacity)
{
	struct attachment *a;

	pthread_mutex_lock(&pool_mutex);
	a = pool;
	if (a != NULL)
		pool = a->next_of_inbox;
	pthread_mutex_unlock(&pool_mutex);
	if (a == NULL)
		a = ferry__alloc_for_ever(sizeof *a);
	if (a == NULL)
		return NULL;
	a->slots = calloc(2 * (size_t)capacity, sizeof *a->slots);
	if (a->slots == NULL) {
		pthread_mutex_lock(&pool_mutex);
		a->next_of_inbox = pool;
		pool = a;
		pthread_mutex_unlock(&pool_mutex);
		return NULL;
	}
	ck_ring_init(&a->ring, 2 * capacity);
	return a;
}

void
ferry__attachment_unref(struct attachment *a)
{
	/* pair(attachment) acq_rel: the last one sees what the other did. */
	if (atom32_sub_acqrel(&a->references, 1) != 1)
		return;
	while (ferry__attachment_drop_oldest(a))
		;
	/* Relaxed: nobody else has it any more. */
	free(atomp_load_relaxed(&a->liveness_text));
	atomp_store_relaxed(&a->liveness_text, NULL);
	free(a->slots);
	a->slots = NULL;
	pthread_mutex_lock(&pool_mutex);
	a->next_of_inbox = pool;
	pool = a;
	pthread_mutex_unlock(&pool_mutex);
}

static struct attachment *
attached(struct attachments *list, ferry_inbox inbox)
{
	struct attachment *a = list->first;

	while (a != NULL && a->inbox_token != inbox)
		a = a->next_of_context;
	return a;
}

/* With a reference for the caller; NULL: not attached. */
static struct attachment *
lookup(struct attachments *list, ferry_inbox inbox)
{
	struct attachment *a;

	pthread_mutex_lock(&list->mutex);
	a = attached(list, inbox);
	if (a != NULL)
		/* Relaxed: the list holds one as long as it is locked. */
		atom32_add_relaxed(&a->references, 1);
	pthread_mutex_unlock(&list->mutex);
	return a;
}

bool
ferry__attachment_attached(struct attachments *list, ferry_inbox inbox)
{
	struct attachment *a = lookup(list, inbox);

	if (a != NULL)
		ferry__attachment_unref(a);
	return a != NULL;
}

void
ferry__attachment_post_notice(struct attachment *a, enum notice_kind kind)
{
	struct notice *notice = &a->notices[kind];

	/* pair(notice) acq_rel: what the notice tells is seen by the taker
	 * that resets the count; the first of several pushes it. */
	if (atom32_add_acqrel(&notice->pending, 1) != 0)
		return;
	/* Relaxed: the caller holds a reference; the post takes its own. */
	atom32_add_relaxed(&a->references, 1);
	if (!ferry__inbox_push(a->inbox, a->generation, &notice->post))
		ferry__attachment_unref(a);
}

void
ferry__attachment_post_room(struct home *h)
{
	/* Relaxed, both: a home that is bound anew meanwhile makes this a
	 * notice too many, to somebody who is attached, and no more. */
	struct attachments *list = atomp_load_relaxed(&h->attachments);
	struct attachment *a =
	    lookup(list, atom64_load_relaxed(&h->wanted_by));

	if (a == NULL)
		return;
	ferry__attachment_post_notice(a, NOTICE_WRITABLE);
	ferry__attachment_unref(a);
}

/* A sequence lock: odd while it is written. */
static void
write_words(struct words *w, const uint64_t *words)
{
	uint32_t sequence = atom32_load_relaxed(&w->sequence);

	/* An RMW, so that the words cannot be seen before it.
	 * pair(notice-words) acq_rel. */
	atom32_add_acqrel(&w->sequence, 1);
	for (size_t i = 0; i < WORDS; i++)
		/* pair(notice-words) release: after the odd number. */
		atom64_store_release(&w->word[i], words[i]);
	/* pair(notice-words) release. */
	atom32_store_release(&w->sequence, sequence + 2);
}

/* Returns the number that they had. */
static uint32_t
read_words(uint64_t *words, const struct words *w)
{
	uint32_t before, after;

	do {
		/* pair(notice-words) acquire. */
		before = atom32_load_acquire(&w->sequence);
		for (size_t i = 0; i < WORDS; i++)
			/* pair(notice-words) acquire: before `after`. */
			words[i] = atom64_load_acquire(&w->word[i]);
		after = atom32_load_relaxed(&w->sequence);
	} while (before != after || before % 2 != 0);
	return before;
}

/* False: the notice before found them already, on their way. */
static bool
take_words(uint64_t *words, struct words *w)
{
	uint32_t sequence = read_words(words, w);

	if (sequence == w->taken)
		return false;
	w->taken = sequence;
	return true;
}

static void
free_text(struct block *b)
{
	free(container_of(b, struct liveness_text, block));
}

/* In the place of one that was not taken. Of the words that come next: who sees
 * them finds it. */
static void
put_text(struct attachment *a, const char *text, size_t size)
{
	struct liveness_text *t = NULL;

	if (text != NULL)
		t = malloc(sizeof *t + size + 1);
	if (t != NULL) {
		/* Relaxed: this thread's. */
		t->stamp = atom32_load_relaxed(&a->liveness.sequence) + 2;
		t->size = (uint32_t)size;
		ferry__alloc_block_init(&t->block, free_text);
		memcpy(ferry__alloc_block_data(&t->block), text, size);
		((char *)ferry__alloc_block_data(&t->block))[size] = '\0';
	}
	/* pair(notice-text) acq_rel: its bytes. */
	free(atomp_xchg_acqrel(&a->liveness_text, t));
}

/* The one that belongs to the words of that stamp, or NULL. */
static struct liveness_text *
take_text(struct attachment *a, uint32_t stamp)
{
	/* pair(notice-text) acq_rel. */
	struct liveness_text *t = atomp_xchg_acqrel(&a->liveness_text, NULL);
	void *none = NULL;

	if (t == NULL || t->stamp == stamp)
		return t;
	/* Of later words, whose notice is on its way: put back, unless there
	 * is an even later one. pair(notice-text) acq_rel. */
	if ((int32_t)(t->stamp - stamp) < 0 ||
	    !atomp_cas_acqrel(&a->liveness_text, &none, t))
		free(t);
	return NULL;
}

void
ferry__attachment_post_liveness(struct attachment *a,
    const struct liveness *l, const char *text, size_t size)
{
	const uint64_t words[WORDS] = { l->kind, l->level, l->method,
		l->request, (uint64_t)(uintptr_t)l->name, l->age_ns, l->depth,
		l->verdict };
	bool begins = l->kind == FERRY_KIND_NOT_RESPONDING;

	if (l->kind == FERRY_KIND_RESPONDING && !a->in_episode)
		return;
	put_text(a, text, size);
	write_words(&a->liveness, words);
	/* That it has got worse is no other episode. */
	if (begins && !a->in_episode)
		/* pair(notice) acq_rel. */
		atom32_add_acqrel(&a->episodes, 1);
	if (begins || l->kind == FERRY_KIND_RESPONDING)
		a->in_episode = begins;
	ferry__attachment_post_notice(a, NOTICE_LIVENESS);
}

bool
ferry__attachment_liveness(struct liveness *out, struct attachment *a,
    struct liveness_text **text)
{
	uint64_t words[WORDS];

	if (!take_words(words, &a->liveness))
		return false;
	*text = take_text(a, a->liveness.taken);
	*out = (struct liveness){
		.kind = (uint32_t)words[0],
		.level = (uint32_t)words[1],
		.method = (uint32_t)words[2],
		.request = words[3],
		.name = (const char *)(uintptr_t)words[4],
		.age_ns = words[5],
		.depth = words[6],
		.verdict = (uint32_t)words[7],
	};
	return true;
}

/* Those that want liveness, each with a reference: the event thread, which
 * takes dead ones out of the list, does not wait for the doorbells. */
static struct attachment *
hold_watchers(struct attachments *list)
{
	struct attachment *a, *held = NULL;

	pthread_mutex_lock(&list->mutex);
	for (a = list->first; a != NULL; a = a->next_of_context) {
		if ((a->flags & FERRY_ATTACH_LIVENESS) == 0)
			continue;
		/* Relaxed: the list holds one as long as it is locked. */
		atom32_add_relaxed(&a->references, 1);
		a->next_told = held;
		held = a;
	}
	pthread_mutex_unlock(&list->mutex);
	return held;
}

void
ferry__attachment_post_listening(struct attachments *list,
    const struct listening *l)
{
	const uint64_t words[WORDS] = { l->listener, l->event, l->level,
		l->age_ns, (uint64_t)(uintptr_t)l->name };
	struct attachment *a = hold_watchers(list);

	while (a != NULL) {
		struct attachment *next = a->next_told;

		write_words(&a->listening, words);
		ferry__attachment_post_notice(a, NOTICE_LISTENER);
		ferry__attachment_unref(a);
		a = next;
	}
}

bool
ferry__attachment_listening(struct listening *out, struct attachment *a)
{
	uint64_t words[WORDS];

	if (!take_words(words, &a->listening))
		return false;
	*out = (struct listening){
		.listener = words[0],
		.event = (uint32_t)words[1],
		.level = (uint32_t)words[2],
		.age_ns = words[3],
		.name = (const char *)(uintptr_t)words[4],
	};
	return true;
}

/* With both mutexes held; the inbox is known to be open under its own. */
static int
link_attachment(struct attachments *list, struct inbox *b,
    struct attachment *a)
{
	/* pair(slot) acquire; under the mutex that close() takes after it
	 * revoked the token. */
	if (atom64_load_acquire(&b->slot->token) != a->inbox_token)
		return FERRY_ESTALE;
	if (attached(list, a->inbox_token) != NULL)
		return FERRY_EALREADY;
	a->next_of_context = list->first;
	list->first = a;
	if (a->flags & FERRY_ATTACH_EVENTS)
		/* Relaxed: the next emit on another thread may miss it. */
		atom32_add_relaxed(&list->hearers, 1);
	a->next_of_inbox = b->attachments;
	b->attachments = a;
	return FERRY_OK;
}

int
ferry__attachment_open(struct attachments *list, ferry_inbox inbox,
    ferry_context context, const ferry_attach_options *o,
    const struct hearing *from, void (*room)(void *arg), void *room_arg)
{
	uint32_t capacity =
	    o->event_capacity != 0 ? o->event_capacity : EVENTS_DEFAULT;
	struct attachment *a;
	struct slot *s;
	int r;

	if ((o->flags & ~(uint32_t)(FERRY_ATTACH_EVENTS |
	         FERRY_ATTACH_LIVENESS)) != 0 ||
	    capacity > EVENTS_MOST ||
	    (capacity & (capacity - 1)) != 0)
		return FERRY_EINVAL;
	r = ferry__inbox_find(inbox, &s);
	if (r != FERRY_OK)
		return r;
	a = make_attachment(capacity);
	if (a == NULL)
		return FERRY_ENOMEM;
	a->inbox = atomp_load_relaxed(&s->object);
	a->inbox_token = inbox;
	a->generation = ferry__inbox_generation(inbox);
	a->context = context;
	a->flags = o->flags;
	a->user = o->user;
	a->hearing = *from;
	a->taken = 0;
	a->closed_taken = false;
	a->in_episode = false;
	a->room = room;
	a->room_arg = room_arg;
	/* Relaxed, all: published by the mutexes below. */
	a->liveness.taken = atom32_load_relaxed(&a->liveness.sequence);
	a->listening.taken = atom32_load_relaxed(&a->listening.sequence);
	atom32_store_relaxed(&a->episodes, 0);
	atom32_store_relaxed(&a->dead, 0);
	atom32_store_relaxed(&a->references, 2);
	atom32_store_relaxed(&a->room_wanted, 0);
	for (uint32_t i = 0; i < NOTICES; i++) {
		a->notices[i].post.kind = POST_NOTICE;
		a->notices[i].kind = i;
		atom32_store_relaxed(&a->notices[i].pending, 0);
	}
	pthread_mutex_lock(&list->mutex);
	pthread_mutex_lock(&a->inbox->mutex);
	r = link_attachment(list, a->inbox, a);
	pthread_mutex_unlock(&a->inbox->mutex);
	pthread_mutex_unlock(&list->mutex);
	if (r != FERRY_OK) {
		ferry__attachment_unref(a);
		ferry__attachment_unref(a);
	}
	return r;
}

/* Takes the dead ones out of the list. */
static struct attachment *
sweep(struct attachments *list)
{
	struct attachment **p, *a, *dead = NULL;
	uint32_t hearers = 0;

	pthread_mutex_lock(&list->mutex);
	for (p = &list->first; (a = *p) != NULL;) {
		/* pair(attachment) acquire: the inbox has let go. */
		if (atom32_load_acquire(&a->dead) == 0) {
			hearers += (a->flags & FERRY_ATTACH_EVENTS) != 0;
			p = &a->next_of_context;
			continue;
		}
		*p = a->next_of_context;
		a->next_of_context = dead;
		dead = a;
	}
	a = list->first;
	/* Relaxed: read by emit, which may be a little late. */
	atom32_store_relaxed(&list->hearers, hearers);
	pthread_mutex_unlock(&list->mutex);
	while (dead != NULL) {
		struct attachment *next = dead->next_of_context;

		ferry__attachment_unref(dead);
		dead = next;
	}
	return a;
}

void
ferry__attachment_tidy(struct attachments *list)
{
	sweep(list);
}

/* New ones are put before the first, so that a walk from a first seen under
 * the mutex meets links that only this thread takes out. */
void
ferry__attachment_each(struct attachments *list,
    void (*visit)(struct attachment *a, void *arg), void *arg)
{
	struct attachment *a = sweep(list);

	for (; a != NULL; a = a->next_of_context)
		visit(a, arg);
}

void
ferry__attachment_detach_all(struct attachments *list)
{
	struct attachment *a;

	pthread_mutex_lock(&list->mutex);
	a = list->first;
	list->first = NULL;
	pthread_mutex_unlock(&list->mutex);
	while (a != NULL) {
		struct attachment *next = a->next_of_context;

		ferry__attachment_unref(a);
		a = next;
	}
}

void
ferry__attachment_forked(void)
{
	ferry__fork_renew(&pool_mutex);
	pool = NULL;
}
