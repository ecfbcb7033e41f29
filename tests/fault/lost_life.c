/*
 * A thread that ends at the edges of a context's life: in init, in fini, in a
 * destroy when it closes, in a handler while somebody closes or has given up;
 * and one that ends again when no other is to be had.
 */
#include "steps.h"

#include "ending.h"

#include "ffi/context.h"

/* Threads refused: none; from the first on; the first alone. */
enum refused { NONE, ALL, FIRST, REFUSED };

/* What init and fini do; `fixture` stays what the fixture's would keep. */
struct life {
	enum ending how;
	enum refused refused;
	int ends_in_init;
	int ends_in_fini;
	struct fx_gate *gate; /* init passes it */
	atomic_int inits, finis;
	atomic_int left;      /* what init wanted here it has */
};

static void
refuse(enum refused refused)
{
	if (refused != NONE)
		inject_arm(INJECT_THREAD, 1, refused == ALL);
}

static int
init(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	struct life *life = (void *)(uintptr_t)arg;
	enum ending how = life->how;
	int ends = life->ends_in_init;

	(void)text;
	(void)text_size;
	(void)context;
	*state = life;
	atomic_fetch_add(&life->inits, 1);
	if (life->gate != NULL)
		fx_gate_pass(life->gate);
	if (ends)
		refuse(life->refused);
	atomic_fetch_add(&life->left, 1);
	if (ends)
		end_thread(how);
	return 0;
}

static void
fini(void *state)
{
	struct life *life = state;
	enum ending how = life->how;
	int ends = life->ends_in_fini;

	if (ends)
		refuse(life->refused);
	/* What it wanted here it has: who waits for it may take it away. */
	atomic_fetch_add(&life->finis, 1);
	if (ends)
		end_thread(how);
}

static ferry_library
library(void)
{
	static const ferry_method methods[] = {
		{ .struct_size = sizeof methods[0], .name = "nop",
		    .handler = fx_nop },
		{ .struct_size = sizeof methods[0], .name = "do",
		    .handler = fx_run },
	};
	ferry_library_options o = { .struct_size = sizeof o, .name = "life",
		.methods = methods, .n_methods = 2, .init = init,
		.fini = fini };
	ferry_library l;

	T_OK(ferry_library_open(&l, &o));
	return l;
}

enum { NOP, DO };

static int
open_life(ferry_context *out, struct life *life, const char *key,
    int64_t timeout_ms, char *text)
{
	ferry_context_options o = fx_context_options();
	int32_t status = 77;
	int r;

	o.library = library();
	o.init_status = &status;
	o.worker_key = key;
	o.init_arg = life;
	o.timeout_ms = timeout_ms;
	o.error_text = text;
	o.error_text_size = text != NULL ? 64 : 0;
	*out = INJECT_UNTOUCHED;
	r = ferry_context_open(out, &o);
	if (r != FERRY_OK)
		T_EQ(*out, INJECT_UNTOUCHED);
	T_EQ(status, r == FERRY_EINIT ? FERRY_ELOST : 77);
	T_OK(ferry_library_close(o.library));
	return r;
}

static int
nop(ferry_context context)
{
	return fx_wait(fx_submit(context, NOP, NULL, 0, NULL));
}

/* Runs a round for each way to end and each refusal, twice: what the first
 * made is kept, and the second leaves nothing. */
static void
each_round(void (*round)(enum ending how, enum refused refused))
{
	struct inject_level before;

	for (enum refused refused = NONE; refused < REFUSED; refused++)
		for (enum ending how = 0; how < ENDINGS; how++) {
			round(how, refused);
			inject_arm(0, 0, 0); /* forgets what was refused */
			before = inject_level();
			round(how, refused);
			T_EQ(inject_disarm() != 0, refused != NONE);
			inject_same(&before);
		}
}

/* ------------------------------------------------------------------- init */

static void
init_round(enum ending how, enum refused refused)
{
	struct life life = { .how = how, .refused = refused,
		.ends_in_init = 1 };
	ferry_context context;
	char text[64] = "";

	T_EQ(open_life(&context, &life, NULL, 0, text), FERRY_EINIT);
	T_STR(text, "init ended its thread");
	T_EQ(atomic_load(&life.finis), 0);
}

