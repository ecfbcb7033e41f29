/*
 * What the process holds, sampled while everything rests: resident memory,
 * what libferry has from malloc and for ever, mappings, threads, descriptors.
 *
 * The judgement compares the least of the first and of the last third of the
 * samples after the warm-up. The least, because what is held at rest depends on
 * what happens to be open, contexts' queues and workers' scratch of up to a
 * mebibyte, and a leak raises the least as well; thirds, because what libferry
 * keeps for ever grows to the most that was in use at once, fast at first and
 * then hardly.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "proc.h"
#include "soak.h"

enum { SAMPLES = 4096, KINDS = 6, DEBUG_FILES = 16, PATH_BYTES = 160 };

static const struct {
	const char *name;
	long bound; /* of the growth between the thirds */
} kinds[KINDS] = {
    /* The heap's own fragments: no two uses of it are the same. */
    {"resident KiB", 6144},
    /* Three workers' scratch, of up to a mebibyte, in every sample. */
    {"libferry's heap KiB", 3072},
    /* A region: the most that was in use at once may come late. */
    {"libferry's pages KiB", 1024},
    /* Stacks that the C library keeps, two for each thread it kept. */
    {"mappings", 32},
    {"threads", 4},
    {"descriptors", 2},
};

static long samples[KINDS][SAMPLES];
static int n_samples;
static long last[KINDS];

unsigned
memory_threads(void)
{
	return (unsigned)t_entries(T_THREADS);
}

/* Files of debugging data, which libdw keeps open: one for each module that a
 * stack has gone through, the loader's perhaps at the hundredth stall. Each
 * once, however many stalls there are. */
static unsigned
of_libdw(void)
{
	static char seen[DEBUG_FILES][PATH_BYTES];
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++) {
		char link[64];
		ssize_t size;

		T_LE(n + 1, DEBUG_FILES);
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		size = readlink(link, seen[n], PATH_BYTES - 1);
		if (size < 0)
			continue;
		seen[n][size] = '\0';
		if (strncmp(seen[n], "/usr/lib/debug/", 15) != 0)
			continue;
		for (unsigned i = 0; i < n; i++)
			T_NE(strcmp(seen[i], seen[n]), 0);
		n++;
	}
	return n;
}

unsigned
memory_descriptors(void)
{
	return (unsigned)t_entries(T_DESCRIPTORS) - 1 /* the one that looks */ -
	    of_libdw();
}

static long
resident_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long size = 0, resident = 0;

	T_ASSERT(f != NULL);
	T_EQ(fscanf(f, "%ld %ld", &size, &resident), 2);
	fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static long
mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	long n = 0;
	int c;

	T_ASSERT(f != NULL);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

void
memory_sample(int warm)
{
	last[0] = resident_kib();
	last[1] = fault_live_bytes() / 1024;
	last[2] = fault_pages() / 1024;
	last[3] = mappings();
	last[4] = (long)memory_threads();
	last[5] = (long)memory_descriptors();
	if (!warm || n_samples == SAMPLES)
		return;
	for (int k = 0; k < KINDS; k++)
		samples[k][n_samples] = last[k];
	n_samples++;
}

void
memory_line(char *out, size_t size)
{
	snprintf(out, size, "rss %ld KiB, heap %ld, pages %ld, maps %ld, "
	    "threads %ld, fds %ld", last[0], last[1], last[2], last[3],
	    last[4], last[5]);
}

static long
least(const long *from, int n)
{
	long l = from[0];

	for (int i = 1; i < n; i++)
		l = from[i] < l ? from[i] : l;
	return l;
}

void
memory_judge(void)
{
	int third = n_samples / 3, bad = -1;

	if (third < 5) {
		dprintf(1, "  memory: %d samples are too few to compare\n",
		    n_samples);
		return;
	}
	for (int k = 0; k < KINDS; k++) {
		long first = least(samples[k], third);
		long end = least(&samples[k][n_samples - third], third);

		dprintf(1, "  %-22s %8ld %8ld  (%+ld, bound %ld)\n",
		    kinds[k].name, first, end, end - first, kinds[k].bound);
		/* A sanitizer's own memory is no business of ours. */
		if (end - first > kinds[k].bound &&
		    !((T_ASAN || T_TSAN) && (k == 0 || k == 3)))
			bad = k;
	}
	if (bad >= 0)
		T_FAIL("%s: has grown", kinds[bad].name);
}
