/*
 * tests/proc.h: what Linux tells of a process below /proc: its threads, its
 * descriptors, and what is in one.
 */
#ifndef TESTS_PROC_H
#define TESTS_PROC_H

#include <dirent.h>
#include <sys/ioctl.h>

#include "t.h"

#define T_THREADS     "/proc/self/task"
#define T_DESCRIPTORS "/proc/self/fd"

/* Of threads and descriptors, the one by which it looks among them. */
T__FN int
t_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = -2; /* "." and ".." */

	T_ASSERT(d != NULL);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* Threads whose names begin so. One that has been joined may be there for a
 * moment more. */
T__FN int
t_threads_called(const char *name)
{
	DIR *d = opendir(T_THREADS);
	struct dirent *e;
	int n = 0;

	T_ASSERT(d != NULL);
	while ((e = readdir(d)) != NULL) {
		char path[300], is[64] = "";
		FILE *f;

		snprintf(path, sizeof path, T_THREADS "/%s/comm", e->d_name);
		f = fopen(path, "re");
		if (f == NULL)
			continue; /* gone, or no thread */
		if (fgets(is, sizeof is, f) != NULL)
			n += strncmp(is, name, strlen(name)) == 0;
		fclose(f);
	}
	closedir(d);
	return n;
}

/* What is in a doorbell: of an eventfd its count, of a pipe its bytes. */
T__FN long
t_bell_holds(int fd)
{
	char path[64], line[128];
	long count = -1;
	int bytes;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	T_ASSERT(f != NULL);
	while (fgets(line, sizeof line, f) != NULL)
		sscanf(line, "eventfd-count: %lx", (unsigned long *)&count);
	fclose(f);
	if (count < 0 && ioctl(fd, FIONREAD, &bytes) == 0)
		count = bytes;
	T_GE(count, 0);
	return count;
}

#endif
