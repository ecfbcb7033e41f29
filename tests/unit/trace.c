/*
 * A thread's stack, copied from outside: threads that block, in functions with
 * and without a frame pointer, and on stacks of other kinds.
 */
#include "traced/traced.h"

#if defined(__linux__) && !defined(FERRY_OS_posix)

#include <signal.h>

#include "ffi/coro.h"

static struct traced at; /* one at a time */

static int
have_names(void)
{
	if (traced_is_wrapped())
		return 0;
	if (ferry__dw_open())
		return 1;
	dprintf(1, "no libdw: names are not looked at\n");
	return 0;
}

/* These frames follow one on the other. */
static void
expect(const struct frames *f, const char *const *functions, size_t n)
{
	int first = traced_find(f, 0, functions[0]);

	for (size_t i = 0; i < n; i++)
		if (first < 0 || traced_find(f, 0, functions[i]) !=
		    first + (int)i) {
			traced_print(f);
			T_FAIL("no %s where it should be", functions[i]);
		}
}

static const char *const o0[] = {"traced_read", "innermost_o0", "inlined_o0",
    "sized_o0", "outer_o0", "deep_o0"};
static const char *const o2[] = {"traced_read", "innermost_o2", "inlined_o2",
    "sized_o2", "outer_o2", "deep_o2"};

static void
run_o0(struct traced *t)
{
	T_EQ(deep_o0(&t->deep) >= 0, 1);
}

static void
run_o2(struct traced *t)
{
	T_EQ(deep_o2(&t->deep) >= 0, 1);
}

static void
look(const char *const *functions)
{
	ferry__trace_unwind(&at.frames, &at.trace, true);
	if (!have_names())
		return;
	T_ASSERT(at.frames.unwound);
	expect(&at.frames, functions, 6);
}

static void
see(void (*run)(struct traced *), const char *const *functions)
{
	traced_start(&at, run);
	traced_copy(&at, SYS_read);
	look(functions);
	traced_end(&at);
}

static void
blocked_o0(void)
{
	see(run_o0, o0);
}

static void
blocked_o2(void)
{
	see(run_o2, o2);
}

/* Which frames are certain, which guessed; where in the source they are. */
static void
flags_and_lines(void)
{
	const ferry_frame *f = at.frames.at;
	int innermost, inlined;

	traced_start(&at, run_o2);
	traced_copy(&at, SYS_read);
	look(o2);
	innermost = traced_find(&at.frames, 0, "innermost_o2");
	inlined = traced_find(&at.frames, 0, "inlined_o2");
	traced_end(&at);
	if (!have_names())
		T_SKIP_CASE("needs libdw");
	T_EQ(f[0].address, at.trace.pc);
	/* ASan's read() has a frame pointer, and the C library's saves none. */
	for (int i = 0; !T_ASAN && i <= innermost; i++)
		T_EQ(f[i].flags & FERRY_FRAME_GUESSED, 0);
	T_NE(f[inlined].flags & FERRY_FRAME_INLINE, 0);
	T_EQ(f[inlined + 1].flags & FERRY_FRAME_INLINE, 0);
	T_EQ(f[inlined].address, f[inlined + 1].address);
	T_EQ(f[innermost].line, DEEP_HERE);
	T_EQ(f[inlined].line, DEEP_INLINED);
	T_EQ(f[inlined + 1].line, DEEP_SIZED);
	T_ASSERT(strstr(f[inlined].file, "traced/deep.c") != NULL);
	T_STR(f[inlined].module, f[innermost].module);
	T_ASSERT(strstr(f[innermost].module, "/trace") != NULL);
	T_EQ(strlen(f[innermost].build_id) >= 16, 1);
}

/* ---- other things to block in ---- */

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static int
traced_lock(struct deep *d)
{
	(void)d;
	T_OK(pthread_mutex_lock(&held));
	T_OK(pthread_mutex_unlock(&held));
	return 1;
}

