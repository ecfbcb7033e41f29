/*
 * A registry that is refused memory for its next chunk: who comes is not
 * listed, and counted; later ones are, once there is memory again.
 */
#include "inject.h"

#include "ffi/registry.h"

static struct registry registry;
static unsigned n_seen;

static struct registry_slot *
enter(void)
{
	static uint64_t strand;
	struct registry_entry e = { .strand = ++strand, .name = "m",
		.state = REGISTRY_READY };

	return ferry__registry_enter(&registry, &e);
}

static void
see(const struct registry_entry *e, void *arg)
{
	(void)e;
	++*(unsigned *)arg;
}

static struct registry_sum
look(void)
{
	struct registry_sum sum;

	n_seen = 0;
	ferry__registry_read(&sum, &registry, see, &n_seen);
	T_EQ(n_seen, sum.listed);
	return sum;
}

/* The first chunk, and the ones after it. */
static void
refused_is_not_listed(void)
{
	uint32_t at[] = { 0, 64, 192, 448 };
	uint64_t refused = 0;

	for (size_t i = 0; i < COUNT_OF(at); i++) {
		while (atom32_load_relaxed(&registry.used) < at[i])
			T_ASSERT(enter() != NULL);
		inject_arm(INJECT_FOR_EVER, 1, 1);
		T_ASSERT(enter() == NULL);
		T_ASSERT(enter() == NULL);
		T_EQ(inject_disarm(), 2);
		refused += 2;
		T_EQ(look().listed, at[i]);
		T_EQ(look().unlisted, refused);
		T_EQ(look().overflow, refused);
	}
	T_ASSERT(enter() != NULL);
	for (uint64_t i = 0; i < refused; i++)
		ferry__registry_leave(&registry, NULL);
	T_EQ(look().listed, at[3] + 1);
	T_EQ(look().unlisted, 0);
	T_EQ(look().overflow, refused);
}

T_MAIN(
	T_RUN(refused_is_not_listed);
)
