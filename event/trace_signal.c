/*
 * The stack of a running thread: it copies that itself, in a signal handler.
 *
 * Owns: the chosen signal, its handler, and room for one answer.
 *
 * Threads: choosing and asking, any, one at a time by the mutex; answering,
 * the thread that is asked, at any moment of its.
 *
 * A request is a number and how far it is, in one word:
 *
 *	FREE       nobody asks
 *	ASKED      the asker waits, and the signal is on its way
 *	ANSWERING  the room is the handler's
 *	ANSWERED   the room is the asker's
 *
 * from FREE or ANSWERED to ASKED and from ASKED to FREE (withdrawn) by the
 * asker, from ASKED to ANSWERING and from there to ANSWERED by the handler:
 * pair(answer). Who finds his request withdrawn touches nothing. Who is past
 * that keeps the room, until he is done, even if the asker has given up: until
 * then nobody else is asked.
 *
 * A signal that was sent comes some time, maybe long after its request. With
 * what was there before the handler restored it could end the process. So
 * threads that have not answered yet *owe* an answer: as long as one does the
 * handler stays, though nobody asks any more, and that thread is sent no more.
 */
#include "event/trace_signal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "event/trace_dw.h"
#include "ffi/fork.h"
#include "ffi/handler.h"

#define PATIENCE_NS 100000000u
#define OWED        16u /* threads that may owe an answer, at once */

/* Above a request's number, in the signal's value. */
#define OURS 0xfe447ace00000000u

enum { FREE, ASKED, ANSWERING, ANSWERED };
#define STATES 4u

_Static_assert(TRACE_REGISTERS == OS_REGISTERS, "one numbering");

static void
on_signal(int signo, siginfo_t *info, void *ucontext);

static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;
static struct handler handler = { .function = on_signal };

/* The signal, 0 for none, and above it how often that was said. */
static atom32 wish;
#define SIGNAL_OF(wish) ((int)((wish)&0xffu))

_Static_assert(HANDLER_SIGNALS <= 0x100, "a signal in 8 bits");

/* What this thread has made of which wish. */
static FERRY__TLS uint32_t heard;
static FERRY__TLS int unblocked;

static atom32 word;       /* STATES × number, and the state */
static atom32 owed[OWED]; /* thread ids, or 0 */

static struct {
	uint64_t known, pc;
	uint64_t registers[TRACE_REGISTERS];
	size_t size;
	uint8_t bytes[TRACE_BYTES];
} room;

/* -------------------------------------------------------------- the handler */

static void
settle(uint32_t thread)
{
	for (unsigned i = 0; i < OWED; i++) {
		uint32_t who = thread;

		/* Relaxed: says nothing else. */
		atom32_cas_relaxed(&owed[i], &who, 0);
	}
}

static void
answer(uint32_t number, const void *ucontext)
{
	uint32_t asked = number * STATES + ASKED;

	/* pair(answer) acq_rel: the room, from who had it before. */
	if (!atom32_cas_acqrel(&word, &asked, number * STATES + ANSWERING))
		return;
	room.known = ferry__os_signal_registers(
	    room.registers, &room.pc, ucontext);
	room.size = ferry__facts_read(
	    room.bytes, room.registers[TRACE_SP], TRACE_BYTES);
	/* pair(answer) release: what is in the room. */
	atom32_store_release(&word, number * STATES + ANSWERED);
	ferry__os_wake(&word, 1);
}

static void
on_signal(int signo, siginfo_t *info, void *ucontext)
{
	int before = errno;
	uint64_t value;

	if (ferry__os_signal_is(&value, info) &&
	    (value & 0xffffffff00000000u) == OURS) {
		settle(ferry__os_thread_id());
		answer((uint32_t)value, ucontext);
		errno = before;
	} else {
		ferry__handler_chain(&handler, signo, info, ucontext);
	}
}

/* ---------------------------------------------------------------- the asker */

/* Notes that this thread owes an answer; false: it does already, or too many
 * do. One that has ended owes nothing: its signals have ended with it. */
static bool
owe(uint32_t thread)
{
	atom32 *place = NULL;

	for (unsigned i = 0; i < OWED; i++) {
		/* Relaxed, all: the signal comes after. */
		uint32_t who = atom32_load_relaxed(&owed[i]);

		if (who == thread)
			return false;
		if (who != 0 && ferry__os_signal_send(who, 0, 0) == ESRCH)
			atom32_store_relaxed(&owed[i], who = 0);
		if (who == 0)
			place = &owed[i];
	}
	if (place != NULL)
		atom32_store_relaxed(place, thread);
	return place != NULL;
}

static bool
is_owed(void)
{
	for (unsigned i = 0; i < OWED; i++) {
		/* Relaxed: a handler that is past this does no harm. */
		uint32_t who = atom32_load_relaxed(&owed[i]);

		if (who != 0 && ferry__os_signal_send(who, 0, 0) != ESRCH)
			return true;
	}
	return false;
}

