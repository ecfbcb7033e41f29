/*
 * Verdicts on calls that something outside of the library holds: a listener, a
 * cancel hook, a debugger; a thread that is gone, and one that nobody woke.
 */
#include <poll.h>

#include "tracer.h"

#include "ear.h"
#include "verdicts.h"

static struct tracer tracer;

/* --------------------------------------------------------------- listeners */

static void
hear_slowly(struct ear *e)
{
	(void)e;
	/* Its work: shorter than any level. */
	t_sleep_ms(slow_ms() / 4);
}

struct emitter {
	atomic_int stop;
};

/* Says more than is heard, until it is told to stop. */
static int
emit_run(ferry_call call, void *arg)
{
	struct emitter *m = arg;
	ferry_call_info info = {.struct_size = sizeof info};

	T_OK(ferry_call_describe(&info, call));
	while (!atomic_load(&m->stop))
		ear_emit(info.context, FX_TICK, 0);
	return FERRY_OK;
}

static void
open_narrow(struct scene *s)
{
	ferry_context_options o = watched_options();

	o.event_policy = FERRY_EVENTS_BLOCK;
	o.event_capacity = 2;
	scene_open(s, &o);
}

/* Each call of the listener is short, but there is no room for what is said:
 * the watcher looks between them. */
static void
slow_listener(void)
{
	struct scene s;
	struct ear e = {.also = hear_slowly};
	struct emitter m = {0};
	ferry_request request;

	open_narrow(&s);
	ear_add(&e, s.context, FERRY_EVENT_ANY);
	request = fx_do(s.context, emit_run, &m);
	T_WAIT_UNTIL(stalls_find(
	    &s.heard, 0, FERRY_STALL_BEGAN) != NULL, FX_LIMIT_MS);
	/* What Ferry itself knows is known everywhere. */
	T_WAIT_UNTIL(find_verdict(&s.heard, request,
	    FERRY_VERDICT_IN_LISTENER) != NULL, FX_LIMIT_MS);
	atomic_store(&m.stop, 1);
	T_EQ(fx_wait(request), FERRY_OK);
	scene_close(&s);
}

/*
 * One that does not return holds the watcher too: the FFI thread, which waits
 * in emit, tells of it, and health does.
 */
static void
listener_that_stays(void)
{
	struct scene s;
	struct ear e = {0};
	struct emitter m = {0};
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request request;
	ferry_completion c;
	ferry_health h;

	open_narrow(&s);
	ear_hold(&e, s.context, &gate);
	request = fx_do(s.context, emit_run, &m);
	c = take_notice(s.inbox, FERRY_KIND_IN_LISTENER);
	T_EQ(c.listener, e.self);
	T_STR(c.name, "ear");
	T_EQ(c.level, FERRY_LEVEL_STALLED);
	fx_done(&c);
	h = health(s.context);
	T_EQ(h.watcher, FERRY_THREAD_IN_LISTENER);
	T_EQ(h.listener, e.self);
	T_EQ(h.worker, FERRY_THREAD_IN_EMIT);
	T_EQ(h.request, request);
	T_EQ(stalls_n(&s.heard), 0);
	atomic_store(&m.stop, 1);
	fx_gate_open(&gate);
	T_EQ(fx_wait(request), FERRY_OK);
	/* Its end; the watcher may have had a word with the worker since. */
	do {
		c = fx_take(s.inbox);
		fx_done(&c);
	} while (c.kind != FERRY_KIND_IN_LISTENER);
	T_EQ(c.level, FERRY_LEVEL_NONE);
	scene_close(&s);
}

/* ------------------------------------------------------------ cancel hooks */

struct hooked {
	struct fx_gate hook;
	atomic_int set;
	ferry_request request;
};

static void
hook_that_stays(ferry_call call, void *user)
{
	struct hooked *h = user;

	(void)call;
	fx_gate_pass(&h->hook);
}

/* Returns as soon as its hook runs. */
static int
hooked_run(ferry_call call, void *arg)
{
	struct hooked *h = arg;

	T_OK(ferry_call_on_cancel(call, hook_that_stays, h));
	atomic_store(&h->set, 1);
	fx_gate_await(&h->hook, 1);
	return FERRY_ECANCELED;
}

