/*
 * What is read out of /proc's texts: real ones, strange ones, broken ones.
 */
#include "t.h"

#include "ffi/facts.h"

typedef bool (*parse_fn)(struct facts *f, const char *text, size_t size);

/* In memory that ends where the text does, for the sanitizers. */
static bool
parse(parse_fn fn, struct facts *f, const char *text, size_t size)
{
	char *copy = malloc(size != 0 ? size : 1);
	bool r;

	memcpy(copy, text, size);
	r = fn(f, copy, size);
	free(copy);
	return r;
}

static bool
parse_text(parse_fn fn, struct facts *f, const char *text)
{
	memset(f, 0, sizeof *f);
	return parse(fn, f, text, strlen(text));
}

/* Refused, and nothing written. */
static void
refuses(parse_fn fn, const char *text, size_t size)
{
	struct facts f, before;

	memset(&before, 0x5a, sizeof before);
	before.known = FACT_EXISTS;
	f = before;
	if (parse(fn, &f, text, size))
		T_FAIL("taken: \"%.*s\"", (int)size, text);
	T_MEM(&f, &before, sizeof f);
}

/* No beginning of the text that is shorter than `least` is taken. */
static void
refuses_beginnings(parse_fn fn, const char *text, size_t least)
{
	for (size_t n = 0; n < least; n++)
		refuses(fn, text, n);
}

/* ---- stat ---- */

#define BEHIND \
	" 24253 24253 19593 0 -1 4194304 97 3 0 0 250 50 0 0 20 0 1 0 3623148" \
	" 3133440 380 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0\n"

static void
stat_of(const char *text, char state)
{
	struct facts f;

	T_ASSERT(parse_text(ferry__facts_parse_stat, &f, text));
	T_EQ(f.known, FACT_STATE | FACT_CPU);
	T_EQ(f.state, state);
	T_EQ(f.cpu_ns, 300 * (1000000000 / sysconf(_SC_CLK_TCK)));
}

static void
stat_is_read(void)
{
	stat_of("24257 (cat) R" BEHIND, 'R');
	stat_of("1 (a b) S" BEHIND, 'S');
	stat_of("1 () D" BEHIND, 'D');
}

/* A thread names itself as it likes. */
static void
stat_with_strange_names(void)
{
	stat_of("7 () R 1 1) S" BEHIND, 'S');
	stat_of("7 (x) R 1 2 3 4 5 6 7 8) S" BEHIND, 'S');
	stat_of("7 (a\nb\n) T" BEHIND, 'T');
	stat_of("7 (((() Z" BEHIND, 'Z');
	stat_of("7 (\xff\x01) t" BEHIND, 't');
}

static void
stat_keeps_the_better_clock(void)
{
	struct facts f = { .known = FACT_CPU, .cpu_ns = 12345 };
	const char *text = "24257 (cat) R" BEHIND;

	T_ASSERT(ferry__facts_parse_stat(&f, text, strlen(text)));
	T_EQ(f.cpu_ns, 12345);
	T_EQ(f.state, 'R');
}

static void
stat_broken(void)
{
	static const char *const texts[] = { "", ")", "1 (cat", "1 (cat)",
		"1 (cat) ", "1 (cat) 5" BEHIND, "1 (cat) R",
		"1 (cat) R 1 2 3 4 5 6 7 8 9 10",
		"1 (cat) R 1 2 3 4 5 6 7 8 9 10 11",
		"1 (cat) R 1 2 3 4 5 6 7 8 9 10 x 12",
		"1 (cat) R 1 2 3 4 5 6 7 8 9 10 11 y",
		"1 (cat) R 1 2 3 4\n5 6 7 8 9 10 11 12",
		"1 (cat) R 1 2 3 4 5 6 7 8 9 10 99999999999999999999 12" };
	const char *whole = "24257 (cat) R" BEHIND;

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		refuses(ferry__facts_parse_stat, texts[i], strlen(texts[i]));
	refuses_beginnings(ferry__facts_parse_stat, whole,
	    (size_t)(strstr(whole, "250 50") - whole) + 5);
}

