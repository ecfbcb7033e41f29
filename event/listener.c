/*
 * Listeners; the protocol and its proof are in listener.h.
 *
 * Threads: add and remove from any; each, begin, end, sweep and gone are the
 * event thread's. No callback runs under the list's mutex.
 */
#include "event/listener.h"

#include <limits.h>

#include "event/thread.h"
#include "ffi/alloc.h"
#include "ffi/options.h"
#include "ffi/self.h"

#define REMOVED    1u
#define CALLING    2u
#define GONE       4u
#define LIFE_SHIFT 3

/* A word has 29 bits of life; a slot that has used them all is retired. */
static struct slot_table listeners =
    SLOT_TABLE(TOKEN_LISTENER, (UINT64_C(1) << 29) - 1);

static uint32_t
life_of(ferry_listener token)
{
	return (uint32_t)ferry__token_count(token) << LIFE_SHIFT;
}

static int
find(struct listener **out, ferry_listener token)
{
	struct slot *s;
	int r = ferry__token_find(&listeners, token, &s);

	if (r == FERRY_OK)
		*out = atomp_load_relaxed(&s->object);
	return r;
}

const char *
ferry__listener_name(ferry_listener token)
{
	struct listener *l;

	/* Relaxed: the caller looks whether it still is that one. */
	return find(&l, token) == FERRY_OK ? atomp_load_relaxed(&l->name)
	                                   : NULL;
}

/* ----------------------------------------------------------------- adding */

void
ferry__listener_init(struct listeners *list)
{
	pthread_mutex_init(&list->mutex, NULL);
}

void
ferry__listener_reset(struct listeners *list)
{
	/* Relaxed: published with the context's token. */
	atomp_store_relaxed(&list->first, NULL);
	atom32_store_relaxed(&list->count, 0);
	list->leaving = NULL;
}

static struct listener *
make(void)
{
	struct slot *s = ferry__token_reserve(&listeners);
	struct listener *l;

	if (s == NULL)
		return NULL;
	l = atomp_load_relaxed(&s->object);
	if (l == NULL) {
		l = ferry__alloc_for_ever(sizeof *l);
		if (l == NULL) {
			ferry__token_free(&listeners, s);
			return NULL;
		}
		l->slot = s;
		atomp_store_relaxed(&s->object, l);
	}
	return l;
}

static void
put_in(struct listeners *list, struct listener *l)
{
	pthread_mutex_lock(&list->mutex);
	atomp_store_relaxed(&l->next, atomp_load_relaxed(&list->first));
	/* pair(listener-list) release: all of it, to who walks the list. */
	atomp_store_release(&list->first, l);
	/* Relaxed: an emit that this add happened before sees it. */
	atom32_add_relaxed(&list->count, 1);
	pthread_mutex_unlock(&list->mutex);
}

int
ferry__listener_add(ferry_listener *out, struct listeners *list,
    ferry_context context, const ferry_listener_options *o,
    const struct hearing *from, struct event_thread *t)
{
	const char *name = NULL;
	struct listener *l;

	if (o->name != NULL) {
		name = ferry__alloc_name(o->name);
		if (name == NULL)
			return FERRY_ENOMEM;
	}
	l = make();
	if (l == NULL)
		return FERRY_ENOMEM;
	l->token = ferry__token_next(&listeners, l->slot);
	l->context = context;
	l->event = o->event;
	l->hear = o->listener;
	l->gone = o->gone;
	l->user = o->user;
	l->hearing = *from;
	l->dropped = 0;
	/* Relaxed: published by the token, and by the list. */
	atomp_store_relaxed(&l->name, (void *)(uintptr_t)name);
	atomp_store_relaxed(&l->thread, t);
	/* pair(listener) release: who waits for its former life to be gone may
	 * see this one's word first. */
	atom32_store_release(&l->word, life_of(l->token));
	/* First: once it is in the list its own call may remove it. */
	*out = l->token;
	ferry__token_publish(l->slot, l->token, l);
	put_in(list, l);
	return FERRY_OK;
}

/* --------------------------------------------------------------- removing */

/* Says that no call may start any more. FERRY_EALREADY, FERRY_ESTALE. */
static int
mark(struct listener *l, ferry_listener token)
{
	struct event_thread *t = atomp_load_relaxed(&l->thread);
	/* pair(listener) acquire: what `gone` did, if it is. */
	uint32_t word = atom32_load_acquire(&l->word);

	do {
		if (word >> LIFE_SHIFT != life_of(token) >> LIFE_SHIFT ||
		    (word & GONE) != 0)
			return FERRY_ESTALE;
		if (word & REMOVED)
			return FERRY_EALREADY;
		/* pair(listener) acq_rel: what the remover did before is seen
		 * by `gone`; a call that has ended, by the remover. */
	} while (!atom32_cas_acqrel(&l->word, &word, word | REMOVED));
	ferry__event_thread_sweep(t);
	return FERRY_OK;
}

