#include <ferry/marks.h>
#include <stdbool.h>
#include <stddef.h>

FERRY_LIBRARY(name = t)

typedef struct other { int x; } other;
typedef struct thing thing FERRY(object);

typedef struct a { int x : 3; } a FERRY(record);
typedef struct b { union { int x; float y; } u; } b FERRY(record);
typedef struct c { union { int x; float y; }; } c FERRY(record);
typedef struct d { struct { int x; }; } d FERRY(record);
typedef struct e { struct { int x; } inner; } e FERRY(record);
typedef struct f { other x; } f FERRY(record);
typedef struct g { int n; int x[]; } g FERRY(record);
typedef struct h { const int *x; } h FERRY(record);
typedef struct i { thing *x; } i FERRY(record);
typedef struct j { void (*x)(void); } j FERRY(record);
typedef struct k k FERRY(record);
typedef struct l { int x FERRY(tag); int y FERRY(case = A); } l FERRY(record);
typedef struct m { int x[2][2]; } m FERRY(record);
typedef struct n { const char *x[4]; } n FERRY(record);
typedef struct o { char *x FERRY(transfer = free); } o FERRY(record);
typedef struct p { volatile char *x FERRY(out); } p FERRY(record);
typedef struct q { const int x; const char y[2]; const char *const z; } q
    FERRY(record);

/* error: 10: x: a bit-field cannot be offered; use a whole number or
   FERRY(flags) */
/* error: 11: b: a union without a tag cannot be offered; put it into a struct
   with FERRY(variant) */
/* error: 12: c: a union without a tag cannot be offered; put it into a struct
   with FERRY(variant) */
/* error: 13: d: a struct without a name cannot be offered; give it a typedef
   and a mark of its own */
/* error: 14: inner: its type is not marked; put FERRY(record) after the name of
   its typedef */
/* error: 15: x: other is not marked; put FERRY(record) after the name of its
   typedef */
/* error: 16: x: an array of unknown length; use a pointer and FERRY(len = NAME)
   */
/* error: 17: x: how long the array is, or whether it is one, is not said; mark
   it with FERRY(len = NAME), or FERRY(nullable) if it points to one value or
   none */
/* error: 18: x: an object is in no record and no event; give it as a parameter
   or result */
/* error: 19: x: a function pointer cannot be offered; declare a function with
   FERRY(event) */
/* error: 20: k is declared and not defined; define it, or mark it with
   FERRY(object) */
/* error: 21: x: the mark "tag" has no meaning here; see <ferry/marks.h> about
   variants */
/* error: 21: y: the mark "case" has no meaning here; see <ferry/marks.h> about
   variants */
/* error: 22: x: an array of arrays cannot be offered; use an array of records
   */
/* error: 23: x: an array of pointers cannot be offered; use a pointer and
   FERRY(len = NAME) */
/* error: 24: the mark "transfer" has no meaning for a field; see
   <ferry/marks.h> for where it stands */
/* error: 25: the mark "out" has no meaning for a field; see <ferry/marks.h> for
   where it stands */
/* error: 26: x: a field that is const cannot be filled in; take const away, but
   for what a pointer points to */
/* error: 26: y: a field that is const cannot be filled in; take const away, but
   for what a pointer points to */
/* error: 26: z: a field that is const cannot be filled in; take const away, but
   for what a pointer points to */
