/*
 * A thread's stack, copied from outside, and what it means.
 *
 * Copying is quick and allocates nothing: it is done by who watches, while the
 * thread stands. Unwinding and symbols take as long as they take, and use
 * malloc, whose locks the thread in question may hold: they are done elsewhere
 * (scribe.h), from the copy alone. What needs the loader's lock is done on one
 * more thread (trace_loader.h), and done without if that does not come back.
 *
 * What libdw is used for it does from files and the copy; where it is not
 * installed, frames are guessed: words of the stack that point just behind a
 * call instruction of a module.
 */
#ifndef FERRY_EVENT_TRACE_H
#define FERRY_EVENT_TRACE_H

#include <ferry/ferry.h>

#include "ffi/facts.h"

#define TRACE_BYTES  (64u * 1024u)
#define TRACE_FRAMES 48u
#define TRACE_REGISTERS 33u /* as DWARF numbers them; x86-64 17, arm64 33 */

struct trace {
	uint32_t thread;
	/* Bit n: registers[n] is known. A thread that blocks shows pc and sp
	 * alone; a signal handler all. */
	uint64_t known;
	uint64_t registers[TRACE_REGISTERS];
	uint64_t sp, pc;
	size_t size;             /* bytes copied, from sp on */
	uint8_t *bytes;          /* TRACE_BYTES of room */
};

/* Copies the stack of a thread that `f` found blocked (FACT_CALL, in_call).
 * False: it is not, or its memory could not be read. */
bool ferry__trace_blocked(
    struct trace *t, uint32_t thread, const struct facts *f);

/*
 * Copies that of a running one, by the signal that ferry_watch_signal() chose:
 * false when none is chosen, it must not be sent (ignored, blocked, another
 * handler in place), or was not answered within 100 ms. One at a time in the
 * process. The handler copies registers and stack into room that is there
 * beforehand, and wakes who waits; nothing else. An answer that comes too
 * late, or for another request, is thrown away.
 */
bool ferry__trace_running(
    struct trace *t, uint32_t thread, const struct facts *f);

/* Of FFI threads, each time before they sleep: unblocks the chosen signal.
 * One relaxed load when nothing has changed since this thread's last look. */
void ferry__trace_welcome(void);

/* The same place? Never 0. */
uint64_t ferry__trace_place(const struct trace *t);

/* ------------------------------------------------ off the event thread */

/* Frames of a trace. Strings are in `text`, as much as it has room for; who is
 * without one has NULL. */
struct frames {
	uint32_t n;
	bool unwound;            /* by libdw; else guessed */
	ferry_frame at[TRACE_FRAMES];
	size_t used;
	char text[12 * 1024];
};

/* Loads libdw, or gives up after half a second and leaves it to be loaded. Who
 * does that beforehand has it when a thread is stuck in the loader, with its
 * lock: unwinding and libdw's names do without that. Else frames are guessed
 * meanwhile, and have no names: the loader knows those. */
void ferry__trace_prepare(void);

/* May take long, and malloc; one caller at a time in the process, which the
 * callee sees to. `symbols`: functions and lines too, not modules alone. */
void ferry__trace_unwind(
    struct frames *out, const struct trace *t, bool symbols);

#endif
