/*
 * A handle's release from within: what it asks of the system and of its thread,
 * and releases that are stopped between their steps while contexts close.
 *
 * Linked with --wrap, so that a thread's release comes here before it revokes
 * the token, before it posts, and when it wakes the worker.
 */
#include "api/fixture.h"

#include "ffi/fork.h"
#include "ffi/worker.h"
#include "unit/child.h"

/* ------------------------------------------------ between a release's steps */

/* Of this thread: where it is to be stopped, and how often it called. */
static _Thread_local struct {
	struct fx_gate *before_revoke, *before_post;
	unsigned wakes;
	bool hold_wakes;
	atom32 *held;
} mine;

void __real_ferry__os_wake(atom32 *word, int threads);
void __wrap_ferry__os_wake(atom32 *word, int threads);
void __real_ferry__worker_post(struct worker *w, struct job *j);
void __wrap_ferry__worker_post(struct worker *w, struct job *j);
bool __real_ferry__token_revoke(struct slot *s, uint64_t token);
bool __wrap_ferry__token_revoke(struct slot *s, uint64_t token);

/* One that is held has been called, as far as the caller can tell. */
void
__wrap_ferry__os_wake(atom32 *word, int threads)
{
	mine.wakes++;
	mine.held = word;
	if (!mine.hold_wakes)
		__real_ferry__os_wake(word, threads);
}

void
__wrap_ferry__worker_post(struct worker *w, struct job *j)
{
	if (mine.before_post != NULL)
		fx_gate_pass(mine.before_post);
	__real_ferry__worker_post(w, j);
}

bool
__wrap_ferry__token_revoke(struct slot *s, uint64_t token)
{
	if (mine.before_revoke != NULL)
		fx_gate_pass(mine.before_revoke);
	return __real_ferry__token_revoke(s, token);
}

/* ------------------------------------------------------------------- things */

enum { MANY = 1000 };

struct thing {
	ferry_handle handle;
	atomic_int destroyed;
};

static struct thing things[MANY];

static void
destroy(void *object, void *state)
{
	struct thing *t = object;

	(void)state;
	T_EQ(atomic_fetch_add(&t->destroyed, 1), 0);
}

struct order {
	struct thing *first;
	unsigned n;
};

static int
open_run(ferry_call call, void *arg)
{
	struct order *o = arg;

	for (unsigned i = 0; i < o->n; i++) {
		atomic_store(&o->first[i].destroyed, 0);
		T_OK(ferry_handle_open(&o->first[i].handle, call, &o->first[i],
		    NULL, destroy));
	}
	return FERRY_OK;
}

static void
open_things(ferry_context context, struct thing *first, unsigned n)
{
	struct order o = { first, n };

	T_EQ(fx_do_wait(context, open_run, &o), FERRY_OK);
}

static unsigned
destroyed(const struct thing *first, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += (unsigned)atomic_load(&first[i].destroyed);
	return sum;
}

static void
release_things(const struct thing *first, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		T_OK(ferry_handle_release(first[i].handle));
}

/* --------------------------------------------------------- what it asks for */

static void
before_anybody_has_entered(void)
{
	ferry_handle forged = ferry__token_make(TOKEN_HANDLE, 1, 0);

	T_EQ(ferry_handle_release(0), FERRY_EINVAL);
	T_EQ(ferry_handle_release(ferry__token_make(TOKEN_CONTEXT, 1, 0)),
	    FERRY_EINVAL);
	T_EQ(ferry_handle_release(forged), FERRY_ESTALE);
	T_EQ(ferry__fork_mark(), 0);
	T_EQ(ferry__self.epoch, 0);
}

static void *
release_first(void *arg)
{
	struct thing *t = arg;

	T_OK(ferry_handle_release(t->handle));
	/* It was not here before, and need not have been. */
	T_EQ(ferry__self.epoch, 0);
	return NULL;
}

