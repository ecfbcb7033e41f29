/*
 * Tokens and slot tables: what a token may name, and that it never names
 * anything again once it was revoked.
 */
#include "t.h"

#include <ferry/ferry.h>

#include "ffi/token.h"

#define THREADS 4

static struct slot_table contexts =
    SLOT_TABLE(TOKEN_CONTEXT, TOKEN_COUNT_MOST);
static struct slot_table inboxes = SLOT_TABLE(TOKEN_INBOX, TOKEN_COUNT_MOST);
static struct slot_table spent = SLOT_TABLE(TOKEN_HANDLE, 3);
static struct slot_table shared = SLOT_TABLE(TOKEN_LIBRARY, TOKEN_COUNT_MOST);
static int objects[600];

static uint64_t
publish(struct slot_table *t, struct slot *s, void *object)
{
	uint64_t token = ferry__token_next(t, s);

	ferry__token_publish(s, token, object);
	return token;
}

/* A field that overlaps another, or is cut. */
static void
packing_round_trips(void)
{
	static const uint64_t counts[] = { 0, 1, 2, 0x12345678, 1u << 31,
		TOKEN_COUNT_MOST - 1, TOKEN_COUNT_MOST };
	static const uint32_t slots[] = { 0, 1, 255, 256, 0x555555,
		TOKEN_SLOTS - 1 };

	for (size_t c = 0; c < COUNT_OF(counts); c++)
		for (size_t s = 0; s < COUNT_OF(slots); s++)
			for (int k = TOKEN_REQUEST; k <= TOKEN_LISTENER; k++) {
				uint64_t t = ferry__token_make(
				    (enum token_kind)k, counts[c], slots[s]);

				T_EQ(ferry__token_kind(t), k);
				T_EQ(ferry__token_slot(t), slots[s]);
				T_EQ(ferry__token_count(t), counts[c]);
			}
}

/* A call and its request must be two names of one node. */
static void
as_changes_only_the_kind(void)
{
	uint64_t t = ferry__token_make(
	    TOKEN_REQUEST, TOKEN_COUNT_MOST, TOKEN_SLOTS - 1);
	uint64_t c = ferry__token_as(t, TOKEN_CALL);

	T_EQ(ferry__token_kind(c), TOKEN_CALL);
	T_EQ(ferry__token_slot(c), TOKEN_SLOTS - 1);
	T_EQ(ferry__token_count(c), TOKEN_COUNT_MOST);
	T_EQ(ferry__token_as(c, TOKEN_REQUEST), t);
	T_EQ(ferry__token_as(c, TOKEN_CALL), c);
}

static void
found_while_published(void)
{
	struct slot *s = ferry__token_reserve(&contexts), *found = NULL;
	uint64_t t = ferry__token_next(&contexts, s);

	/* A slot that is reserved names nothing yet. */
	T_EQ(ferry__token_find(&contexts, t, &found), FERRY_ESTALE);
	T_ASSERT(found == NULL);
	T_NE(t, 0);
	T_EQ(publish(&contexts, s, &objects[0]), t);
	T_OK(ferry__token_find(&contexts, t, &found));
	T_ASSERT(found == s);
	T_ASSERT(atomp_load_relaxed(&s->object) == &objects[0]);
	T_ASSERT(ferry__token_revoke(s, t));
	found = NULL;
	T_EQ(ferry__token_find(&contexts, t, &found), FERRY_ESTALE);
	T_ASSERT(found == NULL);
	T_ASSERT(!ferry__token_revoke(s, t));
	ferry__token_free(&contexts, s);
	T_EQ(ferry__token_find(&contexts, t, &found), FERRY_ESTALE);
}

