/* The tutorial's library: two methods, and how to open it. */
#ifndef TIMER_H
#define TIMER_H

#include <ferry/ferry.h>

enum { /* methods */
	TIMER_ECHO = 0, /* answers with the bytes it was sent */
	TIMER_AFTER = 1 /* answers with a text when some time has passed */
};

/* The payload of TIMER_AFTER; the reply is the text with its zero. */
typedef struct timer_after {
	uint32_t delay_ms;
	char text[60];
} timer_after;

/* Opens a context; ferry_context_close() ends it. 0 or FERRY_E… */
int
timer_open(ferry_context *out);

#endif
