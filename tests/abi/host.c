/*
 * A host for tests/abi/hosts, which gives it everything that Ferry has a name
 * for inside: what it defines must not be what Ferry calls. Real requests go
 * through, of every kind that takes another way.
 * (Its malloc, too, which Ferry does call: host_malloc.h.)
 */
#include <ferry/ferry.h>

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #condition); \
			abort(); \
		} \
	} while (0)

enum { ECHO, LATER, UNTIL_CANCELLED, KEEP, N_METHODS, MANY = 16 };

static int destroyed;

static int
echo(ferry_call call, const void *data, size_t size, void *state)
{
	(void)state;
	CHECK(ferry_clock_ns() != 0);
	return ferry_call_reply(call, FERRY_OK, data, size);
}

static void *
reply_later(void *arg)
{
	ferry_call call = *(ferry_call *)arg;
	void *block;

	free(arg);
	CHECK(ferry_block_alloc(&block, 5) == FERRY_OK);
	memcpy(block, "later", 5);
	CHECK(ferry_call_reply_block(call, 7, block, 5) == FERRY_OK);
	return NULL;
}

static int
later(ferry_call call, const void *data, size_t size, void *state)
{
	ferry_call *copy = malloc(sizeof *copy);
	pthread_t thread;

	(void)data;
	(void)size;
	(void)state;
	CHECK(copy != NULL && ferry_call_defer(call) == FERRY_OK);
	*copy = call;
	CHECK(pthread_create(&thread, NULL, reply_later, copy) == 0);
	return pthread_detach(thread);
}

static void
wake(ferry_call call, void *user)
{
	(void)call;
	CHECK(sem_post(user) == 0);
}

static int
until_cancelled(ferry_call call, const void *data, size_t size, void *state)
{
	sem_t cancelled;

	(void)data;
	(void)size;
	(void)state;
	CHECK(sem_init(&cancelled, 0, 0) == 0);
	if (ferry_call_on_cancel(call, wake, &cancelled) == FERRY_OK)
		CHECK(sem_wait(&cancelled) == 0);
	CHECK(ferry_call_check(call) == FERRY_ECANCELED);
	return FERRY_ECANCELED;
}

static void
destroy(void *object, void *state)
{
	(void)object;
	(void)state;
	destroyed++;
}

static int
keep(ferry_call call, const void *data, size_t size, void *state)
{
	ferry_handle handle;

	(void)data;
	(void)size;
	(void)state;
	CHECK(ferry_handle_open(&handle, call, &destroyed, &destroyed,
	    destroy) == FERRY_OK);
	return ferry_call_reply(call, FERRY_OK, &handle, sizeof handle);
}

static int
init(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	(void)arg;
	(void)text;
	(void)text_size;
	(void)context;
	*state = NULL;
	return 0;
}

static ferry_context
open_context(void)
{
	static const ferry_method methods[N_METHODS] = {
		{ .struct_size = sizeof *methods, .name = "echo",
		    .handler = echo },
		{ .struct_size = sizeof *methods, .name = "later",
		    .handler = later },
		{ .struct_size = sizeof *methods, .name = "until cancelled",
		    .handler = until_cancelled },
		{ .struct_size = sizeof *methods, .name = "keep",
		    .handler = keep },
	};
	ferry_library_options l = { .struct_size = sizeof l, .name = "host",
		.methods = methods, .n_methods = N_METHODS, .init = init };
	ferry_context_options c = { .struct_size = sizeof c,
		.worker_key = "host" };
	ferry_context context;
	uint32_t method;

	CHECK(ferry_library_open(&c.library, &l) == FERRY_OK);
	CHECK(ferry_context_open(&context, &c) == FERRY_OK);
	CHECK(ferry_library_close(c.library) == FERRY_OK);
	/* By name: through Concurrency Kit's table. */
	CHECK(ferry_context_method(&method, context, "keep") == FERRY_OK);
	CHECK(method == KEEP);
	CHECK(ferry_context_method(&method, context, "none") ==
	    FERRY_ENOMETHOD);
	return context;
}

static void
waited_for(ferry_context context)
{
	ferry_request request;
	ferry_reply reply;
	ferry_handle handle;

	CHECK(ferry_request_invoke(&reply, &request, context, ECHO, "hello", 5,
	    NULL, -1) == FERRY_OK);
	CHECK(reply.size == 5 && memcmp(reply.data, "hello", 5) == 0);
	CHECK(ferry_block_release(reply.data) == FERRY_OK);
	CHECK(ferry_request_invoke(&reply, &request, context, LATER, NULL, 0,
	    NULL, -1) == FERRY_OK);
	CHECK(reply.status == 7 && reply.size == 5);
	CHECK(ferry_block_release(reply.data) == FERRY_OK);
	CHECK(ferry_request_invoke(&reply, &request, context, KEEP, NULL, 0,
	    NULL, -1) == FERRY_OK);
	memcpy(&handle, reply.data, sizeof handle);
	CHECK(ferry_handle_release(handle) == FERRY_OK);
	CHECK(ferry_block_release(reply.data) == FERRY_OK);
	CHECK(ferry_request_submit(&request, context, UNTIL_CANCELLED, NULL, 0,
	    NULL) == FERRY_OK);
	CHECK(ferry_request_cancel(request) == FERRY_OK);
	CHECK(ferry_request_wait(&reply, request, -1) == FERRY_OK);
	CHECK(reply.status == FERRY_ECANCELED);
}

static void
by_inbox(ferry_context context)
{
	ferry_attach_options a = { .struct_size = sizeof a,
		.flags = FERRY_ATTACH_EVENTS | FERRY_ATTACH_LIVENESS };
	ferry_request_options o = { .struct_size = sizeof o,
		.flags = FERRY_REQUEST_ADOPT };
	ferry_request_item items[MANY];
	ferry_completion got[MANY];
	struct pollfd p = { .events = POLLIN };
	int n, seen = 0;

	CHECK(ferry_inbox_open(&o.inbox, NULL) == FERRY_OK);
	CHECK(ferry_inbox_fd(&p.fd, o.inbox) == FERRY_OK);
	CHECK(ferry_inbox_attach(o.inbox, context, &a) == FERRY_OK);
	memset(items, 0, sizeof items);
	for (int i = 0; i < MANY; i++)
		items[i] = (ferry_request_item){ .method = ECHO,
			.data = "adopted", .size = 7 };
	/* A payload that was never malloc()ed: its free function is ours. */
	o.free = destroy;
	CHECK(ferry_request_submit_many(NULL, context, items, MANY, &o) ==
	    FERRY_OK);
	while (seen < MANY) {
		CHECK(poll(&p, 1, -1) == 1);
		n = ferry_inbox_take(got, MANY, o.inbox);
		CHECK(n >= 0);
		CHECK(ferry_inbox_release(got, (uint32_t)n) == FERRY_OK);
		seen += n;
	}
	CHECK(ferry_inbox_close(NULL, o.inbox) == FERRY_OK);
}

int
main(void)
{
	ferry_context context = open_context();
	ferry_counters counters = { .struct_size = sizeof counters };

	waited_for(context);
	by_inbox(context);
	CHECK(ferry_context_counters(&counters, context) == FERRY_OK);
	CHECK(ferry_context_close(context, NULL, NULL) == FERRY_OK);
	CHECK(destroyed == 1 + MANY);
	CHECK(ferry_quiesce(-1) == FERRY_OK);
	printf("%d requests\n", (int)counters.submitted);
	return 0;
}
