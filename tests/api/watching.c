/*
 * ferry_context_watch(): what is said at which level, how often, to whom; and
 * files. Its callbacks are in watching_calls.c, scopes in watching_scopes.c.
 */
#include <sys/stat.h>

#include "stalls.h"

/* A context that is watched as `o` says; `o` gets the callback. */
static void
open_as(struct scene *s, ferry_watch_options *o)
{
	scene_open(s, NULL);
	o->struct_size = sizeof *o;
	o->interval_ms = o->interval_ms != 0 ? o->interval_ms : FERRY_OFF;
	o->callback = stalls_hear;
	o->user = &s->heard;
	T_OK(ferry_context_watch(s->context, o));
}

static void
await_level(const struct scene *s, uint32_t level)
{
	T_WAIT_UNTIL(health(s->context).level >= level, FX_LIMIT_MS);
}

static void
release(struct fx_gate *gate, ferry_request held)
{
	fx_gate_open(gate);
	T_EQ(fx_wait(held), FERRY_OK);
}

/* ------------------------------------------------------------------ levels */

/*
 * Three levels in a few milliseconds, in a process in which no stack has been
 * unwound before, which takes its time: each report comes, in order.
 */
static void
begins_before_it_rises(void)
{
	ferry_context_options o = fx_context_options();
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	ferry_request held;
	uint32_t first;

	o.levels = (ferry_levels){5, 6, 7, FERRY_OFF};
	scene_open(&s, &o);
	held = fx_hold(s.context, &gate);
	stalls_await(&s.heard, 0, FERRY_STALL_GOES_ON);
	release(&gate, held);
	scene_settle(&s);
	/* Before it, on a busy machine, that it is one. */
	first = stalls_count(&s.heard, FERRY_STALL_OVERLOADED);
	T_LE(first, 1);
	T_EQ(s.heard.at[first]->s.kind, FERRY_STALL_BEGAN);
	T_GE(s.heard.at[first]->s.level, FERRY_LEVEL_STALLED);
	T_GE(s.heard.at[first]->s.age_ns, 6000000);
	for (uint32_t i = first + 1; i < stalls_n(&s.heard); i++)
		T_GE(s.heard.at[i]->s.level, s.heard.at[i - 1]->s.level);
	scene_close(&s);
}

/* By default from the context's notify_level on: a notice once, and to the
 * callback what gets worse, too. */
static void
default_actions(void)
{
	ferry_watch_options o = {0};
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	ferry_request held;
	ferry_completion c;
	const struct stall *r;

	open_as(&s, &o);
	held = fx_hold(s.context, &gate);
	r = stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
	T_EQ(r->s.level, FERRY_LEVEL_STALLED);
	r = stalls_await(&s.heard, 0, FERRY_STALL_ROSE);
	T_EQ(r->s.level, FERRY_LEVEL_WEDGED);
	T_GE(r->s.age_ns, wedged_ms() * UINT64_C(1000000));
	r = stalls_await(&s.heard, 0, FERRY_STALL_GOES_ON);
	T_EQ(r->s.request, held);
	c = take_notice(s.inbox, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c.level, FERRY_LEVEL_STALLED);
	T_EQ(c.count, 1);
	fx_done(&c);
	no_notice(s.inbox);
	release(&gate, held);
	r = stalls_await(&s.heard, 0, FERRY_STALL_ENDED);
	T_EQ(r->s.level, FERRY_LEVEL_WEDGED);
	c = take_notice(s.inbox, FERRY_KIND_RESPONDING);
	T_EQ(c.level, FERRY_LEVEL_WEDGED);
	fx_done(&c);
	no_notice(s.inbox);
	scene_close(&s);
}

