/*
 * How a process learns that it is a forked child: the epoch, who resets what
 * and when, and from where on tokens are its own.
 */
#include "child.h"

#include <dlfcn.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "event/door.h"
#include "ffi/alloc.h"
#include "ffi/fork.h"
#include "ffi/request.h"

#define BUSY  2u
#define FIRST 3u

/* ---- the epoch ---- */

static void
epochs_count_on(void)
{
	uint32_t mark;
	pid_t child;

	ferry__fork_enter();
	mark = ferry__fork_mark();
	T_GE(mark, FIRST);
	T_EQ(ferry__self.epoch, mark + 1);
	child = in_child();
	if (child == 0) {
		T_EQ(ferry__fork_mark(), 0);
		T_ASSERT(ferry__fork_has(mark));
		ferry__fork_enter();
		T_EQ(ferry__fork_mark(), mark + 1);
		T_EQ(ferry__self.epoch, mark + 2);
		T_ASSERT(ferry__fork_has(mark));
		child = in_child();
		if (child == 0) {
			ferry__fork_enter();
			T_EQ(ferry__fork_mark(), mark + 2);
			_exit(WELL);
		}
		ends_with(child, WELL);
		_exit(WELL);
	}
	ends_with(child, WELL);
	T_EQ(ferry__fork_mark(), mark);
	T_ASSERT(!ferry__fork_has(mark));
}

static void *
enter(void *unused)
{
	ferry__fork_enter();
	return unused;
}

/* The forking thread keeps what it was until it enters, also when another one
 * has made the process anew before. */
static void
each_thread_forgets_for_itself(void)
{
	ferry_context context = open_context(NULL);
	uint32_t serial;
	pid_t child;

	if (T_TSAN)
		T_SKIP_CASE(NO_THREADS);
	call(context, 0);
	serial = ferry__self.serial;
	T_ASSERT(ferry__self.homes != NULL);
	child = in_child();
	if (child == 0) {
		/* As in a handler, or in a hook. */
		ferry__self.roles = SELF_FFI | SELF_HANDLER;
		ferry__self.hook_context = &serial;
		ferry__self.worker = (void *)&serial;
		t_thread_join(t_thread_start(enter, NULL));
		T_ASSERT(ferry__self.homes != NULL);
		ferry__fork_enter();
		T_ASSERT(ferry__self.homes == NULL);
		for (unsigned i = 0; i < SELF_RECENT; i++)
			T_ASSERT(ferry__self.recent[i] == NULL);
		T_ASSERT(ferry__self.worker == NULL);
		T_ASSERT(ferry__self.hook_context == NULL);
		T_EQ(ferry__self.roles, 0);
		T_EQ(ferry__self.serial, serial);
		_exit(WELL);
	}
	ends_with(child, WELL);
	T_OK(ferry_context_close(context, NULL, NULL));
}

/* A fork while another thread of a child abandons what it inherited. */
static void
forked_while_busy(void)
{
	uint32_t mark;
	pid_t child;

	if (T_TSAN)
		T_SKIP_CASE(NO_THREADS);
	ferry__fork_enter();
	mark = ferry__fork_mark();
	atom32_store_seqcst(ferry__os_fork_word(), BUSY);
	child = in_child();
	if (child == 0) {
		live();
		_exit(WELL);
	}
	atom32_store_seqcst(ferry__os_fork_word(), mark);
	ends_with(child, WELL);
}

struct waiter {
	atom32 go;
	atom32 id;
	atom32 entered;
};

static void *
enter_late(void *arg)
{
	struct waiter *w = arg;

	atom32_store_seqcst(&w->id, (uint32_t)syscall(SYS_gettid));
	ferry__fork_enter();
	atom32_store_seqcst(&w->entered, ferry__fork_mark());
	return NULL;
}

/* Nobody goes on before it is done. */
static void
others_wait_meanwhile(void)
{
	struct waiter w = { .id = { 0 } };
	uint32_t mark;
	pthread_t thread;

	ferry__fork_enter();
	mark = ferry__fork_mark();
	atom32_store_seqcst(ferry__os_fork_word(), BUSY);
	thread = t_thread_start(enter_late, &w);
	T_WAIT_UNTIL(atom32_load_seqcst(&w.id) != 0, 5000);
	T_WAIT_UNTIL(state_of(atom32_load_seqcst(&w.id)) == 'S', 5000);
	T_EQ(atom32_load_seqcst(&w.entered), 0);
	atom32_store_seqcst(ferry__os_fork_word(), mark);
	ferry__os_wake(ferry__os_fork_word(), 1);
	t_thread_join(thread);
	T_EQ(atom32_load_seqcst(&w.entered), mark);
}

