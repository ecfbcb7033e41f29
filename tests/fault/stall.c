/*
 * A stall, while what its report needs is refused: memory, threads,
 * descriptors. The call is answered, its inbox hears of the beginning and of
 * the end, the callback and the file of what could be had; nothing is left
 * over, and the next stall is reported in full.
 *
 * Faults begin before the call, whose submit needs nothing, and end when all
 * has been said. What is made at the first stall of a process is refused in
 * processes of their own.
 */
#include "steps.h"

#include "api/stalls.h"
#include "event/trace_map.h"
#include "ffi/context.h"
#include "ffi/pool.h"

int __real_ferry__pool_start(struct pool *p, const struct pool_ops *ops,
    const struct pool_options *o);
int __wrap_ferry__pool_start(struct pool *p, const struct pool_ops *ops,
    const struct pool_options *o);

/* The threads that unwind and write go at once: each stall starts its own, and
 * half a second need not pass until it is known what it has left. */
int
__wrap_ferry__pool_start(struct pool *p, const struct pool_ops *ops,
    const struct pool_options *o)
{
	struct pool_options soon = *o;

	soon.idle_ns = 1000000;
	return __real_ferry__pool_start(p, ops, &soon);
}

/* The nth of these fails in the next stall, or with `on` all from there. */
static struct {
	unsigned kinds; /* 0: none */
	unsigned long at;
	int on;
} plan;

/* ----------------------------------------------------------------- a stall */

struct watched {
	ferry_context context;
	ferry_inbox inbox;
	struct event_thread *thread; /* stays readable */
	struct stalls heard;
	struct fx_gate gate;
	char path[32];
};

static void
open_it(struct watched *w)
{
	ferry_context_options o = fx_context_options();
	ferry_watch_options to;
	struct context *inside;
	int fd;

	memset(w, 0, sizeof *w);
	pthread_mutex_init(&w->heard.lock, NULL);
	stalls_of_scene = &w->heard;
	strcpy(w->path, "/tmp/ferry-stall-XXXXXX");
	fd = mkstemp(w->path);
	T_GE(fd, 0);
	close(fd);
	o.levels.stalled_ms = 10 * (uint32_t)t_slow();
	w->context = steps_open(&o);
	w->inbox = watch(w->context, NULL);
	to = watching_by(&w->heard);
	to.path = w->path;
	T_OK(ferry_context_watch(w->context, &to));
	T_OK(ferry__context_find(&inside, w->context));
	w->thread = &ferry__context_worker(inside)->events;
	/* What this thread needs to submit to it. */
	T_EQ(fx_wait(fx_submit(w->context, FX_NOP, NULL, 0, NULL)), FERRY_OK);
}

static uint32_t
written(const struct watched *w)
{
	FILE *f = fopen(w->path, "re");
	char line[1024];
	uint32_t n = 0;

	T_ASSERT(f != NULL);
	while (fgets(line, sizeof line, f) != NULL)
		n += strstr(line, "Z ferry: library ") != NULL;
	fclose(f);
	return n;
}

static uint32_t
unwritten(const struct watched *w)
{
	return (uint32_t)atom64_load_relaxed(&w->thread->unwritten);
}

static void
close_it(struct watched *w)
{
	struct stalls *h = &w->heard;

	fx_close(w->context);
	T_EQ(stalls_count(h, FERRY_STALL_BEGAN),
	    stalls_count(h, FERRY_STALL_ENDED));
	/* What the callback could not be told the file may have been. */
	T_GE(written(w) + unwritten(w), stalls_n(h));
	T_OK(ferry_inbox_close(NULL, w->inbox));
	T_OK(unlink(w->path));
	stalls_of_scene = NULL;
	stalls_free(h);
	pthread_mutex_destroy(&h->lock);
}

static int
stand(ferry_call call, void *arg)
{
	(void)call;
	fx_gate_pass(arg);
	return FERRY_OK;
}

static ferry_request
stall(struct watched *w)
{
	w->gate = (struct fx_gate)FX_GATE_SHUT;
	if (plan.kinds != 0)
		inject_arm(plan.kinds, plan.at, plan.on);
	return fx_do(w->context, stand, &w->gate);
}

