#include <ferry/marks.h>

FERRY_LIBRARY(name = t)

typedef struct a a FERRY(object);
typedef struct b b FERRY(object);
typedef struct c c FERRY(object);
FERRY(constructor) a *a_open(void);
FERRY(destructor) void b_close(b *x);

/* error: 5: a *: it has a constructor and no destructor; mark void NAME(a *)
   with FERRY(destructor) */
/* error: 6: b *: nothing makes it; mark the function that does with
   FERRY(constructor) */
/* error: 7: c *: nothing makes it; mark the function that does with
   FERRY(constructor) */
