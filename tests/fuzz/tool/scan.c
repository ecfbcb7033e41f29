/*
 * The scanner of `ferry gen`, and any header: of whatever is read scanned.h is
 * true. For libFuzzer alone, which knows what reaches new code; in `make check`
 * there is codegen/scan_fuzz. It begins with the headers of the generator's
 * tests; their tokens are changed more often than their bytes, which seldom
 * get as far as from libclang to us.
 */
#include <errno.h>
#include <glob.h>

#include "codegen/scanned.h"
#include "codegen/tokens.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(
    uint8_t *data, size_t size, size_t most, unsigned seed);

/* What libclang leaves behind after a header that it crashes on is its own. */
const char *__lsan_default_suppressions(void);

static char folder[] = "/tmp/ferry-scan-XXXXXX";
static char path[64];

/* So that the input is kept. */
void
t_on_fail(void)
{
	abort();
}

const char *
__lsan_default_suppressions(void)
{
	return "leak:libclang\nleak:libLLVM\n";
}

static void
write_file(const char *name, const void *data, size_t size)
{
	FILE *f = fopen(name, "we");

	if (f == NULL)
		T_FAIL("%s: %s", name, strerror(errno));
	T_EQ(fwrite(data, 1, size, f), size);
	T_OK(fclose(f));
}

static void
remove_folder(void)
{
	unlink(path);
	rmdir(folder);
}

/* --- The corpus ----------------------------------------------------------- */

static void
copy_seed(const char *from, const char *corpus)
{
	char to[4096];
	FILE *f = fopen(from, "re");
	size_t n;

	if (f == NULL)
		T_FAIL("%s: %s", from, strerror(errno));
	n = fread(tokens_text, 1, sizeof tokens_text, f);
	fclose(f);
	snprintf(to, sizeof to, "%s/%s", corpus, strrchr(from, '/') + 1);
	write_file(to, tokens_text, n);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const seeds[] = { "refused", "models", "zoo", "ark",
		"twins" };
	const char *corpus = getenv("FUZZ_CORPUS");

	(void)argc;
	(void)argv;
	T_ASSERT(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/fuzz.h", folder);
	T_OK(atexit(remove_folder));
	for (size_t i = 0; corpus && i < sizeof seeds / sizeof *seeds; i++) {
		char pattern[64];
		glob_t found;

		snprintf(pattern, sizeof pattern, "tests/codegen/%s/*.h",
		    seeds[i]);
		T_OK(glob(pattern, 0, NULL, &found));
		for (size_t k = 0; k < found.gl_pathc; k++)
			copy_seed(found.gl_pathv[k], corpus);
		globfree(&found);
	}
	return 0;
}

/* --- One header ----------------------------------------------------------- */

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	FILE *f;
	long n;

	tokens_state = seed;
	if (tokens_below(8) == 0 || size == 0 || size >= TOKENS_TEXT ||
	    memchr(data, 0, size) != NULL)
		return LLVMFuzzerMutate(data, size, most);
	memcpy(tokens_text, data, size);
	tokens_text[size] = 0;
	tokens_split();
	f = fmemopen(data, most, "w");
	T_ASSERT(f != NULL);
	/* What there is no room for is cut off. */
	setvbuf(f, NULL, _IONBF, 0);
	tokens_mutate(f);
	n = ftell(f);
	fclose(f);
	return n > 0 ? (size_t)n : 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n_lines = 1;

	/* To clang a carriage return ends a line too. */
	for (size_t i = 0; i < size; i++)
		n_lines += data[i] == '\n' || data[i] == '\r';
	write_file(path, data, size);
	scanned_check(path, n_lines);
	return 0;
}
