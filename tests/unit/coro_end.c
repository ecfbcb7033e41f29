/*
 * Threads that end inside coroutines, by pthread_exit() and cancellation:
 * which clean-up handlers run, in which order and on which stack; that none is
 * another coroutine's; and what a successor finds. And C++ exceptions, which
 * use the same unwinder.
 */
#include "coro_world.h"

#include <semaphore.h>

/* throws.cc */
int throws_and_catches(void (*between)(void *), void *arg);
void with_destructor(void (*run)(void *), void *arg, void (*destroyed)(void *));

static char said[64];

static void
say(char c)
{
	size_t n = strlen(said);

	T_LT(n, sizeof said - 1);
	said[n] = c;
	said[n + 1] = '\0';
}

/* Capitals are said on the thread's own stack. */
static void
handler(void *arg)
{
	char c = *(const char *)arg;

	T_EQ(is_on_thread(HERE()), c >= 'A' && c <= 'Z');
	say(c);
}

static struct one one, two;

static void
in_main_stack(void (*run)(void))
{
	pthread_cleanup_push(handler, (void *)"Z");
	pthread_cleanup_push(handler, (void *)"Y");
	run();
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
}

/* Runs on a thread that ends in there, and says what it leaves. */
static void *
ending_thread(void *arg)
{
	union {
		void *p;
		void (*run)(void);
	} u = { arg };

	ferry__coro_adopt(&owner);
	in_main_stack(u.run);
	T_FAIL("the thread did not end");
}

static void
expect_end(void (*run)(void), void *result, const char *says)
{
	union {
		void (*run)(void);
		void *p;
	} u = { run };

	said[0] = '\0';
	T_ASSERT(t_thread_join(t_thread_start(ending_thread, u.p)) == result);
	T_STR(said, says);
	/* Here goes on what can. */
	ferry__coro_adopt(&owner);
}

/* --- By itself ----------------------------------------------------------- */

static char its_value;

/* TSan allows no pthread_exit() off the thread's own stack. A cancellation
 * goes the same way from there on. */
#define RESULT (T_TSAN ? PTHREAD_CANCELED : &its_value)

static void
end_thread(void)
{
	if (T_TSAN) {
		T_OK(pthread_cancel(pthread_self()));
		pthread_testcancel();
	}
	pthread_exit(&its_value);
}

static void
exits(struct coro *co, void *arg)
{
	pthread_cleanup_push(handler, (void *)"b");
	ferry__coro_suspend(co);
	pthread_cleanup_push(handler, arg);
	ferry__coro_suspend(co);
	end_thread();
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
}

static void
resume_one(void)
{
	while (!ferry__coro_ended(&one.co))
		ferry__coro_resume(&one.co);
}

static void
exit_runs_inner_then_outer(void)
{
	world_open();
	begin(&one, exits, (void *)"a");
	expect_end(resume_one, RESULT, "abYZ");
	T_ASSERT(one.co.lost);
	finish(&one);
	/* The stack is as good as before. */
	begin(&one, exits, (void *)"c");
	expect_end(resume_one, RESULT, "cbYZ");
	finish(&one);
	T_EQ(pool.made, 1);
	world_close();
}

static void
at_once(struct coro *co, void *arg)
{
	(void)co;
	(void)arg;
	end_thread();
}

static void
exit_with_no_handler_of_its_own(void)
{
	world_open();
	begin(&one, at_once, NULL);
	expect_end(resume_one, RESULT, "YZ");
	T_ASSERT(one.co.lost);
	finish(&one);
	world_close();
}

static void
resumes_two(struct coro *co, void *arg)
{
	pthread_cleanup_push(handler, arg);
	while (!ferry__coro_ended(&two.co)) {
		ferry__coro_resume(&two.co);
		ferry__coro_suspend(co);
	}
	pthread_cleanup_pop(0);
}

static void
exit_in_a_coroutine_of_a_coroutine(void)
{
	world_open();
	begin(&one, resumes_two, (void *)"o");
	begin(&two, exits, (void *)"a");
	expect_end(resume_one, RESULT, "aboYZ");
	T_ASSERT(one.co.lost && two.co.lost);
	finish(&one);
	finish(&two);
	world_close();
}

/* --- From outside -------------------------------------------------------- */

static sem_t inside;

static void
waits_to_be_cancelled(struct coro *co, void *arg)
{
	pthread_cleanup_push(handler, arg);
	ferry__coro_suspend(co);
	sem_post(&inside);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
}

static void
cancel_runs_inner_then_outer(void)
{
	union {
		void (*run)(void);
		void *p;
	} u = { resume_one };
	pthread_t thread;

	world_open();
	T_OK(sem_init(&inside, 0, 0));
	begin(&one, waits_to_be_cancelled, (void *)"a");
	said[0] = '\0';
	thread = t_thread_start(ending_thread, u.p);
	while (sem_wait(&inside) != 0)
		;
	T_OK(pthread_cancel(thread));
	T_ASSERT(t_thread_join(thread) == PTHREAD_CANCELED);
	T_STR(said, "aYZ");
	ferry__coro_adopt(&owner);
	T_ASSERT(one.co.lost);
	finish(&one);
	sem_destroy(&inside);
	world_close();
}

/* --- Suspended with handlers pushed -------------------------------------- */

/* Pushes, suspends, pops and runs it; and once more. */
static void
pushes_twice(struct coro *co, void *arg)
{
	for (unsigned i = 0; i < 2; i++) {
		pthread_cleanup_push(handler, arg);
		ferry__coro_suspend(co);
		pthread_cleanup_pop(1);
		ferry__coro_suspend(co);
	}
}