/* A callback at SLOW, nothing at STALLED, a notice at WEDGED. */
static void
actions_of_levels(void)
{
	ferry_watch_options o = {.actions = {FERRY_ACTION_CALLBACK, FERRY_OFF,
	    FERRY_ACTION_NOTICE, FERRY_OFF}};
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	ferry_request held;
	ferry_completion c;
	const struct stall *r;

	open_as(&s, &o);
	held = fx_hold(s.context, &gate);
	r = stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
	T_EQ(r->s.level, FERRY_LEVEL_SLOW);
	T_GE(r->s.age_ns, slow_ms() * UINT64_C(1000000));
	c = take_notice(s.inbox, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c.level, FERRY_LEVEL_WEDGED);
	T_GE(c.age_ns, wedged_ms() * UINT64_C(1000000));
	T_EQ(c.request, held);
	fx_done(&c);
	release(&gate, held);
	r = stalls_await(&s.heard, 0, FERRY_STALL_ENDED);
	T_EQ(r->s.level, FERRY_LEVEL_WEDGED);
	T_EQ(stalls_count(&s.heard, FERRY_STALL_ROSE), 0);
	scene_close(&s);
}

static void
nothing_at_all(void)
{
	ferry_watch_options o = {.actions = {FERRY_OFF, FERRY_OFF, FERRY_OFF,
	    FERRY_OFF}};
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	ferry_request held;

	open_as(&s, &o);
	held = fx_hold(s.context, &gate);
	await_level(&s, FERRY_LEVEL_WEDGED);
	release(&gate, held);
	scene_settle(&s);
	T_EQ(stalls_n(&s.heard), 0);
	no_notice(s.inbox);
	T_EQ(fx_counters(s.context).stall_episodes, 0);
	scene_close(&s);
}

/* NULL: as if nobody had ever asked. */
static void
taken_back(void)
{
	ferry_watch_options o = {0};
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	ferry_request held;
	ferry_completion c;

	open_as(&s, &o);
	T_OK(ferry_context_watch(s.context, NULL));
	held = fx_hold(s.context, &gate);
	c = take_notice(s.inbox, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c.level, FERRY_LEVEL_STALLED);
	T_EQ(c.request, held);
	fx_done(&c);
	await_level(&s, FERRY_LEVEL_WEDGED);
	release(&gate, held);
	c = take_notice(s.inbox, FERRY_KIND_RESPONDING);
	fx_done(&c);
	T_EQ(stalls_n(&s.heard), 0);
	scene_close(&s);
}

/* -------------------------------------------------------------------- rate */

/* Within the interval nothing but the end of what was told, and how much was
 * left out; and of the next episode not a word. */
static void
interval(void)
{
	ferry_watch_options o = {
	    .interval_ms = 2 * FX_LIMIT_MS * (uint32_t)t_slow()};
	struct scene s;
	const struct stall *r;

	open_as(&s, &o);
	for (int i = 0; i < 2; i++) {
		struct fx_gate gate = FX_GATE_SHUT;
		ferry_request held = fx_hold(s.context, &gate);
		ferry_completion c =
		    take_notice(s.inbox, FERRY_KIND_NOT_RESPONDING);

		T_EQ(c.request, held);
		fx_done(&c);
		await_level(&s, FERRY_LEVEL_WEDGED);
		release(&gate, held);
		c = take_notice(s.inbox, FERRY_KIND_RESPONDING);
		T_EQ(c.request, held);
		fx_done(&c);
		T_WAIT_UNTIL(health(s.context).level == FERRY_LEVEL_NONE,
		    FX_LIMIT_MS);
	}
	T_EQ(fx_counters(s.context).stall_episodes, 2);
	T_EQ(stalls_count(&s.heard, FERRY_STALL_ROSE), 0);
	T_EQ(stalls_count(&s.heard, FERRY_STALL_GOES_ON), 0);
	if (stalls_count(&s.heard, FERRY_STALL_OVERLOADED) != 0) {
		/* That the machine is busy was the one report. */
		T_EQ(stalls_n(&s.heard), 1);
	} else {
		r = stalls_await(&s.heard, 0, FERRY_STALL_ENDED);
		T_GE(r->s.suppressed, 1); /* it rose */
		T_EQ(stalls_count(&s.heard, FERRY_STALL_BEGAN), 1);
		T_EQ(stalls_count(&s.heard, FERRY_STALL_ENDED), 1);
	}
	scene_close(&s);
}

/* ------------------------------------------------------------ keep waiting */

struct times {
	atomic_uint n;
	uint64_t at_ns[STALLS_MOST];
	uint32_t worst;
};

