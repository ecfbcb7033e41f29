#include <ferry/marks.h>

FERRY_LIBRARY(name = t)

typedef struct root root FERRY(object);
typedef struct child child FERRY(object);
typedef struct other other FERRY(object);
typedef struct egg egg FERRY(object);
typedef struct hen hen FERRY(object);

FERRY(constructor) root *root_open(void);
FERRY(constructor) child *child_open(root *r);
FERRY(constructor) child *child_new(void);
FERRY(constructor) other *other_open(void);
FERRY(constructor) egg *egg_open(hen *h);
FERRY(constructor) hen *hen_open(egg *e);
FERRY(destructor) void root_close(root *r);
FERRY(destructor) void root_free(root *r);
FERRY(destructor) void child_close(child *c);
FERRY(destructor) void other_close(other *o);
FERRY(destructor) void egg_close(egg *e);
FERRY(destructor) void hen_close(hen *h);
FERRY(detail) int root_detail(root *r);
FERRY(detail) const char *root_text(root *r);
FERRY(detail) const char *root_error(root *r);
FERRY(error_text) const char *text(int code);
FERRY(detail) const char *last_text(void);
FERRY(detail) const char *last_error(void);

/* error: 8: egg *: it takes itself, by way of others, to make one; a
   constructor must need no other object */
/* error: 9: hen *: it takes itself, by way of others, to make one; a
   constructor must need no other object */
/* error: 13: child_new: another constructor of child * takes root *; all of
   them take the same object, or none; mark this one with FERRY(method) */
/* error: 18: root_free: root_close ends it already; leave one destructor */
/* error: 23: root_detail: a detail function takes an object or nothing, and
   returns const char *; wrap it in one that does */
/* error: 25: root_error: root_text says it already; leave one of them */
/* error: 26: text: an error_text function takes a code of an error enum and
   returns const char *; say which with error = ENUM, or wrap it in one that
   does */
/* error: 28: last_error: last_text says it already; leave one of them */
