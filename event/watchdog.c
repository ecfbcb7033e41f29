/*
 * The judge; see watchdog.h.
 */
#include "event/watchdog.h"

void
ferry__watchdog_reset(struct watchdog *w, uint64_t now_ns, uint64_t word)
{
	*w = (struct watchdog){ .word = word, .looked_ns = now_ns };
}

/* The highest level whose age is reached. */
static uint32_t
level_of(uint64_t age_ns, const struct watchdog_limits *limits)
{
	uint32_t level = FERRY_LEVEL_NONE;

	for (uint32_t i = 1; i < WATCHDOG_LEVELS; i++)
		if (limits->level_ns[i] != 0 && age_ns >= limits->level_ns[i])
			level = i;
	return level;
}

static void
end_episode(struct watchdog *w, struct watchdog_verdict *v)
{
	if (w->announced) {
		v->actions |= WATCHDOG_RESPONDING;
		v->peak_level = w->level;
		v->lasted_ns = w->age_ns;
	}
	w->age_ns = 0;
	w->level = FERRY_LEVEL_NONE;
	w->announced = false;
}

struct watchdog_verdict
ferry__watchdog_step(struct watchdog *w, uint64_t now_ns, uint64_t planned_ns,
    uint64_t word, const struct watchdog_limits *limits)
{
	struct watchdog_verdict v = { 0 };
	uint64_t passed = now_ns > w->looked_ns ? now_ns - w->looked_ns : 0;
	uint64_t most = planned_ns + planned_ns / 2;

	w->looked_ns = now_ns;
	if (passed > most) {
		v.actions |= WATCHDOG_GAP;
		passed = most;
	}
	if (word != w->word || ferry__beat_state(word) != BEAT_BUSY) {
		/* The episode lasted into this interval. */
		if (w->announced)
			w->age_ns += passed;
		end_episode(w, &v);
		w->word = word;
		return v;
	}
	w->age_ns += passed;
	if (limits == NULL)
		return v;
	w->level = level_of(w->age_ns, limits);
	if (!w->announced && w->level != FERRY_LEVEL_NONE &&
	    w->level >= limits->notify_level) {
		w->announced = true;
		v.actions |= WATCHDOG_NOT_RESPONDING;
	}
	return v;
}
