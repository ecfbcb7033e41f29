#include <ferry/marks.h>
#include <stddef.h>
#include <stdint.h>

FERRY_LIBRARY(name = t)

typedef enum kind { KIND_NONE, KIND_INT } kind FERRY(enum);
typedef int32_t far __attribute__((aligned(32)));

typedef struct __attribute__((packed)) a { int8_t x; int32_t y; } a
    FERRY(record);
typedef struct b { int32_t x, y; } __attribute__((packed)) b FERRY(record);
typedef struct c {
	int32_t x;
	_Alignas(32) int32_t y;
} c FERRY(record);
typedef struct d {
	_Alignas(32) int32_t x;
	int32_t y;
} d FERRY(record);
typedef struct e { far x; } e FERRY(record);
typedef struct __attribute__((aligned(16))) f { int32_t x; } f FERRY(record);
#pragma pack(push, 2)
typedef struct g { int16_t x; int64_t y; } g FERRY(record);
#pragma pack(pop)
typedef struct h {
	kind k FERRY(tag);
	union __attribute__((packed)) { int64_t x FERRY(case = KIND_INT); } u;
} h FERRY(variant);
typedef struct __attribute__((packed)) i {
	kind k FERRY(tag);
	union { int64_t x FERRY(case = KIND_INT); };
} i FERRY(variant);
/* As they are without it. */
typedef struct j {
	int64_t x;
	_Alignas(8) int32_t y;
	const int32_t *z FERRY(len = n_z);
	size_t n_z;
	double d[3];
} __attribute__((aligned(8))) j FERRY(record);
typedef struct k {
	kind k FERRY(tag);
	union { int64_t x FERRY(case = KIND_INT); } u;
} k FERRY(variant);

/* error: 10: y: what is packed, or aligned by hand, cannot be offered; take
   packed, aligned, _Alignas and #pragma pack away */
/* error: 12: b: what is packed, or aligned by hand, cannot be offered; take
   packed, aligned, _Alignas and #pragma pack away */
/* error: 15: y: what is packed, or aligned by hand, cannot be offered; take
   packed, aligned, _Alignas and #pragma pack away */
/* error: 18: x: what is packed, or aligned by hand, cannot be offered; take
   packed, aligned, _Alignas and #pragma pack away */
/* error: 21: e: what is packed, or aligned by hand, cannot be offered; take
   packed, aligned, _Alignas and #pragma pack away */
/* error: 22: f: what is packed, or aligned by hand, cannot be offered; take
   packed, aligned, _Alignas and #pragma pack away */
/* error: 24: y: what is packed, or aligned by hand, cannot be offered; take
   packed, aligned, _Alignas and #pragma pack away */
/* error: 29: h: what is packed, or aligned by hand, cannot be offered; take
   packed, aligned, _Alignas and #pragma pack away */
/* error: 32: i: what is packed, or aligned by hand, cannot be offered; take
   packed, aligned, _Alignas and #pragma pack away */
