/*
 * The life of a strand: spawned, resumed, ended or lost; see strand.h.
 *
 * Threads: the FFI thread, but for rouse(). What a strand itself calls is in
 * strand_wait.c.
 */
#include "ffi/strand.h"

#include <limits.h>

#include "ffi/call.h"
#include "ffi/cancel.h"
#include "ffi/context.h"
#include "ffi/dispatch.h"
#include "ffi/reply.h"
#include "ffi/strand_memory.h"
#include "ffi/strand_out.h"
#include "ffi/wait.h"
#include "ffi/watch.h"

/* ---------------------------------------------------------------- counting */

static void
link_newest(struct strands *all, struct strand *s)
{
	s->older = all->newest;
	s->newer = NULL;
	if (all->newest != NULL)
		all->newest->newer = s;
	else
		all->oldest = s;
	all->newest = s;
}

/* The oldest has ended, and been counted. */
static COLD void
tell_waiters(struct strands *all)
{
	/* pair(passed) seq_cst. */
	atom32_add_seqcst(&all->passed, 1);
	ferry__os_wake(&all->passed, INT_MAX);
}

static void
publish_oldest(struct strands *all)
{
	/* Relaxed: this thread's. */
	uint64_t id = all->oldest != NULL
	    ? all->oldest->id
	    : atom64_load_relaxed(&all->spawned.n) + 1;

	/* pair(passed) seq_cst: after the counts, before the look for who
	 * waits. */
	atom64_store_seqcst(&all->oldest_id, id);
	/* pair(passed) seq_cst: a waiter announces itself, then looks. */
	if (UNLIKELY(atom32_load_seqcst(&all->waiters) != 0))
		tell_waiters(all);
}

static void
unlink_strand(struct strands *all, struct strand *s)
{
	if (s->older != NULL)
		s->older->newer = s->newer;
	else
		all->oldest = s->newer;
	if (s->newer != NULL)
		s->newer->older = s->older;
	else
		all->newest = s->older;
}

/*
 * Alive no more: counted before its request is answered, so that who has the
 * answer sees it counted, and before those who wait for all are told.
 */
static void
count_end(struct strands *all, struct strand *s, enum strand_end how)
{
	bool was_oldest = s->older == NULL;

	ferry__timing_strand(s->wake.worker, s);
	ferry__registry_leave(&s->wake.worker->registry, s->listed);
	unlink_strand(all, s);
	all->n--;
	count_single_add(&all->ended[how], 1);
	if (was_oldest)
		publish_oldest(all);
}

/* A hook may use what the request has until it has returned, and the request
 * is not answered before. */
static void
give_memory(struct strands *all, struct strand *s)
{
	if (UNLIKELY(s->arena.chunks != NULL) &&
	    /* Relaxed: this thread set it, if it is set. */
	    (atom64_load_relaxed(&s->node->claim) & CLAIM_HOOK) != 0)
		(void)ferry__call_clear_hook(s->node);
	ferry__strand_give_memory(all, s);
}

static enum strand_end
how_ended(int status)
{
	if (LIKELY(status == FERRY_OK))
		return STRAND_COMPLETED;
	return status == FERRY_ECANCELED ? STRAND_CANCELLED : STRAND_FAILED;
}

/* ---------------------------------------------------------------- running */

/* The bottom of its stack, but for the coroutine's own. */
static void
body(struct coro *co, void *arg)
{
	struct strand *s = arg;
	struct node *n = s->node;

	(void)co;
	s->status = s->context->methods->at[ferry__node_method(n)].strand(
	    s->call, ferry__node_data(n), n->size, s->context->state);
}

/* Into the coroutine, until it suspends or ends; true: it has ended. */
static ALWAYS_INLINE bool
enter(struct worker *w, struct strand *s)
{
	bool ended;

	w->strand = s;
	ferry__self.coro = &s->coro;
	ferry__coro_resume(&s->coro);
	ferry__fork_returned(w->mark);
	ferry__self.coro = NULL;
	w->strand = NULL;
	ended = ferry__coro_ended(&s->coro);
	if (UNLIKELY(w->scoped)) {
		if (ended)
			ferry__call_end_scopes(w);
		else
			ferry__call_keep_scopes(w, s);
	}
	return ended;
}

