/*
 * The poller's thread: when there is one, what it is to its process, that it
 * sleeps; and what a forked child makes of it.
 */
#include "poll_world.h"

#include <signal.h>

#include "api/gate.h"
#include "child.h"
#include "proc.h"

/* --- The thread, as the system sees it ----------------------------------- */

static bool
is_poller(const char *id)
{
	char path[300], name[32] = "";
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%s/comm", id);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fgets(name, sizeof name, f) == NULL)
		name[0] = 0;
	fclose(f);
	return strcmp(name, "ferry-poll\n") == 0;
}

static int
count_pollers(uint32_t *id)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	int n = 0;

	T_ASSERT(d != NULL);
	*id = 0;
	while ((e = readdir(d)) != NULL) {
		if (!is_poller(e->d_name))
			continue;
		*id = (uint32_t)strtoul(e->d_name, NULL, 10);
		n++;
	}
	closedir(d);
	return n;
}

/* Its id; 0: there is none. Of two, one has ended, and the system may take a
 * moment to forget it. */
static uint32_t
poller_id(void)
{
	uint32_t id;

	T_WAIT_UNTIL(count_pollers(&id) < 2, LIMIT_MS);
	return id;
}

/* A number in its status, by scanf's format. */
static uint64_t
status_of(uint32_t id, const char *format)
{
	char path[64], line[128];
	unsigned long long value = 0;
	int found = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%u/status", id);
	f = fopen(path, "re");
	T_ASSERT(f != NULL);
	while (found != 1 && fgets(line, sizeof line, f) != NULL)
		found = sscanf(line, format, &value);
	fclose(f);
	T_EQ(found, 1);
	return value;
}

static uint64_t
switches(uint32_t id)
{
	return status_of(id, "voluntary_ctxt_switches: %llu");
}

/* --- Its life ------------------------------------------------------------- */

static void
named_and_deaf_to_signals(void)
{
	static const int open[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
		SIGABRT, SIGSYS };
	static const int blocked[] = { SIGINT, SIGTERM, SIGCHLD, SIGALRM,
		SIGPROF, SIGUSR1 };
	uint64_t mask;

	round_trip();
	T_NE(poller_id(), 0);
	if (t_emulated())
		T_SKIP_CASE("the masks that are shown are the emulator's");
	mask = status_of(poller_id(), "SigBlk: %llx");
	for (size_t i = 0; i < COUNT_OF(open); i++)
		T_EQ(mask >> (open[i] - 1) & 1, 0);
	for (size_t i = 0; i < COUNT_OF(blocked); i++)
		T_EQ(mask >> (blocked[i] - 1) & 1, 1);
}

static void
descriptors_are_its_own(void)
{
	int before[100], n;

	round_trip();
	ferry__poller_rest();
	n = t_entries(T_DESCRIPTORS);
	for (int fd = 0; fd < 100; fd++)
		before[fd] = fcntl(fd, F_GETFD);
	round_trip();
	T_GT(t_entries(T_DESCRIPTORS), n);
	for (int fd = 0; fd < 100; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (before[fd] < 0 && flags >= 0)
			T_NE(flags & FD_CLOEXEC, 0);
	}
	ferry__poller_rest();
	T_EQ(t_entries(T_DESCRIPTORS), n);
}

/* Not while anybody waits; and the next wait brings another one. */
static void
rests(void)
{
	struct told t[2] = { { .w = { .link = NULL } } };
	int ends[2];
	uint32_t id;

	T_OK(pipe2(ends, O_CLOEXEC));
	ferry__poller_rest();
	T_WAIT_UNTIL(poller_id() == 0, LIMIT_MS);
	T_OK(arm(&t[0], ends[0], POLLIN));
	round_trip();
	id = poller_id();
	T_NE(id, 0);
	ferry__poller_rest();
	T_OK(arm(&t[1], ends[0], POLLIN));
	T_ASSERT(ferry__poller_disarm(&t[0].w));
	ferry__poller_rest();
	T_EQ(poller_id(), id);
	put(ends[1]);
	T_EQ(await(&t[1]), POLLIN);
	ferry__poller_rest();
	ferry__poller_rest();
	T_WAIT_UNTIL(poller_id() == 0, LIMIT_MS);
	for (int i = 0; i < 20; i++) {
		T_OK(arm(&t[0], ends[0], POLLIN));
		T_EQ(await(&t[0]), POLLIN);
		ferry__poller_rest();
	}
	T_WAIT_UNTIL(poller_id() == 0, LIMIT_MS);
	close_both(ends);
}

