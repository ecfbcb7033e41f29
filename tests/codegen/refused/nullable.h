#include <ferry/marks.h>
#include <stddef.h>
#include <time.h>

FERRY_LIBRARY(name = t)

typedef struct root root FERRY(object);
typedef struct child child FERRY(object);
typedef struct pair { char key[4]; int value; } pair FERRY(record);

FERRY(constructor) root *root_open(void);
FERRY(constructor) child *child_open(root *r);
FERRY(destructor) void root_close(root *r);
FERRY(destructor) void child_close(child *c);

FERRY(method) void a(root *r, child *like FERRY(nullable));
FERRY(method, nullable) child *b(root *r);
FERRY(method) void c(root *r, child **made FERRY(nullable));
FERRY(method) void d(root *r, time_t *timer FERRY(nullable, time = s));
FERRY(method) void e(root *r, int *x FERRY(inout, nullable));
FERRY(function) void f(int n, const int x[n]);
FERRY(function) void g(const pair *x FERRY(map, len = n), size_t n);

/* error: 16: like: an object that is given is never NULL; take the mark
   "nullable" off */
/* error: 17: result: an object that is NULL is a failure; take the mark
   "nullable" off */
/* error: 18: made: an object that is NULL is a failure; take the mark
   "nullable" off */
/* error: 19: timer: what it points to is a result, which is always there; write
   const if it is an argument, or take the mark "nullable" off */
/* error: 20: x: what it points to is a result, which is always there; write
   const if it is an argument, or take the mark "nullable" off */
/* error: 21: x: an array whose length is a parameter; write a pointer and
   FERRY(len = NAME) */
/* error: 22: x: the key of a map is no text of a fixed length; use const char
   *, or an array */
