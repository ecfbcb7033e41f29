/*
 * Waits that end by the FFI thread's own doing: sleeps, yields, checkpoints;
 * and whose turn it is when several are ready.
 */
#include "strands.h"
#include "watched.h"

#define MS UINT64_C(1000000)

/* ------------------------------------------------------------------ sleeps */

enum { SLEEPERS = 64 };

struct sleeper {
	int i;
	int64_t ms;
};

/* Deadlines as closely as they can be told from outside: what came before each
 * was taken, and what came after. */
static struct {
	uint64_t due[SLEEPERS], due_most[SLEEPERS], woken[SLEEPERS];
	int order[SLEEPERS];
	int n;
	const struct sleeper *last;
} slept;

/* Whoever runs next: the last sleeper's deadline had been taken by then. */
static void
mark_last(void)
{
	if (slept.last != NULL)
		slept.due_most[slept.last->i] =
		    ferry_clock_ns() + (uint64_t)slept.last->ms * MS;
	slept.last = NULL;
}

static int
sleep_and_note(ferry_call call, void *arg)
{
	struct sleeper *s = arg;

	(void)call;
	mark_last();
	slept.due[s->i] = ferry_clock_ns() + (uint64_t)s->ms * MS;
	slept.last = s;
	T_OK(ferry_strand_sleep(s->ms));
	mark_last();
	slept.woken[s->i] = ferry_clock_ns();
	slept.order[slept.n++] = s->i;
	return FERRY_OK;
}

/* Whoever is due first wakes first, and none before its time. Returns how late
 * the one was that was least. */
static uint64_t
sleep_in_order(ferry_context context)
{
	struct sleeper s[SLEEPERS];
	ferry_request request[SLEEPERS];
	uint64_t late = UINT64_MAX, due_yet = 0;

	slept.n = 0;
	for (int i = 0; i < SLEEPERS; i++) {
		s[i] = (struct sleeper){i, 20 + i * 37 % SLEEPERS * 3};
		request[i] = st_spawn(context, sleep_and_note, &s[i]);
	}
	for (int i = 0; i < SLEEPERS; i++)
		T_OK(fx_wait(request[i]));
	T_EQ(slept.n, SLEEPERS);
	for (int k = 0; k < SLEEPERS; k++) {
		int i = slept.order[k];

		T_GE(slept.woken[i], slept.due[i]);
		if (slept.woken[i] - slept.due[i] < late)
			late = slept.woken[i] - slept.due[i];
		T_GE(slept.due_most[i], due_yet);
		if (slept.due[i] > due_yet)
			due_yet = slept.due[i];
	}
	return late;
}

/* At least one of them soon after its time, unless others have the processor:
 * the clock is not looked at in large steps. */
static void
sleeps_end_in_their_order(void)
{
	ferry_context context = st_open();

	T_WAIT_UNTIL(sleep_in_order(context) < 2 * MS * (uint64_t)t_slow(),
	    FX_LIMIT_MS);
	fx_close(context);
}

/* For ever, and for ages. */
static int
sleep_long(ferry_call call, void *arg)
{
	(void)call;
	return ferry_strand_sleep(arg == NULL ? -1 : INT64_MAX);
}

/* A thousand of them cost no thread and no wake-up: the FFI thread parks once
 * and stays there. */
static void
sleepers_cost_nothing(void)
{
	enum { N = 1000 };
	static ferry_request request[N];
	ferry_context context = st_open();
	uint64_t parks;

	for (int i = 0; i < N; i++)
		request[i] = st_spawn(
		    context, sleep_long, i % 2 ? NULL : &context);
	st_await_active(context, N);
	T_WAIT_UNTIL(health(context).worker == FERRY_THREAD_IDLE, FX_LIMIT_MS);
	parks = fx_counters(context).parks;
	t_sleep_ms(10 * FX_QUIET_MS);
	T_EQ(fx_counters(context).parks, parks);
	T_EQ(st_strands(context).peak, N);
	for (int i = 0; i < N; i++)
		T_OK(ferry_request_cancel(request[i]));
	for (int i = 0; i < N; i++)
		T_EQ(fx_wait(request[i]), FERRY_ECANCELED);
	st_counts(context, 0, 0, N, 0);
	fx_close(context);
}

