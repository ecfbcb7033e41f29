/*
 * Waiting for descriptors as other systems do it (ffi/os_posix_poll.c), held to
 * all that tests/unit/poller.c holds this build to.
 */
#include "ffi/os_posix_poll.c"

#define BY_NUMBER 1
#include "poller.c"
