/*
 * Contexts: finding one, and the FFI thread's part of its life: init, letting
 * go, fini. open.c and close.c have the callers' parts.
 *
 * Threads: find and home on any; what is marked so on the FFI thread.
 */
#include "ffi/context.h"

#include "ffi/handle.h"
#include "ffi/self.h"
#include "ffi/watch.h"

/* A shard's head has 22 bits of generation; a slot that has used them all is
 * retired. */
struct slot_table ferry__contexts =
    SLOT_TABLE(TOKEN_CONTEXT, (UINT64_C(1) << 22) - 1);

atom32 ferry__context_quiesced;

/* ---------------------------------------------------------------- finding */

int
ferry__context_find(struct context **out, ferry_context token)
{
	struct slot *s;
	int r = ferry__token_find(&ferry__contexts, token, &s);

	if (r == FERRY_OK)
		*out = atomp_load_relaxed(&s->object);
	return r;
}

void
ferry__context_each(void (*visit)(void *context, uint64_t token, void *arg),
    void *arg)
{
	ferry__token_each(&ferry__contexts, visit, arg);
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
		.total = c->total,
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
		/* pair(running) seq_cst: after the look at the stage. */
		ended += atom64_load_relaxed(&c->ended[o].n) +
		    atom64_load_seqcst(&c->ended_elsewhere[o]);
	/* Relaxed: this thread's own. */
	return atom64_load_relaxed(&c->started.n) != ended;
}

void
ferry__context_looked(struct worker *w, struct job *j)
{
	struct context *c = container_of(j, struct context, stop_job);

	(void)w;
	/* pair(nudge) acq_rel: the loop looks after this, and a closer may use
	 * the job's memory again. */
	atom32_xchg_acqrel(&c->stop_posted, 0);
	ferry__os_wake(&c->stop_posted, 1);
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
void
ferry__context_release(struct context *c)
{
	ferry__queue_close(&c->source.queue);
	ferry__library_unref(c->library);
	/* Relaxed: nobody can find it. */
	atom32_store_relaxed(&c->stage, CONTEXT_FREE);
	ferry__token_free(&ferry__contexts, c->slot);
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
	ferry__context_release(c);
	if (ferry__worker_release(w))
		ferry__worker_end_itself(w);
}

void
ferry__context_init(struct worker *w, struct job *j)
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

/* ---------------------------------------------------------------- closing */

void
ferry__context_leave_worker(struct context *c)
{
	if (ferry__worker_release(c->worker))
		ferry__worker_join(c->worker);
}

void
ferry__context_end(struct context *c)
{
	ferry__node_disband(&c->homes);
	ferry__context_leave_worker(c);
	ferry__token_revoke(c->slot, c->token);
	ferry__context_release(c);
}
