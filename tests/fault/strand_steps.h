/*
 * tests/fault/strand_steps.h: a library of strands whose jobs know that memory
 * may be refused, and what a refused spawn has to leave alone. The ids are
 * those of api/strands.h.
 */
#ifndef STRAND_STEPS_H
#define STRAND_STEPS_H

#include "steps.h"

#include "api/strands.h"

static inline ferry_context
strand_steps_open(const ferry_context_options *options)
{
	const ferry_method strand = { .struct_size = sizeof strand,
		.name = "strand", .handler = fx_run,
		.flags = FERRY_METHOD_STRAND };
	ferry_context_options o = options ? *options : fx_context_options();
	ferry_context context;
	uint32_t id;

	o.library = steps_library();
	STEP_OUT(id, ferry_library_add_method(&id, o.library, &strand),
	    FERRY_ENOMEM);
	T_EQ(id, ST_STRAND);
	STEP_OUT(context, ferry_context_open(&context, &o), FERRY_ENOMEM,
	    FERRY_ESYSTEM);
	T_OK(ferry_library_close(o.library));
	return context;
}

static inline int
strand_steps_status(
    ferry_context context, int (*run)(ferry_call, void *), void *arg)
{
	struct fx_job job = { run, arg };

	return fx_wait(
	    steps_submit(context, ST_STRAND, &job, sizeof job, NULL));
}

/* Runs a strand to its end. If its spawn is refused, that is answered, counted
 * as nothing else, and the next one succeeds. */
static inline void
strand_steps_run(
    ferry_context context, int (*run)(ferry_call, void *), void *arg)
{
	ferry_strands before = st_strands(context), now;
	int status = strand_steps_status(context, run, arg);

	if (status == FERRY_ENOMEM) {
		T_NE(inject_disarm(), 0);
		now = st_strands(context);
		T_EQ(now.refused, before.refused + 1);
		T_EQ(now.spawned, before.spawned);
		T_EQ(now.active, before.active);
		T_EQ(now.peak, before.peak);
		status = strand_steps_status(context, run, arg);
	}
	T_EQ(status, FERRY_OK);
}

#endif
