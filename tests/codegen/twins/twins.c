/* The twins: as little as can be told apart. */
#include <stdlib.h>
#include <string.h>

#include "twins.h"
#include "twins_ferry.h"

struct twins_left {
	int nothing;
};

struct twins_right {
	int left_out;
};

struct twins_toy {
	int nothing;
};

struct twins_part {
	int32_t weight;
};

static void *
new(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
		abort();
	return p;
}

twins_status
twins_left_open(twins_left **out)
{
	*out = new(sizeof **out);
	return TWINS_FINE;
}

void
twins_left_close(twins_left *l)
{
	free(l);
}

twins_status
twins_left_fail(twins_left *l, int32_t code)
{
	(void)l;
	return (twins_status)code;
}

twins_status
twins_right_open(twins_right **out, bool good, double ratio, uint32_t wait,
    int64_t since, const char *text)
{
	*out = new(sizeof **out);
	(*out)->left_out = good && ratio == 0.5 && wait == 10 && since == 5 &&
	    strcmp(text, "a\"b") == 0;
	return TWINS_FINE;
}

void
twins_right_close(twins_right *r)
{
	free(r);
}

twins_io
twins_right_read(twins_right *r, int32_t code)
{
	(void)r;
	return (twins_io)code;
}

int32_t
twins_right_int(twins_right *r)
{
	return r->left_out;
}

void
twins_right_ring(twins_right *r)
{
	twins_right_on_ring(r);
}

twins_io
twins_toy_make(twins_right *r, twins_toy **out)
{
	(void)r;
	*out = new(sizeof **out);
	return TWINS_IO_FINE;
}

void
twins_toy_drop(twins_toy *t)
{
	free(t);
}

twins_io
twins_part_of(twins_toy *t, int32_t weight, twins_part **out)
{
	(void)t;
	if (weight < 0)
		return TWINS_IO_END;
	*out = new(sizeof **out);
	(*out)->weight = weight;
	return TWINS_IO_FINE;
}

void
twins_part_drop(twins_part *p)
{
	free(p);
}

int32_t
twins_part_weight(twins_part *p)
{
	return p->weight;
}

twins_io
twins_part_halve(
    twins_part *p, twins_part **one, twins_part **two, int32_t *rest)
{
	*one = new(sizeof **one);
	*two = new(sizeof **two);
	(*one)->weight = (*two)->weight = p->weight / 2;
	*rest = p->weight % 2;
	return TWINS_IO_FINE;
}

twins_io
twins_add(int32_t a, int32_t b, int32_t *sum)
{
	if (a < 0)
		return TWINS_IO_END;
	*sum = a + b;
	return TWINS_IO_FINE;
}
