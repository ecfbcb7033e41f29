/*
 * Law 11, a polite guest: what Ferry's presence does to its host process.
 * Threads with names and without signals, descriptors that no child inherits,
 * nothing left behind, and nobody's settings touched.
 */
#include <dirent.h>

/* A watcher that meets a stall of the machine's has threads and descriptors of
 * its own, and may keep some. */
#define FX_LEVELS {FERRY_OFF, FERRY_OFF, FERRY_OFF, FERRY_OFF}
#include "fixture.h"

enum { MAX_ENTRIES = 256 };

/* The numbers in a folder of /proc/self: threads or descriptors. */
struct numbers {
	int n;
	uint32_t item[MAX_ENTRIES];
};

static void
read_numbers(struct numbers *out, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	T_ASSERT(dir != NULL);
	out->n = 0;
	while ((entry = readdir(dir)) != NULL) {
		char *end;
		unsigned long n = strtoul(entry->d_name, &end, 10);

		if (*end != 0 || end == entry->d_name)
			continue;
		if (strstr(folder, "/fd") && (int)n == dirfd(dir))
			continue;
		T_LT(out->n, MAX_ENTRIES);
		out->item[out->n++] = (uint32_t)n;
	}
	closedir(dir);
}

static int
has(const struct numbers *numbers, uint32_t item)
{
	for (int i = 0; i < numbers->n; i++) {
		if (numbers->item[i] == item)
			return 1;
	}
	return 0;
}

/* What is in `now` and was not in `before`. */
static struct numbers
added(const struct numbers *before, const struct numbers *now)
{
	struct numbers out = {0};

	for (int i = 0; i < now->n; i++) {
		if (!has(before, now->item[i]))
			out.item[out.n++] = now->item[i];
	}
	return out;
}

static struct numbers
threads(void)
{
	struct numbers out;

	read_numbers(&out, "/proc/self/task");
	return out;
}

static struct numbers
descriptors(void)
{
	struct numbers out;

	read_numbers(&out, "/proc/self/fd");
	return out;
}

static void
name_of(char *out, size_t size, uint32_t tid)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%u/comm", tid);
	f = fopen(path, "re");
	T_ASSERT(f != NULL);
	T_ASSERT(fgets(out, (int)size, f) != NULL);
	fclose(f);
	out[strcspn(out, "\n")] = 0;
}

static int
note_tid(ferry_call call, void *arg)
{
	(void)call;
	*(uint32_t *)arg = fx_tid();
	return FERRY_OK;
}

/* The FFI thread has the name that was asked for, the library's otherwise;
 * its companion has one too, and neither has ours. */
static void
names(const char *asked, const char *expected)
{
	struct numbers before = threads(), now, ours;
	ferry_context_options o = fx_context_options();
	char main_name[64], name[64];
	ferry_context context;
	uint32_t tid = 0;

	o.thread_name = asked;
	name_of(main_name, sizeof main_name, fx_tid());
	context = fx_open_with(&o);
	T_OK(fx_do_wait(context, note_tid, &tid));
	now = threads();
	ours = added(&before, &now);
	T_EQ(ours.n, 2);
	T_ASSERT(has(&ours, tid));
	for (int i = 0; i < 2; i++) {
		/* The companion may still be on its way to its name. */
		T_WAIT_UNTIL((name_of(name, sizeof name, ours.item[i]),
		    strcmp(name, main_name) != 0), FX_LIMIT_MS);
		T_NE(strcmp(name, ""), 0);
		if (ours.item[i] == tid)
			T_STR(name, expected);
	}
	fx_close(context);
}

static void
threads_are_named(void)
{
	names("fifteen bytes!!", "fifteen bytes!!");
	names("x", "x");
	names(NULL, "fixture");
}

static void
the_lanes_threads_too(void)
{
	struct numbers before = threads(), now, ours;
	char name[64];

	T_OK(ferry_cleanup_start(NULL));
	now = threads();
	ours = added(&before, &now);
	T_EQ(ours.n, 2);
	for (int i = 0; i < 2; i++)
		T_WAIT_UNTIL((name_of(name, sizeof name, ours.item[i]),
		    strncmp(name, "ferry-clean", 11) == 0), FX_LIMIT_MS);
	T_OK(ferry_cleanup_shutdown(NULL, NULL));
	/* Joined; the system may take a moment to forget them. */
	T_WAIT_UNTIL((now = threads(), added(&before, &now).n == 0),
	    FX_LIMIT_MS);
}