static void
run_lock(struct traced *t)
{
	t->deep.wait = traced_lock;
	run_o0(t);
}

static void
blocked_lock(void)
{
	static const char *const f[] = {"traced_lock", "innermost_o0",
	    "inlined_o0", "sized_o0", "outer_o0", "deep_o0"};

	T_OK(pthread_mutex_lock(&held));
	traced_start(&at, run_lock);
	traced_copy(&at, SYS_futex);
	look(f);
	T_OK(pthread_mutex_unlock(&held));
	traced_end(&at);
}

static void
on_signal(int signo)
{
	(void)signo;
}

/* Until a signal comes. */
static int
traced_sleep(struct deep *d)
{
	struct timespec day = {.tv_sec = 86400};

	(void)d;
	T_EQ(nanosleep(&day, NULL), -1);
	return 1;
}

static void
on_coro(struct coro *co, void *arg)
{
	struct traced *t = arg;

	(void)co;
	T_EQ(deep_o0(&t->deep) >= 0, 1);
}

static void
run_coro(struct traced *t)
{
	struct coro_owner owner;
	struct stack_pool pool;
	struct stack *stack;
	struct coro co;

	ferry__coro_owner_open(&owner);
	ferry__stack_pool_open(&pool, 0, 1);
	stack = ferry__stack_take(&pool);
	T_ASSERT(stack != NULL);
	ferry__coro_start(&co, &owner, stack, on_coro, t);
	ferry__coro_resume(&co);
	T_ASSERT(ferry__coro_ended(&co));
	ferry__stack_give(&pool, stack);
	ferry__stack_pool_close(&pool);
}

static void
blocked_coro(void)
{
	see(run_coro, o0);
	if (have_names()) /* and that is where it ends */
		T_EQ(traced_find(&at.frames, 0, "entry"), at.frames.n - 1);
}

static void
run_coro_sleep(struct traced *t)
{
	t->deep.wait = traced_sleep;
	run_coro(t);
}

static void
blocked_coro_sleep(void)
{
	static const char *const f[] = {"traced_sleep", "innermost_o0",
	    "inlined_o0", "sized_o0", "outer_o0", "deep_o0"};
	struct sigaction a = {.sa_handler = on_signal};

	T_OK(sigaction(SIGUSR2, &a, NULL));
	traced_start(&at, run_coro_sleep);
	traced_copy(&at, SYS_clock_nanosleep);
	look(f);
	T_OK(pthread_kill(at.thread, SIGUSR2));
	traced_end(&at);
}

/* ---- what is no place of a thread's ---- */

static void
not_blocked(void)
{
	struct facts f = {.known = FACT_CALL};

	at.trace.bytes = at.bytes;
	T_ASSERT(!ferry__trace_blocked(&at.trace, 1, &f));
	f.in_call = true; /* of memory that is not there */
	f.sp = 8;
	T_ASSERT(!ferry__trace_blocked(&at.trace, 1, &f));
	f.known = 0;
	f.sp = (uintptr_t)&f;
	T_ASSERT(!ferry__trace_blocked(&at.trace, 1, &f));
	f.known = FACT_CALL;
	T_ASSERT(ferry__trace_blocked(&at.trace, 1, &f));
}

static void
places(void)
{
	uint64_t first;

	traced_start(&at, run_o2);
	traced_copy(&at, SYS_read);
	first = ferry__trace_place(&at.trace);
	T_NE(first, 0);
	traced_copy(&at, SYS_read);
	T_EQ(ferry__trace_place(&at.trace), first);
	/* Locals are no place. */
	at.bytes[8] ^= 1;
	T_EQ(ferry__trace_place(&at.trace), first);
	at.trace.pc++;
	T_NE(ferry__trace_place(&at.trace), first);
	/* One that runs goes round in a loop. */
	at.trace.known = UINT64_MAX;
	first = ferry__trace_place(&at.trace);
	at.trace.pc++;
	T_EQ(ferry__trace_place(&at.trace), first);
	at.trace.sp += 16;
	T_NE(ferry__trace_place(&at.trace), first);
	traced_end(&at);
}

