/*
 * The stack of scopes; see scope.h, where the argument is.
 *
 * Threads: the FFI thread writes, the watcher looks.
 */
#include "ffi/scope.h"

#include <string.h>

/* A change takes some hundred nanoseconds. Who is in the middle of one for
 * longer has lost its processor: the next look will do. */
#define TRIES 64u

/* Unlike the sequence of any hold. */
#define SERIALS (UINT64_C(1) << 38)

_Static_assert((FERRY_SCOPE_NAME + 1) % 8 == 0, "texts are whole words");

/* ------------------------------------------------------------- the writer */

static void
begin(struct scopes *s)
{
	/* Relaxed: only the writer writes it. Whoever sees one of the words
	 * that come next, by their release, sees this. */
	atom64_store_relaxed(&s->lock, atom64_load_relaxed(&s->lock) + 1);
}

static void
put(atom64 *word, uint64_t value)
{
	/* pair(scope) release: they are being changed. */
	atom64_store_release(word, value);
}

static void
end(struct scopes *s)
{
	/* pair(scope) release: the words of this count. */
	atom64_store_release(&s->lock, atom64_load_relaxed(&s->lock) + 1);
}

/* The writer's own words. Relaxed: nobody else writes them. */
static uint64_t
own(const atom64 *word)
{
	return atom64_load_relaxed(word);
}

/* What is kept of a text: not the half of a character. */
static size_t
cut(const char *text)
{
	size_t size = strnlen(text, FERRY_SCOPE_NAME + 1), at;

	if (size <= FERRY_SCOPE_NAME)
		return size;
	/* A character has at most three bytes behind its first. */
	for (at = FERRY_SCOPE_NAME; at > FERRY_SCOPE_NAME - 4; at--)
		if (((unsigned char)text[at] & 0xc0) != 0x80)
			return at;
	return FERRY_SCOPE_NAME; /* that is no UTF-8 */
}

static void
put_text(atom64 *to, const char *text)
{
	uint64_t words[SCOPE_TEXT] = { 0 };

	memcpy(words, text, cut(text));
	for (size_t i = 0; i < SCOPE_TEXT; i++)
		put(&to[i], words[i]);
}

/* The beat that this change will be. */
static void
put_beat(struct scopes *s, const struct beat *b)
{
	put(&s->beat,
	    ferry__beat_sequence(ferry__beat_next(b, BEAT_BUSY, 0)));
}

static enum beat_state
state_of(const struct scopes *s)
{
	uint64_t n = own(&s->n);

	return n != 0 && own(&s->at[n - 1].limit_ms) == 0 ? BEAT_EXEMPT
	                                                  : BEAT_BUSY;
}

static void
beat(const struct scopes *s, struct beat *b)
{
	ferry__beat_as(b, state_of(s), ferry__beat_slot(own(&b->word)));
}

void
ferry__scope_begin(struct scopes *s, const struct beat *b)
{
	begin(s);
	put(&s->hold, ferry__beat_sequence(own(&b->word)));
	put(&s->n, 0);
	put(&s->extended_ms, 0);
	put_text(s->reason, "");
	end(s);
}

bool
ferry__scope_push(
    struct scopes *s, struct beat *b, const char *name, uint64_t limit_ms)
{
	uint64_t n = own(&s->n);
	struct scope_words *at;

	if (n == FERRY_SCOPES_MOST)
		return false;
	at = &s->at[n];
	begin(s);
	put(&at->serial, SERIALS + ++s->serial);
	put(&at->limit_ms, limit_ms);
	put_text(at->name, name);
	put_text(at->reason, "");
	put(&s->n, n + 1);
	put_beat(s, b);
	end(s);
	beat(s, b);
	return true;
}

void
ferry__scope_extend(
    struct scopes *s, struct beat *b, uint64_t more_ms, const char *reason)
{
	uint64_t n = own(&s->n);
	struct scope_words *at = n != 0 ? &s->at[n - 1] : NULL;
	atom64 *limit = at != NULL ? &at->limit_ms : &s->extended_ms;

