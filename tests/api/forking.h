/*
 * tests/api/forking.h: children, and what they must be able to do.
 *
 * A child ends by _exit(), as T_FAIL does, so that nothing of the parent's
 * runs twice. Each has a time limit: what hangs in a child fails its parent. It
 * is for how long the child rests, as what gets on slowly, or waits for a
 * processor, does not hang.
 */
#ifndef FORKING_H
#define FORKING_H

#include <dirent.h>
#include <sys/wait.h>

#include "fixture.h"

enum {
	FX_CHILD_MS = 2000, /* for how long a child may rest, times t_slow() */
	FX_WELL = 42        /* what a child that is content exits with */
};

/* Whether every other thread of ours sleeps just now. */
static inline int
fx_alone(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	uint32_t id;
	int alone = 1;

	T_ASSERT(d != NULL);
	while ((e = readdir(d)) != NULL) {
		id = (uint32_t)strtoul(e->d_name, NULL, 10);
		if (id != 0 && id != fx_tid() && fx_thread_state(id) == 'R')
			alone = 0;
	}
	closedir(d);
	return alone;
}

/* AddressSanitizer's allocator, unlike the C library's, is not made ready for
 * a child: whoever was in it at the fork is in it for ever. */
static inline pid_t
fx_fork(void)
{
	if (T_ASAN)
		T_WAIT_UNTIL(fx_alone(), FX_LIMIT_MS);
	return fork();
}

static inline uint64_t
fx_number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at != NULL ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* Whether one thread of a child runs, or would; how often it was put to sleep,
 * or another in its place, is added to *steps. */
static inline int
fx_thread_moves(pid_t child, const char *thread, uint64_t *steps)
{
	char path[64], text[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/task/%lu/status", (int)child,
	    strtoul(thread, NULL, 10));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	*steps += 1 + fx_number_after(text, "\nvoluntary_ctxt_switches:") +
	    fx_number_after(text, "\nnonvoluntary_ctxt_switches:");
	return strstr(text, "\nState:\tR") != NULL ||
	    strstr(text, "\nState:\tD") != NULL;
}

/* Whether any of them does, or has since the last look. */
static inline int
fx_child_moves(pid_t child, uint64_t *steps)
{
	uint64_t before = *steps;
	struct dirent *e;
	char path[32];
	int moves = 0;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/task", (int)child);
	d = opendir(path);
	*steps = 0;
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			moves |= fx_thread_moves(child, e->d_name, steps);
	if (d != NULL)
		closedir(d);
	return moves || *steps != before;
}

/* The status of a child, as waitpid() tells it; one that rests for so long, or
 * does not end at all, is killed. */
static inline int
fx_child_status(pid_t child, int limit_ms)
{
	uint64_t limit = (uint64_t)limit_ms * 1000000 * (uint64_t)t_slow();
	uint64_t most = limit + (uint64_t)FX_LIMIT_MS * 1000000 *
	    (uint64_t)t_slow();
	uint64_t began = t_now_ns(), looked = began, now = began;
	uint64_t rested = 0, steps = 0;
	int status = 0;
	pid_t r;

	T_GT(child, 0);
	while ((r = waitpid(child, &status, WNOHANG)) == 0) {
		if (rested >= limit || now - began >= most) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			T_FAIL("the child took too long");
		}
		t_sleep_ms(1);
		now = t_now_ns();
		if (now - looked < 10000000)
			continue;
		/* This process may have been held up as well. */
		rested = fx_child_moves(child, &steps) ? 0
		    : rested + (now - looked < 20000000 ? now - looked
		                                       : 20000000);
		looked = now;
	}
	T_EQ(r, child);
	return status;
}

static inline void
fx_child_exits(pid_t child, int code)
{
	int status = fx_child_status(child, FX_CHILD_MS);

	if (!WIFEXITED(status))
		T_FAIL("the child got signal %d", WTERMSIG(status));
	T_EQ(WEXITSTATUS(status), code);
}

