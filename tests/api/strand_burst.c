/*
 * What a burst of strands leaves: their stacks are kept while there is
 * something to do, given back once for a while there is not, and after that
 * nothing wakes. Catches stacks that are mapped and unmapped for each strand,
 * and those that stay.
 */
#include "strands.h"

enum { BURST = 1500, KEPT = 256, QUIET_MS = 1500 };

/* Of the process. A stack and its guard are two. */
static int
mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	int n = 0, c;

	if (f == NULL)
		T_SKIP("this system does not list mappings");
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static int
yield(ferry_call call, void *arg)
{
	(void)call;
	(void)arg;
	return ferry_strand_yield();
}

/* All at once; waited for. Returns the mappings at the end. */
static int
burst(ferry_context context)
{
	static ferry_request request[BURST];
	struct fx_gate gate = FX_GATE_SHUT;
	struct fx_gate *at = &gate;
	ferry_request held =
	    fx_submit(context, ST_GATE, &at, sizeof at, NULL);

	fx_gate_await(&gate, 1);
	for (int i = 0; i < BURST; i++)
		request[i] = st_spawn(context, yield, NULL);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	for (int i = 0; i < BURST; i++)
		T_EQ(fx_wait(request[i]), FERRY_OK);
	return mappings();
}

static uint64_t
parks(ferry_context context)
{
	ferry_counters c = {.struct_size = sizeof c};

	T_OK(ferry_context_counters(&c, context));
	return c.parks;
}

static void
stacks_are_kept_and_given_back(void)
{
	ferry_context context;
	struct timespec quiet = {.tv_sec = QUIET_MS / 1000,
	    .tv_nsec = QUIET_MS % 1000 * 1000000};
	int before;
	uint64_t n;

	if (T_TSAN || T_ASAN)
		T_SKIP_CASE("a sanitizer has mappings of its own for stacks");
	context = st_open();
	before = mappings();

	for (int i = 0; i < 3; i++) {
		T_GE(burst(context), before + 2 * BURST);
		T_GE(st_strands(context).peak, BURST);
	}
	T_WAIT_UNTIL(mappings() < before + 2 * KEPT + 100, FX_LIMIT_MS);
	T_GE(mappings(), before + 2 * KEPT);
	/* Nothing is to happen, for which there is no event. */
	n = parks(context);
	nanosleep(&quiet, NULL);
	T_LE(parks(context), n + 1);
	fx_close(context);
	T_LE(mappings(), before + 100);
}

T_MAIN(
	T_RUN(stacks_are_kept_and_given_back);
)
