/*
 * The registry of what runs: who is in it, in which slot, what a look sees
 * while the writer is in the middle, and what comes of it when it is full.
 * Threads against each other are in stress/registry.c.
 */
#include "t.h"

#include "ffi/registry.h"

static struct registry r;

static struct registry_entry
entry(uint64_t strand)
{
	return (struct registry_entry){ .strand = strand,
		.request = strand << 8, .context = 1 + strand % 3,
		.spawned_ns = 1000 + strand, .progress_ns = 2000 + strand,
		.what = 3000 + strand, .name = strand % 2 ? "odd" : "even",
		.method = (uint32_t)strand ^ 0xffff0000u,
		.state = REGISTRY_READY };
}

static struct registry_slot *
enter(uint64_t strand)
{
	struct registry_entry e = entry(strand);

	return ferry__registry_enter(&r, &e);
}

/* A new registry; what the last one had stays where it is. */
static void
fresh(uint32_t limit)
{
	memset(&r, 0, sizeof r);
	r.limit = limit;
}

/* ---- one look: which strands, each once ---- */

#define MANY 5000

static unsigned char seen[MANY];
static struct registry_entry last;

static void
see(const struct registry_entry *e, void *arg)
{
	T_ASSERT(arg == seen);
	T_LT(e->strand, MANY);
	seen[e->strand]++;
	last = *e;
}

static struct registry_sum
look_at_all(void)
{
	struct registry_sum sum;

	memset(seen, 0, sizeof seen);
	ferry__registry_read(&sum, &r, see, seen);
	return sum;
}

static void
same(const struct registry_entry *a, const struct registry_entry *b)
{
	T_EQ(a->strand, b->strand);
	T_EQ(a->request, b->request);
	T_EQ(a->context, b->context);
	T_EQ(a->spawned_ns, b->spawned_ns);
	T_EQ(a->progress_ns, b->progress_ns);
	T_EQ(a->what, b->what);
	T_STR(a->name, b->name);
	T_EQ(a->method, b->method);
	T_EQ(a->state, b->state);
}

static void
nothing_is_there(void)
{
	struct registry_sum sum;

	fresh(0);
	sum = look_at_all();
	T_EQ(sum.listed, 0);
	T_EQ(sum.skipped, 0);
	T_EQ(sum.unlisted, 0);
	T_EQ(sum.overflow, 0);
	T_EQ(r.room, 0); /* and nothing was allocated for it */
}

static void
an_entry_is_what_was_entered(void)
{
	struct registry_entry e = entry(7);
	struct registry_slot *slot;

	fresh(0);
	slot = enter(7);
	T_EQ(look_at_all().listed, 1);
	same(&last, &e);
	ferry__registry_state(slot, e.state = REGISTRY_AWAITING,
	    e.what = UINT64_MAX, e.progress_ns = UINT64_MAX - 1);
	T_EQ(look_at_all().listed, 1);
	same(&last, &e);
	ferry__registry_leave(&r, slot);
	T_EQ(look_at_all().listed, 0);
	T_EQ(seen[7], 0);
}

static void
every_state_arrives(void)
{
	struct registry_slot *slot;

	fresh(0);
	slot = enter(1);
	for (int s = REGISTRY_FREE + 1; s < REGISTRY_STATES; s++) {
		const char *name = ferry__registry_state_name(s);

		ferry__registry_state(slot, s, 0, 0);
		T_EQ(look_at_all().listed, 1);
		T_EQ(last.state, s);
		T_ASSERT(name != NULL && name[0] != 0);
		for (int t = 0; t < s; t++)
			T_NE(strcmp(name, ferry__registry_state_name(t)), 0);
	}
	T_STR(ferry__registry_state_name(REGISTRY_STATES), "?");
}

/* Over several chunks, with gaps: whoever is there is seen once. */
static void
all_are_seen_once(void)
{
	static struct registry_slot *slots[MANY];
	unsigned there = 0;

	fresh(0);
	for (unsigned i = 0; i < MANY; i++) {
		slots[i] = enter(i);
		T_ASSERT(slots[i] != NULL);
		T_EQ((uintptr_t)slots[i] % LINE, 0);
	}
	T_EQ(look_at_all().listed, MANY);
	for (unsigned i = 0; i < MANY; i++)
		T_EQ(seen[i], 1);
	for (unsigned i = 0; i < MANY; i++)
		if (i % 3 != 0)
			ferry__registry_leave(&r, slots[i]);
		else
			there++;
	T_EQ(look_at_all().listed, there);
	for (unsigned i = 0; i < MANY; i++)
		T_EQ(seen[i], i % 3 == 0);
	T_EQ(atom32_load_relaxed(&r.used), MANY);
}

static void
last_left_is_first_used(void)
{
	struct registry_slot *a, *b;
	uint64_t word;

	fresh(0);
	a = enter(1);
	b = enter(2);
	ferry__registry_leave(&r, a);
	ferry__registry_leave(&r, b);
	word = atom64_load_relaxed(&b->word);
	T_ASSERT(enter(3) == b);
	T_ASSERT(enter(4) == a);
	T_NE(atom64_load_relaxed(&b->word) >> 8, word >> 8);
	for (unsigned i = 0; i < 100000; i++)
		ferry__registry_leave(&r, enter(5));
	T_EQ(atom32_load_relaxed(&r.used), 3);
}

