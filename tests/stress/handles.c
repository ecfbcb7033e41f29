/*
 * Handles opened, used, ended and released from all sides while contexts close
 * and open again and FFI threads are lost.
 *
 * Users open handles by request, and let go of them in every way: to one
 * finalizer or to two at once, by a handler that ends the object itself, by
 * both, by forgetting them. Finalizers release what they are given; some are
 * threads that were never here and end at once. Each object is a block that its
 * destroy frees, so that a use after it is seen. The accountant: whatever a
 * handler has opened is destroyed exactly once, before its context's close has
 * returned, and of all who released it at most one was told FERRY_OK.
 *
 * Iterations: handles of each user. T_LIMIT=600
 */
#include "account.h"

enum { SLOTS = 3, MOST = 64, BAG = 256, MAGIC = 0x600d };

struct life {
	ferry_context context;
	atomic_ullong opened, destroyed;
	struct life *before;
};

static _Atomic(struct life *) now[SLOTS];
static struct life *lives[SLOTS]; /* the closer's of that slot */
static atomic_int stop;
static const char type;

/* What is known of one handle; never freed before the end. */
struct record {
	_Atomic(struct life *) life; /* of whoever opened it */
	ferry_handle handle;         /* by then */
	atomic_int opened, released, ended, destroyed;
	int ends_thread;
};

struct object {
	int magic;
	struct record *record;
};

/* ------------------------------------------------------- the library's side */

static void
destroy(void *p, void *state)
{
	struct object *object = p;
	struct record *r = object->record;
	struct life *life = atomic_load(&r->life);

	(void)state;
	T_EQ(object->magic, MAGIC);
	T_EQ(atomic_fetch_add(&r->destroyed, 1), 0);
	atomic_fetch_add(&life->destroyed, 1);
	object->magic = 0;
	free(object);
	if (r->ends_thread) {
		fx_before_exit();
		pthread_exit(NULL);
	}
}

/* Possibly long after an abandoned close has answered. */
static int
open_run(ferry_call call, void *arg)
{
	struct record *r = arg;
	struct object *object = malloc(sizeof *object);

	*object = (struct object){MAGIC, r};
	T_EQ(atomic_fetch_add(&r->opened, 1), 0);
	atomic_fetch_add(&atomic_load(&r->life)->opened, 1);
	T_OK(ferry_handle_open(&r->handle, call, object, &type, destroy));
	return FERRY_OK;
}

static int
look(ferry_call call, struct record *r)
{
	void *p;
	int e = ferry_handle_object(&p, call, r->handle, &type);

	if (e != FERRY_OK) {
		T_EQ(e, FERRY_ESTALE);
		return e;
	}
	T_EQ(((struct object *)p)->magic, MAGIC);
	T_ASSERT(((struct object *)p)->record == r);
	return FERRY_OK;
}

static int
use_run(ferry_call call, void *arg)
{
	struct record *r = arg;
	int e = look(call, r);

	for (int i = 0; e == FERRY_OK && i < 20; i++)
		T_EQ(atomic_load(&r->destroyed), 0);
	return e;
}

static int
release(struct record *r)
{
	int e = ferry_handle_release(r->handle);

	T_ASSERT(e == FERRY_OK || e == FERRY_ESTALE);
	if (e == FERRY_OK)
		T_EQ(atomic_fetch_add(&r->released, 1), 0);
	return e;
}

static int
end_run(ferry_call call, void *arg)
{
	struct record *r = arg;
	int e = look(call, r);

	if (e != FERRY_OK)
		return e;
	e = release(r);
	T_EQ(atomic_load(&r->destroyed), 0);
	if (e == FERRY_OK)
		atomic_store(&r->ended, 1);
	return e;
}

/* ----------------------------------------------------------- the finalizers */

static _Atomic(struct record *) bag[BAG];

static atomic_int passers_by;

static void *
release_once(void *arg)
{
	release(arg);
	atomic_fetch_sub(&passers_by, 1);
	return NULL;
}

