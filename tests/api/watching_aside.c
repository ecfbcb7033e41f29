/*
 * What holds the FFI thread and is no request: init, fini, the destroy of a
 * handle, the callback of a deferred reply. It is told of as calls are, by
 * name, and whoever shares the worker hears of it.
 */
#include "dumped.h"
#include "stalls.h"

/* A library whose init, fini and destroy pass a gate, if there is one. */
struct site {
	struct fx_gate *in_init, *in_fini, *in_destroy;
	ferry_context context; /* that its init was told */
};

static const char type;

static int
init(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	struct site *s = (void *)(uintptr_t)arg;

	(void)text;
	(void)text_size;
	*state = s;
	s->context = context;
	if (s->in_init != NULL)
		fx_gate_pass(s->in_init);
	return 0;
}

static void
fini(void *state)
{
	struct site *s = state;

	if (s->in_fini != NULL)
		fx_gate_pass(s->in_fini);
}

static void
destroy(void *object, void *state)
{
	struct site *s = state;

	T_ASSERT(object == s);
	if (s->in_destroy != NULL)
		fx_gate_pass(s->in_destroy);
}

static int
make(ferry_call call, const void *data, size_t size, void *state)
{
	ferry_handle handle;

	(void)data;
	(void)size;
	T_OK(ferry_handle_open(&handle, call, state, &type, destroy));
	T_OK(ferry_call_reply(call, FERRY_OK, &handle, sizeof handle));
	return FERRY_OK;
}

static ferry_library
site_library(void)
{
	static const ferry_method method = {.struct_size = sizeof method,
	    .name = "make", .handler = make};
	ferry_library_options o = {.struct_size = sizeof o, .name = "site",
	    .methods = &method, .n_methods = 1, .init = init, .fini = fini};
	ferry_library library;

	T_OK(ferry_library_open(&library, &o));
	return library;
}

static ferry_context_options
site_options(struct site *s)
{
	ferry_context_options o = watched_options();

	o.library = site_library();
	o.init_arg = s;
	o.worker_key = "site";
	return o;
}

static void
check_dump(const char *name)
{
	int fd = dump_file();
	char line[64], *text;

	snprintf(line, sizeof line, "    in %s, for ", name);
	T_OK(ferry_dump(fd));
	text = dump_text(fd);
	dump_has(text, line);
	free(text);
	close(fd);
}

/* What all ways say of it; `context` is whose it is. */
static void
check(struct scene *s, ferry_context context, const char *name)
{
	ferry_completion c =
	    take_notice(s->inbox, FERRY_KIND_NOT_RESPONDING);
	const struct stall *b = stalls_await(&s->heard, 0, FERRY_STALL_BEGAN);
	ferry_health h = health(s->context);
	char whom[64];

	snprintf(whom, sizeof whom, "library \"site\", method \"%s\": not "
	    "responding", name);
	T_EQ(c.request, 0);
	T_EQ(c.code, UINT32_MAX);
	T_STR(c.name, name);
	T_EQ(c.level, FERRY_LEVEL_STALLED);
	T_GE(c.age_ns, stalled_ms() * UINT64_C(1000000));
	T_ASSERT(strstr(c.data, whom) != NULL);
	fx_done(&c);
	T_EQ(b->s.context, context);
	T_EQ(b->s.request, 0);
	T_EQ(b->s.method, UINT32_MAX);
	T_STR(b->method, name);
	T_STR(b->library, "site");
	T_ASSERT(strstr(b->text, whom) != NULL);
	T_EQ(h.worker, FERRY_THREAD_BUSY);
	T_EQ(h.request, 0);
	T_EQ(h.method, UINT32_MAX);
	T_STR(h.method_name, name);
	check_dump(name);
}

static void
check_end(struct scene *s, const char *name)
{
	ferry_completion c = take_notice(s->inbox, FERRY_KIND_RESPONDING);
	const struct stall *e = stalls_await(&s->heard, 0, FERRY_STALL_ENDED);

	T_EQ(c.request, 0);
	T_STR(c.name, name);
	fx_done(&c);
	T_STR(e->method, name);
	T_STR(e->library, "site");
}

/* --------------------------------------------------------------- init, fini */

struct opener {
	ferry_context_options o;
	ferry_context context;
};

static void *
run_opener(void *arg)
{
	struct opener *a = arg;

	T_OK(ferry_context_open(&a->context, &a->o));
	return NULL;
}

static void *
run_closer(void *arg)
{
	T_OK(ferry_context_close(*(ferry_context *)arg, NULL, NULL));
	return NULL;
}

/* Of a context that nobody can hear of yet: who is there already does. */
static void
an_init(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct site own = {0}, theirs = {.in_init = &gate};
	ferry_context_options o = site_options(&own);
	struct opener a = {.o = site_options(&theirs)};
	struct scene s;
	pthread_t thread;

	scene_open(&s, &o);
	thread = t_thread_start(run_opener, &a);
	fx_gate_await(&gate, 1);
	check(&s, theirs.context, "init");
	fx_gate_open(&gate);
	check_end(&s, "init");
	t_thread_join(thread);
	T_EQ(a.context, theirs.context);
	fx_close(a.context);
	scene_close(&s);
	T_OK(ferry_library_close(o.library));
	T_OK(ferry_library_close(a.o.library));
}

