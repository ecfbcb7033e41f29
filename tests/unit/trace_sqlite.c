/*
 * A stack that goes through a library of the system's, of which there are no
 * symbols but those it exports, and no debugging data: SQLite, in a function
 * that a query calls.
 */
#include "traced/traced.h"

#if defined(__linux__) && !defined(FERRY_OS_posix)

#include <arpa/inet.h>
#include <dlfcn.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/socket.h>

static struct traced at;

static void
block(sqlite3_context *c, int n, sqlite3_value **values)
{
	struct traced *t = sqlite3_user_data(c);

	(void)n;
	(void)values;
	sqlite3_result_int(c, t->deep.wait(&t->deep));
}

static void
run_query(struct traced *t)
{
	sqlite3 *db;

	T_OK(sqlite3_open(":memory:", &db));
	T_OK(sqlite3_create_function(
	    db, "block", 0, SQLITE_UTF8, t, block, NULL, NULL));
	T_OK(sqlite3_exec(db,
	    "with recursive c(x) as (values(block()) union all select x + 1"
	    " from c limit 3) select count(*) from c",
	    NULL, NULL, NULL));
	T_OK(sqlite3_close(db));
}

static int
is_in(const ferry_frame *f, const char *module)
{
	return f->module != NULL && strstr(f->module, module) != NULL;
}

static int
callers_in(const struct frames *f, const char *module)
{
	int n = 0;

	for (uint32_t i = 0; i < f->n; i++) {
		n += is_in(&f->at[i], module);
		T_ASSERT(!is_in(&f->at[i], module) ||
		    f->at[i].build_id != NULL);
	}
	return n;
}

/* SQLite has its debugging data elsewhere, which is not looked for on any
 * server, whatever the environment names. */
static void
asks_no_server(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t size = sizeof a;
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd p = {.fd = server, .events = POLLIN};
	char url[64], cache[] = "/tmp/ferry-trace-XXXXXX";

	T_GE(server, 0);
	T_ASSERT(mkdtemp(cache) != NULL);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	T_OK(bind(server, (struct sockaddr *)&a, sizeof a));
	T_OK(listen(server, 8));
	T_OK(getsockname(server, (struct sockaddr *)&a, &size));
	snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(a.sin_port));
	T_OK(setenv("DEBUGINFOD_URLS", url, 1));
	T_OK(setenv("DEBUGINFOD_CACHE_PATH", cache, 1));
	traced_start(&at, run_query);
	traced_copy(&at, SYS_read);
	ferry__trace_unwind(&at.frames, &at.trace, true);
	traced_end(&at);
	T_EQ(poll(&p, 1, 0), 0);
	T_OK(rmdir(cache)); /* there is nothing in it */
	close(server);
}

/* A library that is loaded after the first look, and one that has gone. */
static int (*loaded)(struct deep *);

static void
run_loaded(struct traced *t)
{
	T_GE(loaded(&t->deep), 0);
}

static void
see_loaded(void *library)
{
	void *f = dlsym(library, "deep_so");

	T_ASSERT(f != NULL);
	memcpy(&loaded, &f, sizeof f);
	traced_start(&at, run_loaded);
	traced_copy(&at, SYS_read);
	ferry__trace_unwind(&at.frames, &at.trace, true);
	traced_end(&at);
	/* Who runs it there has a stack of its own. */
	if (traced_is_wrapped())
		return;
	T_GE(callers_in(&at.frames, "deep_so.so"), 4);
	if (!ferry__dw_open())
		return;
	T_GT(traced_find(&at.frames, 0, "innermost_so"), 0);
	T_GT(traced_find(&at.frames, 0, "deep_so"), 0);
	T_GT(traced_find(&at.frames, 0, "run_loaded"), 0);
}

static const char *
deep_so_path(void)
{
	static char path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);

	T_GT(n, 0);
	path[n] = '\0';
	strcpy(strrchr(path, '/'), "/traced/deep_so.so");
	return path;
}

static void
a_library_that_comes_and_goes(void)
{
	const char *path = deep_so_path();
	void *library;

	for (int i = 0; i < 3; i++) {
		library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		if (library == NULL)
			T_FAIL("%s", dlerror());
		see_loaded(library);
		T_OK(dlclose(library));
		/* What it left behind is nobody's code. */
		ferry__trace_unwind(&at.frames, &at.trace, true);
		T_EQ(callers_in(&at.frames, "deep_so.so"), 0);
	}
}

static struct deep *waits_in_loader;

