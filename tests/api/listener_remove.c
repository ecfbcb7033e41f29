/*
 * How listeners go: no call starts after a remove, `gone` comes once and last,
 * who waits for it, and from where one may.
 */
#include "ear.h"

static atomic_int stop;

static void *
emit_on(void *arg)
{
	int n = 7;

	while (!atomic_load(&stop))
		T_OK(ferry_context_emit(
		    *(ferry_context *)arg, FX_TICK, &n, sizeof n));
	return NULL;
}

static void
removed_and_removed_again(void)
{
	ferry_context context = fx_open();
	struct ear e = {0}, other = {0};

	ear_add(&e, context, FERRY_EVENT_ANY);
	ear_add(&other, context, FERRY_EVENT_ANY);
	ear_emit(context, FX_TICK, 0);
	ear_await(&e, 1);
	T_OK(ferry_listener_remove(e.self));
	ear_emit(context, FX_TICK, 1);
	ear_await_gone(&e);
	T_WAIT_UNTIL(
	    ferry_listener_remove(e.self) == FERRY_ESTALE, FX_LIMIT_MS);
	T_EQ(ferry_listener_remove_wait(e.self, -1), FERRY_ESTALE);
	ear_await(&other, 2);
	T_EQ(atomic_load(&e.n), 1);
	T_EQ(atomic_load(&other.gone), 0);
	fx_close(context);
	T_EQ(atomic_load(&e.gone), 1);
	T_EQ(atomic_load(&other.gone), 1);
}

/* It goes on; nothing of what is queued reaches it; then it is gone. */
static void
while_it_runs(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {0};

	ear_hold(&e, context, &gate);
	for (int i = 1; i < 10; i++)
		ear_emit(context, FX_TICK, i);
	T_OK(ferry_listener_remove(e.self));
	T_EQ(ferry_listener_remove(e.self), FERRY_EALREADY);
	T_EQ(ferry_listener_remove_wait(e.self, 0), FERRY_ETIMEDOUT);
	T_EQ(ferry_listener_remove_wait(e.self, 5), FERRY_ETIMEDOUT);
	T_EQ(atomic_load(&e.gone), 0);
	fx_gate_open(&gate);
	ear_await_gone(&e);
	ear_settle(context);
	T_EQ(atomic_load(&e.n), 1);
	T_EQ(fx_counters(context).events_heard, 1);
	fx_close(context);
}

/* Under load, from another thread: what comes after the remove is not heard,
 * whatever stage the delivery was at. */
static void
none_starts_after(void)
{
	ferry_context context = fx_open();
	pthread_t emitters[2];

	atomic_store(&stop, 0);
	for (int i = 0; i < 2; i++)
		emitters[i] = t_thread_start(emit_on, &context);
	for (int i = 0; i < 1000; i++) {
		struct ear e = {0};
		int n;

		ear_add(&e, context, FERRY_EVENT_ANY);
		if (i % 2 == 0)
			T_WAIT_UNTIL(atomic_load(&e.n) > 0, FX_LIMIT_MS);
		T_OK(ferry_listener_remove(e.self));
		/* One that had started may still be about to count. */
		if (atomic_load(&e.inside) != 0)
			T_WAIT_UNTIL(atomic_load(&e.inside) == 0 ||
			    atomic_load(&e.gone) == 1, FX_LIMIT_MS);
		n = atomic_load(&e.n);
		ear_await_gone(&e);
		T_LE(atomic_load(&e.n), n + 1);
		n = atomic_load(&e.n);
		ear_emit(context, FX_TICK, 0);
		T_EQ(atomic_load(&e.n), n);
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < 2; i++)
		t_thread_join(emitters[i]);
	fx_close(context);
}

/* ------------------------------------------------------- in its own call */

static void
remove_self(struct ear *e)
{
	T_OK(ferry_listener_remove(e->self));
	T_EQ(ferry_listener_remove(e->self), FERRY_EALREADY);
	e->result = ferry_listener_remove_wait(e->self, 0);
	T_EQ(atomic_load(&e->gone), 0);
}

static void
removes_itself(void)
{
	ferry_context context = fx_open();
	struct ear e = {.also = remove_self};

	ear_add(&e, context, FERRY_EVENT_ANY);
	ear_emit_there(context, 0, 50);
	ear_await_gone(&e);
	ear_settle(context);
	T_EQ(atomic_load(&e.n), 1);
	T_EQ(e.result, FERRY_EREENTRANT);
	fx_close(context);
}

static void
remove_next(struct ear *e)
{
	struct ear *other = e->arg;
	int r = ferry_listener_remove(other->self);

	T_ASSERT(r == FERRY_OK || r == FERRY_EALREADY || r == FERRY_ESTALE);
	e->result = r;
}

