/*
 * The zoo's shim: its tables; contexts that open, and do not; options; forks.
 */
#include "zoo/open.h"

#include <sys/wait.h>

/* --- Tables -------------------------------------------------------------- */

static void
tables(void)
{
	const ferry_package *p = zoo_package;
	const ferry_package_record *r;
	uint32_t i, k;

	T_EQ(p->struct_size, sizeof *p);
	T_EQ(p->format, FERRY_PACKAGE_FORMAT);
	T_EQ(p->abi, FERRY_ABI);
	T_STR(p->name, "zoo");
	T_STR(p->version, "1.2.0");
	T_EQ(strlen(p->model), p->model_size);
	T_ASSERT(strstr(p->model, "\"zoo_things\"") != NULL);
	T_EQ(p->n_roots, 1);
	T_STR(p->roots[0], "zoo");
	for (i = 0; i < p->n_records; i++) {
		r = &p->records[i];
		T_NE(r->hash, 0);
		for (k = 0; k < r->n_fields; k++)
			T_LE(r->fields[k].offset + r->fields[k].size, r->size);
	}
	T_EQ(package_record(p, "things")->size, sizeof(zoo_things));
	T_EQ(package_record(p, "things")->align, _Alignof(zoo_things));
	T_EQ(package_field(p, "things", "feet")->offset,
	    offsetof(zoo_things, feet));
	T_EQ(package_field(p, "things", "fixed_text")->size, 16);
	T_EQ(package_field(p, "shape", "as.line")->offset,
	    offsetof(zoo_shape, as.line));
	T_EQ(package_field(p, "zoo.split.in", "n")->offset, 8);
	T_EQ(package_field(p, "zoo.split.out", "words")->offset, 8);
	T_EQ(package_field(p, "animal.befriend.in", "self")->offset, 0);
	T_EQ(package_field(p, "animal.befriend.in", "other")->offset, 8);
	T_EQ(package_field(p, "zoo.on_noise.out", "shape")->size, 8);
	T_EQ(package_field(p, "parse.in", "text")->size, 8);
}

static void
functions(void)
{
	const ferry_package *p = zoo_package;
	const ferry_package_function *f;
	uint32_t i;

	for (i = 0; i < p->n_functions; i++)
		T_NE(p->functions[i].hash, 0);
	f = package_function(p, "zoo.open");
	T_EQ(f->kind, FERRY_FUNCTION_CONSTRUCTOR);
	T_EQ(f->root, 0);
	f = package_function(p, "animal.adopt");
	T_EQ(f->kind, FERRY_FUNCTION_CONSTRUCTOR);
	f = package_function(p, "animal.release");
	T_EQ(f->kind, FERRY_FUNCTION_METHOD);
	f = package_function(p, "zoo.on_noise");
	T_EQ(f->kind, FERRY_FUNCTION_EVENT);
	f = package_function(p, "parse");
	T_EQ(f->kind, FERRY_FUNCTION_DIRECT);
	T_EQ(f->root, UINT32_MAX);
}

/* --- Opening ------------------------------------------------------------- */

static size_t
population(ferry_context context)
{
	block_begin("", 0);
	T_EQ(call(zoo_package, context, "zoo.population"), FERRY_OK);
	return *(size_t *)answer.data;
}

static int
adopt(ferry_context context, const char *name)
{
	build_text(name);
	return call(zoo_package, context, "animal.adopt");
}

static void
opens(void)
{
	ferry_context a = open_zoo("a", NULL);
	ferry_context b = open_zoo("b", NULL);
	ferry_health of_a = { .struct_size = sizeof of_a };
	ferry_health of_b = { .struct_size = sizeof of_b };

	T_STR(open_text, "");
	T_EQ(adopt(a, "bear"), FERRY_OK);
	T_EQ(population(a), 1);
	T_EQ(population(b), 0);
	/* Of shared instances, all are on one thread. */
	T_OK(ferry_context_health(&of_a, a));
	T_OK(ferry_context_health(&of_b, b));
	T_EQ(of_a.worker_thread, of_b.worker_thread);
	T_OK(ferry_context_close(a, NULL, NULL));
	T_OK(ferry_context_close(b, NULL, NULL));
}

