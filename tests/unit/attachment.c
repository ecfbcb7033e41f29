/*
 * Attachments: notices that merge, parcels and their numbers, and that each is
 * let go of once by everybody.
 */
#include "world.h"

#include <ferry/ferry.h>
#include <poll.h>

#include "event/attachment.h"
#include "event/inbox.h"

#define CONTEXT UINT64_C(0x123456)

static struct attachments list;
static struct attachment *a;
static ferry_inbox inbox;
static int marker;
static atom32 rooms; /* told of room */

static void
room(void *arg)
{
	T_ASSERT(arg == &rooms);
	atom32_add_relaxed(&rooms, 1);
}

static int
attach(ferry_inbox i, uint32_t flags, uint32_t capacity, uint64_t sequence)
{
	struct hearing from = { .sequence = sequence };
	ferry_attach_options o = { .struct_size = sizeof o, .flags = flags,
		.event_capacity = capacity, .user = &marker };

	return ferry__attachment_open(
	    &list, i, CONTEXT, &o, &from, room, &rooms);
}

static void
start(uint32_t capacity)
{
	pthread_mutex_init(&list.mutex, NULL);
	list.first = NULL;
	atom32_store_relaxed(&list.hearers, 0);
	atom32_store_relaxed(&rooms, 0);
	T_OK(ferry_inbox_open(&inbox, NULL));
	T_OK(attach(inbox, FERRY_ATTACH_EVENTS | FERRY_ATTACH_LIVENESS,
	    capacity, 0));
	a = list.first;
}

static void
stop(void)
{
	ferry__attachment_detach_all(&list);
	T_OK(ferry_inbox_close(NULL, inbox));
	T_EQ(atom32_load_relaxed(&a->references), 0);
	T_ASSERT(a->slots == NULL);
}

static uint32_t
take(ferry_completion *c, uint32_t capacity)
{
	int r = ferry_inbox_take(c, capacity, inbox);

	T_GE(r, 0);
	for (int i = 0; i < r; i++) {
		T_EQ(c[i].context, CONTEXT);
		T_ASSERT(c[i].user == &marker);
	}
	return (uint32_t)r;
}

/* There is just this, with this count. */
static void
expect(uint32_t kind, uint64_t count)
{
	ferry_completion c[4];

	T_EQ(take(c, 4), 1);
	T_EQ(c[0].kind, kind);
	T_EQ(c[0].count, count);
	T_ASSERT(c[0].data == NULL);
}

static void
expect_nothing(void)
{
	ferry_completion c[4];

	T_EQ(take(c, 4), 0);
}

/* ---- attaching ---- */

static void
refusals(void)
{
	ferry_inbox closed;

	start(0);
	T_EQ(attach(inbox, 4, 0, 0), FERRY_EINVAL);
	T_EQ(attach(inbox, 0, 3, 0), FERRY_EINVAL);
	T_EQ(attach(inbox, 0, 65537, 0), FERRY_EINVAL);
	T_EQ(attach(inbox, 0, 131072, 0), FERRY_EINVAL);
	T_EQ(attach(inbox, 0, 1u << 31, 0), FERRY_EINVAL);
	T_EQ(attach(0, 0, 0, 0), FERRY_EINVAL);
	T_OK(ferry_inbox_open(&closed, NULL));
	T_OK(ferry_inbox_close(NULL, closed));
	T_EQ(attach(closed, 0, 0, 0), FERRY_ESTALE);
	T_EQ(attach(inbox, 0, 0, 0), FERRY_EALREADY);
	T_ASSERT(list.first == a && a->next_of_context == NULL);
	T_ASSERT(ferry__attachment_attached(&list, inbox));
	T_ASSERT(!ferry__attachment_attached(&list, closed));
	T_EQ(atom32_load_relaxed(&a->references), 2);
	stop();
}

static void
several_inboxes(void)
{
	ferry_inbox more[3];

	start(1);
	for (int i = 0; i < 3; i++) {
		T_OK(ferry_inbox_open(&more[i], NULL));
		T_OK(attach(more[i], i == 0 ? FERRY_ATTACH_EVENTS : 0, 0, 0));
	}
	T_EQ(atom32_load_relaxed(&list.hearers), 2);
	T_OK(ferry_inbox_close(NULL, more[0]));
	T_OK(ferry_inbox_close(NULL, more[1]));
	ferry__attachment_tidy(&list);
	T_EQ(atom32_load_relaxed(&list.hearers), 1);
	T_ASSERT(!ferry__attachment_attached(&list, more[0]));
	T_ASSERT(ferry__attachment_attached(&list, more[2]));
	T_ASSERT(ferry__attachment_attached(&list, inbox));
	stop();
	T_OK(ferry_inbox_close(NULL, more[2]));
}

/* ---- notices ---- */

