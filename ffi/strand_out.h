/*
 * A strand's waits for other threads, as far as strand_wait.c ends them.
 */
#ifndef FERRY_FFI_STRAND_OUT_H
#define FERRY_FFI_STRAND_OUT_H

#include "ffi/strand.h"

/* An offloaded function is given up, if it can be; false: it will post. */
bool ferry__strand_leave(struct strand *s);

/* It has posted, and nobody takes the result. */
void ferry__strand_offload_lost(struct strand *s);

/* This worker's strands have all ended: threads that served them alone end. */
void ferry__strand_out_rest(struct worker *w);

/* In a forked child: see forked.c. */
void ferry__strand_out_forked(void);

#endif
