/*
 * sqlite behind Ferry: made by `ferry gen` from database.h.
 * For the library's author.
 */
#ifndef SQLITE_FERRY_H
#define SQLITE_FERRY_H

#include <ferry/package.h>

#include "database.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What packages read: the library's, whatever else is loaded. */
FERRY_API const ferry_package *
sqlite_ferry(void);

#ifdef __cplusplus
}
#endif

#endif
