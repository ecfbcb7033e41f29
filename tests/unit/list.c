/*
 * The push list: what push, take, close and open do to the head, alone, in
 * each other's middle, and from several threads.
 *
 * A push looks at the head and then swaps it; `between` runs in between, as
 * another thread would.
 */
#include "t.h"

#include "ffi/atomic.h"

static _Thread_local void (*between)(void);

static uint64_t
look_and_pause(const atom64 *a)
{
	uint64_t v = atom64_load_relaxed(a);
	void (*run)(void) = between;

	between = NULL;
	if (run != NULL)
		run();
	return v;
}

#define atom64_load_relaxed look_and_pause
#include "ffi/list.h"
#undef atom64_load_relaxed

#define TAG LIST_TAG_LINE

struct item {
	_Alignas(LINE) struct link link;
	uint64_t generation; /* in which it was pushed */
	uint32_t number;
	uint32_t accepted;   /* the pusher's */
	uint32_t taken;      /* the taker's */
};

static struct list list;
static struct item items[8];

static uint64_t
head(void)
{
	return atom64_load_relaxed(&list.head);
}

static bool
push(struct item *i, uint64_t generation)
{
	return ferry__list_push(&list, &i->link, &i->link, generation, TAG);
}

static struct link *
take(void)
{
	return ferry__list_first(ferry__list_take(&list, TAG), TAG);
}

/* Whether the chain is made of exactly these items, in this order. */
static void
expect(struct link *l, const int *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		T_ASSERT(l != NULL);
		T_EQ(container_of(l, struct item, link) - items, numbers[i]);
		l = l->next;
	}
	T_ASSERT(l == NULL);
}
#define EXPECT(l, ...) \
	expect((l), (const int[]){ __VA_ARGS__ }, \
	    COUNT_OF(((const int[]){ __VA_ARGS__ })))

static void
start(uint64_t generation)
{
	memset(items, 0, sizeof items);
	between = NULL;
	ferry__list_open(&list, generation);
}

/* An open that left something of a former life would hand it to the taker. */
static void
open_is_empty(void)
{
	start(5);
	T_ASSERT(!ferry__list_stirs(&list, TAG));
	T_ASSERT(take() == NULL);
	T_EQ(head(), 5 << 1);
}

/* A push that loses what is there, or a take that leaves something. */
static void
take_is_everything_newest_first(void)
{
	start(1);
	for (int i = 0; i < 3; i++) {
		T_ASSERT(push(&items[i], 1));
		T_ASSERT(ferry__list_stirs(&list, TAG));
	}
	EXPECT(take(), 2, 1, 0);
	T_ASSERT(!ferry__list_stirs(&list, TAG));
	T_ASSERT(take() == NULL);
}

/* Lanes rely on it: the oldest is started first. */
static void
reverse_is_oldest_first(void)
{
	start(1);
	for (int i = 0; i < 4; i++)
		T_ASSERT(push(&items[i], 1));
	EXPECT(ferry__list_reverse(take()), 0, 1, 2, 3);
	T_ASSERT(ferry__list_reverse(NULL) == NULL);
	T_ASSERT(push(&items[5], 1));
	EXPECT(ferry__list_reverse(take()), 5);
}

/* A chain that is not contiguous breaks submit_many. */
static void
chain_stays_together(void)
{
	start(1);
	T_ASSERT(push(&items[0], 1));
	/* Newest first: 3, 2, 1. */
	items[3].link.next = &items[2].link;
	items[2].link.next = &items[1].link;
	T_ASSERT(ferry__list_push(
	    &list, &items[3].link, &items[1].link, 1, TAG));
	T_ASSERT(push(&items[4], 1));
	EXPECT(ferry__list_reverse(take()), 0, 1, 2, 3, 4);
}

/* A close that drops what was accepted before it. */
static void
close_keeps_what_is_there(void)
{
	uint64_t old;

	start(7);
	T_ASSERT(push(&items[0], 7));
	old = ferry__list_close(&list);
	T_EQ(old & LIST_CLOSED, 0);
	T_EQ(head() & TAG, 7 << 1 | LIST_CLOSED);
	EXPECT(take(), 0);
	/* Closing again says so, and changes nothing. */
	T_EQ(ferry__list_close(&list) & LIST_CLOSED, LIST_CLOSED);
	T_EQ(head(), 7 << 1 | LIST_CLOSED);
}

/* A take by exchange would open the list again, and lose the next push. */
static void
take_keeps_closed_and_generation(void)
{
	uint64_t old;

	start(9);
	T_ASSERT(push(&items[0], 9));
	ferry__list_close(&list);
	old = ferry__list_take(&list, TAG);
	T_EQ(old & TAG, 9 << 1 | LIST_CLOSED);
	T_EQ(head(), 9 << 1 | LIST_CLOSED);
	T_ASSERT(!push(&items[1], 9));
	T_EQ(ferry__list_take(&list, TAG), 9 << 1 | LIST_CLOSED);
}