static void
on_a_thread_that_was_never_here(void)
{
	ferry_context context = fx_open();

	open_things(context, things, 1);
	t_thread_join(t_thread_start(release_first, things));
	fx_close(context);
	T_EQ(destroyed(things, 1), 1);
}

static int
note_thread(ferry_call call, void *arg)
{
	(void)call;
	*(uint32_t *)arg = fx_tid();
	return FERRY_OK;
}

static bool
is_asleep(ferry_context context, uint32_t tid)
{
	ferry_health h = { .struct_size = sizeof h };

	T_OK(ferry_context_health(&h, context));
	/* IDLE comes after the announcement, the sleep after both. */
	return h.worker == FERRY_THREAD_IDLE && fx_thread_state(tid) == 'S';
}

static void
a_busy_worker_is_not_woken(void)
{
	ferry_context context = fx_open();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held;

	open_things(context, things, MANY);
	held = fx_hold(context, &gate);
	mine.wakes = 0;
	release_things(things, MANY);
	T_EQ(mine.wakes, 0);
	T_EQ(destroyed(things, MANY), 0);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_WAIT_UNTIL(destroyed(things, MANY) == MANY, FX_LIMIT_MS);
	fx_close(context);
}

/* As long as it sleeps; what came meanwhile it takes at once. */
static void
a_sleeping_worker_is_woken_once(void)
{
	ferry_context context = fx_open();
	uint64_t parks;
	uint32_t tid;

	open_things(context, things, MANY);
	T_OK(fx_do_wait(context, note_thread, &tid));
	T_WAIT_UNTIL(is_asleep(context, tid), FX_LIMIT_MS);
	parks = fx_counters(context).parks;
	mine.wakes = 0;
	mine.hold_wakes = true;
	release_things(things, MANY);
	mine.hold_wakes = false;
	T_EQ(mine.wakes, 1);
	T_EQ(destroyed(things, MANY), 0);
	__real_ferry__os_wake(mine.held, 1);
	T_WAIT_UNTIL(destroyed(things, MANY) == MANY, FX_LIMIT_MS);
	T_WAIT_UNTIL(is_asleep(context, tid), FX_LIMIT_MS);
	T_EQ(fx_counters(context).parks, parks + 1);
	fx_close(context);
}

/* ------------------------------------------------------------ in the middle */

struct releaser {
	struct thing *thing;
	struct fx_gate *before_revoke, *before_post;
};

static void *
release_stopped(void *arg)
{
	struct releaser *r = arg;

	mine.before_revoke = r->before_revoke;
	mine.before_post = r->before_post;
	return (void *)(intptr_t)ferry_handle_release(r->thing->handle);
}

static pthread_t
start_stopped(struct releaser *r)
{
	struct fx_gate *stop = r->before_post != NULL ? r->before_post
	                                              : r->before_revoke;
	pthread_t thread = t_thread_start(release_stopped, r);

	fx_gate_await(stop, 1);
	return thread;
}

static ferry_context
open_on(const char *key)
{
	ferry_context_options o = fx_context_options();

	o.worker_key = key;
	return fx_open_with(&o);
}

/* It has the token, and the close comes first; its job finds another life. */
static void
posts_late(const char *key)
{
	ferry_context sibling = key != NULL ? open_on(key) : 0;
	ferry_context context = open_on(key);
	struct fx_gate stop = FX_GATE_SHUT;
	struct releaser r = { .thing = things, .before_post = &stop };
	pthread_t thread;

	open_things(context, things, 1);
	thread = start_stopped(&r);
	T_EQ(ferry_handle_release(things->handle), FERRY_ESTALE);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(destroyed(things, 1), 1);
	context = open_on(key);
	/* More than a table grows by: a slot that is free is among them. */
	open_things(context, things + 1, MANY - 1);
	for (unsigned i = 1; i < MANY; i++)
		T_NE(ferry__token_slot(things[i].handle),
		    ferry__token_slot(things[0].handle));
	fx_gate_open(&stop);
	T_EQ((intptr_t)t_thread_join(thread), FERRY_OK);
	/* Its job has run when this one has. */
	T_OK(ferry_handle_release(things[1].handle));
	T_WAIT_UNTIL(destroyed(things + 1, 1) == 1, FX_LIMIT_MS);
	T_EQ(destroyed(things, 1), 1);
	T_EQ(destroyed(things + 1, MANY - 1), 1);
	T_EQ(fx_counters(context).handles_open, MANY - 2);
	fx_close(context);
	T_EQ(destroyed(things, MANY), MANY);
	if (sibling != 0)
		fx_close(sibling);
}

