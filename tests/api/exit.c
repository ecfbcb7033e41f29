/*
 * The end of a process that is in the middle of everything (world/world.h):
 * by every way there is, with and without ferry_quiesce(). It ends at once,
 * with its own code, says nothing and leaves nothing behind.
 *
 *	exit [RUNS]                       of each way, each
 *	exit WAY CODE QUIESCE MODES       one child, to look at
 *
 * The T_LIMIT=300 is for 100 runs; a few take seconds.
 */
#include "world/children.h"
#include "world/inside.h"

enum { RUNS = 20, SAN_RUNS = 1 };

/* ------------------------------------------------- on the host's threads */

static void
by_return(void)
{
	leaving_host();
}

static void
by_exit(void)
{
	leaving_host();
	exit(code);
}

static void
by__exit(void)
{
	leaving_host();
	_exit(code);
}

static void
ask_at_end(void)
{
	world_ask(&world);
}

static void
by_quick_exit(void)
{
	leaving_host();
	quick_exit(code);
}

static void
by_quick_exit_asking(void)
{
	T_OK(at_quick_exit(ask_at_end));
	leaving_host();
	quick_exit(code);
}

static void *
exit_elsewhere(void *arg)
{
	uint32_t *first = arg;

	if (first != NULL) /* Z: the process's first thread has ended */
		T_WAIT_UNTIL(fx_thread_state(*first) == 'Z', FX_LIMIT_MS);
	leaving_host();
	exit(code);
}

static void
by_other_thread(void)
{
	t_thread_start(exit_elsewhere, NULL);
	stay();
}

static void
by_pthread_exit(void)
{
	static uint32_t first;

	first = fx_tid();
	t_thread_start(exit_elsewhere, &first);
	pthread_exit(NULL);
}

static void *
close_stuck(void *tid)
{
	*(_Atomic uint32_t *)tid = fx_tid();
	T_OK(ferry_context_close(world.stuck, NULL, NULL));
	return NULL;
}

static void *
quiesce_for_ever(void *tid)
{
	*(_Atomic uint32_t *)tid = fx_tid();
	T_OK(ferry_quiesce(-1));
	return NULL;
}

/* While another thread is in `blocked`. */
static void
while_in(void *(*blocked)(void *))
{
	static _Atomic uint32_t tid;

	t_thread_start(blocked, &tid);
	T_WAIT_UNTIL(atomic_load(&tid) != 0, FX_LIMIT_MS);
	fx_await_sleeping(atomic_load(&tid));
	leaving_host();
	exit(code);
}

static void
in_close(void)
{
	while_in(close_stuck);
}

static void
in_quiesce(void)
{
	while_in(quiesce_for_ever);
}

/* ----------------------------------------------------- in atexit handlers */

static void
close_at_end(void)
{
	world_close(&world, modes);
}

static void
quiesce_at_end(void)
{
	world_quiesce(modes);
}

static void
with_atexit(void (*fn)(void))
{
	T_OK(atexit(fn));
	leaving_host();
	exit(code);
}

static void
asking_at_end(void)
{
	with_atexit(ask_at_end);
}

static void
closing_at_end(void)
{
	with_atexit(close_at_end);
}

static void
quiescing_at_end(void)
{
	with_atexit(quiesce_at_end);
}

/* Refused, since a handler is what ends the process; and nothing hangs. */
static void
refused_at_end(void)
{
	T_EQ(ferry_quiesce(-1), FERRY_EREENTRANT);
	T_EQ(ferry_context_close(world.stream, NULL, NULL), FERRY_EREENTRANT);
	T_EQ(ferry_inbox_close(NULL, world.inbox), FERRY_EREENTRANT);
}

static void
refused_in_handler(void)
{
	T_OK(atexit(refused_at_end));
	in_handler();
}

/* ------------------------------------------------------------- killed */

/* Opens and closes until the driver's signal comes. */
static void
killed(void)
{
	ferry_context_options o = {.struct_size = sizeof o};
	ferry_library_options l = {.struct_size = sizeof l, .name = "short"};

	for (;;) {
		ferry_context c;
		ferry_inbox inbox;

		T_OK(ferry_library_open(&o.library, &l));
		T_OK(ferry_context_open(&c, &o));
		T_OK(ferry_inbox_open(&inbox, NULL));
		T_OK(ferry_inbox_attach(inbox, c, NULL));
		T_OK(ferry_context_close(c, NULL, NULL));
		T_OK(ferry_inbox_close(NULL, inbox));
		T_OK(ferry_library_close(o.library));
	}
}

/* ---------------------------------------------------------------- ways */

