/*
 * Planted: a reply is taken and its block never released.
 *
 * Caught: LeakSanitizer, allocated in ferry_call_reply(). If this passes,
 * reply blocks do not come from the allocator it watches, and the tests that
 * trust in it to find leaked blocks find none.
 */
#include "api/fixture.h"

static void
take_and_forget(ferry_context context)
{
	unsigned char bytes[500] = {0};
	ferry_reply reply;

	T_OK(ferry_request_wait(&reply,
	    fx_submit(context, FX_ECHO, bytes, sizeof bytes, NULL), -1));
	T_EQ(reply.size, sizeof bytes);
}

int
main(void)
{
	ferry_context context = fx_open();

	for (int i = 0; i < 10; i++)
		take_and_forget(context);
	fx_close(context);
	return 0;
}
