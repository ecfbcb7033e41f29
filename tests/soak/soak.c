/*
 * The soak: `soak [minutes [seed]]`, or make soak MINUTES=n SEED=s. What runs
 * is in soak.h, why, and what it proves, in docs/reliability.md.
 *
 * Environment: FAULTS=0 nothing fails; FORKS=0 nothing forks; T_SLOW.
 */
#include <malloc.h>

#include "soak.h"

enum { REST_MS = 1500, LINE_S = 5, WARM_PART = 5 };

struct soak soak = {.seed = 1, .seconds = 60, .faults = 1};

/* -------------------------------------------------------------- beginning */

static int
flag(const char *name, int otherwise)
{
	const char *env = getenv(name);

	return env != NULL && *env != 0 ? atoi(env) : otherwise;
}

static void
read_arguments(int argc, char **argv)
{
	if (argc > 1)
		soak.seconds = (uint64_t)(atof(argv[1]) * 60 + 0.5);
	if (argc > 2)
		soak.seed = strtoull(argv[2], NULL, 0);
	if (soak.seconds == 0 || argc > 3)
		T_FAIL("usage: %s [minutes [seed]]", argv[0]);
	soak.faults = flag("FAULTS", 1);
	/* A sanitizer's own locks are not made for forks: a child may wait for
	 * one that a thread of the parent's held. */
	soak.forks =
	    flag("FORKS", child_supported() && !T_TSAN && !T_ASAN);
	soak.began_ns = t_now_ns();
	dprintf(1, "soak: %ju s, seed %ju, faults %d, forks %d\n",
	    (uintmax_t)soak.seconds, (uintmax_t)soak.seed, soak.faults,
	    soak.forks);
}

/* A context is opened and closed, so that what is kept for ever is there:
 * names, and the C library's and the sanitizer's own. */
static void
touch(struct berth *b, const char *key)
{
	ferry_context_options o = fx_context_options();
	ferry_context context;
	ferry_inbox inbox;

	b->last_life = 0;
	o.library = library_open();
	o.init_arg = b;
	o.worker_key = key;
	o.thread_name = key != NULL ? "soak-shared" : NULL;
	T_OK(ferry_context_open(&context, &o));
	T_OK(ferry_inbox_open(&inbox, NULL));
	T_OK(ferry_inbox_attach(inbox, context, NULL));
	T_OK(ferry_context_close(context, NULL, NULL));
	T_OK(ferry_inbox_close(NULL, inbox));
	T_OK(ferry_library_close(o.library));
}

/* ferry_stall_fn: notes that a report had a stack. */
static int
hear_stall(const ferry_stall *stall, void *user)
{
	if (stall->n_frames != 0)
		atomic_store((atomic_int *)user, 1);
	return FERRY_STALL_GO_ON;
}

static int
pass(ferry_call call, void *gate)
{
	(void)call;
	fx_gate_pass(gate);
	return FERRY_OK;
}

static void *
tell_tid(void *arg)
{
	*(uint32_t *)arg = fx_tid();
	return NULL;
}

/* How many there are when Ferry has none: a sanitizer may have one of its own,
 * from the first that is started. */
static unsigned
own_threads(void)
{
	uint32_t tid;

	t_thread_join(t_thread_start(tell_tid, &tid));
	T_WAIT_UNTIL(fx_thread_state(tid) == 0, FX_LIMIT_MS);
	return memory_threads();
}

/* A call does not come back, until its stack has been named: what is made at
 * the first stall of a process, and stays, is there. Its threads do not. */
static void
first_stall(void)
{
	atomic_int heard = 0;
	ferry_watch_options w = {.struct_size = sizeof w,
	    .interval_ms = FERRY_OFF, .callback = hear_stall, .user = &heard};
	ferry_context_options o = fx_context_options();
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_context context;
	ferry_request request;

	o.levels = (ferry_levels){.slow_ms = 10, .stalled_ms = 20};
	context = fx_open_with(&o);
	T_OK(ferry_context_watch(context, &w));
	request = fx_do(context, pass, &gate);
	T_WAIT_UNTIL(atomic_load(&heard), FX_LIMIT_MS);
	fx_gate_open(&gate);
	T_EQ(fx_wait(request), FERRY_OK);
	fx_close(context);
}

