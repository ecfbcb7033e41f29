/*
 * Library descriptions; see library.h.
 *
 * Threads: one mutex for all libraries, taken by open, add, close and freeze;
 * a frozen one is read without.
 */
#include "ffi/library.h"

#include <string.h>

#include "ffi/alloc.h"
#include "ffi/options.h"
#include "ffi/strand.h"

#define METHODS_MOST 65536u /* entries of one table */
#define NAME_MOST    255u   /* bytes */

static struct slot_table libraries =
    SLOT_TABLE(TOKEN_LIBRARY, TOKEN_COUNT_MOST);
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* ------------------------------------------------------------------ names */

static void *
table_malloc(size_t size)
{
	return malloc(size);
}

static void
table_free(void *p, size_t size, bool defer)
{
	(void)size;
	(void)defer;
	free(p);
}

static struct ck_malloc table_allocator = {
	.malloc = table_malloc,
	.free = table_free,
};

static bool
table_open(ck_ht_t *t)
{
	return ck_ht_init(t, CK_HT_MODE_BYTESTRING, NULL, &table_allocator, 16,
	    6602834);
}

/* The id, or -1. */
static int64_t
table_find(ck_ht_t *t, const char *name)
{
	size_t length = strlen(name);
	ck_ht_hash_t hash;
	ck_ht_entry_t entry;

	if (length == 0 || length > NAME_MOST)
		return -1;
	ck_ht_hash(&hash, t, name, (uint16_t)length);
	ck_ht_entry_key_set(&entry, name, (uint16_t)length);
	if (!ck_ht_get_spmc(t, hash, &entry))
		return -1;
	return (int64_t)(uintptr_t)ck_ht_entry_value(&entry) - 1;
}

static bool
table_add(ck_ht_t *t, const char *name, uint32_t id)
{
	ck_ht_hash_t hash;
	ck_ht_entry_t entry;
	uint16_t length = (uint16_t)strlen(name);

	ck_ht_hash(&hash, t, name, length);
	ck_ht_entry_set(
	    &entry, hash, name, length, (void *)(uintptr_t)(id + 1));
	return ck_ht_put_spmc(t, hash, &entry);
}

static bool
name_is_good(const char *name)
{
	return name != NULL && name[0] != 0 && strlen(name) <= NAME_MOST;
}

/* ---------------------------------------------------------------- growing */

/* Room for one more; doubles at each power of two. */
static bool
grow(void **array, uint32_t n, size_t size)
{
	void *more;

	if ((n & (n - 1)) != 0)
		return true;
	more = realloc(*array, (n == 0 ? 1 : (size_t)n * 2) * size);
	if (more == NULL)
		return false;
	*array = more;
	return true;
}

bool
ferry__library_levels_ascend(const ferry_levels *l)
{
	const uint32_t all[] = { l->slow_ms, l->stalled_ms, l->wedged_ms,
		l->fatal_ms };
	uint32_t last = 0;

	for (size_t i = 0; i < COUNT_OF(all); i++) {
		if (all[i] == 0 || all[i] == FERRY_OFF)
			continue;
		if (all[i] <= last)
			return false;
		last = all[i];
	}
	return true;
}

/* Checks the name against the table and interns it. */
static int
new_name(const char **out, ck_ht_t *table, const char *name, uint32_t n)
{
	if (!name_is_good(name) || n == METHODS_MOST)
		return FERRY_EINVAL;
	if (table_find(table, name) >= 0)
		return FERRY_EEXIST;
	*out = ferry__alloc_name(name);
	return *out == NULL ? FERRY_ENOMEM : FERRY_OK;
}

static int
add_method(uint32_t *out_id, struct library *l, const ferry_method *theirs)
{
	ferry_method m;
	const char *name;
	int r;

	if (theirs == NULL ||
	    ferry__options_read(&m, sizeof m, theirs) != FERRY_OK ||
	    (m.flags & ~(uint32_t)FERRY_METHOD_STRAND) != 0 ||
	    m.reserved != 0 || m.handler == NULL ||
	    !ferry__library_levels_ascend(&m.levels))
		return FERRY_EINVAL;
	r = new_name(&name, &l->method_ids, m.name, l->n_methods);
	if (r != FERRY_OK)
		return r;
	if (!grow((void **)&l->methods, l->n_methods, sizeof *l->methods) ||
	    !table_add(&l->method_ids, name, l->n_methods))
		return FERRY_ENOMEM;
	l->methods[l->n_methods] = (struct method){
		.handler = m.flags & FERRY_METHOD_STRAND ? ferry__strand_spawn
		                                         : m.handler,
		.strand = m.flags & FERRY_METHOD_STRAND ? m.handler : NULL,
		.name = name,
		.levels = m.levels,
	};
	*out_id = l->n_methods++;
	return FERRY_OK;
}

static int
add_event(uint32_t *out_id, struct library *l, const ferry_event *theirs)
{
	ferry_event e;
	const char *name;
	int r;

	if (theirs == NULL ||
	    ferry__options_read(&e, sizeof e, theirs) != FERRY_OK ||
	    e.flags != 0 || e.reserved != 0)
		return FERRY_EINVAL;
	r = new_name(&name, &l->event_ids, e.name, l->n_events);
	if (r != FERRY_OK)
		return r;
	if (!grow((void **)&l->events, l->n_events, sizeof *l->events) ||
	    !table_add(&l->event_ids, name, l->n_events))
		return FERRY_ENOMEM;
	l->events[l->n_events] = name;
	*out_id = l->n_events++;
	return FERRY_OK;
}

