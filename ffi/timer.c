/*
 * Timers of one thread; see timer.h.
 *
 * A tree has its earliest timer at the root; `child` is the first of a list,
 * by `next`, of trees that come after it. `link` is the place that points to a
 * timer, the root's is timers->first, so that one in the middle can be cut out.
 */
#include "ffi/timer.h"

static bool
is_before(const struct timer *a, const struct timer *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns
	                            : a->order < b->order;
}

/* Makes one tree of two. The root's own `next` and `link` are whatever they
 * were. */
static struct timer *
meld(struct timer *a, struct timer *b)
{
	if (is_before(b, a)) {
		struct timer *t = a;

		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next != NULL)
		b->next->link = &b->next;
	b->link = &a->child;
	a->child = b;
	return a;
}

/* One tree of a list of them: by twos from the left, then what has become of
 * them from the right. Pairing first is what keeps the trees broad. */
static struct timer *
meld_all(struct timer *t)
{
	struct timer *pairs = NULL, *whole, *a, *b;

	while (t != NULL) {
		a = t;
		b = a->next;
		t = b != NULL ? b->next : NULL;
		if (b != NULL)
			a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	whole = pairs;
	t = whole != NULL ? whole->next : NULL;
	while (t != NULL) {
		a = t;
		t = t->next;
		whole = meld(whole, a);
	}
	return whole;
}

/* Adds a tree, or NULL. */
static void
add(struct timers *timers, struct timer *t)
{
	if (t == NULL)
		return;
	if (timers->first != NULL)
		t = meld(timers->first, t);
	t->next = NULL;
	t->link = &timers->first;
	timers->first = t;
}

void
ferry__timer_set(struct timers *timers, struct timer *t, uint64_t at_ns)
{
	ASSERT_DEBUG(!ferry__timer_is_set(t));
	t->child = NULL;
	t->order = timers->order++;
	t->at_ns = at_ns;
	add(timers, t);
}

void
ferry__timer_clear(struct timers *timers, struct timer *t)
{
	ASSERT_DEBUG(ferry__timer_is_set(t));
	*t->link = t->next;
	if (t->next != NULL)
		t->next->link = t->link;
	t->link = NULL;
	add(timers, meld_all(t->child));
}

uint64_t
ferry__timer_next_ns(const struct timers *timers)
{
	return timers->first != NULL ? timers->first->at_ns : OS_NEVER;
}

struct timer *
ferry__timer_take_due(struct timers *timers, uint64_t now_ns)
{
	struct timer *t = timers->first;

	if (t == NULL || t->at_ns > now_ns)
		return NULL;
	ferry__timer_clear(timers, t);
	return t;
}
