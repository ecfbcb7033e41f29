/*
 * Whoever comes with a token while its context closes, and is held up between
 * the look at the stage and the look at the token until the slot has its next
 * owner: is told that the token is stale, and leaves the owner alone.
 *
 * The two files are compiled here once more, in the place of the library's, so
 * that a thread's first look of the two comes by this test.
 */
#include "api/fixture.h"

#include "ffi/context.h"
#include "ffi/handle.h"
#include "ffi/options.h"
#include "ffi/reply.h"
#include "ffi/self.h"
#include "ffi/strand_memory.h"
#include "ffi/watch.h"

/* Of this thread: where it is to be stopped, once. */
static _Thread_local struct {
	struct context *at;
	struct fx_gate *gate;
} mine;

static void
looked(const void *word)
{
	struct context *c = mine.at;

	if (c == NULL || (word != &c->stage && word != &c->slot->token))
		return;
	mine.at = NULL;
	fx_gate_pass(mine.gate);
}

static uint32_t
looked32(uint32_t found, const atom32 *word)
{
	looked(word);
	return found;
}

static uint64_t
looked64(uint64_t found, const atom64 *word)
{
	looked(word);
	return found;
}

/* Whatever order and strength they may have by then. */
#define atom32_load_relaxed(p) looked32(atom32_load_relaxed(p), (p))
#define atom32_load_acquire(p) looked32(atom32_load_acquire(p), (p))
#define atom64_load_relaxed(p) looked64(atom64_load_relaxed(p), (p))
#define atom64_load_acquire(p) looked64(atom64_load_acquire(p), (p))

#include "ffi/attach.c"
#include "ffi/context.c"

#undef atom32_load_relaxed
#undef atom32_load_acquire
#undef atom64_load_relaxed
#undef atom64_load_acquire

/* ----------------------------------------------------------------- comers */

static ferry_inbox inbox;
static atomic_uint heard;

static int
submit(ferry_context context)
{
	ferry_request request;

	return ferry_request_submit(&request, context, FX_NOP, NULL, 0, NULL);
}

static int
attach(ferry_context context)
{
	return ferry_inbox_attach(inbox, context, NULL);
}

static void
hear(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	(void)context;
	(void)event;
	(void)data;
	(void)size;
	(void)dropped;
	(void)user;
	atomic_fetch_add(&heard, 1);
}

static int
add(ferry_context context)
{
	ferry_listener_options o = {.struct_size = sizeof o,
	    .event = FERRY_EVENT_ANY, .listener = hear};
	ferry_listener listener;

	return ferry_listener_add(&listener, context, &o);
}

/* --------------------------------------------------------------- the case */

struct comer {
	pthread_t thread;
	int (*come)(ferry_context context);
	ferry_context context;
	struct context *inside;
	struct fx_gate gate;
	int result;
};

static void *
run_comer(void *arg)
{
	struct comer *a = arg;

	mine.at = a->inside;
	mine.gate = &a->gate;
	a->result = a->come(a->context);
	return NULL;
}

static void *
run_closer(void *context)
{
	T_OK(ferry_context_close(*(ferry_context *)context, NULL, NULL));
	return NULL;
}

static void
check_alone(ferry_context owner)
{
	int tick = 1;

	T_OK(ferry_context_emit(owner, FX_TICK, &tick, sizeof tick));
	T_EQ(fx_wait(fx_submit(owner, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	T_EQ(fx_counters(owner).submitted, 1);
	fx_close(owner);
	T_EQ(atomic_load(&heard), 0);
}

static void
held_up(int (*come)(ferry_context))
{
	struct comer a = {.come = come, .context = fx_open(),
	    .gate = FX_GATE_SHUT};
	struct fx_gate handler = FX_GATE_SHUT;
	ferry_request held = fx_hold(a.context, &handler);
	ferry_context owner;
	pthread_t closer;

	T_OK(ferry__context_find(&a.inside, a.context));
	T_EQ(pthread_create(&closer, NULL, run_closer, &a.context), 0);
	/* pair(busy) acquire: the closer's next steps need not the mutex. */
	T_WAIT_UNTIL(atom32_load_acquire(&a.inside->stage) ==
	    CONTEXT_CLOSING, FX_LIMIT_MS);
	T_EQ(pthread_create(&a.thread, NULL, run_comer, &a), 0);
	fx_gate_await(&a.gate, 1);
	fx_gate_open(&handler);
	T_EQ(fx_wait(held), FERRY_OK);
	pthread_join(closer, NULL);
	owner = fx_open();
	T_EQ(ferry__token_slot(owner), ferry__token_slot(a.context));
	fx_gate_open(&a.gate);
	pthread_join(a.thread, NULL);
	T_EQ(a.result, FERRY_ESTALE);
	check_alone(owner);
}

static void
a_submit(void)
{
	held_up(submit);
}

static void
an_attach(void)
{
	inbox = fx_inbox();
	held_up(attach);
	/* Of nobody: a completion would be CLOSED. */
	T_EQ(ferry_inbox_take(&(ferry_completion){0}, 1, inbox), 0);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void
a_listener(void)
{
	held_up(add);
}

T_MAIN(
	T_RUN(a_submit);
	T_RUN(an_attach);
	T_RUN(a_listener);
)
