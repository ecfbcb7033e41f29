/*
 * The library that rill.h declares.
 */
#include "rill_ferry.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct rill {
	uint32_t drops;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_open;
static int32_t dammed;

rill *
rill_spring(void)
{
	return calloc(1, sizeof(rill));
}

void
rill_dry(rill *r)
{
	free(r);
}

void
rill_flow(rill *r, uint32_t drops)
{
	for (uint32_t i = 0; i < drops; i++)
		rill_on_drop(r, i);
}

int32_t
rill_dam(rill *r)
{
	(void)r;
	pthread_mutex_lock(&lock);
	dammed++;
	while (!is_open)
		pthread_cond_wait(&changed, &lock);
	dammed--;
	pthread_mutex_unlock(&lock);
	return 1;
}

static void
set_open(bool open)
{
	pthread_mutex_lock(&lock);
	is_open = open;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void
rill_open(void)
{
	set_open(true);
}

void
rill_shut(void)
{
	set_open(false);
}

int32_t
rill_dammed(void)
{
	int32_t n;

	pthread_mutex_lock(&lock);
	n = dammed;
	pthread_mutex_unlock(&lock);
	return n;
}

void
rill_float_leaf(rill *r, const rill_leaf *in, rill_leaf *out)
{
	(void)r;
	*out = *in;
}

void
rill_float_twig(rill *r, const rill_twig *in, rill_twig *out)
{
	(void)r;
	*out = *in;
}

rill_pace
rill_turn(rill *r, const rill_bend *bend, rill_pace pace)
{
	(void)r;
	return bend->pace == pace ? pace : RILL_PACE_FAST;
}
