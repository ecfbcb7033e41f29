/*
 * The library that zoo.h declares. It is not thread-safe, on purpose, and finds
 * out: who comes in while another thread is inside aborts the process. So does
 * who closes a zoo with animals in it, which would be leaks.
 */
#include "zoo_ferry.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct zoo {
	char *name;
	char *detail;  /* of the last failure, or NULL */
	size_t animals;
	/* Set on any thread; taken back by the call that sees it. */
	atomic_int interrupted;
	pthread_mutex_t lock;   /* of what is below */
	pthread_cond_t changed; /* its keepers, or an interrupt */
	unsigned keepers;       /* threads that are to answer later */
};

struct zoo_animal {
	zoo *home;
	char *name;
	uint32_t friends;
};

/* --- Alone --------------------------------------------------------------- */

/* All zoos of a process are one: what is global in a library is shared. The
 * process that somebody is inside in: a child's copy says nothing of it. */
static atomic_long inside;

static void
enter(void)
{
	long was = atomic_exchange(&inside, getpid());

	if (was == getpid()) {
		fputs("zoo: two threads are inside\n", stderr);
		abort();
	}
}

static void
leave(void)
{
	atomic_store(&inside, 0);
}

static char *
copy(const char *text)
{
	char *to = strdup(text);

	if (to == NULL)
		abort();
	return to;
}

/* Leaves, with a failure that has a text. */
static zoo_error
fail(zoo *z, zoo_error how, const char *text)
{
	char *detail = copy(text);

	free(z->detail);
	z->detail = detail;
	leave();
	return how;
}

static zoo_error
fine(void)
{
	leave();
	return ZOO_OK;
}

const char *
zoo_error_text(zoo_error code)
{
	switch (code) {
	case ZOO_OK:
		return "all is well";
	case ZOO_HUNGRY:
		return "nothing to eat";
	case ZOO_ESCAPED:
		return "not in its cage";
	case ZOO_INTERRUPTED:
		return "interrupted";
	}
	return "nobody knows";
}

/* --- The zoo ------------------------------------------------------------- */

static void
init_clock(zoo *z)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&z->changed, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&z->lock, NULL);
}

zoo_error
zoo_open(zoo **out, const char *name, uint32_t cages)
{
	zoo *z;

	enter();
	if (*name == 0 || cages == 0) {
		leave();
		return ZOO_HUNGRY;
	}
	z = calloc(1, sizeof *z);
	if (z == NULL)
		abort();
	z->name = copy(name);
	init_clock(z);
	*out = z;
	return fine();
}

void
zoo_close(zoo *z)
{
	enter();
	pthread_mutex_lock(&z->lock);
	while (z->keepers != 0)
		pthread_cond_wait(&z->changed, &z->lock);
	pthread_mutex_unlock(&z->lock);
	if (z->animals != 0) {
		fprintf(stderr, "zoo: %zu animals left\n", z->animals);
		abort();
	}
	pthread_cond_destroy(&z->changed);
	pthread_mutex_destroy(&z->lock);
	free(z->detail);
	free(z->name);
	free(z);
	leave();
}

const char *
zoo_detail(zoo *z)
{
	return z->detail;
}

/* --- Echoes -------------------------------------------------------------- */

zoo_error
zoo_numbers_echo(zoo *z, const zoo_numbers *in, zoo_numbers *out)
{
	(void)z;
	enter();
	*out = *in;
	return fine();
}

/* What it gives back is the caller's own, which stays until it is copied. */
zoo_error
zoo_things_echo(zoo *z, const zoo_things *in, zoo_things *out)
{
	(void)z;
	enter();
	*out = *in;
	return fine();
}

zoo_error
zoo_shapes_echo(zoo *z, const zoo_shapes *in, zoo_shapes *out)
{
	(void)z;
	enter();
	*out = *in;
	return fine();
}

zoo_error
zoo_shape_echo(zoo *z, const zoo_shape *in, zoo_shape *out)
{
	(void)z;
	enter();
	*out = *in;
	return fine();
}

zoo_error
zoo_cells_echo(zoo *z, const zoo_cells *in, zoo_cells *out)
{
	(void)z;
	enter();
	*out = *in;
	return fine();
}

