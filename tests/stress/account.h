/*
 * tests/stress/account.h: every request is tagged, and every tag accounted for.
 *
 * A tag is accepted or refused by its submit, started at most once, ended
 * exactly once if it was accepted and never otherwise, and its memory, if it
 * was adopted, is freed exactly once. Whoever learns of one of these writes it
 * down here; account_check() looks at all of them when the dust has settled.
 * The payload names its tag; see payload.h.
 */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include <sched.h>

#include "api/fixture.h"
#include "payload.h"

enum { ACCEPTED = 1, REFUSED = 2 };

struct tag {
	atomic_uchar submit;  /* 0, ACCEPTED, REFUSED */
	atomic_uchar started;
	atomic_uchar ended;
	atomic_uchar adopted; /* 1: accepted with memory of its own */
	atomic_uchar freed;
	atomic_uchar by_callback;
	atomic_int status;    /* … with this one */
};

static struct {
	struct tag *tags;
	uint64_t room;
	atomic_ullong next;
	atomic_int closed; /* the close has returned: no callback any more */
	atomic_ullong outcomes[64]; /* by status, negated; above: positive */
} account;

/* Room for so many tags; once for each program. */
static inline void
account_open(uint64_t room)
{
	account.room = room;
	account.tags = calloc(room, sizeof *account.tags);
	T_ASSERT(account.tags != NULL);
}

static inline int
account_full(uint64_t margin)
{
	return atomic_load(&account.next) + margin > account.room;
}

/* All over again, for the next round. Nobody may be about. */
static inline void
account_restart(void)
{
	uint64_t n = atomic_load(&account.next);

	memset(account.tags, 0, n * sizeof *account.tags);
	atomic_store(&account.next, 0);
	atomic_store(&account.closed, 0);
}

static inline uint64_t
account_tag(void)
{
	uint64_t tag = atomic_fetch_add(&account.next, 1);

	if (tag >= account.room)
		T_FAIL("more than %ju tags", (uintmax_t)account.room);
	return tag;
}

/* The handler's look at its payload. */
static inline struct item
account_prove(const void *data, size_t size)
{
	struct item item = payload_prove(data, size);

	T_LT(item.tag, account.room);
	return item;
}

static inline void
account_submitted(uint64_t tag, int r)
{
	atomic_store(&account.tags[tag].submit,
	    r == FERRY_OK ? ACCEPTED : REFUSED);
}

static inline void
account_started(uint64_t tag)
{
	if (atomic_fetch_add(&account.tags[tag].started, 1) != 0)
		T_FAIL("tag %ju has started twice", (uintmax_t)tag);
}

static inline void
account_ended(uint64_t tag, int status)
{
	int outcome = status > 0 ? 63 : -status & 63;

	atomic_store(&account.tags[tag].status, status);
	if (atomic_fetch_add(&account.tags[tag].ended, 1) != 0)
		T_FAIL("tag %ju has ended twice", (uintmax_t)tag);
	atomic_fetch_add(&account.outcomes[outcome], 1);
}

/* A ferry_free_fn; the tag is in the memory. */
static inline void
account_free(void *data, void *user)
{
	struct item item;

	(void)user;
	memcpy(&item, data, sizeof item);
	if (atomic_fetch_add(&account.tags[item.tag].freed, 1) != 0)
		T_FAIL("tag %ju was freed twice", (uintmax_t)item.tag);
	free(data);
}

/* A ferry_reply_fn; the tag is `user`. */
static inline void
account_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)data;
	(void)size;
	T_EQ(atomic_load(&account.closed), 0);
	account_ended((uint64_t)(uintptr_t)user, status);
}

/* How often a request has a deadline, within how long, and may be stale: once
 * in so many. */
struct account_chances {
	unsigned deadline_in;
	unsigned stale_in;
	uint64_t within_ns;
};

/* Options by chance: where the reply goes, which lane, until when. */
static inline ferry_request_options
account_options(struct t_rng *rng, ferry_inbox inbox,
    const struct account_chances *c)
{
	ferry_request_options o = fx_request_options();

	switch (t_rand_below(rng, 3)) {
	case 0:
		o.callback = account_reply;
		break;
	case 1:
		o.inbox = inbox;
		break;
	default:
		break;
	}
	if (t_rand_below(rng, 3) == 0)
		o.lane = 1 + t_rand_below(rng, 4);
	if (t_rand_below(rng, c->deadline_in) == 0)
		o.deadline_ns =
		    ferry_clock_ns() + t_rand_below(rng, c->within_ns);
	if (o.inbox != 0 && t_rand_below(rng, c->stale_in) == 0)
		o.stale_ms = 1;
	return o;
}

