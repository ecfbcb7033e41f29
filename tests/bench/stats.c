#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double *
sorted(const double *samples, size_t n)
{
	double *copy = bench_alloc(n * sizeof(*copy));

	memcpy(copy, samples, n * sizeof(*copy));
	qsort(copy, n, sizeof(*copy), ascending);
	return copy;
}

/* Of samples in ascending order. */
static double
quantile_sorted(const double *sorted_samples, size_t n, double q)
{
	double place = q * (double)(n - 1);
	size_t below = (size_t)place;
	double part = place - (double)below;

	if (below + 1 >= n)
		return sorted_samples[n - 1];
	return sorted_samples[below] +
	    part * (sorted_samples[below + 1] - sorted_samples[below]);
}

double
bench_quantile(const double *samples, size_t n, double q)
{
	double *copy, result;

	if (n == 0)
		return NAN;
	copy = sorted(samples, n);
	result = quantile_sorted(copy, n, q);
	free(copy);
	return result;
}

bench_summary
bench_summarize(const double *samples, size_t n)
{
	double *copy = sorted(samples, n);
	bench_summary s = {
		.n = n,
		.min = copy[0],
		.median = quantile_sorted(copy, n, 0.5),
		.max = copy[n - 1],
	};

	for (size_t i = 0; i < n; i++)
		copy[i] = fabs(copy[i] - s.median);
	s.mad = bench_quantile(copy, n, 0.5);
	free(copy);
	return s;
}

void
bench_ratios(
    double *out, const double *samples, const double *reference, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = samples[i] / reference[i];
}
