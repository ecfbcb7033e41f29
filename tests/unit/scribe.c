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
	uint64_t ticket, before;
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
	T_RUN(a_stack_is_unwound_elsewhere);
	T_RUN(its_threads_go);
	unlink(path);
	rmdir(folder);
)
