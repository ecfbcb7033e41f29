/*
 * What the heartbeat says while a lost thread is mended, by a successor or,
 * where there is none to be had, by the dying thread itself: what was in hand
 * is not, and the callback of an answer is its own request's. Nor is a call
 * that has ended with the thread in anybody's hand.
 */
#include "strand_steps.h"

#include "ending.h"

struct world {
	int successor;
	ferry_context context;
	ferry_handle handle;
	struct fx_gate suspended, told; /* told: a callback is in there */
	atomic_int status;
};

/* From here on no thread is to be had, or one is. */
__attribute__((noreturn)) static void
end_here(const struct world *w)
{
	if (!w->successor)
		inject_arm(INJECT_THREAD, 1, 1);
	end_thread(ENDING_EXIT);
}

static void
stay_in_callback(ferry_request request, int status, const void *data,
    size_t size, void *user)
{
	struct world *w = user;

	(void)request;
	(void)data;
	(void)size;
	atomic_store(&w->status, status);
	fx_gate_pass(&w->told);
}

static void
end_in_destroy(void *object, void *state)
{
	(void)state;
	end_here(object);
}

static int
open_handle(ferry_call call, void *arg)
{
	struct world *w = arg;

	return ferry_handle_open(&w->handle, call, w, w, end_in_destroy);
}

static int
end_in_handler(ferry_call call, void *arg)
{
	(void)call;
	end_here(arg);
}

static int
sleep_for_ever(ferry_call call, void *arg)
{
	struct world *w = arg;

	(void)call;
	fx_gate_open(&w->suspended);
	return ferry_strand_sleep(-1);
}

/* In the callback: it is this request's, and nothing else's. */
static void
check_in_callback(struct world *w, ferry_request request)
{
	ferry_health h = { .struct_size = sizeof h };

	fx_gate_await(&w->told, 1);
	T_OK(ferry_context_health(&h, w->context));
	T_EQ(h.worker, FERRY_THREAD_BUSY);
	T_EQ(h.request, request);
	T_STR(h.method_name, h.method == ST_STRAND ? "strand" : "do");
	T_EQ(atomic_load(&w->status), FERRY_ELOST);
	inject_disarm();
	fx_gate_open(&w->told);
}

static void
a_handler(int successor)
{
	struct world w = { .successor = successor, .told = FX_GATE_SHUT };
	ferry_request_options o = fx_request_options();

	w.context = strand_steps_open(NULL);
	o.callback = stay_in_callback;
	o.user = &w;
	check_in_callback(&w, fx_do_with(w.context, end_in_handler, &w, &o));
	fx_close(w.context);
}

/* The strand that is lost with it hears of it, not by the destroy's name. */
static void
a_destroy(int successor)
{
	struct world w = { .successor = successor, .told = FX_GATE_SHUT,
		.suspended = FX_GATE_SHUT };
	ferry_request_options o = fx_request_options();
	struct fx_job job = { sleep_for_ever, &w };
	ferry_request request;

	w.context = strand_steps_open(NULL);
	o.callback = stay_in_callback;
	o.user = &w;
	request = fx_submit(w.context, ST_STRAND, &job, sizeof job, &o);
	fx_gate_pass(&w.suspended);
	T_OK(fx_do_wait(w.context, open_handle, &w));
	T_OK(ferry_handle_release(w.handle));
	check_in_callback(&w, request);
	fx_close(w.context);
}

/* ---------------------------------------------- a call that went with it */

/* A strand that has waited, and whose call somebody still has. */
struct left {
	ferry_call call;
	ferry_handle handle;
	atomic_int checked; /* what a destroy was told of it */
};

static void
check_in_destroy(void *object, void *state)
{
	struct left *l = object;

	(void)state;
	atomic_store(&l->checked, ferry_call_check(l->call));
}

static int
wait_and_end(ferry_call call, void *arg)
{
	struct left *l = arg;

	l->call = call;
	T_OK(ferry_handle_open(&l->handle, call, l, l, check_in_destroy));
	T_OK(ferry_strand_sleep(0));
	/* TSan allows no pthread_exit() off the thread's own stack. */
	end_thread(T_TSAN ? ENDING_CANCEL : ENDING_EXIT);
}

static void
its_call_is_nobodys(void)
{
	struct left l = { 0 };
	ferry_context context = strand_steps_open(NULL);

	T_EQ(strand_steps_status(context, wait_and_end, &l), FERRY_ELOST);
	T_OK(ferry_handle_release(l.handle));
	fx_rest(context);
	fx_close(context);
	T_EQ(atomic_load(&l.checked), FERRY_ESTALE);
}

static void
by_a_successor(void)
{
	a_handler(1);
	a_destroy(1);
}

static void
by_the_dying_one(void)
{
	a_handler(0);
	a_destroy(0);
}

T_MAIN(
	T_RUN(by_a_successor);
	T_RUN(by_the_dying_one);
	T_RUN(its_call_is_nobodys);
)
