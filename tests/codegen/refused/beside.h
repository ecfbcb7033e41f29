#include <ferry/marks.h>
#include <stdbool.h>
#include <stddef.h>

FERRY_LIBRARY(name = t)

typedef struct a {
	const int *x FERRY(len = nothing);
	const int *y FERRY(len = y);
	const int *z FERRY(len = text);
	const char *text;
	const int *u FERRY(len = n);
	const int *v FERRY(len = n);
	size_t n;
	const int *w FERRY(len = m);
	size_t m FERRY(default = 3);
	int s FERRY(optional = m);
	int t FERRY(optional = has_t);
	bool has_t FERRY(default = true);
} a FERRY(record);

typedef struct b {
	int x FERRY(nullable);
	int y FERRY(bytes);
	int z FERRY(len = n);
	int n;
	char u[8] FERRY(len = n2);
	int n2;
	const char *v FERRY(time = s);
	const char *w FERRY(map, len = n3);
	int n3;
	int t FERRY(time = s, duration = s);
	const char *s FERRY(bytes);
	const char *r FERRY(optional = has_r);
	bool has_r;
} b FERRY(record);

FERRY(function) void c(const int *x FERRY(len = n), size_t *n);
FERRY(function) void d(int **x FERRY(len = n), size_t n);
FERRY(function) int *e(void) FERRY(len = n);
FERRY(function) int f(int x FERRY(out), const int *y FERRY(inout, nullable));
FERRY(function) void g(char **x FERRY(inout));
FERRY(function, nullable) int h(void);
FERRY(function, transfer = free) void i(void);
FERRY(function, fails = null) int j(void);
FERRY(function, fails = negative) const char *k(void);
FERRY(function, fails = zero) void l(void);

/* error: 8: x: len = nothing: nothing beside it has that name; name a number */
/* error: 9: y: len = y: nothing beside it has that name; name a number */
/* error: 11: text: it says how long is z and must be a number without
   fractions; change its type */
/* error: 13: v: len = n: it already belongs to u; each has its own */
/* error: 16: m: it only says how long is w, and nobody sees it; take its marks
   off */
/* error: 16: m: it says whether there is s and must be a bool; change its type
   */
/* error: 19: has_t: it only says whether there is t, and nobody sees it; take
   its marks off */
/* error: 23: x: "nullable" is for a pointer; take the mark off */
/* error: 24: y: "bytes" is for characters; take the mark off */
/* error: 25: z: "len" is for a pointer to several; take the mark off */
/* error: 27: u: "len" is for a pointer to several; take the mark off */
/* error: 29: v: "time" is for a number; take the mark off */
/* error: 30: w: a map is an array of records with two fields; mark the record
   */
/* error: 32: t: it is a time or a duration; leave one of the marks */
/* error: 33: s: bytes of an unknown length; say which, with FERRY(len = NAME)
   */
/* error: 34: r: optional is for numbers, enums and records; what a pointer
   points to is FERRY(nullable) */
/* error: 38: x: len = n: one of them is an argument and the other a result;
   both must go the same way */
/* error: 39: x: an argument or a result? Write const twice, as in const char
   *const *, for an argument; a result's length is a result too */
/* error: 40: result: len = n: nothing beside it has that name; name a number */
/* error: 41: x: what C is given by value or as const is no result; take the
   mark off */
/* error: 42: x: inout is for numbers, enums and records; use two parameters */
/* error: 43: result: "nullable" is for a pointer; take the mark off */
/* error: 44: result: "transfer" is for a value returned, and there is none;
   take the mark off */
/* error: 45: result: fails = null is for pointers, the others are for numbers;
   write another, or take the mark off */
/* error: 46: result: a pointer that fails is NULL; write fails = null */
/* error: 47: result: nothing is returned that could fail; take the mark off */
