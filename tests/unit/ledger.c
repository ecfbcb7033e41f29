/*
 * The ledger: the last entries, the latest first, each whole.
 */
#include "t.h"

#include "ffi/ledger.h"

static struct ledger l;

static ferry_ledger_entry
entry(uint64_t k)
{
	return (ferry_ledger_entry){ .request = k << 8, .strand = k * 3,
		.method_name = k % 2 ? "odd" : "even",
		.method = (uint32_t)k ^ 0xffff0000u,
		.level = 1 + (uint32_t)k % 4, .ended_ns = 1000 + k,
		.lasted_ns = 2000 + k, .seen = k % 3 == 0 };
}

static void
write_next(uint64_t k)
{
	ferry_ledger_entry e = entry(k);

	ferry__ledger_write(&l, &e);
}

/* Which it is; every word belongs to it. */
static uint64_t
whole(const ferry_ledger_entry *e)
{
	ferry_ledger_entry own = entry(e->request >> 8);

	T_EQ(e->request, own.request);
	T_EQ(e->strand, own.strand);
	T_STR(e->method_name, own.method_name);
	T_EQ(e->method, own.method);
	T_EQ(e->level, own.level);
	T_EQ(e->ended_ns, own.ended_ns);
	T_EQ(e->lasted_ns, own.lasted_ns);
	T_EQ(e->seen, own.seen);
	T_EQ(e->reserved, 0);
	return e->request >> 8;
}

static uint32_t
look(ferry_ledger_entry *items, uint32_t capacity, uint64_t expected_total)
{
	uint64_t total = 77;
	uint32_t n = ferry__ledger_read(items, capacity, &total, &l);

	T_EQ(total, expected_total);
	return n;
}

static void
latest_first(void)
{
	ferry_ledger_entry items[100];

	T_EQ(look(items, 100, 0), 0);
	for (uint64_t k = 1; k <= 200; k++) {
		uint64_t kept = k < LEDGER_ENTRIES ? k : LEDGER_ENTRIES;

		write_next(k);
		T_EQ(look(items, 100, k), kept);
		for (uint64_t i = 0; i < kept; i++)
			T_EQ(whole(&items[i]), k - i);
		T_EQ(look(items, 2, k), kept < 2 ? kept : 2);
		T_EQ(whole(&items[0]), k);
	}
	T_EQ(count_read(&l.level[FERRY_LEVEL_SLOW].n), 50);
	T_EQ(count_read(&l.level[FERRY_LEVEL_FATAL].n), 50);
	T_EQ(count_read(&l.level[FERRY_LEVEL_NONE].n), 0);
	T_EQ(count_read(&l.unseen.n), 200 - 66);
	ferry__ledger_close(&l);
	T_EQ(look(items, 100, 0), 0);
	T_EQ(count_read(&l.unseen.n), 0);
	write_next(1);
	T_EQ(look(items, 100, 1), 1);
	ferry__ledger_close(&l);
}

static atomic_int stop;

static void *
write_on(void *unused)
{
	uint64_t k = 0;

	(void)unused;
	do
		write_next(++k);
	while (!atomic_load(&stop));
	return NULL;
}

/* While it is written, no two entries are mixed, and their order holds. */
static void
whole_under_a_writer(void)
{
	ferry_ledger_entry items[LEDGER_ENTRIES];
	uint64_t total, last, most = 0, seen = 0;
	pthread_t writer = t_thread_start(write_on, NULL);

	for (int i = 0; i < 100000 || seen < 1000; i++) {
		uint32_t n = ferry__ledger_read(
		    items, LEDGER_ENTRIES, &total, &l);

		T_GE(total, most);
		most = total;
		last = total + 1;
		for (uint32_t j = 0; j < n; j++) {
			uint64_t k = whole(&items[j]);

			T_LT(k, last);
			T_GT(k + LEDGER_ENTRIES, total);
			last = k;
		}
		seen += n;
	}
	atomic_store(&stop, 1);
	t_thread_join(writer);
	dprintf(1, "\t%ju entries seen of %ju\n", (uintmax_t)seen,
	    (uintmax_t)most);
	ferry__ledger_close(&l);
}

T_MAIN(
	T_RUN(latest_first);
	T_RUN(whole_under_a_writer);
)