/*
 * Every accepted tag has ended once, and nothing of a refused one was ever
 * seen; `not_run` callbacks may be missing. Returns how many were accepted.
 */
static inline uint64_t
account_check(uint64_t not_run)
{
	uint64_t n = atomic_load(&account.next), accepted = 0, missing = 0;

	for (uint64_t i = 0; i < n; i++) {
		struct tag *t = &account.tags[i];
		int submit = atomic_load(&t->submit);
		int ended = atomic_load(&t->ended);

		if (submit != ACCEPTED) {
			T_EQ(atomic_load(&t->started), 0);
			T_EQ(ended, 0);
			T_EQ(atomic_load(&t->freed), 0);
			continue;
		}
		accepted++;
		if (atomic_load(&t->freed) != atomic_load(&t->adopted))
			T_FAIL("tag %ju: adopted %d, freed %d, started %d, "
			    "ended %d, by callback %d", (uintmax_t)i,
			    atomic_load(&t->adopted), atomic_load(&t->freed),
			    atomic_load(&t->started), ended,
			    atomic_load(&t->by_callback));
		if (ended == 0 && !atomic_load(&t->by_callback))
			T_FAIL("tag %ju has not ended", (uintmax_t)i);
		missing += ended == 0;
	}
	T_EQ(missing, not_run);
	return accepted;
}

/* What became of all of them, for the log. */
static inline void
account_print(void)
{
	for (int i = 0; i < 64; i++) {
		unsigned long long n = atomic_load(&account.outcomes[i]);

		if (n > 0)
			dprintf(1, "  %-18s %llu\n",
			    i == 63 ? "positive" : ferry_error_name(-i), n);
	}
}

/* Waits for a request and accounts for it. */
static inline void
account_wait(ferry_request request, uint64_t tag)
{
	account_ended(tag, fx_wait(request));
}

/* ------------------------------------------------ calls answered later */

enum { DEFERRED_MAX = 1 << 16 };

/* Deferred calls, answered by a thread of their own. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	ferry_call calls[DEFERRED_MAX];
	unsigned n;
	int stop;
	atomic_ullong replied, late;
} deferred = {.lock = PTHREAD_MUTEX_INITIALIZER,
    .moved = PTHREAD_COND_INITIALIZER};

static inline void
deferred_push(ferry_call call)
{
	pthread_mutex_lock(&deferred.lock);
	T_LT(deferred.n, DEFERRED_MAX);
	deferred.calls[deferred.n++] = call;
	pthread_cond_signal(&deferred.moved);
	pthread_mutex_unlock(&deferred.lock);
}

/* The newest first: the order of replies is nobody's promise. */
static inline void *
deferred_answer(void *arg)
{
	(void)arg;
	for (;;) {
		ferry_call call;
		int r;

		pthread_mutex_lock(&deferred.lock);
		while (deferred.n == 0 && !deferred.stop)
			pthread_cond_wait(&deferred.moved, &deferred.lock);
		if (deferred.n == 0) {
			pthread_mutex_unlock(&deferred.lock);
			return NULL;
		}
		call = deferred.calls[--deferred.n];
		pthread_mutex_unlock(&deferred.lock);
		r = ferry_call_reply(call, 7, "later", 5);
		T_ASSERT(r == FERRY_OK || r == FERRY_ESTALE);
		atomic_fetch_add(
		    r == FERRY_OK ? &deferred.replied : &deferred.late, 1);
	}
}

static inline void
deferred_stop(pthread_t thread)
{
	pthread_mutex_lock(&deferred.lock);
	deferred.stop = 1;
	pthread_cond_signal(&deferred.moved);
	pthread_mutex_unlock(&deferred.lock);
	t_thread_join(thread);
}

/* ---------------------------------------------------------- the library */

enum load_method {
	LOAD_PLAIN, /* spins as its payload says; positive status 1 */
	LOAD_ECHO,  /* the same, and replies with its payload */
	LOAD_DEFER, /* answered by deferred_answer() */
	LOAD_HOOK,  /* sets a cancel hook, and spins until it is called */
	LOAD_EXIT,  /* ends its thread */
	LOAD_N_METHODS
};

static inline int
load_plain(ferry_call call, const void *data, size_t size, void *state)
{
	struct item item = account_prove(data, size);

	(void)call;
	(void)state;
	account_started(item.tag);
	spin(item.spin);
	return 1;
}

static inline int
load_echo(ferry_call call, const void *data, size_t size, void *state)
{
	int r;

	(void)load_plain(call, data, size, state);
	r = ferry_call_reply(call, FERRY_OK, data, size);
	T_ASSERT(r == FERRY_OK || r == FERRY_ESTALE); /* if abandoned */
	return 0;
}

