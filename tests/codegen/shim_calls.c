/*
 * The zoo's shim: arguments and results, failures and their texts, objects,
 * calls that are cancelled, wait, or are answered later; events.
 */
#include <stdatomic.h>

#include "zoo/open.h"

static ferry_context context;

static int
call_zoo(const char *name)
{
	return call(zoo_package, context, name);
}

/* --- Arguments and results ----------------------------------------------- */

struct split {
	const char *text;
	size_t n;
	char by;
	const zoo_point *where;
};

struct words {
	int32_t count;
	char **words;
	size_t n_words;
};

static void
split(void)
{
	static const zoo_point where = { 100, 0 };
	struct split args = { NULL, 7, ',', NULL };
	const struct words *out;
	const char *const *words;

	block_begin(&args, sizeof args);
	args.text = block_add("a,,b\0,c", 8, 1);
	memcpy(block.bytes, &args, sizeof args);
	T_EQ(call_zoo("zoo.split"), FERRY_OK);
	out = answer.data;
	T_EQ(out->count, 4);
	T_EQ(out->n_words, 4);
	words = answer_at(out->words);
	T_STR(answer_at(words[0]), "a");
	T_STR(answer_at(words[1]), "");
	T_STR(answer_at(words[2]), "b");
	T_STR(answer_at(words[3]), "c");
	block_begin(&args, sizeof args);
	args.text = block_add("a,,b\0,c", 8, 1);
	args.where = block_add(&where, sizeof where, 8);
	memcpy(block.bytes, &args, sizeof args);
	T_EQ(call_zoo("zoo.split"), FERRY_OK);
	T_EQ(((const struct words *)answer.data)->count, 104);
}

static void
sums(void)
{
	static const int64_t numbers[] = { INT64_MAX, -5, 7 };
	struct {
		const int64_t *numbers;
		size_t n;
	} args = { NULL, 3 };

	block_begin(&args, sizeof args);
	args.numbers = block_add(numbers, sizeof numbers, 8);
	memcpy(block.bytes, &args, sizeof args);
	T_EQ(call_zoo("zoo.sum"), FERRY_OK);
	T_EQ(*(int64_t *)answer.data, INT64_MIN + 1);
	args.n = 0;
	memcpy(block.bytes, &args, sizeof args);
	T_EQ(call_zoo("zoo.sum"), FERRY_OK);
	T_EQ(*(int64_t *)answer.data, 0);
}

/* Text that the library keeps, or none. */
static void
finds(void)
{
	build_text("zoo");
	T_EQ(call_zoo("zoo.find"), FERRY_OK);
	T_STR(answer_at(*(void **)answer.data), "zoo");
	build_text("bear");
	T_EQ(call_zoo("zoo.find"), FERRY_OK);
	T_EQ(answer.size, sizeof(char *));
	T_ASSERT(*(void **)answer.data == NULL);
}

static void
big(void)
{
	size_t n = 1000000 - 64;
	char *text = malloc(n + 1);
	struct split args = { NULL, n, 'x', NULL };
	const struct words *out;

	T_ASSERT(text != NULL);
	memset(text, 'y', n);
	text[n] = 0;
	block_begin(&args, sizeof args);
	args.text = block_add(text, n + 1, 1);
	memcpy(block.bytes, &args, sizeof args);
	T_EQ(call_zoo("zoo.split"), FERRY_OK);
	out = answer.data;
	T_EQ(out->n_words, 1);
	T_STR(answer_at(*(char *const *)answer_at(out->words)), text);
	free(text);
}

/* --- Failures ------------------------------------------------------------ */

static int
fail_with(zoo_error how, const char *text)
{
	struct {
		zoo_error how;
		const char *text;
	} args = { how, NULL };

	block_begin(&args, sizeof args);
	args.text = block_text(text);
	memcpy(block.bytes, &args, sizeof args);
	return call_zoo("zoo.fail");
}