/* A notice of it, which may have no text. */
static void
take(struct watched *w, uint32_t kind, ferry_request request, int has_text)
{
	ferry_completion c = take_notice(w->inbox, kind);

	T_EQ(c.context, w->context);
	T_EQ(c.request, request);
	T_EQ(c.code, FX_DO);
	T_STR(c.name, "do");
	T_EQ(c.level, FERRY_LEVEL_STALLED);
	T_ASSERT(!has_text || c.data != NULL);
	if (c.data != NULL) {
		T_EQ(strlen(c.data), c.size);
		T_ASSERT(strstr(c.data, "verdict: ") != NULL);
	}
	fx_done(&c);
}

/* A look that began after this: what was being told before has been. */
static void
await_look(const struct watched *w)
{
	uint64_t now_ns = ferry_clock_ns();

	T_WAIT_UNTIL(atom64_load_acquire(&w->thread->looked_ns) > now_ns,
	    FX_LIMIT_MS);
}

/* Opens the gate: it ends, and all have been told so that can be. */
static void
let_go(struct watched *w, ferry_request request, int has_text)
{
	fx_gate_open(&w->gate);
	T_EQ(fx_wait(request), FERRY_OK);
	take(w, FERRY_KIND_RESPONDING, request, has_text);
	await_look(w);
	/* The file is told before the callback. */
	T_WAIT_UNTIL(
	    written(w) + unwritten(w) >= stalls_n(&w->heard), FX_LIMIT_MS);
}

/* -------------------------------------------------- with something refused */

/* Returns how many points failed. One that does is tried again: the callback
 * hears of it, sooner or later. */
static unsigned long
stall_refused(struct watched *w)
{
	struct stalls *h = &w->heard;
	ferry_request request = stall(w);

	take(w, FERRY_KIND_NOT_RESPONDING, request, 0);
	if (!plan.on)
		stalls_await(h, 0, FERRY_STALL_BEGAN);
	let_go(w, request, 0);
	T_EQ(stalls_count(h, FERRY_STALL_BEGAN),
	    stalls_count(h, FERRY_STALL_ENDED));
	plan.kinds = 0;
	return inject_disarm();
}

/* ------------------------------------------------------------- and in full */

/* Where stacks are to be had. */
static int
has_stacks(void)
{
	const char *wrap = getenv("T_WRAP");

	return !T_PORTABLE && (wrap == NULL || *wrap == '\0');
}

/* Of a report from `from` on; the first may have come before its stack, or of
 * a thread that was held up on its way to the gate. */
static int
is_told_of_lock(struct stalls *h, uint32_t from)
{
	int verdict = 0, stack = 0;

	pthread_mutex_lock(&h->lock);
	for (uint32_t i = from; i < h->n; i++) {
		verdict |= h->at[i]->s.verdict == FERRY_VERDICT_BLOCKED_LOCK;
		stack |= h->at[i]->s.n_frames > 1 &&
		    strstr(h->at[i]->text, "stack:") != NULL;
	}
	pthread_mutex_unlock(&h->lock);
	return verdict && stack;
}

static void
stall_in_full(struct watched *w)
{
	struct stalls *h = &w->heard;
	uint32_t from = stalls_n(h), missed = unwritten(w);
	uint32_t before = written(w);
	ferry_request request = stall(w);
	const struct stall *s;

	take(w, FERRY_KIND_NOT_RESPONDING, request, 1);
	s = stalls_await(h, from, FERRY_STALL_BEGAN);
	T_EQ(s->s.request, request);
	T_STR(s->method, "do");
	T_STR(s->library, "fault");
	if (has_stacks())
		T_WAIT_UNTIL(is_told_of_lock(h, from), FX_LIMIT_MS);
	let_go(w, request, 1);
	T_ASSERT(stalls_find(h, from, FERRY_STALL_ENDED) != NULL);
	T_EQ(unwritten(w), missed);
	T_WAIT_UNTIL(written(w) - before == stalls_n(h) - from, FX_LIMIT_MS);
}

/* One with these refused, if any, and one in full. */
static unsigned long
both(unsigned kinds, unsigned long at, int on)
{
	struct watched w;
	unsigned long fired = 0;

	plan.kinds = kinds;
	plan.at = at;
	plan.on = on;
	open_it(&w);
	if (kinds != 0)
		fired = stall_refused(&w);
	stall_in_full(&w);
	close_it(&w);
	return fired;
}

