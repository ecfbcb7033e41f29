/*
 * A node's two words: what a token may know of it, references, generations.
 * Homes are in home.c.
 */
#include "t.h"

#include "ffi/home.h"

#define THREADS 4

static struct node node;
static struct home home;

/* As begin() leaves it, `count` begins after the first. */
static uint64_t
start(unsigned count, uint64_t aside)
{
	memset(&node, 0, sizeof node);
	node.home = &home;
	node.index = 77;
	do
		ferry__node_begin(&node, aside);
	while (count-- != 0);
	return ferry__node_token(&node, TOKEN_REQUEST);
}

static uint64_t
claim(void)
{
	return atom64_load_relaxed(&node.claim);
}

static uint64_t
state(void)
{
	return atom64_load_relaxed(&node.state);
}

static int
status(uint64_t token)
{
	return ferry__node_status(token, claim(), state());
}

static void
first_life(void)
{
	uint64_t t = start(0, 0);

	T_EQ(ferry__token_kind(t), TOKEN_REQUEST);
	T_EQ(ferry__token_slot(t), 77);
	T_EQ(ferry__token_count(t), 1);
	T_EQ(ferry__node_phase(state()), NODE_QUEUED);
	T_EQ(claim() & CLAIM_REFERENCES, CLAIM_REFERENCE);
	T_EQ(claim() & CLAIM_FLAGS, 0);
	T_OK(status(t));
	T_OK(status(ferry__token_as(t, TOKEN_CALL)));
}

/* Flags or references of a former life would answer, or leak, the new one. */
static void
begin_forgets_the_former_life(void)
{
	uint64_t t = start(0, 0), again;

	atom64_or_acqrel(&node.claim, CLAIM_FLAGS | 5 * CLAIM_REFERENCE);
	ferry__node_begin(&node, CLAIM_WAITED);
	again = ferry__node_token(&node, TOKEN_REQUEST);
	T_EQ(ferry__token_count(again), ferry__token_count(t) + 1);
	T_EQ(ferry__token_slot(again), 77);
	T_EQ(claim() & (CLAIM_FLAGS | CLAIM_REFERENCES),
	    CLAIM_REFERENCE | CLAIM_WAITED);
	T_EQ(status(t), FERRY_ESTALE);
	T_OK(status(again));
}

/* Between its two stores a begin must look stale to both tokens. */
static void
half_begun_is_stale(void)
{
	uint64_t t = start(0, 0), c = claim(), s = state();

	ferry__node_begin(&node, 0);
	T_EQ(ferry__node_status(t, claim(), s), FERRY_ESTALE);
	T_EQ(ferry__node_status(
	         ferry__node_token(&node, TOKEN_REQUEST), claim(), s),
	    FERRY_ESTALE);
	T_EQ(ferry__node_status(t, c, state()), FERRY_ESTALE);
}

/* What the comment in node.h says, as a table. */
static int
expected(enum node_phase phase, uint64_t flags)
{
	if (flags & CLAIM_ANSWERED)
		return flags & CLAIM_TAKEN ? FERRY_ESTALE : FERRY_EDONE;
	if (phase == NODE_FREE)
		return FERRY_ESTALE;
	if (phase == NODE_DONE || (flags & CLAIM_FINISHED) != 0)
		return FERRY_EDONE;
	return FERRY_OK;
}

static void
status_by_phase_and_flags(void)
{
	uint64_t t = start(3, 0), bare = claim();

	for (int p = NODE_FREE; p <= NODE_DONE; p++)
		for (uint64_t f = 0; f <= CLAIM_CALLBACK * 2 - 1; f++) {
			uint64_t c = bare | f;
			uint64_t s =
			    ferry__node_word(bare, (enum node_phase)p);

			if (ferry__node_status(t, c, s) !=
			    expected((enum node_phase)p, f))
				T_FAIL("phase %d, flags %#jx", p,
				    (uintmax_t)f);
		}
}

