/*
 * Planted: the caller goes on writing to memory that it gave away, while the
 * handler reads it.
 *
 * Caught: ThreadSanitizer, a data race of main() and the handler. If this
 * passes, adopted memory is not handed over as it is.
 */
#include "api/fixture.h"

static int
sum(ferry_call call, const void *data, size_t size, void *state)
{
	const volatile unsigned char *bytes = data;
	int n = 0;

	(void)call;
	(void)state;
	for (size_t i = 0; i < size; i++)
		n += bytes[i];
	return n > 0;
}

int
main(void)
{
	static const ferry_method method = {.struct_size = sizeof method,
	    .name = "sum", .handler = sum};
	ferry_library_options lo = {.struct_size = sizeof lo, .name = "bad",
	    .methods = &method, .n_methods = 1};
	ferry_context_options o = fx_context_options();
	ferry_request_options ro = fx_request_options();
	atomic_int freed = 0;
	ferry_context context;

	T_OK(ferry_library_open(&o.library, &lo));
	context = fx_open_with(&o);
	ro.flags = FERRY_REQUEST_ADOPT;
	ro.free = fx_free;
	ro.free_user = &freed;
	for (int i = 0; i < 20; i++) {
		uint64_t until;
		volatile unsigned char *bytes = calloc(1, 10000);
		ferry_request request = fx_submit(
		    context, 0, (void *)(uintptr_t)bytes, 10000, &ro);

		/* No longer ours; long enough for the handler to be about. */
		until = t_now_ns() + 3000000;
		while (t_now_ns() < until)
			bytes[9999]++;
		(void)fx_wait(request);
	}
	fx_close(context);
	return 0;
}
