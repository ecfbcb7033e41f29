/*
 * Closing and opening again under producers that still hold old tokens.
 *
 * The slot of a context is used again at once, and producers submit to it by
 * tokens of all its ages. What they get accepted must run in the context it
 * was meant for, or be answered without running; it ends once; and no callback
 * of a context runs after its close has returned. Catches a push that a
 * generation check lets through after the slot has changed hands.
 *
 * Iterations: closes. T_LIMIT=600
 */
#include "account.h"

enum { LIVES = 64, CELLS = 512 };

/* One incarnation of the slot; used again long after it has gone. */
struct life {
	atomic_ullong number;
	atomic_ullong context;
	atomic_int closed;
	atomic_ullong accepted;
};

static struct life lives[LIVES];
static atomic_ullong newest; /* its number */
static atomic_int stop;

/* A request in flight. */
struct cell {
	atomic_int pending;
	uint64_t number; /* of the life it was meant for */
};

struct producer {
	pthread_t thread;
	uint64_t seed, accepted, stale, closed;
	struct cell cells[CELLS];
};

static int
run(ferry_call call, const void *data, size_t size, void *state)
{
	struct life *life = state;
	uint64_t number;

	(void)call;
	T_EQ(size, sizeof number);
	memcpy(&number, data, sizeof number);
	T_EQ(number, atomic_load(&life->number));
	T_EQ(atomic_load(&life->closed), 0);
	return 1;
}

static int
init(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	(void)text;
	(void)text_size;
	(void)context;
	*state = (void *)(uintptr_t)arg;
	return 0;
}

static void
reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	struct cell *cell = user;
	struct life *life = &lives[cell->number % LIVES];

	(void)request;
	(void)data;
	(void)size;
	T_ASSERT(status == 1 || status == FERRY_ECLOSED);
	T_EQ(atomic_load(&life->number), cell->number);
	T_EQ(atomic_load(&life->closed), 0);
	T_EQ(atomic_exchange(&cell->pending, 0), 1);
}

/* Submits to one of the last few lives. The life may be gone and its entry
 * used again between our two looks; then the number tells. */
static int
submit_one(struct producer *p, struct t_rng *rng, struct cell *cell)
{
	ferry_request_options o = fx_request_options();
	uint64_t last = atomic_load(&newest), number, back;
	struct life *life;
	ferry_context context;
	int r;

	if (last == 0)
		return FERRY_ESTALE; /* the first is still to come */
	back = t_rand_below(rng, 2) == 0 ? 0 : t_rand_below(rng, 8);
	number = last > back ? last - back : last;
	life = &lives[number % LIVES];
	context = atomic_load(&life->context);
	if (atomic_load(&life->number) != number)
		return FERRY_ESTALE;
	cell->number = number;
	atomic_store(&cell->pending, 1);
	o.callback = reply;
	o.user = cell;
	r = ferry_request_submit(
	    NULL, context, 0, &number, sizeof number, &o);
	if (r != FERRY_OK)
		atomic_store(&cell->pending, 0);
	else
		atomic_fetch_add(&life->accepted, 1);
	p->accepted += r == FERRY_OK;
	p->stale += r == FERRY_ESTALE;
	p->closed += r == FERRY_ECLOSED;
	return r;
}

static void *
produce(void *arg)
{
	struct producer *p = arg;
	struct t_rng rng = {p->seed};

	for (unsigned i = 0; !atomic_load(&stop); i = (i + 1) % CELLS) {
		int r;

		if (atomic_load(&p->cells[i].pending)) {
			sched_yield(); /* its answer is still to come */
			continue;
		}
		r = submit_one(p, &rng, &p->cells[i]);
		T_ASSERT(r == FERRY_OK || r == FERRY_EAGAIN ||
		    r == FERRY_ESTALE || r == FERRY_ECLOSED);
		if (r != FERRY_OK && t_rand_below(&rng, 8) == 0)
			nanosleep(&(struct timespec){0, 20000}, NULL);
	}
	return NULL;
}

static ferry_library
open_library(void)
{
	static const ferry_method method = {.struct_size = sizeof method,
	    .name = "run", .handler = run};
	ferry_library_options o = {.struct_size = sizeof o, .name = "reopen",
	    .methods = &method, .n_methods = 1, .init = init};
	ferry_library library;

	T_OK(ferry_library_open(&library, &o));
	return library;
}

static void
one_life(ferry_library library, uint64_t number, struct t_rng *rng)
{
	struct life *life = &lives[number % LIVES];
	ferry_context_options o = fx_context_options();
	uint64_t enough = t_rand_below(rng, 20);
	ferry_context context;
	int r;

	atomic_store(&life->number, 0); /* nobody may use it meanwhile */
	atomic_store(&life->accepted, 0);
	atomic_store(&life->closed, 0);
	o.library = library;
	o.init_arg = life;
	T_OK(ferry_context_open(&context, &o));
	atomic_store(&life->context, context);
	atomic_store(&life->number, number);
	atomic_store(&newest, number);
	while (atomic_load(&life->accepted) < enough)
		sched_yield();
	r = fx_close_mode(
	    context, (uint32_t)t_rand_below(rng, 2), 0, NULL);
	T_OK(r);
	atomic_store(&life->closed, 1);
}

int
main(int argc, char **argv)
{
	struct t_stress s =
	    t_stress_args(argc, argv, (struct t_stress){3, 2000, t_seed()});
	ferry_library library = open_library();
	struct producer *producers;
	struct t_rng rng = {s.seed};
	uint64_t accepted = 0, stale = 0, closed = 0;

	producers = calloc(s.threads, sizeof *producers);
	for (unsigned i = 0; i < s.threads; i++) {
		producers[i].seed = t_rand(&rng);
		producers[i].thread =
		    t_thread_start(produce, &producers[i]);
	}
	for (uint64_t n = 1; n <= s.iters; n++)
		one_life(library, n, &rng);
	atomic_store(&stop, 1);
	for (unsigned i = 0; i < s.threads; i++) {
		t_thread_join(producers[i].thread);
		accepted += producers[i].accepted;
		stale += producers[i].stale;
		closed += producers[i].closed;
		for (unsigned k = 0; k < CELLS; k++)
			T_EQ(atomic_load(&producers[i].cells[k].pending), 0);
	}
	T_OK(ferry_library_close(library));
	free(producers);
	dprintf(1, "accepted %ju, stale %ju, closed %ju\n",
	    (uintmax_t)accepted, (uintmax_t)stale, (uintmax_t)closed);
	return 0;
}
