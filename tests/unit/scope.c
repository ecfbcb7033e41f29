/*
 * The stack of scopes: what a look at it finds for which word of the
 * heartbeat, and what is kept of a name. A reader against the writer is in
 * scope_look.c.
 */
#include <stdbool.h>

#include "t.h"

#include "ffi/scope.h"

static struct scopes s;
static struct beat b;
static struct scope_view v;

enum { SLOT = 77 };

static uint64_t
word(void)
{
	return ferry__beat_look(&b);
}

static uint64_t
sequence(void)
{
	return ferry__beat_sequence(word());
}

/* A worker that has been for some time, and takes up a request. */
static uint64_t
hold(void)
{
	ferry__beat(&b, SLOT);
	ferry__scope_begin(&s, &b);
	return sequence();
}

static uint64_t
fresh(void)
{
	memset(&s, 0, sizeof s);
	memset(&v, 0x5a, sizeof v);
	atom64_store_relaxed(&b.word, UINT64_C(1000) << 26);
	return hold();
}

static void
look(void)
{
	memset(&v, 0x5a, sizeof v);
	T_ASSERT(ferry__scope_look(&v, &s, word()));
}

/* The last change was one beat, in this state, and of the same slot. */
static void
beaten(uint64_t *last, enum beat_state state)
{
	T_EQ(sequence(), *last + 1);
	T_EQ(ferry__beat_slot(word()), SLOT);
	T_EQ(ferry__beat_state(word()), state);
	*last = sequence();
}

static void
push(const char *name, uint64_t limit_ms)
{
	T_ASSERT(ferry__scope_push(&s, &b, name, limit_ms));
}

static void
nothing_is_pushed(void)
{
	uint64_t of = fresh();

	look();
	T_EQ(v.hold, of);
	T_EQ(v.n, 0);
	T_EQ(v.extended_ms, 0);
	T_STR(v.reason, "");
	T_ASSERT(!ferry__scope_pop(&s, &b));
	ferry__scope_pop_all(&s, &b);
	T_EQ(sequence(), of); /* nothing has changed */
}

static void
scopes_nest(void)
{
	uint64_t of = fresh(), last = of, outer;

	push("outer", 5000);
	beaten(&last, BEAT_BUSY);
	push("inner", UINT32_MAX - 1);
	beaten(&last, BEAT_BUSY);
	look();
	T_EQ(v.hold, of);
	T_EQ(v.n, 2);
	T_STR(v.at[0].name, "outer");
	T_EQ(v.at[0].limit_ms, 5000);
	T_STR(v.at[0].reason, "");
	T_STR(v.at[1].name, "inner");
	T_EQ(v.at[1].limit_ms, UINT32_MAX - 1);
	T_NE(v.at[0].serial, v.at[1].serial);
	outer = v.at[0].serial;
	T_ASSERT(ferry__scope_pop(&s, &b));
	beaten(&last, BEAT_BUSY);
	look();
	T_EQ(v.hold, of);
	T_EQ(v.n, 1);
	T_EQ(v.at[0].serial, outer);
	T_ASSERT(ferry__scope_pop(&s, &b));
	beaten(&last, BEAT_BUSY);
	look();
	T_EQ(v.hold, of);
	T_EQ(v.n, 0);
}

static void
the_innermost_is_exempt(void)
{
	uint64_t last = fresh();

	push("bulk load", 0);
	beaten(&last, BEAT_EXEMPT);
	look();
	T_EQ(v.at[0].limit_ms, 0);
	push("a step of it", 10);
	beaten(&last, BEAT_BUSY);
	T_ASSERT(ferry__scope_pop(&s, &b));
	beaten(&last, BEAT_EXEMPT);
	T_ASSERT(ferry__scope_pop(&s, &b));
	beaten(&last, BEAT_BUSY);
}

static void
a_serial_is_never_used_again(void)
{
	uint64_t last = 0;

	fresh();
	for (int i = 0; i < 20; i++) {
		push("x", 1);
		look();
		T_GT(v.at[0].serial, last);
		/* Nor is it any hold's. */
		T_GT(v.at[0].serial, ferry__beat_sequence(UINT64_MAX));
		last = v.at[0].serial;
		T_ASSERT(ferry__scope_pop(&s, &b));
		if (i % 4 == 0)
			hold();
	}
}

static void
the_stack_is_bounded(void)
{
	uint64_t last;

	fresh();
	for (int i = 0; i < FERRY_SCOPES_MOST; i++)
		push("x", (uint64_t)i + 1);
	last = word();
	T_ASSERT(!ferry__scope_push(&s, &b, "one more", 1));
	T_EQ(word(), last);
	look();
	T_EQ(v.n, FERRY_SCOPES_MOST);
	for (uint64_t i = 0; i < FERRY_SCOPES_MOST; i++)
		T_EQ(v.at[i].limit_ms, i + 1);
	ferry__scope_pop_all(&s, &b);
	look();
	T_EQ(v.n, 0);
	T_EQ(sequence(), ferry__beat_sequence(last) + 1);
}