static void
failures(void)
{
	struct split args = { (void *)1, 0, 0, NULL };

	T_EQ(fail_with(ZOO_ESCAPED, "the bear"), ZOO_ESCAPED);
	T_STR(answer_text(), "the bear");
	T_EQ(fail_with(ZOO_OK, "the bear"), FERRY_OK);
	T_EQ(answer.size, 0);
	/* No detail: the text of the code. */
	T_EQ(fail_with(ZOO_HUNGRY, ""), ZOO_HUNGRY);
	T_STR(answer_text(), "nothing to eat");
	T_EQ(fail_with((zoo_error)4711, ""), 4711);
	T_STR(answer_text(), "nobody knows");
	/* A status is never one of Ferry's. */
	T_EQ(fail_with((zoo_error)-2, ""), 2);
	T_EQ(fail_with((zoo_error)INT32_MIN, ""), INT32_MAX);
	/* What a failed call has not filled is not looked at. */
	block_begin(&args, sizeof args);
	T_EQ(call_zoo("zoo.split"), ZOO_HUNGRY);
	T_STR(answer_text(), "no text to split");
	build_number((uint32_t)-5);
	T_EQ(call_zoo("zoo.jump"), 5);
	T_STR(answer_text(), "too low");
	build_number(6);
	T_EQ(call_zoo("zoo.jump"), FERRY_OK);
	T_EQ(*(int *)answer.data, 6);
}

static void
direct(void)
{
	build_text("-77");
	T_EQ(call_direct(zoo_package, "parse"), FERRY_OK);
	T_EQ(*(int64_t *)answer.data, -77);
	build_text("-77x");
	T_EQ(call_direct(zoo_package, "parse"), ZOO_ESCAPED);
	T_STR(answer_text(), "not in its cage");
	block_begin("", 0);
	T_EQ(call_direct(zoo_package, "parse"), FERRY_EINVAL);
	T_STR(answer_text(), "the argument parse cannot be right");
	T_EQ(call_direct(zoo_package, "version"), FERRY_OK);
	T_STR(answer_at(*(void **)answer.data), "1.2.0");
	answer_done();
	T_EQ(zoo_package->call(&answer.data, &answer.size, 99, NULL, 0),
	    FERRY_ENOMETHOD);
	T_EQ(zoo_package->call(&answer.data, &answer.size, 1, NULL, 8),
	    FERRY_EINVAL);
}

/* --- Objects ------------------------------------------------------------- */

static uint64_t
adopt(const char *name)
{
	build_text(name);
	T_EQ(call_zoo("animal.adopt"), FERRY_OK);
	return *(uint64_t *)answer.data;
}

static uint64_t
population(void)
{
	block_begin("", 0);
	T_EQ(call_zoo("zoo.population"), FERRY_OK);
	return *(size_t *)answer.data;
}

static int
release(uint64_t animal)
{
	build_number(animal);
	return call_zoo("animal.release");
}

static void
animals(void)
{
	uint64_t handles[2] = { adopt("bear"), adopt("owl") };
	uint64_t clone;

	T_EQ(population(), 2);
	build_number(handles[0]);
	T_EQ(call_zoo("animal.name"), FERRY_OK);
	T_STR(answer_at(*(void **)answer.data), "bear");
	T_EQ(call_zoo("animal.clone"), FERRY_OK);
	clone = *(uint64_t *)answer.data;
	T_EQ(population(), 3);
	block_begin(handles, sizeof handles);
	T_EQ(call_zoo("animal.befriend"), FERRY_OK);
	T_EQ(*(uint32_t *)answer.data, 1);
	handles[1] = handles[0];
	block_begin(handles, sizeof handles);
	T_EQ(call_zoo("animal.befriend"), ZOO_HUNGRY);
	/* The zoo's, as an animal has none of its own. */
	T_STR(answer_text(), "it needs another");
	T_EQ(release(handles[0]), FERRY_OK);
	T_EQ(population(), 2);
	T_EQ(release(handles[0]), FERRY_ESTALE);
	build_number(handles[0]);
	T_EQ(call_zoo("animal.name"), FERRY_ESTALE);
	T_EQ(release(clone), FERRY_OK);
	T_EQ(population(), 1);
	build_text("");
	T_EQ(call_zoo("animal.adopt"), ZOO_ESCAPED);
	T_STR(answer_text(), "it has no name");
}

