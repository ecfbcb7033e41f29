/*
 * Strands: handlers that wait in every way, and what becomes of what they have
 * on their hands when their thread ends.
 *
 * Each strand that is alive is on a list of its FFI thread's. Whoever ends that
 * thread goes through the list first: none of them will go on, so the requests
 * that they await are released by somebody else.
 */
#include <poll.h>

#include "soak.h"

/* On its own stack. `child` is what it awaits; 0: nothing. */
struct living {
	struct living *older, *newer;
	ferry_request child;
	uint64_t child_tag;
};

/* A strand, and what it was given. */
struct self {
	struct living living;
	ferry_call call;
	struct berth *berth;
	struct tally *tally;
	const void *data;
	size_t size;
	uint64_t tag;
	struct t_rng rng;
	unsigned scopes; /* pushed and not popped */
};

static _Thread_local struct living *alive;
static atomic_ullong offs_begun, offs_ended;
/* Functions that a strand was told it had left; and those who were told so
 * themselves. A lost strand's are among these only. */
static atomic_ullong offs_given_up, offs_left;
static int pipes[2][2]; /* one in which there never is anything, and … */

void
strand_open(void)
{
	T_EQ(pipe2(pipes[0], O_CLOEXEC), 0);
	T_EQ(pipe2(pipes[1], O_CLOEXEC), 0);
	T_EQ(write(pipes[1][1], "x", 1), 1);
}

/* -------------------------------------------------------------- the lost */

