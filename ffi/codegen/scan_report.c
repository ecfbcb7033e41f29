/*
 * What is wrong, and where; and memory that lives as long as the scan. Who is
 * refused memory goes on with less, and the scan ends with an error.
 */
#include "ffi/codegen/scan_unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *
format_text(const char *format, va_list args)
{
	va_list again;
	int n;
	char *text;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	text = n < 0 ? NULL : malloc((size_t)n + 1);
	if (text)
		vsnprintf(text, (size_t)n + 1, format, args);
	return text;
}

static void
add_line(struct scan_report *report, char *line)
{
	if (!line)
		report->no_memory = true;
	else if (report->n_lines == SCAN_ERRORS_MAX) {
		report->n_left_off++;
		free(line);
	} else
		report->lines[report->n_lines++] = line;
}

static char *
line_of(const char *format, ...)
{
	va_list args;
	char *line;

	va_start(args, format);
	line = format_text(format, args);
	va_end(args);
	return line;
}

void
scan_error(struct unit *u, struct place at, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	add_line(u->report, line_of("%s:%u: error: %s", at.file, at.line,
	    text ? text : "no memory"));
	free(text);
}

/* Of "FILE:12: error: ...", where FILE may have colons too. */
static unsigned long
line_number(const char *line, size_t *file)
{
	const char *end = strstr(line, ": error: ");

	while (end && end > line && end[-1] != ':')
		end--;
	*file = end ? (size_t)(end - line) : 0;
	return end ? strtoul(end, NULL, 10) : 0;
}

static bool
stands_before(const char *a, const char *b)
{
	size_t file_a, file_b;
	unsigned long line_a = line_number(a, &file_a);
	unsigned long line_b = line_number(b, &file_b);

	return file_a == file_b && !strncmp(a, b, file_a) && line_a < line_b;
}

void
scan_report_sort(struct scan_report *report)
{
	for (size_t i = 1; i < report->n_lines; i++) {
		char *line = report->lines[i];
		size_t k;

		for (k = i; k && stands_before(line, report->lines[k - 1]); k--)
			report->lines[k] = report->lines[k - 1];
		report->lines[k] = line;
	}
}

void
scan_report_free(struct scan_report *report)
{
	for (size_t i = 0; i < report->n_lines; i++)
		free(report->lines[i]);
	memset(report, 0, sizeof *report);
}

void *
scan_keep(struct unit *u, size_t size)
{
	struct keep *keep = calloc(1, sizeof *keep + size);

	if (!keep) {
		u->report->no_memory = true;
		return NULL;
	}
	keep->next = u->kept;
	u->kept = keep;
	return keep->data;
}

const char *
scan_text(struct unit *u, const char *format, ...)
{
	va_list args;
	char *text, *kept;

	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	kept = text ? scan_keep(u, strlen(text) + 1) : NULL;
	if (kept)
		strcpy(kept, text);
	else
		u->report->no_memory = true;
	free(text);
	return kept ? kept : "";
}

const char *
scan_string(struct unit *u, CXString string)
{
	const char *text = clang_getCString(string);

	text = scan_text(u, "%s", text ? text : "");
	clang_disposeString(string);
	return text;
}

struct place
scan_place(struct unit *u, CXCursor cursor)
{
	struct place at = { u->options->header, 1 };
	CXFile file;

	clang_getExpansionLocation(clang_getCursorLocation(cursor), &file,
	    &at.line, NULL, NULL);
	if (file)
		at.file = scan_string(u, clang_getFileName(file));
	return at;
}

json_t *
scan_at(struct unit *u, struct place at)
{
	const char *slash = strrchr(at.file, '/');

	return scan_json(u, scan_text(u, "%s:%u", slash ? slash + 1 : at.file,
	    at.line));
}

/* What is not UTF-8 has question marks. */
json_t *
scan_json(struct unit *u, const char *text)
{
	json_t *json = json_string(text);
	char *copy;

	if (json)
		return json;
	copy = scan_keep(u, strlen(text) + 1);
	if (!copy)
		return NULL;
	for (size_t i = 0; text[i]; i++)
		copy[i] = text[i] & 0x80 ? '?' : text[i];
	return scan_new(u, json_string(copy));
}

json_t *
scan_new(struct unit *u, json_t *value)
{
	if (!value)
		u->report->no_memory = true;
	return value;
}

void
scan_put(struct unit *u, json_t *object, const char *key, json_t *value)
{
	if (value && json_object_set_new(object, key, value) != 0)
		u->report->no_memory = true;
}

void
scan_put_text(struct unit *u, json_t *object, const char *key,
    const char *text)
{
	if (text)
		scan_put(u, object, key, scan_json(u, text));
}

void
scan_append(struct unit *u, json_t *array, json_t *value)
{
	if (value && json_array_append_new(array, value) != 0)
		u->report->no_memory = true;
}