static inline int
load_defer(ferry_call call, const void *data, size_t size, void *state)
{
	(void)load_plain(call, data, size, state);
	T_OK(ferry_call_defer(call));
	deferred_push(call);
	return 0;
}

static inline void
load_hook_run(ferry_call call, void *user)
{
	(void)call;
	atomic_store((atomic_int *)user, 1);
}

/* `interrupted` is on our stack: the hook is taken back before it goes. Where
 * the context was abandoned meanwhile, the call is gone. */
static inline int
load_hook(ferry_call call, const void *data, size_t size, void *state)
{
	struct item item = account_prove(data, size);
	atomic_int interrupted = 0;
	int r;

	(void)state;
	account_started(item.tag);
	r = ferry_call_on_cancel(call, load_hook_run, &interrupted);
	if (r == FERRY_ECANCELED || r == FERRY_ESTALE)
		return r;
	T_OK(r);
	for (uint32_t i = 0; i < item.spin && !atomic_load(&interrupted); i++)
		;
	r = ferry_call_on_cancel(call, NULL, NULL);
	T_ASSERT(r == FERRY_OK || r == FERRY_ECANCELED || r == FERRY_ESTALE);
	return r == FERRY_OK ? 1 : r;
}

static inline int
load_exit(ferry_call call, const void *data, size_t size, void *state)
{
	(void)load_plain(call, data, size, state);
	fx_before_exit();
	pthread_exit(NULL);
}

static inline ferry_library
load_library(void)
{
	static const ferry_method methods[LOAD_N_METHODS] = {
	    {.struct_size = sizeof(ferry_method), .name = "plain",
	        .handler = load_plain},
	    {.struct_size = sizeof(ferry_method), .name = "echo",
	        .handler = load_echo},
	    {.struct_size = sizeof(ferry_method), .name = "defer",
	        .handler = load_defer},
	    {.struct_size = sizeof(ferry_method), .name = "hook",
	        .handler = load_hook},
	    {.struct_size = sizeof(ferry_method), .name = "exit",
	        .handler = load_exit},
	};
	ferry_library_options o = {.struct_size = sizeof o, .name = "load",
	    .methods = methods, .n_methods = LOAD_N_METHODS};
	ferry_library library;

	T_OK(ferry_library_open(&library, &o));
	return library;
}

/* -------------------------------------------------------------- submitting */

enum { ITEM_MAX = 300 };

/* A size that is inline, at its edge, or on the heap. */
static inline size_t
item_size(struct t_rng *rng)
{
	static const size_t sizes[] = {sizeof(struct item), 63, 64, 65};
	uint64_t n = t_rand_below(rng, 6);

	return n < 4 ? sizes[n] :
	    sizeof(struct item) + t_rand_below(rng, ITEM_MAX -
	    sizeof(struct item));
}

/*
 * Submits one tagged request with the given options (user and, now and then,
 * adoption are set here) and writes down what became of it.
 */
static inline int
load_submit(ferry_request *out, uint64_t *out_tag, ferry_context context,
    uint32_t method, uint32_t spins, ferry_request_options o,
    struct t_rng *rng)
{
	unsigned char bytes[ITEM_MAX];
	uint64_t tag = account_tag();
	size_t size = item_size(rng);
	void *data = bytes;
	int r;

	*out_tag = tag;
	o.user = (void *)(uintptr_t)tag;
	if (o.callback != NULL)
		atomic_store(&account.tags[tag].by_callback, 1);
	if (t_rand_below(rng, 4) == 0) {
		o.flags |= FERRY_REQUEST_ADOPT;
		o.free = account_free;
		data = malloc(size);
		atomic_store(&account.tags[tag].adopted, 1);
	}
	payload_fill(data, tag, size, spins);
	r = ferry_request_submit(out, context, method, data, size, &o);
	account_submitted(tag, r);
	if (r != FERRY_OK && data != bytes)
		free(data);
	return r;
}

/* Takes and accounts for what there is in an inbox; returns 1 when a CLOSED
 * was among it. */
static inline int
load_take(ferry_inbox inbox)
{
	ferry_completion c[32];
	int n, closed = 0;

	while ((n = ferry_inbox_take(c, 32, inbox)) > 0) {
		for (int i = 0; i < n; i++) {
			closed |= c[i].kind == FERRY_KIND_CLOSED;
			if (c[i].kind == FERRY_KIND_REPLY)
				account_ended((uint64_t)(uintptr_t)c[i].user,
				    c[i].status);
		}
		T_OK(ferry_inbox_release(c, (uint32_t)n));
	}
	T_EQ(n, 0);
	return closed;
}

#endif
