/*
 * Verdicts: each a state that a program really gets into, and what is said of
 * it, by notice and by callback.
 */
#include <sched.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "verdicts.h"

/* --------------------------------------------------------------- computing */

/*
 * On a busy machine it may be starved for a while first: but where it had the
 * processor most of the time, what it did with it is known.
 */
static void
spinning(void)
{
	struct scene s;
	ferry_request request;
	const struct stall *r;

	scene_open(&s, NULL);
	request = wedge(s.context, FERRY_WEDGE_SPIN);
	r = await_verdict(&s, request, FERRY_VERDICT_SPINNING);
	if (!T_PORTABLE) {
		T_GT(r->s.cpu_ns, 0);
		T_EQ(r->s.syscall, -1);
		T_EQ(r->s.lock, 0);
		r = stalls_find(&s.heard, 0, FERRY_STALL_BEGAN);
		if (r->s.cpu_ns > 4 * (r->s.delay_ns + 1000000))
			T_EQ(r->s.verdict, FERRY_VERDICT_SPINNING);
	}
	end_wedge(request);
	scene_close(&s);
}

/* ------------------------------------------------------------------- locks */

/* The id of our thread of that name, or 0. */
static uint32_t
thread_named(const char *name)
{
	char path[64], text[32] = "";
	uint32_t tid = fx_tid();

	/* Threads are numbered on from the first. */
	for (uint32_t i = tid; i < tid + 100000; i++) {
		FILE *f;

		snprintf(path, sizeof path, "/proc/self/task/%u/comm", i);
		f = fopen(path, "re");
		if (f == NULL)
			continue;
		if (fgets(text, sizeof text, f) == NULL)
			text[0] = 0;
		fclose(f);
		text[strcspn(text, "\n")] = 0;
		if (strcmp(text, name) == 0)
			return i;
	}
	return 0;
}

static void
lock_of_a_wedge(void)
{
	struct scene s;
	ferry_request request;
	const struct stall *r;

	scene_open(&s, NULL);
	request = wedge(s.context, FERRY_WEDGE_LOCK);
	r = expect_verdict(&s, request, FERRY_VERDICT_BLOCKED_LOCK);
	if (!T_PORTABLE) {
		T_STR(r->syscall_name, "futex");
		T_NE(r->s.lock, 0);
#ifdef __GLIBC__
		T_EQ(r->s.owner, thread_named("ferry-wedge"));
#endif
	}
	end_wedge(request);
	expect_end(&s, request);
	scene_close(&s);
}

static int
lock_run(ferry_call call, void *mutex)
{
	(void)call;
	T_OK(pthread_mutex_lock(mutex));
	T_OK(pthread_mutex_unlock(mutex));
	return FERRY_OK;
}

static void
lock_of_ours(void)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	struct scene s;
	ferry_request request;
	const struct stall *r;

	scene_open(&s, NULL);
	T_OK(pthread_mutex_lock(&mutex));
	request = fx_do(s.context, lock_run, &mutex);
	r = expect_verdict(&s, request, FERRY_VERDICT_BLOCKED_LOCK);
#ifdef __GLIBC__
	if (!T_PORTABLE) {
		T_EQ(r->s.lock, (uintptr_t)&mutex);
		T_EQ(r->s.owner, fx_tid());
		T_EQ(r->s.progress, FERRY_PROGRESS_NONE);
	}
#endif
	T_OK(pthread_mutex_unlock(&mutex));
	T_EQ(fx_wait(request), FERRY_OK);
	expect_end(&s, request);
	scene_close(&s);
}

/* ----------------------------------------------------- calls to the system */

static int
read_run(ferry_call call, void *fd)
{
	char byte;

	(void)call;
	T_EQ(read(*(int *)fd, &byte, 1), 1);
	return FERRY_OK;
}

static void
read_of_a_pipe(void)
{
	struct scene s;
	ferry_request request;
	const struct stall *r;
	int fd[2];

	scene_open(&s, NULL);
	T_OK(pipe(fd));
	request = fx_do(s.context, read_run, &fd[0]);
	r = expect_verdict(&s, request, FERRY_VERDICT_BLOCKED_SYSCALL);
	if (!T_PORTABLE) {
		T_EQ(r->s.syscall, SYS_read);
		T_STR(r->syscall_name, "read");
		T_EQ(r->s.descriptor, fd[0]);
		T_EQ(strncmp(r->target, "pipe:[", 6), 0);
		T_ASSERT(strstr(r->text, r->target) != NULL);
		T_ASSERT(strstr(r->text, "read") != NULL);
	}
	T_EQ(write(fd[1], "", 1), 1);
	T_EQ(fx_wait(request), FERRY_OK);
	expect_end(&s, request);
	scene_close(&s);
	close(fd[0]);
	close(fd[1]);
}

