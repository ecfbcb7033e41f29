/*
 * Many descriptors on Linux: epoll, one shot each.
 *
 * Threads: ferry__os_poll_wait() on one, everything else from any. Nothing here
 * allocates, but the kernel does in open() and add().
 */
#include "ffi/os.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BELL UINT64_MAX /* the bell's key */
#define MOST 64         /* are taken from the kernel at once */

_Static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT, "as poll()'s");
_Static_assert(EPOLLPRI == POLLPRI && EPOLLERR == POLLERR, "as poll()'s");
_Static_assert(EPOLLHUP == POLLHUP, "as poll()'s");

static int
control(struct os_poll *p, int what, int fd, uint32_t events, uint64_t key)
{
	struct epoll_event e = { .events = events, .data.u64 = key };

	return epoll_ctl(p->set, what, fd, &e) == 0 ? 0 : errno;
}

void
ferry__os_poll_close(struct os_poll *p)
{
	int before = ferry__os_hold_cancel();

	close(p->set);
	ferry__os_resume_cancel(before);
	ferry__os_bell_close(p->bell);
}

int
ferry__os_poll_open(struct os_poll *p)
{
	int r = ferry__os_bell_open(&p->bell);

	if (r != 0)
		return r;
	p->table = NULL;
	p->set = epoll_create1(EPOLL_CLOEXEC);
	if (p->set < 0) {
		r = errno;
		ferry__os_bell_close(p->bell);
		return r;
	}
	r = control(p, EPOLL_CTL_ADD, p->bell, EPOLLIN, BELL);
	if (r != 0)
		ferry__os_poll_close(p);
	return r;
}

int
ferry__os_poll_add(struct os_poll *p, int fd, uint32_t events, uint64_t key)
{
	return control(p, EPOLL_CTL_ADD, fd, events | EPOLLONESHOT, key);
}

int
ferry__os_poll_again(struct os_poll *p, int fd, uint32_t events, uint64_t key)
{
	return control(p, EPOLL_CTL_MOD, fd, events | EPOLLONESHOT, key);
}

void
ferry__os_poll_drop(struct os_poll *p, int fd)
{
	/* EBADF or ENOENT: it went when it was closed. */
	(void)control(p, EPOLL_CTL_DEL, fd, 0, 0);
}

void
ferry__os_poll_stir(struct os_poll *p)
{
	ferry__os_bell_ring(p->bell);
}

size_t
ferry__os_poll_wait(struct os_poll *p, struct os_seen *out, size_t most)
{
	struct epoll_event seen[MOST];
	size_t found = 0;
	/* A cancellation point; see ferry__os_bell_wait(). */
	int before = ferry__os_hold_cancel();
	int n = epoll_wait(
	    p->set, seen, most < MOST ? (int)most : MOST, -1);

	/* A debugger ends it too. */
	ASSERT(n >= 0 || errno == EINTR);
	ferry__os_resume_cancel(before);
	for (int i = 0; i < n; i++)
		if (seen[i].data.u64 == BELL)
			ferry__os_bell_clear(p->bell);
		else
			out[found++] = (struct os_seen){
				.key = seen[i].data.u64,
				.events = seen[i].events,
			};
	return found;
}
