/*
 * Reports of findings that are made up: what each says, and what it does not
 * because nobody knows it.
 */
#include "t.h"

#include <string.h>
#include <sys/syscall.h>

#include "event/report.h"

#define MS UINT64_C(1000000)

static struct report report;

static const char *
make(const struct report_case *c, const struct finding *f,
    const struct frames *frames)
{
	ferry__report_make(&report, c, f, frames);
	T_EQ(strlen(report.text), report.size);
	return report.text;
}

static const char *
make_of(const struct finding *f)
{
	const struct report_case c = { .kind = FERRY_STALL_BEGAN,
		.level = FERRY_LEVEL_STALLED, .method_name = "m",
		.worker_thread = 77 };

	return make(&c, f, NULL);
}

static struct finding
finding(uint32_t verdict, uint32_t progress)
{
	return (struct finding){
		.verdict = { .verdict = verdict, .progress = progress },
		.looks = 3,
		.shown = { .serial = 1, .look.facts.number = -1 },
	};
}

static struct finding
in_call(uint32_t verdict, int64_t number, uint64_t argument)
{
	struct finding f = finding(verdict, FERRY_PROGRESS_NONE);

	f.shown.look.facts = (struct facts){ .known = FACT_CALL,
		.in_call = true, .number = number, .args = { argument } };
	return f;
}

static void
has(const char *text, const char *what)
{
	if (strstr(text, what) == NULL)
		T_FAIL("no \"%s\" in:\n%s", what, text);
}

static void
has_not(const char *text, const char *what)
{
	if (strstr(text, what) != NULL)
		T_FAIL("\"%s\" in:\n%s", what, text);
}

static void
a_place_only_if_known(void)
{
	struct finding f =
	    finding(FERRY_VERDICT_SPINNING, FERRY_PROGRESS_UNKNOWN);

	has_not(make_of(&f), "at one place");
	has(make_of(&f), "is not known");
	f.verdict.progress = FERRY_PROGRESS_NONE;
	has(make_of(&f), "it computes at one place");
	f.verdict.progress = FERRY_PROGRESS_SOME;
	has(make_of(&f), "gets on; if that is meant");
}

/* A stall's verdict is never overload: one that ran for a quarter spins, of
 * another that is not known. */
static void
spinning_if_it_ran(void)
{
	struct finding f =
	    finding(FERRY_VERDICT_STARVED, FERRY_PROGRESS_UNKNOWN);

	f.verdict.timed = true;
	f.verdict.cpu_ns = 9 * MS;
	f.verdict.delay_ns = 56 * MS;
	make_of(&f);
	T_EQ(report.stall.verdict, FERRY_VERDICT_UNKNOWN);
	T_EQ(report.stall.cpu_ns, 9 * MS);
	f.verdict.spins = true;
	make_of(&f);
	T_EQ(report.stall.verdict, FERRY_VERDICT_SPINNING);
}

static void
numbers_only_if_known(void)
{
	struct finding f =
	    finding(FERRY_VERDICT_UNKNOWN, FERRY_PROGRESS_UNKNOWN);

	has_not(make_of(&f), "used a processor");
	has(make_of(&f), "FFI thread 77\n");
	f.verdict.timed = true;
	f.verdict.cpu_ns = 9 * MS;
	has(make_of(&f), "FFI thread 77: used a processor for 0.009 s, waited "
	    "for one for 0.000 s, between the looks\n");
}

/* Both numbers are of the same time: all of it, and not between looks. */
static void
overload(void)
{
	struct finding f = in_call(FERRY_VERDICT_UNKNOWN, 0, 3);
	struct report_case c = { .kind = FERRY_STALL_OVERLOADED,
		.method_name = "m", .starved_ns = 802 * MS,
		.used_ns = 750 * MS, .use_known = true };
	const char *text;

	f.verdict.timed = true;
	text = make(&c, &f, NULL);
	T_EQ(report.stall.verdict, FERRY_VERDICT_STARVED);
	T_EQ(report.stall.cpu_ns, 750 * MS);
	T_EQ(report.stall.delay_ns, 802 * MS);
	T_EQ(report.stall.syscall, -1);
	has(text, "used a processor for 0.750 s, waited for one for 0.802 s, "
	    "while it was watched\n");
	has_not(text, "between the looks");
	c.use_known = false;
	has_not(make(&c, &f, NULL), "used a processor");
	has(report.text, "waited 0.802 s for a processor");
}

#ifdef SYS_read

static void
no_call_of_who_runs_or_is_gone(void)
{
	static const uint32_t verdicts[] = { FERRY_VERDICT_SPINNING,
		FERRY_VERDICT_EXITED };

	for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
		struct finding f = in_call(verdicts[i], SYS_read, 3);

		strcpy(f.shown.target, "pipe:[1]");
		has_not(make_of(&f), "in read()");
		has_not(report.text, "pipe");
		if (verdicts[i] == FERRY_VERDICT_EXITED)
			has_not(report.text, "place");
		T_EQ(report.stall.syscall, -1);
		T_EQ(report.stall.descriptor, -1);
		T_ASSERT(report.stall.target == NULL);
	}
}

/* As it was found, whatever the descriptor and the lock are now. */
static void
as_it_was_found(void)
{
	struct finding f =
	    in_call(FERRY_VERDICT_BLOCKED_SYSCALL, SYS_read, 1);

	if (T_PORTABLE)
		T_SKIP_CASE("calls have no names here");
	has(make_of(&f), "in read() on descriptor 1, at one place");
	strcpy(f.shown.target, "pipe:[1]");
	has(make_of(&f), "in read() on descriptor 1, pipe:[1]");
	T_STR(report.stall.target, "pipe:[1]");
	f = in_call(FERRY_VERDICT_BLOCKED_LOCK, SYS_futex, 0);
	f.shown.look.facts.args[0] = (uintptr_t)&report;
	has_not(make_of(&f), "owner");
	f.shown.owner = 4711;
	has(make_of(&f), "whose owner seems to be thread 4711");
}

static void
advice_by_call(void)
{
	static const struct {
		uint32_t verdict;
		int64_t number;
		const char *says;
	} rows[] = {
		{ FERRY_VERDICT_BLOCKED_SYSCALL, SYS_read,
		    "the other side does not answer" },
		{ FERRY_VERDICT_BLOCKED_SYSCALL, SYS_clock_nanosleep,
		    "it sleeps until" },
		{ FERRY_VERDICT_BLOCKED_SYSCALL, SYS_wait4,
		    "another process does not end" },
		{ FERRY_VERDICT_DISK_SLEEP, SYS_read,
		    "the kernel waits for a device" },
#ifdef SYS_vfork
		{ FERRY_VERDICT_DISK_SLEEP, SYS_vfork,
		    "a process that it has started" },
#endif
		{ FERRY_VERDICT_DISK_SLEEP, SYS_clone,
		    "a process that it has started" }
	};

	if (T_PORTABLE)
		T_SKIP_CASE("calls have no names here");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct finding f = in_call(rows[i].verdict, rows[i].number, 9);

		has(make_of(&f), rows[i].says);
	}
}

#endif

T_MAIN(
	T_RUN(a_place_only_if_known);
	T_RUN(spinning_if_it_ran);
	T_RUN(numbers_only_if_known);
	T_RUN(overload);
#ifdef SYS_read
	T_RUN(no_call_of_who_runs_or_is_gone);
	T_RUN(as_it_was_found);
	T_RUN(advice_by_call);
#endif
)
