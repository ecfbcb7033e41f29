#include <ferry/marks.h>
#include <stdint.h>

FERRY_LIBRARY(name = t, colour = red, version = 1, instances = many)
FERRY(funktion) int a(void);
FERRY(function, record) int b(void);
FERRY(function, function) int c(void);
FERRY(function) int d(const char *text FERRY(slow = 3));
FERRY(function name = x) int e(void);
FERRY() int f(void);
FERRY(name = x) int g(void);
FERRY(function, fails = often) int h(void);
FERRY(function, fails) int i(void);
FERRY(function = 3) int j(void);
FERRY(function, 3) int k(void);
FERRY(function, name = "x") int l(void);
FERRY(function, name =) int m(void);
FERRY(method, function) int n(void);
FERRY(function, slow = 10) int o(void);
FERRY(event, fails = null) void p(void);
int q(int value FERRY(time = s));
typedef int r FERRY(record);
union s { int x; } FERRY(record);
FERRY(function, remains) int t(void);

/* error: 4: there is no mark "colour"; <ferry/marks.h> has the list */
/* error: 4: version = 1: it takes text in quotes; write that */
/* error: 4: instances = many: write one of shared independent */
/* error: 5: there is no mark "funktion"; <ferry/marks.h> has the list */
/* error: 6: the mark "record" has no meaning for a function; see
   <ferry/marks.h> for where it stands */
/* error: 7: "function" is marked twice; leave one of them */
/* error: 8: the mark "slow" has no meaning for a parameter; see <ferry/marks.h>
   for where it stands */
/* error: 9: a comma is missing before "name = x" */
/* error: 10: the mark is empty; see <ferry/marks.h> for what may be in it */
/* error: 11: g: the mark does not say what it is; add a word such as method or
   function */
/* error: 12: fails = often: write one of null negative nonzero zero */
/* error: 13: fails needs a value; write fails = a word */
/* error: 14: function takes no value; write function alone */
/* error: 15: a mark has words and commas between them; here is "3" */
/* error: 16: name = "x": it takes a word; write that */
/* error: 17: name has no value that can be read; write name = VALUE */
/* error: 18: n is marked "method" and "function"; leave one of them */
/* error: 19: o: "slow" is for what runs on the library's thread, and this is
   marked "function"; take one of them off */
/* error: 20: p: "fails" is for functions that return a status, and this is
   marked "event"; take one of them off */
/* error: 20: result: nothing is returned that could fail; take the mark off */
/* error: 21: q: its parameters are marked, and itself it is not; add a mark
   such as FERRY(method) or FERRY(function) */
/* error: 22: r: this cannot be marked; marks stand at functions, enums, structs
   with their typedefs, typedefs of pointers, and static const variables */
/* error: 23: s: this cannot be marked; marks stand at functions, enums, structs
   with their typedefs, typedefs of pointers, and static const variables */
/* error: 24: t: "remains" is for constructors, and this is marked "function";
   take one of them off */
