#include <ferry/marks.h>

FERRY(function) int a(void);

/* error: 1: the library has no name; add FERRY_LIBRARY(name = NAME) */
