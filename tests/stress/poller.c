/*
 * Waits for descriptors against each other, against what makes them ready, and
 * against owners who close too early.
 *
 * Threads arm and disarm waits of their own on channels that all of them share,
 * write and read there, and put another file under the same number, while
 * copies keep the former one alive. Each wait ends exactly once: it is told, or
 * its disarm says that it will not be. Between times each thread waits on a
 * channel of its own, on which others arm and disarm without an end, until it
 * is told: so nothing is lost. In the end what is armed on a file that is still
 * there is told when that is written to.
 *
 * Iterations: operations of each thread. T_LIMIT=300
 */
#include "unit/poll_world.h"

enum { CHANNELS = 24, WAITS = 40, COPIES = 64 };

/* A socket pair: `ends[0]` is waited for. Whoever reads or writes holds the
 * lock for reading; the file is changed under the lock for writing, while
 * others arm. */
struct channel {
	pthread_rwlock_t lock;
	int ends[2];
	atom64 generation;
};

enum { IDLE, ARMED, TOLD };

struct wait {
	struct poll_wait w;
	atom32 state;
	struct channel *channel;
	uint64_t generation; /* of the channel; ODD: it changed meanwhile */
};

#define ODD 1u /* a channel's generations are even */

struct actor {
	pthread_t thread;
	struct t_rng rng;
	uint64_t iters;
	struct channel own; /* `told` is armed there, and others' waits are */
	struct told told;
	struct wait waits[WAITS];
	uint64_t arms, disarms, late, changes, pings;
};

static struct channel channels[CHANNELS];
static struct actor *actors;
static unsigned n_actors;
static atom64 tells;

static void
open_channel(struct channel *c)
{
	T_OK(pthread_rwlock_init(&c->lock, NULL));
	T_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	    c->ends));
}

static void
tell(struct poll_wait *w)
{
	struct wait *wait = container_of(w, struct wait, w);
	uint32_t expected = ARMED;

	T_NE(w->revents, 0);
	T_EQ(w->revents & ~(w->events | POLLERR | POLLHUP | POLLNVAL), 0);
	if (!atom32_cas_acqrel(&wait->state, &expected, TOLD))
		T_FAIL("told in state %u", expected);
	atom64_add_relaxed(&tells, 1);
}

static struct channel *
some_channel(struct actor *a)
{
	uint64_t n = t_rand_below(&a->rng, CHANNELS + 2 * n_actors);

	return n < CHANNELS ? &channels[n]
	                    : &actors[(n - CHANNELS) % n_actors].own;
}

static void
arm_one(struct actor *a, struct wait *wait)
{
	static const uint32_t events[] = { POLLIN, POLLIN, POLLOUT,
		POLLIN | POLLOUT, POLLPRI };
	struct channel *c = some_channel(a);
	uint64_t before = atom64_load_acquire(&c->generation);

	wait->channel = c;
	wait->w.fd = c->ends[0];
	wait->w.events = events[t_rand_below(&a->rng, COUNT_OF(events))];
	wait->w.ready = tell;
	atom32_store_release(&wait->state, ARMED);
	T_OK(ferry__poller_arm(&wait->w));
	wait->generation = before;
	if (atom64_load_acquire(&c->generation) != before)
		wait->generation = ODD;
	a->arms++;
}

/* It has ended, once: in one way or the other. */
static void
end_one(struct actor *a, struct wait *wait)
{
	bool disarmed = ferry__poller_disarm(&wait->w);

	T_EQ(atom32_load_acquire(&wait->state), disarmed ? ARMED : TOLD);
	*(disarmed ? &a->disarms : &a->late) += 1;
	atom32_store_release(&wait->state, IDLE);
}

static void
stir(struct actor *a, struct channel *c)
{
	char some[3] = { 0 };

	T_OK(pthread_rwlock_rdlock(&c->lock));
	if (t_rand_below(&a->rng, 2) == 0)
		T_NE(send(c->ends[1], some, sizeof some, MSG_NOSIGNAL), 0);
	else
		T_NE(read(c->ends[0], some, sizeof some), 0);
	pthread_rwlock_unlock(&c->lock);
}

