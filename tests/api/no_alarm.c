/*
 * No false alarms: times in which a call does not come back, and it is not its
 * fault. Each with its control: the same call, when it is its fault.
 *
 * A control comes after: what was no stall until then is one as soon as it
 * has had its time.
 */
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "stalls.h"

enum { AWAY_MS = 3000, SPINNERS = 16 };

static uint32_t
level_ms(void)
{
	return 500 * (uint32_t)t_slow();
}

static void
open_patient(struct scene *s, uint32_t stalled)
{
	ferry_context_options o = fx_context_options();

	o.levels.slow_ms = stalled / 2;
	o.levels.stalled_ms = stalled;
	o.levels.wedged_ms = FERRY_OFF;
	scene_open(s, &o);
}

/* A call in hand, which the watcher has seen. */
static ferry_request
hold_seen(struct scene *s, struct fx_gate *gate)
{
	ferry_request held = fx_hold(s->context, gate);

	T_WAIT_UNTIL(health(s->context).age_ns > 0, FX_LIMIT_MS);
	return held;
}

/* Nothing was said of a call that has been in hand since `began`, and was away
 * for `away_ns` of that: unless it has had its time meanwhile. Of an absence
 * one and a half ticks may count, and a tick is a sixth of the level. */
static void
none_yet(struct scene *s, uint64_t began_ns, uint64_t away_ns)
{
	const struct stall *r = stalls_find(&s->heard, 0, FERRY_STALL_BEGAN);
	uint64_t took = t_now_ns() - began_ns - away_ns;

	if (away_ns != 0)
		took += level_ms() * UINT64_C(1000000) / 4;
	if (took < level_ms() * UINT64_C(1000000)) {
		T_ASSERT(r == NULL);
		T_EQ(fx_counters(s->context).stall_episodes, 0);
	} else {
		dprintf(1, "  (too slow to tell: %ju ms)\n",
		    (uintmax_t)took / 1000000);
	}
}

static void
then_it_stalls(struct scene *s, struct fx_gate *gate, ferry_request held)
{
	const struct stall *r =
	    stalls_await(&s->heard, 0, FERRY_STALL_BEGAN);

	T_EQ(r->s.request, held);
	fx_gate_open(gate);
	T_EQ(fx_wait(held), FERRY_OK);
	scene_close(s);
}

/* ------------------------------------------------------------- the process */

/* Stopped by a signal, as a shell does. */
static void
stopped(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	ferry_request held;
	uint64_t began;
	pid_t child, self = getpid();

	open_patient(&s, level_ms());
	began = t_now_ns();
	held = hold_seen(&s, &gate);
	child = fork();
	T_GE(child, 0);
	if (child == 0) {
		kill(self, SIGSTOP);
		t_sleep_ms(AWAY_MS);
		kill(self, SIGCONT);
		_exit(0);
	}
	T_EQ(waitpid(child, NULL, 0), child);
	T_GE(t_now_ns() - began, AWAY_MS * UINT64_C(1000000));
	none_yet(&s, began, AWAY_MS * UINT64_C(1000000));
	T_WAIT_UNTIL(
	    fx_counters(s.context).observer_gaps > 0, FX_LIMIT_MS);
	then_it_stalls(&s, &gate, held);
}

/* -------------------------------------------------------------- a debugger */

struct gdb {
	pid_t pid;
	char folder[32], ready[64], go[64];
	char at[16];
};

/* It says that it has started, and attaches when it is told to. */
static void
gdb_be(const struct gdb *g)
{
	char ready[96], go[96], attach[32], away[32];

	snprintf(ready, sizeof ready, "shell echo > %s", g->ready);
	snprintf(go, sizeof go, "shell read x < %s", g->go);
	snprintf(attach, sizeof attach, "attach %s", g->at);
	snprintf(away, sizeof away, "shell sleep %d", AWAY_MS / 1000);
	T_ASSERT(freopen("/dev/null", "r", stdin) != NULL);
	T_ASSERT(freopen("/dev/null", "w", stdout) != NULL);
	T_ASSERT(freopen("/dev/null", "w", stderr) != NULL);
	execlp("gdb", "gdb", "-q", "-nx", "-batch",
	    "-iex", "set debuginfod enabled off",
	    "-iex", "set auto-solib-add off", "-ex", ready, "-ex", go,
	    "-ex", attach, "-ex", away, "-ex", "detach", (char *)NULL);
	_exit(127);
}

