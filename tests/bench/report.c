#include "report.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"
#include "system.h"

#define ROWS_MAX  512
#define FACTS_MAX 32
#define TEXT_MAX  96

typedef struct row {
	char section[TEXT_MAX];
	char name[TEXT_MAX];
	const char *unit;
	bench_summary summary;
	bench_target target;
	const char *verdict;
	double *samples;
} row;

typedef struct fact {
	const char *key;
	char value[TEXT_MAX];
} fact;

/* The main thread's alone. */
static row rows[ROWS_MAX];
static unsigned n_rows;
static fact facts[FACTS_MAX];
static unsigned n_facts;
static char section[TEXT_MAX];
static unsigned n_missed;

/* ------------------------------------------------------------- the table */

void
bench_report_section(const char *name)
{
	snprintf(section, sizeof(section), "%s", name);
	printf("\n%-46s %9s %9s %9s %7s %7s\n", name, "median", "min", "max",
	    "must", "reach");
	fflush(stdout);
}

void
bench_report_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("  (");
	vprintf(format, args);
	printf(")\n");
	va_end(args);
}

/* Four digits that say something. */
static void
print_number(double v)
{
	if (isnan(v))
		printf(" %9s", "-");
	else if (fabs(v) >= 100)
		printf(" %9.0f", v);
	else if (fabs(v) >= 10)
		printf(" %9.1f", v);
	else
		printf(" %9.3f", v);
}

static void
print_target(const bench_target *t)
{
	const char *sign = t->aim == BENCH_AIM_AT_LEAST ? ">=" : "<=";
	char text[32];

	if (t->aim == BENCH_AIM_NONE) {
		printf(" %7s %7s", "", "");
		return;
	}
	snprintf(text, sizeof(text), "%s%g", sign, t->must);
	printf(" %7s", text);
	snprintf(text, sizeof(text), "%s%g", sign, t->reach);
	printf(" %7s", t->reach == t->must ? "" : text);
}

static bool
meets(const bench_target *t, double value, double bound)
{
	return t->aim == BENCH_AIM_AT_LEAST ? value >= bound : value <= bound;
}

static const char *
judge(const bench_target *t, double value)
{
	if (t->aim == BENCH_AIM_NONE)
		return "";
	if (!meets(t, value, t->must))
		return "MISSED";
	return meets(t, value, t->reach) ? "reached" : "ok";
}

static void
print_row(const row *r)
{
	char label[TEXT_MAX * 2];

	snprintf(label, sizeof(label), "  %s%s%s", r->name,
	    r->unit[0] != '\0' ? ", " : "", r->unit);
	printf("%-46s", label);
	print_number(r->summary.median);
	print_number(r->summary.min);
	print_number(r->summary.max);
	print_target(&r->target);
	printf("  %s\n", r->verdict);
	fflush(stdout);
}

void
bench_report_add(const char *unit, const double *samples, size_t n,
    bench_target target, const char *name, ...)
{
	va_list args;
	row *r;

	if (n_rows == ROWS_MAX)
		bench_die("too many figures");
	r = &rows[n_rows++];
	va_start(args, name);
	vsnprintf(r->name, sizeof(r->name), name, args);
	va_end(args);
	memcpy(r->section, section, sizeof(section));
	r->unit = unit;
	r->summary = bench_summarize(samples, n);
	r->target = target;
	r->verdict = judge(&target, r->summary.median);
	r->samples = bench_alloc(n * sizeof(*samples));
	memcpy(r->samples, samples, n * sizeof(*samples));
	if (strcmp(r->verdict, "MISSED") == 0)
		n_missed++;
	print_row(r);
}

void
bench_report_fact(const char *key, const char *format, ...)
{
	va_list args;
	fact *f;

	if (n_facts == FACTS_MAX)
		bench_die("too many facts");
	f = &facts[n_facts++];
	f->key = key;
	va_start(args, format);
	vsnprintf(f->value, sizeof(f->value), format, args);
	va_end(args);
	printf("%-12s %s\n", key, f->value);
}

/* -------------------------------------------------------------------- JSON */

static void
write_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20)
			fprintf(f, "\\u%04x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

static void
write_key(FILE *f, const char *key)
{
	write_string(f, key);
	fputs(": ", f);
}

/* JSON knows neither NaN nor infinity. */
static void
write_number(FILE *f, const char *key, double v)
{
	write_key(f, key);
	if (isfinite(v))
		fprintf(f, "%.9g, ", v);
	else
		fputs("null, ", f);
}

static void
write_row(FILE *f, const row *r)
{
	fputs("    {", f);
	write_key(f, "section");
	write_string(f, r->section);
	fputs(", ", f);
	write_key(f, "figure");
	write_string(f, r->name);
	fputs(", ", f);
	write_key(f, "unit");
	write_string(f, r->unit);
	fputs(", ", f);
	write_number(f, "median", r->summary.median);
	write_number(f, "min", r->summary.min);
	write_number(f, "max", r->summary.max);
	write_number(f, "mad", r->summary.mad);
	if (r->target.aim != BENCH_AIM_NONE) {
		write_key(f, "aim");
		fputs(r->target.aim == BENCH_AIM_AT_LEAST ? "\"at least\", "
							  : "\"at most\", ",
		    f);
		write_number(f, "must", r->target.must);
		write_number(f, "reach", r->target.reach);
		write_key(f, "verdict");
		write_string(f, r->verdict);
		fputs(", ", f);
	}
	write_key(f, "samples");
	for (size_t i = 0; i < r->summary.n; i++)
		if (isfinite(r->samples[i]))
			fprintf(
			    f, "%s%.9g", i == 0 ? "[" : ", ", r->samples[i]);
		else
			fprintf(f, "%snull", i == 0 ? "[" : ", ");
	fputs("]}", f);
}

unsigned
bench_report_finish(const char *path)
{
	FILE *f = fopen(path, "we");

	if (f == NULL)
		bench_die("%s cannot be written", path);
	fputs("{\n  \"facts\": {", f);
	for (unsigned i = 0; i < n_facts; i++) {
		fputs(i == 0 ? "\n    " : ",\n    ", f);
		write_key(f, facts[i].key);
		write_string(f, facts[i].value);
	}
	fputs("\n  },\n  \"figures\": [\n", f);
	for (unsigned i = 0; i < n_rows; i++) {
		fputs(i == 0 ? "" : ",\n", f);
		write_row(f, &rows[i]);
		free(rows[i].samples);
	}
	fputs("\n  ]\n}\n", f);
	if (fclose(f) != 0)
		bench_die("%s cannot be written", path);
	if (n_missed == 0)
		printf("\nEvery must was met; %s has the samples.\n", path);
	else
		printf(
		    "\n%u musts MISSED; %s has the samples.\n", n_missed, path);
	return n_missed;
}
