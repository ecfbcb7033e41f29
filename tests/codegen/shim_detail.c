/*
 * What is told of a failure when there is no object to ask: a constructor's
 * that left one all the same, and the thread's last error. Nothing leaks: the
 * library counts.
 */
#include "ark/ark.h"
#include "block.h"

static const ferry_package *package;
static ferry_context context;
static char text[64];

/* Without text NULL. */
static void
build_text(const char *what)
{
	const void *head = NULL;

	block_begin(&head, sizeof head);
	if (what == NULL)
		return;
	head = block_text(what);
	memcpy(block.bytes, &head, sizeof head);
}

static void
build_number(uint64_t number)
{
	block_begin(&number, sizeof number);
}

static int32_t
doves(void)
{
	block_begin("", 0);
	T_EQ(call_direct(package, "doves"), FERRY_OK);
	return *(int32_t *)answer.data;
}

static uint32_t
decks(void)
{
	block_begin("", 0);
	T_EQ(call(package, context, "ark.count"), FERRY_OK);
	return *(uint32_t *)answer.data;
}

static int
trap_dove(ferry_context *out, uint32_t how)
{
	build_number(how);
	return package->open(out, 1, 1, block.bytes, block.size, NULL, text,
	    sizeof text);
}

/* What it left says why, and is ended once. */
static void
root_remains(void)
{
	static const char *const said[] = { NULL, "it has no wings",
		"it leaks", "it leaks", "it leaks", "it flew away, 5",
		"it flew away, 6" };
	ferry_context c;

	for (uint32_t how = 1; how < 7; how++) {
		T_EQ(trap_dove(&c, how), ARK_LEAK);
		T_STR(text, said[how]);
		T_EQ(doves(), 0);
	}
	T_OK(trap_dove(&c, 0));
	T_EQ(doves(), 1);
	T_OK(ferry_context_close(c, NULL, NULL));
	T_EQ(doves(), 0);
}

static void
child_remains(void)
{
	uint64_t deck;

	build_number(13);
	T_EQ(call(package, context, "deck.patch"), ARK_LEAK);
	T_STR(answer_text(), "deck 13 is wet");
	T_EQ(decks(), 0);
	build_number(12);
	T_EQ(call(package, context, "deck.patch"), FERRY_OK);
	deck = *(uint64_t *)answer.data;
	T_EQ(decks(), 1);
	/* It says OK, and made nothing. */
	build_number((uint32_t)-1);
	T_EQ(call(package, context, "deck.patch"), FERRY_EINVAL);
	T_EQ(decks(), 1);
	T_OK(ferry_handle_release(deck));
	/* Who releases a handle does not wait for its object's end. */
	T_WAIT_UNTIL(decks() == 0, 10000);
}

/* On the thread where it failed, before the code's text; a failure that left
 * none is not told another's. */
static void
last_error(void)
{
	build_text("no hay");
	T_EQ(call_direct(package, "grumble"), 1);
	T_STR(answer_text(), "no hay");
	build_text(NULL);
	T_EQ(call_direct(package, "grumble"), 1);
	T_EQ(answer.size, 0);
	build_text("no straw");
	T_EQ(call(package, context, "ark.complain"), ARK_LEAK);
	T_STR(answer_text(), "no straw");
	build_text(NULL);
	T_EQ(call(package, context, "ark.complain"), ARK_LEAK);
	T_STR(answer_text(), "it leaks");
}

T_MAIN(
	package = package_load("ark");
	build_number(300);
	T_OK(package->open(&context, 0, 0, block.bytes, block.size, NULL,
	    NULL, 0));
	T_RUN(root_remains);
	T_RUN(child_remains);
	T_RUN(last_error);
	answer_done();
	T_OK(ferry_context_close(context, NULL, NULL));
)
