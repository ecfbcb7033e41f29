/*
 * What the system tells of a thread of this process, without help of that
 * thread: Linux' /proc/self/task, its clocks, its descriptors. Every source
 * may be refused (another system, a sandbox, no /proc) and is then missing in
 * `known`; nobody fails for want of it.
 *
 * The parsers are pure functions of a text that may be anything.
 */
#ifndef FERRY_FFI_FACTS_H
#define FERRY_FFI_FACTS_H

#include "ffi/os.h"

enum fact {
	FACT_STATE = 1u << 0,    /* state */
	FACT_EXISTS = 1u << 1,   /* exists: the thread is there, or is not */
	FACT_CALL = 1u << 2,     /* in_call, and then number, args, sp, pc */
	FACT_CPU = 1u << 3,      /* cpu_ns */
	FACT_DELAY = 1u << 4,    /* delay_ns */
	FACT_TRACER = 1u << 5,   /* tracer */
	FACT_SIGNALS = 1u << 6,  /* blocked, ignored, caught: masks, bit n-1 */
	/* Never in `known`; to be refused only: */
	FACT_TARGET = 1u << 7,   /* ferry__facts_descriptor() */
	FACT_MEMORY = 1u << 8    /* ferry__facts_read() */
};

struct facts {
	uint32_t known;          /* enum fact */
	char state;              /* as ps says: R S D T t Z X … */
	bool exists;
	bool in_call;            /* blocked in a call to the system */
	int64_t number;          /* its number, or -1: blocked outside one,
	                          * or not blocked */
	uint64_t args[6];
	uint64_t sp, pc;         /* where it blocked; known with in_call */
	uint64_t cpu_ns;         /* it has used, ever */
	uint64_t delay_ns;       /* it was runnable and did not run, ever */
	uint32_t tracer;         /* thread id of the debugger, or 0 */
	uint64_t blocked, ignored, caught;
};

/*
 * Which facts are wanted: each costs a system call or three. What comes along
 * with them is known too. A thread id is good for this process only: of one
 * that has ended `exists` says so, if wanted, and nothing else is known.
 */
void ferry__facts_look(struct facts *out, uint32_t thread, uint32_t wanted);

/* Of a descriptor of this process, "socket:[1234]" or a path, terminated and
 * cut off, control characters as "?"; false: not known. */
bool ferry__facts_descriptor(char *out, size_t size, int fd);

/* A system call's name ("futex"), or NULL; which of its arguments is a
 * descriptor, or -1; whether it waits on a futex, whose address is then the
 * first argument. For the machine that this is compiled for. */
const char *ferry__facts_call_name(int64_t number);
int ferry__facts_call_descriptor(int64_t number);
bool ferry__facts_call_is_futex(int64_t number, const uint64_t args[6]);

/* Whether it is what the kernel makes of a wait with a timeout when the thread
 * has been stopped and goes on: place and arguments are those of the call that
 * waits, the number is not. */
bool ferry__facts_call_is_resumed(int64_t number);

/* What a call waits for, where its name says so. */
enum facts_awaited {
	FACTS_AWAITS_ANY,
	FACTS_AWAITS_TIME,     /* sleeps */
	FACTS_AWAITS_START,    /* of a process, until that runs a program */
	FACTS_AWAITS_PROCESS   /* until one ends */
};

enum facts_awaited ferry__facts_call_awaits(int64_t number);

/* Whose thread id the C library keeps in a mutex whose lock word is at that
 * address, if it looks like one, and the thread is one of this process; else
 * 0. A hint: reads memory that may be anything, or not there at all. */
uint32_t ferry__facts_lock_owner(uint64_t address);

/* Copies memory of this process that may not be there; how much it got. */
size_t ferry__facts_read(void *out, uint64_t from, size_t size);

/*
 * The parsers, of a file's first `size` bytes. False: that is not one, and `f`
 * is as it was. The CPU time of stat is one in ticks of the system's, mostly
 * 10 ms, and taken only when a better one is not known. A status need not hold
 * all: TRACER and SIGNALS are added to `known` when they were found.
 */
bool ferry__facts_parse_stat(struct facts *f, const char *text, size_t size);
bool ferry__facts_parse_call(struct facts *f, const char *text, size_t size);
bool ferry__facts_parse_schedstat(
    struct facts *f, const char *text, size_t size);
bool ferry__facts_parse_status(struct facts *f, const char *text, size_t size);

/* For tests: as if the system refused these (enum fact), from now on; what is,
 * between the files that know facts. */
void ferry__facts_refuse(uint32_t which);
uint32_t ferry__facts_refused(void);

/* Control characters become question marks: what somebody has chosen as a name
 * must not look like lines of the text that it is in. */
static inline void
ferry__facts_plain(char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
}

#endif
