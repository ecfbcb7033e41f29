/*
 * Opening a context, finding one, and letting one go.
 *
 * Threads: open on the caller's; init, adopt, fini and let_go on the FFI
 * thread; find and home on any. close.c has the other end.
 */
#include "ffi/context.h"

#include <string.h>

#include "ffi/alloc.h"
#include "ffi/handle.h"
#include "ffi/options.h"
#include "ffi/reply.h"
#include "ffi/self.h"
#include "ffi/watch.h"

#define SHARDS_DEFAULT  8u
#define DEPTH_DEFAULT   4096u
#define PAYLOAD_DEFAULT ((size_t)16 << 20)
#define EVENTS_DEFAULT  256u
#define EVENTS_MOST     65536u
#define NAME_BYTES      16u

/* A shard's head has 22 bits of generation; a slot that has used them all is
 * retired. */
static struct slot_table contexts =
    SLOT_TABLE(TOKEN_CONTEXT, (UINT64_C(1) << 22) - 1);

atom32 ferry__context_quiesced;

/* ---------------------------------------------------------------- finding */

int
ferry__context_find(struct context **out, ferry_context token)
{
	struct slot *s;
	int r = ferry__token_find(&contexts, token, &s);

	if (r == FERRY_OK)
		*out = atomp_load_relaxed(&s->object);
	return r;
}

void
ferry__context_each(void (*visit)(void *context, uint64_t token, void *arg),
    void *arg)
{
	ferry__token_each(&contexts, visit, arg);
}

bool
ferry__context_may_block(void)
{
	return ferry__self.roles == 0;
}

static struct home *
bind_home(struct context *c)
{
	struct home_binding b = {
		.token = c->token,
		.generation = c->generation,
		.shards = c->shards,
		.n_shards = c->n_shards,
		.park = &c->worker->park,
		.flags = c->flags | (c->depth_total != 0 ? HOME_TOTAL : 0),
		.payload_max = c->payload_max,
		.depth = c->depth,
		.stuck = c->source.policy == FERRY_EVENTS_STUCK
		    ? &c->source.stuck
		    : NULL,
		.context = c,
		.methods = c->methods,
		.total = &c->total,
		.attachments = &c->source.attachments,
	};

	return ferry__node_home(&c->homes, &b);
}

int
ferry__context_home(struct home **out, ferry_context token)
{
	struct context *c;
	int r = ferry__context_find(&c, token);

	if (r != FERRY_OK)
		return r;
	/* A closing context gets no more homes: those it has are disbanded. */
	pthread_mutex_lock(&c->mutex);
	/* pair(slot) acquire: it may have closed, and be another's. */
	if (atom64_load_acquire(&c->slot->token) != token)
		r = FERRY_ESTALE;
	/* pair(quiesce) acquire. */
	else if (atom32_load_acquire(&ferry__context_quiesced) != 0)
		r = FERRY_EQUIESCED;
	/* Relaxed: set under the mutex. */
	else if (atom32_load_relaxed(&c->stage) != CONTEXT_OPEN)
		r = FERRY_ECLOSED;
	else
		*out = bind_home(c);
	pthread_mutex_unlock(&c->mutex);
	return r == FERRY_OK && *out == NULL ? FERRY_ENOMEM : r;
}

int
ferry_context_method(uint32_t *out_id, ferry_context context,
    const char *name)
{
	struct context *c;
	int r = ferry__context_find(&c, context);

	if (r != FERRY_OK)
		return r;
	if (out_id == NULL || name == NULL)
		return FERRY_EINVAL;
	return ferry__library_method(out_id, c->library, name);
}

int
ferry_context_event(uint32_t *out_id, ferry_context context, const char *name)
{
	struct context *c;
	int r = ferry__context_find(&c, context);

	if (r != FERRY_OK)
		return r;
	if (out_id == NULL || name == NULL)
		return FERRY_EINVAL;
	return ferry__library_event(out_id, c->library, name);
}

