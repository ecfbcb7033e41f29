/*
 * Readers against the writer of a registry. Every word of an entry follows
 * from its strand and its count, so one that is torn, or mixed of two, is
 * found; and strands come and go in the order of their numbers, so that each
 * look is held to account: who was there throughout is in it once (or passed
 * over, and that counted), nobody twice, and nobody who had left before.
 *
 * Iterations: looks of each reader. The writer goes on until all have done.
 * T_LIMIT=300
 */
#include <sched.h>

#include "t.h"

#include "ffi/registry.h"

#define ALIVE_MOST 400u /* four chunks */

static struct registry registry;
static atom64 high;    /* up to here, they have all been entered */
static atom64 low;     /* below this one, they may have left */
static atom32 reading; /* readers that have not done */
static atom32 waiting; /* those of them that have seen the last write */
static atom64 n_skipped, n_writes;
static const char names[16][4];

static uint64_t
mix(uint64_t n)
{
	struct t_rng rng = { n };

	return t_rand(&rng);
}

static void
derive(struct registry_entry *e, uint64_t strand, uint64_t count)
{
	e->strand = strand;
	e->request = mix(strand ^ 1ull << 60);
	e->context = mix(strand ^ 2ull << 60);
	e->spawned_ns = mix(strand ^ 3ull << 60);
	e->method = (uint32_t)mix(strand ^ 4ull << 60);
	e->name = names[strand % 16];
	e->progress_ns = count;
	e->what = mix(strand * 7919 + count);
	e->state = 1 + (enum registry_state)(e->what % (REGISTRY_STATES - 1));
}

/* ---- readers ---- */

struct reader {
	pthread_t thread;
	uint64_t looks;
	uint64_t ids[ALIVE_MOST];
	size_t n;
};

