/*
 * The library that the contexts open: handlers that answer at once, later,
 * elsewhere, never until let go, or end their thread.
 */
#include "soak.h"

/* ------------------------------------------------------------------- jail */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static uint64_t releases;

static void
sit(void)
{
	uint64_t mine;

	pthread_mutex_lock(&lock);
	mine = releases;
	while (releases == mine && !atomic_load(&soak.stopping))
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
}

void
library_let_go(void)
{
	pthread_mutex_lock(&lock);
	releases++;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}

/* ------------------------------------------------------------------- order */

/* This lane's starts come in the order of its submits. An epoch that is over
 * is another thread's, and nothing is promised about those two. */
static void
check_lane(struct berth *b, const struct record *r, uint64_t life)
{
	struct lane *l = &b->lanes[r->lane];

	if (r->lane == 0)
		return;
	if (l->life != life || l->epoch < r->epoch)
		*l = (struct lane){life, r->epoch, 0};
	if (l->epoch != r->epoch)
		return;
	if (r->order <= l->order)
		T_FAIL("berth %u, lane %u: %ju starts after %ju", b->n,
		    r->lane, (uintmax_t)r->order, (uintmax_t)l->order);
	l->order = r->order;
}

struct record *
library_begin(const void *data, size_t size, void *state, struct item *item,
    struct tally **t)
{
	struct berth *b = state;
	struct record *r;
	uint64_t life;

	if (size < sizeof *item) {
		memset(item, 0, sizeof *item);
		*t = NULL;
		return NULL;
	}
	*item = payload_prove(data, size);
	r = record_started(item->tag);
	life = atomic_load(&r->life);
	*t = tally_of(life);
	T_ASSERT(r->berth == b);
	T_EQ(r->size, size);
	check_lane(b, r, life);
	spin(item->spin);
	return r;
}

/* A reply that may not be possible for want of memory, or comes too late. */
static int
replied(int r)
{
	if (r != FERRY_OK && r != FERRY_ESTALE && r != FERRY_ENOMEM)
		T_FAIL("a reply: %s", ferry_error_name(r));
	return r;
}

/* --------------------------------------------------------------- handlers */

static int
plain(ferry_call call, const void *data, size_t size, void *state)
{
	struct item item;
	struct tally *t;

	(void)call;
	(void)library_begin(data, size, state, &item, &t);
	return 1;
}

/* Some forget to pop; no call finds what another has left. */
static void
use_scopes(ferry_call call, uint64_t tag)
{
	T_EQ(ferry_scope_pop(call), FERRY_EINVAL);
	T_OK(op_did(OP_SCOPE, ferry_scope_push(call, "soaked", 1000)));
	T_OK(ferry_scope_extend(call, 1000, "still soaking"));
	if (tag % 3 == 0)
		T_OK(ferry_scope_pop(call));
}

static int
echo(ferry_call call, const void *data, size_t size, void *state)
{
	struct item item;
	struct tally *t;
	void *block;

	(void)library_begin(data, size, state, &item, &t);
	if (item.tag % 4 == 0)
		use_scopes(call, item.tag);
	if (item.tag % 2 == 0 || size == 0)
		return replied(ferry_call_reply(call, FERRY_OK, data, size));
	if (ferry_block_alloc(&block, size) != FERRY_OK)
		return FERRY_ENOMEM;
	memcpy(block, data, size);
	return replied(ferry_call_reply_block(call, FERRY_OK, block, size));
}

static int
error(ferry_call call, const void *data, size_t size, void *state)
{
	(void)plain(call, data, size, state);
	return FERRY_EBUSY;
}

static int
defer(ferry_call call, const void *data, size_t size, void *state)
{
	struct item item;
	struct tally *t;
	struct record *r = library_begin(data, size, state, &item, &t);
	int result;

	if (r == NULL)
		return 7;
	/* Before it is handed out: afterwards the payload may be gone. */
	result = ferry_call_defer(call);
	if (result == FERRY_ESTALE)
		return result;
	T_OK(result);
	if (!answer_later(call, item.tag, atomic_load(&t->life)))
		replied(ferry_call_reply(call, 7, NULL, 0));
	return 0;
}

static void
interrupt(ferry_call call, void *user)
{
	(void)call;
	atomic_store((atomic_int *)user, 1);
}

/* `interrupted` is on our stack: the hook is taken back before it goes. */
static int
hook(ferry_call call, const void *data, size_t size, void *state)
{
	atomic_int interrupted = 0;
	struct item item;
	struct tally *t;
	int r;

	(void)library_begin(data, size, state, &item, &t);
	r = ferry_call_on_cancel(call, interrupt, &interrupted);
	if (r == FERRY_ECANCELED || r == FERRY_ESTALE)
		return r == FERRY_ESTALE ? 1 : r;
	T_OK(r);
	for (unsigned i = 0; i < 20000 && !atomic_load(&interrupted); i++)
		;
	r = ferry_call_on_cancel(call, NULL, NULL);
	T_ASSERT(r == FERRY_OK || r == FERRY_ECANCELED || r == FERRY_ESTALE);
	return r == FERRY_ECANCELED ? r : 1;
}

/* What it was given is good for as long as it runs. */
static int
wedge(ferry_call call, const void *data, size_t size, void *state)
{
	struct item item;
	struct tally *t;

	(void)library_begin(data, size, state, &item, &t);
	atomic_fetch_add(&op_wedges, 1);
	sit();
	if (size >= sizeof item)
		T_EQ(payload_prove(data, size).tag, item.tag);
	(void)ferry_call_check(call);
	return 1;
}