/* By a thread that was never here, and then is no more. */
static void
release_by_another(struct record *r, const pthread_attr_t *detached)
{
	pthread_t unused;

	atomic_fetch_add(&passers_by, 1);
	if (pthread_create(&unused, detached, release_once, r) != 0)
		release_once(r);
}

static void *
finalize(void *arg)
{
	struct t_rng rng = {(uint64_t)(uintptr_t)arg};
	pthread_attr_t detached;
	int stopping;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	do {
		int any = 0;

		/* Before the bag: what was put in by then is taken. */
		stopping = atomic_load(&stop);
		for (int i = 0; i < BAG; i++) {
			struct record *r = atomic_exchange(&bag[i], NULL);

			if (r == NULL)
				continue;
			any = 1;
			if (t_rand_below(&rng, 64) == 0)
				release_by_another(r, &detached);
			else
				release(r);
		}
		if (!any)
			sched_yield();
	} while (!stopping);
	pthread_attr_destroy(&detached);
	return NULL;
}

/* A full bag is the putter's to empty, one by one. */
static void
put(struct record *r, struct t_rng *rng)
{
	struct record *before =
	    atomic_exchange(&bag[t_rand_below(rng, BAG)], r);

	if (before != NULL)
		release(before);
}

/* ---------------------------------------------------------------- the users */

struct user {
	pthread_t thread;
	uint64_t seed, n;
	struct record *records;
	uint64_t opened, refused;
};

static int
ask(struct record *r, int (*run)(ferry_call, void *))
{
	struct fx_job job = {run, r};
	ferry_context context = atomic_load(&r->life)->context;
	ferry_request request;
	ferry_reply reply;
	int e = ferry_request_invoke(&reply, &request, context, FX_DO, &job,
	    sizeof job, NULL, -1);

	return e == FERRY_OK ? reply.status : e;
}

static void
let_go(struct record *r, struct t_rng *rng)
{
	uint64_t how = t_rand_below(rng, 8);

	if (how < 5)
		put(r, rng);
	if (how == 0)
		put(r, rng); /* another cell, and so another finalizer */
	if (how == 1 || how == 2 || how == 5)
		ask(r, use_run);
	if (how == 2 || how == 3 || how == 6)
		ask(r, end_run);
	/* 7, and 5: forgotten. The close does it. */
}

static void *
use(void *arg)
{
	struct user *u = arg;
	struct t_rng rng = {u->seed};

	for (uint64_t i = 0; i < u->n; i++) {
		struct record *r = &u->records[i];

		atomic_store(&r->life,
		    atomic_load(&now[t_rand_below(&rng, SLOTS)]));
		r->ends_thread = t_rand_below(&rng, 256) == 0;
		if (ask(r, open_run) == FERRY_OK) {
			u->opened++;
			let_go(r, &rng);
		} else {
			/* Never to be known by its token. */
			u->refused++;
			sched_yield();
		}
	}
	return NULL;
}

/* ---------------------------------------------------------------- the lives */

struct closer {
	pthread_t thread;
	unsigned slot;
	uint64_t seed, n;
};

static struct life *
open_life(unsigned slot, struct t_rng *rng)
{
	ferry_context_options o = fx_context_options();
	struct life *life = calloc(1, sizeof *life);

	o.worker_key = slot < 2 ? "handles" : NULL;
	o.shards = 1u << t_rand_below(rng, 4);
	life->context = fx_open_with(&o);
	life->before = lives[slot];
	lives[slot] = life;
	return life;
}

/* Once it is closed nothing of it is destroyed, and all has been. */
static void
close_life(struct life *life, struct t_rng *rng)
{
	uint32_t mode = (uint32_t)t_rand_below(rng, 3);
	int e;

	while ((e = fx_close_mode(life->context, mode,
	            (int64_t)t_rand_below(rng, 3), NULL)) != FERRY_OK)
		T_EQ(e, FERRY_EBUSY);
	T_EQ(atomic_load(&life->opened), atomic_load(&life->destroyed));
}

