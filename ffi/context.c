/*
 * Contexts: finding one, and the FFI thread's part of its life: init, letting
 * go, fini. open.c and close.c have the callers' parts.
 *
 * Threads: find and home on any; what is marked so on the FFI thread.
 */
#include "ffi/context.h"

#include "ffi/dispatch.h"
#include "ffi/handle.h"
#include "ffi/reply.h"
#include "ffi/self.h"
#include "ffi/strand_memory.h"
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
		.park = &ferry__context_worker(c)->park,
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
	uint32_t stage;
	int r = ferry__context_find(&c, token);

	if (r != FERRY_OK)
		return r;
	/* A closing context gets no more homes: those it has are disbanded. */
	pthread_mutex_lock(&c->mutex);
	/* The stage first, as in check(): one of the next owner was set after
	 * the token had been revoked. pair(busy) acquire. */
	stage = atom32_load_acquire(&c->stage);
	/* pair(slot) acquire: it may have closed, and be another's. */
	if (atom64_load_acquire(&c->slot->token) != token)
		r = FERRY_ESTALE;
	/* pair(quiesce) acquire. */
	else if (atom32_load_acquire(&ferry__context_quiesced) != 0)
		r = FERRY_EQUIESCED;
	/* Set under the mutex. */
	else if (stage != CONTEXT_OPEN)
		r = FERRY_ECLOSED;
	else
		*out = bind_home(c);
	pthread_mutex_unlock(&c->mutex);
	return r == FERRY_OK && *out == NULL ? FERRY_ENOMEM : r;
}

/*
 * Whether it is this context still, and has not been let go. The stage first:
 * one that is not the last owner's any more says so, and one of the next owner
 * was set after the token had been revoked.
 */
int
ferry__context_check(struct context *c, ferry_context context)
{
	/* pair(busy) seq_cst: after `busy` was counted; or, on the FFI thread,
	 * which alone lets go, its own. */
	uint32_t stage = atom32_load_seqcst(&c->stage);

	/* pair(slot) acquire. */
	if (atom64_load_acquire(&c->slot->token) != context)
		return FERRY_ESTALE;
	return stage == CONTEXT_OPEN || stage == CONTEXT_CLOSING
	    ? FERRY_OK
	    : FERRY_ECLOSED;
}

/* What a close frees, and an open writes, is there until let_go(). */
static int
hold(struct context **out, ferry_context token)
{
	int r = ferry__context_find(out, token);

	if (r != FERRY_OK)
		return r;
	ferry__reply_enter(*out);
	r = ferry__context_check(*out, token);
	if (r != FERRY_OK)
		ferry__reply_leave(*out);
	return r;
}

static void
let_go(struct context *c)
{
	ferry__reply_leave(c);
}

int
ferry__context_name(const char **out, ferry_context token)
{
	struct context *c;
	int r = hold(&c, token);

	if (r != FERRY_OK)
		return r;
	*out = c->library->name;
	let_go(c);
	return FERRY_OK;
}

int
ferry_context_method(uint32_t *out_id, ferry_context context,
    const char *name)
{
	struct context *c;
	int r = hold(&c, context);

	if (r != FERRY_OK)
		return r;
	r = out_id == NULL || name == NULL
	    ? FERRY_EINVAL
	    : ferry__library_method(out_id, c->library, name);
	let_go(c);
	return r;
}

int
ferry_context_event(uint32_t *out_id, ferry_context context, const char *name)
{
	struct context *c;
	int r = hold(&c, context);

	if (r != FERRY_OK)
		return r;
	r = out_id == NULL || name == NULL
	    ? FERRY_EINVAL
	    : ferry__library_event(out_id, c->library, name);
	let_go(c);
	return r;
}

int
ferry_context_method_name(const char **out, ferry_context context,
    uint32_t method)
{
	struct context *c;
	int r = hold(&c, context);

	if (r != FERRY_OK)
		return r;
	if (out == NULL)
		r = FERRY_EINVAL;
	else if (method >= c->methods->n)
		r = FERRY_ENOMETHOD;
	else
		*out = c->methods->at[method].name;
	let_go(c);
	return r;
}