static void
refused_push_changes_nothing(void)
{
	uint64_t before;

	start(3);
	T_ASSERT(push(&items[0], 3));
	ferry__list_close(&list);
	before = head();
	items[2].link.next = &items[1].link;
	T_ASSERT(!ferry__list_push(
	    &list, &items[2].link, &items[1].link, 3, TAG));
	T_EQ(head(), before);
	T_ASSERT(items[2].link.next == &items[1].link);
	EXPECT(take(), 0);
}

/* Without the generation in the head a sleeper reaches the next owner. */
static void
other_generations_are_refused(void)
{
	start(4);
	T_ASSERT(!push(&items[0], 3));
	T_ASSERT(!push(&items[0], 5));
	T_ASSERT(!push(&items[0], 4 | 1 << 20));
	T_EQ(head(), 4 << 1);
	T_ASSERT(push(&items[0], 4));
	/* A generation that differs while something is there. */
	T_ASSERT(!push(&items[1], 5));
	EXPECT(take(), 0);
}

static void
reopened_is_the_next_generation(void)
{
	start(1);
	ferry__list_close(&list);
	take();
	ferry__list_open(&list, 2);
	T_ASSERT(!push(&items[0], 1));
	T_ASSERT(push(&items[1], 2));
	EXPECT(take(), 1);
}

/* A generation that spills into the address, or is cut. */
static void
largest_generations_fit(void)
{
	uint64_t most = (UINT64_C(1) << 22) - 1;
	struct { _Alignas(16) struct link link; } small[2];

	start(most);
	T_ASSERT(push(&items[0], most));
	T_ASSERT(push(&items[1], most));
	T_EQ(head() & TAG, most << 1);
	EXPECT(take(), 1, 0);
	ferry__list_close(&list);
	T_EQ(head(), most << 1 | LIST_CLOSED);

	most = (UINT64_C(1) << 19) - 1;
	start(most);
	for (int i = 0; i < 2; i++)
		T_ASSERT(ferry__list_push(&list, &small[i].link,
		    &small[i].link, most, LIST_TAG_SMALL));
	T_ASSERT(ferry__list_first(head(), LIST_TAG_SMALL) == &small[1].link);
	T_ASSERT(small[1].link.next == &small[0].link);
	T_ASSERT(small[0].link.next == NULL);
}

/* ---- in the middle of a push ---- */

static void
meanwhile_close(void)
{
	ferry__list_close(&list);
}

static void
push_slept_through_a_close(void)
{
	start(2);
	T_ASSERT(push(&items[0], 2));
	between = meanwhile_close;
	T_ASSERT(!push(&items[1], 2));
	EXPECT(take(), 0);
}

static void
meanwhile_reopen(void)
{
	ferry__list_close(&list);
	EXPECT(take(), 0);
	ferry__list_open(&list, 3);
}

static void
push_slept_through_close_and_reopen(void)
{
	start(2);
	T_ASSERT(push(&items[0], 2));
	between = meanwhile_reopen;
	T_ASSERT(!push(&items[1], 2));
	T_EQ(head(), 3 << 1);
}

static void
meanwhile_push(void)
{
	T_ASSERT(push(&items[0], 2));
}

/* A CAS that does not look again would lose the other's. */
static void
push_beaten_by_a_push(void)
{
	start(2);
	between = meanwhile_push;
	T_ASSERT(push(&items[1], 2));
	EXPECT(take(), 1, 0);
}

static void
meanwhile_take(void)
{
	EXPECT(take(), 0);
}

/* A link to what has been taken already would run it twice. */
static void
push_beaten_by_a_take(void)
{
	start(2);
	T_ASSERT(push(&items[0], 2));
	between = meanwhile_take;
	T_ASSERT(push(&items[1], 2));
	EXPECT(take(), 1);
}

static void
meanwhile_same_again(void)
{
	EXPECT(take(), 0);
	T_ASSERT(push(&items[2], 2));
	T_ASSERT(push(&items[0], 2));
}

/* The head is the same word again, with another list behind it. */
static void
push_meets_the_same_head(void)
{
	start(2);
	T_ASSERT(push(&items[0], 2));
	between = meanwhile_same_again;
	T_ASSERT(push(&items[1], 2));
	EXPECT(take(), 1, 0, 2);
}

/* ---- threads ---- */

#define PUSHERS 3
#define PUSHES  3000
#define LIVES   20

static struct list shared;
static atom64 life;  /* the generation to push in; 0: over */
static atom32 pushed;
static struct item *pool[PUSHERS];