/* Runs `run` in a child, which must be content. */
static inline void
fx_in_child(void (*run)(void *), void *arg)
{
	pid_t child = fx_fork();

	if (child == 0) {
		run(arg);
		_exit(FX_WELL);
	}
	fx_child_exits(child, FX_WELL);
}

static inline int
fx_emit_tick(ferry_call call, void *arg)
{
	ferry_call_info info = {.struct_size = sizeof info};

	T_OK(ferry_call_describe(&info, call));
	return ferry_context_emit(info.context, FX_TICK, arg, strlen(arg));
}

static inline void
fx_destroyed(void *object, void *state)
{
	(void)state;
	atomic_fetch_add((atomic_int *)object, 1);
}

/* A handle whose destroy counts in *arg. */
static inline int
fx_open_handle(ferry_call call, void *arg)
{
	ferry_handle handle;

	T_OK(ferry_handle_open(&handle, call, arg, NULL, fx_destroyed));
	return ferry_call_reply(call, FERRY_OK, &handle, sizeof handle);
}

static inline ferry_handle
fx_handle(ferry_context context, atomic_int *destroyed)
{
	ferry_reply reply;
	ferry_handle handle;

	T_OK(ferry_request_wait(
	    &reply, fx_do(context, fx_open_handle, destroyed), -1));
	T_EQ(reply.size, sizeof handle);
	memcpy(&handle, reply.data, sizeof handle);
	T_OK(ferry_block_release(reply.data));
	return handle;
}

/*
 * ThreadSanitizer knows threads by their addresses, which a child uses again
 * while they are still the parent's to it ("dup thread with used id"). So with
 * it only the parent is under test, and what its children are told.
 */
#define FX_NO_THREADS_IN_CHILDREN \
	"ThreadSanitizer does not let a forked child start threads"

static pid_t fx_first;

__attribute__((constructor)) static void
fx_note_first(void)
{
	fx_first = getpid();
}

static inline int
fx_may_start_threads(void)
{
	return !T_TSAN || getpid() == fx_first;
}

/* All that Ferry can do, with a library, context and inbox of its own. */
static inline void
fx_live_here(void)
{
	ferry_context_options co = fx_context_options();
	ferry_context context;
	ferry_inbox inbox = fx_inbox();
	struct fx_later later = FX_LATER;
	struct fx_slot slot = {0};
	atomic_int destroyed = 0;
	ferry_request_options o = fx_to_slot(&slot);
	ferry_completion c;
	ferry_request request;

	co.worker_key = "key";
	context = fx_open_with(&co);
	fx_attach(inbox, context, FERRY_ATTACH_EVENTS, NULL);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	fx_submit(context, FX_ECHO, "callback", 9, &o);
	fx_slot_await(&slot);
	T_STR((char *)slot.head, "callback");
	o = fx_to_inbox(inbox, NULL);
	fx_submit(context, FX_ECHO, "inbox", 6, &o);
	c = fx_take_kind(inbox, FERRY_KIND_REPLY);
	T_STR(c.data, "inbox");
	fx_done(&c);
	request = fx_later(context, &later);
	T_OK(ferry_call_reply(later.call, 7, NULL, 0));
	T_EQ(fx_wait(request), 7);
	T_OK(ferry_handle_release(fx_handle(context, &destroyed)));
	T_OK(fx_do_wait(context, fx_emit_tick, (char *)"tick"));
	c = fx_take_kind(inbox, FERRY_KIND_EVENT);
	T_MEM(c.data, "tick", 4);
	fx_done(&c);
	fx_close(context);
	T_EQ(atomic_load(&destroyed), 1);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static inline void
fx_live(void)
{
	if (fx_may_start_threads())
		fx_live_here();
}

static inline void
fx_live_in_child(void *unused)
{
	(void)unused;
	fx_live();
}

#endif
