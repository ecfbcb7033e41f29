/*
 * tests/api/world/loaded.h: libferry.so by dlopen(), and a conversation with it
 * that uses every kind of thing that takes memory, a descriptor or a thread.
 */
#ifndef LOADED_H
#define LOADED_H

#include <dlfcn.h>
#include <stdatomic.h>

#include <ferry/ferry.h>

#include "../../t.h"

enum { REQUESTS = 32, LIMIT_MS = 10000 };

/* ------------------------------------------------- the library, by pointer */

#define FUNCTIONS(X) \
	X(library_open) \
	X(library_close) \
	X(context_open) \
	X(context_close) \
	X(context_counters) \
	X(context_emit) \
	X(request_submit) \
	X(request_invoke) \
	X(request_wait) \
	X(call_describe) \
	X(call_defer) \
	X(call_reply) \
	X(block_alloc) \
	X(block_release) \
	X(inbox_open) \
	X(inbox_attach) \
	X(inbox_take) \
	X(inbox_wait) \
	X(inbox_release) \
	X(inbox_close) \
	X(quiesce)

struct ferry {
	void *handle;
#define FIELD(name) __typeof__(ferry_##name) *name;
	FUNCTIONS(FIELD)
#undef FIELD
};

static void
load(struct ferry *f, const char *path, int flags)
{
	f->handle = dlopen(path, RTLD_NOW | flags);
	if (f->handle == NULL)
		T_FAIL("%s", dlerror());
#define FIND(name) \
	f->name = (__typeof__(f->name))dlsym(f->handle, "ferry_" #name); \
	T_ASSERT(f->name != NULL);
	FUNCTIONS(FIND)
#undef FIND
}

/* Leaves the pointers as they are: nodelete. */
static void
unload(struct ferry *f)
{
	T_OK(dlclose(f->handle));
}

/* --------------------------------------------------------- a conversation */

/* One method, which does what its payload says with the copy it belongs to. */
struct order {
	const struct ferry *f;
	enum { ANSWER, EMIT, DEFER } what;
	_Atomic ferry_call call; /* of a deferred one */
};

static int
handle(ferry_call call, const void *data, size_t size, void *state)
{
	ferry_call_info info = {.struct_size = sizeof info};
	struct order *o;

	(void)state;
	T_EQ(size, sizeof o);
	memcpy(&o, data, sizeof o);
	T_OK(o->f->call_describe(&info, call));
	switch (o->what) {
	case EMIT:
		return o->f->context_emit(info.context, 0, "event", 6);
	case DEFER:
		T_OK(o->f->call_defer(call));
		atomic_store(&o->call, call);
		return 0;
	default:
		return o->f->call_reply(call, 0, data, size);
	}
}

static ferry_context
open_context(const struct ferry *f)
{
	static const ferry_method method = {
	    .struct_size = sizeof method, .name = "do", .handler = handle};
	static const ferry_event event = {
	    .struct_size = sizeof event, .name = "event"};
	ferry_library_options l = {.struct_size = sizeof l, .name = "loaded",
	    .methods = &method, .n_methods = 1, .events = &event,
	    .n_events = 1};
	/* Unwatched: a watcher that meets a stall of the machine's brings
	 * libraries of its own, and keeps them. */
	ferry_context_options o = {.struct_size = sizeof o,
	    .levels = {FERRY_OFF, FERRY_OFF, FERRY_OFF, FERRY_OFF}};
	ferry_context c;

	T_OK(f->library_open(&o.library, &l));
	T_OK(f->context_open(&c, &o));
	T_OK(f->library_close(o.library));
	return c;
}

static void
invoke(const struct ferry *f, ferry_context c, struct order *o)
{
	ferry_request request;
	ferry_reply reply;

	T_OK(f->request_invoke(
	    &reply, &request, c, 0, &o, sizeof o, NULL, LIMIT_MS));
	T_OK(reply.status);
	T_EQ(reply.size, o->what == ANSWER ? sizeof o : 0);
	T_OK(f->block_release(reply.data));
}

static void
defer(const struct ferry *f, ferry_context c)
{
	struct order order = {.f = f, .what = DEFER}, *o = &order;
	ferry_request request;
	ferry_reply reply;
	void *block;

	T_OK(f->request_submit(&request, c, 0, &o, sizeof o, NULL));
	T_WAIT_UNTIL(atomic_load(&order.call) != 0, LIMIT_MS);
	T_OK(f->block_alloc(&block, 100));
	T_OK(f->call_reply(order.call, 7, block, 100));
	T_OK(f->block_release(block));
	T_OK(f->request_wait(&reply, request, LIMIT_MS));
	T_EQ(reply.status, 7);
	T_OK(f->block_release(reply.data));
}

static void
take_all(const struct ferry *f, ferry_inbox inbox, uint32_t kind, int n)
{
	ferry_completion item;

	while (n > 0) {
		T_OK(f->inbox_wait(inbox, LIMIT_MS));
		if (f->inbox_take(&item, 1, inbox) == 0)
			continue;
		T_EQ(item.kind, kind);
		T_OK(f->inbox_release(&item, 1));
		n--;
	}
}

static void
converse(const struct ferry *f)
{
	struct order answer = {.f = f, .what = ANSWER}, *a = &answer;
	struct order emit = {.f = f, .what = EMIT};
	ferry_attach_options attach = {.struct_size = sizeof attach,
	    .flags = FERRY_ATTACH_EVENTS};
	ferry_context c = open_context(f);
	ferry_request_options o = {.struct_size = sizeof o};

	T_OK(f->inbox_open(&o.inbox, NULL));
	T_OK(f->inbox_attach(o.inbox, c, &attach));
	for (int i = 0; i < REQUESTS; i++)
		T_OK(f->request_submit(NULL, c, 0, &a, sizeof a, &o));
	take_all(f, o.inbox, FERRY_KIND_REPLY, REQUESTS);
	invoke(f, c, &answer);
	invoke(f, c, &emit);
	take_all(f, o.inbox, FERRY_KIND_EVENT, 1);
	defer(f, c);
	T_OK(f->context_close(c, NULL, NULL));
	take_all(f, o.inbox, FERRY_KIND_CLOSED, 1);
	T_OK(f->inbox_close(NULL, o.inbox));
}

#endif
