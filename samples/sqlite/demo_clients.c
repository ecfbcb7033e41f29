/*
 * The demo's C half. Owns its threads and their tallies, nothing else; the
 * context belongs to whoever started them.
 */
#include "demo_clients.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define IN_FLIGHT 64
/* Any code point; the nearest row from there down answers. */
#define LAST_CODE 0x10ffff

static const char lookup[] =
    "SELECT code, name, length(CAST(name AS BLOB)) FROM codepoint "
    "WHERE code <= ? ORDER BY code DESC LIMIT 1";
static const char insert[] =
    "INSERT INTO note(author, text) VALUES('C thread', 'hello')";

/* One request: its tag is its address. */
struct question {
	struct client *client;
	int64_t code;
	atomic_uint answers;
};

struct client {
	pthread_t thread;
	ferry_context context;
	uint32_t requests;
	uint32_t slots; /* questions: the requests, and one for a prepare */
	struct question *questions;
	atomic_uint asked, answered, failed, wrong, written;
	sem_t room; /* the callback thread: how many more may be in flight */
};

struct demo_threads {
	struct client clients[DEMO_THREADS];
};

/* --- Questions ---------------------------------------------------------- */

static int64_t
code_of(uint32_t i)
{
	return (int64_t)((i * 2654435761u) % (LAST_CODE + 1));
}

static struct question *
ask(struct client *c, uint32_t i)
{
	struct question *q = &c->questions[i];

	q->client = c;
	q->code = code_of(i);
	atomic_fetch_add(&c->asked, 1);
	return q;
}

/* Does the row fit what was asked? */
static int
fits(const struct question *q, const sqlite_ferry_rows *rows)
{
	size_t size = 0;

	return rows->n_rows == 1 &&
	    sqlite_ferry_rows_integer(rows, 0, 0) <= q->code &&
	    sqlite_ferry_rows_text(&size, rows, 0, 1) && size > 0 &&
	    sqlite_ferry_rows_integer(rows, 0, 2) == (int64_t)size;
}

/* A reply has come, on whatever thread. */
static void
tally(struct question *q, int status, int wrong)
{
	struct client *c = q->client;

	if (status)
		atomic_fetch_add(&c->failed, 1);
	else if (wrong)
		atomic_fetch_add(&c->wrong, 1);
	atomic_fetch_add(&q->answers, 1);
	atomic_fetch_add(&c->answered, 1);
}

/* The same for a lookup. */
static void
answered(struct question *q, int status, const void *data, size_t size)
{
	tally(q, status,
	    status == 0 &&
		(size < sizeof(sqlite_ferry_rows) || !fits(q, data)));
}

/* Submits one lookup; its reply goes where the options say. */
static int
submit(struct client *c, uint32_t i, ferry_request_options *options)
{
	struct question *q = ask(c, i);
	sqlite_ferry_value code = { .type = SQLITE_FERRY_INTEGER,
		.value.integer = q->code };
	void *payload;
	size_t size;
	int r;

	r = sqlite_ferry_pack(&payload, &size, 0, lookup, &code, 1, 1);
	if (r == 0) {
		options->user = q;
		r = ferry_request_submit(NULL, c->context, SQLITE_FERRY_QUERY,
		    payload, size, options);
		free(payload);
	}
	if (r) { /* not asked after all */
		q->client = NULL;
		atomic_fetch_sub(&c->asked, 1);
	}
	return r;
}

/* --- The four threads --------------------------------------------------- */

/* Blocks in each call, and uses a prepared statement. */
static void *
run_blocked(void *arg)
{
	struct client *c = arg;
	sqlite_ferry_prepared prepared;
	struct question *first = ask(c, c->requests);
	const sqlite_ferry_rows *rows;
	int r;

	r = sqlite_ferry_do_prepare(&prepared, c->context, lookup, NULL);
	tally(first, r, 0);
	if (r)
		return NULL;
	for (uint32_t i = 0; i < c->requests; i++) {
		struct question *q = ask(c, i);
		sqlite_ferry_value code = { .type = SQLITE_FERRY_INTEGER,
			.value.integer = q->code };

		r = sqlite_ferry_do_run(
		    &rows, c->context, prepared.statement, &code, 1, 1, NULL);
		answered(q, r, r ? NULL : rows, r ? 0 : rows->size);
		if (r == 0)
			ferry_block_release((void *)(uintptr_t)rows);
	}
	ferry_handle_release(prepared.statement);
	return NULL;
}

/* Takes what is there; returns how many. */
static uint32_t
take(ferry_inbox inbox)
{
	ferry_completion items[IN_FLIGHT];
	int n = ferry_inbox_take(items, IN_FLIGHT, inbox);
	uint32_t replies = 0;

	for (int i = 0; i < n; i++)
		if (items[i].kind == FERRY_KIND_REPLY) {
			answered(items[i].user, items[i].status, items[i].data,
			    items[i].size);
			replies++;
		}
	if (n > 0)
		ferry_inbox_release(items, (uint32_t)n);
	return replies;
}

