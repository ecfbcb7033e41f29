/*
 * Waiting for descriptors; see poller.h.
 *
 * Owns: the thread, the set that it sleeps on, and the lists of waits: by
 * descriptor, modulo, those that are armed; in `told` those whose revents are
 * known and whose ready() is to be called. All under one mutex, which the
 * thread does not hold when it sleeps.
 *
 * Proof, that events and disarms do not meet wrongly. The set has one
 * registration for each descriptor, for all its waits, and each arm, tell and
 * last disarm changes it under the mutex, together with the lists. What the
 * thread has seen comes out of the set without the mutex; by the time it gets
 * it, the waits may be others. Therefore each change gives the registration a
 * key that was never there before, kept in the waits too, and what was seen
 * under another key than theirs counts for nothing. Nothing is lost by that:
 * the change that made the key old made the set look at the descriptor anew,
 * for all its waits, and what still holds is seen again under the new key. What
 * no longer holds somebody else has taken.
 *
 * A registration is seen once and then rests. So a registration that nobody
 * can take back (its descriptor was closed, its file lives on in another one)
 * costs one look in vain, never a loop. Nobody need know which descriptors the
 * set knows: a change is tried first, and an ENOENT says that it is a new file.
 * If there were waits of that number, their file has gone.
 *
 * Half of a key counts up, half is the descriptor. It may come again after
 * 2^32 changes; to be mistaken, one of exactly that age must still be seen.
 *
 * Threads: any. ready() is called by the poller's alone. Its mutex is above the
 * seam's; ready() takes none.
 */
#include "ffi/poller.h"

#include <errno.h>

#include "ferry/ferry.h"
#include "ffi/fork.h"

#define EVENTS  ((uint32_t)(POLLIN | POLLOUT | POLLPRI))
#define UNASKED ((uint32_t)(POLLERR | POLLHUP | POLLNVAL))
#define ALWAYS  ((uint32_t)(POLLIN | POLLOUT)) /* what regular files are */
#define AT_ONCE 64   /* are taken from the set */
#define BUCKETS 1024 /* descriptors are small numbers, each once */

struct poller {
	struct os_poll poll;
	pthread_t thread;
	bool leaving;           /* by the mutex */
	struct poller *further; /* a child has inherited, besides */
};

struct poll_list {
	struct poll_wait *first, **end; /* end: when there is a first */
};

/* By the mutex, all of it. */
static struct {
	pthread_mutex_t mutex;
	struct poller *poller; /* NULL: none runs */
	struct poller *inherited;
	uint32_t keys;
	size_t armed;
	struct poll_list told;
	struct poll_list of[BUCKETS];
} all = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* -------------------------------------------------------------- the lists */

static struct poll_list *
bucket(int fd)
{
	return &all.of[(unsigned)fd % BUCKETS];
}

/* The next of this descriptor from here on. */
static struct poll_wait *
next_of(struct poll_wait *w, int fd)
{
	while (w != NULL && w->fd != fd)
		w = w->next;
	return w;
}

static struct poll_wait *
first_of(int fd)
{
	return next_of(bucket(fd)->first, fd);
}

static void
append(struct poll_list *l, struct poll_wait *w)
{
	if (l->first == NULL)
		l->end = &l->first;
	w->next = NULL;
	w->link = l->end;
	*l->end = w;
	l->end = &w->next;
}

static void
unlink_wait(struct poll_list *l, struct poll_wait *w)
{
	*w->link = w->next;
	if (w->next != NULL)
		w->next->link = w->link;
	else
		l->end = w->link;
	w->link = NULL;
}

/* To be told: by the thread, before it sleeps again. */
static void
settle(struct poll_wait *w, uint32_t revents)
{
	unlink_wait(bucket(w->fd), w);
	w->revents = revents;
	append(&all.told, w);
}

/* Those of this descriptor that wait for one of these. */
static void
settle_all(int fd, uint32_t revents)
{
	struct poll_wait *w, *next;

	for (w = first_of(fd); w != NULL; w = next) {
		next = next_of(w->next, fd);
		if ((revents & (w->events | UNASKED)) != 0)
			settle(w, revents & (w->events | UNASKED));
	}
}

/* ---------------------------------------------------------------- the set */

/* Of the latest change, which was of this descriptor. */
static uint64_t
latest_key(int fd)
{
	return (uint64_t)all.keys << 32 | (uint32_t)fd;
}

/* Has the set look anew, for all waits of this descriptor and for `events`. */
static int
look_anew(struct poller *p, int fd, uint32_t events)
{
	struct poll_wait *w;
	uint64_t key;
	int r;

	all.keys++;
	key = latest_key(fd);
	for (w = first_of(fd); w != NULL; w = next_of(w->next, fd)) {
		w->key = key;
		events |= w->events;
	}
	r = ferry__os_poll_again(&p->poll, fd, events, key);
	if (r != 0)
		/* The file that they wait for has no descriptor any more. */
		settle_all(fd, POLLNVAL);
	return r;
}

