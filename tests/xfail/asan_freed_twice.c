/*
 * Planted: the caller frees what it gave away, and so does Ferry, as told.
 *
 * Caught: AddressSanitizer, a double free in fx_free().
 */
#include "api/fixture.h"

int
main(void)
{
	ferry_context context = fx_open();
	ferry_request_options o = fx_request_options();
	struct fx_gate held = FX_GATE_SHUT;
	ferry_request holding = fx_hold(context, &held), request;
	atomic_int freed = 0;
	void *bytes = calloc(1, 1000);

	o.flags = FERRY_REQUEST_ADOPT;
	o.free = fx_free;
	o.free_user = &freed;
	request = fx_submit(context, FX_NOP, bytes, 1000, &o);
	free(bytes); /* no longer ours */
	fx_gate_open(&held);
	(void)fx_wait(request);
	(void)fx_wait(holding);
	fx_close(context);
	return 0;
}