/* Of two that remove each other on the first event, one is heard: a call that
 * has not started when the other one removes it does not start. */
static void
removes_another(void)
{
	ferry_context context = fx_open();
	struct ear a = {.also = remove_next, .result = 1},
	    b = {.also = remove_next, .result = 1};

	a.arg = &b;
	b.arg = &a;
	ear_add(&a, context, FERRY_EVENT_ANY);
	ear_add(&b, context, FERRY_EVENT_ANY);
	ear_emit(context, FX_TICK, 0);
	ear_settle(context);
	T_EQ(atomic_load(&a.n) + atomic_load(&b.n), 1);
	ear_await_gone(atomic_load(&a.n) ? &b : &a);
	T_EQ(atomic_load(&a.gone) + atomic_load(&b.gone), 1);
	T_EQ((a.n ? a.result : b.result), FERRY_OK);
	fx_close(context);
	T_EQ(atomic_load(&a.gone) + atomic_load(&b.gone), 2);
}

struct family {
	struct ear child[200];
	int n;
};

static void
add_child(struct ear *e)
{
	struct family *f = e->arg;

	if (f->n < 200)
		ear_add(&f->child[f->n++], e->context, FERRY_EVENT_ANY);
}

/* One that comes in a call does not hear the event of that call. */
static void
adds_another(void)
{
	static struct family f;
	ferry_context context = fx_open();
	struct ear e = {.also = add_child, .arg = &f};

	ear_add(&e, context, FERRY_EVENT_ANY);
	for (int i = 0; i < 50; i++) {
		ear_emit(context, FX_TICK, i);
		ear_settle(context);
	}
	T_EQ(f.n, 50);
	for (int i = 0; i < 50; i++) {
		T_EQ(atomic_load(&f.child[i].n), 49 - i);
		for (int k = 0; k < 49 - i; k++)
			T_EQ(f.child[i].heard[k], i + 1 + k);
	}
	fx_close(context);
	for (int i = 0; i < 50; i++)
		T_EQ(atomic_load(&f.child[i].gone), 1);
}

/* From `gone` too: it adds the next, until the close refuses that. */
struct chain {
	struct ear link[64];
	int n, last;
};

static void
add_successor(struct ear *e)
{
	struct chain *c = e->arg;
	struct ear *next = &c->link[c->n];
	ferry_listener_options o = ear_options(next, FERRY_EVENT_ANY);

	*next = (struct ear){.context = e->context, .arg = c,
	    .also_gone = add_successor};
	c->last = ferry_listener_add(&next->self, e->context, &o);
	T_EQ(ferry_listener_remove_wait(e->self, 0), FERRY_EREENTRANT);
	if (c->last == FERRY_OK)
		c->n++;
	else
		T_EQ(c->last, FERRY_ECLOSED);
}

static void
gone_adds_another(void)
{
	static struct chain c;
	ferry_context context = fx_open();

	c.n = 1;
	c.link[0] = (struct ear){.arg = &c, .also_gone = add_successor};
	ear_add(&c.link[0], context, FERRY_EVENT_ANY);
	for (int i = 0; i < 20; i++) {
		T_OK(ferry_listener_remove_wait(c.link[i].self, -1));
		T_EQ(c.n, i + 2);
		ear_emit(context, FX_TICK, i);
		ear_await(&c.link[i + 1], 1);
	}
	fx_close(context);
	T_EQ(c.last, FERRY_ECLOSED);
	for (int i = 0; i < 21; i++)
		T_EQ(atomic_load(&c.link[i].gone), 1);
}

/* ---------------------------------------------------------- remove_wait */

struct waiter {
	ferry_listener listener;
	struct ear *ear;
	int64_t timeout_ms;
	atomic_uint tid;
	int result, gone_then;
};

static void *
wait_gone(void *arg)
{
	struct waiter *w = arg;

	atomic_store(&w->tid, fx_tid());
	w->result = ferry_listener_remove_wait(w->listener, w->timeout_ms);
	w->gone_then = atomic_load(&w->ear->gone);
	return NULL;
}

static void
await_waiting(struct waiter *w)
{
	T_WAIT_UNTIL(atomic_load(&w->tid) != 0, FX_LIMIT_MS);
	fx_await_waiting(atomic_load(&w->tid));
}

