/*
 * What the event thread leaves to others: text that goes to a file, stacks
 * that are unwound, and that neither is waited for.
 */
#include "world.h"
#include "proc.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/scribe.h"

static char folder[] = "/tmp/ferry-scribe-XXXXXX";
static char path[64];
static atom64 failed;

static void
append(const char *to, const char *text)
{
	uint64_t ticket = 0;

	T_ASSERT(ferry__scribe_append(
	    &ticket, to, text, strlen(text), &failed));
	T_GT(ticket, 0);
	ferry__scribe_await(ticket, ferry__os_deadline_in(10000));
}

static void
expect_file(const char *text)
{
	char got[64] = "";
	int fd = open(path, O_RDONLY);

	T_GE(fd, 0);
	T_GE(read(fd, got, sizeof got - 1), 0);
	close(fd);
	T_STR(got, text);
}

static void
a_file_is_made_and_grows(void)
{
	append(path, "one\n");
	expect_file("one\n");
	append(path, "two\n");
	expect_file("one\ntwo\n");
	/* Moved away, as by who rotates logs. */
	T_EQ(unlink(path), 0);
	append(path, "three\n");
	expect_file("three\n");
	T_EQ(atom64_load_relaxed(&failed), 0);
}

static void
what_cannot_be_written_is_counted(void)
{
	char below[80];

	snprintf(below, sizeof below, "%s/none/there", folder);
	append(below, "x");
	T_EQ(atom64_load_relaxed(&failed), 1);
	append(folder, "x");
	T_EQ(atom64_load_relaxed(&failed), 2);
	append("/dev/full", "x");
	T_EQ(atom64_load_relaxed(&failed), 3);
}

/* A pipe that nobody reads is refused at once; one that is full holds up its
 * own thread alone. */
static void
a_file_that_hangs_holds_up_nobody(void)
{
	char fifo[80];
	uint64_t ticket = 0, before;
	int fd;

	snprintf(fifo, sizeof fifo, "%s/fifo", folder);
	T_EQ(mkfifo(fifo, 0600), 0);
	append(fifo, "x");
	T_EQ(atom64_load_relaxed(&failed), 4);
	fd = open(fifo, O_RDONLY | O_NONBLOCK);
	T_GE(fd, 0);
	T_GT(fcntl(fd, F_SETPIPE_SZ, 4096), 0);
	static char much[100000];
	memset(much, 'm', sizeof much);
	T_ASSERT(ferry__scribe_append(
	    &ticket, fifo, much, sizeof much, &failed));
	before = ferry__os_now_ns();
	ferry__scribe_await(ticket, ferry__os_deadline_in(20));
	/* It is still at it, and who waited is not. */
	T_LT(ferry__os_now_ns() - before, UINT64_C(4000000000));
	T_EQ(atom64_load_relaxed(&failed), 4);
	close(fd);
	ferry__scribe_await(ticket, ferry__os_deadline_in(10000));
	T_EQ(atom64_load_relaxed(&failed), 5);
	T_EQ(unlink(fifo), 0);
}

/* ---- many of them ---- */

enum { HANG = 7, EACH = 4, MORE = 100 };

static char fifos[HANG][80];
static int readers[HANG];
static uint64_t hanging;

/* Pipes that are full. */
static void
hang_up(int i)
{
	char fill[4096] = "";
	int fd;

	snprintf(fifos[i], sizeof fifos[i], "%s/fifo%d", folder, i);
	T_OK(mkfifo(fifos[i], 0600));
	readers[i] = open(fifos[i], O_RDONLY | O_NONBLOCK);
	T_GE(readers[i], 0);
	fd = open(fifos[i], O_WRONLY | O_NONBLOCK);
	T_GE(fd, 0);
	while (write(fd, fill, sizeof fill) > 0)
		;
	T_EQ(errno, EAGAIN);
	close(fd);
}

/* Whether anything of that ticket is not written yet, nor given up. */
static int
waits_for(uint64_t ticket)
{
	uint64_t before = ferry__os_now_ns();

	ferry__scribe_await(ticket, ferry__os_deadline_in(20));
	return ferry__os_now_ns() - before >= 20000000;
}

/* Each of them but one thread's, which others do not need; and who waits for
 * his own does not wait for them. */
