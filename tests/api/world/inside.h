/*
 * tests/api/world/inside.h: how a child of exit.c leaves, and the ways to do so
 * in a callback of Ferry's: handler, reply, doorbell, cancel hook, init, fini.
 */
#ifndef INSIDE_H
#define INSIDE_H

#include "../gate.h"
#include "world.h"

enum { QUIESCE_MS = 20 };

static struct world world;
static int code;
static int quiesce;
static unsigned modes;
static int control = -1;

/* ------------------------------------------------------------- leaving */

static void
leaving(void)
{
	uint64_t now = t_now_ns();

	if (control >= 0)
		T_EQ(write(control, &now, sizeof now), sizeof now);
}

/* On a thread of the host's. */
static void
leaving_host(void)
{
	if (quiesce)
		world_quiesce(modes);
	leaving();
}

/* In a callback. */
static void
leaving_inside(void)
{
	if (quiesce)
		T_EQ(ferry_quiesce(QUIESCE_MS), FERRY_EREENTRANT);
	leaving();
}

static void
stay(void)
{
	world_stay();
}

/* ---------------------------------------------------------- in callbacks */

static void
exit_inside(void)
{
	leaving_inside();
	exit(code);
}

static int
exit_job(ferry_call call)
{
	(void)call;
	exit_inside();
	return FERRY_OK;
}

static void
in_handler(void)
{
	world_run(&world, exit_job);
	stay();
}

static int
_exit_job(ferry_call call)
{
	(void)call;
	leaving_inside();
	_exit(code);
}

static void
in_handler_at_once(void)
{
	world_run(&world, _exit_job);
	stay();
}

static void
exit_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)data;
	(void)size;
	(void)user;
	T_OK(status);
	exit_inside();
}

static void
in_callback(void)
{
	ferry_request_options o = {.struct_size = sizeof o,
	    .callback = exit_reply};

	T_OK(ferry_request_submit(
	    NULL, world.stream, WORLD_NOP, NULL, 0, &o));
	stay();
}

static void
exit_doorbell(void *user)
{
	(void)user;
	/* A doorbell may not call Ferry. */
	leaving();
	exit(code);
}

static int
emit_job(ferry_call call)
{
	ferry_call_info info = {.struct_size = sizeof info};

	T_OK(ferry_call_describe(&info, call));
	return ferry_context_emit(info.context, 0, NULL, 0);
}

/* On the event thread. */
static void
in_doorbell(void)
{
	world_run(&world, emit_job);
	stay();
}

static struct fx_gate hooked = FX_GATE_SHUT;

static void
exit_hook(ferry_call call, void *user)
{
	(void)call;
	(void)user;
	exit_inside();
}

static int
hook_job(ferry_call call)
{
	T_OK(ferry_call_on_cancel(call, exit_hook, NULL));
	fx_gate_pass(&hooked);
	return FERRY_OK;
}

static void
in_hook(void)
{
	world_job job = hook_job;
	ferry_request request;

	T_OK(ferry_request_submit(
	    &request, world.stream, WORLD_RUN, &job, sizeof job, NULL));
	fx_gate_await(&hooked, 1);
	ferry_request_cancel(request);
	T_FAIL("the hook came back");
}

static int
exit_init(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	(void)state;
	(void)text;
	(void)text_size;
	(void)context;
	if (arg != NULL)
		exit_inside();
	return 0;
}

static void
exit_fini(void *state)
{
	(void)state;
	exit_inside();
}

static ferry_context
open_brief(const void *arg)
{
	ferry_library_options l = {.struct_size = sizeof l, .name = "brief",
	    .init = exit_init, .fini = exit_fini};
	ferry_context_options o = {.struct_size = sizeof o, .init_arg = arg};
	ferry_context c;

	T_OK(ferry_library_open(&o.library, &l));
	T_OK(ferry_context_open(&c, &o));
	return c;
}

static void
in_init(void)
{
	open_brief(&code);
	T_FAIL("init came back");
}

static void
in_fini(void)
{
	T_OK(ferry_context_close(open_brief(NULL), NULL, NULL));
	T_FAIL("fini came back");
}

#endif
