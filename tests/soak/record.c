/*
 * The accountant. A record is taken before the submit, and given back when
 * nothing can be heard of its request any more; its tag carries how often it
 * was used, so whatever comes too late finds that its tag is over.
 *
 * All that may come, in any order and on any threads, is a flag; whoever adds
 * the one that was missing gives the record back. A request that ended ECLOSED
 * is held until its context has closed, because its handler may yet run (it
 * was abandoned); one whose reply nobody will see, because that is when its
 * handler can no more run.
 */
#include "soak.h"

enum { INDEX_BITS = 16, STATUSES = 64 };

_Static_assert(RECORDS <= 1 << INDEX_BITS, "the index fits a tag");

static struct record records[RECORDS];
static atomic_ullong outcomes[STATUSES];
atomic_ullong record_latency_ns[3];

/* ---------------------------------------------------------------- finding */

static unsigned
flags_of(uint64_t word)
{
	return (unsigned)(word & ((1 << R_BITS) - 1));
}

static uint64_t
tag_of(const struct record *r, uint64_t word)
{
	return word >> R_BITS << INDEX_BITS | (uint64_t)(r - records);
}

static struct record *
at(uint64_t tag)
{
	uint64_t i = tag & ((1 << INDEX_BITS) - 1);

	T_LT(i, RECORDS);
	return &records[i];
}

__attribute__((noreturn)) static void
not_live(uint64_t tag)
{
	struct record *r = at(tag);
	uint64_t word = atomic_load(&r->word);

	T_FAIL("tag %#jx is over, or never was: now %#jx, flags %#x, by %s, "
	    "method %u", (uintmax_t)tag, (uintmax_t)tag_of(r, word),
	    flags_of(word), r->by, r->method);
}

/* The flags of a tag that must be live. */
static unsigned
flags_now(uint64_t tag)
{
	uint64_t word = atomic_load(&at(tag)->word);

	if (tag_of(at(tag), word) != tag || (word & R_LIVE) == 0)
		not_live(tag);
	return flags_of(word);
}

struct record *
record_of(uint64_t tag)
{
	(void)flags_now(tag);
	return at(tag);
}

struct record *
record_take(struct t_rng *rng, uint64_t *tag)
{
	uint64_t from = t_rand(rng);

	for (uint64_t i = 0; i < RECORDS / 8; i++) {
		struct record *r = &records[(from + i) % RECORDS];
		unsigned long long word = atomic_load(&r->word);
		uint64_t next = ((word >> R_BITS) + 1) << R_BITS | R_LIVE;

		if (flags_of(word) != 0 || !atomic_compare_exchange_strong(
		        &r->word, &word, next))
			continue;
		atomic_store(&r->life, 0);
		atomic_store(&r->box_life, 0);
		atomic_store(&r->since_ns, t_now_ns());
		r->deadline_ns = 0;
		if (actor_self != NULL)
			snprintf(r->by, sizeof r->by, "%.9s %u",
			    actor_self->kind, actor_self->n);
		else
			snprintf(r->by, sizeof r->by, "tid %u", fx_tid());
		*tag = tag_of(r, next);
		return r;
	}
	return NULL;
}

/* ----------------------------------------------------------------- flags */

static int
is_complete(unsigned f)
{
	if ((f & R_ACCEPTED) == 0 ||
	    ((f & R_ADOPTED) != 0 && (f & R_FREED) == 0))
		return 0;
	if (f & R_ENDED)
		return (f & R_HELD) == 0 || (f & R_CLOSED) != 0;
	return (f & R_CLOSED) != 0 &&
	    (f & (R_DISCARDED | R_RELEASED | R_NOT_RUN)) != 0;
}

/* Adds flags to a tag; returns those before, 0 if it is over. Afterwards the
 * record may be another's. */
static unsigned
add_if(uint64_t tag, unsigned flags)
{
	struct record *r = at(tag);
	unsigned long long word = atomic_load(&r->word);
	uint64_t next;

	do {
		if (tag_of(r, word) != tag || (word & R_LIVE) == 0)
			return 0;
		next = word | flags;
		if (is_complete(flags_of(next)))
			next = word >> R_BITS << R_BITS;
	} while (!atomic_compare_exchange_weak(&r->word, &word, next));
	return flags_of(word);
}

/* The same for one that must be live. */
static unsigned
add(uint64_t tag, unsigned flags)
{
	unsigned before = add_if(tag, flags);

	if (before == 0)
		not_live(tag);
	return before;
}

void
record_mark(uint64_t tag, unsigned flags)
{
	(void)add(tag, flags);
}

void
record_accepted(uint64_t tag)
{
	struct record *r = record_of(tag);
	struct tally *t = tally_of(atomic_load(&r->life));
	uint64_t box_life = atomic_load(&r->box_life);

	if (t == NULL)
		T_FAIL("tag %#jx was accepted by a context that is over",
		    (uintmax_t)tag);
	atomic_fetch_add(&t->accepted, 1);
	if (r->size < sizeof(struct item))
		atomic_fetch_add(&t->blind, 1);
	(void)add(tag, R_ACCEPTED);
	/* Its inbox's closer may have looked before it was accepted. */
	if (box_life != 0 && box_is_over(box_life))
		record_close_box(box_life);
}

