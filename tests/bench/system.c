#include "system.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The mask the process was started with; constant after the first look. */
static cpu_set_t all_cpus;

static const cpu_set_t *
cpus(void)
{
	/* The first caller is main(), before there are other threads. */
	if (CPU_COUNT(&all_cpus) == 0 &&
	    sched_getaffinity(0, sizeof(all_cpus), &all_cpus) != 0)
		bench_die("sched_getaffinity failed");
	return &all_cpus;
}

void
bench_backoff_yield(void)
{
	sched_yield();
}

void
bench_futex_wait(_Atomic uint32_t *word, uint32_t expected)
{
	/* EAGAIN (it changed) and EINTR are both "look again". */
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

void
bench_futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void
bench_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

void *
bench_alloc(size_t size)
{
	void *p;

	/* Whole pairs of lines, lest a stranger's block begin in the last. */
	size = (size + BENCH_LINE - 1) / BENCH_LINE * BENCH_LINE;
	if (posix_memalign(&p, BENCH_LINE, size) != 0)
		bench_die("out of memory (%zu bytes)", size);
	/* Touches every page, so that no trial pays for page faults. */
	memset(p, 0, size);
	return p;
}

unsigned
bench_cpu_count(void)
{
	return (unsigned)CPU_COUNT(cpus());
}

void
bench_cpu_pin(pid_t thread, unsigned nth)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, cpus()) && nth-- == 0) {
			CPU_SET(cpu, &one);
			break;
		}
	}
	/* A thread that has ended meanwhile needs no pin. */
	sched_setaffinity(thread, sizeof(one), &one);
}

void
bench_cpu_unpin(void)
{
	sched_setaffinity(0, sizeof(all_cpus), cpus());
}

void
bench_cpu_name(char *text, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(text, size, "unknown");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || colon == NULL)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(text, size, "%s", colon + 2);
		break;
	}
	if (f != NULL)
		fclose(f);
}

unsigned
bench_threads(pid_t *out, unsigned capacity)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned n = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (n < capacity)
			out[n] = (pid_t)strtol(entry->d_name, NULL, 10);
		n++;
	}
	closedir(dir);
	return n;
}

uint64_t
bench_thread_switches(pid_t thread)
{
	char path[64], line[128];
	uint64_t sum = 0, one;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)thread);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "voluntary_ctxt_switches: %" SCNu64, &one) ==
		    1)
			sum += one;
		if (sscanf(line, "nonvoluntary_ctxt_switches: %" SCNu64,
			&one) == 1)
			sum += one;
	}
	fclose(f);
	return sum;
}

uint64_t
bench_resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	uint64_t size, resident = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%" SCNu64 " %" SCNu64, &size, &resident) != 2)
		resident = 0;
	fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}