/*
 * The end of a strand that has waited, and its answer: the end of a deferred
 * call whose replier is this thread. Counted when it is certain whose answer
 * stands, and before that is told. A hook that runs is waited for here, as for
 * a plain handler, so that the node's job stays the rousing one's.
 */
static void
end_with(struct worker *w, struct strand *s, const struct answer *a,
    enum strand_end how, enum outcome outcome)
{
	struct context *c = s->context;
	struct node *n = s->node;
	bool answered;
	uint64_t old;
	int status;

	n->status = a->status;
	n->reply = a->data;
	n->reply_size = a->size;
	/* From here on a rousing job finds nobody. */
	n->link.next = NULL;
	ferry__node_free_payload(n);
	/* pair(claim) acq_rel: the reply is in the node; no hook is begun, and
	 * no rousing, from here on. */
	old = atom64_or_acqrel(&n->claim, CLAIM_FINISHED);
	if ((old & (CLAIM_HOOKING | CLAIM_HOOKED)) == CLAIM_HOOKING)
		ferry__cancel_await_hook(n);
	answered = ferry__node_answered(n, &status);
	count_end(&c->strands, s,
	    answered && how != STRAND_LOST ? STRAND_CANCELLED : how);
	give_memory(&c->strands, s);
	if (answered) {
		ferry__alloc_block_free(n->reply);
		ferry__reply_count_late(c);
		ferry__reply_drop(n);
		return;
	}
	if (n->flags & NODE_CALLBACK) {
		ferry__reply_call_back_deferred(w, c, n, outcome);
		return;
	}
	count_single_add(&c->ended[outcome], 1);
	ferry__reply_deliver(c, n);
}

/* Has returned. Its answer is the worker's to give, or given here. */
static void
end(struct worker *w, struct strand *s)
{
	struct answer a = w->answer;

	if (!a.given)
		a = (struct answer){ .status = s->status };
	end_with(w, s, &a, how_ended(a.status),
	    ferry__reply_outcome(a.status));
}

/*
 * `now_ns`: 0 if not known. Returns when it suspended, which is when the next
 * one can go on: half of the looks at the clock; or 0, when it has ended.
 */
static uint64_t
resume(struct worker *w, struct strand *s, int woken, uint64_t now_ns)
{
	struct context *c = s->context;
	const struct method *m = &c->methods->at[ferry__node_method(s->node)];
	ferry_call call = s->call;
	uint64_t id = s->id, began;
	bool ended;

	s->woken = woken;
	s->state = REGISTRY_RUNNING;
	began = s->since_ns = now_ns != 0 ? now_ns : ferry__os_now_ns();
	ferry__registry_state(s->listed, REGISTRY_RUNNING, 0, s->since_ns);
	w->current = s->node;
	w->context = c;
	w->call = call;
	w->answer = s->answer;
	w->deferred = false;
	if (UNLIKELY(s->scopes != NULL))
		ferry__call_resume_scopes(w, s);
	else
		ferry__beat(&w->beat, s->node->index);
	ferry__timing_begin(w);
	w->doing = DOING_STRAND;
	ferry__self.roles = SELF_FFI | SELF_HANDLER;
	ended = enter(w, s);
	ferry__self.roles = SELF_FFI;
	w->doing = DOING_OWN;
	w->call = 0;
	now_ns = ended ? 0 : s->since_ns;
	if (ended)
		end(w, s);
	if (UNLIKELY(ferry__timing_asks(w))) {
		ferry__timing_end_resumed(w, c, m, call, id, began, now_ns);
		ferry__dispatch_flush(w);
	}
	ferry__beat(&w->beat, BEAT_NO_SLOT);
	ferry__watch_between(w);
	return now_ns;
}

void
ferry__strand_resume(struct worker *w, struct strand *s, int woken)
{
	resume(w, s, woken, 0);
}

/* ---------------------------------------------------------------- spawning */

static int
may_spawn(const struct strands *all)
{
	/* Relaxed: who shuts the door does not wait for a certain one. */
	if (atom32_load_relaxed(&all->shut) != 0)
		return FERRY_ECLOSED;
	return all->n < all->most ? FERRY_OK : FERRY_EAGAIN;
}

