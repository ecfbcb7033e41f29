/*
 * What was called, how often, and what it returned.
 */
#include "soak.h"

enum { RESULTS = 64 };

static atomic_ullong did[OPS][RESULTS];
atomic_ullong op_wedges, op_losses, op_notices[16], op_events_heard;

static const char *const names[OPS] = {
    [OP_SUBMIT] = "submit", [OP_MANY] = "submit_many",
    [OP_INVOKE] = "invoke", [OP_WAIT] = "wait", [OP_CANCEL] = "cancel",
    [OP_RELEASE] = "release", [OP_ANSWER] = "deferred reply",
    [OP_EMIT] = "emit", [OP_OPEN] = "context open",
    [OP_CLOSE] = "context close", [OP_BOX_OPEN] = "inbox open",
    [OP_BOX_CLOSE] = "inbox close", [OP_ATTACH] = "attach",
    [OP_TAKE] = "take", [OP_ADD] = "listener add",
    [OP_REMOVE] = "listener remove", [OP_REMOVE_WAIT] = "remove_wait",
    [OP_HANDLE] = "handle open", [OP_FINALIZE] = "handle release",
    [OP_SNAPSHOT] = "snapshot", [OP_DUMP] = "dump", [OP_FORK] = "fork",
    [OP_STRAND] = "strand's wait", [OP_OFFLOAD] = "offload",
    [OP_SCOPE] = "scope",
    [OP_POLL] = "strand's poll", [OP_WAKE] = "inbox wake",
};

int
op_did(enum op op, int r)
{
	int result = r > 0 ? 0 : -r & (RESULTS - 1);

	atomic_fetch_add_explicit(&did[op][result], 1, memory_order_relaxed);
	return r;
}

int
op_allow(enum op op, int r, const int *allowed)
{
	op_did(op, r);
	while (r < 0 && *allowed != 0 && *allowed != r)
		allowed++;
	if (r < 0 && *allowed == 0)
		T_FAIL("%s: %s", names[op], ferry_error_name(r));
	return r;
}

static unsigned long long
sum(enum op op)
{
	unsigned long long n = 0;

	for (int i = 0; i < RESULTS; i++)
		n += atomic_load(&did[op][i]);
	return n;
}

void
op_line(void)
{
	dprintf(1, "submits %llu, cancels %llu, events %llu, opens %llu, "
	    "wedged %llu, lost %llu, forks %llu",
	    sum(OP_SUBMIT) + sum(OP_MANY) + sum(OP_INVOKE), sum(OP_CANCEL),
	    sum(OP_EMIT), sum(OP_OPEN), atomic_load(&op_wedges),
	    atomic_load(&op_losses), sum(OP_FORK));
}

void
op_print(void)
{
	for (int op = 0; op < OPS; op++) {
		dprintf(1, "  %-16s %12llu ok", names[op],
		    atomic_load(&did[op][0]));
		for (int i = 1; i < RESULTS; i++) {
			unsigned long long n = atomic_load(&did[op][i]);

			if (n > 0)
				dprintf(1, ", %s %llu",
				    ferry_error_name(-i) + 6, n);
		}
		dprintf(1, "\n");
	}
	for (int i = 0; i < 16; i++)
		if (atomic_load(&op_notices[i]) > 0)
			dprintf(1, "  completions of kind %d: %llu\n", i,
			    atomic_load(&op_notices[i]));
	dprintf(1, "  handlers wedged %llu, threads ended by handlers %llu, "
	    "events heard %llu\n", atomic_load(&op_wedges),
	    atomic_load(&op_losses), atomic_load(&op_events_heard));
}