/* A slot in the list twice would make a circle of it. */
static void
notices_merge_until_taken(void)
{
	start(0);
	for (uint32_t n = 1; n <= 5; n++) {
		for (uint32_t i = 0; i < n; i++) {
			ferry__attachment_post_notice(a, NOTICE_WRITABLE);
			T_EQ(atom32_load_relaxed(&a->references), 3);
		}
		expect(FERRY_KIND_WRITABLE, n);
		T_EQ(atom32_load_relaxed(&a->references), 2);
		expect_nothing();
	}
	stop();
}

/* With a report that says which it is of. */
static void
post(const struct liveness *l)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%u %ju", l->kind,
	    (uintmax_t)l->age_ns);

	ferry__attachment_post_liveness(a, l, text, (size_t)n);
}

/* It came with the report of just this notice, or (posted meanwhile) none. */
static void
expect_report(const ferry_completion *c, bool always)
{
	char text[64];

	snprintf(text, sizeof text, "%u %ju", c->kind, (uintmax_t)c->age_ns);
	if (always)
		T_ASSERT(c->data != NULL);
	if (c->data == NULL)
		return;
	T_STR(c->data, text);
	T_EQ(c->size, strlen(text));
	T_OK(ferry_block_release(c->data));
}

static void
liveness_tells_the_last(void)
{
	struct liveness l = { .kind = FERRY_KIND_NOT_RESPONDING, .level = 2,
		.method = 7, .request = 8, .name = "m", .age_ns = 9,
		.depth = 10 };
	ferry_completion c;

	start(0);
	post(&l);
	T_EQ(take(&c, 1), 1);
	T_EQ(c.kind, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c.level, 2);
	T_EQ(c.code, 7);
	T_EQ(c.request, 8);
	T_STR(c.name, "m");
	T_EQ(c.age_ns, 9);
	T_EQ(c.depth, 10);
	T_EQ(c.count, 1);
	expect_report(&c, true);
	/* Its end, told apart from it. */
	l.kind = FERRY_KIND_RESPONDING;
	ferry__attachment_post_liveness(a, &l, NULL, 0);
	expect(FERRY_KIND_RESPONDING, 1);
	/* Merged: the last state, and how many episodes. */
	for (int i = 0; i < 3; i++) {
		l.kind = FERRY_KIND_NOT_RESPONDING;
		post(&l);
		l.kind = FERRY_KIND_RESPONDING;
		l.age_ns = 100 + (uint64_t)i;
		post(&l);
	}
	T_EQ(take(&c, 1), 1);
	T_EQ(c.kind, FERRY_KIND_RESPONDING);
	T_EQ(c.age_ns, 102);
	T_EQ(c.count, 3);
	expect_report(&c, true);
	expect_nothing();
	stop();
}

/* CLOSED is a context's last: what comes later is not told. */
static void
nothing_after_closed(void)
{
	ferry_completion c[4];

	start(0);
	ferry__attachment_post_notice(a, NOTICE_WRITABLE);
	ferry__attachment_post_notice(a, NOTICE_CLOSED);
	ferry__attachment_post_notice(a, NOTICE_LIVENESS);
	ferry__attachment_detach_all(&list);
	T_EQ(take(c, 4), 2);
	T_EQ(c[0].kind, FERRY_KIND_WRITABLE);
	T_EQ(c[1].kind, FERRY_KIND_CLOSED);
	expect_nothing();
	/* Everybody has let go, while the inbox is still open. */
	T_EQ(atom32_load_relaxed(&a->references), 0);
	T_OK(ferry_inbox_close(NULL, inbox));
}

static void
closed_inbox_is_ignored(void)
{
	static struct attachment *before;

	start(0);
	T_OK(ferry_inbox_close(NULL, inbox));
	T_EQ(atom32_load_relaxed(&rooms), 1); /* nobody waits for it */
	for (int k = NOTICE_EVENTS; k < NOTICES; k++)
		ferry__attachment_post_notice(a, (enum notice_kind)k);
	T_EQ(atom32_load_relaxed(&a->references), 1);
	before = a;
	ferry__attachment_tidy(&list);
	T_ASSERT(list.first == NULL);
	T_EQ(atom32_load_relaxed(&before->references), 0);
	T_ASSERT(before->slots == NULL);
}

/* Not posted, and not attached any more: only a count too many. */
static void
close_with_untaken_notices(void)
{
	uint64_t discarded = 0;

	start(4);
	ferry__attachment_post_notice(a, NOTICE_WRITABLE);
	ferry__attachment_post_notice(a, NOTICE_CLOSED);
	ferry__attachment_detach_all(&list);
	T_EQ(atom32_load_relaxed(&a->references), 3);
	T_OK(ferry_inbox_close(&discarded, inbox));
	T_EQ(atom32_load_relaxed(&a->references), 0);
}