static void
sleep_and_read_of_wedges(void)
{
	static const uint32_t ways[] = {FERRY_WEDGE_SLEEP, FERRY_WEDGE_READ};

	for (int i = 0; i < 2; i++) {
		struct scene s;
		ferry_request request;
		const struct stall *r;

		scene_open(&s, NULL);
		request = wedge(s.context, ways[i]);
		r = expect_verdict(
		    &s, request, FERRY_VERDICT_BLOCKED_SYSCALL);
		if (!T_PORTABLE && ways[i] == FERRY_WEDGE_SLEEP)
			T_STR(r->syscall_name, "clock_nanosleep");
		if (!T_PORTABLE && ways[i] == FERRY_WEDGE_READ)
			T_EQ(strncmp(r->target, "pipe:[", 6), 0);
		end_wedge(request);
		expect_end(&s, request);
		scene_close(&s);
	}
}

/*
 * A thread that starts a program is in the kernel, and not to be disturbed,
 * until that runs: and here it is long in coming, because it first opens a
 * queue that has no other end.
 */
static int
spawn_run(ferry_call call, void *fifo)
{
	char *argv[] = {(char *)(uintptr_t)"true", NULL}, *envp[] = {NULL};
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	(void)call;
	T_OK(posix_spawn_file_actions_init(&actions));
	T_OK(posix_spawn_file_actions_addopen(
	    &actions, 0, fifo, O_RDONLY, 0));
	T_OK(posix_spawn(&pid, "/bin/true", &actions, NULL, argv, envp));
	T_OK(posix_spawn_file_actions_destroy(&actions));
	T_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static void
disk_sleep(void)
{
	char path[] = "/tmp/ferry-verdicts-XXXXXX", fifo[64];
	struct scene s;
	ferry_request request;
	int fd;

	if (T_PORTABLE)
		T_SKIP_CASE("not known here");
	T_ASSERT(mkdtemp(path) != NULL);
	snprintf(fifo, sizeof fifo, "%s/queue", path);
	T_OK(mkfifo(fifo, 0600));
	scene_open(&s, NULL);
	request = fx_do(s.context, spawn_run, fifo);
	T_WAIT_UNTIL(fx_thread_state(health(s.context).worker_thread) == 'D',
	    FX_LIMIT_MS);
	await_verdict(&s, request, FERRY_VERDICT_DISK_SLEEP);
	fd = open(fifo, O_WRONLY | O_CLOEXEC);
	T_GE(fd, 0);
	T_EQ(fx_wait(request), FERRY_OK);
	scene_close(&s);
	close(fd);
	unlink(fifo);
	rmdir(path);
}

/* ----------------------------------------------------------- want of a CPU */

static uint32_t
patient_ms(void)
{
	return 400 * (uint32_t)t_slow();
}

/* Overload, and no stall: as long as it has not had its time in fact. */
static void
starved(void)
{
	ferry_context_options o = fx_context_options();
	struct starved v = {0};
	struct scene s;
	ferry_request request;
	ferry_completion c;
	const struct stall *r;

	if (T_PORTABLE)
		T_SKIP_CASE("not known here");
	o.levels.slow_ms = patient_ms() / 4;
	o.levels.stalled_ms = patient_ms();
	scene_open(&s, &o);
	request = fx_do(s.context, starve_run, &v);
	c = fx_take_kind(s.inbox, FERRY_KIND_OVERLOADED);
	T_OK(ferry_request_cancel(request));
	T_EQ(c.request, request);
	T_STR(c.name, "do");
	T_EQ(c.code, FX_DO);
	T_EQ(strlen(c.data), c.size);
	fx_done(&c);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	r = stalls_await(&s.heard, 0, FERRY_STALL_OVERLOADED);
	T_EQ(r->s.request, request);
	T_STR(r->method, "do");
	if (atomic_load(&v.cpu_ns) < patient_ms() * UINT64_C(1000000)) {
		T_EQ(fx_counters(s.context).stall_episodes, 0);
		T_EQ(stalls_count(&s.heard, FERRY_STALL_BEGAN), 0);
	}
	T_EQ(stalls_count(&s.heard, FERRY_STALL_OVERLOADED), 1);
	scene_close(&s);
}

/* On one processor: the first there is. */
static void
go(int policy)
{
	struct sched_param none = { .sched_priority = 0 };
	cpu_set_t may, one;

	T_OK(sched_getaffinity(0, sizeof may, &may));
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &may))
			CPU_SET(i, &one);
	T_OK(sched_setaffinity(0, sizeof one, &one));
	T_OK(sched_setscheduler(0, policy, &none));
}

struct race {
	pid_t last;          /* the thread that is let go again in the end */
	atomic_int began, over;
};