static void
the_innermost_is_extended(void)
{
	uint64_t last = fresh();

	ferry__scope_extend(&s, &b, 700, "the disk is slow");
	beaten(&last, BEAT_BUSY);
	push("outer", 100);
	push("inner", 100);
	last = sequence();
	ferry__scope_extend(&s, &b, 20, "one");
	beaten(&last, BEAT_BUSY);
	ferry__scope_extend(&s, &b, UINT32_MAX - 1, "two");
	look();
	T_EQ(v.extended_ms, 700);
	T_STR(v.reason, "the disk is slow");
	T_EQ(v.at[0].limit_ms, 100);
	T_STR(v.at[0].reason, "");
	T_EQ(v.at[1].limit_ms, 120 + (uint64_t)UINT32_MAX - 1);
	T_STR(v.at[1].reason, "two");
	T_STR(v.at[1].name, "inner");
	/* The next one in its place has none of it. */
	T_ASSERT(ferry__scope_pop(&s, &b));
	push("next", 1);
	look();
	T_EQ(v.at[1].limit_ms, 1);
	T_STR(v.at[1].reason, "");
	ferry__scope_pop_all(&s, &b);
	look();
	T_EQ(v.extended_ms, 700);
}

static void
what_is_exempt_stays_exempt(void)
{
	uint64_t last;

	fresh();
	push("exempt", 0);
	last = sequence();
	ferry__scope_extend(&s, &b, 700, "more than that");
	beaten(&last, BEAT_EXEMPT);
	look();
	T_EQ(v.at[0].limit_ms, 0);
	T_STR(v.at[0].reason, "more than that");
}

/* -------------------------------------------------------------- the names */

#define X40 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void
names_are_cut_between_characters(void)
{
	static const struct {
		const char *name, *kept;
	} names[] = {
		{"", ""},
		{"é", "é"},
		{X40 "1234567", X40 "1234567"},
		{X40 "12345678", X40 "1234567"},
		{X40 "12345678" X40, X40 "1234567"},
		{X40 "12345é", X40 "12345é"},
		{X40 "123456é", X40 "123456"},
		{X40 "12345€", X40 "12345"},
		{X40 "123456€", X40 "123456"},
		{X40 "1234€", X40 "1234€"},
		{X40 "123😀", X40 "123😀"},
		{X40 "1234😀", X40 "1234"},
		{X40 "12345😀", X40 "12345"},
		{X40 "123456😀", X40 "123456"},
		/* No UTF-8: cut anywhere, but not to nothing. */
		{X40 "\x80\x80\x80\x80\x80\x80\x80\x80",
		    X40 "\x80\x80\x80\x80\x80\x80\x80"},
	};

	fresh();
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		push(names[i].name, 1);
		ferry__scope_extend(&s, &b, 1, names[i].name);
		look();
		T_STR(v.at[0].name, names[i].kept);
		T_STR(v.at[0].reason, names[i].kept);
		T_ASSERT(ferry__scope_pop(&s, &b));
	}
}

/* Not a byte behind the bound is read, or left of the one before. */
static void
names_may_end_nowhere(void)
{
	char *name = malloc(FERRY_SCOPE_NAME + 1);

	T_ASSERT(name != NULL);
	memset(name, 'y', FERRY_SCOPE_NAME + 1);
	fresh();
	push(name, 1);
	look();
	T_EQ(strlen(v.at[0].name), FERRY_SCOPE_NAME);
	T_ASSERT(ferry__scope_pop(&s, &b));
	push("z", 1);
	look();
	for (int i = 1; i <= FERRY_SCOPE_NAME; i++)
		T_EQ(v.at[0].name[i], 0);
	free(name);
}

/* ------------------------------------------------------- whose they are */

static void
is_a_hold_of_its_own(uint64_t of)
{
	look();
	T_EQ(v.hold, of);
	T_EQ(v.n, 0);
	T_EQ(v.extended_ms, 0);
	T_STR(v.reason, "");
}

/* The handler forgot to pop, and nobody did: still it is not the next one's. */
static void
the_next_request_has_none(void)
{
	fresh();
	ferry__scope_extend(&s, &b, 9, "why");
	push("forgotten", 5);
	ferry__beat(&b, BEAT_NO_SLOT);
	is_a_hold_of_its_own(sequence());
	ferry__beat(&b, SLOT);
	is_a_hold_of_its_own(sequence());
	ferry__scope_begin(&s, &b);
	is_a_hold_of_its_own(sequence());
	push("own", 6);
	look();
	T_EQ(v.n, 1);
	T_STR(v.at[0].name, "own");
	T_EQ(v.extended_ms, 0);
	T_EQ(v.hold, sequence() - 1);
}

