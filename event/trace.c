/*
 * A thread's stack, copied from outside, and what it means; see trace.h.
 *
 * Threads: copies, any; unwinding, one at a time by the mutex.
 *
 * A thread that blocks shows where its stack is and where its code is, and no
 * more. That is all that unwinding needs as long as functions find their frame
 * by the stack pointer. One that has a frame pointer needs that, and unless a
 * function further in has saved it on the stack, it is nowhere to be seen.
 * Then it is guessed: it points to where the caller's is kept, beside a return
 * address. Every place that looks like it is tried, and the one taken from
 * which unwinding gets to the thread's outermost function, or the furthest.
 */
#include "event/trace.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "event/trace_dw.h"
#include "event/trace_loader.h"
#include "event/trace_map.h"
#include "event/trace_signal.h"
#include "ffi/fork.h"

#define TRIALS  64u /* frame pointers that are tried */
#define INLINES 8u

/* Held while modules are asked for, and libdw. */
static pthread_mutex_t unwinding = PTHREAD_MUTEX_INITIALIZER;

/* ------------------------------------------------------------------ copies */

bool
ferry__trace_blocked(
    struct trace *t, uint32_t thread, const struct facts *f)
{
	if ((f->known & FACT_CALL) == 0 || !f->in_call || f->sp == 0)
		return false;
	t->thread = thread;
	t->known = 1u << TRACE_SP;
	t->registers[TRACE_SP] = f->sp;
	t->sp = f->sp;
	t->pc = f->pc;
	t->size = ferry__facts_read(t->bytes, t->sp, TRACE_BYTES);
	return t->size != 0;
}

/*
 * One that blocks is where its stack and its code are. One that runs is in the
 * same place as long as it is as deep: a loop has a program counter, and
 * locals, that are others at every look.
 */
uint64_t
ferry__trace_place(const struct trace *t)
{
	bool runs = (t->known & ~(UINT64_C(1) << TRACE_SP)) != 0;
	uint64_t h = (t->sp ^ (runs ? 0 : t->pc * 0x9e3779b97f4a7c15u)) *
	    0x9e3779b97f4a7c15u;

	return h != 0 ? h : 1;
}

/* ----------------------------------------------------------------- unwound */

static uint64_t
word_at(const struct trace *t, size_t offset)
{
	uint64_t word;

	memcpy(&word, t->bytes + offset, sizeof word);
	return word;
}

/* How likely the word before a return address is the frame pointer, when that
 * leads to a call: of this very function, or for all one knows, or not. */
enum likely { LIKELY_CALL, POSSIBLE_CALL, OTHER_CALL, NOT_ONE };

static enum likely
judge(uint64_t address, uint64_t function)
{
	uint64_t target;
	enum map_call call = ferry__map_call_before(&target, address);

	if (call == MAP_NO_CALL)
		return NOT_ONE;
	if (call == MAP_INDIRECT || function == 0)
		return POSSIBLE_CALL;
	/* A function that jumps to another one at its end has called it, in a
	 * way: that is seldom. */
	return target == function ? LIKELY_CALL : OTHER_CALL;
}

struct place {
	uint64_t at;
	enum likely likely;
};

/* Where the frame pointer may point. */
static uint32_t
find_places(struct place *out, const struct trace *t, uint64_t function)
{
	uint32_t n = 0;

	/* Frames are aligned, and so are the places where it points to. */
	for (size_t i = (16 - t->sp % 16) % 16;
	     i + 16 <= t->size && n < TRIALS; i += 16) {
		out[n].at = t->sp + i;
		out[n].likely = judge(word_at(t, i + 8), function);
		n += out[n].likely != NOT_ONE;
	}
	return n;
}

/* Those that are so likely, the innermost first, until one gets to the end;
 * else the one that gets furthest. */
static void
try_places(struct walk *best, const struct trace *t, const struct place *places,
    uint32_t n, enum likely likely)
{
	static struct walk tried;
	struct trace with = *t;

	with.known |= 1u << TRACE_FP;
	for (uint32_t i = 0; i < n && !best->ended; i++) {
		if (places[i].likely != likely)
			continue;
		with.registers[TRACE_FP] = places[i].at;
		ferry__dw_walk(&tried, &with);
		if (tried.ended || tried.n > best->n)
			*best = tried;
	}
}

