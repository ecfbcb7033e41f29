/*
 * The seam of other systems where a semaphore knows the wall clock only, and
 * that clock is set forward while somebody sleeps.
 */
#include "ffi/atomic.h"

#include <errno.h>
#include <semaphore.h>
#include <time.h>

/* Every other sleep with a deadline ends at once, as after such a jump. */
static int
sem_timedwait_in_leaps(sem_t *s, const struct timespec *deadline)
{
	static atom32 calls;

	if (atom32_add_relaxed(&calls, 1) % 2 == 0 && sem_trywait(s) != 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	return sem_timedwait(s, deadline);
}

#define OS_SEM_CLOCKWAIT 0
#define sem_timedwait    sem_timedwait_in_leaps
#include "ffi/os_posix.c"
#undef sem_timedwait

#include "os.c"