/* One park for each deadline, if nothing else comes: they go to sleep in one
 * turn of the FFI thread, which sleeps until the first. */
static void
a_deadline_is_one_park(void)
{
	enum { N = 10 };
	ferry_context context = st_open();
	struct sleeper s[N];
	ferry_request request[N], held;
	struct fx_gate gate = FX_GATE_SHUT;
	uint64_t parks;

	slept.n = 0;
	held = fx_hold(context, &gate);
	for (int i = 0; i < N; i++) {
		s[i] = (struct sleeper){i, 60 + i * 10};
		request[i] = st_spawn(context, sleep_and_note, &s[i]);
	}
	parks = fx_counters(context).parks;
	fx_gate_open(&gate);
	T_OK(fx_wait(held));
	T_OK(fx_wait(request[N - 1]));
	T_LE(fx_counters(context).parks, parks + N + 1);
	for (int i = 0; i < N - 1; i++)
		T_OK(fx_wait(request[i]));
	fx_close(context);
}

/* ------------------------------------------------------------------ yields */

struct yielder {
	struct fx_trace *trace;
	uint32_t item; /* written down before each yield, and at the end */
	int yields;
	int how;       /* 1: by a sleep of nothing */
};

static void
note(struct fx_trace *trace, uint32_t item)
{
	unsigned n = atomic_load(&trace->n);

	T_LT(n, FX_TRACE_MAX);
	trace->item[n] = item;
	atomic_store(&trace->n, n + 1);
}

static int
yield_on(ferry_call call, void *arg)
{
	struct yielder *y = arg;

	(void)call;
	for (int i = 0; i < y->yields; i++) {
		note(y->trace, y->item);
		T_OK(y->how ? ferry_strand_sleep(0) : ferry_strand_yield());
	}
	note(y->trace, y->item);
	return FERRY_OK;
}

static void
traced(const struct fx_trace *trace, const uint32_t *items, unsigned n)
{
	T_EQ(atomic_load(&trace->n), n);
	for (unsigned i = 0; i < n; i++)
		T_EQ(trace->item[i], items[i]);
}

/* Behind the requests that are queued, and behind those that yielded before;
 * then it is its turn again. */
static void
a_yield_lets_all_others_run(void)
{
	static const uint32_t items[] = {1, 11, 2, 12, 13, 1, 2, 1, 2, 1, 2};
	ferry_context context = st_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	struct yielder a = {&trace, 1, 3, 0}, b = {&trace, 2, 3, 1};
	ferry_request request[6];

	request[0] = fx_hold(context, &gate);
	request[1] = st_spawn(context, yield_on, &a);
	request[2] = fx_mark(context, &trace, 11, NULL);
	request[3] = st_spawn(context, yield_on, &b);
	request[4] = fx_mark(context, &trace, 12, NULL);
	request[5] = fx_mark(context, &trace, 13, NULL);
	fx_gate_open(&gate);
	for (int i = 0; i < 6; i++)
		T_OK(fx_wait(request[i]));
	traced(&trace, items, sizeof items / sizeof items[0]);
	fx_close(context);
}

struct flood {
	ferry_context context;
	struct fx_trace *trace;
	atomic_int stop;
	atomic_int alive;
	atomic_uint_fast64_t runs;
};

/* Each request's callback submits the next: there is always one queued. */
static void
go_on(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	struct flood *f = user;
	ferry_request_options o = fx_request_options();

	(void)request;
	(void)data;
	(void)size;
	T_EQ(status, FERRY_OK);
	atomic_fetch_add(&f->runs, 1);
	if (atomic_load(&f->stop)) {
		atomic_store(&f->alive, 0);
		return;
	}
	o.callback = go_on;
	o.user = f;
	T_OK(ferry_request_submit(NULL, f->context, FX_NOP, NULL, 0, &o));
}

