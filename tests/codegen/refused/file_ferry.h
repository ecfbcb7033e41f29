#include <ferry/marks.h>

FERRY_LIBRARY(name = file)
FERRY(function) int a(void);

/* error: 3: the header that is generated is file_ferry.h too; call this one
   something else */
