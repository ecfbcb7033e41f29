/*
 * The seam on any POSIX system: a table of sleepers, pipes, full fences.
 *
 * Owns: the table, and which pipe's write end belongs to which read end.
 *
 * Threads: every function is safe from any thread. Nothing here allocates
 * but ferry__os_bell_open(), and no lock is held in a sleep.
 *
 * A sleeper is a semaphore on the stack of its thread, in the list of the
 * bucket that its word hashes to. Not a condition variable: that does not
 * return when a signal arrives, and a blocked interpreter would not hear of
 * Ctrl-C; a semaphore does, exactly when a futex does. Not a pipe: that is
 * two descriptors for each thread that sleeps.
 *
 * Compare and sleep are one step with regard to a wake, because the word is
 * compared under the bucket's mutex: whoever changes it and then wakes either
 * changed it before the comparison, or finds the sleeper in the list. A wake
 * that comes before the semaphore is waited on stays in it.
 *
 * A signal handler may wake: it may release a handle. So signals wait while a
 * bucket's mutex is held, or the handler could wait for the very code that it
 * has interrupted.
 */
#include "ffi/os.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A semaphore with a deadline of CLOCK_MONOTONIC: POSIX.1-2024. */
#ifndef OS_SEM_CLOCKWAIT
#if defined(__GLIBC__) && \
    (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 30))
#define OS_SEM_CLOCKWAIT 1
#else
#define OS_SEM_CLOCKWAIT (_POSIX_VERSION >= 202405L)
#endif
#endif

#define BUCKET_BITS 6

struct sleeper {
	struct sleeper *next, **link; /* link NULL: not in a list */
	atom32 *word;
	sem_t semaphore;
};

struct bucket {
	ON_OWN_LINE pthread_mutex_t mutex;
	struct sleeper *first, **end; /* in the order in which they came */
};

/* Its own lock in each; static, because a sleep may come before the start. */
static struct bucket table[1 << BUCKET_BITS] = {
	[0 ...(1 << BUCKET_BITS) - 1] = { .mutex = PTHREAD_MUTEX_INITIALIZER }
};

static bool may_spin;

/* ---------------------------------------------------------------- start */

void
ferry__os_system_start(void)
{
	may_spin = sysconf(_SC_NPROCESSORS_ONLN) > 1;
}

atom32 *
ferry__os_system_wiped(void)
{
	return NULL;
}

/* The mutexes may be held, and the sleepers are, by threads that are not in
 * the child. */
void
ferry__os_system_forked(void)
{
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		pthread_mutex_init(&table[i].mutex, NULL);
		table[i].first = NULL;
	}
}

/* --------------------------------------------------------------- threads */

uint32_t
ferry__os_thread_id(void)
{
	static atom32 last;
	static FERRY__TLS uint32_t id;

	/* Relaxed: that no other thread has it is all. */
	if (id == 0)
		id = atom32_add_relaxed(&last, 1) + 1;
	return id;
}

/* Not known. A thread takes itself for alone on its processor. */
uint32_t
ferry__os_cpu(void)
{
	return ferry__os_thread_id();
}

uint32_t
ferry__os_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (uint32_t)n : 1;
}

bool
ferry__os_may_spin(void)
{
	return may_spin;
}

void
ferry__os_thread_name(const char *name)
{
#if defined(__linux__)
	char most[16] = { 0 };

	memcpy(most, name, strnlen(name, sizeof most - 1));
	pthread_setname_np(pthread_self(), most);
#else
	/* Each system has another function for it, or none. */
	(void)name;
#endif
}

void
ferry__os_barrier_heavy(void)
{
	/* pair(cancel) seq_cst: both halves are full fences. */
	atom_fence_seqcst();
}

/* -------------------------------------------------------- sleep and wake */

static struct bucket *
bucket_of(const atom32 *word)
{
	uint64_t h = (uint64_t)(uintptr_t)word * 0x9e3779b97f4a7c15u;

	return &table[h >> (64 - BUCKET_BITS)];
}

static void
lock(struct bucket *b, sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, before);
	pthread_mutex_lock(&b->mutex);
}

static void
unlock(struct bucket *b, const sigset_t *before)
{
	pthread_mutex_unlock(&b->mutex);
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

static void
append(struct bucket *b, struct sleeper *s)
{
	if (b->first == NULL)
		b->end = &b->first;
	s->next = NULL;
	s->link = b->end;
	*b->end = s;
	b->end = &s->next;
}

static void
unlink_sleeper(struct bucket *b, struct sleeper *s)
{
	*s->link = s->next;
	if (s->next != NULL)
		s->next->link = s->link;
	else
		b->end = s->link;
	s->link = NULL;
}

static struct timespec
timespec_of(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u),
	};
}

#if OS_SEM_CLOCKWAIT
static int
wait_until(sem_t *s, uint64_t deadline_ns)
{
	struct timespec t = timespec_of(deadline_ns);

	return sem_clockwait(s, CLOCK_MONOTONIC, &t);
}
#else
/* The wall clock may be set. Forward: too early, so it looks again. Back: the
 * sleep is that much longer, and nothing can be done about it here. */
static int
wait_until(sem_t *s, uint64_t deadline_ns)
{
	struct timespec t;
	uint64_t now, wall;
	int r;

	do {
		now = ferry__os_now_ns();
		clock_gettime(CLOCK_REALTIME, &t);
		wall = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
		t = timespec_of(
		    wall + (deadline_ns > now ? deadline_ns - now : 0));
		r = sem_timedwait(s, &t);
	} while (r != 0 && errno == ETIMEDOUT &&
	    deadline_ns > ferry__os_now_ns());
	return r;
}
#endif

