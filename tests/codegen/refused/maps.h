#include <ferry/marks.h>
#include <stddef.h>

FERRY_LIBRARY(name = t)

typedef struct one { int x; } one FERRY(record);
typedef struct three { int x, y, z; } three FERRY(record);
typedef struct real { double key; int value; } real FERRY(record);
typedef struct text {
	const char *key FERRY(nullable);
	int value;
} text FERRY(record);

typedef struct a {
	const one *b FERRY(map, len = n_b);
	size_t n_b;
	const three *c FERRY(map, len = n_c);
	size_t n_c;
	const real *d FERRY(map, len = n_d);
	size_t n_d;
	const text *e FERRY(map, len = n_e);
	size_t n_e;
	const one *f FERRY(map);
} a FERRY(record);

/* error: 15: b: a map is an array of records with two fields, which count and
   switch nothing; use an array */
/* error: 17: c: a map is an array of records with two fields, which count and
   switch nothing; use an array */
/* error: 19: d: the key of a map is a number without fractions, bool, enum or
   text that is not NULL; use an array */
/* error: 21: e: the key of a map is a number without fractions, bool, enum or
   text that is not NULL; use an array */
/* error: 23: f: "map" is for an array of records; take the mark off */
