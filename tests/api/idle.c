/*
 * Law 3: from two seconds after the last request, nothing of Ferry wakes.
 *
 * Contexts of every kind are used, left alone for two seconds, and then each
 * of their threads is watched for a second and a half: not one context
 * switch. The control is the same measurement with traffic. Catches every
 * polling timer, and a watcher that goes on ticking.
 */
#include <dirent.h>

#include "fixture.h"

enum { MAX_THREADS = 32 };

struct threads {
	uint32_t tid[MAX_THREADS];
	uint64_t switches[MAX_THREADS];
	int n;
};

#define ENDED UINT64_MAX

/* Voluntary and involuntary switches of one thread so far, or ENDED. */
static uint64_t
switches_of(uint32_t tid)
{
	char path[64], line[128];
	unsigned long long voluntary = ENDED, involuntary = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%u/status", tid);
	f = fopen(path, "re");
	if (f == NULL && errno == ENOENT)
		return ENDED;
	T_ASSERT(f != NULL);
	while (fgets(line, sizeof line, f) != NULL) {
		sscanf(line, "voluntary_ctxt_switches: %llu", &voluntary);
		sscanf(line, "nonvoluntary_ctxt_switches: %llu",
		    &involuntary);
	}
	fclose(f);
	return voluntary == ENDED ? ENDED : voluntary + involuntary;
}

static int
is_in(const struct threads *t, uint32_t tid)
{
	for (int i = 0; i < t->n; i++) {
		if (t->tid[i] == tid)
			return 1;
	}
	return 0;
}

/* All threads that were not there before: a sanitizer has one of its own. One
 * that has been joined may be listed for a moment more. */
static void
look_at_threads(struct threads *t, const struct threads *others)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;

	T_ASSERT(dir != NULL);
	t->n = 0;
	while ((entry = readdir(dir)) != NULL) {
		uint32_t tid = (uint32_t)strtoul(entry->d_name, NULL, 10);

		if (tid == 0 || is_in(others, tid))
			continue;
		T_LT(t->n, MAX_THREADS);
		t->tid[t->n] = tid;
		t->switches[t->n] = switches_of(tid);
		if (t->switches[t->n] != ENDED)
			t->n++;
	}
	closedir(dir);
}

static void
use(ferry_context context)
{
	for (int i = 0; i < 100; i++)
		T_EQ(fx_wait(fx_submit(context, FX_NOP, NULL, 0, NULL)), 0);
}

enum { N_CONTEXTS = 5 };

static void
hear(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	(void)context;
	(void)event;
	(void)data;
	(void)size;
	(void)dropped;
	atomic_fetch_add((atomic_int *)user, 1);
}

struct zoo {
	ferry_context context[N_CONTEXTS];
	ferry_inbox inbox;
	ferry_call deferred;
	ferry_request request;
	atomic_int heard;
	struct fx_gate gate;
};

static int
pass_gate(void *gate)
{
	fx_gate_pass(gate);
	return 0;
}

/* The cleanup lane, with more workers than it keeps. */
static void
use_cleanup(struct zoo *zoo)
{
	zoo->gate = (struct fx_gate)FX_GATE_SHUT;
	for (int i = 0; i < 4; i++)
		T_OK(ferry_cleanup_submit(pass_gate, &zoo->gate, NULL));
	fx_gate_await(&zoo->gate, 4);
	fx_gate_open(&zoo->gate);
	T_OK(ferry_cleanup_flush(-1));
}

static int
defer_run(ferry_call call, void *arg)
{
	struct zoo *zoo = arg;

	T_OK(ferry_call_defer(call));
	zoo->deferred = call;
	return FERRY_OK;
}

static int
emit_run(ferry_call call, void *arg)
{
	(void)call;
	return ferry_context_emit(*(ferry_context *)arg, FX_TICK, "x", 1);
}

static void
add_listener(struct zoo *zoo, ferry_context context)
{
	ferry_listener_options o = {.struct_size = sizeof o,
	    .event = FERRY_EVENT_ANY, .listener = hear, .user = &zoo->heard};
	ferry_listener l;

	T_OK(ferry_listener_add(&l, context, &o));
}

