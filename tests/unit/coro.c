/*
 * Coroutines: who runs when, and on whose stack. What a switch keeps and what
 * it may not do is in coro_switch.c, how threads end in coroutines in
 * coro_end.c.
 */
#include "coro_world.h"

/* --- Who runs when ------------------------------------------------------- */

static char said[256];

static void
say(char c)
{
	size_t n = strlen(said);

	T_LT(n, sizeof said - 1);
	said[n] = c;
	said[n + 1] = '\0';
}

static void
says_abc(struct coro *co, void *arg)
{
	T_ASSERT(owner.current == co);
	T_ASSERT(is_on(co->stack, HERE()));
	for (char c = 'a'; c <= 'c'; c++) {
		say(c);
		say(*(char *)arg);
		ferry__coro_suspend(co);
		T_ASSERT(owner.current == co);
	}
	say('!');
}

static void
back_and_forth(void)
{
	struct one one;
	char tag = '1';

	world_open();
	said[0] = '\0';
	begin(&one, says_abc, &tag);
	T_STR(said, "");
	while (!ferry__coro_ended(&one.co)) {
		T_ASSERT(owner.current == NULL);
		say('>');
		ferry__coro_resume(&one.co);
		tag++;
	}
	T_STR(said, ">a1>b2>c3>!");
	T_ASSERT(!one.co.lost);
	finish(&one);
	world_close();
}

static void
two_by_turns(void)
{
	struct one a, b;
	char x = 'x', y = 'y';

	world_open();
	said[0] = '\0';
	begin(&a, says_abc, &x);
	begin(&b, says_abc, &y);
	ferry__coro_resume(&a.co);
	for (unsigned i = 0; i < 3; i++) {
		ferry__coro_resume(&b.co);
		ferry__coro_resume(&a.co);
	}
	ferry__coro_resume(&b.co);
	T_STR(said, "axaybxbycxcy!!");
	finish(&a);
	finish(&b);
	world_close();
}

/* --- Many, in any order, against a model --------------------------------- */

#define MANY_PLAIN 10000u
#define LIVES      10000u

struct walker {
	struct one one;
	struct t_rng rng;
	uint64_t seen;    /* written by the coroutine */
	uint64_t expected;
	unsigned left;    /* resumes until it ends */
};

/* Everything it knows is on its stack and in registers. */
static void
walk(struct coro *co, void *arg)
{
	struct walker *w = arg;
	struct t_rng rng = w->rng;
	uint64_t fill[16], sum = 0;
	double half = 0.5;
	unsigned left = w->left;

	for (unsigned i = 0; i < 16; i++)
		fill[i] = t_rand(&rng);
	while (--left != 0) {
		sum += fill[left % 16] + (uint64_t)(half * 4);
		w->seen = sum;
		half += 1;
		ferry__coro_suspend(co);
	}
	w->seen = ~(uint64_t)0;
}

/* The same, told from outside: what is seen after k resumes. */
static void
step_model(struct walker *w, unsigned k, unsigned all)
{
	struct t_rng rng = w->rng;
	uint64_t fill[16];

	for (unsigned i = 0; i < 16; i++)
		fill[i] = t_rand(&rng);
	if (k == all)
		w->expected = ~(uint64_t)0;
	else
		w->expected += fill[(all - k) % 16] + 4 * (k - 1) + 2;
}

struct crowd {
	struct walker *w;
	unsigned *all, *done;
};

static void
walker_start(struct crowd *c, unsigned i, struct t_rng *rng)
{
	struct walker *w = &c->w[i];

	w->rng.state = t_rand(rng);
	w->seen = w->expected = 0;
	c->all[i] = w->left = 1 + (unsigned)t_rand_below(rng, 6);
	c->done[i] = 0;
	begin(&w->one, walk, w);
}

/* One resume of any of them; returns 1 when that ended it. */
static int
walker_step(struct crowd *c, unsigned i)
{
	struct walker *w = &c->w[i];

	ferry__coro_resume(&w->one.co);
	step_model(w, ++c->done[i], c->all[i]);
	T_EQ(w->seen, w->expected);
	T_EQ(ferry__coro_ended(&w->one.co), c->done[i] == c->all[i]);
	if (c->done[i] != c->all[i])
		return 0;
	finish(&w->one);
	return 1;
}

/* TSan's run time is made for 8128 threads and fibers in all; Valgrind looks
 * for each stack in a list. */
static unsigned
how_many(void)
{
	if (RUNNING_ON_VALGRIND)
		return 300;
	return T_TSAN ? 2000 : MANY_PLAIN;
}

