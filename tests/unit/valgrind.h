/*
 * tests/unit/valgrind.h: RUNNING_ON_VALGRIND, not 0 in a program that Valgrind
 * runs. Its threads take turns there: what the kernel says of one that would
 * run is mostly that it sleeps, in Valgrind's lock.
 */
#ifndef TESTS_VALGRIND_H
#define TESTS_VALGRIND_H

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef RUNNING_ON_VALGRIND
#define RUNNING_ON_VALGRIND 0
#endif

#endif
