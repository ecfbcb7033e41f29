/*
 * What a strand's calls of Ferry lead to runs on the thread's own stack, not on
 * the strand's (law 5): cancel hooks, free functions, doorbells. And the hooks
 * that strands set.
 */
#include "strand_calls.h"

/* Where code of the host's ran, and what it found there. */
struct place {
	struct strand_calls calls;
	uintptr_t low, high; /* the strand's stack, as far as it is known */
	atomic_int runs;
	int inside;       /* of them, those on that stack */
	pthread_t thread;
};

/* Not the address of a variable, which a sanitizer may keep elsewhere. */
#define HERE() ((uintptr_t)__builtin_frame_address(0))

/* Of 64 KiB, little of which is in use yet. */
static void
here_is_the_strand(struct place *p)
{
	p->low = HERE() - 60 * 1024;
	p->high = HERE() + 4 * 1024;
	p->thread = pthread_self();
}

static int
is_inside(const struct place *p, uintptr_t at)
{
	return at > p->low && at < p->high;
}

static void
look_around(struct place *p)
{
	p->inside += is_inside(p, HERE());
	T_ASSERT(pthread_equal(p->thread, pthread_self()));
	strand_calls_refused(&p->calls);
	atomic_fetch_add(&p->runs, 1);
}

/* It has run so often, and never here; and the strand is still one. */
static void
ran_elsewhere(struct place *p, int runs)
{
	uint64_t id;

	T_EQ(atomic_load(&p->runs), runs);
	T_EQ(p->inside, 0);
	T_OK(ferry_strand_id(&id));
	T_OK(ferry_strand_yield());
}

/* The control: a function that is called directly is seen to be inside. */
static int
look_here(ferry_call call, void *arg)
{
	struct place p = {.low = 0};

	(void)call;
	(void)arg;
	here_is_the_strand(&p);
	T_EQ(is_inside(&p, HERE()), 1);
	return FERRY_OK;
}

static void
a_strands_stack_is_its_own(void)
{
	ferry_context context = st_open();

	T_OK(st_run(context, look_here, NULL));
	fx_close(context);
}

/* ------------------------------------------------------------------- hooks */

static void
hook_looks(ferry_call call, void *user)
{
	(void)call;
	look_around(user);
}

struct cancelling {
	struct place place;
	ferry_context context, other;
	ferry_request victim;
	struct fx_later later;
	atomic_int in;
};

/* Its own hook, another strand's, a deferred call's, one of another worker. */
static int
cancel_others(ferry_call call, void *arg)
{
	struct cancelling *c = arg;
	ferry_call_info info = {.struct_size = sizeof info};

	here_is_the_strand(&c->place);
	T_OK(ferry_request_cancel(c->victim));
	ran_elsewhere(&c->place, 1);
	T_OK(ferry_call_describe(&info, call));
	T_OK(ferry_call_on_cancel(call, hook_looks, &c->place));
	T_OK(ferry_strand_shield(1));
	T_OK(ferry_request_cancel(info.request));
	ran_elsewhere(&c->place, 2);
	T_OK(ferry_strand_shield(0));
	return ferry_strand_sleep(-1);
}

static int
have_a_hook(ferry_call call, void *arg)
{
	struct cancelling *c = arg;

	T_OK(ferry_call_on_cancel(call, hook_looks, &c->place));
	atomic_store(&c->in, 1);
	return ferry_strand_sleep(-1);
}

static void
hooks(void)
{
	ferry_context context = st_open(), other = st_open();
	struct cancelling c = {.later = FX_LATER};

	for (int i = 0; i < 3; i++) {
		c.place = (struct place){.calls = {.context = context}};
		c.later = (struct fx_later)FX_LATER;
		c.later.hook = hook_looks;
		c.later.hook_user = &c.place;
		atomic_store(&c.in, 0);
		c.victim = i == 2
		    ? fx_later(other, &c.later)
		    : st_spawn(i ? other : context, have_a_hook, &c);
		T_WAIT_UNTIL(i == 2 || atomic_load(&c.in), FX_LIMIT_MS);
		st_turn(i ? other : context);
		T_EQ(st_run(context, cancel_others, &c), FERRY_ECANCELED);
		if (i == 2)
			T_OK(ferry_call_reply(
			    c.later.call, FERRY_ECANCELED, NULL, 0));
		T_EQ(fx_wait(c.victim), FERRY_ECANCELED);
		T_EQ(atomic_load(&c.place.runs), 2);
	}
	fx_close(context);
	fx_close(other);
}

