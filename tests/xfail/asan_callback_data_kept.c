/*
 * Planted: a callback keeps the address of the reply's bytes, which are valid
 * only until it returns.
 *
 * Caught: AddressSanitizer, heap-use-after-free in main().
 */
#include "api/fixture.h"

static _Atomic(const unsigned char *) kept;

static void
keep(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)status;
	(void)size;
	(void)user;
	atomic_store(&kept, data);
}

int
main(void)
{
	ferry_context context = fx_open();
	ferry_request_options o = fx_request_options();
	unsigned char bytes[500] = {0};
	int sum = 0;

	o.callback = keep;
	fx_submit(context, FX_ECHO, bytes, sizeof bytes, &o);
	fx_close(context);
	sum += ((const volatile unsigned char *)atomic_load(&kept))[100];
	return sum == -1;
}
