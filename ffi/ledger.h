/*
 * The ledger of a context: calls that reached SLOW, as the FFI thread found
 * when they gave it back.
 *
 * Owns: a ring of the last 64, made with the first. Written by the FFI thread
 * alone, read by any, without a lock. Entry k of a context, from 1, lies in
 * slot (k - 1) % 64, whose word is k << 1 when it is whole, and has bit 0 set
 * while it is written: the sequence lock of the registry (registry.h), so that
 * a reader either sees the words of entry k or knows that it does not. A reader
 * is inside its context (ferry__reply_enter()), so that it is not closed, and
 * the ring freed, meanwhile.
 */
#ifndef FERRY_FFI_LEDGER_H
#define FERRY_FFI_LEDGER_H

#include <ferry/ferry.h>

#include "ffi/atomic.h"

#define LEDGER_ENTRIES 64u
#define LEDGER_LEVELS  5u /* FERRY_LEVEL_NONE … FERRY_LEVEL_FATAL */

struct ledger {
	atomp ring;              /* struct ledger_slot; NULL: none yet */
	count_single total;
	count_single level[LEDGER_LEVELS]; /* that it reached */
	count_single unseen;     /* by the watcher, at that level */
};

/* No thread writes or reads it any more. */
void ferry__ledger_close(struct ledger *l);

/* FFI thread. For want of memory it is counted, and not kept. */
void ferry__ledger_write(struct ledger *l, const ferry_ledger_entry *entry);

/* The latest first; how many, at most `capacity`. *out_total: ever. */
uint32_t ferry__ledger_read(ferry_ledger_entry *items, uint32_t capacity,
    uint64_t *out_total, const struct ledger *l);

#endif