static void
count_hook(ferry_call call, void *user)
{
	(void)call;
	atomic_fetch_add((atomic_int *)user, 1);
}

static int
count_its_hook(ferry_call call, void *arg)
{
	T_OK(ferry_call_on_cancel(call, count_hook, arg));
	return ferry_strand_sleep(-1);
}

/* A cancel calls the hook of one that waits, each time, though it also wakes
 * it: the wake does not come first. */
static void
a_cancel_calls_the_hook(void)
{
	enum { N = 1000 };
	ferry_context context = st_open();
	atomic_int n = 0;

	for (int i = 0; i < N; i++) {
		ferry_request request =
		    st_spawn(context, count_its_hook, &n);

		st_await_active(context, 1);
		st_turn(context);
		T_OK(ferry_request_cancel(request));
		T_EQ(atomic_load(&n), i + 1);
		T_EQ(fx_wait(request), FERRY_ECANCELED);
	}
	T_EQ(atomic_load(&n), N);
	fx_close(context);
}

static void
hook_stands(ferry_call call, void *user)
{
	(void)call;
	fx_gate_pass(user);
}

static int
wait_under_a_hook(ferry_call call, void *arg)
{
	T_OK(ferry_call_on_cancel(call, hook_stands, arg));
	ferry_strand_sleep(-1);
	return 3;
}

static void *
cancel_thread(void *arg)
{
	T_OK(ferry_request_cancel(*(ferry_request *)arg));
	return NULL;
}

/* Until a hook has returned there is no reply. */
static void
a_hook_holds_the_reply_back(void)
{
	ferry_context context = st_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request request = st_spawn(context, wait_under_a_hook, &gate);
	ferry_reply reply;
	pthread_t thread;

	st_await_active(context, 1);
	st_turn(context);
	thread = t_thread_start(cancel_thread, &request);
	fx_gate_await(&gate, 1);
	T_EQ(ferry_request_wait(&reply, request, FX_QUIET_MS),
	    FERRY_ETIMEDOUT);
	fx_gate_open(&gate);
	t_thread_join(thread);
	T_EQ(fx_wait(request), 3);
	fx_close(context);
}

/* ---------------------------------------------------------- free functions */

static void
free_looks(void *data, void *user)
{
	free(data);
	look_around(user);
}

struct submitting {
	struct place place;
	ferry_context context, other;
	struct fx_gate gate; /* holds the other's FFI thread */
};

/* A request that is cancelled before it starts frees its payload at once. */
static int
free_by_cancel(ferry_call call, void *arg)
{
	struct submitting *s = arg;
	ferry_request_options o = fx_request_options();
	ferry_request request;

	(void)call;
	here_is_the_strand(&s->place);
	o.flags = FERRY_REQUEST_ADOPT;
	o.free = free_looks;
	o.free_user = &s->place;
	T_OK(ferry_request_submit(
	    &request, s->other, FX_NOP, calloc(1, 100), 100, &o));
	T_OK(ferry_request_cancel(request));
	ran_elsewhere(&s->place, 1);
	T_OK(ferry_request_release(request));
	return FERRY_OK;
}

/* And so does the reply to another's deferred call. */
struct replying {
	struct place place;
	ferry_call call;
	struct fx_gate deferred;
};

static int
defer_data(ferry_call call, const void *data, size_t size, void *arg)
{
	struct replying *r = arg;

	(void)data;
	(void)size;
	r->call = call;
	fx_gate_open(&r->deferred);
	return FERRY_OK;
}

