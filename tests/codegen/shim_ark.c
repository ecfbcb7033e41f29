/*
 * The ark's shim: two roots, objects in objects, other ways to fail, results
 * that were given away; and that of the zoo in the same process.
 */
#include "ark/ark.h"
#include "block.h"

static const ferry_package *ark_package, *zoo_package;
static ferry_context context;

static int
call_ark(const char *name)
{
	return call(ark_package, context, name);
}

static void
build_number(uint64_t number)
{
	block_begin(&number, sizeof number);
}

/* A handle, or none, and text. */
static void
build_text(uint64_t self, const char *text)
{
	const void *args[2] = { (void *)(uintptr_t)self, NULL };
	size_t first = self == 0;

	block_begin(args + first, sizeof args - first * sizeof args[0]);
	args[1] = block_text(text);
	memcpy(block.bytes, args + first, sizeof args - first * sizeof args[0]);
}

static ferry_context
open_ark(uint32_t cubits)
{
	ferry_context c;

	build_number(cubits);
	T_OK(ark_package->open(&c, 0, 0, block.bytes, block.size, NULL, NULL,
	    0));
	return c;
}

/* --- Roots --------------------------------------------------------------- */

static void
roots(void)
{
	ferry_health of_ark = { .struct_size = sizeof of_ark };
	ferry_health of_dove = { .struct_size = sizeof of_dove };
	const ferry_package_function *fly =
	    package_function(ark_package, "dove.fly");
	ferry_context c;
	char text[64];

	T_EQ(ark_package->n_roots, 2);
	T_STR(ark_package->roots[0], "ark");
	T_STR(ark_package->roots[1], "dove");
	T_EQ(fly->root, 1);
	T_EQ(fly->id, 0);
	T_OK(ark_package->open(&c, 1, 0, NULL, 0, NULL, text, sizeof text));
	T_EQ(call_bytes(ark_package, c, "dove.fly", NULL, 0), FERRY_OK);
	T_EQ(*(uint32_t *)answer.data, 1);
	/* Independent: each has its own thread. */
	T_OK(ferry_context_health(&of_ark, context));
	T_OK(ferry_context_health(&of_dove, c));
	T_NE(of_ark.worker_thread, of_dove.worker_thread);
	T_OK(ferry_context_close(c, NULL, NULL));
	/* NULL is a failure that has no code, and nothing is no object. */
	build_number(0);
	T_EQ(ark_package->open(&c, 0, 0, block.bytes, block.size, NULL, text,
	    sizeof text), 1);
	T_STR(text, "");
	build_text(0, "Eden");
	T_EQ(ark_package->open(&c, 0, 1, block.bytes, block.size, NULL, text,
	    sizeof text), ARK_LEAK);
	T_STR(text, "it leaks");
	build_text(0, "nowhere");
	T_EQ(ark_package->open(&c, 0, 1, block.bytes, block.size, NULL, text,
	    sizeof text), FERRY_EINVAL);
	T_STR(text, "the returned ark cannot be right");
	build_text(0, "Ararat");
	T_OK(ark_package->open(&c, 0, 1, block.bytes, block.size, NULL, text,
	    sizeof text));
	T_OK(ferry_context_close(c, NULL, NULL));
}

/* --- Objects ------------------------------------------------------------- */

struct counts {
	uint32_t decks, crates;
};

static struct counts
count(void)
{
	block_begin("", 0);
	T_EQ(call_ark("ark.count"), FERRY_OK);
	return *(struct counts *)answer.data;
}

/* Who releases a handle does not wait for its object's end. */
static void
await_counts(uint32_t decks, uint32_t crates)
{
	struct counts n;

	T_WAIT_UNTIL((n = count(), n.decks == decks && n.crates == crates),
	    10000);
}

static uint64_t
lay(int32_t number)
{
	build_number((uint32_t)number);
	T_EQ(call_ark("deck.lay"), FERRY_OK);
	return *(uint64_t *)answer.data;
}

