#include <ferry/marks.h>

FERRY_LIBRARY(name = t)

typedef enum a { A_OK, A_BAD = -1 } a FERRY(error);
typedef enum b b FERRY(enum);
enum { C_X } FERRY(enum);
enum d { D_X } FERRY(record);
enum e { E_X FERRY(slow = 3), E_Y } FERRY(flags);
enum f { F_X } FERRY(constants, default = F_X);
enum g { G_X } FERRY(constants);
static int h FERRY(constant) = 3;
extern const int i FERRY(constant);
static const int *const j FERRY(constant) = 0;
FERRY(function) void k(enum g x);
enum l { L_BIG = 300, L_X } FERRY(enum);
enum m { M_X, M_LESS = -1 } FERRY(flags);
FERRY(function) void n(int x FERRY(enum = none), int y FERRY(enum = g));
FERRY(function) void o(char x FERRY(enum = l), unsigned y FERRY(enum = m));
FERRY(function) void p(enum l x FERRY(enum = m), float y FERRY(enum = l));
FERRY(function) void q(int x FERRY(enum = l, default = 300));
FERRY(function, enum = l) void r(int x FERRY(enum = l, time = s));
FERRY(function, enum) int s(void);
FERRY(function) void t(const int *x FERRY(enum = l, len = n), int n);
FERRY(destructor, enum = l) int v(enum l *x);

/* error: 5: A_BAD: codes of errors are 0, which is success, or positive and at
   most 2147483647; use FERRY(enum) and fails = negative */
/* error: 6: b has no values here; include the header that defines it */
/* error: 7: it has no name; give it one */
/* error: 8: the mark "record" has no meaning for an enum; see <ferry/marks.h>
   for where it stands */
/* error: 9: the mark "slow" has no meaning for a value of an enum; see
   <ferry/marks.h> for where it stands */
/* error: 10: enum f: "default" is for enums and variants, and this is marked
   "constants"; take one of them off */
/* error: 12: h is not const; write const */
/* error: 13: i has no value that is a number or text; write one, as in static
   const int i = 1; */
/* error: 14: j has no value that is a number or text; write one, as in static
   const int j = 1; */
/* error: 15: x: FERRY(constants) are no type; mark the enum with FERRY(enum) or
   FERRY(flags) */
/* error: 18: x: enum = none: no enum of that name is marked with FERRY(enum) or
   FERRY(flags); mark it */
/* error: 18: y: enum = g: no enum of that name is marked with FERRY(enum) or
   FERRY(flags); mark it */
/* error: 19: x: enum = l: its type does not hold L_BIG; take the mark off, or
   leave that value out */
/* error: 19: y: enum = m: its type does not hold M_LESS; take the mark off, or
   leave that value out */
/* error: 20: x: its type says of which enum it is; take the mark "enum" off */
/* error: 20: y: "enum" is for a number without fractions; take the mark off */
/* error: 21: x: default = 300: write one of the enum's values */
/* error: 22: result: "enum" is for a value returned, and there is none; take
   the mark off */
/* error: 23: enum needs a value; write enum = a word */
/* error: 24: x: "enum" is for a number without fractions; take the mark off */
/* error: 25: v: "enum" is for functions that return a value, and this is marked
   "destructor"; take one of them off */
/* error: 25: result: "enum" is for a value returned, and there is none; take
   the mark off */
