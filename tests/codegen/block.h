/*
 * Blocks built by hand, and a package's functions called with them: for tests
 * of shims (include/ferry/package.h).
 */
#ifndef BLOCK_H
#define BLOCK_H

#include <dlfcn.h>
#include <stddef.h>

#include <ferry/package.h>

#include "t.h"

/* --- Blocks -------------------------------------------------------------- */

#define BLOCK_MOST (1 << 20)

static _Alignas(16) unsigned char block__bytes[BLOCK_MOST];

/* The one block that is being built. */
static struct {
	unsigned char *bytes;
	size_t size;
} block = { block__bytes, 0 };

/* Appends; returns where, to be put in place of a pointer. */
T__FN void *
block_add(const void *from, size_t size, size_t align)
{
	size_t at = (block.size + align - 1) / align * align;

	T_ASSERT(at + size <= BLOCK_MOST);
	memset(block.bytes + block.size, 0, at - block.size);
	if (size != 0)
		memcpy(block.bytes + at, from, size);
	block.size = at + size;
	return (void *)(uintptr_t)at;
}

/* A new block, with this at its beginning. */
T__FN void
block_begin(const void *head, size_t size)
{
	block.size = 0;
	block_add(head, size, 16);
}

T__FN void *
block_text(const char *text)
{
	return block_add(text, strlen(text) + 1, 1);
}

/* What has been added, to be changed. */
T__FN void *
block_at(const void *offset)
{
	return block.bytes + (uintptr_t)offset;
}

/* --- Packages ------------------------------------------------------------ */

/* A library of the tests, loaded. */
T__FN const ferry_package *
package_load(const char *name)
{
	const char *o = getenv("O");
	const ferry_package *(*get)(void);
	char path[4096];
	void *so;

	snprintf(path, sizeof path, "%s/tests/codegen/%s/lib%s.so",
	    o ? o : "build", name, name);
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (so == NULL)
		T_FAIL("%s", dlerror());
	*(void **)&get = dlsym(so, "ferry_package_here");
	T_ASSERT(get != NULL);
	return get();
}

T__FN const ferry_package_function *
package_function(const ferry_package *p, const char *name)
{
	uint32_t i;

	for (i = 0; i < p->n_functions; i++)
		if (strcmp(p->functions[i].name, name) == 0)
			return &p->functions[i];
	T_FAIL("no function %s", name);
}

T__FN const ferry_package_record *
package_record(const ferry_package *p, const char *name)
{
	uint32_t i;

	for (i = 0; i < p->n_records; i++)
		if (strcmp(p->records[i].name, name) == 0)
			return &p->records[i];
	T_FAIL("no record %s", name);
}

T__FN const ferry_package_field *
package_field(const ferry_package *p, const char *record, const char *name)
{
	const ferry_package_record *r = package_record(p, record);
	uint32_t i;

	for (i = 0; i < r->n_fields; i++)
		if (strcmp(r->fields[i].name, name) == 0)
			return &r->fields[i];
	T_FAIL("no field %s.%s", record, name);
}

/* --- Calls --------------------------------------------------------------- */

/* The answer of the last call. */
static ferry_reply answer;

/* What a pointer of the answer leads to; NULL where it is NULL. */
T__FN const void *
answer_at(const void *offset)
{
	if (offset == NULL)
		return NULL;
	T_LE((uintptr_t)offset, answer.size);
	return (const char *)answer.data + (uintptr_t)offset;
}

T__FN void
answer_done(void)
{
	T_OK(ferry_block_release(answer.data));
	answer.data = NULL;
	answer.size = 0;
}

/* Calls a method with bytes of any place; returns the status. */
T__FN int
call_bytes(const ferry_package *p, ferry_context context, const char *name,
    const void *bytes, size_t size)
{
	ferry_request request;

	answer_done();
	T_OK(ferry_request_invoke(&answer, &request, context,
	    package_function(p, name)->id, bytes, size, NULL, -1));
	return answer.status;
}

/* With the block that has been built. */
T__FN int
call(const ferry_package *p, ferry_context context, const char *name)
{
	return call_bytes(p, context, name, block.bytes, block.size);
}

/* A function that needs no context. */
T__FN int
call_direct(const ferry_package *p, const char *name)
{
	answer_done();
	answer.status = p->call(&answer.data, &answer.size,
	    package_function(p, name)->id, block.bytes, block.size);
	return answer.status;
}

T__FN const char *
answer_text(void)
{
	if (answer.data == NULL)
		return "";
	T_EQ(((const char *)answer.data)[answer.size - 1], 0);
	return answer.data;
}

#endif
