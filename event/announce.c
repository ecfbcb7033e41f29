/*
 * Notices; see announce.h.
 */
#include "event/announce.h"

#include "event/thread.h"

struct announcement {
	struct liveness what;
	const char *text;
	size_t size;
};

static void
announce_to(struct attachment *a, void *arg)
{
	const struct announcement *n = arg;

	if (a->flags & FERRY_ATTACH_LIVENESS)
		ferry__attachment_post_liveness(
		    a, &n->what, n->text, n->size);
}

void
ferry__announce_in(struct event_thread *t, struct source *s, uint32_t kind,
    const struct report_case *c, const struct report *r)
{
	struct announcement n = {
		.what = {
			.kind = kind,
			.level = c->level,
			.method = c->method,
			.request = c->request,
			.name = c->method_name,
			.age_ns = c->age_ns,
			.depth = t->ops->depth(s),
			.verdict = r != NULL ? r->stall.verdict : 0,
		},
		.text = r != NULL ? r->text : NULL,
		.size = r != NULL ? r->size : 0,
	};

	if (kind == FERRY_KIND_NOT_RESPONDING)
		ferry__announce_count(s);
	ferry__attachment_each(&s->attachments, announce_to, &n);
}

void
ferry__announce(struct event_thread *t, struct source *first, uint32_t kind,
    const struct report_case *c, const struct report *r)
{
	for (struct source *s = first; s != NULL; s = s->next)
		ferry__announce_in(t, s, kind, c, r);
}

void
ferry__announce_count(struct source *s)
{
	if (!s->in_episode)
		count_single_add(&s->episodes, 1);
	s->in_episode = true;
}

void
ferry__announce_ended(struct source *s)
{
	s->in_episode = false;
}
