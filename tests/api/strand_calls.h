/*
 * tests/api/strand_calls.h: every function that acts on the calling strand,
 * where there is none.
 */
#ifndef STRAND_CALLS_H
#define STRAND_CALLS_H

#include "strand_states.h"

struct strand_calls {
	ferry_context context;
	atomic_int places;    /* where they have been called */
	atomic_int offloaded; /* functions that have run all the same */
};

static inline int
strand_calls_run(void *arg)
{
	atomic_fetch_add(&((struct strand_calls *)arg)->offloaded, 1);
	return 0;
}

/* At once, without anything having happened. */
static inline void
strand_calls_refused(struct strand_calls *c)
{
	ferry_reply reply = {.status = 77};
	ferry_request request = 77;
	uint32_t events = 77;
	uint64_t id = 77;
	int result = 77;
	void *p = NULL;

	T_EQ(ferry_strand_sleep(-1), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_sleep(0), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_yield(), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_checkpoint(), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_await(&reply, FX_FORGED, -1), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_await(NULL, 0, -1), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_invoke(&reply, &request, c->context, FX_NOP, NULL, 0,
	    NULL, -1), FERRY_ENOSTRAND);
	T_EQ(request, 0);
	T_EQ(ferry_strand_offload(&result, strand_calls_run, c, NULL),
	    FERRY_ENOSTRAND);
	T_EQ(ferry_strand_offload(NULL, NULL, NULL, NULL), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_poll(&events, 0, POLLIN, -1), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_poll(NULL, -1, 0, -1), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_shield(1), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_shield(0), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_alloc(&p, 16), FERRY_ENOSTRAND);
	T_EQ(ferry_strand_id(&id), FERRY_ENOSTRAND);
	T_EQ(reply.status, 77);
	T_EQ(events, 77);
	T_EQ(id, 77);
	T_EQ(result, 77);
	T_ASSERT(p == NULL);
}

#endif
