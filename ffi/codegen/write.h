/*
 * Runs the writers of languages: Lua in LANG/writer.lua, which makes files of a
 * model with the templates beside it. Adding a language is adding a folder.
 * What a writer may call is in gen.lua.
 *
 * Lua, because a template's logic is a language in any case, and this one is
 * small, kept well, embeds in a page of C, and is shut in: a writer here has no
 * files, clock, chance or other programs, so its output is what its input says.
 */
#ifndef FERRY_CODEGEN_WRITE_H
#define FERRY_CODEGEN_WRITE_H

#include <stdio.h>

#include <jansson.h>

#include "ffi/codegen/files.h"

struct write_request {
	const char *codegen;  /* the folder of gen.lua and the languages' */
	const char *language;
	const json_t *model;
	const json_t *options; /* of this language: an object of texts */
};

/*
 * Adds the language's files, below a folder that is called like it. 0, or -1
 * after errors, which are written to a stream, a line each and a trace where it
 * is the writer's own fault.
 */
int
write_language(struct files *files, const struct write_request *request,
    FILE *errors);

#endif
