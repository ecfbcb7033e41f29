/*
 * Handles; see handle.h.
 */
#include "ffi/handle.h"

#include "ffi/alloc.h"
#include "ffi/request.h"

/* Never freed, but used again with its slot: who holds a stale token, or one
 * of another worker's, may look at `context` at any time. */
struct handle {
	struct job job;           /* the release's */
	struct slot *slot;
	ferry_handle token;
	atomp context;
	struct worker *worker;
	void *object;
	const void *type;
	ferry_destroy_fn destroy;
	bool destroyed;           /* by close; a release is on its way */
	struct handle *next;      /* in the context, or to be destroyed */
	struct handle **back;
};

static struct slot_table handles = SLOT_TABLE(TOKEN_HANDLE, TOKEN_COUNT_MOST);

/* The FFI thread within a handler of this call's context. */
static struct worker *
in_handler(ferry_call call)
{
	struct worker *w;

	ferry__fork_enter();
	w = ferry__self.worker;
	return w != NULL && call != 0 && w->call == call ? w : NULL;
}

/* Not in its handler: or in one, but in a process forked from it. */
static int
why_not_in_handler(ferry_call call)
{
	struct node *n;

	return ferry__request_node(&n, call, TOKEN_CALL) == FERRY_EFORKED
	    ? FERRY_EFORKED
	    : FERRY_ETHREAD;
}

static void
unlist(struct handle *h)
{
	*h->back = h->next;
	if (h->next != NULL)
		h->next->back = h->back;
}

static void
count_open(struct context *c, int64_t change)
{
	c->n_handles += (uint64_t)change;
	/* Relaxed: a gauge. */
	atom64_store_relaxed(&c->handles_open.n, c->n_handles);
}

/* Out of the list first: destroy may end the thread, and is not run twice. */
static void
destroy(struct worker *w, struct context *c, struct handle *h)
{
	void *object = h->object;
	ferry_destroy_fn run = h->destroy;

	unlist(h);
	h->destroyed = true;
	count_open(c, -1);
	if (run == NULL)
		return;
	ferry__context_go_aside(w, c, DOING_DESTROY);
	run(object, c->state);
	ferry__context_come_back(w);
}

static void
free_handle(struct handle *h)
{
	ferry__token_free(&handles, h->slot);
}

static void
end_release(struct worker *w, struct job *j)
{
	struct handle *h = container_of(j, struct handle, job);

	if (h->destroyed) {
		free_handle(h);
		return;
	}
	/* Should destroy end the thread, mend() frees it. */
	w->ending = h;
	destroy(w, atomp_load_relaxed(&h->context), h);
	w->ending = NULL;
	free_handle(h);
}

void
ferry__handle_destroy_all(struct worker *w, struct context *c)
{
	struct handle *h;

	while ((h = c->handles) != NULL) {
		bool ours = ferry__token_revoke(h->slot, h->token);

		/* If not, a release has won the token: its job frees. */
		w->ending = ours ? h : NULL;
		destroy(w, c, h);
		w->ending = NULL;
		if (ours)
			free_handle(h);
	}
}

void
ferry__handle_mend(struct worker *w)
{
	if (w->ending != NULL)
		free_handle(w->ending);
	w->ending = NULL;
}

static struct handle *
make(void)
{
	struct slot *s = ferry__token_reserve(&handles);
	struct handle *h;

	if (s == NULL)
		return NULL;
	h = atomp_load_relaxed(&s->object);
	if (h == NULL) {
		h = ferry__alloc_for_ever(sizeof *h);
		if (h == NULL) {
			ferry__token_free(&handles, s);
			return NULL;
		}
		h->slot = s;
		atomp_store_relaxed(&s->object, h);
	}
	return h;
}

int
ferry_handle_open(ferry_handle *out, ferry_call call, void *object,
    const void *type, ferry_destroy_fn run)
{
	struct worker *w = in_handler(call);
	struct context *c;
	struct handle *h;

	if (out == NULL || ferry__token_kind(call) != TOKEN_CALL)
		return FERRY_EINVAL;
	if (w == NULL)
		return why_not_in_handler(call);
	h = make();
	if (h == NULL)
		return FERRY_ENOMEM;
	c = w->context;
	h->job.run = end_release;
	h->token = ferry__token_next(&handles, h->slot);
	/* Relaxed: published with the token. */
	atomp_store_relaxed(&h->context, c);
	h->worker = w;
	h->object = object;
	h->type = type;
	h->destroy = run;
	h->destroyed = false;
	h->next = c->handles;
	h->back = &c->handles;
	if (h->next != NULL)
		h->next->back = &h->next;
	c->handles = h;
	count_open(c, 1);
	*out = h->token;
	ferry__token_publish(h->slot, h->token, h);
	return FERRY_OK;
}

int
ferry_handle_object(void **out, ferry_call call, ferry_handle handle,
    const void *type)
{
	struct worker *w = in_handler(call);
	struct handle *h;
	struct slot *s;
	int r = ferry__token_find(&handles, handle, &s);

	if (r != FERRY_OK)
		return r;
	if (out == NULL || ferry__token_kind(call) != TOKEN_CALL)
		return FERRY_EINVAL;
	if (w == NULL)
		return why_not_in_handler(call);
	h = atomp_load_relaxed(&s->object);
	/* Of this context, it ends on this thread: the rest stands still. */
	if (atomp_load_relaxed(&h->context) != w->context)
		return FERRY_EFOREIGN;
	if (h->type != type)
		return FERRY_EINVAL;
	*out = h->object;
	return FERRY_OK;
}

int
ferry_handle_release(ferry_handle handle)
{
	struct handle *h;
	struct slot *s;
	int r = ferry__token_find_outside(&handles, handle, &s);

	if (r != FERRY_OK)
		return r;
	if (!ferry__token_revoke(s, handle))
		return FERRY_ESTALE;
	/* Ours alone now: it is freed by the job. If its context closes
	 * meanwhile, its worker may even be another's when the job comes. */
	h = atomp_load_relaxed(&s->object);
	ferry__worker_post(h->worker, &h->job);
	return FERRY_OK;
}

void
ferry__handle_forked(void)
{
	ferry__token_forked(&handles);
}
