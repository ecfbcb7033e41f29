/*
 * Nodes and homes; see node.h.
 *
 * Owns: the directory of all nodes, the registry of all homes.
 * Threads: a home's first lines are its thread's; the registry has one
 * mutex, taken when a thread first submits to a context, when a thread ends,
 * and when a context closes.
 */
#include "ffi/home.h"

#include "ffi/alloc.h"
#include "ffi/self.h"

#define CHUNK      16u /* a page: what a thread with one request pays */
#define DIRECTORY  (TOKEN_SLOTS / CHUNK)
#define CHUNKS     (DIRECTORY - 1) /* that of BEAT_NO_SLOT & co is never used */
#define NO_CHUNK   0u
#define FREE_TRIES 4 /* orphaned homes to look at before making a new one */

/*
 * Where the nodes are, by index. Written once per chunk; 16 MiB of
 * address space, of which only what is used is ever resident.
 */
static struct {
	atomp nodes;
	uint32_t next; /* the home's next older chunk + 1; its walkers' */
} directory[DIRECTORY];

static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static uint32_t chunks_used;   /* under registry */
static uint32_t inherited;     /* nodes of the processes before this one */
static struct home *free_homes;
static uint32_t serials;

static pthread_key_t key;      /* under registry, until it exists */
static bool key_exists;

struct node *
ferry__node_at(uint32_t index)
{
	/* pair(chunk) acquire: the nodes' index and home. */
	struct node *nodes =
	    atomp_load_acquire(&directory[index / CHUNK].nodes);

	return nodes == NULL ? NULL : &nodes[index % CHUNK];
}

bool
ferry__node_is_inherited(uint32_t index)
{
	return index < inherited;
}

static void
free_theirs(void *node)
{
	struct node *n = node;

	n->payload.outside.free(
	    n->payload.outside.data, n->payload.outside.free_user);
}

void
ferry__node_free_outside(struct node *n)
{
	uint32_t mark = ferry__fork_mark();
	int before;

	if (n->payload.outside.free == NULL) {
		free(n->payload.outside.data);
		return;
	}
	before = ferry__os_hold_cancel();
	ferry__self_run(free_theirs, n);
	ferry__os_resume_cancel(before);
	ferry__fork_returned(mark);
}

/* ----------------------------------------------------- taking from a home */

/* The next chunk's number; CHUNKS: sixteen million nodes are out. */
static uint32_t
next_chunk(struct home *h)
{
	uint32_t chunk;

	pthread_mutex_lock(&registry);
	chunk = chunks_used;
	if (chunk < CHUNKS) {
		chunks_used++;
		directory[chunk].next = h->chunk;
		h->chunk = chunk + 1;
	}
	pthread_mutex_unlock(&registry);
	return chunk;
}

/* A chunk for the home; false when there is no memory. */
static bool
add_chunk(struct home *h)
{
	struct node *nodes = h->memory;
	uint32_t chunk;

	if (nodes == NULL)
		nodes = ferry__alloc_for_ever(CHUNK * sizeof *nodes);
	h->memory = nodes;
	if (nodes == NULL)
		return false;
	chunk = next_chunk(h);
	if (chunk == CHUNKS)
		return false;
	h->memory = NULL;
	h->fresh = chunk * CHUNK;
	h->fresh_end = h->fresh + CHUNK;
	for (uint32_t i = 0; i < CHUNK; i++) {
		nodes[i].index = h->fresh + i;
		nodes[i].home = h;
	}
	/* pair(chunk) release: index and home before the node is found. */
	atomp_store_release(&directory[chunk].nodes, nodes);
	return true;
}

static struct node *
carve(struct home *h)
{
	if (h->fresh == h->fresh_end && !add_chunk(h))
		return NULL;
	/* Relaxed: counted for this thread's bound, and for walkers, who look
	 * only after every push was refused. */
	atom64_store_relaxed(&h->nodes, atom64_load_relaxed(&h->nodes) + 1);
	return ferry__node_at(h->fresh++);
}

static struct node *
take_returned(struct home *h)
{
	/* Look before the exchange: an empty list costs no write.
	 * pair(room) seq_cst: see ferry__node_want_room(). */
	if (atomp_load_seqcst(&h->returned) == NULL)
		return NULL;
	/* pair(node-home) acquire: what was done to the nodes is done. */
	return atomp_xchg_acqrel(&h->returned, NULL);
}