/* One bit more or less of generation, at every end of it. */
static void
other_generations_are_stale(void)
{
	uint64_t t = start(9, 0);

	for (int bit = 27; bit < 64; bit++) {
		uint64_t other = t ^ UINT64_C(1) << bit;

		T_EQ(status(other), FERRY_ESTALE);
		T_EQ(status(ferry__token_as(other, TOKEN_CALL)), FERRY_ESTALE);
	}
	T_OK(status(t));
}

static void
plain_is_the_main_line_alone(void)
{
	T_ASSERT(start(0, 0) != 0 && ferry__node_is_plain(claim()));
	T_ASSERT(ferry__node_is_plain(claim() | CLAIM_ASIDE));
	for (uint64_t f = 1; f <= CLAIM_CALLBACK; f <<= 1)
		T_EQ(ferry__node_is_plain(claim() | f),
		    (f & CLAIM_ASIDE) != 0);
	T_ASSERT(!ferry__node_is_plain(claim() + CLAIM_REFERENCE));
	T_ASSERT(!ferry__node_is_plain(claim() - CLAIM_REFERENCE));
}

/* One drop too many gives a node home that somebody still holds. */
static void
last_drop_gives_home(void)
{
	start(0, CLAIM_WAITED);
	T_ASSERT(ferry__node_drop(&node));
	start(0, 0);
	atom64_add_relaxed(&node.claim, 2 * CLAIM_REFERENCE);
	T_ASSERT(!ferry__node_drop(&node));
	T_ASSERT(!ferry__node_drop(&node));
	T_ASSERT(ferry__node_drop(&node));
	/* With a flag the main line goes by read-modify-write. */
	start(0, 0);
	atom64_or_acqrel(&node.claim, CLAIM_CANCEL);
	T_ASSERT(ferry__node_drop(&node));
	T_EQ(claim() & CLAIM_REFERENCES, 0);
	/* All the references there is room for. */
	start(0, 0);
	atom64_or_acqrel(&node.claim, CLAIM_REFERENCES);
	for (int i = 0; i < 30; i++)
		T_ASSERT(!ferry__node_drop(&node));
	T_ASSERT(ferry__node_drop(&node));
}

static pthread_barrier_t barrier;
static atom32 lasts;