static void
gdb_start(struct gdb *g)
{
	pid_t self = getpid();

	snprintf(g->folder, sizeof g->folder, "/tmp/ferry-gdb-XXXXXX");
	T_ASSERT(mkdtemp(g->folder) != NULL);
	snprintf(g->ready, sizeof g->ready, "%s/ready", g->folder);
	snprintf(g->go, sizeof g->go, "%s/go", g->folder);
	snprintf(g->at, sizeof g->at, "%d", (int)self);
	T_OK(mkfifo(g->ready, 0600));
	T_OK(mkfifo(g->go, 0600));
	g->pid = fork();
	T_GE(g->pid, 0);
	if (g->pid == 0)
		gdb_be(g);
}

/* 1: it is there; 0: it is not, or will not. */
static int
gdb_await(struct gdb *g)
{
	int fd = open(g->ready, O_RDONLY | O_NONBLOCK | O_CLOEXEC), there = 0;
	char byte;

	T_GE(fd, 0);
	T_WAIT_UNTIL((there = read(fd, &byte, 1) == 1) ||
	    waitpid(g->pid, NULL, WNOHANG) == g->pid, 3 * FX_LIMIT_MS);
	close(fd);
	return there;
}

static void
gdb_end(struct gdb *g)
{
	unlink(g->ready);
	unlink(g->go);
	T_OK(rmdir(g->folder));
}

/* When, for the longest time, a thread did not get on. */
struct pulse {
	atomic_int stop;
	uint64_t from_ns, to_ns;
	pthread_t thread;
};

static void *
beat(void *arg)
{
	struct pulse *p = arg;
	uint64_t last = t_now_ns(), now;

	while (!atomic_load(&p->stop)) {
		t_sleep_ms(1);
		now = t_now_ns();
		if (now - last > p->to_ns - p->from_ns) {
			p->from_ns = last;
			p->to_ns = now;
		}
		last = now;
	}
	return NULL;
}

/* A debugger stops one thread after the other: for how long two of them stood
 * at the same time, and with them those that started in between. */
static uint64_t
both_stood(const struct pulse *a, const struct pulse *b)
{
	uint64_t from = a->from_ns > b->from_ns ? a->from_ns : b->from_ns;
	uint64_t to = a->to_ns < b->to_ns ? a->to_ns : b->to_ns;

	return to > from ? to - from : 0;
}

/* Held by a debugger all through. */
static void
debugged(void)
{
	struct pulse pulses[2] = {{0}, {0}};
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	struct gdb g;
	ferry_request held;
	uint64_t began, away;
	int fd;

	if (runs_in_another())
		T_SKIP_CASE("the debugger would see another program");
	gdb_start(&g);
	if (!gdb_await(&g)) {
		gdb_end(&g);
		T_SKIP_CASE("no gdb");
	}
	pulses[0].thread = t_thread_start(beat, &pulses[0]);
	open_patient(&s, level_ms());
	pulses[1].thread = t_thread_start(beat, &pulses[1]);
	began = t_now_ns();
	held = hold_seen(&s, &gate);
	fd = open(g.go, O_WRONLY | O_CLOEXEC);
	T_GE(fd, 0);
	T_EQ(write(fd, "\n", 1), 1);
	close(fd);
	T_EQ(waitpid(g.pid, NULL, 0), g.pid);
	gdb_end(&g);
	for (int i = 0; i < 2; i++) {
		atomic_store(&pulses[i].stop, 1);
		t_thread_join(pulses[i].thread);
	}
	away = both_stood(&pulses[0], &pulses[1]);
	if (away >= AWAY_MS * UINT64_C(900000))
		none_yet(&s, began, away);
	else
		dprintf(1, "  (gdb may not trace here)\n");
	then_it_stalls(&s, &gate, held);
}

/* ----------------------------------------------------------- other threads */

struct load {
	pthread_t threads[SPINNERS];
	atomic_int stop;
};

static void *
spin(void *arg)
{
	struct load *l = arg;

	while (!atomic_load_explicit(&l->stop, memory_order_relaxed))
		;
	return NULL;
}

static void
load_start(struct load *l)
{
	atomic_store(&l->stop, 0);
	for (int i = 0; i < SPINNERS; i++)
		l->threads[i] = t_thread_start(spin, l);
}

static void
load_end(struct load *l)
{
	atomic_store(&l->stop, 1);
	for (int i = 0; i < SPINNERS; i++)
		t_thread_join(l->threads[i]);
}

static uint64_t
cpu_ns(void)
{
	struct timespec ts;

	T_OK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts));
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

struct sum {
	uint64_t ns;      /* of a processor, to be used */
	uint32_t scope_ms; /* or 0 */
	uint64_t took_ns; /* by the clock */
	atomic_int goes_on; /* until that is 0, whatever it uses */
};

static int
compute_run(ferry_call call, void *arg)
{
	struct sum *c = arg;
	uint64_t began = cpu_ns(), since = t_now_ns();

	if (c->scope_ms != 0)
		T_OK(ferry_scope_push(call, "computes", c->scope_ms));
	while (cpu_ns() - began < c->ns || atomic_load(&c->goes_on))
		;
	c->took_ns = t_now_ns() - since;
	return FERRY_OK;
}