/*
 * What the seam reads of the system when it starts anew: the program's own
 * fopen() comes before the C library's, and can hold that thread up.
 */
static FILE *(*really_open)(const char *, const char *);
static struct waiter *_Atomic held_for;

__attribute__((constructor)) static void
find_really_open(void)
{
	really_open = (FILE * (*)(const char *, const char *))
	    dlsym(RTLD_NEXT, "fopen");
}

FILE *
fopen(const char *path, const char *mode)
{
	struct waiter *w = atomic_exchange(&held_for, NULL);

	if (w != NULL) {
		atom32_store_seqcst(&w->go, 1);
		T_WAIT_UNTIL(atom32_load_seqcst(&w->id) != 0, 2000);
		T_WAIT_UNTIL(
		    state_of(atom32_load_seqcst(&w->id)) == 'S', 2000);
	}
	return really_open(path, mode);
}

static void *
enter_when_told(void *arg)
{
	struct waiter *w = arg;

	while (atom32_load_seqcst(&w->go) == 0)
		sched_yield();
	return enter_late(w);
}

/* Who sleeps while another abandons is woken by it. */
static void
others_are_woken(void)
{
	struct waiter w = { .id = { 0 } };
	pthread_t thread;
	pid_t child;

	if (T_TSAN)
		T_SKIP_CASE(NO_THREADS);
	ferry__fork_enter();
	if (!ferry__os_may_spin() || !ferry__os_asymmetric)
		T_SKIP_CASE("nothing is read that could be held up: one CPU, "
		    "or another seam than Linux's");
	child = in_child();
	if (child == 0) {
		thread = t_thread_start(enter_when_told, &w);
		atomic_store(&held_for, &w);
		ferry__fork_enter();
		T_ASSERT(atomic_load(&held_for) == NULL);
		t_thread_join(thread);
		T_EQ(atom32_load_seqcst(&w.entered), ferry__fork_mark());
		_exit(WELL);
	}
	ends_with(child, WELL);
}

/* ---- tokens and memory ---- */

static struct slot_table table = SLOT_TABLE(TOKEN_HANDLE, 1000);

static void
count_live(void *object, uint64_t token, void *arg)
{
	(void)object;
	(void)token;
	++*(int *)arg;
}

/* Free ones too: the parent may have been about to hand them out. */
static void
slots_go_on_behind_the_used(void)
{
	uint64_t tokens[SLOT_CHUNK + 10], mine;
	struct slot *s, *first = NULL;
	int live_ones = 0, object;

	for (unsigned i = 0; i < COUNT_OF(tokens); i++) {
		s = ferry__token_reserve(&table);
		T_ASSERT(s != NULL);
		if (i == 0)
			first = s;
		tokens[i] = ferry__token_next(&table, s);
		ferry__token_publish(s, tokens[i], &object);
	}
	T_ASSERT(ferry__token_revoke(first, tokens[0]));
	ferry__token_free(&table, first);
	ferry__token_forked(&table);
	for (unsigned i = 0; i < COUNT_OF(tokens); i++)
		T_EQ(ferry__token_find(&table, tokens[i], &s), FERRY_EFORKED);
	s = ferry__token_reserve(&table);
	T_EQ(s->index, COUNT_OF(tokens));
	mine = ferry__token_next(&table, s);
	T_EQ(ferry__token_find(&table, mine, &s), FERRY_ESTALE);
	ferry__token_publish(s, mine, &object);
	T_OK(ferry__token_find(&table, mine, &s));
	ferry__token_each(&table, count_live, &live_ones);
	T_EQ(live_ones, 1);
}

