/*
 * The poller's thread on the seam of other systems (ffi/os_posix_poll.c), held
 * to all that tests/unit/poller_thread.c holds this build to.
 */
#include "ffi/os_posix_poll.c"

#define BY_NUMBER 1
#include "poller_thread.c"
