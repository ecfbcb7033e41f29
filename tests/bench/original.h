/*
 * The algorithm Ferry's ingress came from, as it was published, for
 * comparison. See original.c.
 */
#ifndef BENCH_ORIGINAL_H
#define BENCH_ORIGINAL_H

#include "contender.h"

#define ORIGINAL_SHARDS  16
#define ORIGINAL_POLL_MS 100

#endif