/* ---- syscall ---- */

#define READ \
	"0 0x3 0x7f2968e26000 0x20000 0x7f2968eb8b60 0xffffffff 0x0" \
	" 0x7ffda1f90e78 0x7f2968fa12ad\n"

static void
call_is_read(void)
{
	struct facts f;

	T_ASSERT(parse_text(ferry__facts_parse_call, &f, READ));
	T_EQ(f.known, FACT_CALL);
	T_ASSERT(f.in_call);
	T_EQ(f.number, 0);
	T_EQ(f.args[0], 3);
	T_EQ(f.args[1], 0x7f2968e26000);
	T_EQ(f.args[4], 0xffffffff);
	T_EQ(f.args[5], 0);
	T_EQ(f.sp, 0x7ffda1f90e78);
	T_EQ(f.pc, 0x7f2968fa12ad);
}

static void
call_running(void)
{
	struct facts f;

	T_ASSERT(parse_text(ferry__facts_parse_call, &f, "running\n"));
	T_EQ(f.known, FACT_CALL);
	T_ASSERT(!f.in_call);
	T_EQ(f.number, -1);
}

/* In a page fault, or stopped. */
static void
call_outside_one(void)
{
	struct facts f;

	T_ASSERT(parse_text(ferry__facts_parse_call, &f,
	    "-1 0x7ffcd8f9d428 0x7f1f1e4d1f4d\n"));
	T_ASSERT(f.in_call);
	T_EQ(f.number, -1);
	T_EQ(f.sp, 0x7ffcd8f9d428);
	T_EQ(f.pc, 0x7f1f1e4d1f4d);
	T_EQ(f.args[0], 0);
}

static void
call_broken(void)
{
	static const char *const texts[] = { "", "\n", "-", "- 1", "-1\n",
		"run", "running", "-1 0x1\n", "- 1 0x1 0x1\n", "0 0x1\n",
		"x 0x1\n",
		"0 1 2 3 4 5 6 7 8\n", "0 0x 0x 0x 0x 0x 0x 0x 0x\n",
		"4294967296 0x1 0x1 0x1 0x1 0x1 0x1 0x1 0x1\n",
		"0 0x1 0x1 0x1 0x1 0x1 0x1 0x1 0x11111111111111111\n",
		"0 0x1 0x1 0x1 0x1 0x1 0x1 0x1 0x1 0x1\n" };

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		refuses(ferry__facts_parse_call, texts[i], strlen(texts[i]));
	refuses_beginnings(ferry__facts_parse_call, READ, strlen(READ));
	refuses_beginnings(ferry__facts_parse_call, "running\n", 8);
}

/* ---- schedstat ---- */

static void
schedstat_is_read(void)
{
	struct facts f;

	T_ASSERT(parse_text(
	    ferry__facts_parse_schedstat, &f, "1234567 6762869 12\n"));
	T_EQ(f.known, FACT_DELAY);
	T_EQ(f.delay_ns, 6762869);
	T_ASSERT(parse_text(ferry__facts_parse_schedstat, &f, "0 7 1\n"));
	T_EQ(f.delay_ns, 7);
}

static void
schedstat_broken(void)
{
	static const char *const texts[] = { "", "1\n", "1 2\n", "a b c\n",
		"1 99999999999999999999 1\n", "1 -2 3\n" };

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		refuses(
		    ferry__facts_parse_schedstat, texts[i], strlen(texts[i]));
	/* Nothing is counted. */
	refuses(ferry__facts_parse_schedstat, "0 0 0\n", 6);
}

/* ---- status ---- */

#define HEAD "Name:\tcat\nState:\tR (running)\nTgid:\t24265\nPid:\t24265\n"
#define MASKS \
	"SigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\n" \
	"SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\n" \
	"SigCgt:\t8000000180004002\nCapInh:\t0000000000000000\n"

