/*
 * Verdicts of any looks: what holds of all of them, whatever was seen.
 */
#include "fuzz.h"

#include "event/verdict.h"

#define LOOK_BYTES 12u

/* Few values, so that looks often agree: of one byte each, the facts that are
 * known, state, call, argument, place, word, how much later than the one before
 * it is and what it used meanwhile, whether it is gone, its tracer, and sp. */
const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED("\x03\x00"
		  "\x3fR\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00"
		  "\x3fR\x00\x00\x00\x05\x32\x31\x01\x00\x00\x00"
		  "\x3fR\x00\x00\x00\x05\x32\x31\x01\x00\x00\x00"),
	FUZZ_SEED("\x03\x00"
		  "\x3fS\x01\x03\x07\x05\x00\x00\x00\x00\x00\x00"
		  "\x3fS\x01\x03\x07\x05\x32\x00\x00\x00\x00\x00"
		  "\x3fS\x01\x03\x07\x05\x32\x00\x00\x00\x00\x00"),
	FUZZ_SEED("\x03\x00"
		  "\x3fS\x07\x03\x00\x05\x00\x00\x00\x00\x00\x00"
		  "\x3fS\x07\x03\x00\x05\x32\x00\x00\x00\x00\x00"
		  "\x3fS\x04\x03\x00\x05\x32\x00\x00\x00\x00\x00"),
	FUZZ_SEED("\x02\x01"
		  "\x3fS\x02\x03\x07\x05\x00\x00\x00\x00\x00\x00"
		  "\x3fR\x00\x00\x00\x05\x32\x00\x32\x00\x00\x00"),
	FUZZ_SEED("\x02\x04"
		  "\x3fS\x02\x03\x07\x05\x00\x00\x00\x00\x00\x00"
		  "\x02S\x00\x00\x00\x05\x32\x00\x32\x01\x00\x00"),
	FUZZ_SEED("\x03\x02"
		  "\x1bT\x01\x03\x07\x05\x00\x00\x00\x00\x00\x00"
		  "\057D\x01\x03\x07\x05\x32\x00\x00\x00\x00\x00"
		  "\x37t\x01\x03\x07\x05\x32\x00\x00\x00\x00\x00")
};
const size_t fuzz_seeds_count = COUNT_OF(fuzz_seeds);

struct scene {
	uint32_t n;
	enum verdict_wait wait;
	bool idle;
	struct verdict_look looks[VERDICT_LOOKS];
};

static void
read_look(struct verdict_look *l, const uint8_t *d,
    const struct verdict_look *before)
{
	struct facts *f = &l->facts;

	f->known = d[0];
	f->state = (char)d[1];
	f->in_call = d[2] != 0;
	/* 0, 202, 404: on x86-64 read, futex, none; or outside of any. */
	f->number = d[2] % 4 == 3 ? -1 : d[2] % 4 * 202;
	f->args[0] = d[3];
	l->place = d[4];
	l->word = d[5];
	l->at_ns = before->at_ns + d[6] * 1000000ull;
	f->cpu_ns = before->facts.cpu_ns + d[7] * 1000000ull;
	f->delay_ns = before->facts.delay_ns + d[8] * 1000000ull;
	f->exists = d[9] == 0;
	f->tracer = d[10];
	f->sp = d[11];
}

static bool
read_scene(struct scene *s, const uint8_t *data, size_t size)
{
	static const struct verdict_look none;

	memset(s, 0, sizeof *s);
	if (size < 2)
		return false;
	s->n = data[0] % (VERDICT_LOOKS + 1);
	s->wait = data[1] % 3;
	s->idle = (data[1] & 4) != 0;
	if (size < 2 + s->n * LOOK_BYTES)
		return false;
	for (uint32_t i = 0; i < s->n; i++)
		read_look(&s->looks[i], &data[2 + i * LOOK_BYTES],
		    i == 0 ? &none : &s->looks[i - 1]);
	return true;
}

