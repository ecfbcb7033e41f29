/*
 * The benches: Ferry against the bare push list (the limit), the algorithm it
 * came from, libuv and GLib, interleaved in one process.
 *
 * A round runs each contender once, one right after the other, and begins
 * with another one than the round before, so that none always runs first. A
 * figure is the median over the rounds; where it is a ratio, of the ratios
 * within each round (stats.h says why).
 *
 *	bench [--rounds=9] [--ms=100] [--out=FILE] [--strict] [SECTION…]
 *
 * --ms is how long one trial of a load lasts, about. Sections: context, idle,
 * accounting, strand, strands, handle, cleanup, trips, load, unbounded; all of
 * them without any.
 * --strict makes a missed must the exit status 1.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contender.h"
#include "ferry_rows.h"
#include "original.h"
#include "probe.h"
#include "report.h"
#include "stats.h"
#include "system.h"
#include "trial.h"

#define ROUNDS_MAX    999
#define REQUESTS_MIN  20000u
#define REQUESTS_MAX  50000000u
#define UNBOUNDED     400000u /* requests of all producers together */
#define CHECKED       20000u  /* requests of each producer */
#define REST_NS       200000u /* ten times the longest spin */
#define TRIPS_AWAKE   20000u
#define TRIPS_ASLEEP  200u
#define RESIDENT_MOST 5u /* rounds */

/* In the order of the table; the first is the reference. */
enum {
	BARE,
	FERRY,
	ORIGINAL,
	LIBUV,
	GLIB,
	CONTENDERS
};

static const bench_contender *const contenders[CONTENDERS] = {
	[BARE] = &bench_bare,
	[FERRY] = &bench_ferry,
	[ORIGINAL] = &bench_original,
	[LIBUV] = &bench_libuv,
	[GLIB] = &bench_glib,
};

typedef struct settings {
	unsigned rounds;
	unsigned ms;
	const char *out;
	bool strict;
	char **sections; /* NULL-terminated; empty: all */
} settings;

/* By round; of the group that is being measured. */
static double rate[CONTENDERS][ROUNDS_MAX];
static double wakes[CONTENDERS][ROUNDS_MAX];
static double scratch[ROUNDS_MAX];

static bool
is_wanted(const settings *s, const char *section)
{
	if (s->sections[0] == NULL)
		return true;
	for (char **p = s->sections; *p != NULL; p++)
		if (strcmp(*p, section) == 0)
			return true;
	return false;
}

/* -------------------------------------------------------------------- load */

static bool
is_built(unsigned c)
{
	return contenders[c]->missing == NULL;
}

static void
run_load(bench_load_result *out, unsigned c, const bench_load *load)
{
	if (bench_trial_load(out, contenders[c], load) != 0)
		bench_die("%s cannot run here", contenders[c]->name);
}

/* Everybody must get everything across, whole and in order. Tells how many
 * requests a producer sends in the time of a trial. */
static uint64_t
rehearse(unsigned c, bench_load load, unsigned ms)
{
	bench_load_result r;
	double n;

	load.check = true;
	load.requests = CHECKED;
	run_load(&r, c, &load);
	load.check = false;
	run_load(&r, c, &load);
	n = r.rate * ms / 1000;
	if (n < REQUESTS_MIN)
		n = REQUESTS_MIN;
	if (n > REQUESTS_MAX)
		n = REQUESTS_MAX;
	return (uint64_t)n / load.producers + 1;
}

static void
run_rounds(const settings *s, bench_load load, const uint64_t *requests)
{
	for (unsigned i = 0; i < s->rounds; i++) {
		for (unsigned k = 0; k < CONTENDERS; k++) {
			unsigned c = (i + k) % CONTENDERS;
			bench_load_result r;

			if (!is_built(c))
				continue;
			load.requests = requests[c];
			run_load(&r, c, &load);
			rate[c][i] = r.rate / 1e6;
			wakes[c][i] = r.wakes_per_k;
		}
	}
}

static void
report_ratio(
    const settings *s, unsigned c, unsigned reference, bench_target target)
{
	if (!is_built(c) || !is_built(reference))
		return;
	bench_ratios(scratch, rate[c], rate[reference], s->rounds);
	bench_report_add("", scratch, s->rounds, target, "%s / %s",
	    contenders[c]->name, contenders[reference]->name);
}