int
ferry_context_event_name(const char **out, ferry_context context,
    uint32_t event)
{
	struct context *c;
	int r = hold(&c, context);

	if (r != FERRY_OK)
		return r;
	if (out == NULL)
		r = FERRY_EINVAL;
	else if (event >= c->library->n_events)
		r = FERRY_ENOEVENT;
	else
		*out = c->library->events[event];
	let_go(c);
	return r;
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
		ferry__worker_post(ferry__context_worker(c), &c->stop_job);
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

void
ferry__context_go_aside(
    struct worker *w, struct context *c, enum worker_doing doing)
{
	const void *methods = c->methods, *library = c->library->name;
	uint32_t slot = doing == DOING_INIT ? BEAT_INIT
	    : doing == DOING_FINI           ? BEAT_FINI
	                                    : BEAT_DESTROY;

	/* pair(aside) release, all: after the beat before. */
	atom64_store_release(&w->aside.context, c->token);
	atomp_store_release(&w->aside.methods, (void *)(uintptr_t)methods);
	atomp_store_release(&w->aside.library, (void *)(uintptr_t)library);
	w->context = c;
	w->doing = doing;
	ferry__self.roles |= SELF_HANDLER;
	ferry__beat(&w->beat, slot);
}

void
ferry__context_come_back(struct worker *w)
{
	ferry__fork_returned(w->mark);
	ferry__beat(&w->beat, BEAT_NO_SLOT);
	ferry__self.roles = SELF_FFI;
	w->doing = DOING_OWN;
}

static void
run_fini(struct worker *w, struct context *c)
{
	ferry_fini_fn fini = c->library->fini;

	if (fini == NULL)
		return;
	ferry__context_go_aside(w, c, DOING_FINI);
	fini(c->state);
	ferry__context_come_back(w);
}

static void
has_left(struct worker *w, struct context *c)
{
	w->letting_go = NULL;
	/* Its homes are others' from here on, and what ran just now may have
	 * given nodes to those of other contexts. */
	ferry__dispatch_flush(w);
	/* pair(left) release: handles, fini, counters. pair(busy) seq_cst: an
	 * emit of another thread sees it, or the closer sees the emit. */
	atom32_store_seqcst(&c->stage, CONTEXT_LEFT);
	ferry__os_wake(&c->stage, INT32_MAX);
}

void
ferry__context_let_go(struct worker *w, struct context *c)
{
	w->letting_go = c;
	ferry__timing_forget(w);
	ferry__handle_destroy_all(w, c);
	run_fini(w, c);
	has_left(w, c);
}

/* What a context holds, but for its slot; by whoever ends its life. */
void
ferry__context_release(struct context *c)
{
	ferry__strand_close(&c->strands);
	ferry__timing_close(&c->timings);
	ferry__ledger_close(&c->ledger);
	ferry__source_close(&c->source);
	ferry__library_unref(c->library);
	/* Relaxed: nobody can find it. */
	atom32_store_relaxed(&c->stage, CONTEXT_FREE);
	ferry__token_free(&ferry__contexts, c->slot);
}

/* The opener has: nobody else ends it. */
static void
give_up(struct worker *w, struct context *c)
{
	ferry__context_release(c);
	if (ferry__worker_release(w))
		ferry__worker_end_itself(w);
}

/* With what init returned. */
static void
init_ended(struct worker *w, struct context *c, int status)
{
	int r = status == 0 ? FERRY_OK : FERRY_EINIT;
	uint32_t pending = OPENING_PENDING;

	c->opened = r;
	c->init_status = status;
	/* pair(opening) acq_rel: result and state; or the opener has gone. */
	if (atom32_cas_acqrel(&c->opening, &pending, OPENING_DONE)) {
		/* The opener may not read the worker's list; nor may it close
		 * before this thread's next look. */
		if (r == FERRY_OK)
			ferry__worker_adopt(w, c);
		ferry__os_wake(&c->opening, INT32_MAX);
		return;
	}
	if (r == FERRY_OK)
		run_fini(w, c);
	give_up(w, c);
}

void
ferry__context_init(struct worker *w, struct job *j)
{
	struct context *c = container_of(j, struct context, open_job);
	ferry_init_fn init = c->library->init;
	int r = 0;

	if (init != NULL) {
		ferry__context_go_aside(w, c, DOING_INIT);
		r = init(&c->state, c->init_arg, c->text, sizeof c->text,
		    c->token);
		ferry__context_come_back(w);
	}
	init_ended(w, c, r);
}

void
ferry__context_mend(struct worker *w, enum worker_doing doing)
{
	if (doing == DOING_DESTROY)
		ferry__handle_mend(w);
	if (doing == DOING_INIT) {
		snprintf(w->context->text, sizeof w->context->text,
		    "init ended its thread");
		init_ended(w, w->context, FERRY_ELOST);
	} else if (doing == DOING_FINI) {
		if (w->letting_go != NULL)
			has_left(w, w->letting_go);
		else
			give_up(w, w->context);
	} else if (w->letting_go != NULL) {
		ferry__context_let_go(w, w->letting_go);
	}
}

/* ---------------------------------------------------------------- closing */

void
ferry__context_leave_worker(struct context *c)
{
	if (ferry__worker_release(ferry__context_worker(c)))
		ferry__worker_join(ferry__context_worker(c));
}

void
ferry__context_end(struct context *c)
{
	ferry__node_disband(&c->homes);
	ferry__context_leave_worker(c);
	ferry__token_revoke(c->slot, c->token);
	ferry__context_release(c);
}

void
ferry__context_forked(void)
{
	ferry__token_forked(&ferry__contexts);
	/* Relaxed: published with all the rest. */
	atom32_store_relaxed(&ferry__context_quiesced, 0);
}
