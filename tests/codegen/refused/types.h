#include <ferry/marks.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

FERRY_LIBRARY(name = t)

typedef struct unmarked { int x; } unmarked;
enum odd { ODD };
typedef struct things things FERRY(object);

FERRY(function) void a(long double x);
FERRY(function) void b(__int128 x);
FERRY(function) void c(double _Complex x);
FERRY(function) void d(void (*callback)(int));
FERRY(function) void e(const char *format, ...);
FERRY(function) void f(va_list args);
FERRY(function) void g(const unmarked *x);
FERRY(function) void h(enum odd x);
FERRY(function) void i(const int *numbers);
FERRY(function) void j(const void *data);
FERRY(function) void k(const uint8_t *data);
FERRY(function) void l(void *data);
FERRY(function) void m(char *text);
FERRY(function) void n(int *numbers FERRY(len = n), size_t n);
FERRY(function) void o(const char **words FERRY(len = n), size_t n);
FERRY(function) void p(const char *const *words);
FERRY(function) void q(const int *const *x FERRY(len = n), size_t n);
FERRY(function) void r(things x);
FERRY(function) unmarked s(void);
FERRY(function) void t(const int x[2][2]);
FERRY(function) void u(int);
FERRY(function) int *v(void);
FERRY(function) void w(wchar_t *text);
FERRY(function) void x(const int *_Nonnull x, _Atomic int y);

/* error: 12: x: long double is in few languages; use double */
/* error: 13: x: a number of 128 bits is in few languages; use two of 64, or
   text */
/* error: 14: x: a complex number is in few languages; use a record of two */
/* error: 15: callback: a function pointer cannot be offered; declare a function
   with FERRY(event) */
/* error: 16: e: varargs cannot be offered; wrap it in a function with fixed
   parameters */
/* error: 17: args: struct __va_list_tag is not marked; put FERRY(record) after
   the name of its typedef */
/* error: 18: x: unmarked is not marked; put FERRY(record) after the name of its
   typedef */
/* error: 19: x: enum odd is not marked; put FERRY(enum) after the name of its
   typedef */
/* error: 20: numbers: how long the array is, or whether it is one, is not said;
   mark it with FERRY(len = NAME), or FERRY(nullable) if it points to one value
   or none */
/* error: 21: data: bytes of an unknown length; say which, with FERRY(len =
   NAME) */
/* error: 22: data: bytes of an unknown length; say which, with FERRY(len =
   NAME) */
/* error: 23: data: a void * that is not const says nothing; write const void *
   for bytes, or mark an object */
/* error: 24: text: is it text or one character? Write const char * for text,
   char ** for text that is a result, FERRY(out) for one character */
/* error: 25: numbers: an array that is filled in place cannot be offered; write
   const for an argument, or two stars for an array that is a result */
/* error: 26: words: an argument or a result? Write const twice, as in const
   char *const *, for an argument; a result's length is a result too */
/* error: 27: words: how long the array is, or whether it is one, is not said;
   mark it with FERRY(len = NAME), or FERRY(nullable) if it points to one value
   or none */
/* error: 28: x: an array of pointers, but for text, cannot be offered; use an
   array of records */
/* error: 29: x: a record is not taken by value; write a pointer to const */
/* error: 30: result: unmarked is not marked; put FERRY(record) after the name
   of its typedef */
/* error: 31: x: an array of arrays cannot be offered; use an array of records
   */
/* error: 32: parameter 1: it has no name; give it one */
/* error: 33: result: how long the array is, or whether it is one, is not said;
   mark it with FERRY(len = NAME), or FERRY(nullable) if it points to one value
   or none */
/* error: 35: x: how long the array is, or whether it is one, is not said; mark
   it with FERRY(len = NAME), or FERRY(nullable) if it points to one value or
   none */
/* error: 35: y: this type of C cannot be offered; use numbers, text, enums,
   records and objects */
