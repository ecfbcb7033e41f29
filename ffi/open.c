/*
 * Opening a context: from the options to a token that is published last.
 *
 * Threads: the opener's; init runs on the FFI thread, by a job (context.c).
 */
#include <string.h>

#include "ffi/alloc.h"
#include "ffi/context.h"
#include "ffi/options.h"
#include "ffi/reply.h"
#include "ffi/strand_memory.h"
#include "ffi/watch.h"

#define SHARDS_DEFAULT  8u
#define DEPTH_DEFAULT   4096u
#define PAYLOAD_DEFAULT ((size_t)16 << 20)
#define EVENTS_DEFAULT  256u
#define EVENTS_MOST     65536u
#define STRANDS_DEFAULT 16384u
#define STRANDS_MOST    (1u << 20)
#define MEMORY_DEFAULT  ((uint64_t)1 << 20)
#define NAME_BYTES      16u
#define KEY_MOST        255u

static bool
is_power_of_two(uint64_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static int
check_options(ferry_context_options *o, const ferry_context_options *theirs)
{
	if (theirs == NULL ||
	    ferry__options_read(o, sizeof *o, theirs) != FERRY_OK)
		return FERRY_EINVAL;
	if (o->shards == 0)
		o->shards = SHARDS_DEFAULT;
	if (o->depth == 0)
		o->depth = DEPTH_DEFAULT;
	if (o->payload_max == 0)
		o->payload_max = PAYLOAD_DEFAULT;
	if (o->payload_max == FERRY_UNBOUNDED)
		o->payload_max = UINT32_MAX;
	if (o->event_capacity == 0)
		o->event_capacity = EVENTS_DEFAULT;
	if (o->notify_level == 0)
		o->notify_level = FERRY_LEVEL_STALLED;
	if (o->strands == 0)
		o->strands = STRANDS_DEFAULT;
	if (o->strand_stack == 0)
		o->strand_stack = STACK_DEFAULT;
	if (o->strand_memory == 0)
		o->strand_memory = MEMORY_DEFAULT;
	if ((o->flags & ~(uint32_t)(FERRY_CONTEXT_SELF_SUBMIT |
	         FERRY_CONTEXT_CLOSE_ON_LOSS)) != 0 ||
	    o->strands > STRANDS_MOST || o->strand_stack < STACK_MIN ||
	    o->strand_stack > STACK_MAX || o->shards > SHARDS_MOST ||
	    !is_power_of_two(o->shards) || o->payload_max > UINT32_MAX ||
	    o->event_policy > FERRY_EVENTS_BLOCK || o->event_capacity == 0 ||
	    o->event_capacity > EVENTS_MOST ||
	    !is_power_of_two(o->event_capacity) ||
	    o->notify_level > FERRY_LEVEL_FATAL ||
	    (o->thread_name != NULL &&
	        strlen(o->thread_name) >= NAME_BYTES) ||
	    (o->worker_key != NULL && strlen(o->worker_key) > KEY_MOST) ||
	    !ferry__os_thread_has_room(o->stack_size) ||
	    (o->error_text == NULL && o->error_text_size != 0))
		return FERRY_EINVAL;
	o->levels = ferry__watch_resolve(&o->levels, &ferry__watch_defaults);
	return ferry__library_levels_ascend(&o->levels) ? FERRY_OK
	                                                : FERRY_EINVAL;
}

static struct context *
context_of(struct slot *s)
{
	struct context *c = atomp_load_relaxed(&s->object);

	if (c == NULL) {
		c = ferry__alloc_for_ever(sizeof *c);
		if (c == NULL)
			return NULL;
		c->slot = s;
		pthread_mutex_init(&c->mutex, NULL);
		pthread_mutex_init(&c->source.attachments.mutex, NULL);
		ferry__listener_init(&c->source.listeners);
		atomp_store_relaxed(&s->object, c);
	}
	return c;
}

static bool
make_shards(struct context *c, uint32_t n)
{
	if (n > c->shards_room) {
		/* Who still holds a stale token keeps the old ones, closed. */
		struct list *shards = ferry__alloc_for_ever(n * sizeof *shards);

		if (shards == NULL)
			return false;
		c->shards = shards;
		c->shards_room = n;
	}
	c->n_shards = n;
	for (uint32_t i = 0; i < n; i++)
		ferry__list_open(&c->shards[i], c->generation);
	return true;
}

/* Relaxed throughout: published with the token. */
static void
reset_counts(struct context *c)
{
	for (int o = 0; o < OUTCOMES; o++) {
		atom64_store_relaxed(&c->ended[o].n, 0);
		atom64_store_relaxed(&c->ended_elsewhere[o], 0);
	}
	atom64_store_relaxed(&c->started.n, 0);
	atom64_store_relaxed(&c->late.n, 0);
	atom64_store_relaxed(&c->late_elsewhere, 0);
	atom64_store_relaxed(&c->ended_unheard, 0);
	atom64_store_relaxed(&c->handles_open.n, 0);
	atom32_store_relaxed(&c->refusing, 0);
	atom32_store_relaxed(&c->opening, OPENING_PENDING);
	c->shards_closed = 0;
	c->handles = NULL;
	c->n_handles = 0;
	c->was_abandoned = false;
	atom32_store_relaxed(&c->callback_not_run, 0);
	c->n_abandoned = 0;
	c->told = 0;
	c->text[0] = 0;
}

static bool
make_source(struct source *s, const struct context *c,
    const ferry_context_options *o)
{
	s->context = c->token;
	s->policy = o->event_policy;
	s->library = c->library->name;
	s->names = c->library->events;
	s->notify_level = c->methods->notify_level;
	s->notify_ns = ferry__watch_notify_ns(c);
	s->tick_ms = ferry__watch_tick(c);
	return ferry__source_open(s, o->event_capacity);
}

/* None of its former lives' requests is out. */
static struct total *
unused_total(struct context *c)
{
	struct total *t = c->totals;

	/* Relaxed: a former life has long passed its last counts on. */
	while (t != NULL && atom64_load_relaxed(&t->out) != 0)
		t = t->next;
	return t;
}

/*
 * The exact bound. Replies of the slot's former lives that nobody has taken yet
 * still come home to the bound that they were counted in: then it is left to
 * them, until they have.
 */
static bool
make_total(struct context *c)
{
	struct total *t;

	if (c->depth_total == 0)
		return true;
	t = unused_total(c);
	if (t == NULL) {
		t = ferry__alloc_for_ever(sizeof *t);
		if (t == NULL)
			return false;
		t->context = c;
		t->tell = ferry__reply_tell_room;
		t->next = c->totals;
		c->totals = t;
	}
	/* Relaxed: published with the token. */
	atom64_store_relaxed(&t->most, c->depth_total);
	c->total = t;
	return true;
}

/* Everything but the worker. */
static int
fill(struct context *c, const ferry_context_options *o, struct library *l)
{
	c->library = l;
	c->token = ferry__token_next(&ferry__contexts, c->slot);
	c->generation = ferry__token_count(c->token);
	c->state = NULL;
	c->flags = o->flags;
	c->levels = o->levels;
	c->depth = o->depth;
	c->depth_total = o->depth_total;
	c->payload_max = o->payload_max;
	/* No homes: the close before this disbanded them, under the mutex of
	 * those who still count them by a stale token. */
	c->init_arg = o->init_arg;
	c->open_job.run = ferry__context_init;
	c->stop_job.run = ferry__context_looked;
	c->methods = ferry__watch_methods(l, &c->levels, o->notify_level);
	reset_counts(c);
	ferry__strand_open(
	    &c->strands, o->strand_stack, o->strand_memory, o->strands);
	if (c->methods == NULL || !make_total(c) ||
	    !make_shards(c, o->shards) || !make_source(&c->source, c, o))
		return FERRY_ENOMEM;
	/* pair(closer) release: free to be closed, in this generation. */
	atom64_store_release(&c->closer, c->generation << 1);
	return FERRY_OK;
}

/* The worker of the options, started if need be. */
static int
join_worker(struct context *c, const ferry_context_options *o)
{
	struct worker_options w = {
		.named = o->thread_name != NULL,
		.stack_size = o->stack_size,
	};
	char cut[NAME_BYTES];
	struct worker *worker;
	int r;

	snprintf(cut, sizeof cut, "%s",
	    w.named ? o->thread_name : c->library->name);
	w.name = ferry__alloc_name(cut);
	if (o->worker_key != NULL)
		w.key = ferry__alloc_name(o->worker_key);
	if (w.name == NULL || (o->worker_key != NULL && w.key == NULL))
		return FERRY_ENOMEM;
	r = ferry__worker_ref(&worker, &w);
	if (r == FERRY_OK)
		/* Relaxed: published with the token; holders of a former one
		 * may see either. */
		atomp_store_relaxed(&c->worker, worker);
	return r;
}

/* FERRY_OK, the init's error, or FERRY_ETIMEDOUT: then the context is the
 * FFI thread's to clean up. */
static int
await_init(struct context *c, int64_t timeout_ms)
{
	uint64_t deadline =
	    ferry__os_deadline_in(timeout_ms == 0 ? -1 : timeout_ms);
	uint32_t pending = OPENING_PENDING;

	/* pair(opening) acquire: the result, and what init did. */
	while (atom32_load_acquire(&c->opening) == OPENING_PENDING)
		if (ferry__os_wait(&c->opening, OPENING_PENDING, deadline) ==
		        OS_TIMEOUT &&
		    /* pair(opening) acq_rel: one of both cleans up. */
		    atom32_cas_acqrel(
		        &c->opening, &pending, OPENING_ABANDONED))
			return FERRY_ETIMEDOUT;
	return c->opened;
}

/* Why init has failed. */
static void
tell_reason(const struct context *c, const ferry_context_options *o)
{
	if (o->init_status != NULL)
		*o->init_status = c->init_status;
	if (o->error_text_size != 0)
		snprintf(o->error_text, o->error_text_size, "%.*s",
		    (int)sizeof c->text - 1, c->text);
}

static int
open_on(ferry_context *out, struct context *c, const ferry_context_options *o)
{
	int r = join_worker(c, o);

	if (r != FERRY_OK) {
		ferry__context_release(c);
		return r;
	}
	/* Relaxed: published by the job. */
	atom32_store_relaxed(&c->stage, CONTEXT_OPENING);
	ferry__worker_post(ferry__context_worker(c), &c->open_job);
	r = await_init(c, o->timeout_ms);
	if (r == FERRY_ETIMEDOUT)
		return r;
	if (r != FERRY_OK) {
		tell_reason(c, o);
		ferry__context_leave_worker(c);
		ferry__context_release(c);
		return r;
	}
	ferry__event_thread_add(&ferry__context_worker(c)->events, &c->source);
	/* pair(busy) release: an emit by a token of a former life that sees it
	 * finds that token revoked. */
	atom32_store_release(&c->stage, CONTEXT_OPEN);
	*out = c->token;
	ferry__token_publish(c->slot, c->token, c);
	/* pair(quiesce) seq_cst: after the token was published. */
	atom_fence_seqcst();
	/* pair(quiesce) seq_cst: quiesce sets it before it looks for tokens. */
	if (atom32_load_seqcst(&ferry__context_quiesced) != 0)
		ferry__context_quiesce(c);
	return FERRY_OK;
}

int
ferry_context_open(ferry_context *out, const ferry_context_options *options)
{
	ferry_context_options o;
	struct library *l;
	struct context *c;
	struct slot *s;
	int r = check_options(&o, options);

	if (r != FERRY_OK || out == NULL)
		return FERRY_EINVAL;
	ferry__fork_enter();
	if (!ferry__context_may_block())
		return FERRY_EREENTRANT;
	/* pair(quiesce) acquire. */
	if (atom32_load_acquire(&ferry__context_quiesced) != 0)
		return FERRY_EQUIESCED;
	if (ferry__os_start() != 0)
		return FERRY_ENOMEM;
	r = ferry__library_freeze(&l, o.library);
	if (r != FERRY_OK)
		return r;
	s = ferry__token_reserve(&ferry__contexts);
	c = s != NULL ? context_of(s) : NULL;
	if (c == NULL) {
		if (s != NULL)
			ferry__token_free(&ferry__contexts, s);
		ferry__library_unref(l);
		return FERRY_ENOMEM;
	}
	r = fill(c, &o, l);
	if (r != FERRY_OK) {
		ferry__context_release(c);
		return r;
	}
	return open_on(out, c, &o);
}
