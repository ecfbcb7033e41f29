/*
 * A library that hangs in its constructor holds the loader's lock. Others go on
 * meanwhile: they are watched, reported with frames, and closed. Each is a case
 * in a child, as who has asked the loader once does not need to again.
 */
#include <dlfcn.h>

#include "forking.h"
#include "stalls.h"

/* Where the constructor waits. */
static struct fx_gate loading = FX_GATE_SHUT;

__attribute__((visibility("default"))) void traced_loaded(void);

void
traced_loaded(void)
{
	fx_gate_pass(&loading);
}

static const char *
library_path(void)
{
	static char path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 64);

	T_GT(n, 0);
	path[n] = '\0';
	strcpy(strrchr(path, '/'), "/../unit/traced/deep_so.so");
	return path;
}

static int
load(ferry_call call, const void *data, size_t size, void *state)
{
	void *library = dlopen(library_path(), RTLD_NOW | RTLD_LOCAL);

	(void)call;
	(void)data;
	(void)size;
	(void)state;
	if (library == NULL)
		T_FAIL("%s", dlerror());
	return FERRY_OK;
}

static ferry_context
open_loading(void)
{
	static const ferry_method method = {.struct_size = sizeof method,
	    .name = "load", .handler = load};
	ferry_library_options l = {.struct_size = sizeof l, .name = "loading",
	    .methods = &method, .n_methods = 1};
	ferry_context_options o = watched_options();
	ferry_context context;

	T_OK(ferry_library_open(&o.library, &l));
	context = fx_open_with(&o);
	T_OK(ferry_library_close(o.library));
	return context;
}

/* ------------------------------------------------------------------ frames */

static atomic_int seen[2]; /* reports with frames: the one that loads, others */

static void
look_at_frames(const ferry_stall *s, void *arg)
{
	if (s->n_frames == 0)
		return;
	T_ASSERT(s->frames[0].module != NULL);
	T_ASSERT(s->frames[0].build_id != NULL);
	for (uint32_t i = 0; i < s->n_frames; i++) {
		T_NE(s->frames[i].address, 0);
		if (s->frames[i].module != NULL)
			T_NE(s->frames[i].offset, 0);
	}
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void
watch_all(ferry_context loader, struct stalls *a, ferry_context other,
    struct stalls *b)
{
	ferry_watch_options o = watching_by(a);

	a->also = b->also = look_at_frames;
	a->arg = &seen[0];
	b->arg = &seen[1];
	T_OK(ferry_context_watch(loader, &o));
	o.user = b;
	T_OK(ferry_context_watch(other, &o));
}

static void
await_frames(void)
{
	if (runs_in_another() || T_PORTABLE)
		return;
	T_WAIT_UNTIL(atomic_load(&seen[0]) > 0, FX_LIMIT_MS);
	T_WAIT_UNTIL(atomic_load(&seen[1]) > 0, FX_LIMIT_MS);
}

/* ------------------------------------------------------------------- cases */

/* `again`: they are watched beforehand as well. */
static void
hang(int again)
{
	static struct stalls a = STALLS, b = STALLS;
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_context_options o = watched_options();
	ferry_context loader = open_loading(), other = fx_open_with(&o);
	ferry_request loads, held;

	if (again)
		watch_all(loader, &a, other, &b);
	loads = fx_submit(loader, 0, NULL, 0, NULL);
	fx_gate_await(&loading, 1);
	if (!again)
		watch_all(loader, &a, other, &b);
	held = fx_hold(other, &gate);
	await_frames();
	watch_all(loader, &a, other, &b);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	fx_close(other);
	fx_gate_open(&loading);
	T_EQ(fx_wait(loads), FERRY_OK);
	fx_close(loader);
	stalls_free(&a);
	stalls_free(&b);
}

static void
in_a_child(int again)
{
	pid_t child = fx_fork();
	int status;

	if (child == 0) {
		hang(again);
		_exit(FX_WELL);
	}
	status = fx_child_status(child, FX_CHILD_MS);
	T_ASSERT(WIFEXITED(status));
	T_EQ(WEXITSTATUS(status), FX_WELL);
}

static void
watched_beforehand(void)
{
	in_a_child(1);
}

static void
watched_meanwhile(void)
{
	in_a_child(0);
}

T_MAIN(
	T_RUN(watched_beforehand);
	T_RUN(watched_meanwhile);
)
