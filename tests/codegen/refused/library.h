#include <ferry/marks.h>

FERRY_LIBRARY(version = "1")
FERRY(function) int a(void);

/* error: 3: the library has no name; add name = NAME */