static void
wrong_handles(void)
{
	uint64_t bear = adopt("bear");
	ferry_context other = open_zoo("another", NULL);
	uint64_t handles[2] = { bear, 0 };

	T_EQ(release(0), FERRY_EINVAL);
	T_EQ(release(context), FERRY_EINVAL);
	block_begin(handles, sizeof handles);
	T_EQ(call_zoo("animal.befriend"), FERRY_EINVAL);
	build_number(bear);
	T_EQ(call(zoo_package, other, "animal.release"), FERRY_EFOREIGN);
	/* By who has it, as finalizers do. */
	T_OK(ferry_handle_release(bear));
	T_EQ(release(bear), FERRY_ESTALE);
	T_OK(ferry_context_close(other, NULL, NULL));
}

/* The zoo aborts when it is closed with animals in it. */
static void
closes_with_animals(void)
{
	ferry_context mine = open_zoo("a zoo of my own", NULL);
	ferry_context theirs = context;

	context = mine;
	adopt("bear");
	adopt("owl");
	T_EQ(population(), 2);
	context = theirs;
	T_OK(ferry_context_close(mine, NULL, NULL));
}

/* --- Cancel, wait, later ------------------------------------------------- */

static ferry_request
submit(const char *name)
{
	ferry_request request;

	T_OK(ferry_request_submit(&request, context,
	    package_function(zoo_package, name)->id, block.bytes, block.size,
	    NULL));
	return request;
}

static int
await(ferry_request request)
{
	answer_done();
	T_OK(ferry_request_wait(&answer, request, 20000 * t_slow()));
	return answer.status;
}

/* The library's own count: a call that runs may not have come to it yet. */
static atomic_uint *
holds(void)
{
	Dl_info about;
	void *so, *count;

	T_NE(dladdr((void *)(uintptr_t)zoo_package->open, &about), 0);
	so = dlopen(about.dli_fname, RTLD_NOW | RTLD_NOLOAD);
	T_ASSERT(so != NULL);
	count = dlsym(so, "zoo_holds");
	T_ASSERT(count != NULL);
	T_OK(dlclose(so));
	return count;
}

static void
cancels(void)
{
	unsigned before = atomic_load(holds());
	ferry_request held, queued;

	build_number(1000000);
	held = submit("zoo.hold");
	T_WAIT_UNTIL(atomic_load(holds()) != before, 10000);
	queued = submit("zoo.hold");
	T_OK(ferry_request_cancel(queued));
	T_OK(ferry_request_cancel(held));
	T_EQ(await(held), FERRY_ECANCELED);
	T_STR(answer_text(), "held no longer");
	T_EQ(await(queued), FERRY_ECANCELED);
	/* Nothing of it is left for the next. */
	build_number(0);
	T_EQ(call_zoo("zoo.hold"), FERRY_OK);
}

/* Wherever the call is by then, it ends. */
static void
cancels_at_once(void)
{
	ferry_request held;
	int i;

	for (i = 0; i < 500; i++) {
		build_number(1000000);
		held = submit("zoo.hold");
		if (i % 2)
			sched_yield();
		T_OK(ferry_request_cancel(held));
		T_EQ(await(held), FERRY_ECANCELED);
	}
}

static void
sleeps(void)
{
	ferry_request asleep, woken;

	build_number(100);
	asleep = submit("zoo.sleep");
	build_number(1000000);
	woken = submit("zoo.sleep");
	/* The thread is free meanwhile. */
	T_ASSERT(population() < 100);
	T_EQ(await(asleep), FERRY_OK);
	T_EQ(*(uint32_t *)answer.data, 100);
	T_OK(ferry_request_cancel(woken));
	T_EQ(await(woken), FERRY_ECANCELED);
}