/* Their pushes and pops interleave; a thread has one list of them. */
static void
by_turns_then_exit(void)
{
	ferry__coro_resume(&one.co); /* one pushes */
	ferry__coro_resume(&two.co); /* two pushes */
	ferry__coro_resume(&one.co); /* one pops: p */
	pthread_cleanup_push(handler, (void *)"X");
	ferry__coro_resume(&one.co); /* one pushes */
	ferry__coro_resume(&two.co); /* two pops: q */
	ferry__coro_resume(&two.co); /* two pushes, and is left there */
	ferry__coro_resume(&one.co); /* one pops: p, and ends */
	ferry__coro_resume(&one.co);
	T_ASSERT(ferry__coro_ended(&one.co));
	end_thread();
	pthread_cleanup_pop(0);
}

static void
a_suspended_ones_handlers_are_its_own(void)
{
	world_open();
	begin(&one, pushes_twice, (void *)"p");
	begin(&two, pushes_twice, (void *)"q");
	expect_end(by_turns_then_exit, RESULT, "pqpXYZ");
	finish(&one);
	/* The other goes on here, with the handler that it had pushed. */
	said[0] = '\0';
	T_ASSERT(!ferry__coro_ended(&two.co));
	ferry__coro_resume(&two.co);
	T_STR(said, "q");
	ferry__coro_resume(&two.co);
	T_ASSERT(ferry__coro_ended(&two.co));
	T_STR(said, "q");
	finish(&two);
	world_close();
}

/* It is resumed from another depth than the first time, by another thread,
 * and ends that one. */
static void
resume_once(void)
{
	ferry__coro_resume(&one.co);
	pthread_exit(NULL);
}

static void
exit_under_a_successor(void)
{
	world_open();
	begin(&one, exits, (void *)"a");
	expect_end(resume_once, NULL, "YZ");
	expect_end(resume_once, NULL, "YZ");
	T_ASSERT(!ferry__coro_ended(&one.co));
	expect_end(resume_once, RESULT, "abYZ");
	T_ASSERT(one.co.lost);
	finish(&one);
	world_close();
}

/* --- Called out ---------------------------------------------------------- */

static void
out_exits(void *arg)
{
	T_ASSERT(is_on_thread(HERE()));
	say(*(const char *)arg);
	end_thread();
}

static void
calls_out(struct coro *co, void *arg)
{
	pthread_cleanup_push(handler, (void *)"n");
	T_ASSERT(!ferry__coro_call_out(co, out_exits, arg));
	T_ASSERT(is_on(co->stack, HERE()));
	say('r');
	pthread_cleanup_pop(0);
}

static void
an_exit_out_there_is_survived(void)
{
	world_open();
	begin(&one, calls_out, (void *)"V");
	expect_end(resume_one, RESULT, "VYZ");
	T_ASSERT(!ferry__coro_ended(&one.co));
	ferry__coro_resume(&one.co);
	T_STR(said, "VYZr");
	T_ASSERT(ferry__coro_ended(&one.co) && !one.co.lost);
	finish(&one);
	world_close();
}

static void
an_exit_out_of_two_is_survived(void)
{
	world_open();
	begin(&one, resumes_two, (void *)"o");
	begin(&two, calls_out, (void *)"V");
	expect_end(resume_one, RESULT, "VYZ");
	resume_one();
	T_STR(said, "VYZr");
	T_ASSERT(ferry__coro_ended(&two.co) && !two.co.lost);
	finish(&one);
	finish(&two);
	world_close();
}

/* --- C++ ----------------------------------------------------------------- */

static int caught;

static void
suspend_it(void *arg)
{
	ferry__coro_suspend(arg);
}

static void
in_cxx(struct coro *co, void *arg)
{
	(void)arg;
	caught += throws_and_catches(suspend_it, co);
}

static void
exceptions_are_caught(void)
{
	world_open();
	caught = 0;
	begin(&one, in_cxx, NULL);
	begin(&two, in_cxx, NULL);
	for (unsigned i = 0; i < 3; i++) {
		ferry__coro_resume(&one.co);
		ferry__coro_resume(&two.co);
	}
	T_EQ(caught, 4);
	finish(&one);
	finish(&two);
	world_close();
}

static void
suspend_and_exit(void *arg)
{
	ferry__coro_suspend(arg);
	end_thread();
}

static void
destroyed(void *arg)
{
	T_ASSERT(is_on(((struct coro *)arg)->stack, HERE()));
	say('d');
}

static void
has_destructor(struct coro *co, void *arg)
{
	pthread_cleanup_push(handler, arg);
	with_destructor(suspend_and_exit, co, destroyed);
	pthread_cleanup_pop(0);
}

static void
exit_runs_destructors(void)
{
	world_open();
	begin(&one, has_destructor, (void *)"a");
	expect_end(resume_one, RESULT, "daYZ");
	finish(&one);
	world_close();
}

T_MAIN(
	T_RUN(exit_runs_inner_then_outer);
	T_RUN(exit_with_no_handler_of_its_own);
	T_RUN(exit_in_a_coroutine_of_a_coroutine);
	T_RUN(cancel_runs_inner_then_outer);
	T_RUN(a_suspended_ones_handlers_are_its_own);
	T_RUN(exit_under_a_successor);
	T_RUN(an_exit_out_there_is_survived);
	T_RUN(an_exit_out_of_two_is_survived);
	T_RUN(exceptions_are_caught);
	T_RUN(exit_runs_destructors);
)
