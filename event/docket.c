/*
 * The evidence against a call, and the report of it; see docket.h.
 */
#include "event/docket.h"

#include "event/thread.h"

struct docket {
	struct evidence *evidence;
	/* Of the call that was told of last, at that time. */
	struct finding found;
	struct report report;
};

static void
roused(void *arg)
{
	ferry__event_thread_stir(arg);
}

/* NULL, or without evidence: no memory, now; the next look tries again. Both
 * are for ever, so what there is stays. */
static struct docket *
docket_of(struct event_thread *t)
{
	struct judge *j = &t->judge;

	if (j->docket == NULL)
		j->docket = ferry__alloc_for_ever(sizeof *j->docket);
	if (j->docket != NULL && j->docket->evidence == NULL)
		j->docket->evidence = ferry__evidence_make(roused, t);
	return j->docket;
}

/* What there is so far, or NULL. */
static const struct evidence *
evidence_of(const struct judge *j)
{
	return j->docket != NULL ? j->docket->evidence : NULL;
}

bool
ferry__docket_make(struct event_thread *t)
{
	return docket_of(t) != NULL;
}

void
ferry__docket_gather(struct event_thread *t, uint64_t serial, uint64_t word,
    uint32_t flags)
{
	struct docket *d = docket_of(t);
	const struct evidence_look how = {
		.beat = t->beat,
		.word = word,
		.wait = t->ops->waits(t->worker),
		.flags = flags,
		.turn = t->judge.turn,
		.tick_ns = t->tick_ns,
	};
	struct awaited_room room = { .context = 0 };

	if (d == NULL || d->evidence == NULL)
		return;
	if (how.wait != VERDICT_NOT_OURS)
		t->ops->room(t->worker, &room);
	ferry__evidence_about(
	    d->evidence, serial, t->ops->thread_id(t->worker));
	if (!ferry__evidence_look(d->evidence, &how))
		return;
	t->judge.room = room;
	t->judge.room_serial = serial;
}

void
ferry__docket_find(
    struct event_thread *t, uint64_t serial, bool idle_with_work)
{
	struct docket *d = docket_of(t);

	if (d != NULL)
		ferry__evidence_find(
		    &d->found, d->evidence, serial, idle_with_work);
}

bool
ferry__docket_knows(const struct judge *j, uint64_t serial)
{
	const struct evidence *e = evidence_of(j);

	return e != NULL && e->serial == serial;
}

struct report *
ferry__docket_report(struct event_thread *t, const struct report_case *c)
{
	struct docket *d = docket_of(t);

	if (d == NULL)
		return NULL;
	ferry__report_make(&d->report, c, &d->found,
	    d->evidence != NULL
	        ? ferry__evidence_frames(d->evidence, &d->found)
	        : NULL);
	return &d->report;
}

bool
ferry__docket_awaits(const struct judge *j)
{
	const struct evidence *e = evidence_of(j);

	return e != NULL && ferry__evidence_awaits(e, &j->docket->found);
}

void
ferry__docket_hand_on(struct judge *j)
{
	if (evidence_of(j) != NULL)
		ferry__evidence_hand_on(j->docket->evidence);
}
