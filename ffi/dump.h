/*
 * Dumps: what Ferry does just now, as text. What is written is dump.c's, who
 * has it written on a signal dump_signal.c's.
 */
#ifndef FERRY_FFI_DUMP_H
#define FERRY_FFI_DUMP_H

#include <stdint.h>

/* As ferry_dump(). `why` is written at its head, with `last` if that is an
 * error: what became of the one before. */
int ferry__dump_write(int fd, const char *why, int last);

/* FERRY_EINVAL: it is not open for writing. */
int ferry__dump_check(int fd);

/* In a forked child: see forked.c. */
void ferry__dump_forked(void);

#endif
