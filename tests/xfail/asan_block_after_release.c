/*
 * Planted: a reply's bytes are read after the block was given back.
 *
 * Caught: AddressSanitizer, heap-use-after-free in main().
 */
#include "api/fixture.h"

int
main(void)
{
	ferry_context context = fx_open();
	unsigned char bytes[500] = {0};
	ferry_reply reply;
	volatile unsigned char *late;
	int sum = 0;

	T_OK(ferry_request_wait(&reply,
	    fx_submit(context, FX_ECHO, bytes, sizeof bytes, NULL), -1));
	late = reply.data;
	T_OK(ferry_block_release(reply.data));
	sum += late[100];
	fx_close(context);
	return sum == -1;
}