static void *
rest_again_and_again(void *stop)
{
	while (atom32_load_acquire(stop) == 0)
		ferry__poller_rest();
	return NULL;
}

/* While it comes and goes, no wait is forgotten. */
static void
rests_meanwhile(void)
{
	static atom32 stop;
	struct told t = { .w = { .link = NULL } };
	pthread_t thread;
	int ends[2];

	T_OK(pipe2(ends, O_CLOEXEC));
	thread = t_thread_start(rest_again_and_again, &stop);
	for (int i = 0; i < 500; i++) {
		T_OK(arm(&t, ends[0], POLLIN));
		if (i % 3 == 0 && ferry__poller_disarm(&t.w)) {
			T_EQ(times(&t), 0);
			continue;
		}
		put(ends[1]);
		T_EQ(await(&t), POLLIN);
		get(ends[0]);
	}
	atom32_store_release(&stop, 1);
	t_thread_join(thread);
	close_both(ends);
}

/* --- It sleeps ----------------------------------------------------------- */

/* For a while it does not wake up once; not even when something is written to
 * `fd`, unless that is -1. */
static void
sleeps(int fd)
{
	uint64_t before;
	uint32_t id;

	round_trip();
	id = poller_id();
	T_NE(id, 0);
	fx_await_waiting(id);
	before = switches(id);
	round_trip();
	/* The measure is not blind: it woke up, and goes to sleep again; past
	 * the mutex, where it may have met us. */
	T_WAIT_UNTIL(switches(id) > before, LIMIT_MS);
	fx_await_waiting(id);
	before = switches(id);
	if (fd >= 0)
		put(fd);
	t_sleep_ms(100);
	T_EQ(switches(id), before);
	T_EQ(state_of(id), 'S');
}

/* Nobody waits, or in vain, whatever the state of the descriptor. */
static void
sleeps_while_nothing_happens(void)
{
	struct told t = { .w = { .link = NULL } };
	struct told other = { .w = { .link = NULL } };
	int ends[2], all = open("/", O_RDONLY | O_CLOEXEC);

	T_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	T_OK(arm(&t, ends[0], POLLIN));
	sleeps(-1);
	T_ASSERT(ferry__poller_disarm(&t.w));
	if (!BY_NUMBER) /* there, a round has begun with it */
		sleeps(ends[1]);
	/* Ready, and told; once by the first wait of it, then by another. */
	for (int i = 0; i < 3; i++) {
		T_OK(arm(&t, ends[0], POLLOUT));
		T_EQ(await(&t), POLLOUT);
		sleeps(ends[1]);
	}
	/* The same, while one waits for something else. */
	T_OK(arm(&other, ends[0], POLLPRI));
	T_OK(arm(&t, ends[0], POLLOUT));
	T_EQ(await(&t), POLLOUT);
	put(ends[1]);
	sleeps(-1);
	T_ASSERT(ferry__poller_disarm(&other.w));
	/* A hangup stays. */
	T_OK(arm(&t, ends[0], POLLIN));
	await(&t);
	T_OK(arm(&t, ends[0], POLLPRI));
	T_OK(close(ends[1]));
	T_EQ(await(&t), POLLHUP);
	sleeps(-1);
	/* What is always ready has rung a bell. */
	T_OK(arm(&t, all, POLLIN));
	T_EQ(await(&t), POLLIN);
	sleeps(-1);
	T_OK(close(all));
	T_OK(close(ends[0]));
}

/* What was closed lives on in another descriptor, and is ready for good. */
static void
sleeps_beside_what_is_kept(void)
{
	struct told t = { .w = { .link = NULL } };
	int ends[2], kept;

	T_OK(pipe2(ends, O_CLOEXEC));
	T_OK(arm(&t, ends[0], POLLIN));
	round_trip();
	kept = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
	T_OK(close(ends[0]));
	(void)ferry__poller_disarm(&t.w);
	put(ends[1]);
	sleeps(-1);
	T_OK(close(kept));
	T_OK(close(ends[1]));
}

