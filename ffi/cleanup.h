/*
 * The cleanup lane; what is promised is in <ferry/cleanup.h>.
 */
#ifndef FERRY_FFI_CLEANUP_H
#define FERRY_FFI_CLEANUP_H

/* In a forked child: see forked.c. */
void ferry__cleanup_forked(void);

#endif
