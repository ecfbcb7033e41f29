#include <ferry/marks.h>
#include <stdlib.h>

#include <ferry/ferry.h>

FERRY_LIBRARY(name = t, error = nothing, version = "\x31")

typedef struct root root FERRY(object);
typedef struct child child FERRY(object);
typedef struct other other FERRY(object);

FERRY(constructor) root *root_open(void);
FERRY(constructor) child *child_open(root *r);
FERRY(constructor) other *other_open(void);
FERRY(destructor) void root_close(root *r);
FERRY(destructor) void child_close(child *c);
FERRY(destructor) void other_close(other *o);

FERRY(method) void a(root *r, root *s);
FERRY(method) root *b(root *r);
FERRY(method) void c(other *o, child *c);
FERRY(function) child *d(void);
FERRY(event) void e(child *c, int x);
FERRY(method, cancel = nothing) void f(root *r);
FERRY(method, cancel = child_close) void g(root *r);
FERRY(method, cancel = two) void h(root *r);
void two(root *r, int x);
void one(int *x);
FERRY(function) char *i(void) FERRY(transfer = free);
FERRY(function) char *j(void) FERRY(transfer = one);
FERRY(method) void k(root *r, ferry_call call, child **out);
FERRY(method, reset = root_close) void l(root *r);
FERRY(method, cancel = root_close, reset = child_close) void m(root *r);
FERRY(constructor, remains) child *n(root *r);
FERRY(constructor, remains, fails = nonzero) int o(
    root *r, child **one, child **two);
FERRY(constructor, fails = nonzero) int p(root **one, child **two);

/* error: 6: error = nothing: no enum of that name is marked with FERRY(error);
   mark it */
/* error: 6: version = "\x31": write it without backslashes */
/* error: 19: a: s is a root object, which is only what a function is called on;
   take it away */
/* error: 20: b: result is a root object, which is only made by a constructor
   that takes no other; take it away */
/* error: 21: c: c is an object of root *, and the function is called with other
   *; both must belong to one root */
/* error: 22: d: result is an object, which needs the thread of another; mark a
   method in place of a function */
/* error: 23: e: an event is of a root object, and child * belongs to another;
   take root * first */
/* error: 24: cancel = nothing: no function of that name is declared; declare it
   in the header */
/* error: 25: cancel = child_close: it must take the root object, root *; wrap
   it in a function that does */
/* error: 26: cancel = two: it must take one parameter; wrap it in a function
   that does */
/* error: 30: transfer = one: it must take char *, or void *; wrap it in a
   function that does */
/* error: 31: k: it answers later, on any thread, and out is an object, which
   only the library's thread can give; let another method give it */
/* error: 32: l: nothing interrupts it, so there is nothing to reset; mark it
   with cancel too */
/* error: 33: reset = child_close: it must take the root object, root *; wrap it
   in a function that does */
/* error: 34: n: it returns no status, so nothing remains of what failed; take
   "remains" off */
/* error: 35: o: it makes several objects, and "remains" is for one; wrap it
   in a function that ends the others */
/* error: 37: p: it makes several objects, and a context has one root; let
   methods make the others */