static void *
drop(void *unused)
{
	(void)unused;
	for (int i = 0; i < 500; i++) {
		pthread_barrier_wait(&barrier);
		if (ferry__node_drop(&node))
			atom32_add_relaxed(&lasts, 1);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

/* Two lasts give home twice, none leaks. */
static void
one_of_several_drops_is_last(void)
{
	pthread_t threads[THREADS];

	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		threads[i] = t_thread_start(drop, NULL);
	for (int i = 0; i < 500; i++) {
		start(0, 0);
		atom64_add_relaxed(
		    &node.claim, (THREADS - 1) * CLAIM_REFERENCE);
		atom32_store_relaxed(&lasts, 0);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		T_EQ(atom32_load_relaxed(&lasts), 1);
	}
	for (int i = 0; i < THREADS; i++)
		t_thread_join(threads[i]);
	pthread_barrier_destroy(&barrier);
}

/* A canceller's answer for a closer's, or one where there is none. */
static void
answered_by_flags(void)
{
	int r = 123;

	start(0, 0);
	T_ASSERT(!ferry__node_answered(&node, &r));
	atom64_or_acqrel(&node.claim, CLAIM_ECLOSED);
	T_ASSERT(!ferry__node_answered(&node, &r));
	T_EQ(r, 123);
	atom64_or_acqrel(&node.claim, CLAIM_ANSWERED);
	T_ASSERT(ferry__node_answered(&node, &r));
	T_EQ(r, FERRY_ECLOSED);
	start(0, 0);
	atom64_or_acqrel(&node.claim, CLAIM_ANSWERED);
	T_ASSERT(ferry__node_answered(&node, &r));
	T_EQ(r, FERRY_ECANCELED);
}

/* A token must be stale once its reply was taken. */
static void
taken_is_stale(void)
{
	uint64_t t = start(0, 0);

	atom64_store_relaxed(
	    &node.state, ferry__node_word(state(), NODE_DONE));
	T_EQ(status(t), FERRY_EDONE);
	ferry__node_taken(&node);
	T_EQ(status(t), FERRY_ESTALE);
	/* An answered one keeps its phase, which others still write. */
	t = start(0, 0);
	atom64_or_acqrel(&node.claim, CLAIM_ANSWERED);
	T_EQ(status(t), FERRY_EDONE);
	ferry__node_taken(&node);
	T_EQ(status(t), FERRY_ESTALE);
	T_EQ(ferry__node_phase(state()), NODE_QUEUED);
}

/* A generation that wraps would make the first token good again. */
static void
spent_before_it_wraps(void)
{
	uint64_t last;

	start(0, 0);
	T_ASSERT(!ferry__node_spent(&node));
	/* 40 bits: the count in 37 of them, above the kind. */
	last = (UINT64_C(7) << 61) - (UINT64_C(8) << 24);
	atom64_store_relaxed(
	    &node.claim, last | (uint64_t)TOKEN_REQUEST << 24);
	T_ASSERT(!ferry__node_spent(&node));
	ferry__node_begin(&node, 0);
	T_ASSERT(ferry__node_spent(&node));
	/* The last life is a good one all the same. */
	T_OK(status(ferry__node_token(&node, TOKEN_REQUEST)));
	T_EQ(ferry__token_kind(ferry__node_token(&node, TOKEN_REQUEST)),
	    TOKEN_REQUEST);
}

static int frees;
static char outside[] = "outside";

static void
count_free(void *data, void *user)
{
	T_ASSERT(data == outside && user == &frees);
	frees++;
}

static void
payload_inside_and_out(void)
{
	start(0, 0);
	frees = 0;
	T_ASSERT(ferry__node_data(&node) == node.payload.bytes);
	T_EQ((uintptr_t)node.payload.bytes % 16, 0);
	ferry__node_free_payload(&node);
	T_EQ(frees, 0);
	node.flags = NODE_ADOPTED;
	node.payload.outside.data = outside;
	node.payload.outside.free = count_free;
	node.payload.outside.free_user = &frees;
	T_ASSERT(ferry__node_data(&node) == outside);
	ferry__node_free_payload(&node);
	T_EQ(frees, 1);
}

/* Two threads that write one line cost three quarters of the throughput. */
static void
lines_are_apart(void)
{
	T_EQ(offsetof(struct home, submitted) % LINE, 0);
	T_EQ(offsetof(struct home, returned) % LINE, 0);
	T_EQ(offsetof(struct home, chain) % LINE, 0);
	T_EQ(offsetof(struct home, owner) % LINE, 0);
	T_LE(offsetof(struct node, payload) + NODE_INLINE, LINE);
	T_EQ(offsetof(struct node, reply_post.link) % 16, 0);
	T_EQ(offsetof(struct node, stale_post.link) % 16, 0);
	T_EQ(offsetof(struct node, job.link) % 16, 0);
}

T_MAIN(
	T_RUN(first_life);
	T_RUN(begin_forgets_the_former_life);
	T_RUN(half_begun_is_stale);
	T_RUN(status_by_phase_and_flags);
	T_RUN(other_generations_are_stale);
	T_RUN(plain_is_the_main_line_alone);
	T_RUN(last_drop_gives_home);
	T_RUN(one_of_several_drops_is_last);
	T_RUN(answered_by_flags);
	T_RUN(taken_is_stale);
	T_RUN(spent_before_it_wraps);
	T_RUN(payload_inside_and_out);
	T_RUN(lines_are_apart);
)