static void
build_later(uint32_t delay_ms, const char *text)
{
	struct {
		uint32_t delay_ms;
		const char *text;
	} args = { delay_ms, NULL };

	block_begin(&args, sizeof args);
	args.text = block_text(text);
	memcpy(block.bytes, &args, sizeof args);
}

static void
later(void)
{
	const struct {
		char *out;
		int32_t number;
	} *out;
	ferry_request first;

	build_later(50, "see you");
	first = submit("zoo.later");
	build_later(0, "soon");
	T_EQ(call_zoo("zoo.later"), FERRY_OK);
	T_STR(answer_at(*(void **)answer.data), "soon, later");
	T_EQ(await(first), FERRY_OK);
	out = answer.data;
	T_STR(answer_at(out->out), "see you, later");
	T_EQ(out->number, 50);
	build_later(0, "");
	T_EQ(call_zoo("zoo.later"), ZOO_ESCAPED);
	T_STR(answer_text(), "nothing to say");
	/* It does not even begin. */
	build_later(0, "now");
	T_EQ(call_zoo("zoo.later"), ZOO_HUNGRY);
	T_STR(answer_text(), "not now");
}

/* --- Events -------------------------------------------------------------- */

struct noise {
	uint32_t number;
	const char *noise;
	const zoo_shape *shape;
};

static void
check_noise(const ferry_completion *c, uint32_t number)
{
	const char *base = c->data;
	const struct noise *n = c->data;
	const zoo_shape *shape;

	T_EQ(c->kind, FERRY_KIND_EVENT);
	T_EQ(c->code, package_function(zoo_package, "zoo.on_noise")->id);
	T_EQ(n->number, number);
	T_STR(base + (uintptr_t)n->noise, "roar");
	shape = (const void *)(base + (uintptr_t)n->shape);
	T_EQ(shape->kind, number % 4);
	if (shape->kind == ZOO_SHAPE_LINE)
		T_EQ(((const zoo_point *)(const void *)(base +
		    (uintptr_t)shape->as.line))[1].x, 2);
	if (shape->kind == ZOO_SHAPE_NAME)
		T_STR(base + (uintptr_t)shape->as.name, "roar");
}

static void
events(void)
{
	ferry_attach_options options = { .struct_size = sizeof options,
		.flags = FERRY_ATTACH_EVENTS };
	struct {
		uint32_t count;
		const char *noise;
	} args = { 8, NULL };
	ferry_completion got[8];
	ferry_inbox inbox;
	uint32_t heard = 0;
	int n, i;

	T_OK(ferry_inbox_open(&inbox, NULL));
	T_OK(ferry_inbox_attach(inbox, context, &options));
	block_begin(&args, sizeof args);
	args.noise = block_text("roar");
	memcpy(block.bytes, &args, sizeof args);
	T_EQ(call_zoo("zoo.make_noise"), FERRY_OK);
	while (heard < 8) {
		T_OK(ferry_inbox_wait(inbox, 10000 * t_slow()));
		n = ferry_inbox_take(got, 8, inbox);
		for (i = 0; i < n; i++)
			check_noise(&got[i], heard++);
		T_OK(ferry_inbox_release(got, (uint32_t)n));
	}
	T_OK(ferry_inbox_close(NULL, inbox));
}

T_MAIN(
	zoo_package = package_load("zoo");
	context = open_zoo("the zoo", NULL);
	T_RUN(split);
	T_RUN(sums);
	T_RUN(finds);
	T_RUN(big);
	T_RUN(failures);
	T_RUN(direct);
	T_RUN(animals);
	T_RUN(wrong_handles);
	T_RUN(closes_with_animals);
	T_RUN(cancels);
	T_RUN(cancels_at_once);
	T_RUN(sleeps);
	T_RUN(later);
	T_RUN(events);
	answer_done();
	T_OK(ferry_context_close(context, NULL, NULL));
)
