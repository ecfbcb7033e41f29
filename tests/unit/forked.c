/*
 * What a forked child leaves behind: no mutex that anybody held at the fork is
 * ever waited for, whatever a thread of the child's begins with.
 */
#include "child.h"

#include <dlfcn.h>
#include <stdatomic.h>

#include "ffi/self.h"

/*
 * The program's own pthread_mutex_lock() comes before the C library's: it
 * writes down which mutexes Ferry takes. So one that is added later is tested
 * without being named here.
 */
#define MUTEXES 256

static int (*really_lock)(pthread_mutex_t *);
static pthread_mutex_t *_Atomic mutexes[MUTEXES];
static atomic_uint n_mutexes;
static atomic_bool watching;

static void
note(pthread_mutex_t *m)
{
	unsigned n = atomic_load(&n_mutexes);

	for (unsigned i = 0; i < n && i < MUTEXES; i++)
		if (atomic_load(&mutexes[i]) == m)
			return;
	n = atomic_fetch_add(&n_mutexes, 1);
	T_LT(n, MUTEXES);
	atomic_store(&mutexes[n], m);
}

int
pthread_mutex_lock(pthread_mutex_t *m)
{
	if (atomic_load(&watching))
		note(m);
	return really_lock(m);
}

struct holder {
	pthread_mutex_t *mutex;
	pthread_barrier_t held, let_go;
};

static void *
hold(void *arg)
{
	struct holder *h = arg;

	really_lock(h->mutex);
	pthread_barrier_wait(&h->held);
	pthread_barrier_wait(&h->let_go);
	pthread_mutex_unlock(h->mutex);
	return NULL;
}

/* What a child may begin with: functions that take a mutex before they look a
 * token up, and a thread that ends without a call. */
static ferry_library library;

static void
first_close(void)
{
	T_EQ(ferry_library_close(library), FERRY_EFORKED);
	live();
	_exit(WELL);
}

static void
first_add_method(void)
{
	ferry_method m = { .struct_size = sizeof m, .name = "more",
		.handler = handler };
	uint32_t id;

	T_EQ(ferry_library_add_method(&id, library, &m), FERRY_EFORKED);
	_exit(WELL);
}

static void
first_add_event(void)
{
	ferry_event e = { .struct_size = sizeof e, .name = "more" };
	uint32_t id;

	T_EQ(ferry_library_add_event(&id, library, &e), FERRY_EFORKED);
	_exit(WELL);
}

static void
first_live(void)
{
	live();
	_exit(WELL);
}

/* Its homes are the parent's. The last thread: the process exits with 0. */
static void
first_end(void)
{
	T_ASSERT(ferry__self.homes != NULL);
	pthread_exit(NULL);
}

static const struct {
	void (*run)(void);
	int code;
} firsts[] = {
	{ first_live, WELL },
	{ first_close, WELL },
	{ first_add_method, WELL },
	{ first_add_event, WELL },
	{ first_end, 0 },
};

/* The child of a process in which somebody else holds the mutex. */
static void
fork_while_held(pthread_mutex_t *mutex)
{
	struct holder h = { .mutex = mutex };
	pthread_t thread;
	pid_t child;

	T_OK(pthread_barrier_init(&h.held, NULL, 2));
	T_OK(pthread_barrier_init(&h.let_go, NULL, 2));
	thread = t_thread_start(hold, &h);
	pthread_barrier_wait(&h.held);
	for (size_t i = 0; i < COUNT_OF(firsts); i++) {
		child = in_child();
		if (child == 0)
			firsts[i].run();
		ends_with(child, firsts[i].code);
	}
	pthread_barrier_wait(&h.let_go);
	t_thread_join(thread);
}

static void
no_mutex_is_waited_for(void)
{
	ferry_library_options lo = { .struct_size = sizeof lo,
		.name = "held" };
	ferry_context context;
	unsigned n;

	if (T_TSAN)
		T_SKIP_CASE("pthread_mutex_lock() is the sanitizer's here");
	T_OK(ferry_library_open(&library, &lo));
	context = open_context(NULL);
	atomic_store(&watching, true);
	live();
	call(context, 0);
	atomic_store(&watching, false);
	n = atomic_load(&n_mutexes);
	/* Registry, names, regions, libraries, workers, …; and what the test
	 * saw of the C library's does no harm. */
	T_GE(n, 15);
	for (unsigned i = 0; i < n; i++)
		fork_while_held(atomic_load(&mutexes[i]));
	call(context, 0);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_OK(ferry_library_close(library));
}

int
main(int argc, char **argv)
{
	really_lock = (int (*)(pthread_mutex_t *))dlsym(
	    RTLD_NEXT, "pthread_mutex_lock");
	t_begin(argc, argv);
	T_RUN(no_mutex_is_waited_for);
	return t_end();
}