/* The control: however seldom the watcher gets to look, in the end it tells. */
static void
compute_until_told(struct scene *s, struct sum *c)
{
	ferry_request request;

	atomic_store(&c->goes_on, 1);
	request = fx_do(s->context, compute_run, c);
	T_EQ(stalls_await(&s->heard, 0, FERRY_STALL_BEGAN)->s.request,
	    request);
	atomic_store(&c->goes_on, 0);
	T_EQ(fx_wait(request), FERRY_OK);
}

/* Computes for half of what it may, which takes far longer than that by the
 * clock: its machine is full, and that may be said, but no more. Then the
 * machine is there for it, and it takes too long. */
static void
crowded(void)
{
	uint32_t level = 60 * (uint32_t)t_slow();
	struct sum c = {.ns = level * UINT64_C(500000)};
	struct load load;
	struct scene s;

	if (T_PORTABLE || runs_in_another())
		T_SKIP_CASE("who waits for a processor is not known here");
	open_patient(&s, level);
	load_start(&load);
	for (int i = 0; i < 3; i++) {
		T_EQ(fx_do_wait(s.context, compute_run, &c), FERRY_OK);
		dprintf(1, "  %ju ms for %ju\n",
		    (uintmax_t)c.took_ns / 1000000,
		    (uintmax_t)c.ns / 1000000);
		T_EQ(stalls_count(&s.heard, FERRY_STALL_BEGAN), 0);
	}
	load_end(&load);
	T_EQ(fx_counters(s.context).stall_episodes, 0);
	compute_until_told(&s, &c);
	scene_close(&s);
}

/* Without any load, in a scope; and then without one. */
static void
computes_in_its_scope(void)
{
	uint32_t level = 50 * (uint32_t)t_slow();
	struct sum c = {.ns = 4 * level * UINT64_C(1000000),
	    .scope_ms = 100 * level};
	struct scene s;
	uint64_t began, outside;

	open_patient(&s, level);
	began = t_now_ns();
	T_EQ(fx_do_wait(s.context, compute_run, &c), FERRY_OK);
	outside = t_now_ns() - began - c.took_ns;
	scene_settle(&s);
	/* But, on a busy machine, that it is one; or what is so slow in its
	 * beginning is told of, where nothing is known of processors. */
	if (outside < level * UINT64_C(1000000) ||
	    !(T_PORTABLE || runs_in_another()))
		T_EQ(stalls_n(&s.heard),
		    stalls_count(&s.heard, FERRY_STALL_OVERLOADED));
	scene_close(&s);
	open_patient(&s, level);
	c.scope_ms = 0;
	compute_until_told(&s, &c);
	scene_close(&s);
}

/* ------------------------------------------------------------------ clocks */

/*
 * The time of day, as this process and its libraries see it: it jumps when the
 * test says so. The machine's own is left alone.
 */
static atomic_int_least64_t jumped_s;
static atomic_uint asked;

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);

	if (r == 0 && id == CLOCK_REALTIME) {
		atomic_fetch_add(&asked, 1);
		ts->tv_sec += (time_t)atomic_load(&jumped_s);
	}
	return r;
}

static void
jump(int64_t seconds)
{
	struct timespec before, after;
	uint64_t began = t_now_ns();

	T_OK(clock_gettime(CLOCK_REALTIME, &before));
	atomic_fetch_add(&jumped_s, seconds);
	T_OK(clock_gettime(CLOCK_REALTIME, &after));
	/* And for as long as this took. */
	T_LE(after.tv_sec - before.tv_sec - seconds,
	    1 + (int64_t)((t_now_ns() - began) / 1000000000));
	T_GE(after.tv_sec - before.tv_sec - seconds, 0);
}

/* An hour there and a day back, with a call in hand, and while it is idle. */
static void
clock_steps(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	ferry_request held;
	uint64_t began;
	const struct stall *r;

	open_patient(&s, level_ms());
	jump(3600);
	T_EQ(fx_wait(fx_submit(s.context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
	began = t_now_ns();
	held = hold_seen(&s, &gate);
	jump(3600);
	none_yet(&s, began, 0);
	jump(-86400);
	none_yet(&s, began, 0);
	/* Nor does it keep one from coming. */
	r = stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
	T_GE(t_now_ns() - began, level_ms() * UINT64_C(1000000));
	T_LT(r->s.age_ns, 3600 * UINT64_C(1000000000));
	jump(7200);
	then_it_stalls(&s, &gate, held);
}

T_MAIN(
	T_RUN(stopped);
	T_RUN(debugged);
	T_RUN(crowded);
	T_RUN(computes_in_its_scope);
	T_RUN(clock_steps);
)
