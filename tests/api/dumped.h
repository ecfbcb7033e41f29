/*
 * tests/api/dumped.h: dumps, as text, and what every one of them must be.
 */
#ifndef DUMPED_H
#define DUMPED_H

#include <sys/mman.h>

#include "fixture.h"

enum { DUMP_MOST = 1 << 20 };

/* A file without a name. */
static inline int
dump_file(void)
{
	int fd = memfd_create("dump", MFD_CLOEXEC);

	T_GE(fd, 0);
	return fd;
}

/* What is in it; the caller frees. */
static inline char *
dump_text(int fd)
{
	char *text = malloc(DUMP_MOST + 1);
	ssize_t n;

	T_ASSERT(text != NULL);
	n = pread(fd, text, DUMP_MOST, 0);
	T_GE(n, 0);
	text[n] = 0;
	return text;
}

static inline int
dump_count(const char *text, const char *part)
{
	int n = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return n;
}

static inline void
dump_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		T_FAIL("there is no \"%s\" in:\n%s", part, text);
}

/* One dump from its head to its end, of so many contexts. */
static inline void
dump_is_whole(const char *text, int contexts)
{
	char end[64];
	size_t n;

	snprintf(end, sizeof end, "ferry: end of dump, contexts: %d\n",
	    contexts);
	n = strlen(end);
	T_EQ(strncmp(text, "ferry ", 6), 0);
	T_EQ(dump_count(text, ": dump of process "), 1);
	T_GE(strlen(text), n);
	T_STR(text + strlen(text) - n, end);
	T_EQ(dump_count(text, "\ncontext 0x"), contexts);
}

static inline char *
dump_now(void)
{
	int fd = dump_file();
	char *text;

	T_OK(ferry_dump(fd));
	text = dump_text(fd);
	close(fd);
	return text;
}

/* The part about one context; it is cut off behind it. */
static inline char *
dump_of(char *text, ferry_context context)
{
	char head[64], *part, *next;

	snprintf(head, sizeof head, "\ncontext %#jx, ", (uintmax_t)context);
	part = strstr(text, head);
	if (part == NULL)
		T_FAIL("there is no \"%s\" in:\n%s", head, text);
	next = strstr(part + 1, "\ncontext 0x");
	if (next == NULL)
		next = strstr(part, "\nferry: end");
	T_ASSERT(next != NULL);
	next[1] = 0;
	return part;
}

#endif