static bench_target
target_over_original(unsigned producers)
{
	if (producers == 1)
		return BENCH_AT_LEAST(4, 8);
	if (producers == 8)
		return BENCH_AT_LEAST(2, 3);
	return BENCH_NO_TARGET;
}

static void
report_load(const settings *s, unsigned producers, bool bounded)
{
	for (unsigned c = 0; c < CONTENDERS; c++)
		if (is_built(c))
			bench_report_add("M/s", rate[c], s->rounds,
			    BENCH_NO_TARGET, "%s", contenders[c]->name);
		else
			bench_report_note("%s: not built, %s",
			    contenders[c]->name, contenders[c]->missing);
	report_ratio(s, FERRY, BARE,
	    bounded ? BENCH_AT_LEAST(0.7, 0.9) : BENCH_NO_TARGET);
	report_ratio(s, FERRY, ORIGINAL,
	    bounded ? target_over_original(producers) : BENCH_NO_TARGET);
	report_ratio(s, FERRY, LIBUV, BENCH_NO_TARGET);
	report_ratio(s, FERRY, GLIB, BENCH_NO_TARGET);
	bench_report_add("", wakes[FERRY], s->rounds,
	    bounded ? BENCH_AT_MOST(1, 1) : BENCH_NO_TARGET,
	    "Ferry, wake calls per 1000 submits");
	bench_report_add("", wakes[BARE], s->rounds, BENCH_NO_TARGET,
	    "bare, wake calls per 1000 submits");
}

static void
load_group(const settings *s, unsigned producers, bool pinned, bool bounded)
{
	bench_load load = {
		.producers = producers,
		.in_flight = bounded ? BENCH_IN_FLIGHT : 0,
		.pinned = pinned,
		.warmup = 2 * BENCH_IN_FLIGHT,
	};
	uint64_t requests[CONTENDERS] = { 0 };
	char name[64];

	snprintf(name, sizeof(name), "%s, %u producer%s, %s",
	    bounded ? "load" : "unbounded load", producers,
	    producers == 1 ? "" : "s", pinned ? "pinned" : "not pinned");
	bench_report_section(name);
	for (unsigned c = 0; c < CONTENDERS; c++) {
		if (!is_built(c))
			continue;
		requests[c] = rehearse(c, load, s->ms);
		/* Without a bound the backlog, hence the rate, depends on
		 * how many there are: the same for everybody. */
		if (!bounded)
			requests[c] = UNBOUNDED / producers;
	}
	run_rounds(s, load, requests);
	report_load(s, producers, bounded);
}

static void
load_groups(const settings *s, bool bounded)
{
	for (int pinned = 1; pinned >= 0; pinned--)
		for (unsigned producers = 1; producers <= 8; producers *= 2)
			load_group(s, producers, pinned, bounded);
}

/* ------------------------------------------------------------------- trips */

typedef struct trip_group {
	const char *name;
	bool asleep;
	bench_place place;
} trip_group;

static const trip_group trip_groups[] = {
	{ "round trip, both awake, apart", false, BENCH_PLACE_APART },
	{ "round trip, both awake, not pinned", false, BENCH_PLACE_ANY },
	{ "round trip, both asleep, apart", true, BENCH_PLACE_APART },
	{ "round trip, both asleep, one processor", true,
	    BENCH_PLACE_TOGETHER },
	{ "round trip, both asleep, not pinned", true, BENCH_PLACE_ANY },
};

static void
trips_group(const settings *s, const trip_group *g)
{
	static const unsigned two[] = { BARE, FERRY };
	bench_trips trips = {
		.place = g->place,
		.rest_ns = g->asleep ? REST_NS : 0,
		.warmup = g->asleep ? 20 : 2000,
		.trips = g->asleep ? TRIPS_ASLEEP : TRIPS_AWAKE,
		.wait = g->asleep ? BENCH_WAIT_SLEEP : BENCH_WAIT_SPIN,
	};

	bench_report_section(g->name);
	for (unsigned i = 0; i < s->rounds; i++)
		for (unsigned k = 0; k < 2; k++) {
			unsigned c = two[(i + k) % 2];

			if (bench_trial_trips(
				&rate[c][i], contenders[c], &trips) != 0)
				bench_die("%s has no round trips",
				    contenders[c]->name);
		}
	for (unsigned k = 0; k < 2; k++)
		bench_report_add("ns", rate[two[k]], s->rounds, BENCH_NO_TARGET,
		    "%s", contenders[two[k]]->name);
	report_ratio(s, FERRY, BARE, BENCH_AT_MOST(1.1, 1));
}