static void
tell(struct poller *p, const struct os_seen *seen)
{
	int fd = (int)(uint32_t)seen->key;
	struct poll_wait *w = first_of(fd);

	if (w == NULL || w->key != seen->key)
		return;
	settle_all(fd, seen->events);
	if (first_of(fd) != NULL)
		(void)look_anew(p, fd, 0);
}

static void
call_ready(void)
{
	struct poll_wait *w;

	while ((w = all.told.first) != NULL) {
		unlink_wait(&all.told, w);
		all.armed--;
		w->ready(w);
	}
}

static void *
run(void *arg)
{
	struct poller *p = arg;
	struct os_seen seen[AT_ONCE];
	bool leaving = false;
	size_t n;

	ferry__os_thread_name("ferry-poll");
	ferry__fork_enter();
	while (!leaving) {
		n = ferry__os_poll_wait(&p->poll, seen, COUNT_OF(seen));
		pthread_mutex_lock(&all.mutex);
		for (size_t i = 0; i < n; i++)
			tell(p, &seen[i]);
		call_ready();
		leaving = p->leaving;
		pthread_mutex_unlock(&all.mutex);
	}
	return NULL;
}

/* ------------------------------------------------------- arm and disarm */

static COLD int
start(void)
{
	struct poller *p = malloc(sizeof *p);
	int r;

	if (p == NULL)
		return FERRY_ENOMEM;
	p->leaving = false;
	r = ferry__os_poll_open(&p->poll);
	if (r == 0) {
		r = ferry__os_thread_start(&p->thread, run, p, 0);
		if (r != 0)
			ferry__os_poll_close(&p->poll);
	}
	if (r != 0) {
		free(p);
		return r == ENOMEM ? FERRY_ENOMEM : FERRY_ESYSTEM;
	}
	all.poller = p;
	return FERRY_OK;
}

/* Puts it where it belongs, by what the set said. */
static int
enlist(struct poll_wait *w, int error)
{
	switch (error) {
	case 0:
		append(bucket(w->fd), w);
		break;
	case EPERM:
		/* There is nothing else to come: who asks for that alone is
		 * told what there is. */
		w->revents = w->events & ALWAYS;
		if (w->revents == 0)
			w->revents = ALWAYS;
		append(&all.told, w);
		break;
	case EBADF:
	case EINVAL: /* the set's own */
		return FERRY_EINVAL;
	case ENOMEM:
	case ENOSPC: /* fs.epoll.max_user_watches */
		return FERRY_ENOMEM;
	default:
		return FERRY_ESYSTEM;
	}
	all.armed++;
	return FERRY_OK;
}

static int
ask_for(struct poll_wait *w)
{
	struct os_poll *set = &all.poller->poll;
	int r = look_anew(all.poller, w->fd, w->events);

	w->key = latest_key(w->fd);
	if (r == ENOENT)
		r = ferry__os_poll_add(set, w->fd, w->events, w->key);
	r = enlist(w, r);
	if (all.told.first != NULL)
		ferry__os_poll_stir(set);
	return r;
}

int
ferry__poller_arm(struct poll_wait *w)
{
	int r = FERRY_OK;

	ASSERT_DEBUG(w->link == NULL);
	if (w->fd < 0 || w->events == 0 || (w->events & ~EVENTS) != 0)
		return FERRY_EINVAL;
	ferry__fork_enter();
	w->revents = 0;
	pthread_mutex_lock(&all.mutex);
	if (all.poller == NULL)
		r = start();
	if (r == FERRY_OK)
		r = ask_for(w);
	pthread_mutex_unlock(&all.mutex);
	return r;
}

bool
ferry__poller_disarm(struct poll_wait *w)
{
	bool armed;

	pthread_mutex_lock(&all.mutex);
	armed = w->link != NULL;
	if (armed && w->revents != 0) {
		unlink_wait(&all.told, w);
	} else if (armed) {
		unlink_wait(bucket(w->fd), w);
		/* Others are looked at for too much, once. */
		if (first_of(w->fd) == NULL)
			ferry__os_poll_drop(&all.poller->poll, w->fd);
	}
	all.armed -= armed;
	pthread_mutex_unlock(&all.mutex);
	return armed;
}

void
ferry__poller_rest(void)
{
	struct poller *p;

	ferry__fork_enter();
	pthread_mutex_lock(&all.mutex);
	p = all.armed == 0 ? all.poller : NULL;
	if (p != NULL) {
		all.poller = NULL;
		p->leaving = true;
		ferry__os_poll_stir(&p->poll);
	}
	pthread_mutex_unlock(&all.mutex);
	if (p == NULL)
		return;
	ferry__os_thread_join(p->thread);
	ferry__os_poll_close(&p->poll);
	free(p);
}

void
ferry__poller_forked(void)
{
	ferry__fork_renew(&all.mutex);
	/* The set is the parent's too: neither changed nor closed. It is kept
	 * in sight, for those who look for leaks. */
	if (all.poller != NULL) {
		all.poller->further = all.inherited;
		all.inherited = all.poller;
	}
	all.poller = NULL;
	all.armed = 0;
	all.told.first = NULL;
	for (size_t i = 0; i < BUCKETS; i++)
		all.of[i].first = NULL;
}