void
record_refused(uint64_t tag)
{
	unsigned flags = flags_now(tag);

	if ((flags & ~(unsigned)(R_LIVE | R_ADOPTED | R_CANCELABLE)) != 0)
		T_FAIL("tag %#jx was refused, and yet: %#x", (uintmax_t)tag,
		    flags);
	/* Nobody else may know of it. */
	atomic_store(&at(tag)->word, tag >> INDEX_BITS << R_BITS);
}

struct record *
record_started(uint64_t tag)
{
	struct record *r = record_of(tag);
	struct tally *t = tally_of(atomic_load(&r->life));
	unsigned before = add(tag, R_STARTED);

	if ((before & R_STARTED) != 0 ||
	    ((before & R_ENDED) != 0 && (before & R_HELD) == 0) ||
	    (before & R_CLOSED) != 0 || t == NULL || atomic_load(&t->over))
		T_FAIL("tag %#jx starts twice or late: %#x", (uintmax_t)tag,
		    before);
	atomic_fetch_add(&t->started, 1);
	return r;
}

void
record_released(uint64_t tag)
{
	(void)add(tag, R_RELEASED);
}

void
record_cancelable(uint64_t tag)
{
	(void)add(tag, R_CANCELABLE);
}

void
record_free(void *data, void *user)
{
	uint64_t tag = (uint64_t)(uintptr_t)user;
	struct record *r;
	unsigned before;

	if (tag == 0)
		tag = ((const struct item *)data)->tag;
	r = record_of(tag);
	if (r->size >= sizeof(struct item))
		T_EQ(payload_prove(data, r->size).tag, tag);
	free(data);
	before = add(tag, R_FREED);
	if ((before & R_ADOPTED) == 0 || (before & R_FREED) != 0)
		T_FAIL("tag %#jx is freed: %#x", (uintmax_t)tag, before);
}

/* ------------------------------------------------------------------ ending */

/* What the handler says when nothing comes between. */
static int
is_natural(const struct record *r, int status)
{
	switch (r->method) {
	case M_ECHO:
	case M_HANDLE:
		return status == FERRY_OK;
	case M_DEFER:
		return status == FERRY_OK || status == 7;
	case M_ERROR:
		return status == FERRY_EBUSY;
	case M_EXIT:
		return status == 3;
	default:
		return status == 1;
	}
}

static int
may_end(const struct record *r, unsigned flags, int status,
    const struct tally *t)
{
	int closing = t == NULL || atomic_load(&((struct tally *)t)->closing);
	int late = r->deadline_ns != 0 && ferry_clock_ns() >= r->deadline_ns;
	/* A small one may have. */
	int started = (flags & R_STARTED) != 0 ||
	    r->size < sizeof(struct item);

	switch (status) {
	case FERRY_ECANCELED:
		return (flags & R_CANCELABLE) != 0 || closing || late;
	case FERRY_EDEADLINE:
		return late && (flags & R_STARTED) == 0;
	case FERRY_ECLOSED:
		return tally_may_refuse(t);
	case FERRY_ELOST:
		return (flags & R_STARTED) != 0 && (r->method == M_EXIT ||
		    (r->method == M_STRAND &&
		        atomic_load(&op_losses) > r->losses));
	case FERRY_ENOMEM:
		return soak.faults != 0 &&
		    (started || r->method == M_STRAND);
	case FERRY_EAGAIN:
		return r->method == M_STRAND && !started;
	default:
		return is_natural(r, status) && started;
	}
}

static void
check_data(const struct record *r, uint64_t tag, int status, const void *data,
    size_t size)
{
	const unsigned char *bytes = data;

	if (status == FERRY_OK && r->method == M_HANDLE) {
		ferry_handle handle;

		T_EQ(size, sizeof handle);
		memcpy(&handle, data, sizeof handle);
		if (tag % 4 != 0)
			finalize_later(handle);
	} else if (status == FERRY_OK) {
		T_EQ(size, r->size);
		if (size >= sizeof(struct item))
			T_EQ(payload_prove(data, size).tag, tag);
		for (size_t i = 0; size < sizeof(struct item) && i < size; i++)
			T_EQ(bytes[i], tag & 0xff);
	} else {
		T_EQ(size, 0);
		T_ASSERT(data == NULL);
	}
}

static void
note_latency(const struct record *r, enum way way)
{
	uint64_t ns =
	    t_now_ns() - atomic_load(&((struct record *)r)->since_ns);
	unsigned long long most = atomic_load(&record_latency_ns[way]);

	while (ns > most && !atomic_compare_exchange_weak(
	    &record_latency_ns[way], &most, ns))
		;
}

