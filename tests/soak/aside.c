/*
 * The threads beside the producers: who answers deferred calls, cancels,
 * releases handles, lets wedged handlers go, and looks at what is counted.
 */
#include "soak.h"

/* A ring that forgets the oldest, of tokens that may be stale by now. */
struct ring {
	atomic_ullong next;
	atomic_ullong tokens[256];
};

static struct ring to_cancel, to_finalize;

static void
put(struct ring *ring, uint64_t token)
{
	uint64_t at = atomic_fetch_add(&ring->next, 1);

	atomic_store(&ring->tokens[at % 256], token);
}

/* One of the last few, mostly; or any. */
static uint64_t
take(struct ring *ring, struct t_rng *rng)
{
	uint64_t back = t_rand_below(rng, one_in(rng, 8) ? 256 : 4);
	uint64_t at = atomic_load(&ring->next) - 1 - back;

	return atomic_exchange(&ring->tokens[at % 256], 0);
}

void
cancel_later(ferry_request request)
{
	put(&to_cancel, request);
}

void
finalize_later(ferry_handle handle)
{
	put(&to_finalize, handle);
}

/* ---------------------------------------------------------- deferred calls */

enum { LATER = 1 << 12, FEW = 3 };

struct later {
	ferry_call call;
	uint64_t tag, life;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static struct later laters[LATER];
static int n_laters;
static int in_hand;

int
answer_later(ferry_call call, uint64_t tag, uint64_t life)
{
	int taken;

	pthread_mutex_lock(&lock);
	taken = n_laters < LATER && !atomic_load(&soak.stopping);
	if (taken)
		laters[n_laters++] = (struct later){call, tag, life};
	pthread_cond_signal(&moved);
	pthread_mutex_unlock(&lock);
	return taken;
}

int
answers_left(void)
{
	int n;

	pthread_mutex_lock(&lock);
	n = n_laters + in_hand;
	pthread_mutex_unlock(&lock);
	return n;
}

/* Any of them, so that none is answered in its order; 0 after a moment. The
 * last few are left for a while, for closes that will not wait for them. */
static int
next_answer(struct later *out, struct t_rng *rng)
{
	int left = atomic_load(&soak.pausing) ||
	    atomic_load(&soak.stopping) || one_in(rng, 3) ? 0 : FEW;
	struct timespec until;
	int any, i;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&lock);
	if (n_laters <= left)
		pthread_cond_timedwait(&moved, &lock, &until);
	any = n_laters > left;
	if (any) {
		i = (int)t_rand_below(rng, (uint64_t)n_laters);
		*out = laters[i];
		laters[i] = laters[--n_laters];
		in_hand++;
	}
	pthread_mutex_unlock(&lock);
	return any;
}

static void
nothing(ferry_call call, void *user)
{
	(void)call;
	(void)user;
}

static int
reply_once(const struct later *l, struct t_rng *rng)
{
	void *block;
	int r;

	if (one_in(rng, 2) || ferry_block_alloc(&block, 8) != FERRY_OK)
		return STEP(ferry_call_reply(l->call, 7, NULL, 0), l->tag);
	r = STEP(ferry_call_reply_block(l->call, 7, block, 0), l->tag);
	if (r != FERRY_OK && r != FERRY_ESTALE)
		T_OK(ferry_block_release(block));
	return r;
}

static void
answer(const struct later *l, struct t_rng *rng)
{
	struct tally *t = tally_of(l->life);
	ferry_call_info info = {.struct_size = sizeof info};
	int r, early = t != NULL && !atomic_load(&t->closing);

	if (one_in(rng, 4))
		spin((uint32_t)t_rand_below(rng, 3000));
	if (one_in(rng, 8))
		(void)ferry_call_check(l->call);
	if (one_in(rng, 8))
		(void)ferry_call_describe(&info, l->call);
	if (one_in(rng, 8))
		(void)ferry_call_on_cancel(l->call, nothing, NULL);
	r = reply_once(l, rng);
	ALLOW(OP_ANSWER, r, FERRY_ESTALE, FERRY_ENOMEM);
	if (r == FERRY_ENOMEM) {
		r = ferry_call_reply(l->call, 7, NULL, 0);
		T_ASSERT(r == FERRY_OK || r == FERRY_ESTALE);
	}
	/* Only a close takes the answer out of our hands. */
	if (r == FERRY_ESTALE && early && t != NULL)
		T_ASSERT(atomic_load(&t->closing));
	if (r == FERRY_OK && one_in(rng, 8)) {
		r = ferry_call_reply(l->call, 8, NULL, 0);
		T_ASSERT(r == FERRY_EREPLIED || r == FERRY_ESTALE);
	}
}