static void
opens_not(void)
{
	ferry_context c = 4711;

	/* The constructor's own status, and its text. */
	T_EQ(try_open(&c, "", NULL), ZOO_HUNGRY);
	T_STR(open_text, "nothing to eat");
	build_open("zoo", 3);
	T_EQ(zoo_package->open(&c, 1, 0, block.bytes, block.size, NULL,
	    open_text, sizeof open_text), FERRY_EINVAL);
	T_STR(open_text, ferry_error_text(FERRY_EINVAL));
	T_EQ(zoo_package->open(&c, 0, 1, block.bytes, block.size, NULL, NULL,
	    0), FERRY_EINVAL);
	T_EQ(zoo_package->open(&c, 0, 0, NULL, 16, NULL, NULL, 0),
	    FERRY_EINVAL);
	/* Arguments that cannot be right. */
	T_EQ(zoo_package->open(&c, 0, 0, block.bytes, 8, NULL, open_text,
	    sizeof open_text), FERRY_EINVAL);
	T_STR(open_text, "the argument zoo.open cannot be right");
	((void **)(void *)block.bytes)[0] = (void *)block.size;
	T_EQ(zoo_package->open(&c, 0, 0, block.bytes, block.size, NULL,
	    open_text, 20), FERRY_EINVAL);
	T_STR(open_text, "the argument zoo.op");
	T_EQ(c, 4711);
}

/* Longer and shorter structs than the shim's own. */
static void
options(void)
{
	struct {
		ferry_context_options options;
		uint64_t more[2];
	} longer = { { .struct_size = sizeof longer }, { 0, 0 } };
	ferry_context_options own = { .struct_size = sizeof own,
		.worker_key = "another", .depth_total = 1 };
	ferry_context_options shorter = {
		.struct_size = offsetof(ferry_context_options, depth),
		.depth = UINT64_MAX - 1, .event_policy = 4711 };
	ferry_context c;

	c = open_zoo("longer", &longer.options);
	T_OK(ferry_context_close(c, NULL, NULL));
	c = open_zoo("shorter", &shorter);
	T_OK(ferry_context_close(c, NULL, NULL));
	c = open_zoo("own", &own);
	T_EQ(adopt(c, "bear"), FERRY_OK);
	T_OK(ferry_context_close(c, NULL, NULL));
	longer.more[1] = 1;
	T_EQ(try_open(&c, "longer", &longer.options), FERRY_EINVAL);
	shorter.struct_size = 1;
	T_EQ(try_open(&c, "shorter", &shorter), FERRY_EINVAL);
	own.event_policy = 4711;
	T_EQ(try_open(&c, "own", &own), FERRY_EINVAL);
	T_STR(open_text, ferry_error_text(FERRY_EINVAL));
}

/* Holds the thread, until it is let go. */
static ferry_request
hold(ferry_context context)
{
	ferry_running item = { 0 };
	ferry_request request;

	build_number(1000000);
	T_OK(ferry_request_submit(&request, context,
	    package_function(zoo_package, "zoo.hold")->id, block.bytes,
	    block.size, NULL));
	T_WAIT_UNTIL(ferry_context_running(&item, 1, NULL, context) == 1 &&
	    item.request == request, 10000);
	return request;
}

static void
let_go(ferry_request request)
{
	answer_done();
	T_OK(ferry_request_cancel(request));
	T_OK(ferry_request_wait(&answer, request, -1));
	T_EQ(answer.status, FERRY_ECANCELED);
}

/* The thread that would open it is held. The opener leaves, and what is opened
 * afterwards is closed again: the next one finds the thread free. */
