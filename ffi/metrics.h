/*
 * A context's numbers as text: what is common to the formats.
 */
#ifndef FERRY_FFI_METRICS_H
#define FERRY_FFI_METRICS_H

#include "ffi/context.h"

/* Where it is written: what has no room is only counted. */
struct metrics_sink {
	char *buf;
	size_t size;
	size_t n;    /* the length of the whole */
};

/* What is read at the beginning; histograms are read while they are written
 * out. */
struct metrics {
	const struct context *context;
	ferry_counters counters;
	ferry_strands strands;
	uint64_t health[3];
	uint64_t ledger_total, ledger_unseen;
	uint64_t ledger_level[LEDGER_LEVELS];
	uint64_t missed;
};

enum metrics_unit {
	METRICS_NUMBER,
	METRICS_NS
};

/* A number: its name in JSON and in Prometheus' format (with `_total` it is a
 * counter, else a gauge), and where it is in struct metrics. */
struct metrics_field {
	const char *name;
	const char *metric;
	const char *help;
	size_t offset;
	enum metrics_unit unit;
};

/* Ended by one without a name. */
extern const struct metrics_field ferry__metrics_counters[];
extern const struct metrics_field ferry__metrics_strands[];
extern const struct metrics_field ferry__metrics_health[];

static inline uint64_t
ferry__metrics_value(const struct metrics *m, const struct metrics_field *f)
{
	return *(const uint64_t *)(const void *)((const char *)m + f->offset);
}

/* "slow" … "fatal". */
extern const char *const ferry__metrics_levels[LEDGER_LEVELS];

/* The edges at which histograms are cumulated: powers of four from 1024 ns to
 * 73 minutes, each the end of a bucket. */
#define METRICS_EDGES 17u

static inline uint32_t
ferry__metrics_edge(uint32_t i)
{
	return 16 + 32 * i;
}

/* ---- writing ---- */

void ferry__metrics_bytes(
    struct metrics_sink *out, const char *bytes, size_t n);
void ferry__metrics_text(struct metrics_sink *out, const char *text);
void ferry__metrics_number(struct metrics_sink *out, uint64_t n);
/* As seconds, with all nine places. */
void ferry__metrics_seconds(struct metrics_sink *out, uint64_t ns);

/*
 * A string that may hold any bytes, as UTF-8: of what is none each byte becomes
 * \xNN, in small letters. So does a backslash that could be taken for the
 * beginning of that: as many names as there are remain as many. One-byte
 * characters go to `put`.
 */
void ferry__metrics_string(struct metrics_sink *out, const char *s,
    void (*put)(struct metrics_sink *out, char c));

/* The formats. */
void ferry__metrics_prometheus(
    struct metrics_sink *out, const struct metrics *m);
void ferry__metrics_json(struct metrics_sink *out, const struct metrics *m);

#endif
