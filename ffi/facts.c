/*
 * What Linux' /proc says of a thread, read out of its texts.
 *
 * Pure functions, but for the word of what tests have refused: any thread.
 * A text may be cut off, of another kernel's making, or nonsense.
 */
#include "ffi/facts.h"

#include <string.h>
#include <unistd.h>

static atom32 refused;

/* What is left of a text. */
struct rest {
	const char *at, *end;
};

static struct rest
rest_of(const char *text, size_t size)
{
	return (struct rest){ text, text + size };
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

static void
skip_spaces(struct rest *r)
{
	while (r->at < r->end && is_space(*r->at))
		r->at++;
}

static bool
skip_word(struct rest *r)
{
	const char *from;

	skip_spaces(r);
	from = r->at;
	while (r->at < r->end && !is_space(*r->at) && *r->at != '\n')
		r->at++;
	return r->at != from;
}

static bool
skip_text(struct rest *r, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(r->end - r->at) < n || memcmp(r->at, text, n) != 0)
		return false;
	r->at += n;
	return true;
}

static unsigned
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return 16;
}

/* At least one digit, no more than 64 bits. */
static bool
take_digits(uint64_t *out, struct rest *r, unsigned base)
{
	const char *from = r->at;
	uint64_t n = 0;
	unsigned d;

	for (; r->at < r->end; r->at++) {
		d = digit_of(*r->at);
		if (d >= base)
			break;
		if (n > (UINT64_MAX - d) / base)
			return false;
		n = n * base + d;
	}
	*out = n;
	return r->at != from;
}

static bool
take_number(uint64_t *out, struct rest *r)
{
	skip_spaces(r);
	return take_digits(out, r, 10);
}

static bool
take_address(uint64_t *out, struct rest *r)
{
	skip_spaces(r);
	return skip_text(r, "0x") && take_digits(out, r, 16);
}

/* ---------------------------------------------------------------- stat */

/* A thread's name may hold anything, ") R 1" too; what is behind it is
 * numbers. */
static bool
skip_name(struct rest *r)
{
	const char *p = r->end;

	while (p > r->at)
		if (*--p == ')') {
			r->at = p + 1;
			return true;
		}
	return false;
}

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static uint64_t
tick_ns(void)
{
	long n = sysconf(_SC_CLK_TCK);

	return 1000000000u / (uint64_t)(n > 0 ? n : 100);
}

bool
ferry__facts_parse_stat(struct facts *f, const char *text, size_t size)
{
	struct rest r = rest_of(text, size);
	uint64_t user, system;
	char state;

	if (!skip_name(&r))
		return false;
	skip_spaces(&r);
	if (r.at == r.end || !is_letter(*r.at))
		return false;
	state = *r.at++;
	/* From its parent's number to its children's page faults. */
	for (int i = 0; i < 10; i++)
		if (!skip_word(&r))
			return false;
	if (!take_number(&user, &r) || !take_number(&system, &r))
		return false;
	f->state = state;
	f->known |= FACT_STATE;
	if ((f->known & FACT_CPU) == 0) {
		f->cpu_ns = (user + system) * tick_ns();
		f->known |= FACT_CPU;
	}
	return true;
}

/* ------------------------------------------------------------- syscall */

/* "running", "-1 SP PC", or "NUMBER ARG … ARG SP PC". */
static bool
take_call(struct facts *f, struct rest *r)
{
	uint64_t number;

	if (skip_text(r, "running")) {
		f->number = -1;
		return true;
	}
	f->in_call = true;
	if (skip_text(r, "-")) {
		f->number = -1;
		return take_digits(&number, r, 10);
	}
	if (!take_number(&number, r) || number > INT32_MAX)
		return false;
	f->number = (int64_t)number;
	for (size_t i = 0; i < COUNT_OF(f->args); i++)
		if (!take_address(&f->args[i], r))
			return false;
	return true;
}

bool
ferry__facts_parse_call(struct facts *f, const char *text, size_t size)
{
	struct rest r = rest_of(text, size);
	struct facts got = { .known = 0 };

	if (!take_call(&got, &r))
		return false;
	if (got.in_call &&
	    (!take_address(&got.sp, &r) || !take_address(&got.pc, &r)))
		return false;
	/* One digit less is another address. */
	if (r.at == r.end || *r.at != '\n')
		return false;
	f->in_call = got.in_call;
	f->number = got.number;
	memcpy(f->args, got.args, sizeof f->args);
	f->sp = got.sp;
	f->pc = got.pc;
	f->known |= FACT_CALL;
	return true;
}

/* ----------------------------------------------------------- schedstat */

bool
ferry__facts_parse_schedstat(struct facts *f, const char *text, size_t size)
{
	struct rest r = rest_of(text, size);
	uint64_t ran, waited, slices;

	if (!take_number(&ran, &r) || !take_number(&waited, &r) ||
	    !take_number(&slices, &r))
		return false;
	/* A kernel that does not count says 0 0 0. */
	if (ran == 0 && waited == 0 && slices == 0)
		return false;
	f->delay_ns = waited;
	f->known |= FACT_DELAY;
	return true;
}

/* -------------------------------------------------------------- status */

static void
skip_line(struct rest *r)
{
	while (r->at < r->end && *r->at++ != '\n')
		continue;
}

/* A whole line. Machines with more than 64 signals put the lower ones last. */
static bool
take_mask(uint64_t *out, struct rest *r)
{
	const char *from, *p;

	skip_spaces(r);
	for (from = p = r->at; p < r->end && digit_of(*p) < 16; p++)
		continue;
	if (p == r->end || *p != '\n')
		return false;
	if (p - from > 16)
		r->at = p - 16;
	return take_digits(out, r, 16);
}

static bool
take_tracer(uint64_t *out, struct rest *r)
{
	return take_number(out, r) && r->at < r->end && *r->at == '\n' &&
	    *out <= UINT32_MAX;
}

bool
ferry__facts_parse_status(struct facts *f, const char *text, size_t size)
{
	struct rest r = rest_of(text, size);
	bool tracer = false, blocked = false, ignored = false, caught = false;
	uint64_t id = 0, masks[3];

	for (; r.at < r.end; skip_line(&r))
		if (skip_text(&r, "TracerPid:"))
			tracer = take_tracer(&id, &r);
		else if (skip_text(&r, "SigBlk:"))
			blocked = take_mask(&masks[0], &r);
		else if (skip_text(&r, "SigIgn:"))
			ignored = take_mask(&masks[1], &r);
		else if (skip_text(&r, "SigCgt:"))
			caught = take_mask(&masks[2], &r);
	if (tracer) {
		f->tracer = (uint32_t)id;
		f->known |= FACT_TRACER;
	}
	if (!blocked || !ignored || !caught)
		return tracer;
	f->blocked = masks[0];
	f->ignored = masks[1];
	f->caught = masks[2];
	f->known |= FACT_SIGNALS;
	return true;
}

/* ------------------------------------------------------------ for tests */

void
ferry__facts_refuse(uint32_t which)
{
	/* Relaxed: a word for itself. */
	atom32_store_relaxed(&refused, which);
}

uint32_t
ferry__facts_refused(void)
{
	/* Relaxed: as above. */
	return atom32_load_relaxed(&refused);
}