static COLD int
refuse(struct worker *w, struct strands *all, int why)
{
	count_single_add(&all->refused, 1);
	w->hold.strand = 0;
	return why;
}

static void
list(struct strand *s, struct worker *w)
{
	struct registry_entry e = {
		.strand = s->id,
		.request = ferry__token_as(s->call, TOKEN_REQUEST),
		.context = s->context->token,
		.spawned_ns = s->since_ns,
		.progress_ns = s->since_ns,
		.method = ferry__node_method(s->node),
		.state = REGISTRY_RUNNING,
	};

	e.name = s->context->methods->at[e.method].name;
	s->listed = ferry__registry_enter(&w->registry, &e);
	if (UNLIKELY(s->listed == NULL))
		count_single_add(&s->context->strands.unlisted, 1);
}

static void
begin(struct strand *s, struct worker *w, ferry_call call)
{
	struct strands *all = &w->context->strands;

	s->context = w->context;
	s->node = w->current;
	s->call = call;
	s->state = REGISTRY_RUNNING;
	s->since_ns = ferry__os_now_ns();
	s->deferred = s->lost = false;
	s->shields = 0;
	s->timer.link = NULL;
	s->wake.worker = w;
	s->arena = (struct arena){ .most = all->memory_most };
	s->scopes = NULL;
	/* Relaxed: this thread's. The id is how many there have been. */
	s->id = atom64_load_relaxed(&all->spawned.n) + 1;
	ferry__timing_clock(w, s->since_ns);
	ferry__timing_spawned(w, s);
	link_newest(all, s);
	if (++all->n > atom64_load_relaxed(&all->peak.n))
		atom64_store_relaxed(&all->peak.n, all->n);
	count_single_add(&all->spawned, 1);
	/* For who rouses it; nobody else has the node on a list. */
	s->node->link.next = &s->self;
	list(s, w);
}

/*
 * Seen by dispatch as the handler. A strand that never waits ends like a plain
 * one; one that does leaves a deferred call behind, and ends in end().
 */
int
ferry__strand_spawn(ferry_call call, const void *data, size_t size,
    void *state)
{
	struct worker *w = ferry__self.worker;
	struct strands *all = &w->context->strands;
	struct strand *s;
	int r = may_spawn(all), answered;

	(void)data;
	(void)size;
	(void)state;
	if (UNLIKELY(r != FERRY_OK))
		return refuse(w, all, r);
	s = ferry__strand_take_memory(all);
	if (UNLIKELY(s == NULL))
		return refuse(w, all, FERRY_ENOMEM);
	begin(s, w, call);
	ferry__coro_start(&s->coro, &w->coros, s->coro.stack, body, s);
	if (!enter(w, s)) {
		w->deferred = true;
		return FERRY_OK;
	}
	if (UNLIKELY(s->deferred)) {
		/* It was to wait, and then need not. The heartbeat's reference
		 * here: the answer may call back, and that end this thread. */
		ferry__reply_drop(s->node);
		end(w, s);
		w->deferred = true;
		w->current = NULL;
		return FERRY_OK;
	}
	r = w->answer.given ? w->answer.status : s->status;
	s->node->link.next = NULL;
	count_end(all, s, ferry__node_answered(s->node, &answered)
	        ? STRAND_CANCELLED
	        : how_ended(r));
	r = s->status;
	give_memory(all, s);
	return r;
}

/* ------------------------------------------------------------ ready and due */

void
ferry__strand_make_ready(struct worker *w, struct strand *s)
{
	s->next = NULL;
	*w->ready_end = s;
	w->ready_end = &s->next;
}

static void
take_ready(struct worker *w)
{
	struct strand *s = w->ready;

	w->ready = s->next;
	if (w->ready == NULL)
		w->ready_end = &w->ready;
}

static bool
run_due(struct worker *w)
{
	uint64_t due = ferry__os_now_ns(), now = due;
	bool any = false;
	struct strand *s;
	struct timer *t;

	/* One time for all: a strand that sleeps again waits for its turn. */
	while ((t = ferry__timer_take_due(&w->timers, due)) != NULL) {
		any = true;
		s = container_of(t, struct strand, timer);
		if (s->state == REGISTRY_SLEEPING)
			now = resume(w, s, FERRY_OK, now);
		else if (ferry__strand_withdraw(s))
			now = resume(w, s, FERRY_ETIMEDOUT, now);
	}
	return any;
}

