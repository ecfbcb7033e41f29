/*
 * Planted: a handler writes one byte past the block it asked for.
 *
 * Caught: AddressSanitizer, heap-buffer-overflow in overrun(). If this passes,
 * blocks are cut from larger pieces, and overruns go unseen.
 */
#include "api/fixture.h"

static int
overrun(ferry_call call, void *arg)
{
	volatile char *bytes;
	void *block;

	(void)arg;
	T_OK(ferry_block_alloc(&block, 100));
	bytes = block;
	bytes[100] = 'x';
	return ferry_call_reply_block(call, 0, block, 100);
}

int
main(void)
{
	ferry_context context = fx_open();

	(void)fx_do_wait(context, overrun, NULL);
	fx_close(context);
	return 0;
}