enum {
	HEAVY = 1, /* wants something that never ends */
	BELL = 2   /* wants the doorbell */
};

static const struct way {
	const char *name;
	void (*run)(void);
	int wants;
} ways[] = {
    {"return", by_return, 0},
    {"exit", by_exit, 0},
    {"_exit", by__exit, 0},
    {"quick_exit", by_quick_exit, 0},
    {"quick_exit_asking", by_quick_exit_asking, 0},
    {"other_thread", by_other_thread, 0},
    {"pthread_exit", by_pthread_exit, 0},
    {"in_close", in_close, HEAVY},
    {"in_quiesce", in_quiesce, HEAVY},
    {"in_handler", in_handler, 0},
    {"in_handler_at_once", in_handler_at_once, 0},
    {"in_callback", in_callback, 0},
    {"in_doorbell", in_doorbell, BELL},
    {"in_hook", in_hook, 0},
    {"in_init", in_init, 0},
    {"in_fini", in_fini, 0},
    {"asking_at_end", asking_at_end, 0},
    {"closing_at_end", closing_at_end, 0},
    {"quiescing_at_end", quiescing_at_end, 0},
    {"refused_in_handler", refused_in_handler, 0},
    {"killed", killed, 0},
};

enum { N_WAYS = sizeof ways / sizeof ways[0] };

static int
child(char **argv)
{
	for (int i = 0; i < N_WAYS; i++) {
		const struct way *w = &ways[i];

		if (strcmp(w->name, argv[1]) != 0)
			continue;
		code = atoi(argv[2]);
		quiesce = atoi(argv[3]);
		modes = (unsigned)atoi(argv[4]);
		if (argv[5] != NULL)
			control = atoi(argv[5]);
		if (w->wants & HEAVY)
			modes &= ~(unsigned)WORLD_LIGHT;
		if (w->wants & BELL)
			world.doorbell = exit_doorbell;
		world_open(&world, modes);
		w->run();
		return code;
	}
	T_FAIL("no way is called %s", argv[1]);
}

/* -------------------------------------------------------------- driver */

static const int codes[] = {0, 3, 77, 255};

static void
plan(struct child_plan *p, const char *program, const char *way, int i, int q)
{
	memset(p, 0, sizeof *p);
	p->program = program;
	p->code = codes[(i + q) % 4];
	snprintf(p->args[0], sizeof p->args[0], "%s", way);
	snprintf(p->args[1], sizeof p->args[1], "%d", p->code);
	snprintf(p->args[2], sizeof p->args[2], "%d", q);
	/* Odd, so that few runs meet each of them with each code. */
	snprintf(p->args[3], sizeof p->args[3], "%d",
	    (i * 5 + q) % WORLD_MODES);
	snprintf(p->args[4], sizeof p->args[4], "%d", CHILD_CONTROL);
}

static void
all_ways(struct children *all, const char *self, int runs)
{
	struct child_plan p;

	for (int w = 0; w < N_WAYS; w++) {
		struct t_rng rng = {t_seed()};
		uint64_t began = t_now_ns();

		for (int i = 0; i < runs * 2; i++) {
			plan(&p, self, ways[w].name, i / 2, i % 2);
			if (ways[w].run == killed) {
				p.signal = i % 2 ? SIGKILL : SIGTERM;
				p.after_us = (unsigned)t_rand_below(
				    &rng, 20000);
			}
			children_add(all, &p);
		}
		dprintf(1, "%s: %d ms\n", ways[w].name,
		    (int)((t_now_ns() - began) / 1000000));
	}
}

static void
static_objects(struct children *all, const char *self, int runs)
{
	static char program[500];
	static const char *const how[] = {"return", "exit", "thread"};
	struct child_plan p;

	snprintf(program, sizeof program, "%s_static", self);
	for (int i = 0; i < runs * 6; i++) {
		plan(&p, program, how[i / 2 % 3], i / 6, i % 2);
		children_add(all, &p);
	}
}

int
main(int argc, char **argv)
{
	static struct children all;
	char self[400];
	int runs = T_ASAN || T_TSAN ? SAN_RUNS : RUNS;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (argc > 4)
		return child(argv);
	if (argc > 1)
		runs = atoi(argv[1]);
	T_GT(runs, 0);
	T_GT(n, 0);
	self[n] = 0;
	children_open(&all);
	all_ways(&all, self, runs);
	static_objects(&all, self, runs);
	children_close(&all);
	dprintf(1, "%u children, the slowest gone after %d ms\n", all.ended,
	    (int)(all.slowest_ns / 1000000));
	return 0;
}
