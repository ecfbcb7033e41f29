/*
 * Included before everything that `make check-arm64` compiles.
 *
 * A sequentially consistent store and load are stlr and ldar on arm64, which
 * the processor keeps in order. QEMU (7.2) runs them on x86-64 without a fence
 * in between, so that both sides of a store-then-load may see the old: some
 * 3000 times in 400,000. With a fence, or with an exchange for the store, it
 * never happened; so such a store is an exchange here.
 */
#ifndef EMULATED_H
#define EMULATED_H

#ifndef __cplusplus

#include <stdatomic.h>

#undef atomic_store_explicit
#define atomic_store_explicit(at, value, order) \
	((order) == memory_order_seq_cst \
		? (void)atomic_exchange_explicit(at, value, order) \
		: __atomic_store_n(at, value, order))

#endif

#endif
