/*
 * Version numbers of Ferry, and the ABI sentence.
 *
 * A program compiled against FERRY_ABI n runs with every libferry whose
 * ferry_abi_check(n) returns FERRY_OK: within one ABI number functions,
 * constants and trailing struct fields are only ever added.
 */
#ifndef FERRY_VERSION_H
#define FERRY_VERSION_H

#define FERRY_VERSION_MAJOR 0
#define FERRY_VERSION_MINOR 1
#define FERRY_VERSION_PATCH 0

/* The number a caller hands to ferry_abi_check(). */
#define FERRY_ABI 1

#endif