static void
many_at_once(void)
{
	unsigned n = how_many();
	struct crowd c = { calloc(n, sizeof *c.w), calloc(n, sizeof *c.all),
		calloc(n, sizeof *c.done) };
	struct t_rng rng = { t_seed() };
	unsigned ended = 0, alive = n;

	T_ASSERT(c.w != NULL && c.all != NULL && c.done != NULL);
	world_open();
	for (unsigned i = 0; i < n; i++)
		walker_start(&c, i, &rng);
	T_EQ(pool.out, n);
	while (alive != 0) {
		unsigned i = (unsigned)t_rand_below(&rng, n);

		if (c.w[i].one.stack == NULL || !walker_step(&c, i))
			continue;
		/* As many again begin, in the middle of it. */
		if (ended++ < n)
			walker_start(&c, i, &rng);
		else
			alive--;
	}
	T_EQ(ended, 2 * n);
	world_close();
	free(c.w);
	free(c.all);
	free(c.done);
}

static void
count_up(struct coro *co, void *arg)
{
	++*(unsigned *)arg;
	ferry__coro_suspend(co);
	++*(unsigned *)arg;
}

/* More of them than TSan's run time has room for at once. */
static void
ended_are_used_again(void)
{
	struct one one;
	struct stack *first = NULL;
	unsigned n = 0;
	size_t before = 0;

	world_open();
	for (unsigned i = 0; i < LIVES; i++) {
		if (i == 100)
			before = address_space();
		begin(&one, count_up, &n);
		T_ASSERT(first == NULL || one.stack == first);
		first = one.stack;
		ferry__coro_resume(&one.co);
		ferry__coro_resume(&one.co);
		finish(&one);
	}
	T_EQ(n, 2 * LIVES);
	T_EQ(pool.made, 1);
	/* Nor did a sanitizer keep anything of them. */
	T_LT(address_space(), before + ((size_t)64 << 20));
	world_close();
}

static void
dropped_never_goes_on(void)
{
	struct one one;
	unsigned n = 0;

	world_open();
	begin(&one, count_up, &n);
	ferry__coro_resume(&one.co);
	ferry__coro_drop(&one.co);
	finish(&one);
	begin(&one, count_up, &n);
	ferry__coro_drop(&one.co);
	finish(&one);
	T_EQ(n, 1);
	world_close();
}

/* --- Coroutines in coroutines, and out of them --------------------------- */

#define DEPTH 5u

static struct one nest[DEPTH];
static unsigned outs;

static void
out_plain(void *arg)
{
	T_ASSERT(owner.current == NULL);
	T_ASSERT(is_on_thread(HERE()));
	++*(unsigned *)arg;
}

static void
nested(struct coro *co, void *arg)
{
	unsigned level = (unsigned)(uintptr_t)arg;
	struct one *next = &nest[level + 1];

	T_ASSERT(is_on(nest[level].stack, HERE()));
	T_ASSERT(ferry__coro_call_out(co, out_plain, &outs));
	if (level + 1 < DEPTH) {
		begin(next, nested, (void *)(uintptr_t)(level + 1));
		for (unsigned i = 0; !ferry__coro_ended(&next->co); i++) {
			T_ASSERT(owner.current == co);
			ferry__coro_resume(&next->co);
			ferry__coro_suspend(co);
		}
		finish(next);
	}
	ferry__coro_suspend(co);
	T_ASSERT(ferry__coro_call_out(co, out_plain, &outs));
}

static void
coroutines_in_coroutines(void)
{
	unsigned resumes = 0;

	world_open();
	outs = 0;
	begin(&nest[0], nested, NULL);
	while (!ferry__coro_ended(&nest[0].co)) {
		ferry__coro_resume(&nest[0].co);
		T_ASSERT(owner.current == NULL);
		resumes++;
	}
	finish(&nest[0]);
	T_EQ(outs, 2 * DEPTH);
	/* The innermost takes 2, each one round it 2 more. */
	T_EQ(resumes, 2 * DEPTH);
	world_close();
}

struct inner {
	unsigned level;
	struct one one;
};

static void inner_run(struct coro *, void *);

/* On the thread's stack, below a coroutine: resumes another from there. */
static void
out_deeper(void *arg)
{
	struct inner *in = arg, next = { .level = in->level + 1 };

	T_ASSERT(is_on_thread(HERE()));
	outs++;
	if (next.level == DEPTH)
		return;
	begin(&next.one, inner_run, &next);
	while (!ferry__coro_ended(&next.one.co))
		ferry__coro_resume(&next.one.co);
	finish(&next.one);
}

static void
inner_run(struct coro *co, void *arg)
{
	T_ASSERT(ferry__coro_call_out(co, out_deeper, arg));
	ferry__coro_suspend(co);
	T_ASSERT(is_on(co->stack, HERE()));
}

static void
call_outs_in_call_outs(void)
{
	struct inner in = { .level = 0 };

	world_open();
	outs = 0;
	out_deeper(&in);
	T_EQ(outs, DEPTH);
	world_close();
}

T_MAIN(
	T_RUN(back_and_forth);
	T_RUN(two_by_turns);
	T_RUN(many_at_once);
	T_RUN(ended_are_used_again);
	T_RUN(dropped_never_goes_on);
	T_RUN(coroutines_in_coroutines);
	T_RUN(call_outs_in_call_outs);
)
