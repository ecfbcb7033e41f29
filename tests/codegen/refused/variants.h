#include <ferry/marks.h>

FERRY_LIBRARY(name = t)

typedef enum kind { KIND_NONE, KIND_INT, KIND_TEXT } kind FERRY(enum);

typedef struct a { kind k; union { int x FERRY(case = KIND_INT); } u; } a
    FERRY(variant);
typedef struct b { int k FERRY(tag); union { int x; } u; } b FERRY(variant);
typedef struct c { kind k FERRY(tag); int x; } c FERRY(variant);
typedef struct d { kind k FERRY(tag); union { int x; } u; } d FERRY(variant);
typedef struct e {
	kind k FERRY(tag);
	union {
		int x FERRY(case = KIND_INT);
		int y FERRY(case = KIND_INT);
		int z FERRY(case = KIND_ODD);
	} u;
} e FERRY(variant);
typedef struct f {
	kind k FERRY(tag), l FERRY(tag);
	union { int x FERRY(case = KIND_INT); } u;
} f FERRY(variant);
typedef struct g {
	kind k FERRY(tag);
	union { int x FERRY(case = KIND_INT); } u;
	int y;
} g FERRY(variant, default = KIND_INT);
typedef struct h {
	kind k FERRY(tag);
	union { int x FERRY(case = KIND_INT, default = 3); } u, v;
} h FERRY(variant);
typedef struct i {
	kind k FERRY(tag);
	union { int x FERRY(case = KIND_INT, nullable); } u;
} i FERRY(variant);

/* error: 7: a: no field is its tag; mark one with FERRY(tag) */
/* error: 9: k: a tag is an enum; mark its type with FERRY(enum) */
/* error: 10: c: a variant is a struct of a tag and one union; this has 0 */
/* error: 11: x: which value of the tag is its own is not said; mark it with
   FERRY(case = VALUE) */
/* error: 16: y: case = KIND_INT is another member's too; each has its own */
/* error: 17: z: case = KIND_ODD: the tag's enum has no such value; use one that
   it has */
/* error: 21: l: a second tag; leave one */
/* error: 27: y: a variant has a tag, a union, and lengths of its members; put
   the variant into a record with what is there always */
/* error: 28: default = KIND_INT: write a value of the tag that has no data */
/* error: 32: h: a variant is a struct of a tag and one union; this has 2 */
/* error: 35: x: "nullable" is for a pointer; take the mark off */