static void
init_ends_its_thread(void)
{
	each_round(init_round);
}

/* Another context lives on that worker. */
static void
shared_init_round(enum ending how, enum refused refused)
{
	struct life good = { .how = how }, bad = { .how = how,
		.refused = refused, .ends_in_init = 1 };
	ferry_context context, other;

	T_OK(open_life(&other, &good, "life", 0, NULL));
	T_EQ(open_life(&context, &bad, "life", 0, NULL), FERRY_EINIT);
	T_EQ(nop(other), refused == NONE ? FERRY_OK : FERRY_ECLOSED);
	T_EQ(fx_counters(other).threads_lost, 1);
	T_OK(ferry_context_close(other, NULL, NULL));
	T_EQ(atomic_load(&good.finis), 1);
	T_EQ(atomic_load(&bad.finis), 0);
}

static void
init_ends_a_shared_thread(void)
{
	each_round(shared_init_round);
}

/* The opener has given up by then; nobody is there to join anything. */
static void
abandoned_init_round(enum ending how, enum refused refused)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct life life = { .how = how, .refused = refused,
		.ends_in_init = 1, .gate = &gate };
	ferry_context context;

	T_EQ(open_life(&context, &life, NULL, 5, NULL), FERRY_ETIMEDOUT);
	fx_gate_await(&gate, 1);
	fx_gate_open(&gate);
	T_WAIT_UNTIL(atomic_load(&life.left) == 1, FX_LIMIT_MS);
	inject_await_threads();
	T_EQ(atomic_load(&life.inits), 1);
	T_EQ(atomic_load(&life.finis), 0);
}

static void
init_ends_its_thread_unheard(void)
{
	each_round(abandoned_init_round);
}

/* Nor when init was fine, and the fini that undoes it ends the thread. */
static void
abandoned_fini_round(enum ending how, enum refused refused)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct life life = { .how = how, .refused = refused,
		.ends_in_fini = 1, .gate = &gate };
	ferry_context context;

	T_EQ(open_life(&context, &life, NULL, 5, NULL), FERRY_ETIMEDOUT);
	fx_gate_await(&gate, 1);
	fx_gate_open(&gate);
	T_WAIT_UNTIL(atomic_load(&life.finis) == 1, FX_LIMIT_MS);
	inject_await_threads();
	T_EQ(atomic_load(&life.inits), 1);
}

static void
fini_ends_its_thread_unheard(void)
{
	each_round(abandoned_fini_round);
}

/* ------------------------------------------------------- fini and destroy */

static void
fini_round(enum ending how, enum refused refused)
{
	struct life life = { .how = how, .refused = refused,
		.ends_in_fini = 1 };
	ferry_context context;

	T_OK(open_life(&context, &life, NULL, 0, NULL));
	T_EQ(nop(context), FERRY_OK);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(atomic_load(&life.finis), 1);
}

static void
fini_ends_its_thread(void)
{
	each_round(fini_round);
}

static void
shared_fini_round(enum ending how, enum refused refused)
{
	struct life bad = { .how = how, .refused = refused,
		.ends_in_fini = 1 }, good = { .how = how };
	ferry_context context, other;

	T_OK(open_life(&other, &good, "life", 0, NULL));
	T_OK(open_life(&context, &bad, "life", 0, NULL));
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(nop(other), refused == NONE ? FERRY_OK : FERRY_ECLOSED);
	T_OK(ferry_context_close(other, NULL, NULL));
	T_EQ(atomic_load(&bad.finis), 1);
	T_EQ(atomic_load(&good.finis), 1);
}

static void
fini_ends_a_shared_thread(void)
{
	each_round(shared_fini_round);
}

enum { HANDLES = 3 };

struct shop {
	struct life *life;
	int destroyed[HANDLES];
	struct shop *of[HANDLES];
};

/* The state of each is where it stands in the shop. */
static void
end_in_destroy(void *object, void *state)
{
	struct shop **at = object, *shop = *at;
	struct life *life = state;

	shop->destroyed[at - shop->of]++;
	refuse(life->refused);
	end_thread(life->how);
}