/* The call first, then `gone`, and all who wait. */
static void
waits_for_call_and_gone(void)
{
	ferry_context context = fx_open();
	struct fx_gate call = FX_GATE_SHUT, last = FX_GATE_SHUT;
	struct ear e = {.gone_gate = &last};
	struct waiter w[3];
	pthread_t threads[3];

	ear_hold(&e, context, &call);
	for (int i = 0; i < 3; i++) {
		w[i] = (struct waiter){.listener = e.self, .ear = &e,
		    .timeout_ms = -1, .result = 1};
		threads[i] = t_thread_start(wait_gone, &w[i]);
		await_waiting(&w[i]);
	}
	fx_gate_open(&call);
	fx_gate_await(&last, 1);
	T_EQ(ferry_listener_remove_wait(e.self, 1), FERRY_ETIMEDOUT);
	for (int i = 0; i < 3; i++)
		T_EQ(w[i].result, 1);
	fx_gate_open(&last);
	for (int i = 0; i < 3; i++) {
		t_thread_join(threads[i]);
		T_EQ(w[i].result, FERRY_OK);
		T_EQ(w[i].gone_then, 1);
	}
	fx_close(context);
}

static void
nothing(int signo)
{
	(void)signo;
}

/* A signal ends the wait, not the removal. */
static void
wait_is_interrupted(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct sigaction act = {.sa_handler = nothing};
	struct ear e = {0};
	struct waiter w;
	pthread_t thread;

	T_OK(sigaction(SIGUSR1, &act, NULL));
	ear_hold(&e, context, &gate);
	w = (struct waiter){.listener = e.self, .ear = &e, .timeout_ms = -1};
	thread = t_thread_start(wait_gone, &w);
	await_waiting(&w);
	/* Again, where it was not asleep yet. */
	T_WAIT_UNTIL(pthread_tryjoin_np(thread, NULL) == 0 ||
	    (pthread_kill(thread, SIGUSR1), 0), FX_LIMIT_MS);
	T_EQ(w.result, FERRY_EINTR);
	T_EQ(ferry_listener_remove(e.self), FERRY_EALREADY);
	fx_gate_open(&gate);
	T_ASSERT(fx_no_token(ferry_listener_remove_wait(e.self, -1)) ||
	    atomic_load(&e.gone) == 1);
	ear_await_gone(&e);
	fx_close(context);
}

/* What user points to may be freed when the wait is over: ASan and TSan look
 * on. The slots are used again all the while. */
static void
freed_after_the_wait(void)
{
	ferry_context context = fx_open();
	pthread_t emitter;

	atomic_store(&stop, 0);
	emitter = t_thread_start(emit_on, &context);
	for (int i = 0; i < 1000; i++) {
		struct ear *e = calloc(1, sizeof *e);

		ear_add(e, context, FERRY_EVENT_ANY);
		if (i % 3 == 0)
			T_OK(ferry_listener_remove(e->self));
		T_ASSERT(fx_no_token(ferry_listener_remove_wait(e->self, -1))
		    || e->gone == 1);
		T_EQ(e->gone, 1);
		memset(e, 0xa5, sizeof *e);
		free(e);
	}
	atomic_store(&stop, 1);
	t_thread_join(emitter);
	fx_close(context);
}

/* ---------------------------------------------------------------- closing */

static void *
close_it(void *arg)
{
	T_OK(ferry_context_close(*(ferry_context *)arg, NULL, NULL));
	return NULL;
}

/* A closer and waiters at once: all come back, `gone` has run. */
static void
wait_meets_close(void)
{
	for (int round = 0; round < 200; round++) {
		ferry_context context = fx_open();
		struct ear e = {0};
		struct waiter w[2];
		pthread_t threads[2], closer;

		ear_add(&e, context, FERRY_EVENT_ANY);
		ear_emit(context, FX_TICK, 0);
		for (int i = 0; i < 2; i++) {
			w[i] = (struct waiter){.listener = e.self, .ear = &e,
			    .timeout_ms = -1};
			threads[i] = t_thread_start(wait_gone, &w[i]);
		}
		closer = t_thread_start(close_it, &context);
		for (int i = 0; i < 2; i++) {
			t_thread_join(threads[i]);
			T_ASSERT(w[i].result == FERRY_OK ||
			    w[i].result == FERRY_ESTALE);
			T_EQ(w[i].gone_then, 1);
		}
		t_thread_join(closer);
		T_EQ(atomic_load(&e.gone), 1);
		T_LE(atomic_load(&e.n), 1);
	}
}

/* What was emitted is heard first, by all. */
static void
close_delivers_first(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {0}, other = {0};
	pthread_t closer;

	ear_add(&other, context, FX_TICK);
	ear_hold(&e, context, &gate);
	ear_emit_there(context, 1, 100);
	for (int i = 101; i <= 200; i++)
		ear_emit(context, FX_TICK, i);
	closer = t_thread_start(close_it, &context);
	ear_await_closing(context);
	T_EQ(atomic_load(&e.gone) + atomic_load(&other.gone), 0);
	fx_gate_open(&gate);
	t_thread_join(closer);
	T_EQ(atomic_load(&e.n), 201);
	T_EQ(atomic_load(&other.n), 201);
	T_EQ(atomic_load(&e.gone), 1);
	T_EQ(atomic_load(&other.gone), 1);
}

