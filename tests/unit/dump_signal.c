/*
 * The handler of a dump's signal while dumps are switched off: a ring that is
 * on its way is waited for. What can be seen from outside is in
 * api/dump_signal.c; here the handler is held in the middle.
 */
#include "t.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>

#include "ffi/os.h"

static atom32 ringing, go_on;
static _Thread_local bool is_signalled;
static bool lost; /* the bell, to whoever has closed it */

/* In the handler: on its way to the bell until it may go on. */
static void
ring_slowly(int fd)
{
	atom32_store_seqcst(&ringing, 1);
	while (atom32_load_seqcst(&go_on) == 0)
		sched_yield();
	T_ASSERT(lost || fcntl(fd, F_GETFD) >= 0);
	ferry__os_bell_ring(fd);
}

static void
ring(int fd);

#define ferry__os_bell_ring ring
#include "ffi/dump_signal.c"
#undef ferry__os_bell_ring

static void
ring(int fd)
{
	if (is_signalled)
		ring_slowly(fd);
	else
		ferry__os_bell_ring(fd);
}

static void *
get_signal(void *unused)
{
	(void)unused;
	is_signalled = true;
	raise(SIGUSR1);
	return NULL;
}

static atom32 is_off;

static void *
off(void *unused)
{
	(void)unused;
	T_OK(ferry_dump_on_signal(0, 0));
	atom32_store_seqcst(&is_off, 1);
	return NULL;
}

static void
off_waits_for_a_ring(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pthread_t signalled, switching;

	T_GE(null, 0);
	T_OK(ferry_dump_on_signal(SIGUSR1, null));
	signalled = t_thread_start(get_signal, NULL);
	T_WAIT_UNTIL(atom32_load_seqcst(&ringing) != 0, 10000);
	switching = t_thread_start(off, NULL);
	T_WAIT_UNTIL(atom32_load_seqcst(&wanted) == 0, 10000);
	t_sleep_ms(20); /* in which it must not come back */
	T_EQ(atom32_load_seqcst(&is_off), 0);
	T_GE(fcntl((int)atom32_load_relaxed(&bell), F_GETFD), 0);
	atom32_store_seqcst(&go_on, 1);
	t_thread_join(signalled);
	t_thread_join(switching);
	T_EQ(fcntl((int)atom32_load_relaxed(&bell), F_GETFD), -1);
	T_ASSERT(!running);
	close(null);
}

/* Who comes when it is off rings nothing. */
static void
off_is_off(void)
{
	uint32_t before;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	T_GE(null, 0);
	atom32_store_seqcst(&go_on, 1);
	T_OK(ferry_dump_on_signal(SIGUSR1, null));
	T_OK(ferry_dump_on_signal(0, 0));
	before = atom32_load_relaxed(&asked);
	on_signal(SIGUSR1, NULL, NULL);
	T_EQ(atom32_load_relaxed(&asked), before);
	T_EQ(atom32_load_relaxed(&inside), 0);
	close(null);
}

/* Dumps in the pipe, taken out of it. */
static int
dumps_in(int fd)
{
	static char text[65536];
	ssize_t n = read(fd, text, sizeof text - 1);
	int dumps = 0;

	if (n < 0)
		return 0;
	text[n] = 0;
	for (char *p = text; (p = strstr(p, "end of dump")) != NULL; p++)
		dumps++;
	return dumps;
}

static bool
is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* The host has closed all descriptors, the bell too, while a dump was being
 * written: poll() returns at once from then on. */
static void
lost_bell_is_no_storm(void)
{
	int ends[2], fd;

	if (T_PORTABLE)
		T_SKIP_CASE("a pipe without its other end raises SIGPIPE");
	atom32_store_seqcst(&go_on, 1);
	T_OK(pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	T_OK(ferry_dump_on_signal(SIGUSR1, ends[1]));
	fd = (int)atom32_load_relaxed(&bell);
	pthread_mutex_lock(&writing);
	T_OK(raise(SIGUSR1));
	T_WAIT_UNTIL(!is_readable(fd), 10000);
	lost = true;
	close(fd);
	pthread_mutex_unlock(&writing);
	T_WAIT_UNTIL(is_readable(ends[0]), 10000);
	t_sleep_ms(20); /* what must not come */
	T_EQ(dumps_in(ends[0]), 1);
	/* A second late, and it is heard all the same. */
	T_OK(raise(SIGUSR1));
	T_WAIT_UNTIL(is_readable(ends[0]), 10000);
	T_EQ(dumps_in(ends[0]), 1);
	T_OK(ferry_dump_on_signal(0, 0));
	lost = false;
	close(ends[0]);
	close(ends[1]);
}

T_MAIN(
	T_RUN(off_waits_for_a_ring);
	T_RUN(off_is_off);
	T_RUN(lost_bell_is_no_storm);
)
