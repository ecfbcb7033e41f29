#include <ferry/marks.h>

FERRY_LIBRARY(name = Tee, prefix = t_)

typedef struct t_a { int x; int y FERRY(name = x); } t_a FERRY(record);
typedef enum a { A_X, A_Y FERRY(name = x), A_Z FERRY(name = Zed) } a
    FERRY(enum);
typedef struct b { int x; } b FERRY(record, name = _b);
FERRY(function) void t_f(int value, int Value);
FERRY(function) void f(void);
FERRY(function) void T_F(void);
enum { T_ONE, ONE } FERRY(constants);
typedef enum kind { KIND_A = 1, KIND_B = 1 } kind FERRY(enum);
typedef struct v { kind k FERRY(tag); union {
	int x FERRY(case = KIND_A);
} u; } v FERRY(variant);

/* error: 3: "Tee" is no name for all languages; give one with FERRY(name =
   WORD), of small letters, digits and underscores */
/* error: 3: T_ONE and ONE are both called one; give one another name with
   FERRY(name = WORD) */
/* error: 5: x and y are both called x; give one another name with FERRY(name =
   WORD) */
/* error: 6: t_a and a are both called a; give one another name with FERRY(name
   = WORD) */
/* error: 6: A_X and A_Y are both called x; give one another name with
   FERRY(name = WORD) */
/* error: 6: "Zed" is no name for all languages; give one with FERRY(name =
   WORD), of small letters, digits and underscores */
/* error: 8: "_b" is no name for all languages; give one with FERRY(name =
   WORD), of small letters, digits and underscores */
/* error: 9: value and Value are both called value; give one another name with
   FERRY(name = WORD) */
/* error: 10: t_f and f are both called f; give one another name with FERRY(name
   = WORD) */
/* error: 11: t_f and T_F are both called f; give one another name with
   FERRY(name = WORD) */
/* error: 11: f and T_F are both called f; give one another name with FERRY(name
   = WORD) */
/* error: 16: v: its tag has two names for one number, KIND_A and KIND_B; use an
   enum of its own */