static uint64_t
make(uint64_t deck, const char *label)
{
	build_text(deck, label);
	T_EQ(call_ark("crate.make"), FERRY_OK);
	return *(uint64_t *)answer.data;
}

/* A deck is not removed before its crates, whoever goes first. */
static void
parents_wait(void)
{
	uint64_t deck = lay(1), other = lay(2);
	uint64_t crate = make(deck, "a");
	uint64_t split = make(deck, "b");

	build_number(deck);
	T_EQ(call_ark("deck.remove"), FERRY_OK);
	T_EQ(call_ark("deck.remove"), FERRY_ESTALE);
	T_EQ(count().decks, 2);
	build_text(deck, "c");
	T_EQ(call_ark("crate.make"), FERRY_ESTALE);
	T_OK(ferry_handle_release(crate));
	await_counts(2, 1);
	/* What a crate makes belongs to its deck. */
	block_begin(&split, sizeof split);
	block_add("\1\0\0\0\0\0\0", 8, 8);
	T_EQ(call_ark("crate.split"), FERRY_OK);
	T_EQ(count().crates, 3);
	build_number(split);
	T_EQ(call_ark("crate.open"), FERRY_OK);
	T_EQ(count().decks, 2);
	T_OK(ferry_context_close(context, NULL, NULL));
	context = open_ark(300);
	(void)other;
}

static void
ends_with_the_last(void)
{
	uint64_t deck = lay(1);
	uint64_t crate = make(deck, "a");

	T_OK(ferry_handle_release(deck));
	T_EQ(count().decks, 1);
	build_number(crate);
	T_EQ(call_ark("crate.open"), FERRY_OK);
	T_EQ(count().decks, 0);
	T_EQ(count().crates, 0);
	/* A destructor in the handler: it is known how that went. */
	build_number(lay(2));
	T_EQ(call_ark("deck.remove"), FERRY_OK);
	build_number(lay(13));
	T_EQ(call_ark("deck.remove"), ARK_LEAK);
	T_STR(answer_text(), "it leaks");
	T_EQ(count().decks, 0);
}

/* Of two results one is missing: what there is ends, and nothing leaks. */
static void
half_made(void)
{
	uint64_t deck = lay(1);
	struct {
		uint64_t self;
		bool both;
	} args = { make(deck, "whole"), false };

	block_begin(&args, sizeof args);
	T_EQ(call_ark("crate.split"), FERRY_EINVAL);
	T_STR(answer_text(), "the returned crate cannot be right");
	T_EQ(count().crates, 1);
	build_text(deck, "");
	T_EQ(call_ark("crate.make"), 1);
	T_STR(answer_text(), "no label, deck 1");
	build_text(args.self, "a crate is no deck");
	T_EQ(call_ark("crate.make"), FERRY_EINVAL);
	build_number(deck);
	T_EQ(call_ark("crate.open"), FERRY_EINVAL);
	T_OK(ferry_handle_release(args.self));
	T_OK(ferry_handle_release(deck));
	await_counts(0, 0);
}

/* A strand waits with the crate in its hands: released, it stays until then,
 * and so does its deck. */
static void
carried(void)
{
	uint64_t deck = lay(1);
	struct {
		uint64_t self;
		uint32_t ms;
	} args = { make(deck, "carried"), 1000000 };
	ferry_request carry, other;

	block_begin(&args, sizeof args);
	T_OK(ferry_request_submit(&carry, context,
	    package_function(ark_package, "crate.carry")->id, block.bytes,
	    block.size, NULL));
	T_OK(ferry_request_submit(&other, context,
	    package_function(ark_package, "crate.carry")->id, block.bytes,
	    block.size, NULL));
	T_EQ(count().crates, 1);
	build_number(args.self);
	T_EQ(call_ark("crate.open"), FERRY_OK);
	T_OK(ferry_handle_release(deck));
	T_EQ(count().crates, 1);
	T_OK(ferry_request_cancel(carry));
	answer_done();
	T_OK(ferry_request_wait(&answer, carry, -1));
	T_EQ(answer.status, FERRY_ECANCELED);
	T_EQ(count().crates, 1);
	T_OK(ferry_request_cancel(other));
	answer_done();
	T_OK(ferry_request_wait(&answer, other, -1));
	T_EQ(count().crates, 0);
	T_EQ(count().decks, 0);
}