static void *
cancel(void *arg)
{
	struct hooked *h = arg;

	T_OK(ferry_request_cancel(h->request));
	return NULL;
}

/* The end has the verdict that was said last, though nothing holds it now. */
static void
ends_as_it_was(struct scene *s, ferry_request request)
{
	struct stalls *h = &s->heard;
	uint32_t i = 0;

	stalls_await(h, 0, FERRY_STALL_ENDED);
	pthread_mutex_lock(&h->lock);
	while (h->at[i]->s.kind != FERRY_STALL_ENDED)
		i++;
	T_NE(i, 0);
	T_EQ(h->at[i]->s.request, request);
	T_EQ(h->at[i]->s.verdict, h->at[i - 1]->s.verdict);
	pthread_mutex_unlock(&h->lock);
}

static void
cancel_hook(void)
{
	struct scene s;
	struct hooked h = {.hook = FX_GATE_SHUT};
	pthread_t canceller;
	ferry_health seen;
	const struct stall *r;

	scene_open(&s, NULL);
	h.request = fx_do(s.context, hooked_run, &h);
	T_WAIT_UNTIL(atomic_load(&h.set), FX_LIMIT_MS);
	canceller = t_thread_start(cancel, &h);
	T_WAIT_UNTIL((r = find_verdict(&s.heard, h.request,
	    FERRY_VERDICT_IN_CANCEL_HOOK)) != NULL, FX_LIMIT_MS);
	T_STR(r->method, "do");
	T_ASSERT(strstr(r->text, "IN_CANCEL_HOOK") != NULL);
	seen = health(s.context);
	T_EQ(seen.worker, FERRY_THREAD_IN_CANCEL_HOOK);
	T_EQ(seen.hook_request, h.request);
	fx_gate_open(&h.hook);
	t_thread_join(canceller);
	T_EQ(fx_wait(h.request), FERRY_ECANCELED);
	ends_as_it_was(&s, h.request);
	scene_close(&s);
}

/* --------------------------------------------------------------- debuggers */

static int
gate_run(ferry_call call, void *gate)
{
	(void)call;
	fx_gate_pass(gate);
	return FERRY_OK;
}

static uint32_t
patient_ms(void)
{
	return 300 * (uint32_t)t_slow();
}

/*
 * A debugger that holds this thread alone is no stall, however long: the time
 * does not count. When it has let go, what went before does.
 */
static void
traced_for_long(struct scene *s, uint32_t tid, uint64_t began_ns)
{
	uint64_t since = t_now_ns();
	uint64_t until = since + 4 * patient_ms() * UINT64_C(1000000);
	const struct stall *r;

	T_EQ(fx_thread_state(tid), 't');
	r = stalls_await(&s->heard, 0, FERRY_STALL_HELD);
	T_EQ(r->s.verdict, FERRY_VERDICT_TRACED);
	T_STR(r->method, "do");
	T_GE(r->s.age_ns, patient_ms() * UINT64_C(1000000) / 2);
	T_ASSERT(strstr(r->text, "TRACED") != NULL);
	T_WAIT_UNTIL(t_now_ns() > until, FX_LIMIT_MS);
	T_EQ(stalls_count(&s->heard, FERRY_STALL_HELD), 1);
	/* And that is no stall. */
	if (since - began_ns < patient_ms() * UINT64_C(1000000))
		T_EQ(stalls_count(&s->heard, FERRY_STALL_BEGAN), 0);
}

static void
traced(void)
{
	ferry_context_options o = fx_context_options();
	struct scene s;
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held;
	uint64_t began;
	uint32_t tid;

	if (T_PORTABLE)
		T_SKIP_CASE("not known here");
	o.levels.slow_ms = patient_ms() / 2;
	o.levels.stalled_ms = patient_ms();
	scene_open(&s, &o);
	held = fx_submit(s.context, FX_NOP, NULL, 0, NULL);
	T_EQ(fx_wait(held), FERRY_OK);
	tid = health(s.context).worker_thread;
	began = t_now_ns();
	held = fx_do(s.context, gate_run, &gate);
	fx_gate_await(&gate, 1);
	if (tracer_order(&tracer, TRACER_HOLD, tid) == 0) {
		traced_for_long(&s, tid, began);
		T_OK(tracer_order(&tracer, TRACER_LET_GO, tid));
	} else {
		dprintf(1, "  (ptrace is refused)\n");
	}
	await_verdict(&s, held, FERRY_VERDICT_BLOCKED_LOCK);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	scene_close(&s);
}