static void
nodes_go_on_behind_the_used(void)
{
	ferry_context context = open_context(NULL);
	ferry_request request, mine;
	struct node *n;
	pid_t child;

	if (T_TSAN)
		T_SKIP_CASE(NO_THREADS);
	T_OK(ferry_request_submit(&request, context, 0, NULL, 0, NULL));
	child = in_child();
	if (child == 0) {
		context = open_context(NULL);
		T_EQ(ferry__request_node(&n, request, TOKEN_REQUEST),
		    FERRY_EFORKED);
		T_OK(ferry_request_submit(
		    &mine, context, 0, NULL, 0, NULL));
		T_GT(ferry__token_slot(mine), ferry__token_slot(request));
		T_OK(ferry__request_node(&n, mine, TOKEN_REQUEST));
		T_EQ(n->index, ferry__token_slot(mine));
		T_OK(ferry_request_release(mine));
		T_OK(ferry_context_close(context, NULL, NULL));
		_exit(WELL);
	}
	ends_with(child, WELL);
	T_OK(ferry_request_release(request));
	T_OK(ferry_context_close(context, NULL, NULL));
}

/* Interned text and bytes: what the parent had may be half linked. */
static void
names_are_left_behind(void)
{
	static char longer[70000];
	const char *name = ferry__alloc_name("a name");
	const void *kept = ferry__alloc_keep(longer, sizeof longer);
	pid_t child;

	ferry__fork_enter();
	T_ASSERT(ferry__alloc_name("a name") == name);
	T_ASSERT(ferry__alloc_keep(longer, sizeof longer) == kept);
	child = in_child();
	if (child == 0) {
		ferry__fork_enter();
		T_ASSERT(ferry__alloc_name("a name") != name);
		T_ASSERT(ferry__alloc_keep(longer, sizeof longer) != kept);
		T_STR(name, "a name");
		_exit(WELL);
	}
	ends_with(child, WELL);
}

/* A child may have been given other CPUs. */
static void
the_system_is_asked_anew(void)
{
	cpu_set_t one;
	pid_t child;

	ferry__fork_enter();
	if (!ferry__os_may_spin() || !ferry__os_asymmetric)
		T_SKIP_CASE("one CPU, or a seam that does not see which");
	child = in_child();
	if (child == 0) {
		CPU_ZERO(&one);
		CPU_SET((size_t)sched_getcpu(), &one);
		T_OK(sched_setaffinity(0, sizeof one, &one));
		ferry__fork_enter();
		T_ASSERT(!ferry__os_may_spin());
		_exit(WELL);
	}
	ends_with(child, WELL);
}

static void
count_ring(void *rings)
{
	++*(int *)rings;
}

/* Who forks in a signal handler returns into the middle of Ferry. */
static void
bells_are_the_parents(void)
{
	struct door bell = { .fd = -1 }, function = { .fd = -1 };
	struct pollfd p = { .events = POLLIN };
	int rings = 0;
	pid_t child;

	T_OK(ferry__os_bell_open(&p.fd));
	ferry__door_open(&bell, p.fd, NULL, NULL);
	ferry__door_open(&function, -1, count_ring, &rings);
	child = in_child();
	if (child == 0) {
		ferry__door_knock(&bell);
		ferry__door_knock(&function);
		T_EQ(rings, 0);
		_exit(WELL);
	}
	ends_with(child, WELL);
	T_EQ(poll(&p, 1, 0), 0);
	ferry__door_knock(&bell);
	T_EQ(poll(&p, 1, 0), 1);
	child = in_child();
	if (child == 0) {
		ferry__door_hush(&bell);
		_exit(WELL);
	}
	ends_with(child, WELL);
	T_EQ(poll(&p, 1, 0), 1);
	ferry__door_close(&bell);
	ferry__door_close(&function);
}

/* Before the first call into Ferry nothing can be told of forks. */
static void
strayed_needs_an_epoch(void)
{
	ferry__fork_strayed(0);
	ferry__fork_strayed(1);
	ferry__fork_strayed(BUSY);
}

T_MAIN(
	T_RUN(strayed_needs_an_epoch);
	T_RUN(epochs_count_on);
	T_RUN(each_thread_forgets_for_itself);
	T_RUN(forked_while_busy);
	T_RUN(others_wait_meanwhile);
	T_RUN(others_are_woken);
	T_RUN(slots_go_on_behind_the_used);
	T_RUN(nodes_go_on_behind_the_used);
	T_RUN(names_are_left_behind);
	T_RUN(the_system_is_asked_anew);
	T_RUN(bells_are_the_parents);
)