/* --- Values -------------------------------------------------------------- */

static void
other_failures(void)
{
	build_number(1);
	T_EQ(call_ark("ark.swim"), FERRY_OK);
	build_number(0);
	T_EQ(call_ark("ark.swim"), 1);
	T_EQ(call_ark("ark.sail"), FERRY_OK);
	build_number((uint64_t)-9);
	T_EQ(call_ark("ark.sail"), 9);
	build_number((uint64_t)INT64_MIN);
	T_EQ(call_ark("ark.sail"), INT32_MAX);
	build_number(40);
	T_EQ(call_ark("ark.log"), FERRY_OK);
	T_STR(answer_at(*(void **)answer.data), "land");
	build_number(41);
	T_EQ(call_ark("ark.log"), 1);
	T_EQ(answer.size, 0);
}

struct doubled {
	int32_t number;
	ark_item item;
};

static void
both_ways(void)
{
	static const bool marks[] = { true, false };
	struct doubled args;
	const struct doubled *out;

	memset(&args, 0, sizeof args);
	args.number = -21;
	args.item.n_marks = 2;
	block_begin(&args, sizeof args);
	args.item.label = block_text("item");
	args.item.marks = block_add(marks, 2, 1);
	memcpy(block.bytes, &args, sizeof args);
	T_EQ(call_ark("ark.twice"), FERRY_OK);
	out = answer.data;
	T_EQ(out->number, -42);
	T_EQ(out->item.fragile, 1);
	T_STR(answer_at(out->item.label), "item");
	T_MEM(answer_at(out->item.marks), marks, 2);
	/* A bool that is none, behind a length of a signed type. */
	((unsigned char *)block_at(args.item.marks))[1] = 7;
	memcpy(block.bytes, &args, sizeof args);
	T_EQ(call_ark("ark.twice"), FERRY_EINVAL);
	T_STR(answer_text(), "the argument item.marks cannot be right");
	args.item.n_marks = -1;
	memcpy(block.bytes, &args, sizeof args);
	T_EQ(call_ark("ark.twice"), FERRY_EINVAL);
}

static int32_t
packs(void)
{
	block_begin("", 0);
	T_EQ(call_direct(ark_package, "packs"), FERRY_OK);
	return *(int32_t *)answer.data;
}

/* What the library gave away it gets back, once, however the copy went. */
static void
given_away(void)
{
	static const char *const places[] = { "item.label", "load.list", "load",
		"load.list" };
	char text[64];
	int32_t how;

	build_text(0, "pack");
	T_EQ(call_ark("ark.pack"), FERRY_OK);
	T_STR(answer_at(*(void **)answer.data), "pack");
	T_EQ(packs(), 0);
	build_text(0, "");
	T_EQ(call_ark("ark.pack"), ARK_LEAK);
	T_EQ(packs(), 0);
	build_number(0);
	T_EQ(call_ark("ark.lie"), FERRY_OK);
	for (how = 1; how <= 4; how++) {
		build_number((uint32_t)how);
		T_EQ(call_ark("ark.lie"), FERRY_EINVAL);
		snprintf(text, sizeof text, "the returned %s cannot be right",
		    places[how - 1]);
		T_STR(answer_text(), text);
		T_EQ(packs(), 0);
	}
}

