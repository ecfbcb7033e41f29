/*
 * tests/api/stalls.h: what a context's watcher says, written down.
 */
#ifndef TESTS_API_STALLS_H
#define TESTS_API_STALLS_H

#include "watched.h"

enum { STALLS_MOST = 256, STALL_TEXT = 16384 };

/* One report. Its strings are copies; those of the struct are gone. */
struct stall {
	ferry_stall s;
	char library[64], method[64], scope[64], reason[64];
	char syscall_name[32], target[256];
	char function[64]; /* of the innermost frames: the first named one */
	char text[STALL_TEXT];
};

struct stalls {
	pthread_mutex_t lock;
	uint32_t n;
	struct stall *at[STALLS_MOST];
	/* Each call waits here, if there is one; and answers so. */
	struct fx_gate *gate;
	int answer;
	/* Called each time before it is written down, if there is one. */
	void (*also)(const ferry_stall *s, void *arg);
	void *arg;
	atomic_int inside;
};

#define STALLS {.lock = PTHREAD_MUTEX_INITIALIZER}

static inline void
stall_string(char *out, size_t size, const char *s)
{
	snprintf(out, size, "%s", s != NULL ? s : "");
}

#define STALL_COPY(to, s) stall_string(to, sizeof(to), s)

static inline struct stall *
stall_copy(const ferry_stall *s)
{
	struct stall *c = calloc(1, sizeof *c);

	T_ASSERT(c != NULL);
	T_EQ(s->struct_size, sizeof *s);
	T_ASSERT(s->text != NULL);
	T_ASSERT(s->n_frames == 0 || s->frames != NULL);
	c->s = *s;
	STALL_COPY(c->library, s->library);
	STALL_COPY(c->method, s->method_name);
	STALL_COPY(c->scope, s->scope);
	STALL_COPY(c->reason, s->reason);
	STALL_COPY(c->syscall_name, s->syscall_name);
	STALL_COPY(c->target, s->target);
	STALL_COPY(c->text, s->text);
	for (uint32_t i = 0; i < s->n_frames && c->function[0] == 0; i++)
		STALL_COPY(c->function, s->frames[i].function);
	return c;
}

static inline int
stalls_hear(const ferry_stall *s, void *user)
{
	struct stalls *h = user;
	int answer;

	T_EQ(atomic_fetch_add(&h->inside, 1), 0);
	if (h->also != NULL)
		h->also(s, h->arg);
	pthread_mutex_lock(&h->lock);
	T_LT(h->n, STALLS_MOST);
	h->at[h->n++] = stall_copy(s);
	answer = h->answer;
	pthread_mutex_unlock(&h->lock);
	if (h->gate != NULL)
		fx_gate_pass(h->gate);
	T_EQ(atomic_fetch_sub(&h->inside, 1), 1);
	return answer;
}

static inline uint32_t
stalls_n(struct stalls *h)
{
	uint32_t n;

	pthread_mutex_lock(&h->lock);
	n = h->n;
	pthread_mutex_unlock(&h->lock);
	return n;
}

/* Of those from `from` on the first of a kind, or NULL. */
static inline const struct stall *
stalls_find(struct stalls *h, uint32_t from, uint32_t kind)
{
	const struct stall *found = NULL;

	pthread_mutex_lock(&h->lock);
	for (uint32_t i = from; i < h->n && found == NULL; i++) {
		if (h->at[i]->s.kind == kind)
			found = h->at[i];
	}
	pthread_mutex_unlock(&h->lock);
	return found;
}

static inline uint32_t
stalls_count(struct stalls *h, uint32_t kind)
{
	uint32_t n = 0;

	pthread_mutex_lock(&h->lock);
	for (uint32_t i = 0; i < h->n; i++)
		n += h->at[i]->s.kind == kind;
	pthread_mutex_unlock(&h->lock);
	return n;
}

static inline const struct stall *
stalls_await(struct stalls *h, uint32_t from, uint32_t kind)
{
	const struct stall *s;

	T_WAIT_UNTIL((s = stalls_find(h, from, kind)) != NULL, FX_LIMIT_MS);
	return s;
}

static inline void
stalls_free(struct stalls *h)
{
	for (uint32_t i = 0; i < h->n; i++)
		free(h->at[i]);
	h->n = 0;
}

/* What was said so far, where a test fails. */
static struct stalls *stalls_of_scene;

void t_on_fail(void);

void
t_on_fail(void)
{
	struct stalls *h = stalls_of_scene;

	for (uint32_t i = 0; h != NULL && i < h->n; i++)
		dprintf(2, "report %u: kind %u, level %u, verdict %s, "
		    "looks %u, cpu %ju, delay %ju\n  %.100s\n", i,
		    h->at[i]->s.kind, h->at[i]->s.level,
		    ferry_verdict_name(h->at[i]->s.verdict),
		    h->at[i]->s.looks, (uintmax_t)h->at[i]->s.cpu_ns,
		    (uintmax_t)h->at[i]->s.delay_ns, h->at[i]->text);
}

/* ---------------------------------------------------------------- watching */

static inline ferry_watch_options
watching_by(struct stalls *h)
{
	ferry_watch_options o;

	memset(&o, 0, sizeof o);
	o.struct_size = sizeof o;
	o.interval_ms = FERRY_OFF;
	o.callback = stalls_hear;
	o.user = h;
	return o;
}

/* A context that is watched, with all that hears of it. */
struct scene {
	ferry_context context;
	ferry_inbox inbox;
	struct stalls heard;
};

static inline void
scene_open(struct scene *s, const ferry_context_options *options)
{
	ferry_watch_options o = watching_by(&s->heard);

	memset(s, 0, sizeof *s);
	pthread_mutex_init(&s->heard.lock, NULL);
	stalls_of_scene = &s->heard;
	s->context = options != NULL ? fx_open_with(options) : open_watched();
	s->inbox = watch(s->context, NULL);
	T_OK(ferry_context_watch(s->context, &o));
}

/* All that was said has come: each beginning has its end. */
static inline void
scene_settle(struct scene *s)
{
	struct stalls *h = &s->heard;

	T_WAIT_UNTIL(health(s->context).level == FERRY_LEVEL_NONE &&
	    stalls_count(h, FERRY_STALL_BEGAN) ==
	        stalls_count(h, FERRY_STALL_ENDED), FX_LIMIT_MS);
}

/* Of a context that has closed. */
static inline void
scene_free(struct scene *s)
{
	T_EQ(stalls_count(&s->heard, FERRY_STALL_BEGAN),
	    stalls_count(&s->heard, FERRY_STALL_ENDED));
	T_OK(ferry_inbox_close(NULL, s->inbox));
	stalls_of_scene = NULL;
	stalls_free(&s->heard);
	pthread_mutex_destroy(&s->heard.lock);
}

static inline void
scene_close(struct scene *s)
{
	scene_settle(s);
	fx_close(s->context);
	scene_free(s);
}

/* Run by what has threads of its own idea (make check-arm64, check-valgrind):
 * the system tells of that. */
static inline int
runs_in_another(void)
{
	const char *wrap = getenv("T_WRAP");

	return t_emulated() ||
	    (wrap != NULL && strstr(wrap, "valgrind") != NULL);
}

/* What the system tells no one, is not known. */
static inline uint32_t
told(uint32_t verdict)
{
	return T_PORTABLE ? FERRY_VERDICT_UNKNOWN : verdict;
}

#endif