int
ferry_listener_remove(ferry_listener listener)
{
	struct listener *l;
	int r = find(&l, listener);

	return r == FERRY_OK ? mark(l, listener) : r;
}

/* Until the word says GONE, or another life. */
static int
await_gone(struct listener *l, ferry_listener token, uint64_t deadline_ns)
{
	enum os_sleep how;
	uint32_t word;

	for (;;) {
		/* pair(listener) acquire: all that it and `gone` did. */
		word = atom32_load_acquire(&l->word);
		if (word >> LIFE_SHIFT != life_of(token) >> LIFE_SHIFT ||
		    (word & GONE) != 0)
			return FERRY_OK;
		how = ferry__os_wait(&l->word, word, deadline_ns);
		if (how == OS_SIGNAL)
			return FERRY_EINTR;
		if (how == OS_TIMEOUT)
			return FERRY_ETIMEDOUT;
	}
}

int
ferry_listener_remove_wait(ferry_listener listener, int64_t timeout_ms)
{
	struct listener *l;
	int r = find(&l, listener);

	if (r != FERRY_OK)
		return r;
	if (ferry__self.roles != 0)
		return FERRY_EREENTRANT;
	r = mark(l, listener);
	if (r != FERRY_OK && r != FERRY_EALREADY)
		return r;
	return await_gone(l, listener, ferry__os_deadline_in(timeout_ms));
}

/* ---------------------------------------------------- on the event thread */

void
ferry__listener_each(struct listeners *list,
    void (*visit)(struct listener *l, void *arg), void *arg)
{
	/* pair(listener-list) acquire: what its adder made of it. */
	struct listener *l = atomp_load_acquire(&list->first);

	while (l != NULL) {
		/* Relaxed: written before it was first, or by this thread. */
		struct listener *next = atomp_load_relaxed(&l->next);

		visit(l, arg);
		l = next;
	}
}

bool
ferry__listener_begin(struct listener *l)
{
	uint32_t word = atom32_load_relaxed(&l->word);

	do
		if (word & REMOVED)
			return false;
	/* pair(listener) acq_rel: before a remove, or not at all. */
	while (!atom32_cas_acqrel(&l->word, &word, word | CALLING));
	return true;
}

void
ferry__listener_end(struct listener *l)
{
	/* pair(listener) acq_rel. Nobody sleeps for the end of a call: a
	 * remove_wait() waits for GONE, which comes next. */
	atom32_and_acqrel(&l->word, ~CALLING);
}

/* From the list to those that leave, where a successor of this thread finds
 * them. Nobody else walks either. */
static void
take_out(struct listeners *list, bool all)
{
	struct listener *l, *kept = NULL;

	pthread_mutex_lock(&list->mutex);
	l = atomp_load_relaxed(&list->first);
	while (l != NULL) {
		struct listener *next = atomp_load_relaxed(&l->next);
		/* pair(listener) acquire: what the remover did before. */
		bool leaves = all ||
		    (atom32_load_acquire(&l->word) & REMOVED) != 0;

		if (!leaves) {
			kept = l;
		} else {
			if (kept != NULL)
				atomp_store_relaxed(&kept->next, next);
			else
				/* Relaxed: nobody else walks. */
				atomp_store_relaxed(&list->first, next);
			atom32_sub_relaxed(&list->count, 1);
			atomp_store_relaxed(&l->next, list->leaving);
			list->leaving = l;
		}
		l = next;
	}
	pthread_mutex_unlock(&list->mutex);
}

void
ferry__listener_sweep(struct listeners *list, bool all,
    void (*leave)(struct listener *l, void *arg), void *arg)
{
	struct listener *l;

	take_out(list, all);
	while ((l = list->leaving) != NULL) {
		list->leaving = atomp_load_relaxed(&l->next);
		/* pair(listener) acq_rel: nobody can remove it any more, when
		 * its context does. */
		atom32_or_acqrel(&l->word, REMOVED);
		leave(l, arg);
	}
}

void
ferry__listener_gone(struct listener *l)
{
	struct slot *s = l->slot;

	/* Revoked first: whoever saw it gone finds the token stale. */
	ferry__token_revoke(s, l->token);
	/* pair(listener) acq_rel: `gone` has returned. */
	atom32_or_acqrel(&l->word, GONE);
	ferry__os_wake(&l->word, INT_MAX);
	ferry__token_free(&listeners, s);
}

void
ferry__listener_forked(void)
{
	ferry__token_forked(&listeners);
}
