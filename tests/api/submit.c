/*
 * Submitting: the three ways to hear the reply, payloads of every size, and
 * what is refused.
 *
 * A refusal is held to law 1 each time: its own code, the token untouched, no
 * request more among the accepted, nothing called and nothing freed.
 */
#include "fixture.h"

static int
note_thread(ferry_call call, void *arg)
{
	(void)call;
	*(pthread_t *)arg = pthread_self();
	return FERRY_OK;
}

/* ------------------------------------------------- three ways to be told */

static void
by_callback(void)
{
	ferry_context context = fx_open();
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	ferry_request request;
	pthread_t thread;

	request = fx_submit(context, FX_ECHO, "hello", 5, &o);
	fx_slot_await(&slot);
	T_EQ(slot.status, FERRY_OK);
	T_EQ(slot.size, 5);
	T_MEM(slot.head, "hello", 5);
	T_EQ(slot.request, request);
	T_OK(fx_do_wait(context, note_thread, &thread));
	T_ASSERT(pthread_equal(slot.thread, thread));
	fx_close(context);
	T_EQ(atomic_load(&slot.calls), 1);
}

/* Nobody needs the token of a request that calls back. */
static void
by_callback_without_token(void)
{
	ferry_context context = fx_open();
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	int status = 42;

	T_OK(ferry_request_submit(
	    NULL, context, FX_STATUS, &status, sizeof status, &o));
	fx_slot_await(&slot);
	T_EQ(slot.status, 42);
	T_EQ(slot.size, 0);
	fx_close(context);
}

static void
by_inbox(void)
{
	ferry_context context = fx_open();
	ferry_inbox inbox = fx_inbox();
	ferry_request_options o = fx_to_inbox(inbox, &inbox);
	ferry_completion c;
	ferry_request request;

	fx_attach(inbox, context, 0, NULL);
	request = fx_submit(context, FX_ECHO, "hello", 5, &o);
	c = fx_take_kind(inbox, FERRY_KIND_REPLY);
	T_EQ(c.request, request);
	T_EQ(c.context, context);
	T_EQ(c.code, FX_ECHO);
	T_EQ(c.status, FERRY_OK);
	T_ASSERT(c.user == &inbox);
	T_EQ(c.size, 5);
	T_MEM(c.data, "hello", 5);
	T_ASSERT(c.name == NULL || strcmp(c.name, "echo") == 0);
	fx_done(&c);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void
by_wait(void)
{
	ferry_context context = fx_open();
	ferry_reply reply = {0};

	T_OK(ferry_request_wait(&reply,
	    fx_submit(context, FX_ECHO, "hello", 5, NULL), -1));
	T_EQ(reply.status, FERRY_OK);
	T_EQ(reply.size, 5);
	T_MEM(reply.data, "hello", 5);
	T_EQ((uintptr_t)reply.data % 16, 0);
	/* A block outlives its context. */
	fx_close(context);
	T_MEM(reply.data, "hello", 5);
	T_OK(ferry_block_release(reply.data));
}

/* -------------------------------------------------------------- payloads */

static void
fill(unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)(i * 31 + size);
}

static void
one_size(ferry_context context, size_t size)
{
	unsigned char *sent = malloc(size + 1), *want = malloc(size + 1);
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held, request;
	ferry_reply reply;

	fill(sent, size);
	fill(want, size);
	held = fx_hold(context, &gate);
	request = fx_submit(context, FX_ECHO, sent, size, NULL);
	memset(sent, 0xee, size); /* catches what is kept and not copied */
	free(sent);
	fx_gate_open(&gate);
	T_OK(ferry_request_wait(&reply, request, -1));
	T_EQ(reply.status, FERRY_OK);
	T_EQ(reply.size, size);
	if (size > 0)
		T_MEM(reply.data, want, size);
	T_OK(ferry_block_release(reply.data));
	T_EQ(fx_wait(held), FERRY_OK);
	free(want);
}

/* Around the bytes that ride inline, and far above. */
static void
payload_sizes(void)
{
	static const size_t sizes[] = {
	    0, 1, 63, 64, 65, 127, 128, 129, 4096, 65537, 1 << 20};
	ferry_context context = fx_open();

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		one_size(context, sizes[i]);
	fx_close(context);
}

/* A payload is usable as a struct: aligned like malloc's memory. */
static void
payload_alignment(void)
{
	static const size_t sizes[] = {8, 64, 65, 100000};
	ferry_context context = fx_open();
	unsigned char bytes[100000] = {0};
	struct fx_where where;
	ferry_reply reply;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		T_OK(ferry_request_wait(&reply, fx_submit(context, FX_WHERE,
		    bytes, sizes[i], NULL), -1));
		memcpy(&where, reply.data, sizeof where);
		T_EQ(where.size, sizes[i]);
		T_EQ((uintptr_t)where.data % 16, 0);
		T_OK(ferry_block_release(reply.data));
	}
	fx_close(context);
}