static void
opens_too_late(void)
{
	ferry_context_options patient = { .struct_size = sizeof patient,
		.timeout_ms = 1 };
	ferry_context held = open_zoo("held", NULL);
	ferry_context c;
	ferry_request request = hold(held);
	int i;

	for (i = 0; i < 4; i++)
		T_EQ(try_open(&c, "late", &patient), FERRY_ETIMEDOUT);
	let_go(request);
	c = open_zoo("at last", NULL);
	T_OK(ferry_context_close(c, NULL, NULL));
	T_OK(ferry_context_close(held, NULL, NULL));
}

/* --- Threads and forks --------------------------------------------------- */

#define THREADS 8

static pthread_barrier_t start;

/* The library is registered by whoever comes first. */
static void *
open_and_close(void *user)
{
	const ferry_package *p = user;
	_Alignas(16) unsigned char bytes[32] = { 0 };
	const uintptr_t at = 16;
	ferry_context c;
	int i;

	memcpy(bytes, &at, sizeof at);
	bytes[8] = 1;
	bytes[16] = 'z';
	pthread_barrier_wait(&start);
	for (i = 0; i < 20; i++) {
		T_OK(p->open(&c, 0, 0, bytes, 18, NULL, NULL, 0));
		T_OK(ferry_context_close(c, NULL, NULL));
	}
	return NULL;
}

static void
all_at_once(void)
{
	pthread_t threads[THREADS];
	int i;

	pthread_barrier_init(&start, NULL, THREADS);
	for (i = 0; i < THREADS; i++)
		T_OK(pthread_create(&threads[i], NULL, open_and_close,
		    (void *)(uintptr_t)zoo_package));
	for (i = 0; i < THREADS; i++)
		T_OK(pthread_join(threads[i], NULL));
	pthread_barrier_destroy(&start);
}

static void
wait_for(pid_t child)
{
	int status;

	T_EQ(waitpid(child, &status, 0), child);
	T_ASSERT(WIFEXITED(status));
	T_EQ(WEXITSTATUS(status), 0);
}

/* In a child, and in its child: everything anew. */
static void
in_child(ferry_context parents, int depth)
{
	ferry_context mine;
	pid_t child;

	build_text("bear");
	answer_done();
	T_EQ(ferry_request_submit(NULL, parents,
	    package_function(zoo_package, "animal.adopt")->id, block.bytes,
	    block.size, NULL), FERRY_EFORKED);
	build_text("7");
	T_EQ(call_direct(zoo_package, "parse"), FERRY_OK);
	all_at_once();
	mine = open_zoo("mine", NULL);
	T_EQ(adopt(mine, "bear"), FERRY_OK);
	T_EQ(population(mine), 1);
	if (depth > 0) {
		child = fork();
		if (child == 0) {
			in_child(mine, depth - 1);
			_exit(0);
		}
		wait_for(child);
	}
	T_EQ(population(mine), 1);
	T_OK(ferry_context_close(mine, NULL, NULL));
}

static void
forks(void)
{
	ferry_context c;
	ferry_request request;
	pid_t child;

	if (T_TSAN)
		T_SKIP_CASE("no threads in a child");
	c = open_zoo("parent", NULL);
	T_EQ(adopt(c, "bear"), FERRY_OK);
	/* Somebody is inside. */
	request = hold(c);
	child = fork();
	if (child == 0) {
		in_child(c, 1);
		_exit(0);
	}
	wait_for(child);
	let_go(request);
	T_EQ(population(c), 1);
	T_OK(ferry_context_close(c, NULL, NULL));
}

T_MAIN(
	zoo_package = package_load("zoo");
	T_RUN(all_at_once);
	T_RUN(tables);
	T_RUN(functions);
	T_RUN(opens);
	T_RUN(opens_not);
	T_RUN(options);
	T_RUN(opens_too_late);
	T_RUN(forks);
	answer_done();
)
