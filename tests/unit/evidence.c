/*
 * Evidence of a real thread that goes from place to place: whatever is found
 * is of the piece of work, the place and the moment that it is told with.
 */
#include "t.h"
#include "valgrind.h"

#include "event/evidence.h"

#if defined(__linux__) && !defined(FERRY_OS_posix)

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT_MS 20000
#define TICK     UINT64_C(10000000)

/* It reads, then receives, then wants the lock, then ends. */
struct subject {
	pthread_t thread;
	atom32 id;
	int read[2], receive[2];
	pthread_mutex_t lock;
};

static struct beat beat;
static struct evidence *evidence;
static atom32 done;

static void
be_done(void *arg)
{
	atom32_add_relaxed(arg, 1);
}

static void *
go_round(void *arg)
{
	struct subject *s = arg;
	char byte;

	atom32_store_release(&s->id, ferry__os_thread_id());
	T_EQ(read(s->read[0], &byte, 1), 1);
	T_EQ(recv(s->receive[0], &byte, 1, 0), 1);
	T_OK(pthread_mutex_lock(&s->lock));
	T_OK(pthread_mutex_unlock(&s->lock));
	return NULL;
}

/* The number of the call that it blocks in, or -1. */
static int64_t
call_of(struct subject *s)
{
	struct facts f;

	ferry__facts_look(&f, atom32_load_acquire(&s->id), FACT_CALL);
	return (f.known & FACT_CALL) != 0 && f.in_call ? f.number : -1;
}

static void
await_call(struct subject *s, const char *name)
{
	const char *now;

	T_WAIT_UNTIL((now = ferry__facts_call_name(call_of(s))) != NULL &&
	    strcmp(now, name) == 0, LIMIT_MS);
}

static void
start(struct subject *s)
{
	T_OK(pipe(s->read));
	T_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s->receive));
	T_OK(pthread_mutex_init(&s->lock, NULL));
	T_OK(pthread_mutex_lock(&s->lock));
	atom32_store_relaxed(&s->id, 0);
	s->thread = t_thread_start(go_round, s);
	T_WAIT_UNTIL(atom32_load_acquire(&s->id) != 0, LIMIT_MS);
	await_call(s, "read");
}

static void
to_receive(struct subject *s)
{
	T_EQ(write(s->read[1], "", 1), 1);
	await_call(s, "recvfrom");
}

static void
to_lock(struct subject *s)
{
	T_EQ(write(s->receive[1], "", 1), 1);
	await_call(s, "futex");
}

static void
end(struct subject *s)
{
	T_OK(pthread_mutex_unlock(&s->lock));
	t_thread_join(s->thread);
	for (int i = 0; i < 2; i++) {
		close(s->read[i]);
		close(s->receive[i]);
	}
	T_OK(pthread_mutex_destroy(&s->lock));
}

static void
about(struct subject *s, uint64_t serial)
{
	ferry__evidence_about(
	    evidence, serial, atom32_load_acquire(&s->id));
}

static bool
look(uint64_t turn, uint32_t flags)
{
	const struct evidence_look how = { .beat = &beat, .flags = flags,
		.turn = turn, .tick_ns = TICK };

	return ferry__evidence_look(evidence, &how);
}

static struct finding
find(uint64_t serial)
{
	struct finding f;

	ferry__evidence_find(&f, evidence, serial, false);
	return f;
}

static void
check_call(const struct finding *f, uint32_t verdict, const char *name)
{
	T_EQ(f->verdict.verdict, verdict);
	T_STR(ferry__facts_call_name(f->shown.look.facts.number), name);
}

/* Those that come are of the place that is shown. */
static void
check_frames(const struct finding *f)
{
	const struct frames *frames;

	T_WAIT_UNTIL((ferry__evidence_hand_on(evidence),
	    !ferry__evidence_awaits(evidence, f)), LIMIT_MS);
	frames = ferry__evidence_frames(evidence, f);
	T_ASSERT(frames != NULL);
	T_GE(frames->n, 1);
	T_EQ(frames->at[0].address, f->shown.look.facts.pc);
}