static int
reply_to_it(ferry_call call, void *arg)
{
	struct replying *r = arg;

	(void)call;
	here_is_the_strand(&r->place);
	T_OK(ferry_call_reply(r->call, 5, NULL, 0));
	ran_elsewhere(&r->place, 1);
	return FERRY_OK;
}

static int
defer_handler(ferry_call call, const void *data, size_t size, void *state)
{
	T_OK(ferry_call_defer(call));
	return st_run_data(call, data, size, state);
}

static void
free_functions(void)
{
	ferry_context context = st_open(), other = st_open();
	struct submitting s = {.context = context, .other = other,
	    .gate = FX_GATE_SHUT, .place.calls.context = context};
	ferry_request held = fx_hold(other, &s.gate);

	T_OK(st_run(context, free_by_cancel, &s));
	fx_gate_open(&s.gate);
	T_OK(fx_wait(held));
	fx_close(context);
	fx_close(other);
}

static void
free_functions_of_deferred_calls(void)
{
	static const ferry_method defer = {
	    .struct_size = sizeof(ferry_method), .name = "defer",
	    .handler = defer_handler};
	ferry_context_options co = fx_context_options();
	ferry_request_options o = fx_request_options();
	struct replying r = {.deferred = FX_GATE_SHUT};
	struct st_data d = {defer_data, &r};
	ferry_request request;
	ferry_context context;
	void *payload = malloc(sizeof d);
	uint32_t id;

	co.library = st_library();
	T_OK(ferry_library_add_method(&id, co.library, &defer));
	T_OK(ferry_context_open(&context, &co));
	T_OK(ferry_library_close(co.library));
	r.place.calls.context = context;
	memcpy(payload, &d, sizeof d);
	o.flags = FERRY_REQUEST_ADOPT;
	o.free = free_looks;
	o.free_user = &r.place;
	request = fx_submit(context, id, payload, sizeof d, &o);
	fx_gate_pass(&r.deferred);
	T_OK(st_run(context, reply_to_it, &r));
	T_EQ(fx_wait(request), 5);
	fx_close(context);
}

/* --------------------------------------------------------------- doorbells */

static void
ring_looks(void *user)
{
	look_around(user);
}

static int
cancel_to_the_inbox(ferry_call call, void *arg)
{
	struct cancelling *c = arg;

	(void)call;
	here_is_the_strand(&c->place);
	T_OK(ferry_request_cancel(c->victim));
	ran_elsewhere(&c->place, 1);
	return FERRY_OK;
}

/* A queued request that is cancelled is answered to its inbox, here. */
static void
doorbells(void)
{
	ferry_context context = st_open(), other = st_open();
	struct cancelling c = {.place.calls.context = context};
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_inbox_options io = {.struct_size = sizeof io,
	    .doorbell = ring_looks, .user = &c.place};
	ferry_request held = fx_hold(other, &gate);
	ferry_inbox inbox;
	ferry_request_options o;
	ferry_completion done;

	T_OK(ferry_inbox_open(&inbox, &io));
	fx_attach(inbox, other, 0, NULL);
	o = fx_to_inbox(inbox, NULL);
	c.victim = fx_submit(other, FX_NOP, NULL, 0, &o);
	T_OK(st_run(context, cancel_to_the_inbox, &c));
	T_EQ(ferry_inbox_take(&done, 1, inbox), 1);
	T_EQ(done.status, FERRY_ECANCELED);
	fx_done(&done);
	fx_gate_open(&gate);
	T_OK(fx_wait(held));
	T_OK(ferry_inbox_close(NULL, inbox));
	fx_close(context);
	fx_close(other);
}

T_MAIN(
	T_RUN(a_strands_stack_is_its_own);
	T_RUN(hooks);
	T_RUN(a_cancel_calls_the_hook);
	T_RUN(a_hook_holds_the_reply_back);
	T_RUN(free_functions);
	T_RUN(free_functions_of_deferred_calls);
	T_RUN(doorbells);
)