/*
 * A wait that was stopped goes on under another number, by which nobody knows
 * what it is: it is named as it was seen before, or not at all.
 */
static int
poll_run(ferry_call call, void *fd)
{
	struct pollfd p = {.fd = *(int *)fd, .events = POLLIN};

	(void)call;
	T_EQ(poll(&p, 1, (int)for_long_ms()), 1);
	return FERRY_OK;
}

static void
none_is_resumed(struct stalls *h)
{
	pthread_mutex_lock(&h->lock);
	for (uint32_t i = 0; i < h->n; i++)
		T_EQ(strstr(h->at[i]->text, "restart_syscall"), NULL);
	pthread_mutex_unlock(&h->lock);
}

static void
a_wait_that_goes_on(void)
{
	const struct stall *r;
	struct scene s;
	ferry_request request;
	uint32_t tid, n;
	int fd[2];

	if (T_PORTABLE)
		T_SKIP_CASE("not known here");
	scene_open(&s, NULL);
	T_OK(pipe(fd));
	request = fx_do(s.context, poll_run, &fd[0]);
	r = await_verdict(&s, request, FERRY_VERDICT_BLOCKED_SYSCALL);
	T_ASSERT(strstr(r->syscall_name, "poll") != NULL);
	tid = health(s.context).worker_thread;
	if (tracer_order(&tracer, TRACER_HOLD, tid) == 0) {
		T_OK(tracer_order(&tracer, TRACER_LET_GO, tid));
		T_WAIT_UNTIL(fx_thread_state(tid) == 'S', FX_LIMIT_MS);
		n = stalls_n(&s.heard);
		T_WAIT_UNTIL(stalls_n(&s.heard) > n + 1, FX_LIMIT_MS);
		r = s.heard.at[n + 1];
		T_EQ(r->s.verdict, FERRY_VERDICT_BLOCKED_SYSCALL);
		T_ASSERT(strstr(r->syscall_name, "poll") != NULL);
	} else {
		dprintf(1, "  (ptrace is refused)\n");
	}
	T_EQ(write(fd[1], "", 1), 1);
	T_EQ(fx_wait(request), FERRY_OK);
	none_is_resumed(&s.heard);
	scene_close(&s);
	close(fd[0]);
	close(fd[1]);
}

/* ----------------------------------------------------------- lost wake-ups */

struct submitter {
	ferry_context context;
	atomic_uint tid;
	atomic_int go;
	struct fx_slot slot;
};

static void *
submit_one(void *arg)
{
	struct submitter *u = arg;
	ferry_request_options o = fx_to_slot(&u->slot);

	atomic_store(&u->tid, fx_tid());
	while (!atomic_load(&u->go))
		;
	fx_submit(u->context, FX_NOP, NULL, 0, &o);
	return NULL;
}

/* The word that a thread sleeps on, or 0. */
static uint64_t
sleeps_on(uint32_t tid)
{
	unsigned long long address = 0;
	long number = -1;
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%u/syscall", tid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%ld %llx", &number, &address) != 2 ||
	    number != SYS_futex)
		address = 0;
	fclose(f);
	return address;
}

/* Its end comes by itself, and soon: who takes late finds the end alone. */
static void
lost_wakeup_is_told(struct scene *s)
{
	const struct stall *r = stalls_await(&s->heard, 0, FERRY_STALL_BEGAN);
	ferry_completion c;

	T_EQ(r->s.verdict, FERRY_VERDICT_LOST_WAKEUP);
	T_EQ(r->s.request, 0);
	T_EQ(r->s.depth, 1);
	T_GE(r->s.age_ns, stalled_ms() * UINT64_C(1000000));
	T_ASSERT(strstr(r->text, "LOST_WAKEUP") != NULL);
	do {
		c = fx_take(s->inbox);
		fx_done(&c);
	} while (c.kind == FERRY_KIND_OVERLOADED);
	if (c.kind == FERRY_KIND_NOT_RESPONDING) {
		T_EQ(c.depth, 1);
		c = take_notice(s->inbox, FERRY_KIND_RESPONDING);
		fx_done(&c);
	}
	T_EQ(c.kind, FERRY_KIND_RESPONDING);
	T_EQ(c.status, FERRY_VERDICT_LOST_WAKEUP);
	T_EQ(c.request, 0);
}

