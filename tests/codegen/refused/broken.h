#include <ferry/marks.h>
#include <nowhere.h>

FERRY_LIBRARY(name = t)
FERRY(function) strange a(void);
FERRY(function) int b(int x = 3);
FERRY(function) int c(value);
FERRY(record) struct d { int x; };

/* error: 2: 'nowhere.h' file not found... */
/* error: 5: unknown type name 'strange'... */
/* error: 6: ... */
/* error: 7: ... */
/* error: 8: attribute 'annotate' is ignored... */