/* An optional record that is not there is not looked at. */
static void
not_there(void)
{
	const void *head = NULL;
	ark_hold hold;
	ark_hold *at;

	memset(&hold, 0, sizeof hold);
	hold.spare.label = (void *)UINTPTR_MAX;
	hold.spare.n_marks = -5;
	hold.loads[1].kind = ARK_CARGO_FLAGS;
	hold.loads[1].as.flags[1] = true;
	block_begin(&head, sizeof head);
	at = block_add(&hold, sizeof hold, 8);
	memcpy(block.bytes, &at, sizeof at);
	at = block_at(at);
	T_EQ(call_ark("ark.stow"), FERRY_OK);
	T_EQ(((ark_hold *)answer.data)->has_spare, 0);
	T_EQ(((ark_hold *)answer.data)->loads[1].as.flags[1], 1);
	at->has_spare = true;
	T_EQ(call_ark("ark.stow"), FERRY_EINVAL);
	at->has_spare = false;
	memset(&at->loads[1].as.flags[1], 9, 1);
	T_EQ(call_ark("ark.stow"), FERRY_EINVAL);
	T_STR(answer_text(), "the argument load.flags cannot be right");
}

/* --- Later, and rain ----------------------------------------------------- */

struct dove {
	char *leaf;
	ark_item item;
	int16_t wind[2];
};

static ferry_request
send_dove(void)
{
	ferry_running item = { 0 };
	ferry_request request;

	T_OK(ferry_request_submit(&request, context,
	    package_function(ark_package, "ark.send_dove")->id, NULL, 0, NULL));
	T_WAIT_UNTIL(ferry_context_running(&item, 1, NULL, context) == 1 &&
	    item.state == FERRY_RUNNING_DEFERRED, 10000);
	return request;
}

static void
doves(void)
{
	ferry_request dove = send_dove();
	const struct dove *back;

	/* Another one is refused, by what it returned. */
	T_EQ(call_bytes(ark_package, context, "ark.send_dove", NULL, 0),
	    ARK_LEAK);
	T_STR(answer_text(), "it leaks");
	T_EQ(call_bytes(ark_package, context, "ark.send_raven", NULL, 0), 40);
	T_EQ(answer.size, 0);
	build_number(ARK_OK);
	T_EQ(call_ark("ark.release_dove"), FERRY_OK);
	answer_done();
	T_OK(ferry_request_wait(&answer, dove, -1));
	T_EQ(answer.status, FERRY_OK);
	back = answer.data;
	T_STR(answer_at(back->leaf), "leaf");
	T_STR(answer_at(back->item.label), "olive");
	T_EQ(((const bool *)answer_at(back->item.marks))[2], 1);
	T_EQ(back->wind[0], -7);
	dove = send_dove();
	T_OK(ferry_request_cancel(dove));
	answer_done();
	T_OK(ferry_request_wait(&answer, dove, -1));
	T_EQ(answer.status, FERRY_ECANCELED);
	T_STR(answer_text(), "wet");
	T_EQ(packs(), 0);
}

/* The hook of one that is cancelled just before it is there refuses: then it
 * fails at once. */
static void
owls(void)
{
	ferry_running item = { 0 };
	ferry_request owl;

	T_OK(ferry_request_submit(&owl, context,
	    package_function(ark_package, "ark.send_owl")->id, NULL, 0, NULL));
	T_WAIT_UNTIL(
	    ferry_context_running(&item, 1, NULL, context) == 1, 10000);
	T_OK(ferry_request_cancel(owl));
	answer_done();
	T_OK(ferry_request_wait(&answer, owl, -1));
	T_EQ(answer.status, FERRY_ECANCELED);
}

static bool
somebody_dozes(void)
{
	block_begin("", 0);
	T_EQ(call_direct(ark_package, "dozes"), FERRY_OK);
	return *(int32_t *)answer.data != 0;
}

/* An interrupt that a call leaves behind, as one does that came when it was all
 * but done, is not the next one's. */
