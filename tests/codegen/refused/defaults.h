#include <ferry/marks.h>
#include <stdbool.h>
#include <stdint.h>

FERRY_LIBRARY(name = t)

typedef enum colour { RED, BLUE } colour FERRY(enum, default = GREEN);

typedef struct a {
	uint8_t b FERRY(default = 256);
	int8_t c FERRY(default = -129);
	uint32_t d FERRY(default = -1);
	int e FERRY(default = "x");
	int f FERRY(default = 1.5);
	double g FERRY(default = x);
	double h FERRY(default = 1e999);
	bool i FERRY(default = 1);
	const char *j FERRY(default = x);
	const char *k FERRY(default = "\x41");
	char l[4] FERRY(default = "four");
	colour m FERRY(default = GREEN);
	colour n FERRY(default = 0);
	uint64_t o FERRY(default = 18446744073709551616);
	char p FERRY(default = 'ab');
	const uint8_t *q FERRY(len = n_q, default = "x");
	int n_q;
	colour r FERRY(default = );
} a FERRY(record, default = 3);

FERRY(function) void b(int *x FERRY(default = 3));

/* error: 7: default = GREEN: write one of the enum's values */
/* error: 10: b: default = 256: it is out of range; write a number that its type
   holds */
/* error: 11: c: default = -129: it is out of range; write a number that its
   type holds */
/* error: 12: d: default = -1: it is out of range; write a number that its type
   holds */
/* error: 13: e: default = "x": it is no number; write one */
/* error: 14: f: default = 1.5: it is no number; write one */
/* error: 15: g: default = x: it is no number; write one */
/* error: 16: h: default = 1e999: it is no number; write one */
/* error: 17: i: default = 1: write true or false */
/* error: 18: j: default = x: write text in quotes */
/* error: 19: k: default = "\x41": only the escapes of C that stand for one
   character, such as \n, are understood */
/* error: 20: l: default = "four": it is too long for its type */
/* error: 21: m: default = GREEN: write one of the enum's values */
/* error: 22: n: default = 0: write one of the enum's values */
/* error: 23: o: default = 18446744073709551616: it is no number; write one */
/* error: 24: p: default = 'ab': it is no number; write one */
/* error: 25: q: default = "x": only numbers, bools, text and enums have
   defaults; take the mark off */
/* error: 27: default has no value that can be read; write default = VALUE */
/* error: 28: a: "default" is for enums and variants, and this is marked
   "record"; take one of them off */
/* error: 30: x: default = 3: results have no defaults; take the mark off */