static void
status_is_read(void)
{
	struct facts f;

	T_ASSERT(parse_text(ferry__facts_parse_status, &f,
	    HEAD "TracerPid:\t4711\nGroups:\t \n" MASKS));
	T_EQ(f.known, FACT_TRACER | FACT_SIGNALS);
	T_EQ(f.tracer, 4711);
	T_EQ(f.blocked, 1);
	T_EQ(f.ignored, 0x1000);
	T_ASSERT(f.caught == 0x8000000180004002);
}

static void
status_in_parts(void)
{
	struct facts f;

	T_ASSERT(parse_text(
	    ferry__facts_parse_status, &f, HEAD "TracerPid:\t0\nGroups:\t1 2"));
	T_EQ(f.known, FACT_TRACER);
	T_EQ(f.tracer, 0);
	T_ASSERT(parse_text(ferry__facts_parse_status, &f, " 3 4 \n" MASKS));
	T_EQ(f.known, FACT_SIGNALS);
}

/* 128 signals: the first 64 are the last digits. */
static void
status_of_more_signals(void)
{
	struct facts f;

	T_ASSERT(parse_text(ferry__facts_parse_status, &f,
	    "SigBlk:\tffffffffffffffff0000000000000001\n"
	    "SigIgn:\t00000000000000000000000000000002\n"
	    "SigCgt:\t00000000000000010000000000000004\n"));
	T_EQ(f.blocked, 1);
	T_EQ(f.ignored, 2);
	T_EQ(f.caught, 4);
}

static void
status_broken(void)
{
	static const char *const texts[] = { "", "\n\n", HEAD,
		"TracerPid:\t\n", "TracerPid:\t12", "TracerPid:\tx\n",
		"TracerPid:\t4294967296\n", " TracerPid:\t1\n",
		"Name:\tTracerPid:\t1\n",
		"SigBlk:\t01\nSigIgn:\t02\nSigCgt:\t03",
		"SigBlk:\t01\nSigIgn:\tx\nSigCgt:\t03\n",
		"SigBlk:\t01\nSigCgt:\t03\n",
		"SigBlk:\t\nSigIgn:\t1\nSigCgt:\t1\n" };

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		refuses(ferry__facts_parse_status, texts[i], strlen(texts[i]));
}

/* ---- calls ---- */

static void
calls_by_name(void)
{
	const uint64_t none[6] = { 0 };

	T_ASSERT(ferry__facts_call_name(-1) == NULL);
	T_ASSERT(ferry__facts_call_name(INT64_MAX) == NULL);
	T_EQ(ferry__facts_call_descriptor(-1), -1);
	T_EQ(ferry__facts_call_descriptor(123456), -1);
	T_ASSERT(!ferry__facts_call_is_futex(-1, none));
	T_ASSERT(!ferry__facts_call_is_futex(123456, none));
	T_ASSERT(!ferry__facts_call_is_resumed(-1));
	T_ASSERT(!ferry__facts_call_is_resumed(123456));
	T_EQ(ferry__facts_call_awaits(-1), FACTS_AWAITS_ANY);
	T_EQ(ferry__facts_call_awaits(123456), FACTS_AWAITS_ANY);
}

T_MAIN(
	T_RUN(stat_is_read);
	T_RUN(stat_with_strange_names);
	T_RUN(stat_keeps_the_better_clock);
	T_RUN(stat_broken);
	T_RUN(call_is_read);
	T_RUN(call_running);
	T_RUN(call_outside_one);
	T_RUN(call_broken);
	T_RUN(schedstat_is_read);
	T_RUN(schedstat_broken);
	T_RUN(status_is_read);
	T_RUN(status_in_parts);
	T_RUN(status_of_more_signals);
	T_RUN(status_broken);
	T_RUN(calls_by_name);
)
