/*
 * Statistics for few samples from a noisy machine.
 *
 * Rounds are paired: every contender runs once in each, close together in
 * time. A ratio is taken within its round, where a busy neighbour or a slow
 * clock hit both sides alike, and only then is the median taken over the
 * rounds. The median of ratios moves little when a minority of the rounds
 * went wrong, and the ratio of two medians, each from a round of its own,
 * would bring the noise back in. Means and standard deviations are not used:
 * run times have one long tail, upwards.
 */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>

typedef struct bench_summary {
	size_t n;
	double min, median, max;
	double mad; /* median absolute deviation from the median, unscaled */
} bench_summary;

/* The value below which `q` (0…1) of the samples lie, interpolated linearly
 * between neighbours. 0 samples: NaN. */
double bench_quantile(const double *samples, size_t n, double q);

/* All of the above for n samples, n > 0. The samples stay as they are. */
bench_summary bench_summarize(const double *samples, size_t n);

/* out[i] = samples[i] / reference[i]; out may be either of them. */
void bench_ratios(
    double *out, const double *samples, const double *reference, size_t n);

#endif
