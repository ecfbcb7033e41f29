/*
 * Headers that nobody would write (tokens.h), scan_fuzz [headers [seed]], made
 * of those beside this file: of any of them scanned.h is true. T_LIMIT=120
 */
#include <errno.h>
#include <glob.h>

#include "scanned.h"
#include "tokens.h"

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

static const char *const seeds[] = { "tests/codegen/refused/*.h",
	"tests/codegen/models/*.h", "tests/codegen/zoo/*.h" };

static char path[4096];
static char folder[] = "/tmp/ferry-scan-XXXXXX";
static size_t n_lines, n_models, n_refused;

/* Keeps the header that broke it, and says where. */
void
t_on_fail(void)
{
	dprintf(2, "the header is %s\n", path);
}

static void
read_seed(const char *name)
{
	FILE *file = fopen(name, "r");
	size_t n;

	if (file == NULL)
		T_FAIL("%s: %s", name, strerror(errno));
	n = fread(tokens_text, 1, sizeof tokens_text - 1, file);
	T_ASSERT(n > 0 && n < sizeof tokens_text - 1);
	tokens_text[n] = '\0';
	fclose(file);
}

static void
write_header(void)
{
	FILE *file = fopen(path, "w");
	int c;

	if (file == NULL)
		T_FAIL("%s: %s", path, strerror(errno));
	tokens_mutate(file);
	fclose(file);
	file = fopen(path, "r");
	n_lines = 1;
	while ((c = getc(file)) != EOF)
		n_lines += c == '\n';
	fclose(file);
}

static void
one(void)
{
	write_header();
	if (scanned_check(path, n_lines))
		n_models++;
	else
		n_refused++;
}

int
main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 600;
	unsigned long seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	glob_t found;

	T_ASSERT(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/fuzz.h", folder);
	for (size_t i = 0; i < COUNT_OF(seeds); i++)
		T_EQ(glob(seeds[i], i ? GLOB_APPEND : 0, NULL, &found), 0);
	T_ASSERT(found.gl_pathc > 10);
	for (unsigned long i = 0; i < n; i++) {
		tokens_state = seed * UINT64_C(1000003) + i;
		tokens_below(1);
		/* Half of them begin as a header that is good. */
		read_seed(found.gl_pathv[tokens_below(2) ?
		    tokens_below(found.gl_pathc) :
		    found.gl_pathc - 1 - tokens_below(2)]);
		tokens_split();
		one();
	}
	globfree(&found);
	T_OK(unlink(path));
	T_OK(rmdir(folder));
	printf("note: %zu models, %zu refused\n", n_models, n_refused);
	/* It would not tell much if all went one way. */
	T_ASSERT(n < 100 || (n_models > n / 50 && n_refused > n / 50));
	return 0;
}