/* Those that get ready meanwhile come next time round, behind what is queued
 * by then. */
static void
run_ready(struct worker *w)
{
	struct strand *last = container_of(w->ready_end, struct strand, next);
	uint64_t now = 0;
	struct strand *s;

	do {
		s = w->ready;
		take_ready(w);
		now = resume(w, s, FERRY_OK, now);
	} while (s != last && w->ready != NULL);
}

bool
ferry__strand_run(struct worker *w)
{
	bool any = w->timers.first != NULL && run_due(w);

	if (w->ready != NULL) {
		run_ready(w);
		any = true;
	}
	ferry__dispatch_flush(w);
	return any;
}

/* ------------------------------------------------------------------ rousing */

void
ferry__strand_roused(struct worker *w, struct job *j)
{
	struct node *n = container_of(j, struct node, job);
	struct link *self = n->link.next;
	struct strand *s;

	/* Before the strand goes on, which may end this thread: as long as it
	 * lives it has a reference of its own. */
	ferry__reply_drop(n);
	if (self == NULL)
		return;
	s = container_of(self, struct strand, self);
	if (s->shields == 0 && ferry__strand_withdraw(s)) {
		ferry__strand_unset_timer(w, s);
		ferry__strand_resume(w, s, FERRY_ECANCELED);
	}
}

/* ------------------------------------------------------------------- losing */

void
ferry__strand_lose(struct worker *w, struct strand *s)
{
	struct answer a = { .status = FERRY_ELOST };

	if (s->answer.given)
		/* It had answered before. */
		a = s->answer;
	ferry__strand_unset_timer(w, s);
	if (s->state == REGISTRY_AWAITING)
		/* Whoever else has its token may wait for it now. */
		ferry__wait_end(NULL, s->awaits, FERRY_ELOST);
	if (s->state == REGISTRY_OFFLOADED)
		ferry__strand_offload_lost(s);
	if (!ferry__coro_ended(&s->coro))
		ferry__coro_drop(&s->coro);
	/* For its callback, as in resume(). */
	ferry__beat(&w->beat, s->node->index);
	end_with(w, s, &a, STRAND_LOST,
	    a.given ? ferry__reply_outcome(a.status) : ENDED_LOST);
	ferry__beat(&w->beat, BEAT_NO_SLOT);
}

/*
 * Those that wait. One that a job is on its way to ends when that arrives. An
 * answer may call back, and that end this thread, too: then the next one goes
 * on here, and finds all that are left.
 */
static void
lose_waiting(struct worker *w, struct context *c)
{
	struct strand *s = c->strands.oldest, *newer;

	for (; s != NULL; s = newer) {
		newer = s->newer;
		if (s->lost)
			continue;
		s->lost = true;
		if (s->state == REGISTRY_READY || ferry__strand_withdraw(s))
			ferry__strand_lose(w, s);
	}
}

void
ferry__strand_lose_waiting(struct worker *w)
{
	w->ready = NULL;
	w->ready_end = &w->ready;
	for (struct context *c = w->contexts; c != NULL; c = c->next)
		lose_waiting(w, c);
}

enum worker_doing
ferry__strand_mend(struct worker *w, enum worker_doing doing)
{
	struct strand *s = w->strand;
	struct context *c = s->context;
	struct node *n = s->node;

	w->strand = NULL;
	s->lost = true;
	if (s->deferred) {
		s->answer = w->answer;
		if (doing == DOING_HANDLER)
			/* In its first run: the heartbeat's. */
			ferry__reply_drop(n);
		ferry__strand_lose(w, s);
		return DOING_OWN;
	}
	/* It has not waited yet: answered as a plain handler's call. */
	n->link.next = NULL;
	if (!ferry__coro_ended(&s->coro))
		ferry__coro_drop(&s->coro);
	count_end(&c->strands, s, STRAND_LOST);
	give_memory(&c->strands, s);
	return doing;
}
