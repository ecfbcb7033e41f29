/*
 * A context's numbers as one JSON object (RFC 8259).
 */
#include "ffi/metrics.h"

static void
put_json(struct metrics_sink *out, char c)
{
	static const char digits[] = "0123456789abcdef";
	char escape[6] = { '\\', 'u', '0', '0', digits[c >> 4 & 7],
		digits[c & 15] };

	if (c == '"' || c == '\\')
		ferry__metrics_text(out, "\\");
	if ((unsigned char)c < 0x20)
		ferry__metrics_bytes(out, escape, sizeof escape);
	else
		ferry__metrics_bytes(out, &c, 1);
}

static void
string(struct metrics_sink *out, const char *s)
{
	ferry__metrics_text(out, "\"");
	ferry__metrics_string(out, s, put_json);
	ferry__metrics_text(out, "\"");
}

/* `before` is what separates it from what is there. */
static void
number(struct metrics_sink *out, const char *before, const char *name,
    uint64_t value)
{
	ferry__metrics_text(out, before);
	ferry__metrics_text(out, "\"");
	ferry__metrics_text(out, name);
	ferry__metrics_text(out, "\":");
	ferry__metrics_number(out, value);
}

static void
fields(struct metrics_sink *out, const struct metrics *m, const char *name,
    const struct metrics_field *f)
{
	const char *before = "";

	ferry__metrics_text(out, ",\n\"");
	ferry__metrics_text(out, name);
	ferry__metrics_text(out, "\":{");
	for (; f->name != NULL; f++, before = ",")
		number(out, before, f->name, ferry__metrics_value(m, f));
	ferry__metrics_text(out, "}");
}

static void
ledger(struct metrics_sink *out, const struct metrics *m)
{
	const char *before = "";

	number(out, ",\n\"ledger\":{", "total", m->ledger_total);
	number(out, ",", "unseen", m->ledger_unseen);
	ferry__metrics_text(out, ",\"levels\":{");
	for (uint32_t i = FERRY_LEVEL_SLOW; i < LEDGER_LEVELS; i++) {
		number(out, before, ferry__metrics_levels[i],
		    m->ledger_level[i]);
		before = ",";
	}
	ferry__metrics_text(out, "}}");
}

/* ------------------------------------------------------------- histograms */

/* How many it has counted: at one look, so that both say the same. */
static uint64_t
buckets(struct metrics_sink *out, const struct histogram *h)
{
	uint64_t below = 0;
	uint32_t bucket = 0, edge;

	for (uint32_t i = 0; i < METRICS_EDGES; i++) {
		edge = ferry__metrics_edge(i);
		while (bucket < edge)
			below += atom64_load_relaxed(&h->n[bucket++]);
		ferry__metrics_text(out, i == 0 ? "[[" : ",[");
		ferry__metrics_number(out, ferry__histogram_least_ns(edge));
		ferry__metrics_text(out, ",");
		ferry__metrics_number(out, below);
		ferry__metrics_text(out, "]");
	}
	below += atom64_load_relaxed(&h->n[HISTOGRAM_BUCKETS - 1]);
	ferry__metrics_text(out, ",[null,");
	ferry__metrics_number(out, below);
	ferry__metrics_text(out, "]]");
	return below;
}

static void
histogram(struct metrics_sink *out, const char *name,
    const struct histogram *h)
{
	static const uint32_t thousandths[] = { 500, 900, 990, 999 };
	static const char *const names[] = { "p50_ns", "p90_ns", "p99_ns",
		"p999_ns" };
	uint64_t q[COUNT_OF(names)];

	ferry__histogram_quantiles(q, thousandths, COUNT_OF(names), h);
	ferry__metrics_text(out, ",\"");
	ferry__metrics_text(out, name);
	ferry__metrics_text(out, "\":{\"buckets\":");
	number(out, ",", "count", buckets(out, h));
	number(out, ",", "sum_ns", atom64_load_relaxed(&h->sum_ns));
	number(out, ",", "max_ns", atom64_load_relaxed(&h->max_ns));
	for (size_t i = 0; i < COUNT_OF(names); i++)
		number(out, ",", names[i], q[i]);
	ferry__metrics_text(out, "}");
}

static void
methods(struct metrics_sink *out, const struct metrics *m)
{
	const char *before = "";

	ferry__metrics_text(out, ",\n\"methods\":[");
	for (uint32_t i = 0; i < m->context->methods->n; i++) {
		const struct timing *t =
		    ferry__timing_of(&m->context->timings, i);

		if (t == NULL)
			continue;
		ferry__metrics_text(out, before);
		number(out, "\n{", "id", i);
		ferry__metrics_text(out, ",\"name\":");
		string(out, m->context->methods->at[i].name);
		histogram(out, "wait", &t->wait);
		histogram(out, "run", &t->run);
		ferry__metrics_text(out, "}");
		before = ",";
	}
	ferry__metrics_text(out, "]");
}

void
ferry__metrics_json(struct metrics_sink *out, const struct metrics *m)
{
	/* A string: a token has more digits than a double. */
	ferry__metrics_text(out, "{\"context\":\"");
	ferry__metrics_number(out, m->context->token);
	ferry__metrics_text(out, "\",\"library\":");
	string(out, m->context->library->name);
	fields(out, m, "counters", ferry__metrics_counters);
	fields(out, m, "strands", ferry__metrics_strands);
	fields(out, m, "health", ferry__metrics_health);
	ledger(out, m);
	number(out, ",\n", "timings_missed", m->missed);
	methods(out, m);
	ferry__metrics_text(out, "}\n");
}
