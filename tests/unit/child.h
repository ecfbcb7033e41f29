/*
 * tests/unit/child.h: forked children with a time limit, and a process that
 * uses every part of Ferry once.
 */
#ifndef CHILD_H
#define CHILD_H

#include "t.h"

#include <dirent.h>
#include <ferry/ferry.h>
#include <sys/wait.h>

#include "ffi/poller.h"

#define WELL 42 /* what a child that is content exits with */

#define NO_THREADS "ThreadSanitizer does not let a forked child start threads"

T__FN char
state_of(uint32_t id)
{
	char path[64], text[256], *p;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%u/stat", id);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	p = fgets(text, sizeof text, f) != NULL ? strrchr(text, ')') : NULL;
	fclose(f);
	return p != NULL && p[1] == ' ' ? p[2] : 0;
}

T__FN bool
alone(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	uint32_t id;
	bool alone = true;

	T_ASSERT(d != NULL);
	while ((e = readdir(d)) != NULL) {
		id = (uint32_t)strtoul(e->d_name, NULL, 10);
		if (id != 0 && id != ferry__os_thread_id() &&
		    state_of(id) == 'R')
			alone = false;
	}
	closedir(d);
	return alone;
}

T__FN pid_t
in_child(void)
{
	pid_t child;

	/* Its allocator is not made ready for a child. */
	if (T_ASAN)
		T_WAIT_UNTIL(alone(), 5000);
	child = fork();
	T_GE(child, 0);
	return child;
}

T__FN void
ends_with(pid_t child, int code)
{
	int status = 0;
	pid_t r = 0;

	if (!t_wait_until((r = waitpid(child, &status, WNOHANG)) != 0, 3000)) {
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		T_FAIL("the child took too long");
	}
	T_EQ(r, child);
	T_ASSERT(WIFEXITED(status));
	T_EQ(WEXITSTATUS(status), code);
}

T__FN int
handler(ferry_call call, const void *data, size_t size, void *state)
{
	(void)state;
	return ferry_call_reply(call, FERRY_OK, data, size);
}

T__FN int
opens_handle(ferry_call call, const void *data, size_t size, void *state)
{
	ferry_handle handle;

	(void)data;
	(void)size;
	(void)state;
	T_OK(ferry_handle_open(&handle, call, NULL, NULL, NULL));
	return ferry_handle_release(handle);
}

T__FN ferry_context
open_context(const char *key)
{
	static const ferry_method methods[] = {
		{ .struct_size = sizeof methods[0], .name = "echo",
		    .handler = handler },
		{ .struct_size = sizeof methods[0], .name = "handle",
		    .handler = opens_handle },
	};
	static const ferry_event event = { .struct_size = sizeof event,
		.name = "event" };
	ferry_library_options l = { .struct_size = sizeof l, .name = "unit",
		.methods = methods, .n_methods = COUNT_OF(methods),
		.events = &event, .n_events = 1 };
	ferry_context_options o = { .struct_size = sizeof o,
		.worker_key = key };
	ferry_context context;

	T_OK(ferry_library_open(&o.library, &l));
	T_OK(ferry_context_open(&context, &o));
	T_OK(ferry_library_close(o.library));
	return context;
}

T__FN void
call(ferry_context context, uint32_t method)
{
	ferry_reply reply;
	ferry_request request;

	T_OK(ferry_request_invoke(
	    &reply, &request, context, method, "x", 2, NULL, -1));
	T_EQ(reply.status, FERRY_OK);
	T_OK(ferry_block_release(reply.data));
}

T__FN void *
call_once(void *context)
{
	call(*(ferry_context *)context, 0);
	return NULL;
}

/* Of a wait that is disarmed. */
T__FN void
never_ready(struct poll_wait *w)
{
	(void)w;
	T_FAIL("told");
}

T__FN void
wait_in_vain(void)
{
	struct poll_wait w = { .events = POLLIN, .ready = never_ready };
	int ends[2];

	T_OK(pipe(ends));
	w.fd = ends[0];
	T_OK(ferry__poller_arm(&w));
	T_ASSERT(ferry__poller_disarm(&w));
	T_OK(close(ends[0]));
	T_OK(close(ends[1]));
}

/* Through every file that has a mutex. */
T__FN void
live(void)
{
	ferry_attach_options a = { .struct_size = sizeof a,
		.flags = FERRY_ATTACH_EVENTS };
	ferry_context context = open_context("key");
	ferry_inbox inbox;
	ferry_health health = { .struct_size = sizeof health };

	T_OK(ferry_inbox_open(&inbox, NULL));
	T_OK(ferry_inbox_attach(inbox, context, &a));
	call(context, 0);
	call(context, 1);
	t_thread_join(t_thread_start(call_once, &context));
	T_OK(ferry_context_health(&health, context));
	wait_in_vain();
	T_OK(ferry_context_close(context, NULL, NULL));
	T_OK(ferry_inbox_close(NULL, inbox));
}

#endif