static enum os_sleep
sleep_on(sem_t *s, uint64_t deadline_ns)
{
	int r = deadline_ns == OS_NEVER ? sem_wait(s)
	                                : wait_until(s, deadline_ns);

	if (r == 0)
		return OS_WOKEN;
	if (errno == ETIMEDOUT)
		return OS_TIMEOUT;
	ASSERT(errno == EINTR);
	return OS_SIGNAL;
}

/* False: the word is another one already. */
static bool
lie_down(struct bucket *b, struct sleeper *s, uint32_t expected)
{
	sigset_t before;
	bool same;

	lock(b, &before);
	/* Relaxed: who has changed it and wakes comes after this in the order
	 * of the mutex, or has been here before. */
	same = atom32_load_relaxed(s->word) == expected;
	if (same)
		append(b, s);
	unlock(b, &before);
	return same;
}

/* False: a waker has taken it out before. */
static bool
get_up(struct bucket *b, struct sleeper *s)
{
	sigset_t before;
	bool asleep;

	lock(b, &before);
	asleep = s->link != NULL;
	if (asleep)
		unlink_sleeper(b, s);
	unlock(b, &before);
	return asleep;
}

static enum os_sleep
sleep_in(struct bucket *b, struct sleeper *s, uint64_t deadline_ns)
{
	enum os_sleep how = sleep_on(&s->semaphore, deadline_ns);

	if (how != OS_WOKEN && !get_up(b, s)) {
		/* The post is on its way, to this stack. */
		while (sem_wait(&s->semaphore) != 0)
			ASSERT(errno == EINTR);
		how = OS_WOKEN;
	}
	/* From the post; TSan does not know sem_clockwait(). */
	HANDOVER_TAKE(&s->semaphore);
	return how;
}

enum os_sleep
ferry__os_wait(atom32 *word, uint32_t expected, uint64_t deadline_ns)
{
	struct sleeper s = { .word = word };
	struct bucket *b = bucket_of(word);
	enum os_sleep how = OS_WOKEN;
	int before;

	/* sem_wait() is a cancellation point; see ferry__os_bell_wait(). */
	before = ferry__os_hold_cancel();
	ASSERT(sem_init(&s.semaphore, 0, 0) == 0);
	if (lie_down(b, &s, expected))
		how = sleep_in(b, &s, deadline_ns);
	sem_destroy(&s.semaphore);
	ferry__os_resume_cancel(before);
	return how;
}

/* Posts after the mutex: a sleeper that runs at once would find it taken, and
 * sleep again. It is there until its post, and may be gone just after it. */
void
ferry__os_wake(atom32 *word, int threads)
{
	struct bucket *b = bucket_of(word);
	struct sleeper *s, *next, *woken = NULL, **end = &woken;
	sigset_t before;

	lock(b, &before);
	for (s = b->first; s != NULL && threads > 0; s = next) {
		next = s->next;
		if (s->word != word)
			continue;
		unlink_sleeper(b, s);
		s->next = NULL;
		*end = s;
		end = &s->next;
		threads--;
	}
	unlock(b, &before);
	for (s = woken; s != NULL; s = next) {
		next = s->next;
		sem_post(&s->semaphore);
	}
}

/* ----------------------------------------------------------------- bells */

/*
 * A bell is a pipe and known by its read end, so the write end is looked up: a
 * directory of chunks that come when they are first needed and stay. Written
 * by the bell's opener, who passes the bell on with all that it has stored.
 */
#define CHUNK  1024
#define CHUNKS 1024

static atomp chunks[CHUNKS];

/* NULL: there is no memory for it, or the number is beyond all bounds. */
static atom32 *
write_end(int fd)
{
	unsigned at = (unsigned)fd / CHUNK;
	void *chunk, *expected = NULL;

	if (at >= CHUNKS)
		return NULL;
	/* pair(bell-chunk) acquire: zeroed. */
	chunk = atomp_load_acquire(&chunks[at]);
	if (chunk == NULL) {
		chunk = calloc(CHUNK, sizeof(atom32));
		if (chunk == NULL)
			return NULL;
		/* pair(bell-chunk) acq_rel: the first one's stays. */
		if (!atomp_cas_acqrel(&chunks[at], &expected, chunk)) {
			free(chunk);
			chunk = expected;
		}
	}
	return (atom32 *)chunk + (unsigned)fd % CHUNK;
}

int
ferry__os_bell_open(int *out)
{
	atom32 *to;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return errno;
	to = write_end(ends[0]);
	if (to == NULL) {
		close(ends[0]);
		close(ends[1]);
		return ENOMEM;
	}
	/* Relaxed, here and below: whoever has the bell has it from here. */
	atom32_store_relaxed(to, (uint32_t)ends[1]);
	*out = ends[0];
	return 0;
}

void
ferry__os_bell_ring(int fd)
{
	int to = (int)atom32_load_relaxed(write_end(fd)), before;

	/* A cancellation point; see ferry__os_bell_wait(). EAGAIN means that
	 * the pipe is full, hence readable already. */
	before = ferry__os_hold_cancel();
	while (write(to, "", 1) < 0 && errno == EINTR)
		;
	ferry__os_resume_cancel(before);
}

void
ferry__os_bell_clear(int fd)
{
	char waste[256];
	ssize_t n;
	int before;

	/* A short read took all that there was; EAGAIN: it was clear. */
	before = ferry__os_hold_cancel();
	do
		n = read(fd, waste, sizeof waste);
	while (n == (ssize_t)sizeof waste || (n < 0 && errno == EINTR));
	ferry__os_resume_cancel(before);
}

void
ferry__os_bell_close(int fd)
{
	int before;

	before = ferry__os_hold_cancel();
	/* The read end last: its number is not given out again before. */
	close((int)atom32_load_relaxed(write_end(fd)));
	close(fd);
	ferry__os_resume_cancel(before);
}