static void
room_is_told_where_it_was_asked(void)
{
	static struct world world;
	ferry_inbox other;
	struct home *h;

	start(0);
	T_OK(ferry_inbox_open(&other, NULL));
	T_OK(attach(other, 0, 0, 0));
	world_open(&world, 1);
	world.binding.attachments = &list;
	h = world_home(&world);
	T_ASSERT(!ferry__node_want_room(h, inbox));
	ferry__attachment_post_room(h);
	expect(FERRY_KIND_WRITABLE, 1);
	/* An inbox that is not attached any more hears nothing. */
	T_OK(ferry_inbox_close(NULL, other));
	ferry__attachment_tidy(&list);
	T_ASSERT(!ferry__node_want_room(h, other));
	ferry__attachment_post_room(h);
	expect_nothing();
	stop();
	ferry__node_disband(&world.homes);
}

/* ---- parcels ---- */

static bool
pack(uint64_t number)
{
	struct parcel *p = ferry__attachment_parcel(&number, sizeof number);

	T_ASSERT(p != NULL);
	p->event = (uint32_t)number;
	p->name = "event";
	p->number = number;
	if (!ferry__attachment_has_room(a)) {
		free(p);
		return false;
	}
	ferry__attachment_pack(a, p);
	return true;
}

static void
parcel(const ferry_completion *c, uint64_t number, uint64_t dropped)
{
	T_EQ(c->kind, FERRY_KIND_EVENT);
	T_EQ(c->code, number);
	T_STR(c->name, "event");
	T_EQ(c->size, sizeof number);
	T_MEM(c->data, &number, sizeof number);
	T_EQ(c->count, dropped);
	T_OK(ferry_block_release(c->data));
}

static bool
readable(void)
{
	struct pollfd p = { .events = POLLIN };

	T_OK(ferry_inbox_fd(&p.fd, inbox));
	return poll(&p, 1, 0) == 1;
}

/* Unpacked over several takes, in order, and readable until the last. */
static void
parcels_in_portions(void)
{
	ferry_completion c[4];
	uint64_t next = 1;
	uint32_t n;

	start(16);
	for (uint64_t i = 1; i <= 11; i++) {
		T_ASSERT(pack(i));
		ferry__attachment_post_notice(a, NOTICE_EVENTS);
	}
	while (next <= 11) {
		T_ASSERT(readable());
		n = take(c, 4);
		for (uint32_t i = 0; i < n; i++)
			parcel(&c[i], next++, 0);
	}
	expect_nothing();
	T_ASSERT(!readable());
	T_EQ(atom32_load_relaxed(&a->references), 2);
	stop();
}

/* One packed while the others are unpacked is not forgotten. */
static void
parcels_arrive_meanwhile(void)
{
	ferry_completion c[2];

	start(8);
	for (uint64_t i = 1; i <= 3; i++) {
		T_ASSERT(pack(i));
		ferry__attachment_post_notice(a, NOTICE_EVENTS);
	}
	T_EQ(take(c, 2), 2);
	parcel(&c[0], 1, 0);
	parcel(&c[1], 2, 0);
	T_ASSERT(pack(4));
	ferry__attachment_post_notice(a, NOTICE_EVENTS);
	T_EQ(take(c, 2), 2);
	parcel(&c[0], 3, 0);
	parcel(&c[1], 4, 0);
	expect_nothing();
	stop();
}

/* The numbers tell the taker what he missed, and how much. */
static void
gaps_are_counted(void)
{
	ferry_completion c[4];

	start(4);
	T_ASSERT(pack(1));
	T_ASSERT(pack(2));
	T_ASSERT(pack(5)); /* 3 and 4 were dropped before they came here */
	T_ASSERT(ferry__attachment_drop_oldest(a));
	ferry__attachment_post_notice(a, NOTICE_EVENTS);
	T_EQ(take(c, 4), 2);
	parcel(&c[0], 2, 1);
	parcel(&c[1], 5, 2);
	T_ASSERT(pack(6));
	ferry__attachment_post_notice(a, NOTICE_EVENTS);
	T_EQ(take(c, 4), 1);
	parcel(&c[0], 6, 0);
	T_ASSERT(!ferry__attachment_drop_oldest(a));
	stop();
}

static void
ring_holds_its_capacity(void)
{
	for (uint32_t capacity = 1; capacity <= 64; capacity *= 4) {
		start(capacity);
		for (uint64_t i = 1; i <= capacity; i++)
			T_ASSERT(pack(i));
		T_ASSERT(!pack(capacity + 1));
		T_ASSERT(ferry__attachment_drop_oldest(a));
		T_ASSERT(pack(capacity + 1));
		T_ASSERT(!pack(capacity + 2));
		stop(); /* what is left is freed */
	}
}

