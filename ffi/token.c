/*
 * Slot tables; see token.h.
 */
#include "ffi/token.h"

#include <ferry/ferry.h>

#include "ffi/alloc.h"
#include "ffi/fork.h"

static struct slot *
at(const struct slot_table *t, uint32_t index)
{
	struct slot *chunk;

	if (index >= TOKEN_SLOTS)
		return NULL;
	/* pair(slot) acquire: the chunk's initialisation. */
	chunk = atomp_load_acquire(&t->chunks[index / SLOT_CHUNK]);
	return chunk == NULL ? NULL : &chunk[index % SLOT_CHUNK];
}

static struct slot *
grow(struct slot_table *t)
{
	struct slot *chunk;

	if (t->used == TOKEN_SLOTS)
		return NULL;
	if (t->used % SLOT_CHUNK == 0 && at(t, t->used) == NULL) {
		chunk = ferry__alloc_for_ever(SLOT_CHUNK * sizeof *chunk);
		if (chunk == NULL)
			return NULL;
		for (uint32_t i = 0; i < SLOT_CHUNK; i++)
			chunk[i].index = t->used + i;
		/* pair(slot) release: initialised before it is found. */
		atomp_store_release(&t->chunks[t->used / SLOT_CHUNK], chunk);
	}
	return at(t, t->used++);
}

struct slot *
ferry__token_reserve(struct slot_table *t)
{
	struct slot *s;

	pthread_mutex_lock(&t->mutex);
	s = t->free;
	if (s != NULL)
		t->free = s->next_free;
	else
		s = grow(t);
	if (s != NULL)
		s->count++;
	pthread_mutex_unlock(&t->mutex);
	return s;
}

uint64_t
ferry__token_next(const struct slot_table *t, const struct slot *s)
{
	return ferry__token_make(t->kind, s->count, s->index);
}

void
ferry__token_publish(struct slot *s, uint64_t token, void *object)
{
	atomp_store_relaxed(&s->object, object);
	/* pair(slot) release: the object is ready before its token is. */
	atom64_store_release(&s->token, token);
}

static int
look_up(const struct slot_table *t, uint64_t token, struct slot **out)
{
	struct slot *s;

	if (token == 0 || ferry__token_kind(token) != t->kind)
		return FERRY_EINVAL;
	if (UNLIKELY(ferry__token_slot(token) < t->inherited))
		return FERRY_EFORKED;
	s = at(t, ferry__token_slot(token));
	/* pair(slot) acquire: everything the object was made of. */
	if (s == NULL || atom64_load_acquire(&s->token) != token)
		return FERRY_ESTALE;
	*out = s;
	return FERRY_OK;
}

int
ferry__token_find(const struct slot_table *t, uint64_t token,
    struct slot **out)
{
	ferry__fork_enter();
	return look_up(t, token, out);
}

/* Whatever there is in a process that nobody has entered, is the parent's. */
static COLD int
find_inherited(const struct slot_table *t, uint64_t token)
{
	if (token == 0 || ferry__token_kind(token) != t->kind)
		return FERRY_EINVAL;
	return at(t, ferry__token_slot(token)) == NULL ? FERRY_ESTALE
	                                               : FERRY_EFORKED;
}

int
ferry__token_find_outside(const struct slot_table *t, uint64_t token,
    struct slot **out)
{
	if (UNLIKELY(!ferry__fork_is_entered()))
		return find_inherited(t, token);
	return look_up(t, token, out);
}

bool
ferry__token_revoke(struct slot *s, uint64_t token)
{
	/* pair(slot) acq_rel: one of several revokers goes on with it. */
	return atom64_cas_acqrel(&s->token, &token, 0);
}

void
ferry__token_free(struct slot_table *t, struct slot *s)
{
	pthread_mutex_lock(&t->mutex);
	if (s->count < t->count_most) {
		s->next_free = t->free;
		t->free = s;
	}
	pthread_mutex_unlock(&t->mutex);
}

void
ferry__token_each(const struct slot_table *t,
    void (*visit)(void *object, uint64_t token, void *arg), void *arg)
{
	uint32_t j = t->inherited % SLOT_CHUNK;

	for (uint32_t i = t->inherited / SLOT_CHUNK; i < COUNT_OF(t->chunks);
	    i++, j = 0) {
		/* pair(slot) acquire. */
		struct slot *chunk = atomp_load_acquire(&t->chunks[i]);

		if (chunk == NULL)
			return;
		for (; j < SLOT_CHUNK; j++) {
			/* pair(slot) acquire. */
			uint64_t token = atom64_load_acquire(&chunk[j].token);

			if (token != 0)
				visit(atomp_load_relaxed(&chunk[j].object),
				    token, arg);
		}
	}
}

void
ferry__token_forked(struct slot_table *t)
{
	ferry__fork_renew(&t->mutex);
	t->free = NULL;
	t->inherited = t->used;
}