/* Each is an error of its own, and none may be a crash. */
static void
what_never_was_is_refused(void)
{
	struct slot *s = ferry__token_reserve(&contexts), *found = NULL;
	uint64_t t = publish(&contexts, s, &objects[1]);
	uint32_t slot = ferry__token_slot(t);
	uint64_t count = ferry__token_count(t);

	T_EQ(ferry__token_find(&contexts, 0, &found), FERRY_EINVAL);
	for (int k = 0; k < 8; k++)
		if (k != TOKEN_CONTEXT)
			T_EQ(ferry__token_find(&contexts,
			         ferry__token_as(t, (enum token_kind)k),
			         &found),
			    FERRY_EINVAL);
	/* A future and a past count, and with the top bit. */
	T_EQ(ferry__token_find(&contexts,
	         ferry__token_make(TOKEN_CONTEXT, count + 1, slot), &found),
	    FERRY_ESTALE);
	T_EQ(ferry__token_find(&contexts,
	         ferry__token_make(TOKEN_CONTEXT, count - 1, slot), &found),
	    FERRY_ESTALE);
	T_EQ(ferry__token_find(&contexts, t | UINT64_C(1) << 63, &found),
	    FERRY_ESTALE);
	/* A slot never handed out: of a chunk there is, and of none. */
	T_EQ(ferry__token_find(&contexts,
	         ferry__token_make(TOKEN_CONTEXT, count, 255), &found),
	    FERRY_ESTALE);
	for (uint32_t i = SLOT_CHUNK; i < TOKEN_SLOTS; i = i * 2 + 1)
		T_EQ(ferry__token_find(&contexts,
		         ferry__token_make(TOKEN_CONTEXT, count, i), &found),
		    FERRY_ESTALE);
	/* Count 0 in a slot that has no token: 0 is not equal to anything. */
	T_EQ(ferry__token_find(&contexts,
	         ferry__token_make(TOKEN_CONTEXT, 0, 255), &found),
	    FERRY_ESTALE);
	T_ASSERT(found == NULL);
	T_ASSERT(ferry__token_revoke(s, t));
	ferry__token_free(&contexts, s);
}

/* The old token must not find the slot's next owner. */
static void
reuse_is_another_generation(void)
{
	struct slot *s = ferry__token_reserve(&contexts), *again, *found;
	uint64_t t = publish(&contexts, s, &objects[2]), next;

	T_ASSERT(ferry__token_revoke(s, t));
	ferry__token_free(&contexts, s);
	again = ferry__token_reserve(&contexts);
	T_ASSERT(again == s);
	/* What it named is still attached, for who keeps his objects. */
	T_ASSERT(atomp_load_relaxed(&s->object) == &objects[2]);
	next = publish(&contexts, s, &objects[3]);
	T_EQ(ferry__token_slot(next), ferry__token_slot(t));
	T_EQ(ferry__token_count(next), ferry__token_count(t) + 1);
	T_EQ(ferry__token_find(&contexts, t, &found), FERRY_ESTALE);
	T_ASSERT(!ferry__token_revoke(s, t));
	T_OK(ferry__token_find(&contexts, next, &found));
	T_ASSERT(ferry__token_revoke(s, next));
	ferry__token_free(&contexts, s);
}

/* A count that wraps would make an old token good again. */
static void
spent_slots_are_retired(void)
{
	struct slot *first = NULL, *s;
	uint64_t last = 0;

	for (uint64_t n = 1; n <= 3; n++) {
		s = ferry__token_reserve(&spent);
		T_ASSERT(first == NULL || s == first);
		first = s;
		last = publish(&spent, s, &objects[0]);
		T_EQ(ferry__token_count(last), n);
		T_ASSERT(ferry__token_revoke(s, last));
		ferry__token_free(&spent, s);
	}
	s = ferry__token_reserve(&spent);
	T_ASSERT(s != first);
	T_NE(ferry__token_slot(ferry__token_next(&spent, s)),
	    ferry__token_slot(last));
	T_EQ(ferry__token_find(&spent, last, &first), FERRY_ESTALE);
	ferry__token_free(&spent, s);
}

static void
mark(void *object, uint64_t token, void *arg)
{
	uint64_t *sum = arg;

	++*(int *)object;
	*sum += token;
}

