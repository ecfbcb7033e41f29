/*
 * A native no-op handler for asyncio_bench.py, which then measures how replies
 * get to Python and not how Python handles requests.
 */
#include <stddef.h>

#include <ferry/ferry.h>

FERRY_API int bench_noop(
    ferry_call call, const void *data, size_t size, void *state);

int
bench_noop(ferry_call call, const void *data, size_t size, void *state)
{
	(void)call;
	(void)data;
	(void)size;
	(void)state;
	return FERRY_OK;
}