/* The tables' elements are as long as the first one says they are. */
static int
add_tables(struct library *l, const ferry_library_options *o)
{
	const char *m = (const char *)o->methods;
	const char *e = (const char *)o->events;
	uint32_t id;
	int r = FERRY_OK;

	for (uint32_t i = 0; r == FERRY_OK && i < o->n_methods; i++)
		r = add_method(&id, l,
		    (const void *)(m + i * o->methods->struct_size));
	for (uint32_t i = 0; r == FERRY_OK && i < o->n_events; i++)
		r = add_event(&id, l,
		    (const void *)(e + i * o->events->struct_size));
	return r;
}

/* ----------------------------------------------------------------- public */

static void
destroy(struct library *l)
{
	ck_ht_destroy(&l->method_ids);
	ck_ht_destroy(&l->event_ids);
	free(l->methods);
	free(l->events);
	free(l);
}

static int
make(struct library **out, const ferry_library_options *o)
{
	struct library *l = calloc(1, sizeof *l);
	int r;

	if (l == NULL)
		return FERRY_ENOMEM;
	if (!table_open(&l->method_ids)) {
		free(l);
		return FERRY_ENOMEM;
	}
	if (!table_open(&l->event_ids)) {
		ck_ht_destroy(&l->method_ids);
		free(l);
		return FERRY_ENOMEM;
	}
	l->name = ferry__alloc_name(o->name);
	l->init = o->init;
	l->fini = o->fini;
	/* Relaxed: not published yet. */
	atom32_store_relaxed(&l->references, 1);
	r = l->name == NULL ? FERRY_ENOMEM : add_tables(l, o);
	if (r != FERRY_OK) {
		destroy(l);
		return r;
	}
	*out = l;
	return FERRY_OK;
}

int
ferry_library_open(ferry_library *out, const ferry_library_options *options)
{
	ferry_library_options o;
	struct library *l;
	uint64_t token;
	int r;

	if (out == NULL || options == NULL ||
	    ferry__options_read(&o, sizeof o, options) != FERRY_OK ||
	    o.flags != 0 || o.reserved != 0 || !name_is_good(o.name) ||
	    (o.n_methods != 0 && o.methods == NULL) ||
	    (o.n_events != 0 && o.events == NULL))
		return FERRY_EINVAL;
	ferry__fork_enter();
	r = make(&l, &o);
	if (r != FERRY_OK)
		return r;
	l->slot = ferry__token_reserve(&libraries);
	if (l->slot == NULL) {
		destroy(l);
		return FERRY_ENOMEM;
	}
	token = ferry__token_next(&libraries, l->slot);
	ferry__token_publish(l->slot, token, l);
	*out = token;
	return FERRY_OK;
}

/* With the mutex held: the library of a token. */
static int
find(struct library **out, ferry_library token)
{
	struct slot *s;
	int r = ferry__token_find(&libraries, token, &s);

	if (r == FERRY_OK)
		*out = atomp_load_relaxed(&s->object);
	return r;
}

static int
find_growing(struct library **out, ferry_library token)
{
	int r = find(out, token);

	return r == FERRY_OK && (*out)->frozen ? FERRY_EFROZEN : r;
}

int
ferry_library_add_method(uint32_t *out_id, ferry_library library,
    const ferry_method *method)
{
	struct library *l;
	int r;

	if (out_id == NULL)
		return FERRY_EINVAL;
	ferry__fork_enter();
	pthread_mutex_lock(&mutex);
	r = find_growing(&l, library);
	if (r == FERRY_OK)
		r = add_method(out_id, l, method);
	pthread_mutex_unlock(&mutex);
	return r;
}

int
ferry_library_add_event(uint32_t *out_id, ferry_library library,
    const ferry_event *event)
{
	struct library *l;
	int r;

	if (out_id == NULL)
		return FERRY_EINVAL;
	ferry__fork_enter();
	pthread_mutex_lock(&mutex);
	r = find_growing(&l, library);
	if (r == FERRY_OK)
		r = add_event(out_id, l, event);
	pthread_mutex_unlock(&mutex);
	return r;
}

int
ferry_library_close(ferry_library library)
{
	struct library *l = NULL;
	int r;

	ferry__fork_enter();
	pthread_mutex_lock(&mutex);
	r = find(&l, library);
	if (r == FERRY_OK) {
		ferry__token_revoke(l->slot, library);
		ferry__token_free(&libraries, l->slot);
	}
	pthread_mutex_unlock(&mutex);
	if (r == FERRY_OK)
		ferry__library_unref(l);
	return r;
}

int
ferry__library_freeze(struct library **out, ferry_library token)
{
	int r;

	pthread_mutex_lock(&mutex);
	r = find(out, token);
	if (r == FERRY_OK) {
		(*out)->frozen = true;
		/* Relaxed: the token's own reference is there. */
		atom32_add_relaxed(&(*out)->references, 1);
	}
	pthread_mutex_unlock(&mutex);
	return r;
}

void
ferry__library_unref(struct library *l)
{
	/* pair(library) release: this user's reads come before.
	 * pair(library) acquire: the last one has seen them all. */
	if (atom32_sub_acqrel(&l->references, 1) == 1)
		destroy(l);
}

int
ferry__library_method(uint32_t *out, struct library *l, const char *name)
{
	int64_t id = table_find(&l->method_ids, name);

	if (id < 0)
		return FERRY_ENOMETHOD;
	*out = (uint32_t)id;
	return FERRY_OK;
}

int
ferry__library_event(uint32_t *out, struct library *l, const char *name)
{
	int64_t id = table_find(&l->event_ids, name);

	if (id < 0)
		return FERRY_ENOEVENT;
	*out = (uint32_t)id;
	return FERRY_OK;
}

void
ferry__library_forked(void)
{
	ferry__fork_renew(&mutex);
	ferry__token_forked(&libraries);
}
