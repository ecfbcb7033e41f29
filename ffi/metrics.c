/*
 * A context's numbers, collected; see metrics.h.
 *
 * Threads: any. Words alone are read; the registry of homes is under a mutex
 * that no handler holds. Nothing is allocated.
 */
#include "ffi/metrics.h"

#include <string.h>

#include "ffi/count.h"
#include "ffi/reply.h"

#define COUNTER(field, metric, help) \
	{ #field, metric, help, \
		offsetof(struct metrics, counters) + \
		    offsetof(ferry_counters, field), METRICS_NUMBER }
#define STRAND(field, metric, help) \
	{ #field, metric, help, \
		offsetof(struct metrics, strands) + \
		    offsetof(ferry_strands, field), METRICS_NUMBER }
#define HEALTH(i, field, metric, help, unit) \
	{ #field, metric, help, \
		offsetof(struct metrics, health) + (i) * sizeof(uint64_t), \
		unit }

const struct metrics_field ferry__metrics_counters[] = {
	COUNTER(submitted, "requests_submitted_total", "Submits, but for "
	    "those with wrong arguments"),
	COUNTER(refused, "requests_refused_total", "Submits refused"),
	COUNTER(started, "requests_started_total", "Handlers started"),
	COUNTER(queued, "requests_queued", "Requests waiting now"),
	COUNTER(running, "requests_running",
	    "Requests started and unfinished now"),
	COUNTER(unstarted_canceled, "requests_unstarted_canceled_total",
	    "Requests cancelled before they started"),
	COUNTER(unstarted_deadline, "requests_unstarted_deadline_total",
	    "Requests whose deadline passed before they started"),
	COUNTER(unstarted_closed, "requests_unstarted_closed_total",
	    "Requests ended by a close before they started"),
	COUNTER(ended_ok, "requests_ended_ok_total",
	    "Requests answered FERRY_OK"),
	COUNTER(ended_error, "requests_ended_error_total",
	    "Requests answered by an error"),
	COUNTER(ended_canceled, "requests_ended_canceled_total",
	    "Requests answered FERRY_ECANCELED after they started"),
	COUNTER(ended_lost, "requests_ended_lost_total",
	    "Requests whose handler ended its thread"),
	COUNTER(ended_closed, "requests_ended_closed_total",
	    "Requests abandoned by a close"),
	COUNTER(late_replies, "replies_late_total",
	    "Replies that came after an abandoned close"),
	COUNTER(discarded, "replies_discarded_total",
	    "Replies whose taker was gone"),
	COUNTER(wakes, "submit_wakes_total",
	    "System calls made by submits"),
	COUNTER(events_emitted, "events_emitted_total", "Events accepted"),
	COUNTER(events_refused, "events_refused_total", "Events refused"),
	COUNTER(events_unheard, "events_unheard_total",
	    "Events that nobody wanted"),
	COUNTER(events_dropped, "events_dropped_total",
	    "Events dropped out of the queue"),
	COUNTER(events_dropped_elsewhere, "events_dropped_elsewhere_total",
	    "Events of other threads dropped"),
	COUNTER(events_dispatched, "events_dispatched_total",
	    "Events offered to all who hear"),
	COUNTER(events_heard, "events_heard_total", "Calls of listeners"),
	COUNTER(events_delivered, "events_delivered_total",
	    "Copies of events put into inboxes"),
	COUNTER(events_overrun, "events_overrun_total",
	    "Copies of events dropped by inboxes"),
	COUNTER(stall_episodes, "stall_episodes_total",
	    "Stalls announced"),
	COUNTER(handles_open, "handles_open", "Handles open now"),
	COUNTER(parks, "worker_parks_total",
	    "Times the worker's FFI thread went to sleep"),
	COUNTER(observer_gaps, "worker_observer_gaps_total",
	    "Times the worker's watcher was held up"),
	COUNTER(threads_lost, "worker_threads_lost_total",
	    "Threads of the worker ended by callbacks"),
	{ 0 },
};

const struct metrics_field ferry__metrics_strands[] = {
	STRAND(spawned, "strands_spawned_total", "Strands spawned"),
	STRAND(active, "strands_active", "Strands running or suspended now"),
	STRAND(completed, "strands_completed_total",
	    "Strands answered FERRY_OK"),
	STRAND(failed, "strands_failed_total",
	    "Strands answered another status"),
	STRAND(cancelled, "strands_cancelled_total", "Strands cancelled"),
	STRAND(lost, "strands_lost_total",
	    "Strands whose thread was ended"),
	STRAND(peak, "strands_peak", "The most strands active at once"),
	STRAND(refused, "strands_refused_total",
	    "Requests that got no strand"),
	STRAND(stack_size, "strand_stack_bytes",
	    "Usable bytes of a strand's stack"),
	STRAND(stack_touched, "strand_stack_touched_bytes",
	    "The deepest that any strand's stack went"),
	STRAND(unlisted, "strands_unlisted_total",
	    "Strands that the registry had no room for"),
	{ 0 },
};