/* A worker that has beaten this often meanwhile; all but the one before. */
static void
an_old_stack_is_nobodys(void)
{
	uint64_t of, far;

	fresh();
	push("old", 5);
	of = sequence();
	for (far = 1; far < UINT64_C(1) << 38; far *= 2) {
		T_ASSERT(ferry__scope_look(&v, &s, (of + far) << 26 | 1));
		T_EQ(v.n, 0);
		T_EQ(v.hold, ferry__beat_sequence((of + far) << 26));
		if (far == 1)
			continue;
		T_ASSERT(ferry__scope_look(&v, &s, (of - far) << 26 | 1));
		T_EQ(v.n, 0);
	}
	T_ASSERT(ferry__scope_look(&v, &s, of << 26 | 1));
	T_EQ(v.n, 1);
}

static void
the_sequence_wraps(void)
{
	uint64_t of;

	fresh();
	atom64_store_relaxed(&b.word, ((UINT64_MAX >> 26) - 2) << 26);
	of = hold();
	for (int i = 0; i < 4; i++) {
		push("x", 1);
		look();
		T_EQ(v.hold, of);
		T_EQ(v.n, (uint64_t)i + 1);
	}
	T_EQ(sequence(), 2);
}

/* ------------------------------------------- between a change and its beat */

/* The writer has stopped there: it beats what is not the heartbeat. */
static struct beat aside;

static struct beat *
stop_before_beat(void)
{
	atom64_store_relaxed(&aside.word, word());
	return &aside;
}

static void
go_on(void)
{
	T_ASSERT(!ferry__scope_look(&v, &s, word()));
	atom64_store_relaxed(&b.word, atom64_load_relaxed(&aside.word));
	look();
}

static void
no_word_has_anothers_stack(void)
{
	struct scope_view saved;

	fresh();
	T_ASSERT(ferry__scope_push(&s, stop_before_beat(), "a", 1));
	go_on();
	T_EQ(v.n, 1);
	T_ASSERT(ferry__scope_push(&s, stop_before_beat(), "b", 1));
	go_on();
	T_EQ(v.n, 2);
	ferry__scope_extend(&s, stop_before_beat(), 8, "why");
	go_on();
	T_EQ(v.at[1].limit_ms, 9);
	T_ASSERT(ferry__scope_pop(&s, stop_before_beat()));
	go_on();
	T_EQ(v.n, 1);
	ferry__scope_save(&saved, &s);
	ferry__scope_pop_all(&s, stop_before_beat());
	go_on();
	T_EQ(v.n, 0);
	ferry__scope_restore(&s, stop_before_beat(), SLOT, &saved);
	go_on();
	T_EQ(v.n, 1);
}

/* A writer that has lost its processor in the middle. */
static void
who_keeps_changing_is_left(void)
{
	uint64_t lock;

	fresh();
	push("a", 1);
	lock = atom64_load_relaxed(&s.lock);
	atom64_store_relaxed(&s.lock, lock + 1);
	T_ASSERT(!ferry__scope_look(&v, &s, word()));
	atom64_store_relaxed(&s.lock, lock + 2);
	look();
	T_EQ(v.n, 1);
}

/* ----------------------------------------------------------------- strands */

static void
a_strand_takes_them_along(void)
{
	struct scope_view saved;
	uint64_t serial, of = fresh();

	ferry__scope_extend(&s, &b, 30, "the call");
	push("outer", 10);
	push("inner", 0);
	ferry__scope_extend(&s, &b, 40, "inner's");
	look();
	serial = v.at[0].serial;
	ferry__scope_save(&saved, &s);
	ferry__beat(&b, BEAT_NO_SLOT);
	ferry__beat(&b, SLOT + 1);
	ferry__scope_begin(&s, &b);
	push("another's", 1);
	ferry__beat(&b, BEAT_NO_SLOT);
	of = sequence();
	ferry__scope_restore(&s, &b, SLOT, &saved);
	beaten(&of, BEAT_EXEMPT);
	look();
	T_EQ(v.hold, of); /* a new one */
	T_EQ(v.n, 2);
	T_EQ(v.extended_ms, 30);
	T_STR(v.reason, "the call");
	T_EQ(v.at[0].serial, serial);
	T_EQ(v.at[0].limit_ms, 10);
	T_STR(v.at[0].name, "outer");
	T_STR(v.at[1].name, "inner");
	T_STR(v.at[1].reason, "inner's");
	T_ASSERT(ferry__scope_pop(&s, &b));
	beaten(&of, BEAT_BUSY);
}

T_MAIN(
	T_RUN(nothing_is_pushed);
	T_RUN(scopes_nest);
	T_RUN(the_innermost_is_exempt);
	T_RUN(a_serial_is_never_used_again);
	T_RUN(the_stack_is_bounded);
	T_RUN(the_innermost_is_extended);
	T_RUN(what_is_exempt_stays_exempt);
	T_RUN(names_are_cut_between_characters);
	T_RUN(names_may_end_nowhere);
	T_RUN(the_next_request_has_none);
	T_RUN(an_old_stack_is_nobodys);
	T_RUN(the_sequence_wraps);
	T_RUN(no_word_has_anothers_stack);
	T_RUN(who_keeps_changing_is_left);
	T_RUN(a_strand_takes_them_along);
)