/* Whoever is last may not come to that for as long as there is another. */
static void *
run_first(void *arg)
{
	struct sched_param none = { .sched_priority = 0 };
	struct race *race = arg;
	uint64_t began;

	go(SCHED_OTHER);
	while (!atomic_load(&race->began))
		sched_yield();
	began = t_now_ns();
	while (t_now_ns() - began < patient_ms() * UINT64_C(4000000))
		continue;
	T_OK(sched_setscheduler(race->last, SCHED_OTHER, &none));
	atomic_store(&race->over, 1);
	return NULL;
}

/* Runnable, and behind a thread that never ends its turn: for most of the time
 * it does not run at all, and the kernel counts no delay while that lasts. */
static int
last_run(ferry_call call, void *arg)
{
	struct race race = { .last = (pid_t)fx_tid() };
	uint64_t cpu = cpu_ns();
	pthread_t first = t_thread_start(run_first, &race);
	cpu_set_t before;

	(void)call;
	T_OK(sched_getaffinity(0, sizeof before, &before));
	atomic_store(&race.began, 1);
	go(SCHED_IDLE);
	while (!atomic_load(&race.over))
		continue;
	go(SCHED_OTHER);
	T_OK(sched_setaffinity(0, sizeof before, &before));
	atomic_store((atomic_uint_least64_t *)arg, cpu_ns() - cpu);
	t_thread_join(first);
	return FERRY_OK;
}

static void
starved_outright(void)
{
	ferry_context_options o = fx_context_options();
	atomic_uint_least64_t cpu = 0;
	struct scene s;
	ferry_request request;

	if (T_PORTABLE)
		T_SKIP_CASE("not known here");
	o.levels.slow_ms = patient_ms() / 4;
	o.levels.stalled_ms = patient_ms();
	scene_open(&s, &o);
	request = fx_do(s.context, last_run, &cpu);
	T_EQ(fx_wait(request), FERRY_OK);
	if (atomic_load(&cpu) < patient_ms() * UINT64_C(1000000)) {
		T_EQ(stalls_count(&s.heard, FERRY_STALL_BEGAN), 0);
		T_EQ(fx_counters(s.context).stall_episodes, 0);
	}
	scene_close(&s);
}

/* ------------------------------------------------------------------- blame */

enum { ROUNDS = 6, SHORT = 40 };

/* One of the long ones: how long it was to be, and was. */
struct nap {
	uint32_t ms;
	atomic_uint_least64_t took_ns;
	ferry_request request;
};

static int
nap_run(ferry_call call, void *arg)
{
	struct nap *n = arg;
	uint64_t began = t_now_ns();

	(void)call;
	t_sleep_ms(n->ms);
	atomic_store(&n->took_ns, t_now_ns() - began);
	return FERRY_OK;
}

/* Not waited for by anybody. */
static void
submit_short(ferry_context context)
{
	for (int i = 0; i < SHORT; i++)
		T_OK(ferry_request_release(
		    fx_submit(context, FX_NOP, NULL, 0, NULL)));
}

static const struct nap *
nap_of(const struct nap *naps, ferry_request request)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (naps[i].request == request)
			return &naps[i];
	}
	T_FAIL("a short call is blamed");
}

/*
 * Many short calls, and between them long ones, which end somewhere near the
 * level: whoever is named, it is one of those, and one that took so long.
 */
static void
blames_the_long_one(void)
{
	struct nap naps[ROUNDS] = {{0}};
	struct scene s;
	uint32_t n;

	scene_open(&s, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		naps[i].ms = i == ROUNDS - 1
		    ? 4 * wedged_ms()
		    : stalled_ms() - 20 + 10 * (uint32_t)i;
		submit_short(s.context);
		naps[i].request = fx_do(s.context, nap_run, &naps[i]);
		submit_short(s.context);
	}
	for (int i = 0; i < ROUNDS; i++)
		T_EQ(fx_wait(naps[i].request), FERRY_OK);
	scene_settle(&s);
	n = stalls_n(&s.heard);
	T_GE(n, 2);
	for (uint32_t i = 0; i < n; i++) {
		const ferry_stall *r = &s.heard.at[i]->s;

		T_GE(atomic_load(&nap_of(naps, r->request)->took_ns),
		    r->kind == FERRY_STALL_OVERLOADED ? 0 :
		    stalled_ms() * UINT64_C(1000000));
		T_EQ(r->method, FX_DO);
	}
	T_EQ(s.heard.at[n - 1]->s.request, naps[ROUNDS - 1].request);
	scene_close(&s);
}

T_MAIN(
	if (runs_in_another())
		T_SKIP("the system tells of other threads");
	T_RUN(spinning);
	T_RUN(lock_of_a_wedge);
	T_RUN(lock_of_ours);
	T_RUN(read_of_a_pipe);
	T_RUN(sleep_and_read_of_wedges);
	T_RUN(disk_sleep);
	T_RUN(starved);
	T_RUN(starved_outright);
	T_RUN(blames_the_long_one);
)