/* Of a walk that did not get to the end, for want of the frame pointer or of
 * anything else. Returns how many frames are the first walk's. */
static uint32_t
guess_frame_pointer(struct walk *w, const struct trace *t)
{
	static struct place places[TRIALS];
	uint32_t sure = w->n, n;
	uint64_t last = w->at[w->n - 1].pc - !w->at[w->n - 1].exact;

	n = find_places(places, t, ferry__map_function(last));
	/* One frame more proves nothing: it is the one that was looked for. */
	for (enum likely l = LIKELY_CALL; l < NOT_ONE; l++)
		if (!w->ended && w->n <= sure + 1)
			try_places(w, t, places, n, l);
	return sure;
}

/* Returns how many frames are no guess. */
static uint32_t
walk(struct walk *w, const struct trace *t)
{
	ferry__dw_walk(w, t);
	if (w->ended || w->n == 0 || w->n == TRACE_FRAMES ||
	    (t->known >> TRACE_FP & 1) != 0)
		return w->n;
	return guess_frame_pointer(w, t);
}

/* ----------------------------------------------------------------- guessed */

/* Whether one of the frames so far is in the function that is called there. */
static bool
is_called(const struct walk *w, const uint64_t *functions, uint64_t address)
{
	uint64_t target;

	if (ferry__map_call_before(&target, address) != MAP_DIRECT)
		return true;
	for (uint32_t i = 0; i < w->n; i++)
		if (functions[i] == target || functions[i] == 0)
			return true;
	return false;
}

/* Appends what looks like a return address, from that offset on; `strict`:
 * and is that of a frame so far, for all one knows. False: no more room. */
static bool
guess(struct walk *w, const struct trace *t, size_t from, bool strict)
{
	uint64_t functions[TRACE_FRAMES], target;

	for (uint32_t i = 0; strict && i < w->n; i++)
		functions[i] =
		    ferry__map_function(w->at[i].pc - !w->at[i].exact);
	for (size_t i = from; i + 8 <= t->size; i += 8) {
		uint64_t address = word_at(t, i);

		if (ferry__map_call_before(&target, address) == MAP_NO_CALL ||
		    (strict && !is_called(w, functions, address)))
			continue;
		if (w->n == TRACE_FRAMES)
			return false;
		functions[w->n] =
		    strict ? ferry__map_function(address - 1) : 0;
		w->at[w->n].pc = address;
		w->at[w->n++].exact = false;
	}
	return true;
}

/* Where on the stack the last return address of a walk is, and on. */
static size_t
behind(const struct walk *w, const struct trace *t)
{
	size_t at = 0;

	for (uint32_t i = 1; i < w->n; i++) {
		size_t next = at;

		while (next + 8 <= t->size && word_at(t, next) != w->at[i].pc)
			next += 8;
		if (next + 8 <= t->size)
			at = next + 8;
	}
	return at;
}

/* What functions that have returned left behind is taken too, rather than what
 * a caller left behind that did so before the end: a jump into another
 * function. But not when it takes all the room. */
static void
guess_rest(struct walk *w, const struct trace *t)
{
	uint32_t n = w->n;
	size_t from = behind(w, t);

	if (guess(w, t, from, false))
		return;
	w->n = n;
	(void)guess(w, t, from, true);
}

/* ------------------------------------------------------------------ frames */

/* NULL: no room, or no text. What was kept last is often asked for again. */
static const char *
keep(struct frames *out, const char *text)
{
	size_t size;
	char *at;

	if (text == NULL || text[0] == '\0')
		return NULL;
	for (size_t i = 0; i < out->used; i += strlen(out->text + i) + 1)
		if (strcmp(out->text + i, text) == 0)
			return out->text + i;
	size = strlen(text) + 1;
	if (size > sizeof out->text - out->used)
		return NULL;
	at = memcpy(out->text + out->used, text, size);
	out->used += size;
	return at;
}