static int
end_thread(ferry_call call, const void *data, size_t size, void *state)
{
	struct item item;
	struct tally *t;

	if (library_begin(data, size, state, &item, &t) == NULL)
		return 3;
	atomic_fetch_add(&op_losses, 1);
	atomic_store(&t->refusing, 1);
	if (item.tag % 2 == 0)
		replied(ferry_call_reply(call, 3, NULL, 0));
	strand_lose_all();
	fx_before_exit();
	pthread_exit(NULL);
}

static int
emit(ferry_call call, const void *data, size_t size, void *state)
{
	struct berth *b = state;
	struct t_rng rng;
	struct item item;
	struct tally *t;
	ferry_call_info info = {.struct_size = sizeof info};
	int r = library_begin(data, size, state, &item, &t) == NULL;

	rng.state = item.tag;
	if (r || ferry_call_describe(&info, call) != FERRY_OK)
		return 1;
	for (uint64_t n = t_rand_below(&rng, 12); n > 0; n--) {
		r = news_emit(info.context, atomic_load(&t->life), b->n,
		    ++b->emit_order, &rng);
		ALLOW(OP_EMIT, r, FERRY_ENOMEM, FERRY_ESTUCK, FERRY_EDEADLK,
		    FERRY_ECLOSED, FERRY_ESTALE);
	}
	return 1;
}

/* ---------------------------------------------------------------- handles */

static const char type[] = "thing";

struct thing {
	uint64_t proof;
	uint64_t life;
};

static void
destroy(void *object, void *state)
{
	struct thing *thing = object;
	struct tally *t = tally_of(thing->life);

	(void)state;
	T_EQ(thing->proof, payload_proof(thing->life));
	T_ASSERT(t != NULL && !atomic_load(&t->over));
	atomic_fetch_add(&t->destroyed, 1);
	thing->proof = 0;
	free(thing);
}

static int
handle(ferry_call call, const void *data, size_t size, void *state)
{
	ferry_handle token = 0;
	struct thing *thing;
	struct item item;
	struct tally *t;
	void *object;
	int r;

	if (library_begin(data, size, state, &item, &t) == NULL)
		return FERRY_EBUSY;
	thing = malloc(sizeof *thing);
	T_ASSERT(thing != NULL);
	thing->life = atomic_load(&t->life);
	thing->proof = payload_proof(thing->life);
	r = ferry_handle_open(&token, call, thing, type, destroy);
	ALLOW(OP_HANDLE, r, FERRY_ENOMEM);
	if (r != FERRY_OK) {
		free(thing);
		return FERRY_ENOMEM;
	}
	atomic_fetch_add(&t->opened, 1);
	T_OK(ferry_handle_object(&object, call, token, type));
	T_ASSERT(object == thing);
	T_EQ(ferry_handle_object(&object, call, token, &type[1]),
	    FERRY_EINVAL);
	return replied(
	    ferry_call_reply(call, FERRY_OK, &token, sizeof token));
}

static int
call_other(ferry_call call, const void *data, size_t size, void *state)
{
	struct berth *b = state;
	struct t_rng rng;
	struct item item;
	struct tally *t;

	(void)call;
	if (library_begin(data, size, state, &item, &t) == NULL)
		return 1;
	rng.state = item.tag;
	request_aside(&berths[(b->n + 1 + t_rand_below(&rng, BERTHS - 1)) %
	    BERTHS], &rng, 1);
	return 1;
}

/* ------------------------------------------------------------ the library */

static int
init(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	struct berth *b = (void *)(uintptr_t)arg;

	(void)text;
	(void)text_size;
	(void)context;
	*state = b;
	return b->last_life % 16 == 15 ? 5 : 0;
}

static void
fini(void *state)
{
	struct berth *b = state;
	struct tally *t = tally_of(b->last_life);

	/* 0: before the run. */
	T_ASSERT(b->last_life == 0 ||
	    (t != NULL && !atomic_load(&t->over)));
}

ferry_library
library_open(void)
{
	static const ferry_handler_fn handlers[METHODS] = {plain, echo, error,
	    defer, hook, wedge, end_thread, emit, handle, call_other,
	    strand_live};
	static const char *const names[METHODS] = {"plain", "echo", "error",
	    "defer", "hook", "wedge", "exit", "emit", "handle", "call",
	    "strand"};
	static const ferry_event events[EVENTS] = {
	    {.struct_size = sizeof(ferry_event), .name = "small"},
	    {.struct_size = sizeof(ferry_event), .name = "large"}};
	ferry_method methods[METHODS];
	ferry_library_options o = {.struct_size = sizeof o, .name = "soak",
	    .methods = methods, .n_methods = METHODS, .events = events,
	    .n_events = EVENTS, .init = init, .fini = fini};
	ferry_library library = 0;
	int r;

	memset(methods, 0, sizeof methods);
	for (int i = 0; i < METHODS; i++) {
		methods[i].struct_size = sizeof methods[i];
		methods[i].name = names[i];
		methods[i].handler = handlers[i];
	}
	methods[M_STRAND].flags = FERRY_METHOD_STRAND;
	r = STEP(ferry_library_open(&library, &o), 0);
	T_ASSERT(r == FERRY_OK || (r == FERRY_ENOMEM && soak.faults));
	return library;
}