/* Of what the watcher does itself while it watches. */
static void
is_quick(void)
{
	uint64_t best = UINT64_MAX, cold = 0, warm = UINT64_MAX;

	traced_start(&at, run_o0);
	traced_copy(&at, SYS_read);
	for (int i = 0; i < 20; i++) {
		uint64_t from = t_now_ns(), copied;

		traced_copy(&at, SYS_read);
		copied = t_now_ns();
		ferry__trace_unwind(&at.frames, &at.trace, true);
		if (i == 0)
			cold = t_now_ns() - copied;
		if (t_now_ns() - copied < warm)
			warm = t_now_ns() - copied;
		if (copied - from < best)
			best = copied - from;
	}
	traced_end(&at);
	dprintf(1, "look and copy %ju us, unwinding %ju us, then %ju us\n",
	    (uintmax_t)best / 1000, (uintmax_t)cold / 1000,
	    (uintmax_t)warm / 1000);
	T_LE(best, (uint64_t)t_slow() * 1000000);
}

/* In this order, and with what else there may be in between. */
static void
expect_among(const struct frames *f, const char *const *functions, size_t n)
{
	int last = -1;

	for (size_t i = 0; i < n; i++) {
		last = traced_find(f, (uint32_t)(last + 1), functions[i]);
		if (last < 0) {
			traced_print(f);
			T_FAIL("no %s where it should be", functions[i]);
		}
	}
}

/* The names are the loader's: this program is linked so that it has them. */
static void
guessed(void (*run)(struct traced *), const char *const *functions)
{
	traced_start(&at, run);
	traced_copy(&at, SYS_read);
	ferry__dw_refuse(true);
	ferry__trace_unwind(&at.frames, &at.trace, true);
	ferry__dw_refuse(false);
	T_ASSERT(!at.frames.unwound);
	if (traced_is_wrapped()) {
		traced_end(&at);
		return;
	}
	T_EQ(at.frames.at[0].flags, 0);
	T_EQ(at.frames.at[1].flags, FERRY_FRAME_GUESSED);
	T_ASSERT(at.frames.at[0].module != NULL);
	T_ASSERT(at.frames.at[0].build_id != NULL);
	expect_among(&at.frames, functions, 4);
	traced_end(&at);
}

static void
guessed_o0(void)
{
	static const char *const f[] = {
	    "innermost_o0", "sized_o0", "outer_o0", "deep_o0"};

	guessed(run_o0, f);
}

static void
guessed_o2(void)
{
	static const char *const f[] = {
	    "innermost_o2", "sized_o2", "outer_o2", "deep_o2"};

	guessed(run_o2, f);
}

/* ---- what is no stack ---- */

static int
is_kept(const struct frames *f, const char *text)
{
	return text == NULL || (text >= f->text && text < f->text + f->used);
}

static void
check(const struct frames *f)
{
	T_LE(f->n, TRACE_FRAMES);
	T_GE(f->n, 1);
	T_LE(f->used, sizeof f->text);
	for (uint32_t i = 0; i < f->n; i++) {
		T_ASSERT(is_kept(f, f->at[i].module));
		T_ASSERT(is_kept(f, f->at[i].build_id));
		T_ASSERT(is_kept(f, f->at[i].function));
		T_ASSERT(is_kept(f, f->at[i].file));
	}
}

/* A word that leads somewhere, or nowhere: `real` is a copy of a stack. */
static uint64_t
any_word(struct t_rng *rng, const struct trace *real, uint64_t sp)
{
	uint64_t word;

	switch (t_rand_below(rng, 5)) {
	case 0:
		return t_rand(rng);
	case 1:
		return sp + t_rand_below(rng, TRACE_BYTES) - 4096;
	case 2:
		return t_rand_below(rng, 3) - 1;
	default:
		memcpy(&word,
		    real->bytes + t_rand_below(rng, real->size / 8) * 8, 8);
		return word + (t_rand_below(rng, 4) == 0);
	}
}