	begin(s);
	/* What is exempt stays that. */
	if (at == NULL || own(limit) != 0)
		put(limit, own(limit) + more_ms);
	put_text(at != NULL ? at->reason : s->reason, reason);
	put_beat(s, b);
	end(s);
	beat(s, b);
}

static void
pop_to(struct scopes *s, struct beat *b, uint64_t n)
{
	begin(s);
	put(&s->n, n);
	put_beat(s, b);
	end(s);
	beat(s, b);
}

bool
ferry__scope_pop(struct scopes *s, struct beat *b)
{
	uint64_t n = own(&s->n);

	if (n == 0)
		return false;
	pop_to(s, b, n - 1);
	return true;
}

void
ferry__scope_pop_all(struct scopes *s, struct beat *b)
{
	if (own(&s->n) != 0)
		pop_to(s, b, 0);
}

/* ----------------------------------------------------------------- copies */

static uint64_t
get(const atom64 *word)
{
	/* pair(scope) acquire: before the second look. */
	return atom64_load_acquire(word);
}

static void
get_text(char *to, const atom64 *text)
{
	uint64_t words[SCOPE_TEXT];

	for (size_t i = 0; i < SCOPE_TEXT; i++)
		words[i] = get(&text[i]);
	memcpy(to, words, sizeof words);
	to[FERRY_SCOPE_NAME] = 0;
}

/* Perhaps while they change: then it may be anything, but is in its bounds. */
static void
copy(struct scope_view *out, const struct scopes *s)
{
	uint64_t n = get(&s->n);

	out->hold = get(&s->hold);
	out->extended_ms = get(&s->extended_ms);
	get_text(out->reason, s->reason);
	out->n = n < FERRY_SCOPES_MOST ? (uint32_t)n : FERRY_SCOPES_MOST;
	for (uint32_t i = 0; i < out->n; i++) {
		out->at[i].serial = get(&s->at[i].serial);
		out->at[i].limit_ms = get(&s->at[i].limit_ms);
		get_text(out->at[i].name, s->at[i].name);
		get_text(out->at[i].reason, s->at[i].reason);
	}
}

void
ferry__scope_save(struct scope_view *out, const struct scopes *s)
{
	copy(out, s);
}

void
ferry__scope_restore(struct scopes *s, struct beat *b, uint32_t slot,
    const struct scope_view *saved)
{
	uint64_t next = ferry__beat_sequence(ferry__beat_next(b, BEAT_BUSY, 0));

	begin(s);
	put(&s->hold, next);
	put(&s->beat, next);
	put(&s->extended_ms, saved->extended_ms);
	put_text(s->reason, saved->reason);
	for (uint32_t i = 0; i < saved->n; i++) {
		put(&s->at[i].serial, saved->at[i].serial);
		put(&s->at[i].limit_ms, saved->at[i].limit_ms);
		put_text(s->at[i].name, saved->at[i].name);
		put_text(s->at[i].reason, saved->at[i].reason);
	}
	put(&s->n, saved->n);
	end(s);
	ferry__beat_as(b, state_of(s), slot);
}

/* ------------------------------------------------------------- the watcher */

/* Of one count, all of it. *beat is out's, or another: then nothing here is of
 * that word. */
static bool
look(struct scope_view *out, uint64_t *last, const struct scopes *s,
    uint64_t sequence)
{
	/* pair(scope) acquire: the words of this count. */
	uint64_t lock = atom64_load_acquire(&s->lock);

	if ((lock & 1) != 0)
		return false;
	*last = get(&s->beat);
	if (*last == sequence)
		copy(out, s);
	/* Relaxed: not before the loads above, by their acquire. */
	return atom64_load_relaxed(&s->lock) == lock;
}

bool
ferry__scope_look(
    struct scope_view *out, const struct scopes *s, uint64_t word)
{
	uint64_t sequence = ferry__beat_sequence(word);
	uint64_t next = ferry__beat_sequence(word + (UINT64_C(1) << 26));
	uint64_t last = 0;
	unsigned tries = TRIES;

	while (!look(out, &last, s, sequence)) {
		if (--tries == 0)
			return false;
		cpu_relax();
	}
	if (last == next)
		return false;
	if (last != sequence)
		*out = (struct scope_view){ .hold = sequence };
	return true;
}