static const char *
keep_id(struct frames *out, const struct map_module *m)
{
	char hex[2 * MAP_ID + 1] = "";

	for (uint32_t i = 0; i < m->id_size; i++)
		snprintf(hex + 2 * i, 3, "%02x", m->id[i]);
	return keep(out, hex);
}

static ferry_frame *
add_frame(struct frames *out, uint64_t pc, bool exact, uint32_t flags)
{
	const struct map_module *m = ferry__map_find(pc - !exact);
	ferry_frame *f;

	if (out->n == TRACE_FRAMES)
		return NULL;
	f = &out->at[out->n++];
	memset(f, 0, sizeof *f);
	f->address = pc;
	f->flags = flags;
	if (m == NULL)
		return f;
	f->offset = pc - m->bias;
	f->module = keep(out, m->path);
	f->build_id = keep_id(out, m);
	return f;
}

/* A frame with what name the loader knows. */
static void
add_exported(struct frames *out, uint64_t pc, bool exact, uint32_t flags)
{
	ferry_frame *f = add_frame(out, pc, exact, flags);

	if (f != NULL)
		f->function = keep(out, ferry__map_name(pc - !exact));
}

/* A frame, and one for each function inlined there. */
static void
add_named(struct frames *out, uint64_t pc, bool exact, uint32_t flags)
{
	struct dw_name names[INLINES];
	uint32_t n = ferry__dw_names(names, INLINES, pc - !exact);
	ferry_frame *f;

	for (uint32_t i = 0; i < (n > 0 ? n : 1); i++) {
		f = add_frame(out, pc, exact,
		    flags | (i + 1 < n ? FERRY_FRAME_INLINE : 0));
		if (f == NULL || n == 0)
			return;
		f->function = keep(out, names[i].function);
		f->file = keep(out, names[i].file);
		f->line = f->file != NULL ? names[i].line : 0;
	}
}

/* All at once, as whoever is asked may be held up. */
static void
ask_exported(const struct walk *w)
{
	uint64_t at[TRACE_FRAMES];

	for (uint32_t i = 0; i < w->n; i++)
		at[i] = w->at[i].pc - !w->at[i].exact;
	ferry__map_ask_names(at, w->n);
}

static void
fill(struct frames *out, const struct walk *w, uint32_t sure, bool symbols,
    bool dw)
{
	if (symbols && !dw)
		ask_exported(w);
	for (uint32_t i = 0; i < w->n; i++) {
		uint32_t flags = i < sure ? 0 : FERRY_FRAME_GUESSED;
		uint64_t pc = w->at[i].pc;
		bool exact = w->at[i].exact;

		if (!symbols)
			add_frame(out, pc, exact, flags);
		else if (dw)
			add_named(out, pc, exact, flags);
		else
			add_exported(out, pc, exact, flags);
	}
}

/* With what there is. Returns how many frames are no guess. */
static uint32_t
find_frames(struct walk *w, const struct trace *t, bool dw)
{
	uint32_t sure = 1;

	if (dw)
		sure = walk(w, t);
	if (!dw || w->n == 0) {
		w->n = sure = 1;
		w->ended = false;
		w->at[0].pc = t->pc;
		w->at[0].exact = true;
	}
	if (!w->ended)
		guess_rest(w, t);
	return sure;
}

void
ferry__trace_prepare(void)
{
	(void)ferry__dw_load();
}

void
ferry__trace_unwind(struct frames *out, const struct trace *t, bool symbols)
{
	static struct walk w;
	uint32_t sure;
	bool dw;

	out->n = 0;
	out->used = 0;
	pthread_mutex_lock(&unwinding);
	ferry__map_look();
	dw = ferry__dw_open();
	sure = find_frames(&w, t, dw);
	out->unwound = dw && sure > 1;
	fill(out, &w, sure, symbols, dw);
	pthread_mutex_unlock(&unwinding);
}

/* What libdw had open is left behind: it is about the parent. */
void
ferry__trace_unwind_forked(void)
{
	ferry__fork_renew(&unwinding);
	ferry__loader_forked();
	ferry__map_forked();
	ferry__dw_forked();
}