static void
open_zoo(struct zoo *zoo)
{
	ferry_context_options o = fx_context_options();

	memset(zoo, 0, sizeof *zoo);
	zoo->inbox = fx_inbox();
	zoo->context[0] = fx_open(); /* a plain one */
	zoo->context[1] = fx_open(); /* one that is listened to */
	fx_attach(zoo->inbox, zoo->context[1],
	    FERRY_ATTACH_EVENTS | FERRY_ATTACH_LIVENESS, NULL);
	o.worker_key = "idle"; /* two that share */
	zoo->context[2] = fx_open_with(&o);
	zoo->context[3] = fx_open_with(&o);
	zoo->context[4] = fx_open(); /* one with a call that is deferred */
	add_listener(zoo, zoo->context[1]);
	add_listener(zoo, zoo->context[2]);
	T_OK(ferry_cleanup_start(NULL));
}

static void
use_zoo(struct zoo *zoo)
{
	ferry_request_options o = fx_to_inbox(zoo->inbox, NULL);
	ferry_completion c;

	for (int i = 0; i < N_CONTEXTS; i++)
		use(zoo->context[i]);
	/* Timers that were asked for, and have had their day. */
	o.stale_ms = 1;
	o.deadline_ns = ferry_clock_ns() + 1000000000;
	fx_submit(zoo->context[1], FX_NOP, NULL, 0, &o);
	c = fx_take(zoo->inbox);
	fx_done(&c);
	T_OK(fx_do_wait(zoo->context[1], emit_run, &zoo->context[1]));
	c = fx_take(zoo->inbox);
	fx_done(&c);
	T_WAIT_UNTIL(atomic_load(&zoo->heard) == 1, FX_LIMIT_MS);
	zoo->request = fx_do(zoo->context[4], defer_run, zoo);
	use(zoo->context[4]);
	use_cleanup(zoo);
}

static void
close_zoo(struct zoo *zoo)
{
	T_OK(ferry_call_reply(zoo->deferred, 0, NULL, 0));
	T_EQ(fx_wait(zoo->request), FERRY_OK);
	for (int i = 0; i < N_CONTEXTS; i++)
		fx_close(zoo->context[i]);
	T_OK(ferry_inbox_close(NULL, zoo->inbox));
	T_OK(ferry_cleanup_shutdown(NULL, NULL));
}

/* How many switches each thread has made since `before`. */
static uint64_t
switches_since(const struct threads *before, int report)
{
	uint64_t sum = 0;

	for (int i = 0; i < before->n; i++) {
		uint64_t n = switches_of(before->tid[i]) -
		    before->switches[i];

		if (n > 0 && report)
			dprintf(2, "thread %u has switched %llu times\n",
			    before->tid[i], (unsigned long long)n);
		sum += n;
	}
	return sum;
}

static void
no_wakes_when_idle(void)
{
	struct zoo zoo;
	struct threads none = {.n = 0}, others, before;
	uint64_t parks;

	fx_close(fx_open()); /* a sanitizer starts its own with the first */
	look_at_threads(&others, &none);
	open_zoo(&zoo);
	use_zoo(&zoo);
	t_sleep_ms(2000); /* the law's two seconds */
	look_at_threads(&before, &others);
	/* Four workers, four watchers; the lane's dispatcher and one of its. */
	T_EQ(before.n, 10);
	parks = fx_counters(zoo.context[0]).parks;
	t_sleep_ms(1500); /* nothing is to happen in these */
	T_EQ(switches_since(&before, 1), 0);
	T_EQ(fx_counters(zoo.context[0]).parks, parks);
	/* The control: with traffic, the same count is not zero. */
	for (int i = 0; i < N_CONTEXTS; i++)
		use(zoo.context[i]);
	T_GT(switches_since(&before, 0), 0);
	close_zoo(&zoo);
}

T_MAIN(
	T_RUN(no_wakes_when_idle);
)