void
answer_run(struct actor *a)
{
	struct later l;

	/* The others stop first; what they have left is answered. */
	while (!atomic_load(&soak.stopping) || answers_left() > 0) {
		if (next_answer(&l, &a->rng)) {
			answer(&l, &a->rng);
			pthread_mutex_lock(&lock);
			in_hand--;
			pthread_mutex_unlock(&lock);
		}
		actor_beat();
	}
}

/* ----------------------------------------------------------- the others */

void
cancel_run(struct actor *a)
{
	while (actor_turn(a)) {
		ferry_request request = take(&to_cancel, &a->rng);
		int r;

		if (request != 0) {
			r = STEP(ferry_request_cancel(request), request);
			ALLOW(OP_CANCEL, r, FERRY_EALREADY, FERRY_EDONE,
			    FERRY_ESTALE);
		}
		if (one_in(&a->rng, 50))
			berth_rival(&berths[t_rand_below(&a->rng, BERTHS)],
			    &a->rng);
		if (request == 0 || one_in(&a->rng, 100))
			t_sleep_ms(1);
		actor_beat();
	}
}

/* As a garbage collector does: on short-lived threads, whenever it likes. */
static void *
finalize(void *arg)
{
	struct actor *a = arg;

	actor_self = a;
	for (int i = 0; i < 64; i++) {
		ferry_handle handle = take(&to_finalize, &a->rng);
		int r;

		if (handle == 0)
			continue;
		r = STEP(ferry_handle_release(handle), handle);
		ALLOW(OP_FINALIZE, r, FERRY_ESTALE);
	}
	return NULL;
}

void
finalize_run(struct actor *a)
{
	while (actor_turn(a)) {
		t_thread_join(t_thread_start(finalize, a));
		t_sleep_ms(1);
		actor_beat();
	}
}

void
jailer_run(struct actor *a)
{
	while (!atomic_load(&soak.stopping)) {
		t_sleep_ms((unsigned)t_rand_below(&a->rng, 100));
		library_let_go();
		actor_beat();
	}
	library_let_go();
}

/* By name, of a context that may be closing or gone. */
static void
look_up(ferry_context context)
{
	const char *name;
	uint32_t id;
	int r = STEP(ferry_context_method(&id, context, "echo"), context);

	ALLOW(OP_SNAPSHOT, r, FERRY_ESTALE, FERRY_ECLOSED);
	T_ASSERT(r != FERRY_OK || id == M_ECHO);
	r = STEP(ferry_context_event(&id, context, "large"), context);
	ALLOW(OP_SNAPSHOT, r, FERRY_ESTALE, FERRY_ECLOSED);
	T_ASSERT(r != FERRY_OK || id == E_LARGE);
	r = STEP(ferry_context_method_name(&name, context, M_WEDGE), context);
	ALLOW(OP_SNAPSHOT, r, FERRY_ESTALE, FERRY_ECLOSED);
	T_ASSERT(r != FERRY_OK || strcmp(name, "wedge") == 0);
}

/* Asked for, or by signals; switched off again before any rest. */
static void
dump(struct t_rng *rng, int null)
{
	if (one_in(rng, 2)) {
		ALLOW(OP_DUMP, ferry_dump(null), 0);
		return;
	}
	for (uint64_t n = t_rand_below(rng, 4); n != 0; n--) {
		int r = ferry_dump_on_signal(SIGUSR2, null);

		ALLOW(OP_DUMP, r, FERRY_ENOMEM, FERRY_ESYSTEM);
		if (r == FERRY_OK)
			T_OK(raise(SIGUSR2));
	}
	ALLOW(OP_DUMP, ferry_dump_on_signal(0, 0), 0);
}

/* Of its taker, who finds nothing, or just then closes it. */
static void
wake_some(struct t_rng *rng)
{
	uint64_t life;
	ferry_inbox inbox = box_some(rng, &life);

	if (inbox != 0)
		ALLOW(OP_WAKE, STEP(ferry_inbox_wake(inbox), inbox),
		    FERRY_ESTALE);
}

void
snapshot_run(struct actor *a)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	T_GE(null, 0);
	while (actor_turn(a)) {
		struct berth *b = &berths[t_rand_below(&a->rng, BERTHS)];
		ferry_counters c = {.struct_size = sizeof c};
		ferry_health h = {.struct_size = sizeof h};
		ferry_context context = berth_context(b);
		int r = STEP(ferry_context_counters(&c, context), context);

		if (context != 0) {
			ALLOW(OP_SNAPSHOT, r, FERRY_ESTALE);
			if (r == FERRY_OK)
				fx_balance(&c);
			r = STEP(ferry_context_health(&h, context), context);
			ALLOW(OP_SNAPSHOT, r, FERRY_ESTALE);
			look_up(context);
			strand_look(context, &a->rng);
		}
		if (one_in(&a->rng, 8))
			dump(&a->rng, null);
		if (one_in(&a->rng, 4))
			wake_some(&a->rng);
		t_sleep_ms(1);
	}
	close(null);
}