static void
note_time(const ferry_stall *s, void *arg)
{
	struct times *t = arg;
	unsigned n = atomic_load(&t->n);

	if (s->kind == FERRY_STALL_ENDED ||
	    s->kind == FERRY_STALL_OVERLOADED)
		return;
	t->at_ns[n] = t_now_ns();
	if (s->level > t->worst)
		t->worst = s->level;
	atomic_store(&t->n, n + 1);
}

/* Its time anew, to a tick, each time: it never gets to the next level. */
static void
keep_waiting(void)
{
	ferry_watch_options o = {0};
	struct times t = {0};
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	ferry_request held;

	open_as(&s, &o);
	s.heard.also = note_time;
	s.heard.arg = &t;
	s.heard.answer = FERRY_STALL_KEEP_WAITING;
	held = fx_hold(s.context, &gate);
	T_WAIT_UNTIL(atomic_load(&t.n) >= 4, FX_LIMIT_MS);
	release(&gate, held);
	scene_settle(&s);
	for (unsigned i = 1; i < atomic_load(&t.n); i++)
		T_GE(t.at_ns[i] - t.at_ns[i - 1],
		    (stalled_ms() - slow_ms() / 2) * UINT64_C(1000000));
	T_EQ(t.worst, FERRY_LEVEL_STALLED);
	T_EQ(stalls_count(&s.heard, FERRY_STALL_BEGAN), 1);
	T_EQ(stalls_count(&s.heard, FERRY_STALL_ENDED), 1);
	T_EQ(fx_counters(s.context).stall_episodes, 1);
	scene_close(&s);
}

/* ------------------------------------------------------------------- files */

struct folder {
	char path[32], file[64], moved[64];
};

static void
make_folder(struct folder *f)
{
	snprintf(f->path, sizeof f->path, "/tmp/ferry-watching-XXXXXX");
	T_ASSERT(mkdtemp(f->path) != NULL);
	snprintf(f->file, sizeof f->file, "%s/reports", f->path);
	snprintf(f->moved, sizeof f->moved, "%s/reports.1", f->path);
}

/* A close waits for a report for a second; a later one makes the file anew. */
static void
remove_folder(struct folder *f)
{
	T_WAIT_UNTIL((unlink(f->file), unlink(f->moved),
	    rmdir(f->path)) == 0, FX_LIMIT_MS);
}

/* What is in it; "" if it is not there. The caller's. */
static char *
contents(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "re");
	size_t n = 0;

	T_ASSERT(text != NULL);
	if (f != NULL) {
		n = fread(text, 1, (1 << 20) - 1, f);
		fclose(f);
	}
	text[n] = 0;
	return text;
}

static int
has(const char *path, const char *what, int times)
{
	char *text = contents(path);
	const char *at = text;
	int n = 0;

	while ((at = strstr(at, what)) != NULL) {
		at += strlen(what);
		n++;
	}
	free(text);
	return n >= times;
}

static void
one_episode(struct scene *s)
{
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(s->context, &gate);
	uint32_t ended = stalls_count(&s->heard, FERRY_STALL_ENDED);

	T_WAIT_UNTIL(stalls_count(
	    &s->heard, FERRY_STALL_BEGAN) == ended + 1, FX_LIMIT_MS);
	release(&gate, held);
	scene_settle(s);
}

/* The texts that the callback got are in it, word by word but for the time. */
static int
has_reports(const char *path, struct stalls *h)
{
	for (uint32_t i = 0; i < h->n; i++) {
		const char *text = strstr(h->at[i]->text, " ferry: ");

		if (text == NULL || !has(path, text, 1))
			return 0;
	}
	return h->n != 0;
}