/* Has a loop of its own round an inbox's descriptor. */
static void *
run_inbox(void *arg)
{
	ferry_request_options options = { .struct_size = sizeof options };
	struct client *c = arg;
	struct pollfd readable = { .events = POLLIN };
	uint32_t in_flight = 0;

	if (ferry_inbox_open(&options.inbox, NULL) != 0)
		return NULL;
	if (ferry_inbox_attach(options.inbox, c->context, NULL) == 0 &&
	    ferry_inbox_fd(&readable.fd, options.inbox) == 0) {
		for (uint32_t i = 0; i < c->requests || in_flight;) {
			while (i < c->requests && in_flight < IN_FLIGHT &&
			    submit(c, i, &options) == 0)
				i++, in_flight++;
			if (in_flight == 0) /* refused, for good */
				break;
			poll(&readable, 1, -1);
			in_flight -= take(options.inbox);
		}
	}
	ferry_inbox_close(NULL, options.inbox);
	return NULL;
}

/* On the FFI thread. */
static void
on_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	struct question *q = user;

	(void)request;
	answered(q, status, data, size);
	sem_post(&q->client->room);
}

/* Is called back. */
static void *
run_callback(void *arg)
{
	ferry_request_options options = { .struct_size = sizeof options,
		.callback = on_reply };
	struct client *c = arg;

	for (uint32_t i = 0; i < c->requests; i++) {
		while (sem_wait(&c->room) != 0)
			;
		if (submit(c, i, &options) != 0)
			sem_post(&c->room);
	}
	for (int i = 0; i < IN_FLIGHT; i++)
		while (sem_wait(&c->room) != 0)
			;
	return NULL;
}

/* Writes, one row a request. */
static void *
run_writer(void *arg)
{
	struct client *c = arg;
	sqlite_ferry_changes changes;
	int r;

	for (uint32_t i = 0; i < c->requests; i++) {
		struct question *q = ask(c, i);

		r = sqlite_ferry_do_execute(&changes, c->context, insert, NULL);
		if (r == 0)
			atomic_fetch_add(
			    &c->written, (unsigned)changes.changes);
		tally(q, r, r == 0 && changes.changes != 1);
	}
	return NULL;
}

/* --- All of them -------------------------------------------------------- */

static void *(*const ways[DEMO_THREADS])(
    void *) = { run_blocked, run_inbox, run_callback, run_writer };

static int
start_client(
    struct client *c, ferry_context context, uint32_t requests, int way)
{
	c->context = context;
	c->requests = requests;
	c->slots = requests + 1;
	c->questions = calloc(c->slots, sizeof *c->questions);
	if (!c->questions)
		return FERRY_ENOMEM;
	sem_init(&c->room, 0, IN_FLIGHT);
	if (pthread_create(&c->thread, NULL, ways[way], c) != 0) {
		sem_destroy(&c->room);
		free(c->questions);
		return FERRY_ESYSTEM;
	}
	return FERRY_OK;
}

static void
join_client(demo_report *out, struct client *c)
{
	pthread_join(c->thread, NULL);
	for (uint32_t i = 0; i < c->slots; i++) {
		unsigned n = atomic_load(&c->questions[i].answers);

		if (!c->questions[i].client) /* not asked */
			continue;
		out->once += n == 1;
		out->never += n == 0;
		out->twice += n > 1;
	}
	out->asked += atomic_load(&c->asked);
	out->failed += atomic_load(&c->failed);
	out->wrong += atomic_load(&c->wrong);
	out->written += atomic_load(&c->written);
	sem_destroy(&c->room);
	free(c->questions);
}

int
demo_threads_start(demo_threads **out, ferry_context context, uint32_t requests)
{
	demo_threads *threads = calloc(1, sizeof *threads);
	demo_report unused = { 0 };
	int r = threads ? FERRY_OK : FERRY_ENOMEM;
	int n = 0;

	while (r == FERRY_OK && n < DEMO_THREADS) {
		r = start_client(&threads->clients[n], context, requests, n);
		n += r == FERRY_OK;
	}
	if (r == FERRY_OK) {
		*out = threads;
		return FERRY_OK;
	}
	while (n > 0)
		join_client(&unused, &threads->clients[--n]);
	free(threads);
	return r;
}

uint64_t
demo_threads_waiting(const demo_threads *threads)
{
	uint64_t n = 0;

	for (int i = 0; i < DEMO_THREADS; i++)
		n += atomic_load(&threads->clients[i].asked) -
		    atomic_load(&threads->clients[i].answered);
	return n;
}

void
demo_threads_join(demo_report *out, demo_threads *threads)
{
	memset(out, 0, sizeof *out);
	for (int i = 0; i < DEMO_THREADS; i++)
		join_client(out, &threads->clients[i]);
	free(threads);
}