COLD struct node *
ferry__node_take_slow(struct home *h)
{
	struct node *n = take_returned(h);

	if (n != NULL) {
		h->cache = (struct node *)n->link.next;
		return n;
	}
	if (ferry__node_at_bound(h))
		return NULL;
	if (h->spare != NULL) {
		n = h->spare;
		h->spare = (struct node *)n->link.next;
		h->spares--;
		return n;
	}
	return carve(h);
}

void
ferry__node_announce_want(struct home *h, ferry_inbox inbox)
{
	atom64_store_relaxed(&h->wanted_by, inbox);
	/* pair(room) seq_cst: the want is announced before the look; who
	 * returns a chain pushes before it looks at the want. */
	atom32_store_seqcst(&h->wanted, 1);
}

bool
ferry__node_want_room(struct home *h, ferry_inbox inbox)
{
	ferry__node_announce_want(h, inbox);
	/* pair(room) seq_cst. */
	if (atomp_load_seqcst(&h->returned) == NULL)
		return false;
	/* pair(room) seq_cst: somebody may have posted meanwhile; a notice too
	 * many is harmless. */
	atom32_xchg_seqcst(&h->wanted, 0);
	return true;
}

/* ------------------------------------------------------------ giving back */

bool
ferry__node_wants_room(struct home *h)
{
	/* pair(room) seq_cst: after room was made; one of several tells. */
	return atom32_load_seqcst(&h->wanted) != 0 &&
	    /* pair(room) seq_cst. */
	    atom32_xchg_seqcst(&h->wanted, 0) != 0;
}

static bool
return_chain(struct home *h, struct link *first, struct link *last)
{
	void *old = atomp_load_relaxed(&h->returned);

	do {
		last->next = old;
		/* pair(node-home) release: we are done with the nodes.
		 * pair(room) seq_cst: before the look at the want. */
	} while (!atomp_cas_seqcst(&h->returned, &old, first));
	return ferry__node_wants_room(h);
}

bool
ferry__node_flush_worker(struct home *h)
{
	struct link *first = h->chain;

	if (first == NULL)
		return false;
	h->chain = NULL;
	h->chain_length = 0;
	return return_chain(h, first, h->chain_last);
}

void
ferry__node_chain_flush(struct node_chain *c)
{
	bool wanted;

	if (c->first == NULL)
		return;
	wanted = return_chain(c->home, c->first, c->last);
	c->first = NULL;
	c->length = 0;
	if (wanted)
		c->room(c->home);
}

void
ferry__node_uncount(struct total *t, uint64_t count)
{
	/* pair(total) seq_cst: room is made before the look at the want,
	 * which a refused submit announces before it looks for room again. */
	atom64_sub_seqcst(&t->out, count);
	/* pair(total) seq_cst. */
	if (atom32_load_seqcst(&t->wanted) != 0 &&
	    /* pair(total) seq_cst: one of several tells. */
	    atom32_xchg_seqcst(&t->wanted, 0) != 0)
		t->tell(t);
}

void
ferry__node_give(struct node_chain *c, struct node *n)
{
	if (c->length == NODE_CHAIN || (c->first != NULL && c->home != n->home))
		ferry__node_chain_flush(c);
	if (UNLIKELY(n->flags & NODE_COUNTED))
		ferry__node_uncount(n->home->total, 1);
	n->user = NULL; /* no hint (ahead.h) */
	n->link.next = c->first;
	if (c->first == NULL)
		c->last = &n->link;
	c->home = n->home;
	c->first = &n->link;
	c->length++;
}

/* --------------------------------------------------------------- registry */

/* All nodes that are back, and how many. The home must be its thread's, or
 * nobody's, under the registry's mutex. */
static uint64_t
collect(struct home *h)
{
	struct node *n;
	uint64_t count = 0;

	while ((n = take_returned(h)) != NULL)
		while (n != NULL) {
			struct node *next = (struct node *)n->link.next;

			ferry__node_untake(h, n);
			n = next;
		}
	for (n = h->cache; n != NULL; n = (struct node *)n->link.next)
		count++;
	return count + h->spares;
}