static void *
live(void *arg)
{
	struct closer *c = arg;
	struct t_rng rng = {c->seed};

	while (!atomic_load(&stop)) {
		struct life *old = lives[c->slot];
		uint64_t many = t_rand_below(&rng, 200);

		while (atomic_load(&old->opened) < many &&
		    !atomic_load(&stop))
			sched_yield();
		close_life(old, &rng);
		atomic_store(&now[c->slot], open_life(c->slot, &rng));
		c->n++;
	}
	return NULL;
}

/* ------------------------------------------------------------- the accounts */

static void
audit(const struct user *users, unsigned n)
{
	uint64_t opened = 0, released = 0, ended = 0;

	for (unsigned u = 0; u < n; u++)
		for (uint64_t i = 0; i < users[u].n; i++) {
			struct record *r = &users[u].records[i];

			T_EQ(atomic_load(&r->destroyed),
			    atomic_load(&r->opened));
			T_LE(atomic_load(&r->released),
			    atomic_load(&r->opened));
			T_LE(atomic_load(&r->ended),
			    atomic_load(&r->released));
			opened += (uint64_t)atomic_load(&r->opened);
			released += (uint64_t)atomic_load(&r->released);
			ended += (uint64_t)atomic_load(&r->ended);
		}
	dprintf(1, "handles: opened %ju, released %ju (%ju of them by handlers "
	    "that ended the object), closed %ju\n", (uintmax_t)opened,
	    (uintmax_t)released, (uintmax_t)ended,
	    (uintmax_t)(opened - released));
	if (opened > 1000) {
		T_GT(ended, 0);
		T_GT(released, ended);
		T_GT(opened, released);
	}
}

static void
free_lives(void)
{
	for (unsigned s = 0; s < SLOTS; s++)
		while (lives[s] != NULL) {
			struct life *l = lives[s];

			lives[s] = l->before;
			free(l);
		}
}

int
main(int argc, char **argv)
{
	struct t_stress s =
	    t_stress_args(argc, argv, (struct t_stress){4, 2000, t_seed()});
	static struct user users[MOST];
	pthread_t finalizers[MOST];
	struct closer closers[SLOTS];
	struct t_rng rng = {s.seed};
	unsigned n = s.threads / 2 + 1;
	uint64_t refused = 0, reopened = 0;

	if (n > MOST)
		n = MOST;
	for (unsigned i = 0; i < SLOTS; i++)
		atomic_store(&now[i], open_life(i, &rng));
	for (unsigned i = 0; i < SLOTS; i++) {
		closers[i] = (struct closer){.slot = i, .seed = t_rand(&rng)};
		closers[i].thread = t_thread_start(live, &closers[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		users[i] = (struct user){.seed = t_rand(&rng), .n = s.iters,
		    .records = calloc(s.iters, sizeof(struct record))};
		finalizers[i] = t_thread_start(
		    finalize, (void *)(uintptr_t)t_rand(&rng));
		users[i].thread = t_thread_start(use, &users[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		t_thread_join(users[i].thread);
		refused += users[i].refused;
	}
	atomic_store(&stop, 1);
	for (unsigned i = 0; i < n; i++)
		t_thread_join(finalizers[i]);
	T_WAIT_UNTIL(atomic_load(&passers_by) == 0, FX_LIMIT_MS);
	for (unsigned i = 0; i < SLOTS; i++) {
		t_thread_join(closers[i].thread);
		reopened += closers[i].n;
		close_life(lives[i], &rng);
	}
	dprintf(1, "contexts %ju; opens refused %ju\n", (uintmax_t)reopened,
	    (uintmax_t)refused);
	audit(users, n);
	for (unsigned i = 0; i < n; i++)
		free(users[i].records);
	free_lives();
	return 0;
}