/* One after the other, and nothing of the first is said of the second. */
static void
of_one_piece_alone(void)
{
	struct finding first, second;
	struct subject s;

	start(&s);
	about(&s, 101);
	T_ASSERT(look(1, 0));
	first = find(101);
	check_call(&first, FERRY_VERDICT_BLOCKED_SYSCALL, "read");
	second = find(102);
	T_EQ(second.verdict.verdict, FERRY_VERDICT_UNKNOWN);
	T_EQ(second.looks, 0);
	T_EQ(second.shown.serial, 0);
	T_ASSERT(ferry__evidence_frames(evidence, &second) == NULL);
	T_ASSERT(!ferry__evidence_awaits(evidence, &second));
	to_receive(&s);
	about(&s, 102);
	second = find(102);
	T_EQ(second.looks, 0);
	T_ASSERT(look(1, FERRY_WATCH_NO_STACKS));
	second = find(102);
	check_call(&second, FERRY_VERDICT_BLOCKED_SYSCALL, "recvfrom");
	T_ASSERT(ferry__evidence_frames(evidence, &second) == NULL);
	to_lock(&s);
	end(&s);
}

/* The scribe may have the first one in hand until long after the second: it
 * gets that too, and it is that one's that is shown. */
static void
frames_of_the_place_shown(void)
{
	struct subject s;
	struct finding f;

	start(&s);
	about(&s, 201);
	T_ASSERT(look(1, 0));
	to_receive(&s);
	/* Twice, for of two looks on a busy machine another rule may hold. */
	T_ASSERT(look(2, 0));
	T_ASSERT(look(3, 0));
	f = find(201);
	check_call(&f, FERRY_VERDICT_BLOCKED_SYSCALL, "recvfrom");
	check_frames(&f);
	/* As it stands there, they stay good. */
	T_ASSERT(look(90, FERRY_WATCH_NO_STACKS));
	f = find(201);
	T_ASSERT(ferry__evidence_frames(evidence, &f) == NULL);
	T_ASSERT(look(91, 0));
	f = find(201);
	T_ASSERT(!ferry__evidence_awaits(evidence, &f));
	check_frames(&f);
	to_lock(&s);
	T_ASSERT(look(92, 0));
	f = find(201);
	T_ASSERT(look(93, 0));
	f = find(201);
	check_call(&f, FERRY_VERDICT_BLOCKED_LOCK, "futex");
	check_frames(&f);
	end(&s);
}

/* Looks from long ago are forgotten; not if it has not run since. */
static void
of_late(void)
{
	struct subject s;
	struct finding f;

	start(&s);
	about(&s, 301);
	for (uint64_t i = 1; i <= 3; i++)
		T_ASSERT(look(i, FERRY_WATCH_NO_STACKS));
	f = find(301);
	T_EQ(f.looks, 3);
	T_ASSERT(look(50, FERRY_WATCH_NO_STACKS));
	f = find(301);
	T_EQ(f.looks, 3);
	T_EQ(f.verdict.progress, FERRY_PROGRESS_NONE);
	to_receive(&s);
	T_ASSERT(look(100, FERRY_WATCH_NO_STACKS));
	f = find(301);
	T_EQ(f.looks, 1);
	check_call(&f, FERRY_VERDICT_BLOCKED_SYSCALL, "recvfrom");
	/* One a turn. */
	T_ASSERT(look(100, FERRY_WATCH_NO_STACKS));
	f = find(301);
	T_EQ(f.looks, 1);
	to_lock(&s);
	end(&s);
}

/* Not when it is told: the descriptor may be another file's by then, and the
 * lock another thread's. */
static void
read_at_the_look(void)
{
	int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct subject s;
	struct finding f;

	start(&s);
	about(&s, 401);
	T_ASSERT(look(1, FERRY_WATCH_NO_STACKS));
	to_receive(&s);
	T_EQ(dup2(other, s.read[0]), s.read[0]);
	f = find(401);
	check_call(&f, FERRY_VERDICT_BLOCKED_SYSCALL, "read");
	T_EQ(strncmp(f.shown.target, "pipe:[", 6), 0);
	to_lock(&s);
	T_ASSERT(look(9, FERRY_WATCH_NO_STACKS));
	end(&s);
	f = find(401);
	check_call(&f, FERRY_VERDICT_BLOCKED_LOCK, "futex");
	T_EQ(f.shown.target[0], '\0');
#ifdef __GLIBC__
	T_EQ(f.shown.owner, ferry__os_thread_id());
#endif
	close(other);
}

/* What was seen of it before is not where it is. */
static void
one_that_is_gone_is_nowhere(void)
{
	struct subject s;
	struct finding f;
	uint64_t turn = 3;

	start(&s);
	about(&s, 501);
	T_ASSERT(look(1, 0));
	T_ASSERT(look(2, 0));
	f = find(501);
	check_frames(&f);
	to_receive(&s);
	to_lock(&s);
	end(&s);
	T_WAIT_UNTIL((look(turn, 0), f = find(501), turn++,
	    f.verdict.verdict == FERRY_VERDICT_EXITED), LIMIT_MS);
	T_EQ(f.shown.serial, 0);
	T_ASSERT(ferry__evidence_frames(evidence, &f) == NULL);
	T_ASSERT(!ferry__evidence_awaits(evidence, &f));
	T_ASSERT(!f.verdict.timed);
}

