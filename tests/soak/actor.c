/*
 * The threads of the soak: what each has done last, resting, and who hangs.
 */
#include "soak.h"

enum { ACTORS = 64, LIMIT_S = 20 };

_Thread_local struct actor *actor_self;

static struct actor actors[ACTORS];
static atomic_uint n_actors;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;

uint64_t
actor_limit_ns(void)
{
	int slow = t_slow() > 3 ? 3 : t_slow();

	return (uint64_t)LIMIT_S * (uint64_t)slow * 1000000000;
}

/* ---------------------------------------------------------------- history */

void
actor_begin(const char *what, uint64_t on)
{
	struct actor *a = actor_self;

	if (a == NULL)
		return;
	a->steps[a->n_steps % STEPS] =
	    (struct step){t_now_ns(), what, on, INT32_MAX};
}

int
actor_end(int result)
{
	struct actor *a = actor_self;

	if (a != NULL)
		a->steps[a->n_steps++ % STEPS].result = result;
	actor_beat();
	return result;
}

void
actor_beat(void)
{
	if (actor_self != NULL)
		atomic_fetch_add_explicit(
		    &actor_self->beats, 1, memory_order_relaxed);
}

static void
print_step(const struct step *s)
{
	double ms = (double)(s->at_ns - soak.began_ns) / 1e6;

	if (s->result == INT32_MAX)
		dprintf(2, "  %12.3f ms  %#jx  %s: has not returned\n", ms,
		    (uintmax_t)s->on, s->what);
	else
		dprintf(2, "  %12.3f ms  %#jx  %s: %d\n", ms,
		    (uintmax_t)s->on, s->what, s->result);
}

/* The last steps, and the one begun, if there is one. */
static void
print_history(const struct actor *a, unsigned most)
{
	unsigned n = a->n_steps, from = n > most ? n - most : 0;

	dprintf(2, "%s %u%s, seed %#jx, %u steps:\n", a->kind, a->n,
	    a == actor_self ? " (this thread)" : "",
	    (uintmax_t)soak.seed, n);
	for (unsigned i = from; i < n; i++)
		print_step(&a->steps[i % STEPS]);
	if (a->steps[n % STEPS].result == INT32_MAX &&
	    a->steps[n % STEPS].what != NULL)
		print_step(&a->steps[n % STEPS]);
}

/* Called by t_fail(); only the first one that fails has something to say. */
void
t_on_fail(void)
{
	static atomic_int failing;
	char name[16] = "";

	if (atomic_exchange(&failing, 1) != 0)
		for (;;)
			pause();
	pthread_getname_np(pthread_self(), name, sizeof name);
	dprintf(2, "FAILED after %.1f s on thread %s %u; again: "
	    "make soak SEED=%ju MINUTES=%g FAULTS=%d FORKS=%d\n",
	    (double)(t_now_ns() - soak.began_ns) / 1e9, name, fx_tid(),
	    (uintmax_t)soak.seed, (double)soak.seconds / 60, soak.faults,
	    soak.forks);
	if (actor_self != NULL)
		print_history(actor_self, STEPS - 1);
	for (unsigned i = 0; i < atomic_load(&n_actors); i++)
		if (&actors[i] != actor_self && !atomic_load(&actors[i].ended))
			print_history(&actors[i], 4);
	berth_health();
	op_print();
	fault_print();
}

/* ------------------------------------------------------------ their lives */

static void *
begin(void *arg)
{
	struct actor *a = arg;

	actor_self = a;
	a->run(a);
	atomic_store(&a->ended, 1);
	return NULL;
}

struct actor *
actor_start(const char *kind, unsigned n, void (*run)(struct actor *),
    void *arg, int serves)
{
	unsigned i = atomic_fetch_add(&n_actors, 1);
	struct actor *a = &actors[i];

	T_LT(i, ACTORS);
	a->kind = kind;
	a->n = n;
	a->run = run;
	a->arg = arg;
	a->serves = serves;
	a->rng.state = soak.seed * 1000003 + i;
	a->seen_ns = t_now_ns();
	a->thread = t_thread_start(begin, a);
	return a;
}

void
actor_join_all(void)
{
	unsigned n = atomic_load(&n_actors);

	for (unsigned i = 0; i < n; i++) {
		T_WAIT_UNTIL((actor_look(), atomic_load(&actors[i].ended)),
		    120000);
		t_thread_join(actors[i].thread);
	}
}

/* ---------------------------------------------------------------- resting */

int
actor_turn(struct actor *a)
{
	if (!atomic_load(&soak.pausing))
		return !atomic_load(&soak.stopping);
	pthread_mutex_lock(&lock);
	atomic_store(&a->parked, 1);
	while (atomic_load(&soak.pausing))
		pthread_cond_wait(&moved, &lock);
	atomic_store(&a->parked, 0);
	pthread_mutex_unlock(&lock);
	actor_beat();
	return !atomic_load(&soak.stopping);
}

static int
all_rest(void)
{
	for (unsigned i = 0; i < atomic_load(&n_actors); i++)
		if (!actors[i].serves && !atomic_load(&actors[i].parked) &&
		    !atomic_load(&actors[i].ended))
			return 0;
	return 1;
}

void
actor_pause(void)
{
	atomic_store(&soak.pausing, 1);
	/* actor_look() has the limit, and says who it is. */
	T_WAIT_UNTIL((actor_look(), all_rest()), 120000);
}

void
actor_resume(void)
{
	pthread_mutex_lock(&lock);
	atomic_store(&soak.pausing, 0);
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}

/* --------------------------------------------------------------- who hangs */

void
actor_look(void)
{
	uint64_t now = t_now_ns();

	for (unsigned i = 0; i < atomic_load(&n_actors); i++) {
		struct actor *a = &actors[i];
		uint64_t beats = atomic_load(&a->beats);

		if (beats != a->seen_beats || atomic_load(&a->parked) ||
		    atomic_load(&a->ended)) {
			a->seen_beats = beats;
			a->seen_ns = now;
		} else if (now - a->seen_ns > actor_limit_ns()) {
			T_FAIL("%s %u has not moved for %ju s", a->kind, a->n,
			    (uintmax_t)((now - a->seen_ns) / 1000000000));
		}
	}
}
