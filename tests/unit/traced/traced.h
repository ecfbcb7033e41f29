/*
 * A thread that is somewhere, and what a look at it finds.
 */
#ifndef TRACED_H
#define TRACED_H

#include "t.h"

#include <sys/syscall.h>

#include "event/trace.h"
#include "event/trace_dw.h"
#include "traced/deep.h"

/* Whatever else runs the program has threads and stacks of its own. */
T__FN int
traced_is_wrapped(void)
{
	const char *wrap = getenv("T_WRAP");

	return wrap != NULL && (strstr(wrap, "valgrind") != NULL ||
	    strncmp(wrap, "qemu", 4) == 0);
}

struct traced {
	pthread_t thread;
	atom32 id;          /* the system's, when it runs */
	void (*run)(struct traced *);
	struct deep deep;
	int pipe[2];        /* nobody writes to it before the end */
	/* What is seen of it. */
	struct facts facts;
	struct trace trace;
	struct frames frames;
	uint8_t bytes[TRACE_BYTES];
};

T__FN int
traced_read(struct deep *d)
{
	char c;

	return (int)read(d->fd, &c, 1);
}

T__FN void *
traced_thread(void *arg)
{
	struct traced *t = arg;

	atom32_store_relaxed(&t->id, (uint32_t)syscall(SYS_gettid));
	t->run(t);
	return NULL;
}

/* As the system tells: false while it runs. */
T__FN int
traced_look(struct traced *t)
{
	char path[64], text[256];
	unsigned long long number, a[6], sp, pc;
	FILE *f;
	int n;

	memset(&t->facts, 0, sizeof t->facts);
	if (atom32_load_relaxed(&t->id) == 0)
		return 0;
	snprintf(path, sizeof path, "/proc/self/task/%u/syscall",
	    atom32_load_relaxed(&t->id));
	f = fopen(path, "re");
	T_ASSERT(f != NULL);
	if (fgets(text, sizeof text, f) == NULL)
		text[0] = '\0';
	fclose(f);
	n = sscanf(text, "%llu %llx %llx %llx %llx %llx %llx %llx %llx",
	    &number, &a[0], &a[1], &a[2], &a[3], &a[4], &a[5], &sp, &pc);
	if (n != 9)
		return 0;
	t->facts.known = FACT_CALL;
	t->facts.in_call = true;
	t->facts.number = (int64_t)number;
	t->facts.sp = sp;
	t->facts.pc = pc;
	return 1;
}

T__FN void
traced_start(struct traced *t, void (*run)(struct traced *))
{
	memset(t, 0, sizeof *t);
	T_OK(pipe(t->pipe));
	t->run = run;
	t->deep.wait = traced_read;
	t->deep.fd = t->pipe[0];
	t->trace.bytes = t->bytes;
	t->thread = t_thread_start(traced_thread, t);
}

/* Until it is blocked in that call to the system, and copies its stack. */
T__FN void
traced_copy(struct traced *t, long number)
{
	T_WAIT_UNTIL(traced_look(t) && t->facts.number == number, 5000);
	T_ASSERT(ferry__trace_blocked(
	    &t->trace, atom32_load_relaxed(&t->id), &t->facts));
}

T__FN void
traced_end(struct traced *t)
{
	T_EQ(write(t->pipe[1], "", 1), 1);
	t_thread_join(t->thread);
	close(t->pipe[0]);
	close(t->pipe[1]);
}

T__FN void
traced_print(const struct frames *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		dprintf(1, "  %2u %#14jx %s%s %s+%#jx %s %s:%u %.8s\n", i,
		    (uintmax_t)f->at[i].address,
		    f->at[i].flags & FERRY_FRAME_GUESSED ? "?" : "",
		    f->at[i].flags & FERRY_FRAME_INLINE ? "inline" : "",
		    f->at[i].module ? f->at[i].module : "-",
		    (uintmax_t)f->at[i].offset,
		    f->at[i].function ? f->at[i].function : "-",
		    f->at[i].file ? f->at[i].file : "-", f->at[i].line,
		    f->at[i].build_id ? f->at[i].build_id : "-");
}

/* The number of the first frame of that function, from that one on, or -1. */
T__FN int
traced_find(const struct frames *f, uint32_t from, const char *function)
{
	for (uint32_t i = from; i < f->n; i++)
		if (f->at[i].function != NULL &&
		    strcmp(f->at[i].function, function) == 0)
			return (int)i;
	return -1;
}

#endif
