/*
 * Planted: the library reads an adopted payload after it has answered the
 * deferred call; by then the caller's free function has had it.
 *
 * Caught: AddressSanitizer, heap-use-after-free in main(). If this passes,
 * adopted memory is not freed with its request.
 */
#include "api/fixture.h"

static struct fx_gate gate = FX_GATE_SHUT;
static ferry_call kept_call;
static const volatile unsigned char *kept_data;

static int
keep(ferry_call call, const void *data, size_t size, void *state)
{
	(void)size;
	(void)state;
	T_OK(ferry_call_defer(call));
	kept_call = call;
	kept_data = data;
	fx_gate_open(&gate);
	return 0;
}

int
main(void)
{
	static const ferry_method method = {.struct_size = sizeof method,
	    .name = "keep", .handler = keep};
	ferry_library_options lo = {.struct_size = sizeof lo, .name = "bad",
	    .methods = &method, .n_methods = 1};
	ferry_context_options o = fx_context_options();
	ferry_request_options ro = fx_request_options();
	atomic_int freed = 0;
	ferry_context context;
	ferry_request request;
	int sum = 0;

	T_OK(ferry_library_open(&o.library, &lo));
	context = fx_open_with(&o);
	ro.flags = FERRY_REQUEST_ADOPT;
	ro.free = fx_free;
	ro.free_user = &freed;
	request = fx_submit(context, 0, calloc(1, 1000), 1000, &ro);
	fx_gate_pass(&gate);
	T_OK(ferry_call_reply(kept_call, 0, NULL, 0));
	(void)fx_wait(request);
	fx_close(context); /* freed by now at the latest */
	sum += kept_data[500];
	return sum == -1;
}