static void
make_up(struct trace *t, struct t_rng *rng, const struct trace *real)
{
	t->thread = real->thread;
	t->size = t_rand_below(rng, 3) != 0 ? t_rand_below(rng, 512)
	                                    : t_rand_below(rng, TRACE_BYTES);
	t->sp = t_rand_below(rng, 2) != 0 ? real->sp : t_rand(rng);
	t->pc = any_word(rng, real, t->sp);
	t->known = t_rand_below(rng, 2) != 0 ? 1u << TRACE_SP : t_rand(rng);
	for (unsigned i = 0; i < TRACE_REGISTERS; i++)
		t->registers[i] = any_word(rng, real, t->sp);
	t->registers[TRACE_SP] = t->sp;
	for (size_t i = 0; i + 8 <= t->size; i += 8) {
		uint64_t word = any_word(rng, real, t->sp);

		memcpy(t->bytes + i, &word, 8);
	}
	for (size_t i = t->size & ~(size_t)7; i < t->size; i++)
		t->bytes[i] = (uint8_t)t_rand(rng);
}

/* More frames than there is room for, and each is two functions. */
static void
crowded(void)
{
	int innermost, inlined;
	uint64_t address;

	traced_start(&at, run_o2);
	traced_copy(&at, SYS_read);
	ferry__trace_unwind(&at.frames, &at.trace, true);
	traced_end(&at);
	if (!have_names())
		T_SKIP_CASE("needs libdw");
	innermost = traced_find(&at.frames, 0, "innermost_o2");
	inlined = traced_find(&at.frames, 0, "inlined_o2");
	T_GE(innermost, 0);
	T_GE(inlined, 0);
	at.trace.pc = at.frames.at[innermost].address;
	address = at.frames.at[inlined].address;
	for (size_t i = 0; i + 8 <= sizeof at.bytes; i += 8)
		memcpy(at.bytes + i, &address, 8);
	at.trace.size = sizeof at.bytes;
	ferry__trace_unwind(&at.frames, &at.trace, true);
	check(&at.frames);
	T_EQ(at.frames.n, TRACE_FRAMES);
	T_STR(at.frames.at[TRACE_FRAMES - 2].function, "sized_o2");
	T_STR(at.frames.at[TRACE_FRAMES - 1].function, "inlined_o2");
}

static void
no_stack(void)
{
	static uint8_t bytes[TRACE_BYTES];
	static struct trace t = {.bytes = bytes};
	struct t_rng rng = {t_seed()};
	int rounds = T_TSAN || T_ASAN ? 400 : 4000;

	traced_start(&at, run_o0);
	traced_copy(&at, SYS_read);
	for (int i = 0; i < rounds; i++) {
		make_up(&t, &rng, &at.trace);
		T_NE(ferry__trace_place(&t), 0);
		ferry__dw_refuse(i % 4 == 0);
		ferry__trace_unwind(&at.frames, &t, i % 2 == 0);
		check(&at.frames);
	}
	ferry__dw_refuse(false);
	traced_end(&at);
}

T_MAIN(
	if (t_emulated())
		T_SKIP("the stacks are the emulator's");
	T_RUN(is_quick);
	T_RUN(blocked_o0);
	T_RUN(blocked_o2);
	T_RUN(flags_and_lines);
	T_RUN(blocked_lock);
	T_RUN(blocked_coro);
	T_RUN(blocked_coro_sleep);
	T_RUN(guessed_o0);
	T_RUN(guessed_o2);
	T_RUN(not_blocked);
	T_RUN(places);
	T_RUN(crowded);
	T_RUN(no_stack);
)

#else

int
main(void)
{
	T_SKIP("needs what is Linux's behind the seam");
}

#endif