static void
files_that_hang_hold_up_no_others(void)
{
	uint64_t failures = atom64_load_relaxed(&failed), mine = 0;

	unlink(path);
	for (int i = 0; i < HANG; i++)
		hang_up(i);
	for (int i = 0; i < HANG; i++)
		for (int k = 0; k < EACH; k++)
			T_ASSERT(ferry__scribe_append(
			    &hanging, fifos[i], "x", 1, &failed));
	T_ASSERT(ferry__scribe_append(&mine, path, "one\n", 4, &failed));
	ferry__scribe_await(mine, OS_NEVER);
	expect_file("one\n");
	/* Some of each pipe's have not been given up: that takes five seconds
	 * for each. */
	T_LT(atom64_load_relaxed(&failed) - failures, HANG * (EACH - 1));
	T_ASSERT(waits_for(hanging));
}

/* What waits for a file that hangs is bounded, and does not take the room of
 * others; the rest is refused, and their giver's to count. */
static void
what_waits_is_bounded(void)
{
	uint64_t mine = 0;
	int given = 0;

	for (int i = 0; i < MORE; i++)
		given += ferry__scribe_append(
		    &hanging, fifos[0], "x", 1, &failed);
	T_GT(given, 0);
	T_LE(given, 64);
	T_ASSERT(ferry__scribe_append(&mine, path, "two\n", 4, &failed));
	ferry__scribe_await(mine, OS_NEVER);
	expect_file("one\ntwo\n");
	/* In order, and the ticket is the same: all have come. */
	for (int i = 0; i < 10; i++)
		T_ASSERT(ferry__scribe_append(&mine, path, "3", 1, &failed));
	ferry__scribe_await(mine, OS_NEVER);
	expect_file("one\ntwo\n3333333333");
}

/* A pipe that nobody has open for reading any more refuses all. */
static void
what_hung_is_given_up(void)
{
	for (int i = 0; i < HANG; i++)
		close(readers[i]);
	ferry__scribe_await(hanging, OS_NEVER);
	T_ASSERT(!waits_for(hanging));
	for (int i = 0; i < HANG; i++)
		T_OK(unlink(fifos[i]));
}

static void
roused(void *arg)
{
	atom32_store_seqcst(arg, 1);
}

static void
a_stack_is_unwound_elsewhere(void)
{
	static uint8_t bytes[TRACE_BYTES];
	static struct scribe_job j;
	static atom32 done;

	j.trace.bytes = bytes;
	j.done = roused;
	j.arg = &done;
	T_ASSERT(ferry__scribe_is(&j, SCRIBE_IDLE));
	for (int i = 0; i < 3; i++) {
		/* Nothing but where it is. */
		j.trace.pc = (uint64_t)(uintptr_t)a_file_is_made_and_grows + 4;
		j.trace.sp = 4096;
		atom32_store_seqcst(&done, 0);
		T_ASSERT(ferry__scribe_give(&j));
		T_WAIT_UNTIL(atom32_load_seqcst(&done) != 0, 20000);
		T_ASSERT(ferry__scribe_is(&j, SCRIBE_DONE));
		T_GE(j.frames.n, 1);
		T_ASSERT(j.frames.at[0].module != NULL);
	}
}

static int at_first;

static void *
nothing(void *arg)
{
	return arg;
}

/* Sanitizers and emulators have some of their own, which come with the first
 * thread. */
static void
count_at_first(void)
{
	pthread_t t;

	T_OK(pthread_create(&t, NULL, nothing, NULL));
	T_OK(pthread_join(t, NULL));
	at_first = t_entries(T_THREADS);
}

static void
its_threads_go(void)
{
	T_WAIT_UNTIL(t_entries(T_THREADS) <= at_first, 10000);
}

T_MAIN(
	count_at_first();
	T_ASSERT(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/file", folder);
	T_RUN(a_file_is_made_and_grows);
	T_RUN(what_cannot_be_written_is_counted);
	T_RUN(a_file_that_hangs_holds_up_nobody);
	T_RUN(files_that_hang_hold_up_no_others);
	T_RUN(what_waits_is_bounded);
	T_RUN(what_hung_is_given_up);
	T_RUN(a_stack_is_unwound_elsewhere);
	T_RUN(its_threads_go);
	unlink(path);
	rmdir(folder);
)