const struct metrics_field ferry__metrics_health[] = {
	HEALTH(0, level, "health_level",
	    "Level of the call in hand, 0 (none) to 4 (fatal)",
	    METRICS_NUMBER),
	HEALTH(1, age_ns, "health_age_seconds",
	    "Since the watcher saw the heartbeat move", METRICS_NS),
	HEALTH(2, watcher_age_ns, "health_watcher_age_seconds",
	    "Since the watcher looked", METRICS_NS),
	{ 0 },
};

const char *const ferry__metrics_levels[LEDGER_LEVELS] = {
	"none", "slow", "stalled", "wedged", "fatal"
};

/* ---------------------------------------------------------------- writing */

void
ferry__metrics_bytes(struct metrics_sink *out, const char *bytes, size_t n)
{
	size_t room = out->n < out->size ? out->size - out->n : 0;

	if (room != 0)
		memcpy(out->buf + out->n, bytes, n < room ? n : room);
	out->n += n;
}

void
ferry__metrics_text(struct metrics_sink *out, const char *text)
{
	ferry__metrics_bytes(out, text, strlen(text));
}

void
ferry__metrics_number(struct metrics_sink *out, uint64_t n)
{
	char digits[20];
	size_t i = sizeof digits;

	do
		digits[--i] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	ferry__metrics_bytes(out, digits + i, sizeof digits - i);
}

void
ferry__metrics_seconds(struct metrics_sink *out, uint64_t ns)
{
	char places[10] = ".";
	uint64_t rest = ns % 1000000000u;

	for (int i = 9; i > 0; i--, rest /= 10)
		places[i] = (char)('0' + rest % 10);
	ferry__metrics_number(out, ns / 1000000000u);
	ferry__metrics_bytes(out, places, sizeof places);
}

/* How many bytes the character has that begins here; 0: it is none. As RFC
 * 3629 has it: no surrogates, nothing longer than need be. */
static size_t
character(const unsigned char *s)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return n;
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Whether a name has, by itself, what a byte would become. */
static bool
is_escape(const char *s)
{
	return s[0] == '\\' && s[1] == 'x' && is_hex(s[2]) && is_hex(s[3]);
}

static void
put_byte(struct metrics_sink *out, char c,
    void (*put)(struct metrics_sink *out, char c))
{
	static const char digits[] = "0123456789abcdef";

	put(out, '\\');
	put(out, 'x');
	put(out, digits[c >> 4 & 15]);
	put(out, digits[c & 15]);
}

void
ferry__metrics_string(struct metrics_sink *out, const char *s,
    void (*put)(struct metrics_sink *out, char c))
{
	size_t n;

	while (*s != 0) {
		n = character((const unsigned char *)s);
		if (n == 0 || is_escape(s))
			put_byte(out, *s, put);
		else if (n == 1)
			put(out, *s);
		else
			ferry__metrics_bytes(out, s, n);
		s += n != 0 ? n : 1;
	}
}

/* ------------------------------------------------------------- collecting */

static void
collect(struct metrics *m, struct context *c)
{
	struct event_thread *t = &ferry__context_worker(c)->events;
	uint64_t now = ferry__os_now_ns();
	/* Relaxed, these three: each for itself. */
	uint64_t looked = atom64_load_relaxed(&t->looked_ns);

	m->context = c;
	m->health[0] = atom32_load_relaxed(&t->level);
	m->health[1] = atom64_load_relaxed(&t->age_ns);
	m->health[2] = now > looked ? now - looked : 0;
	m->ledger_unseen = count_read(&c->ledger.unseen.n);
	m->ledger_total = count_read(&c->ledger.total.n);
	for (uint32_t i = 0; i < LEDGER_LEVELS; i++)
		m->ledger_level[i] = count_read(&c->ledger.level[i].n);
	m->missed = count_read(&c->timings.missed.n);
	ferry__count_fill(&m->counters, c);
	ferry__strand_fill(&m->strands, &c->strands);
}

static void
render(struct metrics_sink *out, struct context *c, uint32_t format)
{
	struct metrics m = { 0 };

	collect(&m, c);
	if (format == FERRY_METRICS_TEXT)
		ferry__metrics_prometheus(out, &m);
	else
		ferry__metrics_json(out, &m);
}

int
ferry_context_metrics(size_t *out_size, char *buf, size_t size,
    ferry_context context, uint32_t format)
{
	struct metrics_sink out = { .buf = buf,
		.size = size != 0 ? size - 1 : 0 };
	struct context *c;
	int r = ferry__context_find(&c, context);

	if (r != FERRY_OK)
		return r;
	if (out_size == NULL || (buf == NULL && size != 0) ||
	    (format != FERRY_METRICS_TEXT && format != FERRY_METRICS_JSON))
		return FERRY_EINVAL;
	ferry__reply_enter(c);
	r = ferry__context_check(c, context);
	if (r == FERRY_OK)
		render(&out, c, format);
	ferry__reply_leave(c);
	if (r != FERRY_OK)
		return r;
	if (size != 0)
		buf[out.n < out.size ? out.n : out.size] = 0;
	*out_size = out.n;
	return out.n < size ? FERRY_OK : FERRY_E2BIG;
}