/* A field of a thread's status, in hexadecimal. */
static uint64_t
status_mask(uint32_t tid, const char *field)
{
	char path[64], line[128], format[32];
	unsigned long long mask = 0;
	int found = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%u/status", tid);
	snprintf(format, sizeof format, "%s: %%llx", field);
	f = fopen(path, "re");
	T_ASSERT(f != NULL);
	while (!found && fgets(line, sizeof line, f) != NULL)
		found = sscanf(line, format, &mask) == 1;
	fclose(f);
	T_EQ(found, 1);
	return mask;
}

/* Faults of the thread itself, which must stay open; and what the kernel or
 * the C library keeps for itself. */
static int
exempt(int number)
{
	switch (number) {
	case SIGSEGV:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGTRAP:
	case SIGABRT:
	case SIGSYS:
	case SIGKILL:
	case SIGSTOP:
	case 32:
	case 33:
		return 1;
	default:
		return 0;
	}
}

static int
watcher_runs(ferry_context context)
{
	ferry_health h = {.struct_size = sizeof h};

	T_OK(ferry_context_health(&h, context));
	return h.watcher_thread != 0;
}

static void
signals_are_blocked(void)
{
	struct numbers before, now, ours;
	ferry_context context;
	ferry_inbox inbox;
	uint64_t mine;

	if (t_emulated())
		T_SKIP_CASE("/proc shows the emulator's masks");
	before = threads();
	mine = status_mask(fx_tid(), "SigBlk");
	context = fx_open();
	T_OK(ferry_cleanup_start(NULL));
	inbox = fx_inbox();

	fx_attach(inbox, context,
	    FERRY_ATTACH_EVENTS | FERRY_ATTACH_LIVENESS, NULL);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	/* A thread that the libc is still starting has everything blocked. */
	T_WAIT_UNTIL(watcher_runs(context), FX_LIMIT_MS);
	now = threads();
	ours = added(&before, &now);
	T_EQ(ours.n, 4);
	for (int i = 0; i < ours.n; i++) {
		uint64_t mask;

		/* The C library starts a thread with everything blocked. */
		T_WAIT_UNTIL((mask = status_mask(ours.item[i], "SigBlk"),
		    (mask >> (SIGSEGV - 1) & 1) == 0), FX_LIMIT_MS);
		for (int number = 1; number <= 64; number++) {
			int blocked = mask >> (number - 1) & 1;

			if (!exempt(number))
				T_ASSERT(blocked);
			else if (number < 32)
				T_ASSERT(!blocked);
		}
	}
	T_EQ(status_mask(fx_tid(), "SigBlk"), mine); /* ours is as it was */
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
	T_OK(ferry_cleanup_shutdown(NULL, NULL));
}

static atomic_uint handler_tid;

static void
on_signal(int number)
{
	(void)number;
	atomic_store(&handler_tid, fx_tid());
}

/* A signal for the process never lands on one of Ferry's threads, although
 * those sleep and we do not. */
static void
signals_come_to_us(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	ferry_context context = fx_open();

	sigaction(SIGUSR2, &action, NULL);
	for (int i = 0; i < 100; i++) {
		T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), 0);
		atomic_store(&handler_tid, 0);
		kill(getpid(), SIGUSR2);
		T_WAIT_UNTIL(atomic_load(&handler_tid) != 0, FX_LIMIT_MS);
		T_EQ(atomic_load(&handler_tid), fx_tid());
	}
	fx_close(context);
}

/* No signal's disposition changes by anything we do. */
static void
handlers_are_left_alone(void)
{
	struct sigaction before[65], now;
	ferry_context context;

	for (int i = 1; i <= 64; i++)
		sigaction(i, NULL, &before[i]);
	context = fx_open();
	T_EQ(fx_wait(fx_submit(context, FX_EXIT, NULL, 0, NULL)),
	    FERRY_ELOST);
	fx_close(context);
	for (int i = 1; i <= 64; i++) {
		if (sigaction(i, NULL, &now) != 0)
			continue;
		T_ASSERT(now.sa_handler == before[i].sa_handler);
		T_EQ(now.sa_flags, before[i].sa_flags);
	}
}

