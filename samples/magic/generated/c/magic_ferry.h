/*
 * magic behind Ferry: made by `ferry gen` from magic_offer.h.
 * For the library's author.
 */
#ifndef MAGIC_FERRY_H
#define MAGIC_FERRY_H

#include <ferry/package.h>

#include "magic_offer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What packages read: the library's, whatever else is loaded. */
FERRY_API const ferry_package *
magic_ferry(void);

#ifdef __cplusplus
}
#endif

#endif
