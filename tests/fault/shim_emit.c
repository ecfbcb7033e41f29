/*
 * An event that a generated shim cannot lay out for want of memory: its caller
 * hears nothing, so it is counted, and who hears the next one of a gap.
 */
#include "steps.h"

#include <ferry/shim.h>

enum { LOST = 7 };

/* As the shim has it: text. */
struct said {
	const char *text;
};

static void
measure(struct ferry_shim_out *out, const void *head)
{
	const struct said *said = head;

	ferry_shim_need_text(out, said->text, FERRY_SHIM_NEVER, "text");
}

static void
store(struct ferry_shim_out *out, void *head)
{
	struct said *said = head;

	said->text = ferry_shim_store_text(out, said->text, FERRY_SHIM_NEVER);
}

static int
say(void *root, const char *text)
{
	struct said said = { text };

	return ferry_shim_emit(
	    root, FX_TICK, &said, sizeof said, measure, store);
}

/* The root object of a context is any address. */
static struct ferry_shim_slot *
known(ferry_context context, void *root)
{
	struct ferry_shim_slot *slot = ferry_shim_slot_take();

	T_ASSERT(slot != NULL);
	atomic_store(&slot->context, context);
	atomic_store(&slot->object, root);
	return slot;
}

static int
say_in_vain(ferry_call call, void *root)
{
	(void)call;
	inject_arm(INJECT_MEMORY, 1, 1);
	for (int i = 0; i < LOST; i++)
		T_EQ(say(root, "lost"), FERRY_ENOMEM);
	T_EQ(inject_disarm(), LOST);
	/* And one that cannot be right. */
	T_EQ(say(root, NULL), FERRY_EINVAL);
	return FERRY_OK;
}

static void
lost_is_counted(void)
{
	static char big[65537], root;
	ferry_context context = steps_open(NULL);
	struct ferry_shim_slot *slot = known(context, &root);
	ferry_inbox inbox = steps_inbox();
	ferry_completion got;

	memset(big, 'x', sizeof big - 1);
	steps_attach(inbox, context, FERRY_ATTACH_EVENTS);
	T_EQ(fx_do_wait(context, say_in_vain, &root), FERRY_OK);
	steps_await_sleep(context);
	T_EQ(say_in_vain(0, &root), FERRY_OK);
	T_EQ(say(&root, big), FERRY_E2BIG);
	T_EQ(fx_counters(context).events_dropped_elsewhere, 2 * LOST + 3);
	T_OK(say(&root, "heard"));
	got = fx_take_kind(inbox, FERRY_KIND_EVENT);
	T_EQ(got.count, 2 * LOST + 3);
	T_STR((const char *)got.data + *(uintptr_t *)got.data, "heard");
	fx_done(&got);
	ferry_shim_slot_leave(slot);
	fx_close(context);
	T_OK(ferry_inbox_close(NULL, inbox));
}

T_MAIN(
	T_RUN(lost_is_counted);
)
