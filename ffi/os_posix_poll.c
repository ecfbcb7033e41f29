/*
 * Many descriptors on any POSIX system: poll(), of all that are asked for.
 *
 * Owns: a table by descriptor. Each round copies what is asked for into an
 * array for poll(), and the bell is rung for each change; so a round costs as
 * much as there are descriptors, and a change costs a round.
 *
 * Threads: ferry__os_poll_wait() on one, everything else from any, by the
 * table's mutex, which is not held in poll(). Only open() and add() allocate.
 */
#include "ffi/os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#define FIRST_COUNT 64u
#define RETRY_NS    10000000u /* poll() was refused something */

struct asked {
	uint64_t key;
	uint32_t events; /* 0: it rests */
	bool known;
	bool changed; /* since the last round began: what that saw is old */
};

struct os_poll_table {
	pthread_mutex_t mutex;
	struct asked *of; /* by descriptor */
	size_t count;
	struct pollfd *wider; /* for the next round: `count` and the bell */
	struct pollfd *round; /* the waiting thread's */
	size_t from;          /* whose turn is first in a round */
};

/* Makes room for this descriptor, here and in the next round. */
static int
widen(struct os_poll_table *t, size_t fd)
{
	size_t count = t->count != 0 ? t->count : FIRST_COUNT;
	struct pollfd *wider;
	struct asked *of;

	if (fd < t->count)
		return 0;
	while (count <= fd)
		count *= 2;
	wider = calloc(count + 1, sizeof *wider);
	if (wider == NULL)
		return ENOMEM;
	of = realloc(t->of, count * sizeof *of);
	if (of == NULL) {
		free(wider);
		return ENOMEM;
	}
	memset(of + t->count, 0, (count - t->count) * sizeof *of);
	free(t->wider);
	t->wider = wider;
	t->of = of;
	t->count = count;
	return 0;
}

static void
throw_away(struct os_poll_table *t)
{
	free(t->of);
	free(t->wider);
	free(t->round);
	free(t);
}

int
ferry__os_poll_open(struct os_poll *p)
{
	struct os_poll_table *t = calloc(1, sizeof *t);
	int r;

	if (t == NULL)
		return ENOMEM;
	r = widen(t, 0);
	if (r == 0)
		r = ferry__os_bell_open(&p->bell);
	if (r != 0) {
		throw_away(t);
		return r;
	}
	pthread_mutex_init(&t->mutex, NULL);
	p->set = -1;
	p->table = t;
	return 0;
}

void
ferry__os_poll_close(struct os_poll *p)
{
	ferry__os_bell_close(p->bell);
	pthread_mutex_destroy(&p->table->mutex);
	throw_away(p->table);
}

/* poll() calls it ready for what it is asked, but never for POLLPRI. */
static bool
is_always_ready(int fd)
{
	struct stat s;

	return fstat(fd, &s) == 0 && (S_ISREG(s.st_mode) || S_ISDIR(s.st_mode));
}

static int
change(struct os_poll *p, int fd, uint32_t events, uint64_t key, bool known)
{
	struct os_poll_table *t = p->table;
	size_t at = (size_t)fd;
	int r = 0;

	if (fcntl(fd, F_GETFD) < 0)
		return errno;
	if (is_always_ready(fd))
		return EPERM;
	pthread_mutex_lock(&t->mutex);
	if (!known)
		r = widen(t, at);
	else if (at >= t->count || !t->of[at].known)
		r = ENOENT;
	if (r == 0)
		t->of[at] = (struct asked){ .key = key, .events = events,
			.known = true, .changed = true };
	pthread_mutex_unlock(&t->mutex);
	if (r == 0)
		ferry__os_bell_ring(p->bell);
	return r;
}

int
ferry__os_poll_add(struct os_poll *p, int fd, uint32_t events, uint64_t key)
{
	return change(p, fd, events, key, false);
}

int
ferry__os_poll_again(struct os_poll *p, int fd, uint32_t events, uint64_t key)
{
	return change(p, fd, events, key, true);
}

void
ferry__os_poll_drop(struct os_poll *p, int fd)
{
	struct os_poll_table *t = p->table;

	/* The round that runs may see it still: it has changed. */
	pthread_mutex_lock(&t->mutex);
	if ((size_t)fd < t->count)
		t->of[fd] = (struct asked){ .changed = true };
	pthread_mutex_unlock(&t->mutex);
}

void
ferry__os_poll_stir(struct os_poll *p)
{
	ferry__os_bell_ring(p->bell);
}

/* Returns how many the round is for; the bell is its first. */
static nfds_t
begin(struct os_poll *p)
{
	struct os_poll_table *t = p->table;
	nfds_t n = 1;

	pthread_mutex_lock(&t->mutex);
	if (t->wider != NULL) {
		free(t->round);
		t->round = t->wider;
		t->wider = NULL;
	}
	for (size_t i = 0; i < t->count; i++) {
		size_t fd = (t->from + i) % t->count;

		t->of[fd].changed = false;
		if (t->of[fd].events != 0)
			t->round[n++] = (struct pollfd){ .fd = (int)fd,
				.events = (short)t->of[fd].events };
	}
	pthread_mutex_unlock(&t->mutex);
	return n;
}

static size_t
see(struct os_poll_table *t, nfds_t n, struct os_seen *out, size_t most)
{
	size_t found = 0;

	pthread_mutex_lock(&t->mutex);
	for (nfds_t i = 1; i < n && found < most; i++) {
		struct asked *a = &t->of[t->round[i].fd];

		if (t->round[i].revents == 0 || a->changed)
			continue;
		out[found++] = (struct os_seen){ .key = a->key,
			.events = (uint16_t)t->round[i].revents };
		a->events = 0;
		/* Who is asked for again at once comes after the others. */
		t->from = (size_t)t->round[i].fd + 1;
	}
	pthread_mutex_unlock(&t->mutex);
	return found;
}

size_t
ferry__os_poll_wait(struct os_poll *p, struct os_seen *out, size_t most)
{
	nfds_t n = begin(p);
	struct pollfd *round = p->table->round;
	/* A cancellation point; see ferry__os_bell_wait(). */
	int before = ferry__os_hold_cancel(), r;

	round[0] = (struct pollfd){ .fd = p->bell, .events = POLLIN };
	r = poll(round, n, -1);
	if (r < 0 && errno != EINTR)
		/* No memory in the kernel, or more than its limit of open
		 * descriptors, which was lowered: nothing is lost, but late. */
		ferry__os_bell_wait(p->bell, ferry__os_now_ns() + RETRY_NS);
	ferry__os_resume_cancel(before);
	if (r < 0 || round[0].revents != 0)
		ferry__os_bell_clear(p->bell);
	return r > 0 ? see(p->table, n, out, most) : 0;
}