/* The event thread waits for room: told once, by the take that made it. */
static void
room_in_the_ring(void)
{
	ferry_completion c[2];

	start(2);
	T_ASSERT(pack(1));
	T_ASSERT(pack(2));
	ferry__attachment_post_notice(a, NOTICE_EVENTS);
	T_EQ(take(c, 1), 1);
	parcel(&c[0], 1, 0);
	T_EQ(atom32_load_relaxed(&rooms), 0);
	atom32_store_relaxed(&a->room_wanted, 1);
	T_EQ(take(c, 2), 1);
	parcel(&c[0], 2, 0);
	T_EQ(atom32_load_relaxed(&rooms), 1);
	T_EQ(atom32_load_relaxed(&a->room_wanted), 0);
	expect_nothing();
	T_EQ(atom32_load_relaxed(&rooms), 1);
	stop();
}

static void
parcels_of_any_size(void)
{
	static const uint32_t sizes[] = { 0, 1, 512, 65536 };
	struct parcel *p;

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char *bytes = calloc(1, sizes[i] + 1);

		p = ferry__attachment_parcel(
		    sizes[i] != 0 ? bytes : NULL, sizes[i]);
		T_ASSERT(p != NULL);
		T_EQ(p->size, sizes[i]);
		T_EQ((uintptr_t)ferry__alloc_block_data(&p->block) % 16, 0);
		T_MEM(ferry__alloc_block_data(&p->block), bytes, sizes[i]);
		T_OK(ferry_block_release(ferry__alloc_block_data(&p->block)));
		free(bytes);
	}
}

/* ---- threads ---- */

#define NOTES 5000

static void *
watcher(void *unused)
{
	(void)unused;
	for (uint64_t i = 1; i <= NOTES; i++) {
		struct liveness l = { .kind = FERRY_KIND_NOT_RESPONDING,
			.level = (uint32_t)i, .method = (uint32_t)i,
			.request = i, .name = (const char *)(uintptr_t)i,
			.age_ns = i, .depth = i };

		post(&l);
	}
	return NULL;
}

/* A notice made of two, one taken twice, or the last one never. */
static void
liveness_is_not_torn(void)
{
	uint64_t last = 0, episodes = 0;
	ferry_completion c;
	pthread_t t;

	start(0);
	t = t_thread_start(watcher, NULL);
	while (last != NOTES) {
		T_OK(ferry_inbox_wait(inbox, -1));
		if (take(&c, 1) == 0)
			continue;
		T_GT(c.request, last);
		last = c.request;
		T_EQ(c.level, last);
		T_EQ(c.code, last);
		T_EQ((uintptr_t)c.name, last);
		T_EQ(c.age_ns, last);
		T_EQ(c.depth, last);
		expect_report(&c, last == NOTES);
		episodes += c.count;
	}
	t_thread_join(t);
	expect_nothing();
	T_GE(episodes, 1);
	stop();
}

static void *
stuck(void *unused)
{
	(void)unused;
	for (uint64_t i = 1; i <= NOTES; i++) {
		struct listening l = { .listener = i, .event = (uint32_t)i,
			.level = (uint32_t)i, .age_ns = i,
			.name = (const char *)(uintptr_t)i };

		ferry__attachment_post_listening(&list, &l);
	}
	return NULL;
}

static void
listening_is_not_torn(void)
{
	ferry_completion c;
	uint64_t last = 0;
	pthread_t t;

	start(0);
	t = t_thread_start(stuck, NULL);
	while (last != NOTES) {
		/* Without a wait it is in the middle of it more often. */
		if (take(&c, 1) == 0)
			continue;
		T_EQ(c.kind, FERRY_KIND_IN_LISTENER);
		T_GT(c.listener, last);
		last = c.listener;
		T_EQ(c.code, last);
		T_EQ(c.level, last);
		T_EQ(c.age_ns, last);
		T_EQ((uintptr_t)c.name, last);
	}
	t_thread_join(t);
	expect_nothing();
	stop();
}

T_MAIN(
	T_RUN(refusals);
	T_RUN(several_inboxes);
	T_RUN(notices_merge_until_taken);
	T_RUN(liveness_tells_the_last);
	T_RUN(nothing_after_closed);
	T_RUN(closed_inbox_is_ignored);
	T_RUN(close_with_untaken_notices);
	T_RUN(room_is_told_where_it_was_asked);
	T_RUN(parcels_in_portions);
	T_RUN(parcels_arrive_meanwhile);
	T_RUN(gaps_are_counted);
	T_RUN(ring_holds_its_capacity);
	T_RUN(room_in_the_ring);
	T_RUN(parcels_of_any_size);
	T_RUN(liveness_is_not_torn);
	T_RUN(listening_is_not_torn);
)