static int
yield_in_flood(ferry_call call, void *arg)
{
	struct flood *f = arg;
	uint64_t before;

	(void)call;
	for (int i = 0; i < 100; i++) {
		before = atomic_load(&f->runs);
		T_OK(ferry_strand_yield());
		/* Neither starves the other. */
		T_GT(atomic_load(&f->runs), before);
	}
	return FERRY_OK;
}

static void
nobody_starves(void)
{
	ferry_context_options co = fx_context_options();
	struct flood f = {.alive = 1};
	ferry_request_options o = fx_request_options();
	struct sleeper s = {0, 20};
	ferry_request request[3];

	co.flags = FERRY_CONTEXT_SELF_SUBMIT;
	f.context = st_open_with(&co);
	slept.n = 0;
	o.callback = go_on;
	o.user = &f;
	fx_submit(f.context, FX_NOP, NULL, 0, &o);
	request[0] = st_spawn(f.context, yield_in_flood, &f);
	request[1] = st_spawn(f.context, yield_in_flood, &f);
	request[2] = st_spawn(f.context, sleep_and_note, &s);
	for (int i = 0; i < 3; i++)
		T_OK(fx_wait(request[i]));
	atomic_store(&f.stop, 1);
	T_WAIT_UNTIL(atomic_load(&f.alive) == 0, FX_LIMIT_MS);
	fx_close(f.context);
}

/* One that yields all the time, and one that sleeps: both get on, and so do
 * the requests of others. */
struct busy {
	atomic_int stop;
	uint64_t yields;
};

static int
yield_until_stopped(ferry_call call, void *arg)
{
	struct busy *b = arg;

	(void)call;
	while (!atomic_load(&b->stop)) {
		b->yields++;
		T_OK(ferry_strand_yield());
	}
	return FERRY_OK;
}

static void
who_yields_holds_nobody(void)
{
	ferry_context context = st_open();
	struct busy b = {0};
	struct sleeper s = {0, 10};
	ferry_request busy = st_spawn(context, yield_until_stopped, &b);

	slept.n = 0;
	for (int i = 0; i < 100; i++)
		st_turn(context);
	T_OK(st_run(context, sleep_and_note, &s));
	atomic_store(&b.stop, 1);
	T_OK(fx_wait(busy));
	T_GT(b.yields, 100);
	fx_close(context);
}

/* ------------------------------------------------------------- checkpoints */

struct computer {
	struct fx_trace *trace;
	uint64_t ms;   /* between two checkpoints */
	int spins;
	int quick;     /* checkpoints in a row that came soon enough */
	int yielded;   /* of them, those in which somebody else ran */
};

static void
spin_ns(uint64_t ns)
{
	uint64_t end = ferry_clock_ns() + ns;

	while (ferry_clock_ns() < end)
		;
}

/* In long steps each checkpoint yields. */
static int
compute_long(ferry_call call, void *arg)
{
	struct computer *c = arg;

	(void)call;
	for (int i = 0; i < c->spins; i++) {
		note(c->trace, 1);
		spin_ns(c->ms * MS);
		T_OK(ferry_strand_checkpoint());
	}
	return FERRY_OK;
}

static void
a_checkpoint_yields_after_a_while(void)
{
	static const uint32_t items[] = {1, 11, 12, 1, 1};
	ferry_context context = st_open();
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_trace trace = {0};
	struct computer c = {.trace = &trace, .ms = 2, .spins = 3};
	ferry_request request[4];

	request[0] = fx_hold(context, &gate);
	request[1] = st_spawn(context, compute_long, &c);
	request[2] = fx_mark(context, &trace, 11, NULL);
	request[3] = fx_mark(context, &trace, 12, NULL);
	fx_gate_open(&gate);
	for (int i = 0; i < 4; i++)
		T_OK(fx_wait(request[i]));
	traced(&trace, items, sizeof items / sizeof items[0]);
	fx_close(context);
}