int
ferry_context_method_name(const char **out, ferry_context context,
    uint32_t method)
{
	struct context *c;
	int r = ferry__context_find(&c, context);

	if (r != FERRY_OK)
		return r;
	if (out == NULL)
		return FERRY_EINVAL;
	if (method >= c->methods->n)
		return FERRY_ENOMETHOD;
	*out = c->methods->at[method].name;
	return FERRY_OK;
}

/* ------------------------------------------------------ on the FFI thread */

bool
ferry__context_is_running(const struct context *c)
{
	uint64_t ended = 0;

	for (int o = ENDED_OK; o < OUTCOMES; o++)
		ended += ferry__context_ended(c, o);
	/* Relaxed: this thread's own. */
	return atom64_load_relaxed(&c->started.n) != ended;
}

static void
looked_again(struct worker *w, struct job *j)
{
	struct context *c = container_of(j, struct context, stop_job);

	(void)w;
	/* pair(nudge) acq_rel: the loop looks after this. */
	atom32_xchg_acqrel(&c->stop_posted, 0);
}

void
ferry__context_nudge(struct context *c)
{
	/* pair(nudge) acq_rel: one that is posted and not yet run will do. */
	if (atom32_xchg_acqrel(&c->stop_posted, 1) == 0)
		ferry__worker_post(c->worker, &c->stop_job);
}

void
ferry__context_flip(struct context *c)
{
	for (uint32_t i = 0; i < c->n_shards; i++)
		ferry__list_close(&c->shards[i]);
}

void
ferry__context_quiesce(struct context *c)
{
	/* Relaxed: the FFI thread sees it soon, and is waited for. */
	atom32_store_relaxed(&c->refusing, 1);
	ferry__context_flip(c);
}

static void
run_fini(struct worker *w, struct context *c)
{
	ferry_fini_fn fini = c->library->fini;

	if (fini == NULL)
		return;
	w->context = c;
	w->doing = DOING_FINI;
	ferry__self.roles |= SELF_HANDLER;
	fini(c->state);
	ferry__self.roles = SELF_FFI;
	w->doing = DOING_OWN;
}

static void
has_left(struct worker *w, struct context *c)
{
	w->letting_go = NULL;
	/* pair(left) release: handles, fini, counters. */
	atom32_store_release(&c->stage, CONTEXT_LEFT);
	ferry__os_wake(&c->stage, INT32_MAX);
}

void
ferry__context_let_go(struct worker *w, struct context *c)
{
	w->letting_go = c;
	ferry__handle_destroy_all(w, c);
	run_fini(w, c);
	has_left(w, c);
}

/* What a context holds, but for its slot; by whoever ends its life. */
static void
release_parts(struct context *c)
{
	ferry__queue_close(&c->source.queue);
	ferry__library_unref(c->library);
	/* Relaxed: nobody can find it. */
	atom32_store_relaxed(&c->stage, CONTEXT_FREE);
	ferry__token_free(&contexts, c->slot);
}

static void
init_ended(struct worker *w, struct context *c, int r)
{
	uint32_t pending = OPENING_PENDING;

	c->opened = r;
	/* pair(opening) acq_rel: result and state; or the opener has gone. */
	if (atom32_cas_acqrel(&c->opening, &pending, OPENING_DONE)) {
		/* The opener may not read c->worker's list; nor may it close
		 * before this thread's next look. */
		if (r == FERRY_OK)
			ferry__worker_adopt(w, c);
		ferry__os_wake(&c->opening, INT32_MAX);
		return;
	}
	if (r == FERRY_OK)
		run_fini(w, c);
	release_parts(c);
	if (ferry__worker_release(w))
		ferry__worker_end_itself(w);
}