/* --- Processes ----------------------------------------------------------- */

/* In a child: what was armed is the parent's, and the thread is its own. */
static void
wait_in_child(int *ends)
{
	struct told t = { .w = { .link = NULL } };
	int own[2];

	T_EQ(poller_id(), 0);
	T_OK(arm(&t, ends[0], POLLIN));
	T_WAIT_UNTIL(poller_id() != 0, LIMIT_MS); /* it has named itself */
	T_ASSERT(ferry__poller_disarm(&t.w));
	T_OK(pipe2(own, O_CLOEXEC));
	T_OK(arm(&t, own[0], POLLIN));
	put(own[1]);
	T_EQ(await(&t), POLLIN);
	ferry__poller_rest();
	T_WAIT_UNTIL(poller_id() == 0, LIMIT_MS);
	_exit(WELL);
}

static void
a_child_has_its_own(void)
{
	struct told t = { .w = { .link = NULL } };
	int ends[2];
	pid_t child;

	if (T_TSAN || t_emulated())
		T_SKIP_CASE("a forked child cannot start threads here");
	T_OK(pipe2(ends, O_CLOEXEC));
	T_OK(arm(&t, ends[0], POLLIN));
	round_trip();
	child = in_child();
	if (child == 0)
		wait_in_child(ends);
	ends_with(child, WELL);
	round_trip();
	T_EQ(times(&t), 0);
	put(ends[1]);
	T_EQ(await(&t), POLLIN);
	close_both(ends);
}

/* A child that keeps an inherited descriptor: its parent's numbers are the
 * parent's to use again. */
static void
a_child_keeps_the_file(void)
{
	struct told old = { .w = { .link = NULL } };
	struct told new = { .w = { .link = NULL } };
	int ends[2], next[2], end[2];
	pid_t child;
	char c;

	T_OK(pipe2(ends, O_CLOEXEC));
	T_OK(pipe2(next, O_CLOEXEC));
	T_OK(pipe2(end, O_CLOEXEC));
	T_OK(arm(&old, ends[0], POLLIN));
	round_trip();
	child = in_child();
	if (child == 0) {
		close(end[1]);
		_exit(read(end[0], &c, 1) == 0 ? WELL : 1);
	}
	T_ASSERT(ferry__poller_disarm(&old.w));
	T_OK(dup3(next[0], ends[0], O_CLOEXEC) != ends[0]);
	T_OK(arm(&new, ends[0], POLLIN));
	put(ends[1]); /* readable, in the child */
	round_trip();
	T_EQ(times(&new), 0);
	put(next[1]);
	T_EQ(await(&new), POLLIN);
	T_EQ(times(&old), 0);
	T_OK(close(end[1]));
	ends_with(child, WELL);
	T_OK(close(end[0]));
	close_both(ends);
	close_both(next);
}

static void
never_in_the_way_of_an_end(void)
{
	static struct told t;
	int ends[2];
	pid_t child;

	if (T_TSAN || t_emulated())
		T_SKIP_CASE("a forked child cannot start threads here");
	T_OK(pipe2(ends, O_CLOEXEC));
	child = in_child();
	if (child == 0) { /* somebody waits */
		T_OK(arm(&t, ends[0], POLLIN));
		exit(WELL);
	}
	ends_with(child, WELL);
	child = in_child();
	if (child == 0) { /* the last thread but the poller's goes */
		T_OK(arm(&t, ends[0], POLLIN));
		T_ASSERT(ferry__poller_disarm(&t.w));
		ferry__poller_rest();
		pthread_exit(NULL);
	}
	ends_with(child, 0);
	close_both(ends);
}

T_MAIN(
	T_RUN(named_and_deaf_to_signals);
	T_RUN(descriptors_are_its_own);
	T_RUN(rests);
	T_RUN(rests_meanwhile);
	T_RUN(sleeps_while_nothing_happens);
	T_RUN(sleeps_beside_what_is_kept);
	T_RUN(a_child_has_its_own);
	T_RUN(a_child_keeps_the_file);
	T_RUN(never_in_the_way_of_an_end);
	ferry__poller_rest();
)