__attribute__((visibility("default"))) void traced_loaded(void);

void
traced_loaded(void)
{
	if (waits_in_loader != NULL)
		traced_read(waits_in_loader);
}

static void
run_load(struct traced *t)
{
	void *library;

	waits_in_loader = &t->deep;
	library = dlopen(deep_so_path(), RTLD_NOW | RTLD_LOCAL);
	waits_in_loader = NULL;
	T_ASSERT(library != NULL);
	T_OK(dlclose(library));
}

/* A thread that is stuck in the loader holds its lock. Whoever is prepared
 * needs it no more. */
static void
stuck_in_the_loader(void)
{
	if (!ferry__dw_open())
		T_SKIP_CASE("needs libdw");
	ferry__trace_prepare();
	traced_start(&at, run_load);
	traced_copy(&at, SYS_read);
	ferry__trace_unwind(&at.frames, &at.trace, true);
	traced_end(&at);
	if (traced_is_wrapped())
		return;
	T_GT(traced_find(&at.frames, 0, "traced_loaded"), 0);
	T_GT(traced_find(&at.frames, 0, "load"), 0);
	T_GT(traced_find(&at.frames, 0, "run_load"), 0);
}

/* Nor does who has no libdw wait: names are missing, modules are not. What is
 * asked for when the loader is free again has its name. */
static void
stuck_in_the_loader_guessed(void)
{
	ferry__dw_refuse(true);
	for (int i = 0; i < 2; i++) {
		traced_start(&at, run_load);
		traced_copy(&at, SYS_read);
		ferry__trace_unwind(&at.frames, &at.trace, true);
		T_ASSERT(!at.frames.unwound);
		T_ASSERT(at.frames.at[0].module != NULL);
		T_ASSERT(at.frames.at[0].build_id != NULL);
		if (!traced_is_wrapped())
			T_GE(callers_in(&at.frames, "deep_so.so"), 1);
		/* The second time without waiting, even: it is still out. */
		ferry__trace_unwind(&at.frames, &at.trace, true);
		T_EQ(traced_find(&at.frames, 0, "traced_loaded"), -1);
		traced_end(&at);
		T_WAIT_UNTIL((ferry__trace_unwind(
		    &at.frames, &at.trace, true), traced_is_wrapped() ||
		    traced_find(&at.frames, 0, "traced_loaded") > 0), 5000);
	}
	ferry__dw_refuse(false);
}

static void
a_query(void)
{
	int inner, outer, exec;

	traced_start(&at, run_query);
	traced_copy(&at, SYS_read);
	ferry__trace_unwind(&at.frames, &at.trace, true);
	traced_end(&at);
	if (traced_is_wrapped() || !ferry__dw_open())
		T_SKIP_CASE("needs libdw, and its own stacks");
	traced_print(&at.frames);
	inner = traced_find(&at.frames, 0, "block");
	exec = traced_find(&at.frames, 0, "sqlite3_exec");
	outer = traced_find(&at.frames, 0, "run_query");
	T_GT(inner, 0);
	T_GT(exec, inner + 1);
	T_EQ(outer, exec + 1);
	for (int i = inner + 1; i < outer; i++)
		T_ASSERT(is_in(&at.frames.at[i], "libsqlite3"));
	T_EQ(at.frames.at[exec].flags & FERRY_FRAME_INLINE, 0);
}

static void
a_query_guessed(void)
{
	traced_start(&at, run_query);
	traced_copy(&at, SYS_read);
	ferry__dw_refuse(true);
	ferry__trace_unwind(&at.frames, &at.trace, true);
	ferry__dw_refuse(false);
	traced_end(&at);
	if (traced_is_wrapped())
		T_SKIP_CASE("has another's stack");
	T_ASSERT(!at.frames.unwound);
	T_GE(callers_in(&at.frames, "libsqlite3"), 3);
	T_GE(traced_find(&at.frames, 0, "sqlite3_step"), 0);
	T_GE(traced_find(&at.frames, 0, "sqlite3_exec"), 0);
}

T_MAIN(
	if (t_emulated())
		T_SKIP("the stacks are the emulator's");
	T_RUN(asks_no_server);
	T_RUN(a_library_that_comes_and_goes);
	T_RUN(stuck_in_the_loader);
	T_RUN(stuck_in_the_loader_guessed);
	T_RUN(a_query);
	T_RUN(a_query_guessed);
)

#else

int
main(void)
{
	T_SKIP("needs what is Linux's behind the seam");
}

#endif
