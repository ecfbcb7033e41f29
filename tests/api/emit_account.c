/*
 * Eight emitters and the FFI thread at once, under every overflow policy: the
 * order of each is kept, and each event is heard, refused, or counted as
 * dropped, to whoever missed it too. Meanwhile snapshots at full speed.
 */
#include "ear.h"

static ferry_context
open_policy(uint32_t policy, uint32_t capacity)
{
	ferry_context_options o = fx_context_options();

	o.event_policy = policy;
	o.event_capacity = capacity;
	return fx_open_with(&o);
}

/* Law 12, for events. */
static void
check_events(const ferry_counters *c)
{
	T_GE(c->events_emitted, c->events_unheard + c->events_dropped +
	    c->events_dropped_elsewhere + c->events_dispatched);
}

enum { EMITTERS = 8, EACH = 3000 };

struct many {
	ferry_context context;
	atomic_int next[EMITTERS + 1]; /* what each is to send next, heard */
	uint64_t dropped;
	int n;
};

struct emitter {
	struct many *m;
	int id;
	uint64_t refused, sent;
	int tries;
};

static void
hear_many(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	struct many *m = user;
	int item[2];

	(void)context;
	(void)event;
	T_EQ(size, sizeof item);
	memcpy(item, data, sizeof item);
	/* In its order; what is missing was dropped. */
	T_GE(item[1], atomic_load(&m->next[item[0]]));
	atomic_store(&m->next[item[0]], item[1] + 1);
	m->dropped += dropped;
	m->n++;
}

static void
emit_all(struct emitter *e)
{
	for (int i = 0; i < EACH; i++) {
		int item[2] = {e->id, i}, r;

		r = ferry_context_emit(
		    e->m->context, FX_TICK, item, sizeof item);
		T_ASSERT(r == FERRY_OK || r == FERRY_ESTUCK);
		e->sent += r == FERRY_OK;
		e->refused += r != FERRY_OK;
	}
}

static void *
emitter_thread(void *arg)
{
	emit_all(arg);
	return NULL;
}

static int
emitter_run(ferry_call call, void *arg)
{
	(void)call;
	emit_all(arg);
	return FERRY_OK;
}

/* Snapshots at full speed, all the while. */
struct looker {
	ferry_context context;
	atomic_int stop;
	uint64_t looks;
};

static void *
look_on(void *arg)
{
	struct looker *l = arg;

	while (!atomic_load(&l->stop)) {
		ferry_counters c = fx_counters(l->context);

		check_events(&c);
		l->looks++;
	}
	return NULL;
}

/* What one inbox got: takes on until it has CLOSED. */
struct taker {
	ferry_inbox inbox;
	int n;
	uint64_t missing;
};

static void *
take_on(void *arg)
{
	struct taker *t = arg;

	for (;;) {
		ferry_completion c = fx_take(t->inbox);

		if (c.kind == FERRY_KIND_CLOSED)
			return NULL;
		T_EQ(c.kind, FERRY_KIND_EVENT);
		t->n++;
		t->missing += c.count;
		fx_done(&c);
	}
}

struct sums {
	uint64_t sent, refused;
};

static struct sums
emit_from_all(struct many *m)
{
	struct emitter e[EMITTERS + 1];
	pthread_t threads[EMITTERS];
	struct sums s = {0, 0};
	ferry_request request;

	for (int i = 0; i <= EMITTERS; i++)
		e[i] = (struct emitter){.m = m, .id = i};
	/* First: the others may get it stuck, and then nobody submits. */
	request = fx_do(m->context, emitter_run, &e[EMITTERS]);
	for (int i = 0; i < EMITTERS; i++)
		threads[i] = t_thread_start(emitter_thread, &e[i]);
	for (int i = 0; i < EMITTERS; i++)
		t_thread_join(threads[i]);
	T_EQ(fx_wait(request), FERRY_OK);
	for (int i = 0; i <= EMITTERS; i++) {
		s.sent += e[i].sent;
		s.refused += e[i].refused;
	}
	return s;
}

/* The last of either class tell of everything that was dropped before. */
static void
emit_last_elsewhere(struct many *m)
{
	int item[2] = {0, EACH};

	ear_settle(m->context);
	T_OK(ferry_context_emit(m->context, FX_TICK, item, sizeof item));
	ear_settle(m->context);
}