static struct verdict
judge(const struct scene *s)
{
	return ferry__verdict(s->looks, s->n, s->wait, s->idle);
}

static void
same(const struct scene *s, const struct verdict *v)
{
	struct verdict w = judge(s);

	T_EQ(w.verdict, v->verdict);
	T_EQ(w.progress, v->progress);
	T_EQ(w.shown, v->shown);
	T_EQ(w.cpu_ns, v->cpu_ns);
	T_EQ(w.delay_ns, v->delay_ns);
}

/* Not when it was, and not what nobody knows. */
static void
what_does_not_count(const struct scene *s, const struct verdict *v)
{
	struct scene t = *s;

	for (uint32_t i = 0; i < t.n; i++) {
		struct facts *f = &t.looks[i].facts;

		t.looks[i].at_ns += 123456789;
		f->cpu_ns += 987654321;
		f->delay_ns += 55555;
		f->blocked = f->ignored = f->caught = i;
		if ((f->known & FACT_STATE) == 0)
			f->state = 'Z';
		if ((f->known & FACT_EXISTS) == 0)
			f->exists = false;
		if ((f->known & FACT_CALL) == 0)
			f->in_call = !f->in_call;
		if ((f->known & FACT_CPU) == 0)
			f->cpu_ns = 3 * f->cpu_ns + i;
		if ((f->known & FACT_DELAY) == 0)
			f->delay_ns = 5 * f->delay_ns + i;
		if ((f->known & FACT_TRACER) == 0)
			f->tracer++;
	}
	same(&t, v);
}

static bool
is_blocked(uint32_t verdict)
{
	return verdict == FERRY_VERDICT_BLOCKED_LOCK ||
	    verdict == FERRY_VERDICT_BLOCKED_SYSCALL;
}

static void
what_holds(const struct scene *s, const struct verdict *v)
{
	const struct verdict_look *l = s->looks;
	uint64_t wall = s->n != 0 ? l[s->n - 1].at_ns - l[0].at_ns : 0;
	const struct facts *f = &l[v->shown].facts;

	T_LE(v->verdict, FERRY_VERDICT_IN_CANCEL_HOOK);
	T_LE(v->progress, FERRY_PROGRESS_SOME);
	T_ASSERT(v->shown < s->n || v->shown == 0);
	T_LE(v->delay_ns, wall);
	if (is_blocked(v->verdict))
		T_ASSERT((f->known & FACT_CALL) != 0 && f->in_call &&
		    f->number >= 0);
	if (v->verdict == FERRY_VERDICT_SPINNING)
		T_GT(4 * v->cpu_ns, wall);
	if (v->verdict == FERRY_VERDICT_SPINNING ||
	    (v->verdict == FERRY_VERDICT_STARVED && !s->idle))
		T_GE(s->n, 2);
	if (v->progress == FERRY_PROGRESS_NONE &&
	    v->verdict != FERRY_VERDICT_EXITED)
		T_EQ(s->n, VERDICT_LOOKS);
}

/* Of nothing but itself Ferry knows something. */
static void
without_facts(const struct scene *s)
{
	struct scene t = *s;
	uint32_t wanted = t.idle ? FERRY_VERDICT_LOST_WAKEUP
	    : t.wait == VERDICT_IN_HOOK ? FERRY_VERDICT_IN_CANCEL_HOOK
	    : t.wait == VERDICT_IN_EMIT ? FERRY_VERDICT_IN_LISTENER
	                                : FERRY_VERDICT_UNKNOWN;

	for (uint32_t i = 0; i < t.n; i++)
		t.looks[i].facts.known = 0;
	T_EQ(judge(&t).verdict, wanted);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	struct scene s;
	struct verdict v;

	if (!read_scene(&s, data, size))
		return;
	v = judge(&s);
	what_holds(&s, &v);
	what_does_not_count(&s, &v);
	without_facts(&s);
}
