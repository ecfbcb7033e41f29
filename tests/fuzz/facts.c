/*
 * What is read out of /proc's texts, of any text: the first byte says which
 * file it is taken for. What is refused changes nothing; what is taken is what
 * another reading of the text gives, or what it says when it is written again.
 */
#include "fuzz.h"

#include "ffi/facts.h"

#define STAT \
	" 24253 24253 19593 0 -1 4194304 97 3 0 0 250 50 0 0 20 0 1 0 3623148" \
	" 3133440 380 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0\n"
#define MASKS \
	"SigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\n" \
	"SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\n" \
	"SigCgt:\t8000000180004002\nCapInh:\t0000000000000000\n"

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED("s24257 (cat) R" STAT),
	FUZZ_SEED("s7 () R 1 1) S" STAT),
	FUZZ_SEED("s7 (a\nb) t" STAT),
	FUZZ_SEED("crunning\n"),
	FUZZ_SEED("c-1 0x7ffcd8f9d428 0x7f1f1e4d1f4d\n"),
	FUZZ_SEED("c0 0x3 0x7f2968e26000 0x20000 0x7f2968eb8b60 0xffffffff "
		  "0x0 0x7ffda1f90e78 0x7f2968fa12ad\n"),
	FUZZ_SEED("c202 0x7ffd3ab9c0a0 0x189 0x0 0x0 0x0 0xffffffff "
		  "0x7ffd3ab9bfb0 0x7f31e2e4e117\n"),
	FUZZ_SEED("d1234567 6762869 12\n"),
	FUZZ_SEED("d0 0 0\n"),
	FUZZ_SEED("tName:\tcat\nUmask:\t0022\nState:\tR (running)\n"
		  "TracerPid:\t0\nGroups:\t0 27 1000 \n" MASKS),
	FUZZ_SEED("tTracerPid:\t4711\n"),
	FUZZ_SEED("t" MASKS)
};
const size_t fuzz_seeds_count = COUNT_OF(fuzz_seeds);

static const struct facts before = { .known = FACT_EXISTS,
	.state = '?', .number = 4711, .args = { 1, 2, 3, 4, 5, 6 },
	.sp = 7, .pc = 8, .cpu_ns = 9, .delay_ns = 10, .tracer = 11,
	.blocked = 12, .ignored = 13, .caught = 14 };

typedef bool (*parse_fn)(struct facts *f, const char *text, size_t size);

/* Taken: only these facts are new. */
static bool
parse(parse_fn fn, struct facts *f, const uint8_t *text, size_t size,
    uint32_t may)
{
	bool taken;

	*f = before;
	taken = fn(f, (const char *)text, size);
	if (taken) {
		T_NE(f->known, before.known);
		T_EQ(f->known & ~(before.known | may), 0);
	} else {
		T_MEM(f, &before, sizeof before);
	}
	return taken;
}

/* As a string, which a NUL ends. */
static char *
string_of(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	memcpy(s, data, size);
	s[size] = 0;
	return s;
}

static void
fuzz_stat(const uint8_t *text, size_t size)
{
	struct facts f;
	char *s, state;
	unsigned long long user, system;

	if (!parse(ferry__facts_parse_stat, &f, text, size,
	        FACT_STATE | FACT_CPU))
		return;
	T_EQ(f.known, before.known | FACT_STATE | FACT_CPU);
	/* White space to scanf() that is none in such a file. */
	s = string_of(text, size);
	if (strlen(s) == size && strpbrk(s, "\v\f\r") == NULL) {
		T_EQ(sscanf(strrchr(s, ')') + 1,
		         " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
		         " %llu %llu",
		         &state, &user, &system), 3);
		T_EQ(f.state, state);
		T_EQ(f.cpu_ns, (user + system) * (1000000000u /
		                   (unsigned long long)sysconf(_SC_CLK_TCK)));
	}
	free(s);
}

/* "running", or outside a call, or all of it. */
static int
scan_call(struct facts *f, const char *s)
{
	long long number;
	unsigned long long n[8] = { 0 };
	int got = sscanf(s, "%lld %llx %llx %llx %llx %llx %llx %llx %llx",
	    &number, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7]);
	bool whole = got == 9 && number >= 0;

	f->in_call = got > 0;
	f->number = whole ? number : -1;
	for (int i = 0; i < 6; i++)
		f->args[i] = whole ? n[i] : 0;
	f->sp = whole ? n[6] : n[0];
	f->pc = whole ? n[7] : n[1];
	f->known |= FACT_CALL;
	return got;
}

static void
fuzz_call(const uint8_t *text, size_t size)
{
	struct facts f, g = before;
	char *s;

	if (!parse(ferry__facts_parse_call, &f, text, size, FACT_CALL))
		return;
	s = string_of(text, size);
	if (scan_call(&g, s) <= 0)
		T_EQ(strncmp(s, "running\n", 8), 0);
	T_MEM(&f, &g, sizeof f);
	free(s);
}

static void
fuzz_schedstat(const uint8_t *text, size_t size)
{
	struct facts f;
	unsigned long long a, b, c;
	char *s;

	if (!parse(ferry__facts_parse_schedstat, &f, text, size, FACT_DELAY))
		return;
	s = string_of(text, size);
	T_EQ(sscanf(s, "%llu %llu %llu", &a, &b, &c), 3);
	T_EQ(f.delay_ns, b);
	T_ASSERT(a != 0 || b != 0 || c != 0);
	free(s);
}

static void
fuzz_status(const uint8_t *text, size_t size)
{
	struct facts f, g;
	char again[256];

	if (!parse(ferry__facts_parse_status, &f, text, size,
	        FACT_TRACER | FACT_SIGNALS))
		return;
	snprintf(again, sizeof again,
	    "TracerPid:\t%u\nSigBlk:\t%llx\nSigIgn:\t%016llx\nSigCgt:\t%llx\n",
	    f.tracer, (unsigned long long)f.blocked,
	    (unsigned long long)f.ignored, (unsigned long long)f.caught);
	g = f;
	T_ASSERT(ferry__facts_parse_status(&g, again, strlen(again)));
	g.known = f.known;
	T_MEM(&f, &g, sizeof f);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	if (size == 0)
		return;
	switch (data[0]) {
	case 's':
		fuzz_stat(data + 1, size - 1);
		break;
	case 'c':
		fuzz_call(data + 1, size - 1);
		break;
	case 'd':
		fuzz_schedstat(data + 1, size - 1);
		break;
	case 't':
		fuzz_status(data + 1, size - 1);
		break;
	}
}
