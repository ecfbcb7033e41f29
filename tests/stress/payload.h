/*
 * tests/stress/payload.h: bytes that name their request and prove themselves.
 *
 * A handler that is handed another request's bytes, or bytes that were used
 * again, fails at once; so does a caller whose echo is not what was sent.
 */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include "t.h"

/* The head of a payload; more bytes may follow. */
struct item {
	uint64_t tag;
	uint64_t proof;
	uint32_t size;
	uint32_t spin; /* how long the handler takes */
};

static inline uint64_t
payload_proof(uint64_t tag)
{
	return (tag + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Fills a payload of that size, at least a struct item. */
static inline void
payload_fill(void *data, uint64_t tag, size_t size, uint32_t spin)
{
	struct item item = {tag, payload_proof(tag), (uint32_t)size, spin};

	memset(data, (int)tag & 0xff, size);
	memcpy(data, &item, sizeof item);
}

/* A look at a payload, by whoever is handed it. */
static inline struct item
payload_prove(const void *data, size_t size)
{
	const unsigned char *bytes = data;
	struct item item;

	T_GE(size, sizeof item);
	memcpy(&item, data, sizeof item);
	T_EQ(item.proof, payload_proof(item.tag));
	T_EQ(item.size, size);
	for (size_t i = sizeof item; i < size; i += 17)
		T_EQ(bytes[i], item.tag & 0xff);
	return item;
}

/* Keeps a thread busy for a little, without the kernel's help. */
static inline void
spin(uint32_t turns)
{
	for (volatile uint32_t i = 0; i < turns; i++)
		;
}

#endif
