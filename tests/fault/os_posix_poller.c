/*
 * tests/fault/poller.c on the seam of other systems (ffi/os_posix_poll.c).
 */
#include "inject.h"

#define calloc  fault_calloc
#define realloc fault_realloc
#define free    fault_free
#include "ffi/os_posix_poll.c"
#undef calloc
#undef realloc
#undef free

#include "poller.c"