static void
descriptors_are_close_on_exec(void)
{
	struct numbers before = descriptors(), now, ours;
	ferry_context context = fx_open();
	ferry_inbox inboxes[3];

	for (int i = 0; i < 3; i++) {
		inboxes[i] = fx_inbox();
		fx_attach(inboxes[i], context, 0, NULL);
	}
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	now = descriptors();
	ours = added(&before, &now);
	T_GE(ours.n, 3); /* the control: the inboxes' at least are there */
	for (int i = 0; i < ours.n; i++)
		T_NE(fcntl((int)ours.item[i], F_GETFD) & FD_CLOEXEC, 0);
	fx_close(context);
	for (int i = 0; i < 3; i++)
		T_OK(ferry_inbox_close(NULL, inboxes[i]));
}

static void
use_everything(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context a, b;
	ferry_inbox inbox = fx_inbox();
	ferry_completion c;

	o.worker_key = "guest";
	a = fx_open_with(&o);
	b = fx_open_with(&o);
	fx_attach(inbox, a, FERRY_ATTACH_EVENTS, NULL);
	fx_attach(inbox, b, FERRY_ATTACH_LIVENESS, NULL);
	T_EQ(fx_wait(fx_submit(a, FX_EXIT, NULL, 0, NULL)), FERRY_ELOST);
	T_EQ(fx_wait(fx_submit(b, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_close(a);
	fx_close(b);
	c = fx_take_kind(inbox, FERRY_KIND_CLOSED);
	fx_done(&c);
	T_OK(ferry_inbox_close(NULL, inbox));
}

/* Rounds of everything leave no thread and no descriptor behind. */
static void
nothing_left_behind(void)
{
	struct numbers fds, now, tasks;

	use_everything(); /* what is made once for good, is made now */
	fds = descriptors();
	tasks = threads();
	for (int i = 0; i < 20; i++)
		use_everything();
	now = descriptors();
	T_EQ(added(&fds, &now).n, 0);
	T_EQ(now.n, fds.n);
	/* One that was joined may be listed for a moment; before, too. */
	T_WAIT_UNTIL((now = threads(), now.n <= tasks.n), FX_LIMIT_MS);
}

/* Failing opens leave none either. */
static void
nothing_left_by_failures(void)
{
	struct fx_life life = {.init_result = 1};
	ferry_context_options o = fx_context_options();
	ferry_context context;
	struct numbers fds, now, tasks = threads();

	o.library = fx_library();
	o.init_arg = &life;
	T_EQ(ferry_context_open(&context, &o), FERRY_EINIT);
	fds = descriptors();
	for (int i = 0; i < 20; i++)
		T_EQ(ferry_context_open(&context, &o), FERRY_EINIT);
	now = descriptors();
	T_EQ(now.n, fds.n);
	T_WAIT_UNTIL((now = threads(), now.n <= tasks.n), FX_LIMIT_MS);
	T_OK(ferry_library_close(o.library));
}

/* Nothing is said on anybody's terminal. */
static void
silence(void)
{
	int saved[2] = {dup(1), dup(2)}, pipe_fd[2];
	char text[64];
	ssize_t n;

	T_OK(pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK));
	dup2(pipe_fd[1], 1);
	dup2(pipe_fd[1], 2);
	use_everything();
	dup2(saved[0], 1);
	dup2(saved[1], 2);
	n = read(pipe_fd[0], text, sizeof text);
	T_ASSERT(n == -1 && errno == EAGAIN);
	close(saved[0]);
	close(saved[1]);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

T_MAIN(
	fx_close(fx_open()); /* a sanitizer starts a thread with the first */
	T_RUN(threads_are_named);
	T_RUN(the_lanes_threads_too);
	T_RUN(signals_are_blocked);
	T_RUN(signals_come_to_us);
	T_RUN(handlers_are_left_alone);
	T_RUN(descriptors_are_close_on_exec);
	T_RUN(nothing_left_behind);
	T_RUN(nothing_left_by_failures);
	T_RUN(silence);
)