/*
 * A submitter is stopped after its push, and before it wakes: the system call
 * that would is about to be made, for as long as the test likes. The watcher
 * says so, wakes the worker, and the request is answered meanwhile.
 */
static void
lost_wakeup(void)
{
	struct scene s;
	struct submitter u = {0};
	pthread_t thread;
	uint64_t parks, word;
	uint32_t worker;

	if (T_PORTABLE)
		T_SKIP_CASE("there is no futex");
	scene_open(&s, NULL);
	worker = health(s.context).worker_thread;
	T_WAIT_UNTIL(
	    health(s.context).worker == FERRY_THREAD_IDLE, FX_LIMIT_MS);
	fx_await_sleeping(worker);
	word = sleeps_on(worker);
	if (word == 0) {
		scene_close(&s);
		T_SKIP_CASE("what a thread sleeps on is not told here");
	}
	u.context = s.context;
	thread = t_thread_start(submit_one, &u);
	T_WAIT_UNTIL(atomic_load(&u.tid) != 0, FX_LIMIT_MS);
	if (tracer_order_at(&tracer, TRACER_AT_WAKE, atomic_load(&u.tid),
	        word) != 0) {
		atomic_store(&u.go, 1);
		t_thread_join(thread);
		scene_close(&s);
		T_SKIP_CASE("ptrace is refused");
	}
	/* Asleep, and its watcher not yet deep in sleep. */
	parks = fx_counters(s.context).parks;
	T_EQ(fx_wait(fx_submit(s.context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_WAIT_UNTIL(fx_counters(s.context).parks > parks, FX_LIMIT_MS);
	fx_await_sleeping(worker);
	atomic_store(&u.go, 1);
	T_EQ(tracer_answer(&tracer), 0);
	lost_wakeup_is_told(&s);
	fx_slot_await(&u.slot);
	T_EQ(u.slot.status, FERRY_OK);
	/* Still there, where it was stopped. */
	T_EQ(fx_thread_state(atomic_load(&u.tid)), 't');
	T_OK(tracer_order(&tracer, TRACER_LET_GO, atomic_load(&u.tid)));
	t_thread_join(thread);
	scene_close(&s);
}

/* ------------------------------------------------------------ dead threads */

static int
exit_run(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	syscall(SYS_exit, 0);
	return FERRY_OK;
}

/* Nothing that Ferry could mend: what is left is to say so, to answer, and to
 * go on without. The last case: its context is never closed. */
static void
exited(void)
{
	struct scene *s = calloc(1, sizeof *s);
	ferry_close_report report;
	ferry_request request;
	const struct stall *r;

	if (T_PORTABLE || T_ASAN)
		T_SKIP_CASE("a thread that is gone is not seen here");
	scene_open(s, NULL);
	request = fx_do(s->context, exit_run, NULL);
	r = expect_verdict(s, request, FERRY_VERDICT_EXITED);
	T_EQ(r->s.syscall, -1);
	T_EQ(fx_close_mode(s->context, FERRY_CLOSE_ABANDON, 0, &report),
	    FERRY_EBUSY);
	T_EQ(report.request, request);
	T_EQ(fx_wait(request), FERRY_ECLOSED);
}

static void
run_all(void)
{
	T_RUN(slow_listener);
	T_RUN(listener_that_stays);
	T_RUN(cancel_hook);
	T_RUN(traced);
	T_RUN(a_wait_that_goes_on);
	T_RUN(lost_wakeup);
	T_RUN(exited);
}

T_MAIN(
	if (runs_in_another())
		T_SKIP("the system tells of other threads");
	tracer_start(&tracer);
	run_all();
	tracer_end(&tracer);
)