static int
open_handles(ferry_call call, void *arg)
{
	struct shop *shop = arg;
	ferry_handle handle;

	for (int i = 0; i < HANDLES; i++) {
		shop->of[i] = shop;
		T_OK(ferry_handle_open(&handle, call, &shop->of[i], shop,
		    end_in_destroy));
	}
	return FERRY_OK;
}

/* Every object is destroyed, once, though each takes its thread with it. */
static void
destroy_round(enum ending how, enum refused refused)
{
	struct life life = { .how = how, .refused = refused };
	struct shop shop = { .life = &life };
	struct fx_job job = { open_handles, &shop };
	ferry_context context;

	T_OK(open_life(&context, &life, NULL, 0, NULL));
	T_EQ(fx_wait(fx_submit(context, DO, &job, sizeof job, NULL)),
	    FERRY_OK);
	T_OK(ferry_context_close(context, NULL, NULL));
	for (int i = 0; i < HANDLES; i++)
		T_EQ(shop.destroyed[i], 1);
	T_EQ(atomic_load(&life.finis), 1);
}

static void
destroy_ends_its_thread(void)
{
	each_round(destroy_round);
}

/* ------------------------------------------------------------- and again */

struct again {
	enum ending how;
	atomic_int calls, closed;
};

static void
end_again(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	struct again *a = user;

	(void)request;
	(void)data;
	(void)size;
	if (status == FERRY_ECLOSED)
		atomic_fetch_add(&a->closed, 1);
	atomic_fetch_add(&a->calls, 1); /* last: it is waited for */
	end_thread(a->how);
}

static int
end_in_handler(ferry_call call, void *arg)
{
	struct life *life = arg;

	(void)call;
	refuse(life->refused);
	end_thread(life->how);
}

/*
 * Where no thread is to be had, the dying one answers what is queued; and each
 * callback that is told so ends it anew. All of them are told, and fini runs.
 */
static void
again_round(enum ending how, enum refused refused)
{
	enum { N = 8 };
	struct life life = { .how = how, .refused = refused,
		.ends_in_fini = 1 };
	struct again again = { .how = how };
	struct fx_job job = { end_in_handler, &life };
	ferry_request_options o = fx_request_options();
	ferry_context context;
	ferry_counters c;
	ferry_request lost;

	T_OK(open_life(&context, &life, NULL, 0, NULL));
	o.callback = end_again;
	o.user = &again;
	lost = fx_submit(context, DO, &job, sizeof job, NULL);
	for (int i = 0; i < N; i++)
		fx_submit(context, NOP, NULL, 0, &o);
	T_EQ(fx_wait(lost), FERRY_ELOST);
	T_WAIT_UNTIL(atomic_load(&again.calls) == N, FX_LIMIT_MS);
	fx_rest(context);
	c = fx_counters(context);
	T_EQ(c.ended_lost, 1);
	T_EQ(c.unstarted_closed, atomic_load(&again.closed));
	T_EQ(c.ended_ok, N - atomic_load(&again.closed));
	/* The last one is counted after its callback. */
	if (refused != FIRST)
		T_WAIT_UNTIL(fx_counters(context).threads_lost == N + 1,
		    FX_LIMIT_MS);
	if (refused == ALL)
		T_EQ(atomic_load(&again.closed), N);
	T_OK(ferry_context_close(context, NULL, NULL));
	T_EQ(atomic_load(&life.finis), 1);
	T_EQ(atomic_load(&again.calls), N);
}

static void
ends_again_and_again(void)
{
	each_round(again_round);
}

T_MAIN(
	T_RUN(init_ends_its_thread);
	T_RUN(init_ends_a_shared_thread);
	T_RUN(init_ends_its_thread_unheard);
	T_RUN(fini_ends_its_thread_unheard);
	T_RUN(fini_ends_its_thread);
	T_RUN(fini_ends_a_shared_thread);
	T_RUN(destroy_ends_its_thread);
	T_RUN(ends_again_and_again);
)