/* A look during which the heart beats is of nobody. */
static void
not_of_who_comes_next(void)
{
	const struct evidence_look how = { .beat = &beat, .word = 7,
		.turn = 1, .tick_ns = TICK };
	struct subject s;
	struct finding f;

	start(&s);
	about(&s, 601);
	T_ASSERT(!ferry__evidence_look(evidence, &how));
	f = find(601);
	T_EQ(f.looks, 0);
	T_EQ(f.verdict.verdict, FERRY_VERDICT_UNKNOWN);
	T_ASSERT(!ferry__evidence_awaits(evidence, &f));
	to_receive(&s);
	to_lock(&s);
	end(&s);
}

/* As if the scribe had read a stack of that piece of work, one second before
 * the look that is shown; both of a thread that ran. */
static struct finding
moving(struct evidence *e, uint64_t serial)
{
	struct unwinding *u = &e->unwindings[0];
	struct finding f = { .verdict = { .verdict = FERRY_VERDICT_SPINNING,
		.progress = FERRY_PROGRESS_SOME } };

	memset(e, 0, sizeof *e);
	u->of = (struct sight){ .serial = serial, .turn = 1,
		.look = { .place = 77, .at_ns = 5000000000 } };
	u->of.look.facts.known = FACT_CALL;
	atom32_store_relaxed(&u->job.state, SCRIBE_DONE);
	f.shown = u->of;
	f.shown.turn = 100;
	f.shown.look.place = 78;
	f.shown.look.at_ns += 1000000000;
	return f;
}

/* Every look shows another place: a stack of one of them is shown, but nothing
 * that says it is at one place, or was in a call, or long ago. */
static void
of_one_that_moves(void)
{
	static struct evidence e;
	struct finding f = moving(&e, 5);

	T_ASSERT(ferry__evidence_frames(&e, &f) ==
	    &e.unwindings[0].job.frames);
	f.verdict.progress = FERRY_PROGRESS_UNKNOWN;
	T_ASSERT(ferry__evidence_frames(&e, &f) != NULL);
	f.verdict.progress = FERRY_PROGRESS_NONE;
	T_ASSERT(ferry__evidence_frames(&e, &f) == NULL);
	f = moving(&e, 5);
	f.verdict.verdict = FERRY_VERDICT_BLOCKED_SYSCALL;
	T_ASSERT(ferry__evidence_frames(&e, &f) == NULL);
	f = moving(&e, 5);
	f.shown.look.facts.in_call = true;
	T_ASSERT(ferry__evidence_frames(&e, &f) == NULL);
	f = moving(&e, 5);
	e.unwindings[0].of.look.facts.in_call = true;
	T_ASSERT(ferry__evidence_frames(&e, &f) == NULL);
	f = moving(&e, 5);
	f.shown.serial = 6;
	T_ASSERT(ferry__evidence_frames(&e, &f) == NULL);
	f = moving(&e, 5);
	f.shown.look.at_ns++;
	T_ASSERT(ferry__evidence_frames(&e, &f) == NULL);
	f = moving(&e, 5);
	atom32_store_relaxed(&e.unwindings[0].job.state, SCRIBE_GIVEN);
	T_ASSERT(ferry__evidence_frames(&e, &f) == NULL);
	/* Nobody waits for one of the very place: there is always another. */
	T_ASSERT(!ferry__evidence_awaits(&e, &f));
}

static bool
tells(uint32_t what)
{
	struct facts f;

	ferry__facts_look(&f, ferry__os_thread_id(), what);
	return (f.known & what) == what;
}

T_MAIN(
	if (RUNNING_ON_VALGRIND || !tells(FACT_CALL | FACT_CPU))
		T_SKIP("the system does not tell enough");
	evidence = ferry__evidence_make(be_done, &done);
	T_ASSERT(evidence != NULL);
	T_RUN(of_one_piece_alone);
	T_RUN(frames_of_the_place_shown);
	T_RUN(of_late);
	T_RUN(read_at_the_look);
	T_RUN(one_that_is_gone_is_nowhere);
	T_RUN(not_of_who_comes_next);
	T_RUN(of_one_that_moves);
)

#else

T_MAIN(T_SKIP("facts are Linux' own");)

#endif
