/*
 * Marks for the header of a C library, read by `ferry gen`.
 *
 * An ordinary compiler sees nothing of them. The scanner sees what a library
 * offers to other languages, and everything that C does not say: which pointer
 * is text and which an array, how long it is, what may be NULL, who frees what.
 *
 *	FERRY_LIBRARY(name = timer, version = "1.0", prefix = timer_)
 *
 *	typedef struct timer timer FERRY(object);
 *
 *	typedef struct echo_request {
 *		const char *text;
 *		uint32_t delay_ms FERRY(default = 10, duration = ms);
 *		const char *const *words FERRY(len = n_words);
 *		size_t n_words;
 *	} echo_request FERRY(record);
 *
 *	FERRY(constructor) timer_error timer_open(timer **out);
 *	FERRY(destructor) void timer_close(timer *t);
 *	FERRY(method) timer_error timer_echo(
 *	    timer *t, const echo_request *request, echo_reply *out);
 *	FERRY(event) void timer_on_tick(timer *t, const tick *tick);
 *
 * A mark stands before a function, after the name of a field, parameter or
 * value of an enum (before what it is equal to), after the name of a typedef,
 * or, where there is none, after the brace that ends an enum or struct. Several
 * words in one mark are separated by commas; several marks on one thing add up.
 * A word that is not in this list, or stands where it has no meaning, is an
 * error. What is not marked is not offered.
 *
 * A header that nobody may edit is included by a second one, which declares
 * again what it offers, with marks.
 *
 * THE LIBRARY: FERRY_LIBRARY(...), once in a header, without a semicolon
 *
 *	name = WORD        of the packages; required
 *	version = "TEXT"   of the packages; "0" if it is not given
 *	prefix = WORD      taken off C's names; NAME_ if it is not given
 *	error = ENUM       of each status that does not say which
 *	instances = shared       all objects of all roots are on one thread: the
 *	                         default, for libraries with global state
 *	instances = independent  each root object has a thread of its own
 *	overflow = drop_oldest | stuck | block    of events: FERRY_EVENTS_…
 *
 * TYPES
 *
 *	record             a struct, by value in every language
 *	variant            a struct of a tag (FERRY(tag), an enum) and a union
 *	                   whose members say which value of the tag is theirs
 *	                   (FERRY(case = VALUE)); values without a member have
 *	                   no data
 *	enum, flags        one of these values; any sum of these. Values not in
 *	                   the list are kept as numbers
 *	error              an enum of status codes; 0 is success, the others are
 *	                   positive
 *	constants          an enum (it may have no name) of numbers of no type
 *	constant           a `static const` variable: number or text
 *	object             an opaque struct, or a typedef of a pointer to one
 *	prefix = WORD      enums: taken off the values' names; what they have
 *	                   in common if it is not given
 *	default = VALUE    enums: one of the values; variants: one without
 *	                   data. None if it is not given
 *
 * An object whose constructor takes no other object is a *root*: a Ferry
 * context. Others belong to the object that their constructor takes first.
 *
 * FUNCTIONS
 *
 *	constructor        makes an object, in its out-parameter or as its value
 *	destructor         ends it; takes nothing else
 *	method             called with an object, on the library's thread. One
 *	                   that takes a `ferry_call` (anywhere after the object)
 *	                   answers later, on any thread, by the function that
 *	                   the generated NAME_ferry.h declares for it; its
 *	                   out-parameters are NULL, and what is const stays
 *	                   valid until then. One that returns a failure has
 *	                   answered
 *	strand             the same as a strand: it may wait (ferry/strand.h).
 *	                   It may take a `ferry_call`; it answers by returning
 *	function           needs no object: called where its caller is, so it
 *	                   must be safe to call on any thread
 *	event              not the library's but generated: it calls this to
 *	                   say something. The first parameter is a root object
 *	detail             returns the text of an object's last error, and takes
 *	                   the object alone; or that of the thread's, and takes
 *	                   nothing. Asked right after a failure, on the thread
 *	                   where it was; the thread's where no object says
 *	                   anything. NULL or "" is none
 *	error_text         returns the text of a code, its only parameter
 *	error = ENUM       the value returned is a code of that enum; 0 is good
 *	fails = null | negative | nonzero | zero
 *	                   how the value returned tells a failure, where there
 *	                   is no error enum; what is not NULL or negative is a
 *	                   result, and with the others nothing but a status
 *	remains            a constructor that fails may have put an object there
 *	                   all the same, as sqlite3_open() does: that one's
 *	                   detail is asked first, and it is ended
 *	cancel = FUNCTION  interrupts a running call; takes the root object, and
 *	                   may be called on any thread at any time, also just
 *	                   before the call begins. What fails after it was
 *	                   called counts as cancelled
 *	reset = FUNCTION   beside cancel: called before it can be, on the
 *	                   library's thread, with the root object. Forgets an
 *	                   interrupt that came when the call before was done
 *	slow = MS, stalled = MS, wedged = MS, fatal = MS      ferry_levels
 *
 * Other values returned, and parameters that point to what is not const, are
 * results; a function with several has several in every language. What a call
 * that failed has left there is not looked at, unless it `remains`. A failure
 * without a code of its own is status 1; a negative one is its number without
 * the sign.
 *
 * FIELDS AND PARAMETERS, and for the value returned, functions
 *
 *	len = NAME         NAME, a field or parameter beside it, counts its
 *	                   elements (characters, without the zero, of text)
 *	bytes              a pointer to characters is no text. `void *` and
 *	                   `uint8_t *` never are
 *	nullable           may be NULL. A nullable pointer to a number or record
 *	                   is an optional one
 *	optional = NAME    NAME, a bool beside it, says whether it is there
 *	default = VALUE    a number, true, false, text in quotes, a value of the
 *	                   enum: what callers get who do not say
 *	map                an array of records with two fields: keys and values
 *	out, inout         a pointer to what is not const is `out`
 *	transfer = FUNCTION    called with a result's pointer once it is copied:
 *	                   what the library gave away. For a record by value the
 *	                   function gets its address
 *	enum = ENUM        of an integer: it is of that enum, or of those flags
 *	time = s | ms | us | ns       since 1970, UTC
 *	duration = s | ms | us | ns
 *
 * EVERYWHERE
 *
 *	name = WORD        what it is called in place of C's name
 *
 * Doc comments (slash-star-star, or three slashes) travel along.
 */
#ifndef FERRY_MARKS_H
#define FERRY_MARKS_H

#ifdef FERRY_SCAN
#define FERRY(...) __attribute__((annotate("ferry:" #__VA_ARGS__)))
#define FERRY_LIBRARY(...) \
	extern const int ferry_library_mark \
	    __attribute__((annotate("ferry:library, " #__VA_ARGS__)));
#else
#define FERRY(...)
#define FERRY_LIBRARY(...)
#endif

#endif
