/*
 * A histogram of times: log-linear, after Gil Tene's HdrHistogram
 * (http://hdrhistogram.org): each octave is divided into 16 buckets of the same
 * width, so that a bucket is no wider than 1/16 of what is in it, 6.25 %. Below
 * 1 us buckets are 64 ns wide; from 2^42 ns (73 minutes) on there is one.
 *
 * Written by one thread, with relaxed stores; read by any at any time. What is
 * read while it is written is of no single moment, but no count is torn.
 */
#ifndef FERRY_FFI_HISTOGRAM_H
#define FERRY_FFI_HISTOGRAM_H

#include "ffi/atomic.h"

#define HISTOGRAM_UNIT    6u   /* log2 of the narrowest bucket, ns */
#define HISTOGRAM_BUCKETS 529u /* the last: everything from 2^42 ns on */

struct histogram {
	atom64 sum_ns;
	atom64 max_ns;
	atom64 n[HISTOGRAM_BUCKETS];
};

/* The bucket of a value. */
static inline uint32_t
ferry__histogram_bucket(uint64_t ns)
{
	uint64_t units = ns >> HISTOGRAM_UNIT;
	uint32_t shift;

	if (units < 32)
		return (uint32_t)units;
	shift = 59 - (uint32_t)__builtin_clzll(units);
	if (shift > 31)
		return HISTOGRAM_BUCKETS - 1;
	return shift * 16 + (uint32_t)(units >> shift);
}

/* The least value of a bucket, and so the end of the one before it. */
static inline uint64_t
ferry__histogram_least_ns(uint32_t bucket)
{
	if (bucket < 32)
		return (uint64_t)bucket << HISTOGRAM_UNIT;
	return (uint64_t)(16 + bucket % 16)
	    << (bucket / 16 - 1 + HISTOGRAM_UNIT);
}

/* Counts `weight` of that value. */
void ferry__histogram_add(struct histogram *h, uint64_t ns, uint64_t weight);

void ferry__histogram_clear(struct histogram *h);

uint64_t ferry__histogram_count(const struct histogram *h);

/*
 * The values below which that many thousandths of all are: thousandths[] and
 * out_ns[] have n elements, the former ascend. The end of a bucket, but not
 * more than the highest value; 0 if there are none.
 */
void ferry__histogram_quantiles(uint64_t *out_ns, const uint32_t *thousandths,
    uint32_t n, const struct histogram *h);

#endif