static bool
all_back(struct home *h)
{
	return collect(h) == atom64_load_relaxed(&h->nodes);
}

/* Spare what is beyond the depth; the rest is cache. All nodes are back. */
static void
divide(struct home *h, uint64_t depth)
{
	struct node *n = h->cache;
	uint64_t kept = 0;

	h->cache = NULL;
	while (n != NULL) {
		struct node *next = (struct node *)n->link.next;

		n->link.next = h->spare != NULL ? &h->spare->link : NULL;
		h->spare = n;
		h->spares++;
		n = next;
	}
	while (h->spare != NULL && kept < depth) {
		n = h->spare;
		h->spare = (struct node *)n->link.next;
		h->spares--;
		kept++;
		ferry__node_untake(h, n);
	}
	h->depth = depth;
}

static void
bind(struct home *h, const struct home_binding *b)
{
	divide(h, b->depth);
	/* No more than a quarter of them wait for the others on the way. */
	h->chain_most = b->depth / 4 < 1 ? 1
	    : b->depth / 4 < NODE_CHAIN  ? (uint32_t)(b->depth / 4)
	                                 : NODE_CHAIN;
	atom64_store_relaxed(&h->token, b->token);
	h->generation = b->generation;
	h->shards = b->shards;
	h->shard_mask = b->n_shards - 1;
	h->shard = &b->shards[ferry__self.serial & h->shard_mask];
	h->park = b->park;
	h->n_methods = b->methods->n;
	h->context_flags = b->flags;
	h->payload_max = b->payload_max;
	h->stuck = b->stuck;
	atomp_store_relaxed(
	    &h->methods, (void *)(uintptr_t)b->methods);
	h->total = b->total;
	atomp_store_relaxed(&h->context, b->context);
	h->inbox_token = 0;
	/* Relaxed: nobody reads a home that is in no context's list. */
	atom64_store_relaxed(&h->submitted.n, 0);
	atom64_store_relaxed(&h->refused.n, 0);
	atom64_store_relaxed(&h->wakes.n, 0);
	atom64_store_relaxed(&h->discarded, 0);
	atom32_store_relaxed(&h->wanted, 0);
	atomp_store_relaxed(&h->attachments, b->attachments);
	h->bound = true;
}

static void
own(struct home *h)
{
	h->owner = ferry__self.serial;
	/* Relaxed: a dead thread's calls are told to be of who has its home. */
	atom32_store_relaxed(&h->thread, ferry__os_thread_id());
	h->next_of_thread = ferry__self.homes;
	ferry__self.homes = h;
}

/* A dead thread's home of this very context, taken over as it is: its shard
 * too, so that the dead thread's requests stay before the new one's. */
static struct home *
adopt(struct homes *homes)
{
	struct home *h = homes->first;

	while (h != NULL && h->owner != 0)
		h = h->next_of_context;
	if (h != NULL)
		own(h);
	return h;
}

/*
 * To the free ones, what this thread has of homes that are bound to nothing and
 * have all their nodes: it has just been given a dead thread's, and one that
 * outlives many others would gather theirs for ever.
 */
static void
give_up_unused(void)
{
	struct home **p = &ferry__self.homes, *h;

	while ((h = *p) != NULL) {
		if (h->bound || !all_back(h)) {
			p = &h->next_of_thread;
			continue;
		}
		*p = h->next_of_thread;
		for (unsigned i = 0; i < SELF_RECENT; i++)
			if (ferry__self.recent[i] == h)
				ferry__self.recent[i] = NULL;
		h->owner = 0;
		h->next_free = free_homes;
		free_homes = h;
	}
}

/* One of this thread's whose context has closed and whose nodes are back. */
static struct home *
reuse_own(void)
{
	struct home *h = ferry__self.homes;

	while (h != NULL && (h->bound || !all_back(h)))
		h = h->next_of_thread;
	return h;
}

static struct home *
reuse_free(void)
{
	struct home **p = &free_homes;

	for (int i = 0; *p != NULL && i < FREE_TRIES; i++) {
		struct home *h = *p;

		if (all_back(h)) {
			*p = h->next_free;
			own(h);
			return h;
		}
		p = &h->next_free;
	}
	return NULL;
}

