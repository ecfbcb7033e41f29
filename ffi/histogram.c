/*
 * Histograms of times; see histogram.h.
 */
#include "ffi/histogram.h"

_Static_assert(HISTOGRAM_BUCKETS == 33 * 16 + 1, "32 units, then 31 octaves");

/* Relaxed throughout: one writer, and each word stands for itself. */
static void
add(atom64 *word, uint64_t n)
{
	atom64_store_relaxed(word, atom64_load_relaxed(word) + n);
}

void
ferry__histogram_add(struct histogram *h, uint64_t ns, uint64_t weight)
{
	add(&h->n[ferry__histogram_bucket(ns)], weight);
	add(&h->sum_ns, ns * weight);
	if (ns > atom64_load_relaxed(&h->max_ns))
		atom64_store_relaxed(&h->max_ns, ns);
}

void
ferry__histogram_clear(struct histogram *h)
{
	atom64_store_relaxed(&h->sum_ns, 0);
	atom64_store_relaxed(&h->max_ns, 0);
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		atom64_store_relaxed(&h->n[i], 0);
}

uint64_t
ferry__histogram_count(const struct histogram *h)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += atom64_load_relaxed(&h->n[i]);
	return count;
}

/* The end of a bucket, as far as anything is known to be there. */
static uint64_t
end_of(uint32_t bucket, uint64_t max_ns)
{
	uint64_t end;

	if (bucket == HISTOGRAM_BUCKETS - 1)
		return max_ns;
	end = ferry__histogram_least_ns(bucket + 1) - 1;
	return end < max_ns ? end : max_ns;
}

/* How many of `count` are those thousandths, rounded up; without overflow. */
static uint64_t
rank_of(uint64_t count, uint32_t thousandths)
{
	return count / 1000 * thousandths +
	    (count % 1000 * thousandths + 999) / 1000;
}

void
ferry__histogram_quantiles(uint64_t *out_ns, const uint32_t *thousandths,
    uint32_t n, const struct histogram *h)
{
	/* Counts only grow, so that each rank is reached below, whatever comes
	 * meanwhile. */
	uint64_t count = ferry__histogram_count(h), below = 0;
	uint64_t max = atom64_load_relaxed(&h->max_ns);
	uint32_t found = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && found < n; i++) {
		below += atom64_load_relaxed(&h->n[i]);
		while (below != 0 && found < n &&
		    below >= rank_of(count, thousandths[found]))
			out_ns[found++] = end_of(i, max);
	}
	while (found < n)
		out_ns[found++] = 0;
}