static void
dozes(void)
{
	ferry_request doze;

	T_OK(ferry_request_submit(&doze, context,
	    package_function(ark_package, "ark.doze")->id, NULL, 0, NULL));
	T_WAIT_UNTIL(somebody_dozes(), 10000);
	T_OK(ferry_request_cancel(doze));
	answer_done();
	T_OK(ferry_request_wait(&answer, doze, -1));
	T_OK(answer.status);
	T_EQ(call_bytes(ark_package, context, "ark.startled", NULL, 0),
	    FERRY_OK);
	T_EQ(*(int32_t *)answer.data, 0);
}

/* The library is marked to refuse events that there is no room for. */
static void
rains(void)
{
	ferry_context_options options = { .struct_size = sizeof options,
		.event_capacity = 4 };
	ferry_attach_options attach = { .struct_size = sizeof attach,
		.flags = FERRY_ATTACH_EVENTS };
	ferry_counters counters = { .struct_size = sizeof counters };
	ferry_completion got;
	ferry_inbox inbox;
	ferry_context c;

	build_number(300);
	T_OK(ark_package->open(&c, 0, 0, block.bytes, block.size, &options,
	    NULL, 0));
	T_OK(ferry_inbox_open(&inbox, NULL));
	T_OK(ferry_inbox_attach(inbox, c, &attach));
	build_number(3);
	T_EQ(call(ark_package, c, "ark.rain"), FERRY_OK);
	T_OK(ferry_inbox_wait(inbox, -1));
	T_EQ(ferry_inbox_take(&got, 1, inbox), 1);
	T_EQ(*(uint32_t *)got.data, 0);
	T_EQ(((int16_t *)got.data)[3], -4);
	T_STR(got.name, "ark.on_rain");
	T_OK(ferry_inbox_release(&got, 1));
	build_number(10000);
	T_EQ(call(ark_package, c, "ark.rain"), FERRY_OK);
	T_OK(ferry_context_counters(&counters, c));
	T_EQ(counters.events_dropped + counters.events_dropped_elsewhere, 0);
	T_NE(counters.events_refused, 0);
	T_OK(ferry_inbox_close(NULL, inbox));
	T_OK(ferry_context_close(c, NULL, NULL));
}

/* Each has its own. */
static void
two_libraries(void)
{
	struct {
		const char *name;
		uint32_t cages;
	} args = { NULL, 3 };
	ferry_context zoo;

	T_STR(zoo_package->name, "zoo");
	T_STR(ark_package->name, "ark");
	block_begin(&args, sizeof args);
	args.name = block_text("the zoo");
	memcpy(block.bytes, &args, sizeof args);
	T_OK(zoo_package->open(&zoo, 0, 0, block.bytes, block.size, NULL, NULL,
	    0));
	build_text(0, "bear");
	T_EQ(call(zoo_package, zoo, "animal.adopt"), FERRY_OK);
	build_number(*(uint64_t *)answer.data);
	T_EQ(call_ark("deck.remove"), FERRY_EFOREIGN);
	T_EQ(call(zoo_package, zoo, "animal.release"), FERRY_OK);
	T_OK(ferry_context_close(zoo, NULL, NULL));
}

T_MAIN(
	ark_package = package_load("ark");
	zoo_package = package_load("zoo");
	context = open_ark(300);
	T_RUN(roots);
	T_RUN(parents_wait);
	T_RUN(ends_with_the_last);
	T_RUN(half_made);
	T_RUN(carried);
	T_RUN(other_failures);
	T_RUN(both_ways);
	T_RUN(given_away);
	T_RUN(not_there);
	T_RUN(doves);
	T_RUN(owls);
	T_RUN(dozes);
	T_RUN(rains);
	T_RUN(two_libraries);
	answer_done();
	T_OK(ferry_context_close(context, NULL, NULL));
)
