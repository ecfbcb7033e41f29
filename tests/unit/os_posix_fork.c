/*
 * The seam of other systems (ffi/os_posix.c), held to all that
 * tests/unit/os_fork.c holds the one of this build to.
 */
#include "ffi/os_posix.c"

#include "os_fork.c"