/* -------------------------------------------------------------------- main */

static void
probe_lines(const settings *s)
{
	for (unsigned i = 0; i < s->rounds; i++)
		scratch[i] = bench_probe_line_ns();
	bench_report_section("this machine, just now");
	bench_report_add("ns", scratch, s->rounds, BENCH_NO_TARGET,
	    "a cache line, processor to processor");
}

static void
tell_facts(const settings *s)
{
	char name[96];

	bench_probe_others(); /* from now on */
	bench_cpu_name(name, sizeof(name));
	bench_report_fact("cpu", "%s", name);
	bench_report_fact("processors", "%u", bench_cpu_count());
	bench_report_fact("compiler", "%s", __VERSION__);
	bench_report_fact("ferry", "%d, %s", ferry_version(), BENCH_LINKED);
	bench_report_fact("rounds", "%u", s->rounds);
	bench_report_fact("payload", "%d bytes", BENCH_PAYLOAD);
	bench_report_fact(
	    "in flight", "at most %d per producer", BENCH_IN_FLIGHT);
	bench_report_fact("original", "%d shards, poll of %d ms",
	    ORIGINAL_SHARDS, ORIGINAL_POLL_MS);
}

static void
run(const settings *s)
{
	/* First of all: it wants a fresh process. */
	if (is_wanted(s, "context")) {
		bench_rows_resident(
		    s->rounds < RESIDENT_MOST ? s->rounds : RESIDENT_MOST);
		bench_rows_context(s->rounds);
	}
	if (is_wanted(s, "idle"))
		bench_rows_idle();
	if (is_wanted(s, "accounting"))
		bench_rows_accounting(s->rounds);
	if (is_wanted(s, "strand"))
		bench_rows_strand(s->rounds);
	if (is_wanted(s, "handle"))
		bench_rows_handle(s->rounds);
	if (is_wanted(s, "strands"))
		bench_rows_strands(s->rounds);
	if (is_wanted(s, "cleanup"))
		bench_rows_cleanup(s->rounds);
	probe_lines(s);
	if (is_wanted(s, "trips"))
		for (unsigned i = 0;
		     i < sizeof(trip_groups) / sizeof(trip_groups[0]); i++)
			trips_group(s, &trip_groups[i]);
	if (is_wanted(s, "load"))
		load_groups(s, true);
	if (is_wanted(s, "unbounded"))
		load_groups(s, false);
	probe_lines(s);
	scratch[0] = 100 * bench_probe_others();
	bench_report_add("%", scratch, 1, BENCH_NO_TARGET,
	    "processor time that others had meanwhile");
}

static unsigned
number(const char *text, unsigned most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end != '\0' || n == 0 || n > most)
		bench_die("%s: a number from 1 to %u", text, most);
	return (unsigned)n;
}

static void
check_sections(char **sections)
{
	static const char *const known[] = { "context", "idle", "accounting",
		"strand", "strands", "handle", "cleanup", "trips", "load",
		"unbounded" };

	for (; *sections != NULL; sections++) {
		bool found = false;

		for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			found |= strcmp(*sections, known[i]) == 0;
		if (!found)
			bench_die("no section %s", *sections);
	}
}

static settings
read_settings(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "ms", required_argument, NULL, 'm' },
		{ "out", required_argument, NULL, 'o' },
		{ "strict", no_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	settings s = { .rounds = 9, .ms = 100, .out = "bench.json" };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			s.rounds = number(optarg, ROUNDS_MAX);
			break;
		case 'm':
			s.ms = number(optarg, 60000);
			break;
		case 'o':
			s.out = optarg;
			break;
		case 's':
			s.strict = true;
			break;
		default:
			exit(2);
		}
	}
	s.sections = argv + optind;
	check_sections(s.sections);
	return s;
}

int
main(int argc, char **argv)
{
	settings s = read_settings(argc, argv);
	unsigned missed;

	tell_facts(&s);
	run(&s);
	missed = bench_report_finish(s.out);
	return s.strict && missed != 0;
}