static void
posts_after_its_worker_has_gone(void)
{
	posts_late(NULL);
}

static void
posts_after_its_context_has_gone(void)
{
	posts_late("handle");
}

/* Whose slot is then another's, with another token. */
static void
revokes_late(void)
{
	ferry_context context = fx_open();
	struct fx_gate stop = FX_GATE_SHUT;
	struct releaser r = { .thing = &things[0], .before_revoke = &stop };
	struct thing old;
	pthread_t thread;

	open_things(context, things, 1);
	old.handle = things[0].handle;
	thread = start_stopped(&r);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(destroyed(things, 1), 1);
	context = fx_open();
	open_things(context, things, 1);
	T_EQ(ferry__token_slot(things[0].handle), ferry__token_slot(
	    old.handle));
	fx_gate_open(&stop);
	T_EQ((intptr_t)t_thread_join(thread), FERRY_ESTALE);
	T_EQ(fx_counters(context).handles_open, 1);
	T_OK(ferry_handle_release(things[0].handle));
	fx_close(context);
	T_EQ(destroyed(things, 1), 1);
}

/* -------------------------------------------------------------------- forks */

static void
in_a_child_that_nobody_has_entered(void)
{
	ferry_context context = fx_open();
	uint32_t epoch = ferry__self.epoch;
	pid_t child;

	open_things(context, things, 2);
	T_OK(ferry_handle_release(things[1].handle));
	child = in_child();
	if (child == 0) {
		T_EQ(ferry_handle_release(things[0].handle), FERRY_EFORKED);
		T_EQ(ferry_handle_release(things[1].handle), FERRY_EFORKED);
		T_EQ(ferry_handle_release(0), FERRY_EINVAL);
		/* Nor has this. */
		T_EQ(ferry__fork_mark(), 0);
		T_EQ(ferry__self.epoch, epoch);
		ferry__fork_enter();
		T_EQ(ferry_handle_release(things[0].handle), FERRY_EFORKED);
		_exit(WELL);
	}
	ends_with(child, WELL);
	T_OK(ferry_handle_release(things[0].handle));
	fx_close(context);
	T_EQ(destroyed(things, 2), 2);
}

/* A signal handler that interrupts the thread which makes the child anew would
 * wait for itself. */
static void
in_a_child_that_is_being_entered(void)
{
	ferry_context context = fx_open();
	pid_t child;

	open_things(context, things, 1);
	child = in_child();
	if (child == 0) {
		atom32_store_seqcst(ferry__os_fork_word(), 2);
		T_EQ(ferry_handle_release(things[0].handle), FERRY_EFORKED);
		_exit(WELL);
	}
	ends_with(child, WELL);
	T_OK(ferry_handle_release(things[0].handle));
	fx_close(context);
}

T_MAIN(
	T_RUN(before_anybody_has_entered);
	T_RUN(on_a_thread_that_was_never_here);
	T_RUN(a_busy_worker_is_not_woken);
	T_RUN(a_sleeping_worker_is_woken_once);
	T_RUN(posts_after_its_worker_has_gone);
	T_RUN(posts_after_its_context_has_gone);
	T_RUN(revokes_late);
	T_RUN(in_a_child_that_nobody_has_entered);
	T_RUN(in_a_child_that_is_being_entered);
)