static void
payload_bound(void)
{
	ferry_context_options co = fx_context_options();
	ferry_context context;
	unsigned char bytes[101] = {0};

	co.payload_max = 100;
	context = fx_open_with(&co);
	fx_submit_fails(context, FX_ECHO, bytes, 101, NULL, FERRY_E2BIG);
	fx_submit_fails(context, FX_ECHO, bytes, SIZE_MAX, NULL, FERRY_E2BIG);
	T_EQ(fx_wait(fx_submit(context, FX_ECHO, bytes, 100, NULL)), 0);
	fx_close(context);

	/* The default is 16 MiB. */
	context = fx_open();
	fx_submit_fails(
	    context, FX_NOP, bytes, (16u << 20) + 1, NULL, FERRY_E2BIG);
	fx_close(context);
}

static void
payload_unbounded(void)
{
	ferry_context_options co = fx_context_options();
	size_t size = (16u << 20) + 1;
	unsigned char *bytes = calloc(1, size);
	ferry_context context;

	co.payload_max = FERRY_UNBOUNDED;
	context = fx_open_with(&co);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, bytes, size, NULL)), 0);
	fx_close(context);
	free(bytes);
}

/* -------------------------------------------------------------- adoption */

/* ----------------------------------------------------------------- wrong */

static void
bad_arguments(void)
{
	ferry_context context = fx_open();
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);
	ferry_request request = 77;

	fx_submit_fails(context, FX_ECHO, NULL, 1, &o, FERRY_EINVAL);
	o.flags = 1u << 9;
	fx_submit_fails(context, FX_ECHO, "x", 1, &o, FERRY_EINVAL);
	o = fx_to_slot(&slot);
	o.struct_size = 0;
	fx_submit_fails(context, FX_ECHO, "x", 1, &o, FERRY_EINVAL);
	o = fx_request_options();
	o.flags = FERRY_REQUEST_ANY_THREAD; /* no callback */
	fx_submit_fails(context, FX_ECHO, "x", 1, &o, FERRY_EINVAL);
	/* A request to be waited for has to be named. */
	T_EQ(ferry_request_submit(NULL, context, FX_ECHO, "x", 1, NULL),
	    FERRY_EINVAL);
	T_EQ(fx_counters(context).submitted, 0);
	T_EQ(ferry_request_submit(&request, 0, FX_ECHO, "x", 1, NULL),
	    FERRY_EINVAL);
	T_ASSERT(fx_no_token(ferry_request_submit(
	    &request, FX_FORGED, FX_ECHO, "x", 1, NULL)));
	T_EQ(request, 77);
	fx_close(context);
	T_EQ(atomic_load(&slot.calls), 0);
}

struct longer_options {
	ferry_request_options o;
	uint64_t tail;
};

static void
struct_sizes(void)
{
	ferry_context context = fx_open();
	struct longer_options o = {fx_request_options(), 1};

	o.o.struct_size = sizeof o;
	fx_submit_fails(context, FX_NOP, NULL, 0, &o.o, FERRY_EINVAL);
	o.tail = 0;
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, &o.o)), 0);
	/* An older caller: rubbish behind what it knows is not looked at. */
	memset(&o.o.deadline_ns, 0xa5,
	    sizeof o - offsetof(ferry_request_options, deadline_ns));
	o.o.struct_size = offsetof(ferry_request_options, deadline_ns);
	T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, &o.o)), 0);
	fx_close(context);
}

static void
bad_inboxes(void)
{
	ferry_context context = fx_open();
	ferry_inbox inbox = fx_inbox();
	ferry_request_options o = fx_to_inbox(inbox, NULL);
	ferry_request request = 77;

	fx_submit_fails(context, FX_NOP, NULL, 0, &o, FERRY_EDETACHED);
	fx_attach(inbox, context, 0, NULL);
	o.callback = fx_on_reply; /* one or the other */
	fx_submit_fails(context, FX_NOP, NULL, 0, &o, FERRY_EINVAL);
	o.callback = NULL;
	T_OK(ferry_inbox_close(NULL, inbox));
	fx_submit_fails(context, FX_NOP, NULL, 0, &o, FERRY_ESTALE);
	o.inbox = FX_FORGED;
	T_ASSERT(fx_no_token(ferry_request_submit(
	    &request, context, FX_NOP, NULL, 0, &o)));
	T_EQ(request, 77);
	fx_close(context);
}

static void
unknown_methods(void)
{
	ferry_context context = fx_open();
	struct fx_slot slot = {0};
	ferry_request_options o = fx_to_slot(&slot);

	fx_submit_fails(context, FX_N_METHODS, "x", 1, &o, FERRY_ENOMETHOD);
	fx_submit_fails(context, UINT32_MAX, "x", 1, &o, FERRY_ENOMETHOD);
	fx_submit_fails(context, UINT32_MAX, "x", 1, NULL, FERRY_ENOMETHOD);
	fx_close(context);
	T_EQ(atomic_load(&slot.calls), 0);
}

/* ---------------------------------------------------------------- bounds */

/* ----------------------------------------------------------------- order */

T_MAIN(
	T_RUN(by_callback);
	T_RUN(by_callback_without_token);
	T_RUN(by_inbox);
	T_RUN(by_wait);
	T_RUN(payload_sizes);
	T_RUN(payload_alignment);
	T_RUN(payload_bound);
	T_RUN(payload_unbounded);
	T_RUN(bad_arguments);
	T_RUN(struct_sizes);
	T_RUN(bad_inboxes);
	T_RUN(unknown_methods);
)
