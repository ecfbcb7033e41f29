/*
 * Planted: the caller looks at what its callback writes without waiting for
 * it.
 *
 * Caught: ThreadSanitizer, a data race of main() and on_reply(). If this
 * passes, a submit has become an edge in the wrong direction. In one round the
 * worker may be so fast that the submit's own look at its park word comes
 * after the callback, and orders the two by chance: hence many rounds.
 */
#include "api/fixture.h"

static int status = 1;

static void
on_reply(ferry_request request, int result, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)data;
	(void)size;
	*(volatile int *)user = result;
}

int
main(void)
{
	ferry_context context = fx_open();
	ferry_request_options o = fx_request_options();
	volatile int *look = &status;

	o.callback = on_reply;
	o.user = &status;
	for (int i = 0; i < 200; i++) {
		uint64_t end = t_now_ns() + 3000000000;

		*look = 1;
		fx_submit(context, FX_NOP, NULL, 0, &o);
		while (*look != FERRY_OK && t_now_ns() < end)
			;
	}
	fx_close(context);
	return 0;
}
