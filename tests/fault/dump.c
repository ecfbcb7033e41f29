/*
 * A dump on a signal that is refused its thread, its bell or its memory: the
 * signal's action is as it was, nothing is left, and the next try succeeds.
 */
#include "inject.h"

static void
refused_is_as_before(void)
{
	static const unsigned kinds[] = { INJECT_DESCRIPTOR, INJECT_THREAD,
		INJECT_FOR_EVER };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct sigaction a;

	T_GE(null, 0);
	T_OK(ferry_dump(null)); /* what is made once for a process */
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (unsigned long n = 1;; n++) {
			int before = t_entries(T_DESCRIPTORS);
			int r;

			inject_arm(kinds[i], n, 1);
			r = ferry_dump_on_signal(SIGUSR1, null);
			if (inject_disarm() == 0) {
				T_OK(r);
				T_OK(ferry_dump_on_signal(0, 0));
				break;
			}
			T_EQ(r, kinds[i] == INJECT_FOR_EVER ? FERRY_ENOMEM
			                                    : FERRY_ESYSTEM);
			T_EQ(t_entries(T_DESCRIPTORS), before);
			T_OK(sigaction(SIGUSR1, NULL, &a));
			T_ASSERT(a.sa_handler == SIG_DFL);
		}
	close(null);
}

/* What was there before is kept for ever, and once. */
static void
again_costs_nothing(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	size_t kept = 0;

	T_GE(null, 0);
	for (int i = 0; i < 10; i++) {
		T_OK(ferry_dump_on_signal(SIGUSR1, null));
		T_OK(ferry_dump_on_signal(0, 0));
		/* The C library adds a flag to what it puts back first. */
		if (i == 1)
			kept = atomic_load(&inject_kept);
	}
	T_EQ(atomic_load(&inject_kept), kept);
	close(null);
}

T_MAIN(
	T_RUN(refused_is_as_before);
	T_RUN(again_costs_nothing);
)
