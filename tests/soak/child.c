/*
 * Forks while everything moves: the child's old tokens are FERRY_EFORKED, it
 * opens a context of its own, uses it, and ends with a code that is looked at.
 */
#include <sys/wait.h>

#include "soak.h"

enum { EFORKED = -31, WELL = 43, CHILD_S = 20 };

/* A library that knows the error knows forks. */
int
child_supported(void)
{
	return strcmp(ferry_error_name(EFORKED), "FERRY_EFORKED") == 0;
}

#define CHILD_EQ(a, b) \
	do { \
		int child__a = (a); \
		if (child__a != (b)) { \
			dprintf(2, "child: %s: %d\n", #a, child__a); \
			_exit(1); \
		} \
	} while (0)

static void
old_tokens(ferry_context context, ferry_inbox inbox)
{
	ferry_counters c = {.struct_size = sizeof c};
	ferry_completion item;

	if (context != 0) {
		CHILD_EQ(ferry_request_submit(
		    NULL, context, M_PLAIN, NULL, 0, NULL), EFORKED);
		CHILD_EQ(ferry_context_counters(&c, context), EFORKED);
		CHILD_EQ(ferry_context_close(context, NULL, NULL), EFORKED);
	}
	if (inbox != 0) {
		CHILD_EQ(ferry_inbox_take(&item, 1, inbox), EFORKED);
		CHILD_EQ(ferry_inbox_close(NULL, inbox), EFORKED);
	}
}

static void
own_context(void)
{
	ferry_context_options o = fx_context_options();
	ferry_context context = 0;
	ferry_request request = 0;
	ferry_reply reply;

	o.library = fx_library();
	CHILD_EQ(ferry_context_open(&context, &o), FERRY_OK);
	for (int i = 0; i < 10; i++) {
		CHILD_EQ(ferry_request_invoke(&reply, &request, context,
		    FX_ECHO, "child", 6, NULL, CHILD_S * 1000), FERRY_OK);
		CHILD_EQ(memcmp(reply.data, "child", 6), 0);
		CHILD_EQ(ferry_block_release(reply.data), FERRY_OK);
	}
	CHILD_EQ(ferry_context_close(context, NULL, NULL), FERRY_OK);
	CHILD_EQ(ferry_library_close(o.library), FERRY_OK);
}

static void
be_child(ferry_context context, ferry_inbox inbox)
{
	/* One that hangs is ended, and seen. */
	alarm(CHILD_S * (unsigned)t_slow());
	fault_enable(0);
	old_tokens(context, inbox);
	own_context();
	_exit(WELL);
}

static void
fork_one(struct actor *a)
{
	uint64_t life;
	ferry_context context =
	    berth_context(&berths[t_rand_below(&a->rng, BERTHS)]);
	ferry_inbox inbox = box_some(&a->rng, &life);
	pid_t child;
	int status;

	actor_begin("fork", context);
	child = fork();
	if (child == 0)
		be_child(context, inbox);
	T_GT(child, 0);
	op_did(OP_FORK, 0);
	while (waitpid(child, &status, 0) == -1)
		T_EQ(errno, EINTR);
	actor_end(0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != WELL)
		T_FAIL("a child ended with %#x", (unsigned)status);
}

void
child_run(struct actor *a)
{
	while (actor_turn(a)) {
		t_sleep_ms(10 + (unsigned)t_rand_below(&a->rng, 300));
		fork_one(a);
	}
}
