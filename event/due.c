/*
 * What falls due; see due.h.
 *
 * Threads: watch() from the worker, everything else on the event thread.
 */
#include "event/due.h"

#include "event/inbox.h"

#define FIRST_CAPACITY 64u
#define RETRY_NS       10000000u /* met in the handler; or no memory */

static bool
lives(const struct due_entry *e)
{
	/* pair(beat) acquire: as the watcher does, it only looks. */
	uint64_t state = atom64_load_acquire(&e->node->state);
	enum node_phase phase = ferry__node_phase(state);

	return state >> 24 == e->generation &&
	    (phase == NODE_RUNNING || phase == NODE_DEFERRED);
}

/* --------------------------------------------------------------- the heap */

static void
sift_up(struct due *d, size_t i)
{
	struct due_entry e = d->heap[i];

	while (i > 0 && d->heap[(i - 1) / 2].at_ns > e.at_ns) {
		d->heap[i] = d->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	d->heap[i] = e;
}

static void
sift_down(struct due *d, size_t i)
{
	struct due_entry e = d->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= d->count)
			break;
		if (child + 1 < d->count &&
		    d->heap[child + 1].at_ns < d->heap[child].at_ns)
			child++;
		if (d->heap[child].at_ns >= e.at_ns)
			break;
		d->heap[i] = d->heap[child];
		i = child;
	}
	d->heap[i] = e;
}

/* Throws out what has ended, and makes a heap of the rest. */
static void
sweep(struct due *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->count; i++)
		if (lives(&d->heap[i]))
			d->heap[kept++] = d->heap[i];
	d->count = kept;
	for (size_t i = kept / 2; i-- != 0;)
		sift_down(d, i);
}

static bool
make_room(struct due *d)
{
	struct due_entry *heap;
	size_t capacity;

	if (d->count < d->capacity)
		return true;
	sweep(d);
	/* Half full after a sweep: it will pay again. */
	if (d->count < d->capacity / 2)
		return true;
	capacity = d->capacity == 0 ? FIRST_CAPACITY : d->capacity * 2;
	heap = realloc(d->heap, capacity * sizeof *heap);
	if (heap == NULL)
		return d->count < d->capacity;
	d->heap = heap;
	d->capacity = capacity;
	return true;
}

static void
set_time(struct due_entry *e)
{
	e->at_ns =
	    e->stale_ns < e->deadline_ns ? e->stale_ns : e->deadline_ns;
}

/* ----------------------------------------------------------------- intake */

void
ferry__due_open(struct due *d)
{
	*d = (struct due){ .heap = NULL };
	ferry__list_open(&d->intake, 0);
}

void
ferry__due_watch(struct due *d, struct node *n)
{
	/* Relaxed: the worker has the node in hand; the push publishes. */
	atom64_add_relaxed(&n->claim, CLAIM_REFERENCE);
	ferry__list_push(&d->intake, &n->stale_post.link, &n->stale_post.link,
	    0, LIST_TAG_SMALL);
}

static void
give_home(struct node *n)
{
	struct node_chain home = { .room = ferry__attachment_post_room };

	ferry__node_give(&home, n);
	ferry__node_chain_flush(&home);
}

static void
let_go(struct node *n)
{
	if (ferry__node_drop(n))
		give_home(n);
}

/* The next of those that wait to be taken in; with its reference. */
static struct node *
next_waiting(struct due *d)
{
	struct link *l;
	uint64_t head;

	if (d->waiting == NULL) {
		head = ferry__list_take(&d->intake, LIST_TAG_SMALL);
		d->waiting = ferry__list_first(head, LIST_TAG_SMALL);
	}
	l = d->waiting;
	if (l == NULL)
		return NULL;
	d->waiting = l->next;
	return container_of(l, struct node, stale_post.link);
}

void
ferry__due_close(struct due *d)
{
	struct node *n;

	while ((n = next_waiting(d)) != NULL)
		let_go(n);
	free(d->heap);
	d->heap = NULL;
	d->count = d->capacity = 0;
}

static void
add(struct due *d, struct node *n, uint64_t now_ns)
{
	struct due_entry e = {
		.stale_ns = n->flags & NODE_STALE
		    ? now_ns + (uint64_t)n->stale_ms * 1000000u
		    : OS_NEVER,
		.deadline_ns =
		    n->flags & NODE_DEADLINE ? n->deadline_ns : OS_NEVER,
		/* Relaxed: the reference keeps the generation. */
		.generation = atom64_load_relaxed(&n->claim) >> 24,
		.began_ns = now_ns,
		.node = n,
	};

	set_time(&e);
	d->heap[d->count++] = e;
	sift_up(d, d->count - 1);
}

