/*
 * Histograms of times: their buckets and quantiles.
 */
#include "t.h"

#include "ffi/histogram.h"

static struct histogram h;

/* Every bucket begins where the one before it ends, and knows its own. */
static void
buckets_have_no_gaps(void)
{
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t least = ferry__histogram_least_ns(i);

		T_EQ(ferry__histogram_bucket(least), i);
		if (i != 0)
			T_EQ(ferry__histogram_bucket(least - 1), i - 1);
	}
	T_EQ(ferry__histogram_bucket(0), 0);
	T_EQ(ferry__histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

/* No bucket is wider than a sixteenth of its values, from 1 us on. */
static void
buckets_are_narrow(void)
{
	for (uint32_t i = 16; i < HISTOGRAM_BUCKETS - 1; i++) {
		uint64_t least = ferry__histogram_least_ns(i);
		uint64_t width = ferry__histogram_least_ns(i + 1) - least;

		T_LE(width * 16, least);
	}
	T_EQ(ferry__histogram_least_ns(1), 64);
	T_EQ(ferry__histogram_least_ns(16), 1024);
	T_GT(ferry__histogram_least_ns(HISTOGRAM_BUCKETS - 1),
	    UINT64_C(3600000000000));
}

/* The ends of Prometheus' buckets are ends of these. */
static void
powers_of_four_are_ends(void)
{
	for (uint32_t i = 0; i < 17; i++)
		T_EQ(ferry__histogram_least_ns(16 + 32 * i),
		    UINT64_C(1024) << 2 * i);
}

static void
random_values_are_in_their_buckets(void)
{
	struct t_rng rng = { t_seed() };

	for (int i = 0; i < 200000; i++) {
		uint64_t v = t_rand(&rng) >> t_rand_below(&rng, 64);
		uint32_t b = ferry__histogram_bucket(v);

		T_ASSERT(ferry__histogram_least_ns(b) <= v);
		T_ASSERT(b == HISTOGRAM_BUCKETS - 1 ||
		    v < ferry__histogram_least_ns(b + 1));
	}
}

static void
empty_has_no_quantiles(void)
{
	const uint32_t all[] = { 500, 1000 };
	uint64_t q[2] = { 7, 7 };

	ferry__histogram_clear(&h);
	ferry__histogram_quantiles(q, all, 2, &h);
	T_EQ(q[0], 0);
	T_EQ(q[1], 0);
	T_EQ(ferry__histogram_count(&h), 0);
}

/* Against what is known of 1, 2 … 100000 us, in any order. */
static void
quantiles_are_near(void)
{
	const uint32_t all[] = { 1, 500, 900, 990, 999, 1000 };
	const uint64_t exact[] = { 100000, 50000000, 90000000, 99000000,
		99900000, 100000000 };
	uint64_t q[6];

	ferry__histogram_clear(&h);
	for (uint64_t i = 100000; i > 0; i--)
		ferry__histogram_add(&h, i * 1000, 1);
	T_EQ(ferry__histogram_count(&h), 100000);
	T_EQ(atom64_load_relaxed(&h.sum_ns), UINT64_C(5000050000000));
	ferry__histogram_quantiles(q, all, 6, &h);
	for (int i = 0; i < 6; i++) {
		T_GE(q[i], exact[i]);
		T_LE(q[i] - exact[i], exact[i] / 16);
	}
	T_EQ(q[5], exact[5]); /* the highest is known */
}

/* A value of weight w is w values. */
static void
weights_count(void)
{
	const uint32_t all[] = { 900, 970, 1000 };
	uint64_t q[3];

	ferry__histogram_clear(&h);
	ferry__histogram_add(&h, 2000, 32);
	ferry__histogram_add(&h, UINT64_C(5000000000000), 1);
	T_EQ(ferry__histogram_count(&h), 33);
	T_EQ(atom64_load_relaxed(&h.sum_ns), UINT64_C(5000000064000));
	ferry__histogram_quantiles(q, all, 3, &h);
	T_EQ(q[0], 2047);
	T_EQ(q[1], UINT64_C(5000000000000)); /* 32 of 33 are 969 */
	T_EQ(q[2], UINT64_C(5000000000000));
	T_EQ(atom64_load_relaxed(&h.n[HISTOGRAM_BUCKETS - 1]), 1);
	ferry__histogram_clear(&h);
	T_EQ(ferry__histogram_count(&h), 0);
	T_EQ(atom64_load_relaxed(&h.max_ns), 0);
}

/* Ranks of counts that a product would overflow. */
static void
many(void)
{
	const uint32_t all[] = { 500, 999 };
	uint64_t q[2];

	ferry__histogram_clear(&h);
	ferry__histogram_add(&h, 1000, UINT64_MAX / 4);
	ferry__histogram_add(&h, 100, UINT64_MAX / 2);
	ferry__histogram_quantiles(q, all, 2, &h);
	T_EQ(q[0], 127);
	T_EQ(q[1], 1000);
}

T_MAIN(
	T_RUN(buckets_have_no_gaps);
	T_RUN(buckets_are_narrow);
	T_RUN(powers_of_four_are_ends);
	T_RUN(random_values_are_in_their_buckets);
	T_RUN(empty_has_no_quantiles);
	T_RUN(quantiles_are_near);
	T_RUN(weights_count);
	T_RUN(many);
)
