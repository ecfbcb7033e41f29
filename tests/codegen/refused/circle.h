#include <ferry/marks.h>
#include <stddef.h>

FERRY_LIBRARY(name = t)

typedef struct node {
	const struct node *next FERRY(nullable);
} node FERRY(record);
struct b;
typedef struct a {
	const struct b *b FERRY(len = n);
	size_t n;
} a FERRY(record);
typedef struct b { a a; } b FERRY(record);

/* error: 8: node contains itself, by way of node; make it an object, or give an
   array whose elements name each other by number */
/* error: 13: a contains itself, by way of b; make it an object, or give an
   array whose elements name each other by number */
