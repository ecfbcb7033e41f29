/*
 * The tutorial's program: the three ways to hear of a reply, and a cancel.
 * README.md goes through it step by step.
 */
#include "timer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

/* The tutorial's error handling: say what it was, and leave. */
#define MUST(call) must(call, #call)

static void
must(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", what, ferry_error_text(r));
		exit(1);
	}
}

/* --- Submit, wait -------------------------------------------------------- */

static void
show_invoke(ferry_context context)
{
	ferry_request request;
	ferry_reply reply;

	MUST(ferry_request_invoke(
	    &reply, &request, context, TIMER_ECHO, "hello", 6, NULL, -1));
	printf("invoke:   %s (status %d)\n", (char *)reply.data, reply.status);
	MUST(ferry_block_release(reply.data)); /* the reply was ours */
}

/* --- Submit, be called back ---------------------------------------------- */

/* On the FFI thread: hand over, and return. */
static void
on_reply(ferry_request request, int status, const void *data, size_t size,
    void *user)
{
	(void)request;
	(void)size;
	printf("callback: %s (status %d)\n", (const char *)data, status);
	fflush(stdout);
	*(int *)user = 1;
}

static void
show_callback(ferry_context context)
{
	static int called; /* read after the next reply of the same lane */
	ferry_request_options options = { .struct_size = sizeof options,
		.callback = on_reply,
		.user = &called };

	MUST(ferry_request_submit(
	    NULL, context, TIMER_ECHO, "good day", 9, &options));
	show_invoke(context); /* our lane is in order: this comes after it */
	if (!called)
		exit(1);
}

/* --- Submit, take replies from an inbox in a loop of one's own ----------- */

static void
submit_after(ferry_request *out, ferry_context context, ferry_inbox inbox,
    uint32_t delay_ms, const char *text)
{
	ferry_request_options options = { .struct_size = sizeof options,
		.inbox = inbox };
	timer_after after = { .delay_ms = delay_ms };

	snprintf(after.text, sizeof after.text, "%s", text);
	MUST(ferry_request_submit(
	    out, context, TIMER_AFTER, &after, sizeof after, &options));
}

/* Takes `n` replies, polling as an event loop does. */
static void
take_replies(ferry_inbox inbox, int n)
{
	struct pollfd loop = { .events = POLLIN };
	ferry_completion items[8];

	MUST(ferry_inbox_fd(&loop.fd, inbox));
	while (n > 0) {
		poll(&loop, 1, -1);
		int taken = ferry_inbox_take(items, 8, inbox);

		MUST(taken);
		for (int i = 0; i < taken; i++) {
			if (items[i].kind != FERRY_KIND_REPLY)
				continue;
			printf("inbox:    %s (%s)\n",
			    items[i].size ? (char *)items[i].data : "no data",
			    items[i].status ? ferry_error_name(items[i].status)
					    : "ok");
			n--;
		}
		MUST(ferry_inbox_release(items, (uint32_t)taken));
	}
}

static void
show_inbox(ferry_context context)
{
	ferry_request request;
	ferry_inbox inbox;

	MUST(ferry_inbox_open(&inbox, NULL));
	MUST(ferry_inbox_attach(inbox, context, NULL));

	/* Three at once, answered when their time has come. */
	submit_after(NULL, context, inbox, 120, "third");
	submit_after(NULL, context, inbox, 10, "first");
	submit_after(NULL, context, inbox, 60, "second");
	take_replies(inbox, 3);

	/* An hour is too long. When the echo has been answered, the handler of
	 * the request before it has run; then cancel: the hook ends the wait,
	 * and the request is answered all the same. */
	submit_after(&request, context, inbox, 3600 * 1000, "never seen");
	show_invoke(context);
	MUST(ferry_request_cancel(request));
	take_replies(inbox, 1);

	MUST(ferry_inbox_close(NULL, inbox));
}

int
main(void)
{
	ferry_context context;

	MUST(timer_open(&context));
	show_invoke(context);
	show_callback(context);
	show_inbox(context);

	MUST(ferry_context_close(context, NULL, NULL));
	printf("closed\n");
	return 0;
}