static void
start_all(void)
{
	for (unsigned i = 0; i < BERTHS; i++)
		actor_start("berth", i, berth_run, &berths[i], 0);
	for (unsigned i = 0; i < BOXES; i++)
		actor_start("inbox", i, box_run, NULL, 1);
	for (unsigned i = 0; i < PRODUCERS; i++)
		actor_start("producer", i, producer_run, NULL, 0);
	for (unsigned i = 0; i < 2; i++) {
		actor_start("answers", i, answer_run, NULL, 1);
		actor_start("cancels", i, cancel_run, NULL, 0);
		actor_start("emitter", i, emitter_run, NULL, 0);
		actor_start("ears", i, ear_run, NULL, 0);
	}
	actor_start("finalizer", 0, finalize_run, NULL, 0);
	actor_start("jailer", 0, jailer_run, NULL, 1);
	actor_start("orphans", 0, orphan_run, NULL, 1);
	actor_start("snapshots", 0, snapshot_run, NULL, 0);
	if (soak.forks)
		actor_start("forks", 0, child_run, NULL, 0);
}

/* ---------------------------------------------------------------- resting */

/* NULL, or what is not at rest. */
static const char *
still_moving(void)
{
	if (record_outstanding() != 0)
		return "a request";
	if (answers_left() != 0)
		return "a deferred call";
	if (!strand_offs_rest())
		return "an offloaded function";
	for (int i = 0; i < BERTHS; i++)
		if (!berth_at_rest(&berths[i]))
			return "a context's counters";
	return NULL;
}

static void
await_rest(void)
{
	uint64_t end = t_now_ns() + actor_limit_ns();
	const char *what;

	while ((what = still_moving()) != NULL) {
		actor_look();
		if (t_now_ns() > end)
			T_FAIL("nothing new comes, and yet does not come to "
			    "rest: %s", what);
		t_sleep_ms(1);
	}
}

/* Everybody stops submitting; what was submitted ends, with nothing new that
 * could wake who sleeps; and then the sums must be right. */
static void
rest(int warm)
{
	actor_pause();
	await_rest();
	for (int i = 0; i < BERTHS; i++)
		berth_check_rest(&berths[i]);
	memory_sample(warm);
	actor_resume();
}

static void
line(uint64_t elapsed_s)
{
	char memory[160];

	memory_line(memory, sizeof memory);
	dprintf(1, "%5ju s  ", (uintmax_t)elapsed_s);
	op_line();
	dprintf(1, "; %s\n", memory);
}

static void
run(void)
{
	uint64_t rested = soak.began_ns, next_line = LINE_S;
	uint64_t end = soak.began_ns + soak.seconds * 1000000000;
	uint64_t warm = soak.began_ns +
	    soak.seconds * 1000000000 / WARM_PART;

	while (t_now_ns() < end) {
		uint64_t elapsed_s =
		    (t_now_ns() - soak.began_ns) / 1000000000;

		t_sleep_ms(50);
		actor_look();
		(void)record_outstanding();
		if (t_now_ns() - rested > (uint64_t)REST_MS * 1000000) {
			rest(t_now_ns() > warm);
			rested = t_now_ns();
		}
		if (elapsed_s >= next_line) {
			line(elapsed_s);
			next_line = elapsed_s + LINE_S +
			    soak.seconds / 40;
		}
	}
}

/* ----------------------------------------------------------------- ending */

static void
print_table(void)
{
	dprintf(1, "operations:\n");
	op_print();
	dprintf(1, "outcomes:\n");
	record_print();
	fault_print();
	berth_print();
	strand_print();
	dprintf(1, "  longest from submit to reply: wait %.1f ms, callback "
	    "%.1f ms, inbox %.1f ms\n",
	    (double)atomic_load(&record_latency_ns[0]) / 1e6,
	    (double)atomic_load(&record_latency_ns[1]) / 1e6,
	    (double)atomic_load(&record_latency_ns[2]) / 1e6);
}

int
main(int argc, char **argv)
{
	unsigned threads, descriptors;
	long live;

	read_arguments(argc, argv);
	/* So that what the heap holds says more than how it was used. */
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	fault_install();
	threads = own_threads();
	strand_open();
	touch(&berths[0], NULL);
	touch(&berths[0], "soak-a");
	if (!T_PORTABLE) /* else there are no stacks */
		first_stall();
	/* The kernel takes a moment to forget those that have been joined. */
	T_WAIT_UNTIL(memory_threads() == threads, FX_LIMIT_MS);
	live = fault_live();
	descriptors = memory_descriptors();

	fault_enable(soak.faults);
	start_all();
	run();
	rest(1);
	atomic_store(&soak.stopping, 1);
	actor_join_all();
	fault_enable(0);
	print_table();
	memory_judge();
	T_EQ(record_outstanding(), 0);
	T_WAIT_UNTIL(memory_threads() == threads, FX_LIMIT_MS);
	T_EQ(memory_descriptors(), descriptors);
	T_EQ(fault_live(), live);
	dprintf(1, "soak: all is accounted for\n");
	return 0;
}