/* ---- no room ---- */

/* Limits in the middle of a chunk and at its end. */
static void
full_is_counted(void)
{
	static const uint32_t limits[] = { 1, 63, 64, 65, 192, 193, 1000 };

	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		struct registry_slot *slot = NULL;
		struct registry_sum sum;

		fresh(limits[i]);
		for (uint32_t n = 0; n < limits[i]; n++)
			T_ASSERT((slot = enter(n)) != NULL);
		T_EQ(r.room, limits[i]);
		for (int k = 0; k < 3; k++)
			T_ASSERT(enter(MANY - 1) == NULL);
		sum = look_at_all();
		T_EQ(sum.listed, limits[i]);
		T_EQ(seen[MANY - 1], 0);
		T_EQ(sum.unlisted, 3);
		T_EQ(sum.overflow, 3);
		/* They run and leave as any other. */
		ferry__registry_state(NULL, REGISTRY_READY, 1, 2);
		ferry__registry_leave(&r, NULL);
		ferry__registry_leave(&r, slot);
		T_ASSERT(enter(MANY - 1) == slot);
		sum = look_at_all();
		T_EQ(sum.listed, limits[i]);
		T_EQ(seen[MANY - 1], 1);
		T_EQ(sum.unlisted, 2);
		T_EQ(sum.overflow, 3);
	}
}

static void
default_limit(void)
{
	fresh(0);
	for (uint32_t n = 0; n < REGISTRY_LIMIT; n++)
		T_ASSERT(enter(n % MANY) != NULL);
	T_ASSERT(enter(0) == NULL);
	T_EQ(look_at_all().listed, REGISTRY_LIMIT);
}

/* ---- in the middle of a write ---- */

static void
who_is_being_written_is_passed_over(void)
{
	struct registry_slot *slot;
	struct registry_sum sum;
	uint64_t word;

	fresh(0);
	enter(1);
	slot = enter(2);
	enter(3);
	word = ferry__registry_begin(slot);
	ferry__registry_put(&slot->strand, 4);
	sum = look_at_all();
	T_EQ(sum.listed, 2);
	T_EQ(sum.skipped, 1);
	T_EQ(seen[1] + seen[3], 2);
	T_EQ(seen[2] + seen[4], 0);
	ferry__registry_end(slot, word, REGISTRY_READY);
	sum = look_at_all();
	T_EQ(sum.listed, 3);
	T_EQ(sum.skipped, 0);
	T_EQ(seen[4], 1);
}

/* ---- the oldest ---- */

/* Entered in no order, the seven oldest at places of their own. */
static void
oldest_first(void)
{
	struct registry_entry out[7];
	struct registry_sum sum;
	struct t_rng rng = { 1 };

	fresh(0);
	for (unsigned i = 0; i < 1000; i++) {
		struct registry_entry e = entry(i);

		e.spawned_ns = i % 150 == 149 || i == 0
		    ? 1000 - i : 1000000 + t_rand_below(&rng, 1000000);
		ferry__registry_enter(&r, &e);
	}
	T_EQ(ferry__registry_oldest(out, &sum, 7, &r, 0), 7);
	T_EQ(sum.listed, 1000);
	for (unsigned i = 0; i < 6; i++)
		T_EQ(out[i].strand, 899 - 150 * i);
	T_EQ(out[6].strand, 0);
}

static void
oldest_of_few(void)
{
	struct registry_entry out[8];
	struct registry_sum sum;

	fresh(0);
	T_EQ(ferry__registry_oldest(out, &sum, 8, &r, 0), 0);
	T_EQ(sum.listed, 0);
	for (unsigned i = 0; i < 5; i++)
		enter(4 - i);
	T_EQ(ferry__registry_oldest(out, &sum, 8, &r, 0), 5);
	for (unsigned i = 0; i < 5; i++)
		T_EQ(out[i].strand, i);
	T_EQ(ferry__registry_oldest(out, &sum, 0, &r, 0), 0);
	T_EQ(sum.listed, 5);
	/* Of one context: 1, 4. */
	T_EQ(ferry__registry_oldest(out, &sum, 1, &r, 2), 1);
	T_EQ(out[0].strand, 1);
	T_EQ(sum.listed, 2);
}

/* Spawned at the same time: by number. */
static void
oldest_by_number(void)
{
	static const unsigned char order[] = { 3, 1, 4, 0, 2 };
	struct registry_entry out[3];
	struct registry_sum sum;

	fresh(0);
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		struct registry_entry e = entry(order[i]);

		e.spawned_ns = 1;
		ferry__registry_enter(&r, &e);
	}
	T_EQ(ferry__registry_oldest(out, &sum, 3, &r, 0), 3);
	for (unsigned i = 0; i < 3; i++)
		T_EQ(out[i].strand, i);
}

T_MAIN(
	T_RUN(nothing_is_there);
	T_RUN(an_entry_is_what_was_entered);
	T_RUN(every_state_arrives);
	T_RUN(all_are_seen_once);
	T_RUN(last_left_is_first_used);
	T_RUN(full_is_counted);
	T_RUN(default_limit);
	T_RUN(who_is_being_written_is_passed_over);
	T_RUN(oldest_first);
	T_RUN(oldest_of_few);
	T_RUN(oldest_by_number);
)
