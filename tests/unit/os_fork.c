/*
 * The seam to the system in a forked child.
 */
#include "t.h"

#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>

#include "ffi/os.h"

extern char **environ;

/* An assertion that failed in there has ended it with 1. */
static void
join_child(pid_t pid)
{
	int status = -1;

	T_EQ(waitpid(pid, &status, 0), pid);
	T_EQ(status, 0);
}

/* ---- the word ---- */

/* Relaxed, here and below: one thread each, or threads that do not touch it. */
static void
a_fork_wipes_the_word(void)
{
	atom32 *word;
	pid_t child, grandchild;

	T_OK(ferry__os_start());
	word = ferry__os_fork_word();
	T_EQ(atom32_load_relaxed(word), 1);
	child = fork();
	if (child == 0) {
		T_ASSERT(ferry__os_fork_word() == word);
		T_EQ(atom32_load_relaxed(word), 0);
		ferry__os_forked();
		T_OK(ferry__os_start());
		T_EQ(atom32_load_relaxed(word), 0);
		atom32_store_relaxed(word, 2);
		grandchild = fork();
		if (grandchild == 0) {
			T_EQ(atom32_load_relaxed(word), 0);
			_exit(0);
		}
		join_child(grandchild);
		T_EQ(atom32_load_relaxed(word), 2);
		_exit(0);
	}
	join_child(child);
	T_EQ(atom32_load_relaxed(word), 1);
}

/* A child that only borrows the memory until it executes something else. */
static void
a_spawn_wipes_nothing(void)
{
	char *argv[] = { (char *)(uintptr_t)"true", NULL };
	atom32 *word;
	pid_t child;

	T_OK(ferry__os_start());
	word = ferry__os_fork_word();
	T_OK(posix_spawnp(&child, argv[0], NULL, NULL, argv, environ));
	T_EQ(atom32_load_relaxed(word), 1);
	join_child(child);
	child = vfork();
	if (child == 0)
		_exit(0);
	join_child(child);
	T_EQ(atom32_load_relaxed(word), 1);
}

/* ---- sleeping and waking ---- */

#define WORDS  64
#define ROUNDS 20

static atom32 over, asleep, turn, words[WORDS];

/* Sleeps and wakes without end, so that a fork finds the seam in use. */
static void *
commotion(void *unused)
{
	(void)unused;
	for (unsigned i = 0; atom32_load_relaxed(&over) == 0; i++) {
		ferry__os_wait(&words[i % WORDS], 0, 0);
		ferry__os_wake(&words[i * 7 % WORDS], 1);
	}
	return NULL;
}

/* Does not exist in the child, where a wake must not be spent on it. */
static void *
long_sleep(void *unused)
{
	(void)unused;
	atom32_add_relaxed(&asleep, 1);
	while (atom32_load_relaxed(&over) == 0)
		ferry__os_wait(&turn, 0, OS_NEVER);
	return NULL;
}

static void *
sleep_once(void *unused)
{
	(void)unused;
	atom32_add_relaxed(&asleep, 1);
	while (atom32_load_relaxed(&over) == 0)
		ferry__os_wait(&over, 0, OS_NEVER);
	atom32_add_relaxed(&asleep, 1);
	return NULL;
}

static void *
second(void *unused)
{
	(void)unused;
	/* pair(test) acquire, release. */
	for (uint32_t i = 0; i < ROUNDS; i++) {
		while (atom32_load_acquire(&turn) != 2 * i + 1)
			ferry__os_wait(&turn, 2 * i, OS_NEVER);
		atom32_store_release(&turn, 2 * i + 2);
		ferry__os_wake(&turn, 1);
	}
	return NULL;
}

static void
take_turns(void)
{
	pthread_t t = t_thread_start(second, NULL);

	/* pair(test) release, acquire. */
	for (uint32_t i = 0; i < ROUNDS; i++) {
		/* Long enough for the other one to be asleep, now and then. */
		for (int yields = 0; i == 0 && yields < 10; yields++)
			sched_yield();
		atom32_store_release(&turn, 2 * i + 1);
		ferry__os_wake(&turn, 1);
		while (atom32_load_acquire(&turn) != 2 * i + 2)
			ferry__os_wait(&turn, 2 * i + 1, OS_NEVER);
	}
	t_thread_join(t);
}

static void
use_everything(void)
{
	int fd;

	for (int i = 0; i < WORDS; i++) {
		T_EQ(ferry__os_wait(&words[i], 1, OS_NEVER), OS_WOKEN);
		T_EQ(ferry__os_wait(&words[i], 0, 0), OS_TIMEOUT);
		ferry__os_wake(&words[i], 1);
	}
	ferry__os_barrier_heavy();
	ferry__os_barrier_light();
	T_OK(ferry__os_bell_open(&fd));
	ferry__os_bell_ring(fd);
	T_EQ(ferry__os_bell_wait(fd, OS_NEVER), OS_WOKEN);
	ferry__os_bell_close(fd);
	/* A child of a process with threads: TSan refuses to start some there,
	 * and qemu-user fails an assertion of its own. */
	if (!T_TSAN && !t_emulated())
		take_turns();
}

static void
a_child_can_use_the_seam_again(void)
{
	pthread_t threads[4];
	pid_t child;

	T_OK(ferry__os_start());
	for (int i = 0; i < 4; i++)
		threads[i] = t_thread_start(
		    i < 2 ? long_sleep : commotion, NULL);
	T_WAIT_UNTIL(atom32_load_relaxed(&asleep) == 2, 10000);
	for (int i = 0; i < 40; i++) {
		child = fork();
		if (child == 0) {
			ferry__os_forked();
			use_everything();
			_exit(0);
		}
		join_child(child);
	}
	atom32_store_relaxed(&over, 1);
	/* pair(test) release, for the sleepers' look at `over`. */
	atom32_store_release(&turn, 1);
	ferry__os_wake(&turn, 2);
	for (int i = 0; i < 4; i++)
		t_thread_join(threads[i]);
}

/* While one thread of a child sets the seam up again, the others sleep. */
static void
a_child_sleeps_while_it_is_set_up(void)
{
	pthread_t sleeper;
	pid_t child;

	if (T_TSAN || t_emulated())
		T_SKIP_CASE("threads cannot be started in a forked child");
	T_OK(ferry__os_start());
	atom32_store_relaxed(&over, 0);
	atom32_store_relaxed(&asleep, 0);
	child = fork();
	if (child == 0) {
		sleeper = t_thread_start(sleep_once, NULL);
		T_WAIT_UNTIL(atom32_load_relaxed(&asleep) == 1, 10000);
		t_sleep_ms(20); /* for it to lie down */
		ferry__os_forked();
		atom32_store_relaxed(&over, 1);
		ferry__os_wake(&over, 1);
		T_WAIT_UNTIL(atom32_load_relaxed(&asleep) == 2, 10000);
		t_thread_join(sleeper);
		_exit(0);
	}
	join_child(child);
}

T_MAIN(
	T_RUN(a_child_sleeps_while_it_is_set_up);
	T_RUN(a_fork_wipes_the_word);
	T_RUN(a_spawn_wipes_nothing);
	T_RUN(a_child_can_use_the_seam_again);
)
