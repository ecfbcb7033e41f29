/*
 * From a marked header (<ferry/marks.h>) to the model (docs/model.md).
 *
 * Uses libclang, which is given what a compiler would be. Whatever the header
 * is: there is a model, or there are errors, each with the file and line.
 */
#ifndef FERRY_CODEGEN_SCAN_H
#define FERRY_CODEGEN_SCAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { SCAN_ERRORS_MAX = 100 };

struct scan_options {
	const char *header;       /* path */
	const char *include;      /* how C includes it; NULL: the file's name */
	const char *const *args;  /* clang's, as -Iinclude */
	int n_args;
};

/* What is wrong: "FILE:LINE: error: what it is; what to do". */
struct scan_report {
	char *lines[SCAN_ERRORS_MAX];
	size_t n_lines;
	size_t n_left_off;  /* after SCAN_ERRORS_MAX */
	bool no_memory;     /* lines or more may be missing */
};

/*
 * The model, for json_decref(), or NULL after errors. The report is written
 * anew, and is freed with scan_report_free() in either case.
 */
json_t *scan_header(const struct scan_options *options,
    struct scan_report *report);

void scan_report_free(struct scan_report *report);

#endif
