/*
 * What is said of a call is of that call and of the moment: nothing of the one
 * before it, and nothing of where it was before.
 */
#include "verdicts.h"

static int
read_run(ferry_call call, void *fd)
{
	char byte;

	(void)call;
	T_EQ(read(*(int *)fd, &byte, 1), 1);
	return FERRY_OK;
}

static int
nap_run(ferry_call call, void *ms)
{
	(void)call;
	t_sleep_ms((unsigned)(uintptr_t)ms);
	return FERRY_OK;
}

/* ------------------------------------------------------ one after the other */

static ferry_context_options
hasty_options(void)
{
	ferry_context_options o = watched_options();

	o.levels.slow_ms = 15 * (uint32_t)t_slow();
	o.levels.stalled_ms = FERRY_OFF;
	o.levels.wedged_ms = FERRY_OFF;
	o.levels.fatal_ms = FERRY_OFF;
	o.notify_level = FERRY_LEVEL_SLOW;
	return o;
}

static const struct stall *
find_call(struct stalls *h, ferry_request request, const char *name)
{
	const struct stall *found = NULL;

	pthread_mutex_lock(&h->lock);
	for (uint32_t i = 0; i < h->n && found == NULL; i++)
		if (h->at[i]->s.request == request &&
		    strcmp(h->at[i]->syscall_name, name) == 0)
			found = h->at[i];
	pthread_mutex_unlock(&h->lock);
	return found;
}

/* The first one's report waits for its stack, and is made when it is the other
 * one that is looked at. */
static void
each_has_its_own(void)
{
	ferry_context_options o = hasty_options();
	struct scene s;
	ferry_request first, second;
	int fd[2];

	if (T_PORTABLE)
		T_SKIP_CASE("calls are not known here");
	scene_open(&s, &o);
	T_OK(pipe(fd));
	first = fx_do(s.context, nap_run,
	    (void *)(uintptr_t)(24 * (uint32_t)t_slow()));
	second = fx_do(s.context, read_run, &fd[0]);
	T_WAIT_UNTIL(find_call(&s.heard, second, "read") != NULL,
	    FX_LIMIT_MS);
	T_EQ(write(fd[1], "", 1), 1);
	T_EQ(fx_wait(first), FERRY_OK);
	T_EQ(fx_wait(second), FERRY_OK);
	scene_settle(&s);
	T_EQ(find_call(&s.heard, first, "read"), NULL);
	T_EQ(find_call(&s.heard, second, "clock_nanosleep"), NULL);
	scene_close(&s);
	close(fd[0]);
	close(fd[1]);
}

/* ---------------------------------------------------------------- overload */

/* Nothing of the call that stalled before; and what it used is told for the
 * time for which is told what it waited. */
static void
overload_after_a_stall(void)
{
	ferry_context_options o = fx_context_options();
	struct starved v = {0};
	const struct stall *r;
	struct scene s;
	ferry_request request;
	ferry_completion c;

	if (T_PORTABLE)
		T_SKIP_CASE("not known here");
	o.levels.slow_ms = 100 * (uint32_t)t_slow();
	o.levels.stalled_ms = 400 * (uint32_t)t_slow();
	scene_open(&s, &o);
	request = wedge(s.context, FERRY_WEDGE_READ);
	r = expect_verdict(&s, request, FERRY_VERDICT_BLOCKED_SYSCALL);
	T_EQ(strncmp(r->target, "pipe:[", 6), 0);
	end_wedge(request);
	expect_end(&s, request);
	request = fx_do(s.context, starve_run, &v);
	c = fx_take_kind(s.inbox, FERRY_KIND_OVERLOADED);
	T_OK(ferry_request_cancel(request));
	T_EQ(c.request, request);
	T_EQ(c.status, FERRY_VERDICT_STARVED);
	T_EQ(strstr(c.data, "pipe:["), NULL);
	fx_done(&c);
	T_EQ(fx_wait(request), FERRY_ECANCELED);
	r = stalls_await(&s.heard, 0, FERRY_STALL_OVERLOADED);
	T_EQ(r->s.request, request);
	T_EQ(r->s.verdict, FERRY_VERDICT_STARVED);
	T_EQ(r->s.syscall, -1);
	T_EQ(r->s.descriptor, -1);
	T_STR(r->target, "");
	T_EQ(r->s.lock, 0);
	T_GT(r->s.delay_ns, 0);
	T_LE(r->s.cpu_ns, atomic_load(&v.cpu_ns) + 1000000);
	T_ASSERT(strstr(r->text, "STARVED") != NULL);
	T_ASSERT(strstr(r->text, "while it was watched") != NULL);
	T_EQ(strstr(r->text, "between the looks"), NULL);
	T_EQ(strstr(r->text, "pipe:["), NULL);
	scene_close(&s);
}

/* ---------------------------------------------------------------- the same */

enum { TICK_MS = 20 };

struct mover {
	int fd[2];
	atomic_int stop;
	atomic_uint_least64_t moved_ns;
};

static int
move_run(ferry_call call, void *arg)
{
	struct mover *m = arg;
	char byte;

	(void)call;
	T_EQ(read(m->fd[0], &byte, 1), 1);
	atomic_store(&m->moved_ns, t_now_ns());
	while (!atomic_load(&m->stop))
		continue;
	return FERRY_OK;
}

/* Each report after the first is noted here, with its time. */
struct late {
	struct mover *mover;
	atomic_int n;
};

/* Longer ago than any look that a report may be of. */
static void
check_late(const ferry_stall *s, void *arg)
{
	struct late *l = arg;
	uint64_t moved = atomic_load(&l->mover->moved_ns), now = t_now_ns();
	uint64_t most = UINT64_C(250000000) +
	    5 * UINT64_C(1000000) * TICK_MS * (uint32_t)t_slow();

	if (s->kind != FERRY_STALL_GOES_ON || moved == 0 ||
	    now - moved < most)
		return;
	T_EQ(s->syscall, -1);
	T_EQ(s->n_frames, 0);
	T_EQ(strstr(s->text, "read()"), NULL);
	T_NE(s->verdict, FERRY_VERDICT_BLOCKED_SYSCALL);
	atomic_fetch_add(&l->n, 1);
}

/* It reads until that is told, and computes from then on: what is told next is
 * of that. */
static void
where_it_is_by_now(void)
{
	ferry_context_options o = fx_context_options();
	struct mover m = {.stop = 0};
	struct late l = {.mover = &m};
	struct scene s;
	ferry_request request;

	if (T_PORTABLE)
		T_SKIP_CASE("not known here");
	o.levels.slow_ms = 3 * TICK_MS * (uint32_t)t_slow();
	o.levels.stalled_ms = 600 + 100 * (uint32_t)t_slow();
	o.levels.wedged_ms = FERRY_OFF;
	o.levels.fatal_ms = FERRY_OFF;
	scene_open(&s, &o);
	s.heard.also = check_late;
	s.heard.arg = &l;
	T_OK(pipe(m.fd));
	request = fx_do(s.context, move_run, &m);
	stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
	T_EQ(write(m.fd[1], "", 1), 1);
	T_WAIT_UNTIL(atomic_load(&l.n) != 0, FX_LIMIT_MS);
	atomic_store(&m.stop, 1);
	T_EQ(fx_wait(request), FERRY_OK);
	scene_close(&s);
	close(m.fd[0]);
	close(m.fd[1]);
}

T_MAIN(
	if (runs_in_another())
		T_SKIP("the system tells of other threads");
	T_RUN(each_has_its_own);
	T_RUN(overload_after_a_stall);
	T_RUN(where_it_is_by_now);
)
