/*
 * A context's numbers in Prometheus' text format, version 0.0.4: for each
 * metric its help, its type and its samples, together.
 */
#include <string.h>

#include "ffi/metrics.h"

static void
put_label(struct metrics_sink *out, char c)
{
	if (c == '\n')
		ferry__metrics_text(out, "\\n");
	else if (c == '\\' || c == '"') {
		ferry__metrics_text(out, "\\");
		ferry__metrics_bytes(out, &c, 1);
	} else
		ferry__metrics_bytes(out, &c, 1);
}

static void
label(struct metrics_sink *out, const char *name, const char *value)
{
	ferry__metrics_text(out, name);
	ferry__metrics_text(out, "=\"");
	ferry__metrics_string(out, value, put_label);
	ferry__metrics_text(out, "\"");
}

/* Name, and the labels that all samples have; the brace stays open. */
static void
begin(struct metrics_sink *out, const struct metrics *m, const char *name,
    const char *suffix)
{
	ferry__metrics_text(out, "ferry_");
	ferry__metrics_text(out, name);
	ferry__metrics_text(out, suffix);
	ferry__metrics_text(out, "{context=\"");
	ferry__metrics_number(out, m->context->token);
	ferry__metrics_text(out, "\",");
	label(out, "library", m->context->library->name);
}

static void
end(struct metrics_sink *out, uint64_t value, enum metrics_unit unit)
{
	ferry__metrics_text(out, "} ");
	if (unit == METRICS_NS)
		ferry__metrics_seconds(out, value);
	else
		ferry__metrics_number(out, value);
	ferry__metrics_text(out, "\n");
}

static void
head(struct metrics_sink *out, const char *name, const char *help,
    const char *type)
{
	ferry__metrics_text(out, "# HELP ferry_");
	ferry__metrics_text(out, name);
	ferry__metrics_text(out, " ");
	ferry__metrics_text(out, help);
	ferry__metrics_text(out, ".\n# TYPE ferry_");
	ferry__metrics_text(out, name);
	ferry__metrics_text(out, " ");
	ferry__metrics_text(out, type);
	ferry__metrics_text(out, "\n");
}

static const char *
type_of(const char *name)
{
	size_t n = strlen(name);

	return n > 6 && strcmp(name + n - 6, "_total") == 0 ? "counter"
	                                                    : "gauge";
}

static void
fields(struct metrics_sink *out, const struct metrics *m,
    const struct metrics_field *f)
{
	for (; f->name != NULL; f++) {
		head(out, f->metric, f->help, type_of(f->metric));
		begin(out, m, f->metric, "");
		end(out, ferry__metrics_value(m, f), f->unit);
	}
}

static void
one(struct metrics_sink *out, const struct metrics *m, const char *name,
    const char *help, uint64_t value)
{
	head(out, name, help, "counter");
	begin(out, m, name, "");
	end(out, value, METRICS_NUMBER);
}

static void
ledger(struct metrics_sink *out, const struct metrics *m)
{
	const char *name = "slow_calls_total";

	head(out, name, "Calls by the level that they reached", "counter");
	for (uint32_t i = FERRY_LEVEL_SLOW; i < LEDGER_LEVELS; i++) {
		begin(out, m, name, "");
		ferry__metrics_text(out, ",");
		label(out, "level", ferry__metrics_levels[i]);
		end(out, m->ledger_level[i], METRICS_NUMBER);
	}
	one(out, m, "slow_calls_unseen_total",
	    "Of them, those that the watcher did not see at that level",
	    m->ledger_unseen);
	one(out, m, "timings_missed_total",
	    "Times not counted for want of memory", m->missed);
}

/* ------------------------------------------------------------- histograms */

static void
begin_of(struct metrics_sink *out, const struct metrics *m, const char *name,
    const char *suffix, uint32_t method)
{
	begin(out, m, name, suffix);
	ferry__metrics_text(out, ",");
	label(out, "method", m->context->methods->at[method].name);
}

/* Cumulated as it is read, once: so that it ascends and its end is its count,
 * whatever is counted meanwhile. */
static void
histogram(struct metrics_sink *out, const struct metrics *m, const char *name,
    uint32_t method, const struct histogram *h)
{
	uint64_t sum = atom64_load_relaxed(&h->sum_ns), below = 0;
	uint32_t bucket = 0, edge;

	for (uint32_t i = 0; i < METRICS_EDGES; i++) {
		edge = ferry__metrics_edge(i);
		while (bucket < edge)
			below += atom64_load_relaxed(&h->n[bucket++]);
		begin_of(out, m, name, "_bucket", method);
		ferry__metrics_text(out, ",le=\"");
		ferry__metrics_seconds(out, ferry__histogram_least_ns(edge));
		ferry__metrics_text(out, "\"");
		end(out, below, METRICS_NUMBER);
	}
	below += atom64_load_relaxed(&h->n[HISTOGRAM_BUCKETS - 1]);
	begin_of(out, m, name, "_bucket", method);
	ferry__metrics_text(out, ",le=\"+Inf\"");
	end(out, below, METRICS_NUMBER);
	begin_of(out, m, name, "_sum", method);
	end(out, sum, METRICS_NS);
	begin_of(out, m, name, "_count", method);
	end(out, below, METRICS_NUMBER);
}

static void
histograms(struct metrics_sink *out, const struct metrics *m, bool runs)
{
	const char *name = runs ? "request_run_seconds"
	                        : "request_wait_seconds";

	head(out, name, runs ? "How long requests ran, estimated"
	                     : "How long requests waited, estimated",
	    "histogram");
	for (uint32_t i = 0; i < m->context->methods->n; i++) {
		const struct timing *t =
		    ferry__timing_of(&m->context->timings, i);

		if (t != NULL)
			histogram(out, m, name, i, runs ? &t->run : &t->wait);
	}
}

void
ferry__metrics_prometheus(struct metrics_sink *out, const struct metrics *m)
{
	fields(out, m, ferry__metrics_counters);
	fields(out, m, ferry__metrics_strands);
	fields(out, m, ferry__metrics_health);
	ledger(out, m);
	histograms(out, m, false);
	histograms(out, m, true);
}