void
record_ended(uint64_t tag, enum way way, int status, const void *data,
    size_t size)
{
	struct record *r = record_of(tag);
	struct tally *t = tally_of(atomic_load(&r->life));
	unsigned flags = flags_now(tag), before;

	if (!may_end(r, flags, status, t))
		T_FAIL("tag %#jx (method %u, %s, deadline %ju, flags %#x) may "
		    "not end with %s", (uintmax_t)tag, r->method, r->by,
		    (uintmax_t)r->deadline_ns, flags,
		    ferry_error_name(status));
	T_EQ(way, atomic_load(&r->way));
	if (way == BY_CALLBACK && (t == NULL || atomic_load(&t->over)))
		T_FAIL("tag %#jx: a callback after close returned 0",
		    (uintmax_t)tag);
	check_data(r, tag, status, data, size);
	note_latency(r, way);
	if (t != NULL)
		atomic_fetch_add(&t->seen, 1);
	if (t != NULL && status == FERRY_ELOST)
		atomic_fetch_add(&t->lost, 1);
	atomic_fetch_add(&outcomes[status > 0 ? 63 : -status & 63], 1);
	before = add(tag, status == FERRY_ECLOSED ? R_ENDED | R_HELD : R_ENDED);
	if ((before & (R_ENDED | R_RELEASED | R_NOT_RUN | R_DISCARDED)) != 0)
		T_FAIL("tag %#jx ends twice, or was given up: %#x",
		    (uintmax_t)tag, before);
}

/* ---------------------------------------------------------------- closing */

/* A taker may end it meanwhile, or its inbox close. */
static void
close_one(uint64_t tag, unsigned flags, uint64_t *not_run)
{
	struct record *r = at(tag);
	unsigned more = R_CLOSED;

	if ((flags & R_ADOPTED) != 0 && (flags & R_FREED) == 0)
		T_FAIL("tag %#jx: its memory was not freed by the close "
		    "(%#x, method %u)", (uintmax_t)tag, flags, r->method);
	if (atomic_load(&r->way) == BY_CALLBACK && (flags & R_ENDED) == 0) {
		more |= R_NOT_RUN;
		(*not_run)++;
	}
	(void)add_if(tag, more);
}

uint64_t
record_close_life(uint64_t life)
{
	uint64_t not_run = 0;

	for (int i = 0; i < RECORDS; i++) {
		struct record *r = &records[i];
		uint64_t word = atomic_load(&r->word);

		/* No more become this life's. */
		if ((word & R_ACCEPTED) != 0 && atomic_load(&r->life) == life)
			close_one(tag_of(r, word), flags_of(word), &not_run);
	}
	return not_run;
}

void
record_close_box(uint64_t box_life)
{
	for (int i = 0; i < RECORDS; i++) {
		struct record *r = &records[i];
		uint64_t word = atomic_load(&r->word);

		if ((word & R_ACCEPTED) != 0 && (word & R_ENDED) == 0 &&
		    atomic_load(&r->box_life) == box_life)
			(void)add_if(tag_of(r, word), R_DISCARDED);
	}
}

/* ---------------------------------------------------------------- looking */

static void
overdue(struct record *r, uint64_t word, uint64_t age_ns)
{
	T_FAIL("tag %#jx of %s has no answer after %.1f s: method %u, life "
	    "%ju, flags %#x, way %u", (uintmax_t)tag_of(r, word), r->by,
	    (double)age_ns / 1e9, r->method,
	    (uintmax_t)atomic_load(&r->life), flags_of(word),
	    atomic_load(&r->way));
}

unsigned
record_outstanding(void)
{
	uint64_t now = t_now_ns();
	unsigned n = 0;

	for (int i = 0; i < RECORDS; i++) {
		struct record *r = &records[i];
		uint64_t word = atomic_load(&r->word);
		/* After the word: by the time that it says ACCEPTED the taker
		 * has stored it, and who takes it next makes it younger. */
		uint64_t since = atomic_load(&r->since_ns);
		unsigned flags = flags_of(word);

		if ((flags & R_LIVE) == 0 ||
		    (flags & (R_ENDED | R_RELEASED | R_DISCARDED)) != 0)
			continue;
		n++;
		if (now > since && now - since > actor_limit_ns() &&
		    (flags & R_ACCEPTED) != 0)
			overdue(r, word, now - since);
	}
	return n;
}

uint64_t
record_unseen(uint64_t life)
{
	uint64_t n = 0;

	for (int i = 0; i < RECORDS; i++) {
		unsigned flags = flags_of(atomic_load(&records[i].word));

		n += (flags & R_ACCEPTED) != 0 && (flags & R_ENDED) == 0 &&
		    (flags & (R_RELEASED | R_DISCARDED)) != 0 &&
		    atomic_load(&records[i].life) == life;
	}
	return n;
}

void
record_print(void)
{
	for (int i = 0; i < STATUSES; i++) {
		unsigned long long n = atomic_load(&outcomes[i]);

		if (n > 0)
			dprintf(1, "  %-18s %12llu\n",
			    i == 63 ? "positive" : ferry_error_name(-i), n);
	}
}
