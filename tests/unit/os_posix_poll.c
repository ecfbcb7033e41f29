/*
 * Many descriptors on the seam of other systems (ffi/os_posix_poll.c), held to
 * all that tests/unit/os_poll.c holds the one of this build to; and what has
 * become of what a poll() saw when it is looked at.
 */
#include <poll.h>
#include <stddef.h>

static void (*meanwhile)(void);

static int
poll_and_then(struct pollfd *p, nfds_t n, int timeout)
{
	int r = poll(p, n, timeout);
	void (*run)(void) = meanwhile;

	meanwhile = NULL;
	if (run != NULL)
		run();
	return r;
}

#define poll poll_and_then
#include "ffi/os_posix_poll.c"
#undef poll

#define MORE T_RUN(changed_meanwhile);
static void changed_meanwhile(void);
#include "os_poll.c"

static void
ask_for_more(void)
{
	T_OK(ferry__os_poll_again(&set, of[0], POLLPRI, 2));
	ferry__os_poll_drop(&set, of[1]);
	T_OK(ferry__os_poll_again(&set, of[2], POLLIN, 4));
}

static void
changed_meanwhile(void)
{
	struct os_seen seen[4];

	open_all(3);
	for (int i = 0; i < 3; i++)
		T_OK(ferry__os_poll_add(&set, of[i], POLLIN, 1));
	meanwhile = ask_for_more;
	T_EQ(ferry__os_poll_wait(&set, seen, COUNT_OF(seen)), 0);
	T_EQ(ferry__os_poll_wait(&set, seen, COUNT_OF(seen)), 1);
	T_EQ(seen[0].key, 4);
	close_all();
}