/* A walk that ends too early, or visits what is revoked. */
static void
each_visits_the_living(void)
{
	struct slot *slots[COUNT_OF(objects)];
	uint64_t tokens[COUNT_OF(objects)], sum = 0, want = 0;

	memset(objects, 0, sizeof objects);
	ferry__token_each(&inboxes, mark, &sum);
	T_EQ(sum, 0);
	for (size_t i = 0; i < COUNT_OF(objects); i++) {
		slots[i] = ferry__token_reserve(&inboxes);
		tokens[i] = publish(&inboxes, slots[i], &objects[i]);
	}
	for (size_t i = 0; i < COUNT_OF(objects); i++)
		if (i % 3 == 0)
			T_ASSERT(ferry__token_revoke(slots[i], tokens[i]));
		else
			want += tokens[i];
	ferry__token_each(&inboxes, mark, &sum);
	T_EQ(sum, want);
	for (size_t i = 0; i < COUNT_OF(objects); i++)
		T_EQ(objects[i], i % 3 != 0);
}

/* ---- threads ---- */

#define CONTESTS 4000

static struct slot *contested;
static uint64_t contested_token;
static atom32 contest; /* the round that is on */
static atom32 through; /* threads that are through with one, in all */
static atom32 winners;

static void *
compete(void *unused)
{
	uint32_t waited = 0;

	(void)unused;
	for (uint32_t i = 1; i <= CONTESTS; i++) {
		/* pair(test) acquire. */
		while (atom32_load_acquire(&contest) < i)
			if (++waited % 1024 == 0)
				sched_yield();
		if (ferry__token_revoke(contested, contested_token))
			atom32_add_relaxed(&winners, 1);
		atom32_add_acqrel(&through, 1); /* pair(test) */
	}
	return NULL;
}

/* Two winners would close, or free, twice. */
static void
revoke_has_one_winner(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		threads[i] = t_thread_start(compete, NULL);
	for (uint32_t i = 1; i <= CONTESTS; i++) {
		contested = ferry__token_reserve(&contexts);
		contested_token = publish(&contexts, contested, &objects[0]);
		atom32_store_release(&contest, i); /* pair(test) */
		/* pair(test) acquire. */
		while (atom32_load_acquire(&through) < i * THREADS)
			sched_yield();
		T_EQ(atom32_load_relaxed(&winners), i);
		ferry__token_free(&contexts, contested);
	}
	for (int i = 0; i < THREADS; i++)
		t_thread_join(threads[i]);
}

#define ROUNDS 1000

static pthread_barrier_t barrier;
static atom64 passed_on; /* a token that others look at */

/* The object says whose it is; a reader that finds the token finds it so. */
static void *
churn(void *arg)
{
	uint64_t *token_of = arg;
	struct slot *s, *found;
	uint64_t t;

	pthread_barrier_wait(&barrier);
	for (int i = 0; i < ROUNDS; i++) {
		s = ferry__token_reserve(&shared);
		T_EQ(atom64_load_relaxed(&s->token), 0);
		t = ferry__token_next(&shared, s);
		*token_of = t;
		ferry__token_publish(s, t, token_of);
		atom64_store_relaxed(&passed_on, t);
		T_OK(ferry__token_find(&shared, t, &found));
		T_ASSERT(found == s);
		T_ASSERT(atomp_load_relaxed(&s->object) == token_of);
		/* Somebody else's: good or stale, nothing else. */
		t = atom64_load_relaxed(&passed_on);
		T_EQ(ferry__token_find(&shared, t, &found) == FERRY_EINVAL, 0);
		T_ASSERT(ferry__token_revoke(s, *token_of));
		ferry__token_free(&shared, s);
	}
	return NULL;
}

/* A slot handed to two at once. */
static void
threads_share_a_table(void)
{
	pthread_t threads[THREADS];
	uint64_t mine[THREADS];

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		threads[i] = t_thread_start(churn, &mine[i]);
	for (int i = 0; i < THREADS; i++)
		t_thread_join(threads[i]);
	pthread_barrier_destroy(&barrier);
	T_LE(shared.used, THREADS);
}

T_MAIN(
	T_RUN(packing_round_trips);
	T_RUN(as_changes_only_the_kind);
	T_RUN(found_while_published);
	T_RUN(what_never_was_is_refused);
	T_RUN(reuse_is_another_generation);
	T_RUN(spent_slots_are_retired);
	T_RUN(each_visits_the_living);
	T_RUN(revoke_has_one_winner);
	T_RUN(threads_share_a_table);
)
