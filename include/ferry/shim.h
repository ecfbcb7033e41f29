/*
 * What the shims that `ferry gen` writes have in common: static functions,
 * compiled into each. For generated C11 only; nobody else needs this header,
 * and what it declares may change with the generator.
 *
 *	in      a block of arguments, checked and made C in place (package.h)
 *	out     results, copied deep into one block: measured, then stored
 *	call    one run of a function: of a handler, a constructor, or direct
 *	object  what a handle stands for
 *	root    what a context stands for
 *
 * Everything of a root runs on its FFI thread, except for events.
 */
#ifndef FERRY_SHIM_H
#define FERRY_SHIM_H

#include <ferry/shim_block.h>
#include <ferry/shim_object.h>
#include <ferry/shim_call.h>
#include <ferry/shim_open.h>

#endif
