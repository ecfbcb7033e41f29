/*
 * A worker pool with nothing round it: one thread, a mutex and two condition
 * variables. What an offloaded function could cost at best, asleep on both
 * sides.
 */
#include <pthread.h>

#include "ferry_rows.h"
#include "system.h"

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed, ended;
	int (*fn)(void *); /* the job that nobody has begun; or NULL */
	bool has_ended;
	bool stop;
} pool = { .mutex = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
	.ended = PTHREAD_COND_INITIALIZER };

/* With the mutex held, which it lets go of meanwhile. */
static void
run_job(void)
{
	int (*fn)(void *) = pool.fn;

	pool.fn = NULL;
	pthread_mutex_unlock(&pool.mutex);
	fn(NULL);
	pthread_mutex_lock(&pool.mutex);
	pool.has_ended = true;
	pthread_cond_signal(&pool.ended);
}

static void *
work(void *arg)
{
	pthread_mutex_lock(&pool.mutex);
	while (!pool.stop)
		if (pool.fn != NULL)
			run_job();
		else
			pthread_cond_wait(&pool.changed, &pool.mutex);
	pthread_mutex_unlock(&pool.mutex);
	return arg;
}

double
bench_bare_pool(int (*fn)(void *), unsigned n)
{
	pthread_t thread;
	uint64_t start;
	double ns;

	pool.stop = false;
	if (pthread_create(&thread, NULL, work, NULL) != 0)
		bench_die("no thread");
	pthread_mutex_lock(&pool.mutex);
	start = bench_clock_ns();
	for (unsigned i = 0; i < n; i++) {
		pool.has_ended = false;
		pool.fn = fn;
		pthread_cond_signal(&pool.changed);
		while (!pool.has_ended)
			pthread_cond_wait(&pool.ended, &pool.mutex);
	}
	ns = (double)(bench_clock_ns() - start) / n;
	pool.stop = true;
	pthread_cond_signal(&pool.changed);
	pthread_mutex_unlock(&pool.mutex);
	pthread_join(thread, NULL);
	return ns;
}