/* Removed in the drain, by another thread: the rest does not reach it. */
static void
removed_while_closing(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {0}, other = {0};
	pthread_t closer;

	ear_add(&other, context, FERRY_EVENT_ANY);
	ear_hold(&e, context, &gate);
	ear_emit_there(context, 1, 10);
	closer = t_thread_start(close_it, &context);
	ear_await_closing(context);
	T_OK(ferry_listener_remove(e.self));
	fx_gate_open(&gate);
	t_thread_join(closer);
	T_EQ(atomic_load(&e.n), 1);
	T_EQ(atomic_load(&other.n), 11);
	T_EQ(atomic_load(&e.gone), 1);
}

/* A stuck listener: the close gives up, says so, and takes it up again. */
static void
stuck_in_a_close(uint32_t mode, int64_t timeout_ms)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {0}, other = {0};
	ferry_close_report report;

	ear_add(&other, context, FERRY_EVENT_ANY);
	ear_hold(&e, context, &gate);
	T_EQ(fx_close_mode(context, mode, timeout_ms, &report), FERRY_EBUSY);
	T_EQ(report.running, 0);
	T_EQ(atomic_load(&e.gone) + atomic_load(&other.gone), 0);
	T_EQ(fx_close_mode(context, FERRY_CLOSE_ABANDON, 0, &report),
	    FERRY_EBUSY);
	/* It may still be removed, and is gone in its turn. */
	T_OK(ferry_listener_remove(other.self));
	T_EQ(ferry_listener_remove_wait(e.self, 1), FERRY_ETIMEDOUT);
	fx_gate_open(&gate);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(atomic_load(&e.gone), 1);
	T_EQ(atomic_load(&other.gone), 1);
	T_EQ(atomic_load(&e.n), 1);
	T_EQ(ferry_listener_remove(e.self), FERRY_ESTALE);
}

static void
stuck_in_an_abandoned_close(void)
{
	stuck_in_a_close(FERRY_CLOSE_ABANDON, 0);
}

static void
stuck_in_a_close_with_a_deadline(void)
{
	stuck_in_a_close(FERRY_CLOSE_DRAIN, 10);
	stuck_in_a_close(FERRY_CLOSE_CANCEL, 10);
}

static void
stuck_in_gone(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct ear e = {.gone_gate = &gate};

	ear_add(&e, context, FERRY_EVENT_ANY);
	T_EQ(fx_close_mode(context, FERRY_CLOSE_DRAIN, 10, NULL), FERRY_EBUSY);
	fx_gate_await(&gate, 1);
	fx_gate_open(&gate);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(atomic_load(&e.gone), 1);
}

/* The slot's next owner has nothing to do with the last one's tokens. */
static void
slots_are_used_again(void)
{
	ferry_context context = fx_open();
	struct ear old = {0}, e = {0};

	ear_add(&old, context, FERRY_EVENT_ANY);
	T_OK(ferry_listener_remove_wait(old.self, -1));
	ear_add(&e, context, FERRY_EVENT_ANY);
	/* The slot may come back a moment after the wait does. */
	while ((old.self & 0xffffff) != (e.self & 0xffffff)) {
		T_OK(ferry_listener_remove_wait(e.self, -1));
		e = (struct ear){0};
		ear_add(&e, context, FERRY_EVENT_ANY);
	}
	T_NE(old.self, e.self);
	T_EQ(ferry_listener_remove(old.self), FERRY_ESTALE);
	T_EQ(ferry_listener_remove_wait(old.self, -1), FERRY_ESTALE);
	ear_emit(context, FX_TICK, 3);
	ear_await(&e, 1);
	fx_close(context);
	T_EQ(atomic_load(&old.gone), 1);
}

T_MAIN(
	T_RUN(removed_and_removed_again);
	T_RUN(while_it_runs);
	T_RUN(none_starts_after);
	T_RUN(removes_itself);
	T_RUN(removes_another);
	T_RUN(adds_another);
	T_RUN(gone_adds_another);
	T_RUN(waits_for_call_and_gone);
	T_RUN(wait_is_interrupted);
	T_RUN(freed_after_the_wait);
	T_RUN(wait_meets_close);
	T_RUN(close_delivers_first);
	T_RUN(removed_while_closing);
	T_RUN(stuck_in_an_abandoned_close);
	T_RUN(stuck_in_a_close_with_a_deadline);
	T_RUN(stuck_in_gone);
	T_RUN(slots_are_used_again);
)