/* Created, appended to, and opened each time: it may be moved away. */
static void
file_of_reports(void)
{
	struct folder f;
	ferry_watch_options o = {.path = f.file};
	struct scene s;
	uint32_t n;

	make_folder(&f);
	open_as(&s, &o);
	one_episode(&s);
	T_WAIT_UNTIL(has_reports(f.file, &s.heard), FX_LIMIT_MS);
	T_ASSERT(has(f.file, "\"gate\"", 2));
	T_ASSERT(has(f.file, "\"fixture\"", 2));
	n = stalls_n(&s.heard);
	one_episode(&s);
	T_GT(stalls_n(&s.heard), n);
	T_WAIT_UNTIL(has(f.file, "\"gate\"", 4), FX_LIMIT_MS);
	T_OK(rename(f.file, f.moved));
	one_episode(&s);
	T_WAIT_UNTIL(has(f.file, "\"gate\"", 2), FX_LIMIT_MS);
	scene_close(&s);
	remove_folder(&f);
}

static void
file_that_was_there(void)
{
	struct folder f;
	ferry_watch_options o = {.path = f.file};
	struct scene s;
	FILE *file;

	make_folder(&f);
	file = fopen(f.file, "we");
	T_ASSERT(file != NULL);
	fputs("What was there.\n", file);
	fclose(file);
	open_as(&s, &o);
	one_episode(&s);
	T_WAIT_UNTIL(has(f.file, "\"gate\"", 2), FX_LIMIT_MS);
	T_ASSERT(has(f.file, "What was there.\n", 1));
	scene_close(&s);
	remove_folder(&f);
}

/* When the context has been closed, all that was said is in it, if that took
 * no second, for which the close waits. */
static void
file_at_close(void)
{
	struct folder f;
	ferry_watch_options o = {.path = f.file};
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	ferry_request held;
	uint64_t began;

	make_folder(&f);
	open_as(&s, &o);
	held = fx_hold(s.context, &gate);
	stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
	release(&gate, held);
	began = t_now_ns();
	T_OK(ferry_context_close(s.context, NULL, NULL));
	if (t_now_ns() - began < 1000000000)
		T_ASSERT(has(f.file, "\"gate\"", 2));
	else
		T_WAIT_UNTIL(has(f.file, "\"gate\"", 2), FX_LIMIT_MS);
	T_EQ(stalls_count(&s.heard, FERRY_STALL_ENDED), 1);
	T_OK(ferry_inbox_close(NULL, s.inbox));
	stalls_of_scene = NULL;
	stalls_free(&s.heard);
	remove_folder(&f);
}

/* A folder, one that is not there, and a file that takes nothing: all else
 * goes on. */
static void
file_not_to_be_written(void)
{
	static const char *const paths[] = {"/tmp",
	    "/nonexistent/folder/reports", "/dev/full"};

	for (int i = 0; i < 3; i++) {
		ferry_watch_options o = {.path = paths[i]};
		struct scene s;
		ferry_completion c;

		open_as(&s, &o);
		one_episode(&s);
		c = take_notice(s.inbox, FERRY_KIND_RESPONDING);
		fx_done(&c);
		one_episode(&s);
		T_EQ(stalls_count(&s.heard, FERRY_STALL_ENDED), 2);
		scene_close(&s);
	}
}

/* Without a callback, too. */
static void
file_alone(void)
{
	struct folder f;
	ferry_watch_options o = {.struct_size = sizeof o,
	    .interval_ms = FERRY_OFF, .path = f.file};
	struct fx_gate gate = FX_GATE_SHUT;
	struct scene s;
	ferry_request held;

	make_folder(&f);
	scene_open(&s, NULL);
	T_OK(ferry_context_watch(s.context, &o));
	held = fx_hold(s.context, &gate);
	T_WAIT_UNTIL(has(f.file, "verdict", 1), FX_LIMIT_MS);
	release(&gate, held);
	T_WAIT_UNTIL(has(f.file, "\"gate\"", 2), FX_LIMIT_MS);
	T_EQ(stalls_n(&s.heard), 0);
	scene_close(&s);
	remove_folder(&f);
}

T_MAIN(
	T_RUN(begins_before_it_rises);
	T_RUN(default_actions);
	T_RUN(actions_of_levels);
	T_RUN(nothing_at_all);
	T_RUN(taken_back);
	T_RUN(interval);
	T_RUN(keep_waiting);
	T_RUN(file_of_reports);
	T_RUN(file_that_was_there);
	T_RUN(file_at_close);
	T_RUN(file_not_to_be_written);
	T_RUN(file_alone);
)