static void
take_in(struct due *d, uint64_t now_ns)
{
	struct node *n;

	while ((n = next_waiting(d)) != NULL) {
		if (!make_room(d)) {
			/* Later: nothing is lost, it is only late. */
			n->stale_post.link.next = d->waiting;
			d->waiting = &n->stale_post.link;
			return;
		}
		add(d, n, now_ns);
		let_go(n);
	}
}

/* ----------------------------------------------------------------- firing */

/*
 * Adds a reference if the request is still unfinished. The fast path may be
 * finishing it at this moment without a look at the claim word; therefore
 * the reference is taken first, and then the phase looked at (node.h).
 */
static bool
hold(const struct due_entry *e)
{
	struct node *n = e->node;
	uint64_t claim = atom64_load_relaxed(&n->claim);

	do {
		/* Without a reference left it is on its way home. */
		if (claim >> 24 != e->generation ||
		    (claim & CLAIM_REFERENCES) == 0)
			return false;
		/* pair(claim) acq_rel, against stale generations and others
		 * who hold. */
	} while (!atom64_cas_acqrel(
	    &n->claim, &claim, claim + CLAIM_REFERENCE));
	ferry__os_barrier_heavy();
	if (lives(e))
		return true;
	/* Finished. Take the reference back, unless the node has begun anew,
	 * which forgot it. */
	claim = atom64_load_relaxed(&n->claim);
	do {
		if (claim >> 24 != e->generation)
			return false;
		/* pair(node-drop) acq_rel. */
	} while (!atom64_cas_acqrel(
	    &n->claim, &claim, claim - CLAIM_REFERENCE));
	if ((claim & CLAIM_REFERENCES) == CLAIM_REFERENCE)
		give_home(n);
	return false;
}

/* A new notice, or one more merged into the one that is untaken. */
static void
post_stale(struct node *n, uint64_t age_ns)
{
	uint64_t untaken = atom64_load_relaxed(&n->stale_posted);
	uint64_t count;

	do {
		count = ferry__node_stale_count(untaken);
		if (count < NODE_STALE_MOST)
			count++;
		/* pair(stale) acq_rel: the taker has done with the post. */
	} while (!atom64_cas_acqrel(&n->stale_posted, &untaken,
	    ferry__node_stale(age_ns, count)));
	if (untaken != 0)
		return;
	/* Relaxed: a reference is held. */
	atom64_add_relaxed(&n->claim, CLAIM_REFERENCE);
	if (!ferry__inbox_post_stale(n)) {
		/* pair(stale) release. */
		atom64_store_release(&n->stale_posted, 0);
		let_go(n);
	}
}

/* True: there is more to come for this entry. */
static bool
fire(struct due_entry *e, uint64_t now_ns,
    void (*expire)(struct node *, uint64_t))
{
	struct node *n = e->node;
	enum node_phase phase;

	if (!hold(e))
		return false;
	/* Relaxed: a reference is held, and the phase only goes forward. */
	phase = ferry__node_phase(atom64_load_relaxed(&n->state));
	if (e->stale_ns <= now_ns) {
		post_stale(n, now_ns - e->began_ns);
		e->stale_ns = now_ns + (uint64_t)n->stale_ms * 1000000u;
	}
	if (e->deadline_ns <= now_ns &&
	    (phase == NODE_DEFERRED || (n->flags & NODE_CANCEL_LATE))) {
		e->deadline_ns = OS_NEVER;
		expire(n, ferry__node_token(n, TOKEN_REQUEST));
	} else if (e->deadline_ns <= now_ns) {
		/* Its handler may defer it yet. */
		e->deadline_ns = now_ns + RETRY_NS;
	}
	let_go(n);
	set_time(e);
	return e->at_ns != OS_NEVER;
}

/* When to look again. For what waits for memory that is soon: nothing else
 * tells when there is some. */
static uint64_t
next_look(const struct due *d, uint64_t now_ns)
{
	uint64_t at_ns = d->count != 0 ? d->heap[0].at_ns : OS_NEVER;

	if (d->waiting != NULL && at_ns > now_ns + RETRY_NS)
		at_ns = now_ns + RETRY_NS;
	return at_ns;
}

uint64_t
ferry__due_run(struct due *d, uint64_t now_ns,
    void (*expire)(struct node *n, uint64_t token))
{
	take_in(d, now_ns);
	while (d->count != 0 && d->heap[0].at_ns <= now_ns) {
		if (!fire(&d->heap[0], now_ns, expire))
			d->heap[0] = d->heap[--d->count];
		if (d->count != 0)
			sift_down(d, 0);
	}
	return next_look(d, now_ns);
}
