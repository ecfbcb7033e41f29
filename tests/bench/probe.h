/*
 * How far apart the processors are.
 *
 * On a virtual machine the two may share a cache in one minute and sit on
 * different sockets in the next; every figure of a queue between threads
 * follows. Ratios within a round bear that, figures of two runs do not.
 */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

/* Nanoseconds for a word to get from the first processor to the second: half
 * a ping-pong. NaN with one processor. */
double bench_probe_line_ns(void);

/*
 * What part of the processors' time others had since the call before: other
 * processes, and the host (steal). 0…1, NaN at the first call. Above a few
 * hundredths the figures in between are of little worth.
 */
double bench_probe_others(void);

#endif