/* False: given up, and withdrawn, or left to the handler that has begun. */
static bool
await(uint32_t asked)
{
	uint64_t deadline = ferry__os_now_ns() + PATIENCE_NS;
	uint32_t now;

	do {
		/* pair(answer) acquire: what is in the room. */
		now = atom32_load_acquire(&word);
		if (now % STATES == ANSWERED)
			return true;
	} while (ferry__os_wait(&word, now, deadline) != OS_TIMEOUT);
	now = asked;
	/* pair(answer) acq_rel: nobody has answered, or what is there. */
	return !atom32_cas_acqrel(&word, &now, asked - ASKED + FREE) &&
	    now % STATES == ANSWERED;
}

static void
take(struct trace *t, uint32_t thread)
{
	t->thread = thread;
	t->known = room.known;
	memcpy(t->registers, room.registers, sizeof t->registers);
	t->sp = t->registers[TRACE_SP];
	t->pc = room.pc;
	t->size = room.size;
	memcpy(t->bytes, room.bytes, room.size);
}

/* With the mutex held. */
static bool
ask(struct trace *t, uint32_t thread, int signo)
{
	/* pair(answer) acquire: the room of one that was given up. */
	uint32_t before = atom32_load_acquire(&word);
	uint32_t number = (before / STATES + 1) % (UINT32_MAX / STATES);
	uint32_t asked = number * STATES + ASKED;

	if (before % STATES == ANSWERING || !owe(thread))
		return false;
	/* pair(answer) release: the room is whoever's takes it next. */
	atom32_store_release(&word, asked);
	if (ferry__os_signal_send(thread, signo, OURS | number) != 0) {
		settle(thread);
		/* Relaxed: nobody else knows of it. */
		atom32_store_relaxed(&word, asked - ASKED + FREE);
		return false;
	}
	if (!await(asked))
		return false;
	take(t, thread);
	return t->size != 0;
}

/* As far as the system told of the thread; what it did not tell may be so. */
static bool
takes(const struct facts *f, int signo)
{
	uint64_t bit = (uint64_t)1 << (signo - 1);

	return (f->known & FACT_SIGNALS) != 0 &&
	    ((f->blocked | f->ignored) & bit) == 0;
}

bool
ferry__trace_running(
    struct trace *t, uint32_t thread, const struct facts *f)
{
	bool r = false;
	int signo;

	/* Relaxed: a look before the mutex, for who never chose one. */
	if (atom32_load_relaxed(&wish) == 0)
		return false;
	pthread_mutex_lock(&asking);
	/* Relaxed: written under the mutex. */
	signo = SIGNAL_OF(atom32_load_relaxed(&wish));
	if (signo != 0 && takes(f, signo) &&
	    ferry__handler_is_in_place(&handler, signo))
		r = ask(t, thread, signo);
	pthread_mutex_unlock(&asking);
	return r;
}

/* -------------------------------------------------------------- the choice */

static void
mask(int how, int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	pthread_sigmask(how, &set, NULL);
}

static COLD void
welcome_slow(uint32_t now)
{
	int signo = SIGNAL_OF(now);

	if (unblocked != 0 && unblocked != signo)
		mask(SIG_BLOCK, unblocked);
	if (signo != 0)
		mask(SIG_UNBLOCK, signo);
	unblocked = signo;
	heard = now;
}

void
ferry__trace_welcome(void)
{
	/* Relaxed: who has not heard yet blocks the signal, which is seen. */
	uint32_t now = atom32_load_relaxed(&wish);

	if (UNLIKELY(now != heard))
		welcome_slow(now);
}

/* With the mutex held, as the next ones. */
static void
say(int signo)
{
	/* Relaxed: written under the mutex; the word says it all. */
	uint32_t before = atom32_load_relaxed(&wish);

	atom32_store_relaxed(
	    &wish, ((before | 0xffu) + 1) | (uint32_t)signo);
}

/* What is not chosen any more, unless the signal may be on its way. */
static void
put_back(int chosen)
{
	if (is_owed())
		return;
	for (int signo = 1; signo < HANDLER_SIGNALS; signo++)
		if (signo != chosen && handler.reachable[signo])
			ferry__handler_restore(&handler, signo);
}

static int
choose(int signo)
{
	struct sigaction now;
	int r = ferry__handler_check(&handler, signo, &now);

	if (r != FERRY_OK)
		return r;
	if (ferry__os_signal_send(ferry__os_thread_id(), 0, 0) != 0)
		return FERRY_ENOTSUP;
	r = ferry__handler_keep(&handler, signo, &now);
	if (r != FERRY_OK)
		return r;
	/* A call of the library's that is interrupted must go on. */
	ferry__handler_install(&handler, signo, &now, SA_RESTART);
	return FERRY_OK;
}

int
ferry__trace_choose(int signo)
{
	int r;

	pthread_mutex_lock(&asking);
	r = signo != 0 ? choose(signo) : FERRY_OK;
	if (r == FERRY_OK) {
		say(signo);
		put_back(signo);
	}
	pthread_mutex_unlock(&asking);
	return r;
}

/* Actions are inherited, and stay: they call the former ones. */
void
ferry__trace_forked(void)
{
	ferry__fork_renew(&asking);
	/* Relaxed, all: one thread. Threads of the parent's owe nothing. */
	atom32_store_relaxed(&wish, 0);
	atom32_store_relaxed(&word, FREE);
	for (unsigned i = 0; i < OWED; i++)
		atom32_store_relaxed(&owed[i], 0);
	ferry__trace_unwind_forked();
}
