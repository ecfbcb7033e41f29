#include <ferry/ferry.h>
#include <ferry/marks.h>

FERRY_LIBRARY(name = t)

typedef struct thing thing FERRY(object);
typedef struct pair { int x, y; } pair FERRY(record);
typedef enum code { CODE_OK, CODE_BAD } code FERRY(error);

FERRY(method) void a(int x);
FERRY(method) void b(int x, thing *t);
FERRY(constructor) void c(int x);
FERRY(destructor) void d(thing *t, int x);
FERRY(function) int e(thing *t);
FERRY(function) int f(ferry_call call);
FERRY(method) int g(thing *t, ferry_call call);
FERRY(event) int h(thing *t, int x);
FERRY(event) void i(thing *t, int *x);
FERRY(event) void j(thing *t, thing *other);
FERRY(function) void k(pair p);
FERRY(function) void l(pair *p FERRY(nullable));
FERRY(method, error = nothing) int m(thing *t);
FERRY(method, error = code) const char *n(thing *t);
FERRY(method, fails = negative) code o(thing *t);
FERRY(method) void p(thing *t FERRY(nullable));
FERRY(method, slow = 0, stalled = 5000000000, wedged = 0x10) void q(thing *t);
FERRY(function) static int r(void);

/* error: 10: a: its first parameter is no object; make it one, or mark it with
   FERRY(function) */
/* error: 11: b: its first parameter is no object; make it one, or mark it with
   FERRY(function) */
/* error: 12: c makes no object; a constructor returns a pointer to one, or has
   a parameter that points to such a pointer */
/* error: 13: d: a destructor takes the object and nothing else; wrap it in a
   function that does */
/* error: 14: t: FERRY(function) takes no object; it is a FERRY(method) */
/* error: 15: f: only methods and strands take a ferry_call; take it away */
/* error: 16: g: a method that answers later returns a status or nothing; make
   the result an out-parameter */
/* error: 17: h: an event returns nothing; write void */
/* error: 18: x: an event takes values and pointers to const; write const */
/* error: 19: other: an object is in no record and no event; give it as a
   parameter or result */
/* error: 20: p: a record is not taken by value; write a pointer to const */
/* error: 21: p: what it points to is a result, which is always there; write
   const if it is an argument, or take the mark "nullable" off */
/* error: 22: error = nothing: no enum of that name is marked with FERRY(error);
   mark it */
/* error: 23: result: it is no code of the enum that "error" names; take the
   mark off */
/* error: 24: result: an error enum says itself what fails; take the mark
   "fails" off */
/* error: 25: t: the object that a function is called on has no marks; take them
   off */
/* error: 26: slow = 0: write milliseconds, a number from 1 to 4294967295 */
/* error: 26: stalled = 5000000000: write milliseconds, a number from 1 to
   4294967295 */
/* error: 26: wedged = 0x10: write milliseconds, a number from 1 to 4294967295
   */
/* error: 27: r: it is static and not defined here; take static away, or define
   it static inline */