static void *
pusher(void *arg)
{
	struct item *mine = arg;
	uint32_t i = 0, n;
	uint64_t g;

	/* pair(test) acquire. */
	while (i < PUSHES && (g = atom64_load_acquire(&life)) != 0) {
		n = 1 + i % 3 < PUSHES - i ? 1 + i % 3 : PUSHES - i;
		for (uint32_t k = 0; k < n; k++) {
			mine[i + k].generation = g;
			mine[i + k].number = i + k;
			mine[i + k].link.next =
			    k == 0 ? NULL : &mine[i + k - 1].link;
		}
		if (ferry__list_push(
		        &shared, &mine[i + n - 1].link, &mine[i].link, g, TAG))
			for (uint32_t k = 0; k < n; k++)
				mine[i + k].accepted = 1;
		i += n;
		atom32_add_relaxed(&pushed, 1);
	}
	return NULL;
}

/* Marks what a take gave: of this generation, each pusher's in its order. */
static uint32_t
account(struct link *l, uint64_t generation, uint32_t *last)
{
	uint32_t n = 0;

	for (l = ferry__list_reverse(l); l != NULL; l = l->next, n++) {
		struct item *i = container_of(l, struct item, link);
		int who = 0;

		while (i < pool[who] || i >= pool[who] + PUSHES)
			who++;
		T_EQ(i->generation, generation);
		T_GT(i->number + 1, last[who]);
		last[who] = i->number + 1;
		i->taken++;
	}
	return n;
}

static void *
taker(void *unused)
{
	uint32_t last[PUSHERS] = { 0 };
	uint64_t g = 1, old;

	(void)unused;
	for (;;) {
		old = ferry__list_take(&shared, TAG);
		T_EQ((old & TAG) >> 1, g);
		account(ferry__list_first(old, TAG), g, last);
		if ((old & LIST_CLOSED) == 0) {
			sched_yield();
			continue;
		}
		/* After a take that saw CLOSED there is none any more. */
		T_EQ(ferry__list_take(&shared, TAG), g << 1 | LIST_CLOSED);
		if (g == LIVES)
			return NULL;
		ferry__list_open(&shared, ++g);
		atom64_store_release(&life, g); /* pair(test) release */
	}
}

/* Every accepted chain is taken exactly once, in the life it was pushed in;
 * no refused one ever is. */
static void
threads_take_each_once(void)
{
	pthread_t threads[PUSHERS], t;
	uint32_t accepted = 0, want = 0, most = 0;

	for (int i = 0; i < PUSHERS; i++) {
		pool[i] = aligned_alloc(LINE, PUSHES * sizeof *pool[i]);
		memset(pool[i], 0, PUSHES * sizeof *pool[i]);
	}
	ferry__list_open(&shared, 1);
	atom64_store_release(&life, 1); /* pair(test) release */
	t = t_thread_start(taker, NULL);
	for (int i = 0; i < PUSHERS; i++)
		threads[i] = t_thread_start(pusher, pool[i]);
	/* Close each life after its share of the pushes; a push counts two
	 * items on average. */
	most = PUSHERS * PUSHES / 2;
	for (uint64_t g = 1; g <= LIVES; g++) {
		want += most / (LIVES + 4);
		/* pair(test) acquire. */
		while (atom32_load_relaxed(&pushed) < want ||
		    atom64_load_acquire(&life) < g)
			sched_yield();
		ferry__list_close(&shared);
	}
	t_thread_join(t);
	atom64_store_release(&life, 0); /* pair(test) release */
	for (int i = 0; i < PUSHERS; i++)
		t_thread_join(threads[i]);
	for (int i = 0; i < PUSHERS; i++) {
		for (int k = 0; k < PUSHES; k++) {
			T_EQ(pool[i][k].taken, pool[i][k].accepted);
			accepted += pool[i][k].accepted;
		}
		free(pool[i]);
	}
	T_GT(accepted, 0);
}

T_MAIN(
	T_RUN(open_is_empty);
	T_RUN(take_is_everything_newest_first);
	T_RUN(reverse_is_oldest_first);
	T_RUN(chain_stays_together);
	T_RUN(close_keeps_what_is_there);
	T_RUN(take_keeps_closed_and_generation);
	T_RUN(refused_push_changes_nothing);
	T_RUN(other_generations_are_refused);
	T_RUN(reopened_is_the_next_generation);
	T_RUN(largest_generations_fit);
	T_RUN(push_slept_through_a_close);
	T_RUN(push_slept_through_close_and_reopen);
	T_RUN(push_beaten_by_a_push);
	T_RUN(push_beaten_by_a_take);
	T_RUN(push_meets_the_same_head);
	T_RUN(threads_take_each_once);
)
