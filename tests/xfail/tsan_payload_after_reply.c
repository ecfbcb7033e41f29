/*
 * Planted: the library answers a deferred call and writes to its payload
 * afterwards. The caller's next request rides in the same place, so the write
 * races with the caller's copy into it.
 *
 * Caught: ThreadSanitizer, a data race of late_write() and the submit. If this
 * passes, the library's hand-over of payloads has become an edge that it is
 * not, or the sanitizer does not see into the submit.
 */
#include "api/fixture.h"

static _Atomic(unsigned char *) kept;
static atomic_int stop;
static atomic_uint written; /* relaxed, as all here: it is no edge */

static int
keep(ferry_call call, const void *data, size_t size, void *state)
{
	(void)size;
	(void)state;
	atomic_store_explicit(&kept,
	    (unsigned char *)(uintptr_t)data, memory_order_relaxed);
	return ferry_call_reply(call, 0, NULL, 0);
}

static void *
late_write(void *arg)
{
	(void)arg;
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		unsigned char *p =
		    atomic_load_explicit(&kept, memory_order_relaxed);

		if (p == NULL)
			continue;
		p[20] = 'w';
		atomic_fetch_add_explicit(&written, 1, memory_order_relaxed);
	}
	return NULL;
}

int
main(void)
{
	static const ferry_method method = {.struct_size = sizeof method,
	    .name = "keep", .handler = keep};
	ferry_library_options lo = {.struct_size = sizeof lo, .name = "bad",
	    .methods = &method, .n_methods = 1};
	ferry_context_options o = fx_context_options();
	unsigned char bytes[40] = {0};
	ferry_context context;
	pthread_t thread;

	T_OK(ferry_library_open(&o.library, &lo));
	context = fx_open_with(&o);
	thread = t_thread_start(late_write, NULL);
	/* However late the other thread begins. */
	for (int i = 0; i < 2000 ||
	    atomic_load_explicit(&written, memory_order_relaxed) < 1000; i++)
		(void)fx_wait(fx_submit(context, 0, bytes, 40, NULL));
	atomic_store(&stop, 1);
	t_thread_join(thread);
	fx_close(context);
	return 0;
}