/* --- Arguments and results ----------------------------------------------- */

static char *
piece(const char *from, const char *to)
{
	char *word = strndup(from, (size_t)(to - from));

	if (word == NULL)
		abort();
	return word;
}

/* Ends with a NULL, which is not counted: so the words can be freed. */
static char **
split(const char *text, size_t n, char by, size_t *count)
{
	const char *end = text + n;
	const char *from = text;
	const char *at;
	char **words = calloc(n + 2, sizeof *words);

	if (words == NULL)
		abort();
	*count = 0;
	for (at = text; at < end; at++) {
		if (*at != by)
			continue;
		words[(*count)++] = piece(from, at);
		from = at + 1;
	}
	words[(*count)++] = piece(from, end);
	return words;
}

/* Where is whole numbers: added to the count, so that it can be seen. */
zoo_error
zoo_split(zoo *z, const char *text, size_t n, char by, const zoo_point *where,
    int32_t *count, char ***words, size_t *n_words)
{
	enter();
	if (n == 0)
		return fail(z, ZOO_HUNGRY, "no text to split");
	*words = split(text, n, by, n_words);
	*count = (int32_t)*n_words;
	if (where != NULL && where->x >= 0 && where->x < 1000)
		*count += (int32_t)where->x;
	return fine();
}

void
zoo_words_free(char **words)
{
	size_t i;

	for (i = 0; words[i] != NULL; i++)
		free(words[i]);
	free(words);
}

int64_t
zoo_sum(zoo *z, const int64_t *numbers, size_t n)
{
	uint64_t sum = 0;
	size_t i;

	(void)z;
	enter();
	for (i = 0; i < n; i++)
		sum += (uint64_t)numbers[i];
	leave();
	return (int64_t)sum;
}

const char *
zoo_find(zoo *z, const char *word)
{
	enter();
	word = strstr(z->name, word);
	leave();
	return word;
}

zoo_error
zoo_fail(zoo *z, zoo_error how, const char *text)
{
	enter();
	return fail(z, how, text);
}

int
zoo_jump(zoo *z, int height)
{
	enter();
	if (height < 0) {
		fail(z, ZOO_HUNGRY, "too low");
		return height;
	}
	leave();
	return height;
}

/* --- Time ---------------------------------------------------------------- */