/* ------------------------------------------------- what begins unheard of */

/* In a worker's first stall there is no room for a report until it has begun:
 * the callback, which has not heard of that, does not hear of the end; unless
 * it has been told that it goes on, on a busy machine. The file is to have one
 * report more or less, which is counted. */
static void
begin_unheard(void)
{
	struct watched w;
	struct stalls *h = &w.heard;
	ferry_request request;

	plan.kinds = INJECT_FOR_EVER;
	plan.at = plan.on = 1;
	open_it(&w);
	request = stall(&w);
	take(&w, FERRY_KIND_NOT_RESPONDING, request, 0);
	await_look(&w);
	T_GE(unwritten(&w), 1);
	T_EQ(stalls_n(h), 0);
	plan.kinds = 0;
	T_NE(inject_disarm(), 0);
	let_go(&w, request, 1);
	T_EQ(stalls_count(h, FERRY_STALL_BEGAN), 0);
	T_EQ(stalls_count(h, FERRY_STALL_ENDED),
	    stalls_count(h, FERRY_STALL_GOES_ON) != 0);
	T_WAIT_UNTIL(written(&w) >= 1, FX_LIMIT_MS);
	T_WAIT_UNTIL(written(&w) + unwritten(&w) > stalls_n(h), FX_LIMIT_MS);
	stalls_free(h);
	stall_in_full(&w);
	close_it(&w);
}

/* ------------------------------------------------------- once and for ever */

/* The table of modules comes with the first stack, which a stall may have ended
 * before. No thread of the scribe's is there. */
static void
make_table(void)
{
	inject_await_threads();
	ferry__map_look();
}

static unsigned long
turn(int on)
{
	struct inject_level before;
	unsigned long n = 0, fired;

	inject_await_threads();
	before = inject_level();
	do {
		fired = both(INJECT_ALL, ++n, on);
		inject_same(&before);
	} while (fired != 0);
	return n - 1;
}

/* What is made once is there after the first one, and stays. */
static void
each_point(void)
{
	unsigned long once, on;

	both(0, 0, 0);
	both(0, 0, 0);
	make_table();
	once = turn(0);
	on = turn(1);
	dprintf(1, "\t%lu points once, %lu from then on\n", once, on);
	T_GE(once, has_stacks() ? 20 : 10);
	T_GE(on, has_stacks() ? 20 : 10);
}

/* --------------------------------------------- the first stall of a process */

/* Descriptors are the same each time; what is made once is not. */
#define MADE_ONCE (INJECT_ALL & ~(unsigned)(INJECT_DESCRIPTOR | INJECT_FILE))

#define KEPT "FERRY_TEST_KEPT" /* names the file of what each has kept */

static int
first_in_child(char **args)
{
	struct inject_level before;
	unsigned long fired = both(
	    MADE_ONCE, strtoul(args[0], NULL, 10), atoi(args[1]));
	FILE *f;

	make_table();
	before = inject_level();
	f = fopen(getenv(KEPT), "ae");
	T_ASSERT(f != NULL);
	fprintf(f, "%zu\n", before.kept);
	fclose(f);
	both(0, 0, 0);
	inject_same(&before);
	return fired != 0 ? INJECT_FIRED : INJECT_NONE_FIRED;
}

/* Whatever was refused, each has kept as much as the last one, to which
 * nothing was: what was got in vain is used by the next try. */
static void
first(void)
{
	char path[] = "/tmp/ferry-kept-XXXXXX";
	int fd = mkstemp(path);
	size_t kept, same = 0;
	FILE *f;

	T_GE(fd, 0);
	T_OK(setenv(KEPT, path, 1));
	inject_fresh("first", 5);
	f = fdopen(fd, "r");
	T_ASSERT(f != NULL);
	while (fscanf(f, "%zu", &kept) == 1) {
		if (same == 0)
			same = kept;
		T_EQ(kept, same);
	}
	T_NE(same, 0);
	fclose(f);
	T_OK(unlink(path));
}

T_MAIN(
	if (argc > 3 && strcmp(argv[1], "first") == 0)
		return first_in_child(argv + 2);
	T_RUN(begin_unheard); /* first: it needs a worker that never stalled */
	T_RUN(each_point);
	T_RUN(first);
)