static void
open_on_worker(struct worker *w, struct job *j)
{
	struct context *c = container_of(j, struct context, open_job);
	ferry_init_fn init = c->library->init;
	int r = 0;

	if (init != NULL) {
		w->context = c;
		w->doing = DOING_INIT;
		ferry__self.roles |= SELF_HANDLER;
		r = init(&c->state, c->init_arg, c->text, sizeof c->text,
		    c->token);
		ferry__self.roles = SELF_FFI;
		w->doing = DOING_OWN;
	}
	init_ended(w, c, r == 0 ? FERRY_OK : FERRY_EINIT);
}

void
ferry__context_mend(struct worker *w, enum worker_doing doing)
{
	if (doing == DOING_DESTROY)
		ferry__handle_mend(w);
	if (doing == DOING_INIT) {
		snprintf(w->context->text, sizeof w->context->text,
		    "init ended its thread");
		init_ended(w, w->context, FERRY_EINIT);
	} else if (doing == DOING_FINI) {
		if (w->letting_go != NULL)
			has_left(w, w->letting_go);
	} else if (w->letting_go != NULL) {
		ferry__context_let_go(w, w->letting_go);
	}
}

/* ---------------------------------------------------------------- opening */

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
	if ((o->flags & ~(uint32_t)(FERRY_CONTEXT_SELF_SUBMIT |
	         FERRY_CONTEXT_CLOSE_ON_LOSS)) != 0 ||
	    o->reserved != 0 || o->shards > SHARDS_MOST ||
	    !is_power_of_two(o->shards) || o->payload_max > UINT32_MAX ||
	    o->event_policy > FERRY_EVENTS_BLOCK || o->event_capacity == 0 ||
	    o->event_capacity > EVENTS_MOST ||
	    !is_power_of_two(o->event_capacity) ||
	    o->notify_level > FERRY_LEVEL_FATAL ||
	    (o->thread_name != NULL &&
	        strlen(o->thread_name) >= NAME_BYTES) ||
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
	atom64_store_relaxed(&c->total.out, 0);
	atom32_store_relaxed(&c->total.wanted, 0);
	c->total.tell = ferry__reply_tell_room;
	atom64_store_relaxed(&c->handles_open.n, 0);
	atom32_store_relaxed(&c->refusing, 0);
	atom32_store_relaxed(&c->opening, OPENING_PENDING);
	c->shards_closed = 0;
	c->handles = NULL;
	c->n_handles = 0;
	c->was_abandoned = false;
	c->callback_not_run = 0;
	c->n_abandoned = 0;
	c->text[0] = 0;
}

static void
reset_source(struct source *s, const struct context *c,
    const ferry_context_options *o)
{
	s->context = c->token;
	s->policy = o->event_policy;
	s->names = c->library->events;
	s->held = NULL;
	s->attachments.first = NULL;
	atom32_store_relaxed(&s->attachments.hearers, 0);
	/* Relaxed: published with the token. */
	atom32_store_relaxed(&s->stuck, 0);
	atom32_store_relaxed(&s->closing, 0);
	atom32_store_relaxed(&s->room_waited, 0);
	atom32_store_relaxed(&s->stage, SOURCE_OPEN);
	atom64_store_relaxed(&s->emitted.n, 0);
	atom64_store_relaxed(&s->refused.n, 0);
	atom64_store_relaxed(&s->dropped.n, 0);
	atom64_store_relaxed(&s->unheard.n, 0);
	atom64_store_relaxed(&s->overrun.n, 0);
	atom64_store_relaxed(&s->delivered.n, 0);
	atom64_store_relaxed(&s->episodes.n, 0);
	s->tick_ms = ferry__watch_tick(c);
}

