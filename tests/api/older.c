/*
 * Callers who were compiled when structs were shorter: closing and inboxes (the
 * other structs are cut where the rest of them is tested: open.c, submit.c,
 * library.c, reply.c, counters.c, health.c). Each struct is the end of its
 * allocation, so that a sanitizer sees who looks further than the caller goes.
 */
#include "fixture.h"

enum { SHORTEST = 16, UNTOUCHED = 0xa5 };

/* The first `size` bytes of a struct, to be freed. */
static void *
cut(const void *whole, size_t size)
{
	char *part = malloc(size);

	T_ASSERT(part != NULL);
	memcpy(part, whole, size);
	memcpy(part, &size, sizeof size);
	return part;
}

static int
close_with(ferry_context context, const ferry_close_options *o, size_t size)
{
	void *part = cut(o, size);
	int r = ferry_context_close(context, part, NULL);

	free(part);
	return r;
}

/* What is there is read, what is not there is zero: wait for ever. */
static void
close_options(void)
{
	ferry_close_options o = {.mode = FERRY_CLOSE_ABANDON + 1};
	ferry_context context = fx_open();

	T_EQ(close_with(context, &o, SHORTEST), FERRY_EINVAL);
	T_EQ(close_with(context, &o, SHORTEST - 1), FERRY_EINVAL);
	o.mode = FERRY_CLOSE_CANCEL;
	T_OK(close_with(context, &o, SHORTEST));
}

/* Filled as far as the caller knows it, and not a byte further. */
static void
close_report(void)
{
	ferry_close_report o;
	unsigned char *part;

	for (size_t size = SHORTEST; size <= sizeof o; size += 8) {
		ferry_context context = fx_open();

		memset(&o, UNTOUCHED, sizeof o);
		part = cut(&o, sizeof o);
		memcpy(part, &size, sizeof size);
		T_OK(ferry_context_close(context, NULL, (void *)part));
		for (size_t i = sizeof size; i < sizeof o; i++)
			T_EQ(part[i], i < size ? 0 : UNTOUCHED);
		T_MEM(part, &size, sizeof size);
		free(part);
	}
}

static int
attach_with(ferry_inbox inbox, ferry_context context,
    const ferry_attach_options *o, size_t size)
{
	void *part = cut(o, size);
	int r = ferry_inbox_attach(inbox, context, part);

	free(part);
	return r;
}

/* Without `user`, what is no reply comes back with NULL. */
static void
attach_options(void)
{
	ferry_attach_options o = {.event_capacity = 3, .user = &o};
	ferry_context context = fx_open();
	ferry_completion got;
	ferry_inbox inbox;

	T_OK(ferry_inbox_open(&inbox, NULL));
	T_EQ(attach_with(inbox, context, &o, SHORTEST), FERRY_EINVAL);
	o.event_capacity = 4;
	T_OK(attach_with(inbox, context, &o, SHORTEST));
	fx_close(context);
	T_OK(ferry_inbox_wait(inbox, -1));
	T_EQ(ferry_inbox_take(&got, 1, inbox), 1);
	T_EQ(got.kind, FERRY_KIND_CLOSED);
	T_ASSERT(got.user == NULL);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void
ring(void *user)
{
	T_ASSERT(user == NULL);
}

/* Without `doorbell` there is a descriptor; without `user` it gets NULL. */
static void
inbox_options(void)
{
	ferry_inbox_options o = {.doorbell = ring, .user = &o};
	void *shortest = cut(&o, offsetof(ferry_inbox_options, doorbell));
	void *longer = cut(&o, offsetof(ferry_inbox_options, user));
	ferry_context context = fx_open();
	ferry_inbox inbox;
	int fd;

	T_OK(ferry_inbox_open(&inbox, shortest));
	T_OK(ferry_inbox_fd(&fd, inbox));
	T_OK(ferry_inbox_close(NULL, inbox));
	T_OK(ferry_inbox_open(&inbox, longer));
	T_EQ(ferry_inbox_fd(&fd, inbox), FERRY_ENOTSUP);
	T_OK(ferry_inbox_attach(inbox, context, NULL));
	fx_close(context); /* rings */
	T_OK(ferry_inbox_close(NULL, inbox));
	free(shortest);
	free(longer);
}

T_MAIN(
	T_RUN(close_options);
	T_RUN(close_report);
	T_RUN(attach_options);
	T_RUN(inbox_options);
)