/* Another file under the same number; the former may live on for a while. */
static void
change(struct actor *a, struct channel *c)
{
	static int copies[COPIES];
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	int *copy = &copies[t_rand_below(&a->rng, COPIES)], next[2];

	T_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	    next));
	T_OK(pthread_rwlock_wrlock(&c->lock));
	atom64_add_acqrel(&c->generation, 2);
	pthread_mutex_lock(&mutex);
	if (*copy != 0)
		T_OK(close(*copy));
	*copy = 0;
	if (t_rand_below(&a->rng, 2) == 0)
		*copy = fcntl(c->ends[0], F_DUPFD_CLOEXEC, 0);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < 2; i++) {
		T_EQ(dup3(next[i], c->ends[i], O_CLOEXEC), c->ends[i]);
		T_OK(close(next[i]));
	}
	pthread_rwlock_unlock(&c->lock);
	a->changes++;
}

static void
ping(struct actor *a)
{
	struct channel *c = &a->own;
	char all[4096];

	while (read(c->ends[0], all, sizeof all) > 0)
		;
	T_OK(arm(&a->told, c->ends[0], POLLIN));
	if (t_rand_below(&a->rng, 4) == 0)
		sched_yield();
	T_EQ(send(c->ends[1], "x", 1, MSG_NOSIGNAL), 1);
	T_EQ(await(&a->told), POLLIN);
	a->pings++;
}

static void *
act(void *arg)
{
	struct actor *a = arg;

	for (uint64_t i = 0; i < a->iters; i++) {
		struct wait *wait = &a->waits[t_rand_below(&a->rng, WAITS)];
		uint64_t what = t_rand_below(&a->rng, 64);
		struct channel *c =
		    &channels[t_rand_below(&a->rng, CHANNELS)];

		if (what == 0)
			change(a, c);
		else if (what < 4)
			ping(a);
		else if (what < 20)
			stir(a, c);
		else if (atom32_load_acquire(&wait->state) == IDLE)
			arm_one(a, wait);
		else
			end_one(a, wait);
	}
	return NULL;
}

/* Nobody arms any more: what is written now is for all that are armed. */
static void
account(struct actor *a)
{
	for (int i = 0; i < WAITS; i++) {
		struct wait *w = &a->waits[i];

		if (atom32_load_acquire(&w->state) == IDLE)
			continue;
		if ((w->w.events & (POLLIN | POLLOUT)) != 0 &&
		    atom64_load_relaxed(&w->channel->generation) ==
		        w->generation)
			T_EQ(atom32_load_acquire(&w->state), TOLD);
		end_one(a, w);
	}
}

static void
make_all_ready(struct channel *c)
{
	char all[4096];

	while (read(c->ends[0], all, sizeof all) > 0)
		;
	while (read(c->ends[1], all, sizeof all) > 0)
		;
	put(c->ends[1]);
}

static void
settle(void)
{
	uint64_t arms = 0, disarms = 0, late = 0, pings = 0, changes = 0;

	for (int i = 0; i < CHANNELS; i++)
		make_all_ready(&channels[i]);
	for (unsigned i = 0; i < n_actors; i++)
		make_all_ready(&actors[i].own);
	round_trip();
	for (unsigned i = 0; i < n_actors; i++) {
		struct actor *a = &actors[i];

		account(a);
		arms += a->arms;
		disarms += a->disarms;
		late += a->late;
		pings += a->pings;
		changes += a->changes;
	}
	dprintf(1, "armed %ju, told %ju, disarmed %ju, pings %ju, "
	    "changes %ju\n", (uintmax_t)arms,
	    (uintmax_t)atom64_load_relaxed(&tells), (uintmax_t)disarms,
	    (uintmax_t)pings, (uintmax_t)changes);
	T_EQ(arms, atom64_load_relaxed(&tells) + disarms);
	T_EQ(late, atom64_load_relaxed(&tells));
	T_GT(disarms, 0);
	T_GT(late, 0);
	T_GT(pings, 0);
}

int
main(int argc, char **argv)
{
	struct t_stress s = t_stress_args(argc, argv,
	    (struct t_stress){ .threads = 4, .iters = 20000, .seed = 1 });

	round_trip();
	n_actors = s.threads;
	actors = calloc(n_actors, sizeof *actors);
	T_ASSERT(actors != NULL);
	for (int i = 0; i < CHANNELS; i++)
		open_channel(&channels[i]);
	for (unsigned i = 0; i < n_actors; i++) {
		actors[i].rng.state = s.seed * 1000 + i;
		actors[i].iters = s.iters;
		open_channel(&actors[i].own);
	}
	for (unsigned i = 0; i < n_actors; i++)
		actors[i].thread = t_thread_start(act, &actors[i]);
	for (unsigned i = 0; i < n_actors; i++)
		t_thread_join(actors[i].thread);
	settle();
	ferry__poller_rest();
	free(actors);
	return 0;
}
