/*
 * Who is in a cancel hook; see hooks.h.
 *
 * Threads: any.
 */
#include "ffi/hooks.h"

enum { FREE, WRITING, INSIDE, STATES = 3 };

/* A slot of this thread's own, WRITING; NULL: they are all in use. */
static struct hook_slot *
claim(struct hooks *h)
{
	for (uint32_t i = 0; i < HOOKS_MOST; i++) {
		struct hook_slot *s = &h->slot[i];
		uint64_t word = atom64_load_relaxed(&s->word);

		/* pair(hook-word) acq_rel: before the words. */
		if ((word & STATES) == FREE &&
		    atom64_cas_acqrel(&s->word, &word, word | WRITING))
			return s;
	}
	return NULL;
}

struct hook_slot *
ferry__hooks_enter(struct hooks *h, const struct hook_seen *what)
{
	struct hook_slot *s = claim(h);

	if (s == NULL) {
		/* Relaxed: a number. */
		atom32_add_relaxed(&h->unnamed, 1);
		return NULL;
	}
	/* pair(hook-word) release, each: it is being written. */
	atom64_store_release(&s->request, what->request);
	/* pair(hook-word) release. */
	atom64_store_release(&s->since_ns, what->since_ns);
	/* pair(hook-word) release. */
	atomp_store_release(&s->name, (void *)(uintptr_t)what->name);
	/* pair(hook-word) release. */
	atom32_store_release(&s->thread, what->thread);
	/* Relaxed load: nobody else changes it now.
	 * pair(hook-word) release: the words of this life. */
	atom64_store_release(&s->word,
	    (atom64_load_relaxed(&s->word) & ~(uint64_t)STATES) | INSIDE);
	return s;
}

void
ferry__hooks_leave(struct hooks *h, struct hook_slot *s)
{
	if (s == NULL)
		/* Relaxed: a number. */
		atom32_sub_relaxed(&h->unnamed, 1);
	else
		/* Relaxed load: nobody else changes it now.
		 * pair(hook-word) release: whoever has it next comes later. */
		atom64_store_release(&s->word,
		    (atom64_load_relaxed(&s->word) & ~(uint64_t)STATES) +
		        STATES + 1);
}

/* False: nobody is inside, or somebody else by now. */
static bool
look_at(struct hook_seen *out, const struct hook_slot *s)
{
	/* pair(hook-word) acquire: the words of this life. */
	uint64_t word = atom64_load_acquire(&s->word);

	if ((word & STATES) != INSIDE)
		return false;
	/* pair(hook-word) acquire, each: before the second look. */
	out->request = atom64_load_acquire(&s->request);
	/* pair(hook-word) acquire. */
	out->since_ns = atom64_load_acquire(&s->since_ns);
	/* pair(hook-word) acquire. */
	out->name = atomp_load_acquire(&s->name);
	/* pair(hook-word) acquire. */
	out->thread = atom32_load_acquire(&s->thread);
	return atom64_load_relaxed(&s->word) == word;
}

void
ferry__hooks_look(
    struct hook_seen *out, const struct hooks *h, uint64_t request)
{
	/* Relaxed: a number. */
	uint32_t n = atom32_load_relaxed(&h->unnamed);
	struct hook_seen one;

	*out = (struct hook_seen){ 0 };
	for (uint32_t i = 0; i < HOOKS_MOST; i++) {
		if (!look_at(&one, &h->slot[i]))
			continue;
		n++;
		if (request != 0 ? one.request == request
		                 : out->request == 0 ||
		            one.since_ns < out->since_ns)
			*out = one;
	}
	out->n = n;
}