enum { ORPHANS = 1 << 12 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct living orphans[ORPHANS];
static unsigned n_orphans;

static void
come_alive(struct living *l)
{
	l->older = alive;
	if (alive != NULL)
		alive->newer = l;
	alive = l;
}

static void
go(struct living *l)
{
	if (l->older != NULL)
		l->older->newer = l->newer;
	if (l->newer != NULL)
		l->newer->older = l->older;
	else
		alive = l->older;
}

void
strand_lose_all(void)
{
	pthread_mutex_lock(&lock);
	for (; alive != NULL; alive = alive->older) {
		if (alive->child == 0)
			continue;
		T_LT(n_orphans, ORPHANS);
		orphans[n_orphans++] = *alive;
	}
	pthread_mutex_unlock(&lock);
}

static int
next_orphan(struct living *out)
{
	int any;

	pthread_mutex_lock(&lock);
	any = n_orphans > 0;
	if (any)
		*out = orphans[--n_orphans];
	pthread_mutex_unlock(&lock);
	return any;
}

/* Until its strand has been lost it still waits. */
static void
adopt(const struct living *l)
{
	uint64_t end = t_now_ns() + actor_limit_ns();
	int r;

	while ((r = STEP(ferry_request_release(l->child), l->child)) ==
	    FERRY_EBUSY) {
		T_LT(t_now_ns(), end);
		t_sleep_ms(1);
	}
	T_OK(op_did(OP_RELEASE, r));
	record_released(l->child_tag);
}

void
orphan_run(struct actor *a)
{
	struct living l;

	(void)a;
	while (!atomic_load(&soak.stopping)) {
		if (next_orphan(&l))
			adopt(&l);
		else
			t_sleep_ms(1);
		actor_beat();
	}
	T_EQ(next_orphan(&l), 0); /* all had come to rest */
}

/* --------------------------------------------------------------- its waits */

static int
count_off(void *arg)
{
	struct self *s = arg;
	uint32_t spins = (uint32_t)(s->tag % 3000);

	atomic_fetch_add(&offs_begun, 1);
	T_EQ(ferry_strand_sleep(1), FERRY_ENOSTRAND);
	spin(spins);
	atomic_fetch_add(&offs_ended, 1);
	return 5;
}

static int
count_off_alone(void *arg)
{
	atomic_fetch_add(&offs_begun, 1);
	spin((uint32_t)(uintptr_t)arg % 30000);
	atomic_fetch_add(&offs_ended, 1);
	return 6;
}

static void
was_left(void *arg, int result)
{
	(void)arg;
	/* It has run, or never will. */
	T_ASSERT(result == 6 || result == FERRY_ECANCELED);
	atomic_fetch_add(&offs_left, 1);
}

/* With its own stack as the argument, or with nothing of its own. */
static int
offload(struct self *s)
{
	int out = 0, r;

	if (one_in(&s->rng, 2)) {
		r = ferry_strand_offload(&out, count_off, s, NULL);
		T_ASSERT(out == 5 || r != FERRY_OK);
	} else {
		r = ferry_strand_offload(&out, count_off_alone,
		    (void *)(uintptr_t)s->tag, was_left);
		T_ASSERT(out == 6 || r != FERRY_OK);
		if (r == FERRY_ECANCELED)
			atomic_fetch_add(&offs_given_up, 1);
	}
	return ALLOW(OP_OFFLOAD, r, FERRY_ECANCELED, FERRY_ENOMEM,
	    FERRY_ESYSTEM);
}

static int
look_at_a_pipe(struct self *s)
{
	uint32_t events = 0;
	int which = (int)t_rand_below(&s->rng, 2), r;

	r = ferry_strand_poll(&events, pipes[which][0], POLLIN, 1);
	T_ASSERT(r != FERRY_OK || (which == 1 && events == POLLIN));
	return ALLOW(OP_POLL, r, FERRY_ECANCELED, FERRY_ETIMEDOUT,
	    FERRY_ENOMEM, FERRY_ESYSTEM);
}

static int
take_memory(struct self *s)
{
	size_t size = 1 + t_rand_below(&s->rng, 5000);
	void *p;
	int r = ferry_strand_alloc(&p, size);

	if (r == FERRY_OK)
		memset(p, 0xee, size);
	return ALLOW(OP_STRAND, r, FERRY_ENOMEM);
}

/* What has been submitted: awaited, once or twice, and then given up. */
static int
await_child(struct self *s)
{
	static const int64_t timeouts[] = {0, 1, 20, -1};
	struct living *l = &s->living;
	ferry_reply reply;
	int r = FERRY_ETIMEDOUT;

	for (int i = 0; i < 2 && r == FERRY_ETIMEDOUT; i++) {
		r = ferry_strand_await(&reply, l->child,
		    timeouts[t_rand_below(&s->rng, 4)]);
		ALLOW(OP_STRAND, r, FERRY_ETIMEDOUT, FERRY_ECANCELED);
	}
	if (r == FERRY_OK) {
		request_reply(l->child_tag, &reply);
	} else {
		T_OK(op_did(OP_RELEASE, ferry_request_release(l->child)));
		record_released(l->child_tag);
	}
	l->child = 0;
	return r;
}

static int
call_somebody(struct self *s)
{
	struct living *l = &s->living;

	if (!request_child(&berths[t_rand_below(&s->rng, BERTHS)], &s->rng,
	        &l->child, &l->child_tag))
		return FERRY_OK;
	return await_child(s);
}

static int
sleep_shielded(struct self *s)
{
	T_OK(ferry_strand_shield(1));
	T_OK(ferry_strand_sleep((int64_t)t_rand_below(&s->rng, 2)));
	return ferry_strand_shield(0);
}

/* There are as many as it has pushed, whoever ran meanwhile. */
static int
change_scopes(struct self *s)
{
	int r;

	if (s->scopes != 0 && one_in(&s->rng, 3)) {
		for (; s->scopes != 0; s->scopes--)
			T_OK(ferry_scope_pop(s->call));
		T_EQ(ferry_scope_pop(s->call), FERRY_EINVAL);
		return FERRY_OK;
	}
	r = one_in(&s->rng, 2) ? ferry_scope_exempt(s->call, "soaking")
	                       : ferry_scope_push(s->call, "soaked", 1000);
	ALLOW(OP_SCOPE, r, FERRY_EAGAIN, FERRY_ENOMEM);
	T_EQ(r == FERRY_EAGAIN, s->scopes == FERRY_SCOPES_MOST);
	s->scopes += r == FERRY_OK;
	return FERRY_OK;
}

static int
one_step(struct self *s)
{
	if (one_in(&s->rng, 2))
		change_scopes(s);
	switch (t_rand_below(&s->rng, 8)) {
	case 0:
	case 1:
		return ALLOW(OP_STRAND, ferry_strand_sleep((int64_t)
		    t_rand_below(&s->rng, 4)), FERRY_ECANCELED);
	case 2:
		return ALLOW(OP_STRAND, ferry_strand_yield(),
		    FERRY_ECANCELED);
	case 3:
		return ALLOW(OP_STRAND, ferry_strand_checkpoint(),
		    FERRY_ECANCELED);
	case 4:
		return offload(s);
	case 5:
		return look_at_a_pipe(s);
	case 6:
		return call_somebody(s);
	default:
		return one_in(&s->rng, 3) ? sleep_shielded(s)
		                          : take_memory(s);
	}
}

/* ------------------------------------------------------------ the handler */

__attribute__((noreturn)) static void
end_thread(struct self *s)
{
	atomic_fetch_add(&op_losses, 1);
	atomic_store(&s->tally->refusing, 1);
	strand_lose_all();
	fx_before_exit();
	/* TSan allows no pthread_exit() off the thread's own stack. */
	T_OK(pthread_cancel(pthread_self()));
	pthread_testcancel();
	T_FAIL("a thread goes on that was cancelled");
}

int
strand_live(ferry_call call, const void *data, size_t size, void *state)
{
	struct item item;
	struct self s = {.call = call, .berth = state, .data = data,
	    .size = size};
	int r = FERRY_OK;

	(void)library_begin(data, size, state, &item, &s.tally);
	s.tag = s.rng.state = item.tag;
	atomic_fetch_add(&s.tally->strands, 1);
	come_alive(&s.living);
	for (uint64_t n = t_rand_below(&s.rng, 5);
	     n > 0 && r != FERRY_ECANCELED; n--) {
		r = one_step(&s);
		/* What it was given is its own, whatever ran meanwhile. */
		T_EQ(payload_prove(data, size).tag, s.tag);
	}
	if (one_in(&s.rng, 1000))
		end_thread(&s);
	if (r == FERRY_ECANCELED)
		T_EQ(ferry_strand_yield(), FERRY_ECANCELED);
	go(&s.living);
	atomic_fetch_add(&s.tally->strands_back, 1);
	return r == FERRY_ECANCELED ? r : 1;
}

/* ------------------------------------------------------------- from outside */

static uint64_t
ends(const ferry_strands *s)
{
	return s->completed + s->failed + s->cancelled + s->lost;
}

void
strand_look(ferry_context context, struct t_rng *rng)
{
	ferry_strands s = {.struct_size = sizeof s}, after = s;
	int r = STEP(ferry_strand_counters(&s, context), context);

	ALLOW(OP_SNAPSHOT, r, FERRY_ESTALE);
	if (r != FERRY_OK)
		return;
	T_EQ(s.spawned, s.active + ends(&s));
	if (!one_in(rng, 4))
		return;
	r = STEP(ferry_strand_wait_all(context, 2), context);
	ALLOW(OP_SNAPSHOT, r, FERRY_ESTALE, FERRY_ETIMEDOUT);
	if (r == FERRY_OK &&
	    ferry_strand_counters(&after, context) == FERRY_OK)
		T_GE(ends(&after), s.spawned);
}

/* Returns how many were refused: started requests that no handler has seen. */
uint64_t
strand_check_rest(ferry_context context, struct tally *t)
{
	ferry_strands s = {.struct_size = sizeof s};
	uint64_t back = atomic_load(&t->strands_back);

	T_OK(ferry_strand_counters(&s, context));
	T_EQ(s.active, 0);
	T_EQ(s.spawned, atomic_load(&t->strands));
	T_EQ(s.completed, 0); /* they say 1, or that they were cancelled */
	T_EQ(s.failed + s.cancelled, back);
	T_EQ(s.lost, atomic_load(&t->strands) - back);
	return s.refused;
}

void
strand_print(void)
{
	dprintf(1, "  functions offloaded %llu\n", atomic_load(&offs_begun));
}

/* All of them have come back. */
int
strand_offs_rest(void)
{
	return atomic_load(&offs_begun) == atomic_load(&offs_ended) &&
	    atomic_load(&offs_left) >= atomic_load(&offs_given_up);
}