/* Everything but the worker. */
static int
fill(struct context *c, const ferry_context_options *o, struct library *l)
{
	c->library = l;
	c->token = ferry__token_next(&contexts, c->slot);
	c->generation = ferry__token_count(c->token);
	c->state = NULL;
	c->flags = o->flags;
	c->levels = o->levels;
	c->depth = o->depth;
	c->depth_total = o->depth_total;
	c->payload_max = o->payload_max;
	c->homes.first = NULL;
	c->init_arg = o->init_arg;
	c->open_job.run = open_on_worker;
	c->stop_job.run = looked_again;
	c->methods = ferry__watch_methods(l, &c->levels, o->notify_level);
	reset_counts(c);
	if (c->methods == NULL || !make_shards(c, o->shards) ||
	    !ferry__queue_open(&c->source.queue, o->event_capacity))
		return FERRY_ENOMEM;
	reset_source(&c->source, c, o);
	/* pair(closer) release: free to be closed, in this generation. */
	atom64_store_release(&c->closer, c->generation << 1);
	return FERRY_OK;
}

/* The worker of the options, started if need be. */
static int
join_worker(struct context *c, const ferry_context_options *o)
{
	const char *key = NULL, *name = c->library->name;
	char cut[NAME_BYTES];

	if (o->thread_name != NULL)
		name = o->thread_name;
	snprintf(cut, sizeof cut, "%s", name);
	name = ferry__alloc_name(cut);
	if (name == NULL)
		return FERRY_ENOMEM;
	if (o->worker_key != NULL) {
		key = ferry__alloc_name(o->worker_key);
		if (key == NULL)
			return FERRY_ENOMEM;
	}
	return ferry__worker_ref(&c->worker, key, name, o->stack_size);
}

/* FERRY_OK, the init's error, or FERRY_ETIMEDOUT: then the context is the
 * FFI thread's to clean up. */
static int
await_init(struct context *c, int64_t timeout_ms)
{
	uint64_t deadline = timeout_ms <= 0
	    ? OS_NEVER
	    : ferry__os_now_ns() + (uint64_t)timeout_ms * 1000000u;
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

static void
leave_worker(struct context *c)
{
	if (ferry__worker_release(c->worker))
		ferry__worker_join(c->worker);
}

static void
tell_text(const struct context *c, const ferry_context_options *o)
{
	if (o->error_text_size != 0)
		snprintf(o->error_text, o->error_text_size, "%.*s",
		    (int)sizeof c->text - 1, c->text);
}

static int
open_on(ferry_context *out, struct context *c, const ferry_context_options *o)
{
	int r = join_worker(c, o);

	if (r != FERRY_OK) {
		release_parts(c);
		return r;
	}
	/* Relaxed: published by the job. */
	atom32_store_relaxed(&c->stage, CONTEXT_OPENING);
	ferry__worker_post(c->worker, &c->open_job);
	r = await_init(c, o->timeout_ms);
	if (r == FERRY_ETIMEDOUT)
		return r;
	if (r != FERRY_OK) {
		tell_text(c, o);
		leave_worker(c);
		release_parts(c);
		return r;
	}
	ferry__event_thread_add(&c->worker->events, &c->source);
	/* Relaxed: published with the token. */
	atom32_store_relaxed(&c->stage, CONTEXT_OPEN);
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
	if (!ferry__context_may_block())
		return FERRY_EREENTRANT;
	/* pair(quiesce) acquire. */
	if (atom32_load_acquire(&ferry__context_quiesced) != 0)
		return FERRY_EQUIESCED;
	ferry__os_start();
	r = ferry__library_freeze(&l, o.library);
	if (r != FERRY_OK)
		return r;
	s = ferry__token_reserve(&contexts);
	c = s != NULL ? context_of(s) : NULL;
	if (c == NULL) {
		if (s != NULL)
			ferry__token_free(&contexts, s);
		ferry__library_unref(l);
		return FERRY_ENOMEM;
	}
	r = fill(c, &o, l);
	if (r != FERRY_OK) {
		release_parts(c);
		return r;
	}
	return open_on(out, c, &o);
}

/* ---------------------------------------------------------------- closing */

void
ferry__context_end(struct context *c)
{
	ferry__node_disband(&c->homes);
	leave_worker(c);
	ferry__token_revoke(c->slot, c->token);
	release_parts(c);
}