static struct home *
make(void)
{
	struct home *h = ferry__alloc_for_ever(sizeof *h);

	if (h != NULL)
		own(h);
	return h;
}

/* A thread has ended: its homes go to the next one. */
static void
orphan(void *unused)
{
	struct home *h;

	(void)unused;
	/* Of before a fork: they are left behind. */
	if (ferry__self.epoch != ferry__fork_mark() + 1)
		return;
	pthread_mutex_lock(&registry);
	h = ferry__self.homes;
	while (h != NULL) {
		struct home *next = h->next_of_thread;

		h->owner = 0;
		if (!h->bound) {
			h->next_free = free_homes;
			free_homes = h;
		}
		h = next;
	}
	pthread_mutex_unlock(&registry);
	ferry__self.homes = NULL;
	for (unsigned i = 0; i < SELF_RECENT; i++)
		ferry__self.recent[i] = NULL;
}

/* Not pthread_once(): a key that was refused is asked for again. */
static bool
make_key(void)
{
	bool exists;

	pthread_mutex_lock(&registry);
	if (!key_exists)
		key_exists = pthread_key_create(&key, orphan) == 0;
	exists = key_exists;
	pthread_mutex_unlock(&registry);
	return exists;
}

/* So that orphan() is called; again if this is a destructor's submit. */
static bool
watch_exit(void)
{
	return make_key() && pthread_setspecific(key, &ferry__self) == 0;
}

struct home *
ferry__node_home(struct homes *homes, const struct home_binding *b)
{
	struct home *h;

	ferry__fork_enter();
	if (!watch_exit())
		return NULL;
	pthread_mutex_lock(&registry);
	if (ferry__self.serial == 0)
		ferry__self.serial = ++serials;
	h = adopt(homes);
	if (h != NULL) {
		give_up_unused();
	} else {
		h = reuse_own();
		if (h == NULL)
			h = reuse_free();
		if (h == NULL)
			h = make();
		if (h != NULL) {
			bind(h, b);
			h->next_of_context = homes->first;
			homes->first = h;
		}
	}
	pthread_mutex_unlock(&registry);
	return h;
}

/* ---------------------------------------------------------------- closing */

static void
each_node_of(struct home *h, void (*visit)(struct node *, void *), void *arg)
{
	uint32_t chunk;

	pthread_mutex_lock(&registry);
	chunk = h->chunk;
	pthread_mutex_unlock(&registry);
	while (chunk != NO_CHUNK) {
		struct node *first = ferry__node_at((chunk - 1) * CHUNK);

		for (uint32_t i = 0; first != NULL && i < CHUNK; i++)
			visit(&first[i], arg);
		chunk = directory[chunk - 1].next;
	}
}

/* Not under the mutex: a visitor runs hooks, frees payloads and posts. The
 * list only grows at its head while the context is open, and stands still
 * from the close on; homes are never freed. */
void
ferry__node_each(struct homes *homes, void (*visit)(struct node *, void *),
    void *arg)
{
	struct home *h;

	pthread_mutex_lock(&registry);
	h = homes->first;
	pthread_mutex_unlock(&registry);
	for (; h != NULL; h = h->next_of_context)
		each_node_of(h, visit, arg);
}

void
ferry__node_each_home(struct homes *homes,
    void (*visit)(struct home *, void *), void *arg)
{
	pthread_mutex_lock(&registry);
	for (struct home *h = homes->first; h != NULL; h = h->next_of_context)
		visit(h, arg);
	pthread_mutex_unlock(&registry);
}

void
ferry__node_disband(struct homes *homes)
{
	struct home *h;

	pthread_mutex_lock(&registry);
	h = homes->first;
	homes->first = NULL;
	while (h != NULL) {
		struct home *next = h->next_of_context;

		h->bound = false;
		h->next_of_context = NULL;
		/* Relaxed: nobody is told of room in a closed context. */
		atom32_store_relaxed(&h->wanted, 0);
		if (h->owner == 0) {
			h->next_free = free_homes;
			free_homes = h;
		}
		h = next;
	}
	pthread_mutex_unlock(&registry);
}

void
ferry__node_forked(void)
{
	ferry__fork_renew(&registry);
	/* Also a chunk that has a number and is not in the directory yet. */
	inherited = chunks_used * CHUNK;
	free_homes = NULL;
}
