/*
 * tests/fuzz/fuzz.h: one body for two ways of throwing input at a parser.
 *
 * A harness defines fuzz_one(), which fails (T_*) or returns, and fuzz_seeds,
 * texts as they really come. `make fuzz` builds it with clang's libFuzzer,
 * which sees what input reaches new code. Everywhere else it is an ordinary
 * program, `prog [inputs [seed]]`, that mutates the seeds by a seeded
 * generator: the same inputs each time.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "t.h"

#define FUZZ_MOST 1024 /* bytes of an input */

struct fuzz_seed {
	const char *text;
	size_t size;
};

#define FUZZ_SEED(text_) { (text_), sizeof(text_) - 1 }

extern const struct fuzz_seed fuzz_seeds[];
extern const size_t fuzz_seeds_count;

/* The input is memory of just that size. */
void fuzz_one(const uint8_t *data, size_t size);

#ifdef FUZZ_LIBFUZZER

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* So that the input is kept. */
void
t_on_fail(void)
{
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_one(data, size);
	return 0;
}

/* The seeds become files of the corpus, before that is read. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("FUZZ_CORPUS");
	char path[4096];

	(void)argc;
	(void)argv;
	for (size_t i = 0; folder != NULL && i < fuzz_seeds_count; i++) {
		FILE *f;

		snprintf(path, sizeof path, "%s/seed%zu", folder, i);
		f = fopen(path, "we");
		if (f == NULL)
			T_FAIL("%s: %s", path, strerror(errno));
		fwrite(fuzz_seeds[i].text, 1, fuzz_seeds[i].size, f);
		fclose(f);
	}
	return 0;
}

#else

static uint8_t fuzz__at[FUZZ_MOST];
static size_t fuzz__size;

/* Shows the input, as a string in C. */
void
t_on_fail(void)
{
	dprintf(2, "of %zu bytes: \"", fuzz__size);
	for (size_t i = 0; i < fuzz__size; i++)
		dprintf(2, "\\%03o", fuzz__at[i]);
	dprintf(2, "\"\n");
}

/* What these texts are made of, and what breaks them. */
static const char *const fuzz__words[] = { "0", "-1", " ", "\n", "\t", ")",
	"(", "0x", "18446744073709551615", "18446744073709551616",
	"ffffffffffffffff", "9", "R", ":", "running", "\nSigBlk:\t" };

static void
fuzz__insert(struct t_rng *r)
{
	const char *word = fuzz__words[t_rand_below(
	    r, sizeof fuzz__words / sizeof fuzz__words[0])];
	size_t n = strlen(word), at = t_rand_below(r, fuzz__size + 1);

	if (fuzz__size + n > FUZZ_MOST)
		return;
	memmove(&fuzz__at[at + n], &fuzz__at[at], fuzz__size - at);
	memcpy(&fuzz__at[at], word, n);
	fuzz__size += n;
}

static void
fuzz__remove(struct t_rng *r)
{
	size_t at = t_rand_below(r, fuzz__size);
	size_t n = 1 + t_rand_below(r, fuzz__size - at);

	if (n > 8)
		n = 1 + n % 8;
	memmove(&fuzz__at[at], &fuzz__at[at + n], fuzz__size - at - n);
	fuzz__size -= n;
}

static void
fuzz__mutate(struct t_rng *r)
{
	switch (t_rand_below(r, 6)) {
	case 0:
		if (fuzz__size != 0)
			fuzz__at[t_rand_below(r, fuzz__size)] ^=
			    (uint8_t)(1u << t_rand_below(r, 8));
		break;
	case 1:
		if (fuzz__size != 0)
			fuzz__at[t_rand_below(r, fuzz__size)] =
			    (uint8_t)t_rand(r);
		break;
	case 2:
		if (fuzz__size != 0)
			fuzz__remove(r);
		break;
	case 3:
		fuzz__size = t_rand_below(r, fuzz__size + 1);
		break;
	default:
		fuzz__insert(r);
	}
}

static void
fuzz__run(void)
{
	uint8_t *copy = malloc(fuzz__size != 0 ? fuzz__size : 1);

	memcpy(copy, fuzz__at, fuzz__size);
	fuzz_one(copy, fuzz__size);
	free(copy);
}

static void
fuzz__seed(size_t i)
{
	T_LE(fuzz_seeds[i].size, FUZZ_MOST);
	fuzz__size = fuzz_seeds[i].size;
	memcpy(fuzz__at, fuzz_seeds[i].text, fuzz__size);
}

int
main(int argc, char **argv)
{
	uint64_t inputs = argc > 1 ? strtoull(argv[1], NULL, 0)
	                           : 400000 / (uint64_t)t_slow();
	struct t_rng r = { argc > 2 ? strtoull(argv[2], NULL, 0) : t_seed() };

	for (size_t i = 0; i < fuzz_seeds_count; i++) {
		fuzz__seed(i);
		fuzz__run();
	}
	for (uint64_t n = 0; n < inputs; n++) {
		fuzz__seed(t_rand_below(&r, fuzz_seeds_count));
		for (uint64_t k = t_rand_below(&r, 6); k != 0; k--)
			fuzz__mutate(&r);
		fuzz__run();
	}
	printf("note: %llu inputs\n", (unsigned long long)inputs);
	return 0;
}

#endif

#endif
