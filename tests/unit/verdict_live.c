/*
 * Verdicts from looks at real threads: one that computes, one that gets no
 * processor, one that is woken now and then, one that blocks.
 */
#include "t.h"
#include "valgrind.h"

#include "event/verdict.h"

#if defined(__linux__) && !defined(FERRY_OS_posix)

#include <sched.h>

#define WANTED \
	(FACT_STATE | FACT_EXISTS | FACT_CALL | FACT_CPU | FACT_DELAY | \
	    FACT_TRACER)
#define APART_MS 30

struct subject {
	pthread_t thread;
	atom32 id;   /* 0: not known yet */
	atom32 rounds; /* of one that is woken now and then */
	bool got_on; /* that changed between the first look and the last */
	atom32 stop;
	pthread_mutex_t mutex;
};

static void
start(struct subject *s, void *(*run)(void *))
{
	atom32_store_relaxed(&s->id, 0);
	atom32_store_relaxed(&s->rounds, 0);
	atom32_store_relaxed(&s->stop, 0);
	T_OK(pthread_create(&s->thread, NULL, run, s));
	T_WAIT_UNTIL(atom32_load_relaxed(&s->id) != 0, 10000);
}

static void
end(struct subject *s)
{
	atom32_store_relaxed(&s->stop, 1);
	T_OK(pthread_join(s->thread, NULL));
}

static bool
goes_on(struct subject *s)
{
	return atom32_load_relaxed(&s->stop) == 0;
}

static void
tell_id(struct subject *s)
{
	atom32_store_relaxed(&s->id, ferry__os_thread_id());
}

static struct verdict_look looks[VERDICT_LOOKS];

static struct verdict
judge(struct subject *s)
{
	uint32_t rounds = 0;

	for (size_t i = 0; i < VERDICT_LOOKS; i++) {
		if (i != 0)
			t_sleep_ms(APART_MS);
		if (i == VERDICT_LOOKS - 1)
			s->got_on = atom32_load_relaxed(&s->rounds) != rounds;
		looks[i].at_ns = ferry__os_now_ns();
		ferry__facts_look(
		    &looks[i].facts, atom32_load_relaxed(&s->id), WANTED);
		if (i == 0)
			rounds = atom32_load_relaxed(&s->rounds);
	}
	return ferry__verdict(looks, VERDICT_LOOKS, VERDICT_NOT_OURS, false);
}

static bool
tells(uint32_t what)
{
	struct facts f;

	ferry__facts_look(&f, ferry__os_thread_id(), what);
	return (f.known & what) == what;
}

static void *
run_spin(void *arg)
{
	struct subject *s = arg;

	tell_id(s);
	while (goes_on(s))
		continue;
	return NULL;
}

/* On one processor, after everybody else. */
static void
go_last(int policy)
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

static void *
run_last(void *arg)
{
	go_last(SCHED_IDLE);
	return run_spin(arg);
}

/* On the same one, and before it. */
static void *
run_first(void *arg)
{
	go_last(SCHED_OTHER);
	return run_spin(arg);
}

static void *
run_doze(void *arg)
{
	struct subject *s = arg;

	tell_id(s);
	while (goes_on(s)) {
		t_sleep_ms(5);
		atom32_add_relaxed(&s->rounds, 1);
	}
	return NULL;
}

static void *
run_lock(void *arg)
{
	struct subject *s = arg;

	tell_id(s);
	T_OK(pthread_mutex_lock(&s->mutex));
	T_OK(pthread_mutex_unlock(&s->mutex));
	return NULL;
}

static void
computes(void)
{
	struct subject s;

	start(&s, run_spin);
	/* On a machine that is busy it may be starved now and then. */
	T_WAIT_UNTIL(judge(&s).verdict == FERRY_VERDICT_SPINNING, 20000);
	end(&s);
}

/* Runnable at each of the looks, and has not run. */
static bool
stood(void)
{
	for (size_t i = 0; i < VERDICT_LOOKS; i++)
		if (looks[i].facts.state != 'R' ||
		    looks[i].facts.cpu_ns != looks[0].facts.cpu_ns)
			return false;
	return true;
}

static void
gets_no_processor(void)
{
	struct subject s, before;
	uint32_t v;

	if (!tells(FACT_CPU | FACT_STATE))
		T_SKIP_CASE("the system does not tell enough");
	if (RUNNING_ON_VALGRIND)
		T_SKIP_CASE("who gets none would hold Valgrind's lock");
	start(&s, run_last);
	start(&before, run_first);
	/* Also before the kernel has counted it, which is when it ends. */
	T_WAIT_UNTIL((v = judge(&s).verdict, stood()), 20000);
	T_EQ(v, FERRY_VERDICT_STARVED);
	end(&before);
	end(&s);
}

/* It has a processor for a moment whenever it wants one. */
static void
is_woken_now_and_then(void)
{
	struct subject s;
	uint32_t v, progress;

	if (!tells(FACT_CALL))
		T_SKIP_CASE("the system does not tell of calls");
	start(&s, run_doze);
	for (int i = 0; i < 5; i++) {
		v = judge(&s).verdict;
		T_NE(v, FERRY_VERDICT_SPINNING);
		T_NE(v, FERRY_VERDICT_BLOCKED_LOCK);
		T_NE(v, FERRY_VERDICT_EXITED);
	}
	T_WAIT_UNTIL(
	    judge(&s).verdict == FERRY_VERDICT_BLOCKED_SYSCALL, 20000);
	/* Asleep in the same call each time, and yet it gets on: if it was
	 * woken at all. */
	T_WAIT_UNTIL((progress = judge(&s).progress, s.got_on), 20000);
	T_NE(progress, FERRY_PROGRESS_NONE);
	end(&s);
}

static void
blocks(void)
{
	struct subject s = { .mutex = PTHREAD_MUTEX_INITIALIZER };
	struct verdict v;

	if (!tells(FACT_CALL))
		T_SKIP_CASE("the system does not tell of calls");
	T_OK(pthread_mutex_lock(&s.mutex));
	start(&s, run_lock);
	T_WAIT_UNTIL((v = judge(&s), v.verdict == FERRY_VERDICT_BLOCKED_LOCK &&
	                 v.progress == FERRY_PROGRESS_NONE), 20000);
	T_EQ(v.cpu_ns, 0);
	T_OK(pthread_mutex_unlock(&s.mutex));
	end(&s);
}

T_MAIN(
	T_RUN(computes);
	T_RUN(gets_no_processor);
	T_RUN(is_woken_now_and_then);
	T_RUN(blocks);
)

#else

T_MAIN(T_SKIP("facts are Linux' own");)

#endif