static struct timespec
from_now(uint32_t ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += (long)(ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}

/* How often somebody has come to hold it: for tests, and in no header. */
extern atomic_uint zoo_holds;
atomic_uint zoo_holds;

zoo_error
zoo_hold(zoo *z, uint32_t time)
{
	struct timespec until = from_now(time);
	int r = 0;

	enter();
	atomic_fetch_add(&zoo_holds, 1);
	pthread_mutex_lock(&z->lock);
	/* One that came before it began is not forgotten. */
	while (r == 0 && !atomic_load(&z->interrupted))
		r = pthread_cond_timedwait(&z->changed, &z->lock, &until);
	pthread_mutex_unlock(&z->lock);
	if (atomic_exchange(&z->interrupted, 0))
		return fail(z, ZOO_INTERRUPTED, "held no longer");
	return fine();
}

void
zoo_interrupt(zoo *z)
{
	pthread_mutex_lock(&z->lock);
	atomic_store(&z->interrupted, 1);
	pthread_cond_broadcast(&z->changed);
	pthread_mutex_unlock(&z->lock);
}

/* Others come in while it waits. */
zoo_error
zoo_sleep(zoo *z, uint32_t time, uint32_t *slept)
{
	if (ferry_strand_sleep(time) != FERRY_OK) {
		enter();
		return fail(z, ZOO_INTERRUPTED, "woken up");
	}
	*slept = time;
	return ZOO_OK;
}

/* --- Later --------------------------------------------------------------- */

struct keeper {
	zoo *zoo;
	ferry_call call;
	uint32_t delay_ms;
	const char *text;
};

static void *
keep(void *arg)
{
	struct keeper *k = arg;
	struct timespec until = from_now(k->delay_ms);
	char text[64];

	while (clock_nanosleep(
	    CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		continue;
	if (*k->text == 0) {
		zoo_later_reply(
		    k->call, ZOO_ESCAPED, "nothing to say", NULL, 0);
	} else {
		snprintf(text, sizeof text, "%.50s, later", k->text);
		zoo_later_reply(
		    k->call, ZOO_OK, NULL, text, (int32_t)k->delay_ms);
	}
	/* The zoo may be gone as soon as it sees that its keeper is. */
	pthread_mutex_lock(&k->zoo->lock);
	k->zoo->keepers--;
	pthread_cond_broadcast(&k->zoo->changed);
	pthread_mutex_unlock(&k->zoo->lock);
	free(k);
	return NULL;
}

static int
start_keeper(struct keeper *k)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, keep, k);
	pthread_attr_destroy(&attr);
	return r;
}

/* With "now" it does not even begin. */
zoo_error
zoo_later(zoo *z, ferry_call call, uint32_t delay_ms, const char *text,
    char **out, int32_t *number)
{
	struct keeper *k;

	(void)out;
	(void)number;
	enter();
	if (strcmp(text, "now") == 0)
		return fail(z, ZOO_HUNGRY, "not now");
	k = malloc(sizeof *k);
	if (k == NULL)
		abort();
	*k = (struct keeper){ z, call, delay_ms, text };
	pthread_mutex_lock(&z->lock);
	z->keepers++;
	pthread_mutex_unlock(&z->lock);
	if (start_keeper(k) != 0)
		abort();
	return fine();
}

/* --- Noise --------------------------------------------------------------- */

/* Each has a shape of another kind. */
zoo_error
zoo_make_noise(zoo *z, uint32_t count, const char *noise)
{
	static const zoo_point line[] = { { 0, 1 }, { 2, 3 } };
	zoo_shape shape = { .kind = ZOO_SHAPE_NOTHING };
	uint32_t i;

	enter();
	for (i = 0; i < count; i++) {
		shape.kind = (zoo_shape_kind)(i % 4);
		shape.n = 0;
		if (shape.kind == ZOO_SHAPE_CIRCLE) {
			shape.as.radius = i;
		} else if (shape.kind == ZOO_SHAPE_LINE) {
			shape.as.line = line;
			shape.n = 2;
		} else if (shape.kind == ZOO_SHAPE_NAME) {
			shape.as.name = noise;
		}
		zoo_on_noise(z, i, noise, &shape);
	}
	return fine();
}

/* --- Animals ------------------------------------------------------------- */

static zoo_error
adopt(zoo *z, const char *name, zoo_animal **out)
{
	zoo_animal *a;

	if (*name == 0)
		return fail(z, ZOO_ESCAPED, "it has no name");
	a = calloc(1, sizeof *a);
	if (a == NULL)
		abort();
	a->home = z;
	a->name = copy(name);
	z->animals++;
	*out = a;
	return fine();
}

zoo_error
zoo_adopt(zoo *z, const char *name, zoo_animal **out)
{
	enter();
	return adopt(z, name, out);
}

void
zoo_release(zoo_animal *a)
{
	enter();
	a->home->animals--;
	free(a->name);
	free(a);
	leave();
}

zoo_error
zoo_animal_clone(zoo_animal *a, zoo_animal **out)
{
	enter();
	return adopt(a->home, a->name, out);
}

const char *
zoo_animal_name(zoo_animal *a)
{
	return a->name;
}

zoo_error
zoo_animal_befriend(zoo_animal *a, zoo_animal *other, uint32_t *friends)
{
	enter();
	if (a == other)
		return fail(a->home, ZOO_HUNGRY, "it needs another");
	a->friends++;
	other->friends++;
	*friends = a->friends;
	return fine();
}

size_t
zoo_population(zoo *z)
{
	return z->animals;
}

/* --- Without a zoo: from any thread -------------------------------------- */

const char *
zoo_version(void)
{
	return "1.2.0";
}

zoo_error
zoo_parse(const char *text, int64_t *out)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text)
		return ZOO_HUNGRY;
	if (*end != 0 || errno != 0)
		return ZOO_ESCAPED;
	*out = value;
	return ZOO_OK;
}

void
zoo_mirror(const zoo_things *in, zoo_things *out)
{
	*out = *in;
}

zoo_cell_kind
zoo_sort_of(const zoo_cell *cell)
{
	return cell->kind;
}
