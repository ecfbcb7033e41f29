/*
 * A zoo, as a caller of its shim has it.
 */
#ifndef ZOO_OPEN_H
#define ZOO_OPEN_H

#include "zoo.h"

#include "../block.h"

static const ferry_package *zoo_package;

/* Why the last one was not opened. */
static char open_text[128];

/* zoo.open's arguments. */
T__FN void
build_open(const char *name, uint32_t cages)
{
	struct {
		const char *name;
		uint32_t cages;
	} args = { NULL, cages };

	block_begin(&args, sizeof args);
	args.name = block_text(name);
	memcpy(block.bytes, &args, sizeof args);
}

T__FN int
try_open(ferry_context *out, const char *name,
    const ferry_context_options *options)
{
	build_open(name, 3);
	return zoo_package->open(out, 0, 0, block.bytes, block.size, options,
	    open_text, sizeof open_text);
}

T__FN ferry_context
open_zoo(const char *name, const ferry_context_options *options)
{
	ferry_context opened;
	int r = try_open(&opened, name, options);

	if (r != FERRY_OK)
		T_FAIL("%d: %s", r, open_text);
	return opened;
}

/* A method that takes nothing but text. */
T__FN void
build_text(const char *text)
{
	const void *head = NULL;

	block_begin(&head, sizeof head);
	head = block_text(text);
	memcpy(block.bytes, &head, sizeof head);
}

/* Or nothing but a number or a handle. */
T__FN void
build_number(uint64_t number)
{
	block_begin(&number, sizeof number);
}

#endif