static int
last_run(ferry_call call, void *arg)
{
	struct many *m = arg;
	int item[2] = {EMITTERS, EACH};

	(void)call;
	return ferry_context_emit(m->context, FX_TICK, item, sizeof item);
}

/* Empty, it does not stay stuck. */
static void
emit_last_there(struct many *m)
{
	struct fx_job job = {last_run, m};
	ferry_request request;
	int r;

	T_WAIT_UNTIL((r = ferry_request_submit(&request, m->context, FX_DO,
	    &job, sizeof job, NULL)) != FERRY_ESTUCK, FX_LIMIT_MS);
	T_OK(r);
	T_EQ(fx_wait(request), FERRY_OK);
}

/* 8 emitters and the FFI thread, a listener, an inbox, and who looks on. */
static void
account(uint32_t policy, uint32_t capacity)
{
	struct many m = {.context = open_policy(policy, capacity)};
	ferry_listener_options o = {.struct_size = sizeof o,
	    .event = FERRY_EVENT_ANY, .listener = hear_many, .user = &m};
	struct looker looker = {.context = m.context};
	struct taker taker = {.inbox = fx_inbox()};
	pthread_t look, take;
	ferry_listener l;
	ferry_counters c;
	struct sums s;
	uint64_t lost;

	T_OK(ferry_listener_add(&l, m.context, &o));
	fx_attach(taker.inbox, m.context, FERRY_ATTACH_EVENTS, NULL);
	look = t_thread_start(look_on, &looker);
	take = t_thread_start(take_on, &taker);
	s = emit_from_all(&m);
	emit_last_elsewhere(&m);
	emit_last_there(&m);
	s.sent += 2;
	ear_settle(m.context);
	atomic_store(&looker.stop, 1);
	t_thread_join(look);
	c = fx_counters(m.context);
	fx_close(m.context);
	t_thread_join(take);
	lost = c.events_dropped + c.events_dropped_elsewhere;
	T_EQ(c.events_emitted, s.sent);
	T_EQ(c.events_refused, s.refused);
	T_EQ(c.events_unheard, 0);
	T_EQ(c.events_emitted, lost + c.events_dispatched);
	T_EQ(c.events_heard, m.n);
	T_EQ(m.n, s.sent - lost);
	T_EQ(m.dropped, lost);
	/* The inbox's own overruns come on top. */
	T_EQ(c.events_delivered, c.events_dispatched);
	T_EQ(taker.n, c.events_delivered - c.events_overrun);
	T_EQ(taker.missing, lost + c.events_overrun);
	T_EQ(atomic_load(&m.next[0]), EACH + 1);
	T_EQ(atomic_load(&m.next[EMITTERS]), EACH + 1);
	dprintf(1, "  sent %ju, refused %ju, dropped %ju and %ju, overrun "
	    "%ju, looks %ju\n", (uintmax_t)s.sent, (uintmax_t)s.refused,
	    (uintmax_t)c.events_dropped,
	    (uintmax_t)c.events_dropped_elsewhere,
	    (uintmax_t)c.events_overrun, (uintmax_t)looker.looks);
	T_OK(ferry_inbox_close(NULL, taker.inbox));
	if (policy != FERRY_EVENTS_DROP_OLDEST)
		T_EQ(lost + c.events_overrun, 0);
	if (policy != FERRY_EVENTS_STUCK)
		T_EQ(s.refused, 0);
	if (policy == FERRY_EVENTS_BLOCK)
		for (int i = 0; i <= EMITTERS; i++)
			T_GE(atomic_load(&m.next[i]), EACH);
}

static void
account_drop_oldest(void)
{
	account(FERRY_EVENTS_DROP_OLDEST, 16);
	account(FERRY_EVENTS_DROP_OLDEST, 1);
	account(FERRY_EVENTS_DROP_OLDEST, 4096);
}

static void
account_stuck(void)
{
	account(FERRY_EVENTS_STUCK, 16);
	account(FERRY_EVENTS_STUCK, 1);
}

static void
account_block(void)
{
	account(FERRY_EVENTS_BLOCK, 16);
	account(FERRY_EVENTS_BLOCK, 1);
}

T_MAIN(
	T_RUN(account_drop_oldest);
	T_RUN(account_stuck);
	T_RUN(account_block);
)