static void
take_down(const struct registry_entry *e, void *arg)
{
	struct reader *reader = arg;
	struct registry_entry whole;

	derive(&whole, e->strand, e->progress_ns);
	T_EQ(e->request, whole.request);
	T_EQ(e->context, whole.context);
	T_EQ(e->spawned_ns, whole.spawned_ns);
	T_EQ(e->method, whole.method);
	T_ASSERT(e->name == whole.name);
	T_EQ(e->what, whole.what);
	T_EQ(e->state, whole.state);
	T_LT(reader->n, ALIVE_MOST);
	reader->ids[reader->n++] = e->strand;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * Who has seen `high` sees what was entered before; who has seen a leave sees
 * the `low` stored before it.
 */
static void
look(struct reader *reader)
{
	uint64_t low_before = atom64_load_acquire(&low); /* pair(test) */
	uint64_t high_before = atom64_load_acquire(&high); /* pair(test) */
	uint64_t low_after, high_after, missing;
	struct registry_sum sum;
	size_t i = 0, there;

	reader->n = 0;
	ferry__registry_read(&sum, &registry, take_down, reader);
	low_after = atom64_load_acquire(&low); /* pair(test) */
	high_after = atom64_load_acquire(&high); /* pair(test) */
	T_EQ(sum.listed, reader->n);
	T_EQ(sum.overflow, 0);
	T_EQ(sum.unlisted, 0);
	qsort(reader->ids, reader->n, sizeof *reader->ids, by_number);
	for (size_t k = 1; k < reader->n; k++)
		T_LT(reader->ids[k - 1], reader->ids[k]);
	if (reader->n != 0) {
		T_GE(reader->ids[0] + 1, low_before);
		T_LE(reader->ids[reader->n - 1], high_after + 1);
	}
	atom64_add_relaxed(&n_skipped, sum.skipped);
	if (low_after > high_before)
		return;
	while (i < reader->n && reader->ids[i] < low_after)
		i++;
	for (there = 0; i < reader->n && reader->ids[i] <= high_before; i++)
		there++;
	missing = high_before - low_after + 1 - there;
	T_LE(missing, sum.skipped);
}

/* Whoever waits says so: relaxed, it is a matter of time only. */
static uint64_t
await_write(uint64_t last)
{
	uint64_t writes = atom64_load_relaxed(&n_writes);

	if (writes != last)
		return writes;
	atom32_add_relaxed(&waiting, 1);
	while ((writes = atom64_load_relaxed(&n_writes)) == last)
		sched_yield();
	atom32_sub_relaxed(&waiting, 1);
	return writes;
}

/* Each look is at another world than the one before. */
static void *
read_on(void *arg)
{
	struct reader *reader = arg;
	uint64_t last = 0;

	for (uint64_t i = 0; i < reader->looks; i++) {
		last = await_write(last);
		look(reader);
	}
	atom32_sub_relaxed(&reading, 1);
	return NULL;
}

/* ---- the writer ---- */

static struct {
	struct registry_slot *slot[ALIVE_MOST]; /* by strand % ALIVE_MOST */
	uint64_t count[ALIVE_MOST];
	uint64_t first, next;                   /* strands, from 1 */
} alive = { .first = 1, .next = 1 };

static void
come(void)
{
	struct registry_entry e;
	size_t at = alive.next % ALIVE_MOST;

	derive(&e, alive.next, alive.count[at] = 0);
	alive.slot[at] = ferry__registry_enter(&registry, &e);
	T_ASSERT(alive.slot[at] != NULL);
	atom64_store_release(&high, alive.next++); /* pair(test) */
}

static void
go(void)
{
	size_t at = alive.first % ALIVE_MOST;

	atom64_store_release(&low, ++alive.first); /* pair(test) */
	ferry__registry_leave(&registry, alive.slot[at]);
}

static void
change(struct t_rng *rng)
{
	uint64_t strand = alive.first +
	    t_rand_below(rng, alive.next - alive.first);
	size_t at = strand % ALIVE_MOST;
	struct registry_entry e;

	derive(&e, strand, ++alive.count[at]);
	ferry__registry_state(alive.slot[at], e.state, e.what, e.progress_ns);
}

/* A reader that waits may be waiting for this processor: a whole time slice,
 * 100,000 writes, would buy it one look. */
static void
let_look(struct t_rng *rng)
{
	if (atom32_load_relaxed(&waiting) != 0 && t_rand_below(rng, 64) == 0)
		sched_yield();
}

/* Now many, now few. */
static void
write_on(uint64_t seed)
{
	struct t_rng rng = { seed };
	uint64_t goal = 0;

	while (atom32_load_relaxed(&reading) != 0) {
		uint64_t n = alive.next - alive.first;

		if (n == goal)
			goal = t_rand_below(&rng, ALIVE_MOST);
		else if (n != 0 && t_rand_below(&rng, 4) != 0)
			change(&rng);
		else if (n < goal)
			come();
		else
			go();
		/* Relaxed: it only says that there is something new. */
		atom64_store_relaxed(
		    &n_writes, atom64_load_relaxed(&n_writes) + 1);
		let_look(&rng);
	}
}

int
main(int argc, char **argv)
{
	struct t_stress s = t_stress_args(argc, argv,
	    (struct t_stress){ 4, 20000, t_seed() });
	unsigned n = s.threads > 1 ? s.threads - 1 : 1;
	struct reader *readers = calloc(n, sizeof *readers);

	T_ASSERT(readers != NULL);
	atom64_store_relaxed(&low, 1);
	atom32_store_relaxed(&reading, n);
	for (unsigned i = 0; i < n; i++) {
		readers[i].looks = s.iters;
		readers[i].thread = t_thread_start(read_on, &readers[i]);
	}
	write_on(s.seed);
	for (unsigned i = 0; i < n; i++)
		t_thread_join(readers[i].thread);
	dprintf(1, "%ju writes, %ju strands, %ju passed over in %ju looks\n",
	    (uintmax_t)atom64_load_relaxed(&n_writes),
	    (uintmax_t)alive.next - 1,
	    (uintmax_t)atom64_load_relaxed(&n_skipped),
	    (uintmax_t)(n * s.iters));
	T_LE(atom32_load_relaxed(&registry.used), ALIVE_MOST);
	free(readers);
	return 0;
}
