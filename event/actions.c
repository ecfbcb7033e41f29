/*
 * Wishes and rates; see actions.h.
 */
#include "event/actions.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "ffi/os.h"

#define INTERVAL_MS 1000u

/* What there is of a kind to be done. */
static uint32_t
available(const ferry_watch_options *o)
{
	return FERRY_ACTION_NOTICE |
	    (o->callback != NULL ? FERRY_ACTION_CALLBACK : 0) |
	    (o->path != NULL ? FERRY_ACTION_FILE : 0);
}

static bool
are_right(const ferry_watch_options *o)
{
	if ((o->flags & ~(uint32_t)(FERRY_WATCH_NO_STACKS |
	         FERRY_WATCH_NO_SYMBOLS)) != 0 ||
	    (o->path != NULL && o->path[0] == '\0'))
		return false;
	for (uint32_t i = 0; i < COUNT_OF(o->actions); i++)
		if (o->actions[i] != FERRY_OFF &&
		    (o->actions[i] & ~available(o)) != 0)
			return false;
	return true;
}

/* A notice by default is posted once an episode: at notify_level. */
static uint32_t
default_at(uint32_t level, uint32_t notify_level, uint32_t what)
{
	if (level < notify_level)
		return 0;
	return level == notify_level ? what
	                             : what & ~(uint32_t)FERRY_ACTION_NOTICE;
}

int
ferry__actions_make(struct wishes **out, const ferry_watch_options *o,
    uint32_t notify_level)
{
	size_t path_size;
	struct wishes *w;

	*out = NULL;
	if (o == NULL)
		return FERRY_OK;
	if (!are_right(o))
		return FERRY_EINVAL;
	path_size = o->path != NULL ? strlen(o->path) + 1 : 1;
	w = calloc(1, sizeof *w + path_size);
	if (w == NULL)
		return FERRY_ENOMEM;
	w->flags = o->flags;
	w->interval_ns = o->interval_ms == FERRY_OFF ? 0
	    : (o->interval_ms != 0 ? o->interval_ms : INTERVAL_MS) *
	        UINT64_C(1000000);
	w->lowest = WATCHDOG_LEVELS;
	for (uint32_t level = WATCHDOG_LEVELS - 1; level != 0; level--) {
		uint32_t wish = o->actions[level - 1];

		w->at[level] = wish == FERRY_OFF ? 0
		    : wish != 0 ? wish
		                : default_at(level, notify_level,
		                      available(o));
		if (w->at[level] != 0)
			w->lowest = level;
	}
	w->callback = o->callback;
	w->user = o->user;
	if (o->path != NULL)
		memcpy(w->path, o->path, path_size);
	*out = w;
	return FERRY_OK;
}

struct wishes *
ferry__actions_replace(struct actions *a, struct wishes *w)
{
	/* pair(wishes) seq_cst: in place before the look at who uses them. */
	return atomp_xchg_seqcst(&a->wishes, w);
}

void
ferry__actions_retire(struct actions *a, struct wishes *old)
{
	uint32_t seen;

	if (old == NULL)
		return;
	for (;;) {
		/* pair(wishes) acquire: read before the look at `used`. */
		seen = atom32_load_acquire(&a->changed);
		/* pair(wishes) seq_cst, as above. */
		if (atomp_load_seqcst(&a->used) != old)
			break;
		ferry__os_wait(&a->changed, seen, OS_NEVER);
	}
	free(old);
}

const struct wishes *
ferry__actions_use(struct actions *a)
{
	void *w, *again = atomp_load_relaxed(&a->wishes);

	do {
		w = again;
		/* pair(wishes) seq_cst: announced before the second look. */
		atomp_store_seqcst(&a->used, w);
		/* pair(wishes) seq_cst. */
		again = atomp_load_seqcst(&a->wishes);
	} while (again != w);
	return w;
}

void
ferry__actions_let_go(struct actions *a)
{
	/* pair(wishes) seq_cst: after the last use. */
	atomp_store_seqcst(&a->used, NULL);
	/* pair(wishes) seq_cst: who waits has read it before. */
	atom32_add_seqcst(&a->changed, 1);
	ferry__os_wake(&a->changed, INT_MAX);
}

uint32_t
ferry__actions_lowest(const struct wishes *w, uint32_t notify_level)
{
	return w != NULL ? w->lowest : notify_level;
}

uint32_t
ferry__actions_at(const struct wishes *w, uint32_t notify_level,
    uint32_t before, uint32_t level)
{
	uint32_t what = 0;

	for (uint32_t i = before + 1; i <= level; i++)
		what |= w != NULL ? w->at[i]
		                  : default_at(i, notify_level,
		                        FERRY_ACTION_NOTICE);
	return what;
}

bool
ferry__actions_may(struct rate *r, const struct wishes *w, uint64_t now_ns)
{
	if (r->last_ns != 0 && now_ns - r->last_ns < w->interval_ns) {
		r->suppressed++;
		return false;
	}
	r->last_ns = now_ns;
	return true;
}