/* In short ones none does: those that come within half a millisecond of the
 * resume are looked at, by a clock that is read before it. */
static int
compute_short(ferry_call call, void *arg)
{
	struct computer *c = arg;
	uint64_t resumed;
	unsigned n;

	(void)call;
	for (int i = 0; i < 200; i++) {
		T_OK(ferry_strand_yield());
		resumed = ferry_clock_ns();
		for (int k = 0; k < 3; k++) {
			n = atomic_load(&c->trace->n);
			T_OK(ferry_strand_checkpoint());
			if (ferry_clock_ns() - resumed > MS / 2)
				break;
			c->quick++;
			c->yielded += n != atomic_load(&c->trace->n);
		}
	}
	return FERRY_OK;
}

/* Writes down each of its turns. */
static int
note_turns(ferry_call call, void *arg)
{
	struct computer *c = arg;
	int r = FERRY_OK;

	(void)call;
	while (r == FERRY_OK) {
		note(c->trace, 5);
		if (atomic_load(&c->trace->n) > FX_TRACE_MAX - 100)
			break;
		r = ferry_strand_yield();
	}
	return r;
}

static void
a_checkpoint_does_not_yield_at_once(void)
{
	ferry_context context = st_open();
	struct fx_trace trace = {0};
	struct computer c = {.trace = &trace};
	ferry_request other = st_spawn(context, note_turns, &c);

	T_OK(st_run(context, compute_short, &c));
	ferry_request_cancel(other);
	fx_wait(other);
	T_GT(c.quick, 100);
	/* A thread may be held up between the resume and the clock. */
	T_LT(c.yielded, 10);
	T_GT(atomic_load(&trace.n), 100);
	fx_close(context);
}

static int
compute_for_ever(ferry_call call, void *arg)
{
	int r;

	(void)call;
	atomic_store((atomic_int *)arg, 1);
	while ((r = ferry_strand_checkpoint()) == FERRY_OK)
		;
	return r;
}

/* Also in its first run, which need not have waited yet. */
static void
a_checkpoint_hears_of_a_cancel(void)
{
	ferry_context context = st_open();
	atomic_int began = 0;
	ferry_request request = st_spawn(context, compute_for_ever, &began);

	T_WAIT_UNTIL(atomic_load(&began), FX_LIMIT_MS);
	st_turn(context);
	T_OK(ferry_request_cancel(request));
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	st_counts(context, 0, 0, 1, 0);
	fx_close(context);
}

/* --------------------------------------------------------------------- ids */

static int
tell_id(ferry_call call, void *arg)
{
	uint64_t again = 0;

	(void)call;
	T_OK(ferry_strand_id(arg));
	T_OK(ferry_strand_yield());
	T_OK(ferry_strand_id(&again));
	T_EQ(again, *(uint64_t *)arg);
	return FERRY_OK;
}

/* From 1, in each context, by their starts; none twice. */
static void
ids_count_up(void)
{
	ferry_context a = st_open(), b = st_open();
	uint64_t id = 0;

	for (uint64_t i = 1; i <= 300; i++) {
		T_OK(st_run(a, tell_id, &id));
		T_EQ(id, i);
	}
	T_OK(st_run(b, tell_id, &id));
	T_EQ(id, 1);
	fx_close(a);
	fx_close(b);
}

T_MAIN(
	T_RUN(sleeps_end_in_their_order);
	T_RUN(sleepers_cost_nothing);
	T_RUN(a_deadline_is_one_park);
	T_RUN(a_yield_lets_all_others_run);
	T_RUN(nobody_starves);
	T_RUN(who_yields_holds_nobody);
	T_RUN(a_checkpoint_yields_after_a_while);
	T_RUN(a_checkpoint_does_not_yield_at_once);
	T_RUN(a_checkpoint_hears_of_a_cancel);
	T_RUN(ids_count_up);
)