/* Each of those as it has asked for it, whichever came last. */
static void
an_init_beside_many(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct site own = {0}, theirs = {.in_init = &gate};
	ferry_context_options o = site_options(&own);
	struct opener a = {.o = site_options(&theirs)};
	ferry_watch_options nothing = {.struct_size = sizeof nothing,
	    .actions = {FERRY_OFF, FERRY_OFF, FERRY_OFF, FERRY_OFF}};
	struct scene s[2], deaf;
	pthread_t thread;

	scene_open(&s[0], &o);
	scene_open(&s[1], &o);
	scene_open(&deaf, &o);
	T_OK(ferry_context_watch(deaf.context, &nothing));
	thread = t_thread_start(run_opener, &a);
	fx_gate_await(&gate, 1);
	for (int i = 0; i < 2; i++)
		check(&s[i], theirs.context, "init");
	fx_gate_open(&gate);
	for (int i = 0; i < 2; i++)
		check_end(&s[i], "init");
	t_thread_join(thread);
	for (int i = 0; i < 2; i++) {
		T_EQ(stalls_count(&s[i].heard, FERRY_STALL_BEGAN), 1);
		T_EQ(stalls_count(&s[i].heard, FERRY_STALL_ENDED), 1);
		T_EQ(fx_counters(s[i].context).stall_episodes, 1);
	}
	T_EQ(stalls_n(&deaf.heard), 0);
	T_EQ(fx_counters(deaf.context).stall_episodes, 0);
	no_notice(deaf.inbox);
	fx_close(a.context);
	scene_close(&deaf);
	scene_close(&s[1]);
	scene_close(&s[0]);
	T_OK(ferry_library_close(o.library));
	T_OK(ferry_library_close(a.o.library));
}

static void
a_fini(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct site site = {.in_fini = &gate};
	ferry_context_options o = site_options(&site);
	ferry_close_report report = {.struct_size = sizeof report};
	struct scene s;
	pthread_t thread;

	scene_open(&s, &o);
	while (fx_gate_inside(&gate) == 0)
		T_EQ(fx_close_mode(s.context, FERRY_CLOSE_DRAIN, 1, &report),
		    FERRY_EBUSY);
	T_EQ(fx_close_mode(s.context, FERRY_CLOSE_DRAIN, 1, &report),
	    FERRY_EBUSY);
	T_EQ(report.request, 0);
	T_STR(report.method, "fini");
	thread = t_thread_start(run_closer, &s.context);
	check(&s, s.context, "fini");
	fx_gate_open(&gate);
	check_end(&s, "fini");
	t_thread_join(thread);
	(void)take_notice(s.inbox, FERRY_KIND_CLOSED);
	scene_free(&s);
	T_OK(ferry_library_close(o.library));
}

/* ----------------------------------------------------------------- destroy */

static ferry_handle
make_one(ferry_context context)
{
	ferry_request request = fx_submit(context, 0, NULL, 0, NULL);
	ferry_handle handle;
	ferry_reply reply;

	T_OK(ferry_request_wait(&reply, request, -1));
	T_EQ(reply.status, FERRY_OK);
	T_EQ(reply.size, sizeof handle);
	memcpy(&handle, reply.data, sizeof handle);
	T_OK(ferry_block_release(reply.data));
	return handle;
}

static void
a_destroy(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct site site = {.in_destroy = &gate};
	ferry_context_options o = site_options(&site);
	ferry_running running;
	struct scene s;

	scene_open(&s, &o);
	T_OK(ferry_handle_release(make_one(s.context)));
	check(&s, s.context, "destroy");
	T_EQ(ferry_context_running(&running, 1, NULL, s.context), 0);
	fx_gate_open(&gate);
	check_end(&s, "destroy");
	scene_close(&s);
	T_OK(ferry_library_close(o.library));
}

/* --------------------------------------------------- a deferred reply's end */

static void
on_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)data;
	(void)size;
	T_EQ(status, FERRY_OK);
	fx_gate_pass(user);
}

/* It is the request's own, as one that comes when the handler returns. */
static void
a_late_callback(void)
{
	struct fx_later l = FX_LATER;
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request_options o = fx_request_options();
	const struct stall *b;
	ferry_request request;
	ferry_running running;
	ferry_completion c;
	struct scene s;

	scene_open(&s, NULL);
	o.callback = on_reply;
	o.user = &gate;
	request = fx_later_with(s.context, &l, &o);
	T_OK(ferry_call_reply(l.call, FERRY_OK, NULL, 0));
	c = take_notice(s.inbox, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c.request, request);
	T_STR(c.name, "do");
	fx_done(&c);
	b = stalls_await(&s.heard, 0, FERRY_STALL_BEGAN);
	T_EQ(b->s.request, request);
	T_EQ(b->s.context, s.context);
	T_EQ(health(s.context).request, request);
	/* It has been answered, and runs no more. */
	T_EQ(ferry_context_running(&running, 1, NULL, s.context), 0);
	fx_gate_open(&gate);
	c = take_notice(s.inbox, FERRY_KIND_RESPONDING);
	T_EQ(c.request, request);
	fx_done(&c);
	scene_close(&s);
}

T_MAIN(
	T_RUN(an_init);
	T_RUN(an_init_beside_many);
	T_RUN(a_fini);
	T_RUN(a_destroy);
	T_RUN(a_late_callback);
)
