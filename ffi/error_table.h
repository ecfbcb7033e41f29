/*
 * The one table of errors: names and texts for ferry_error_name() and
 * ferry_error_text(); docs/errors.md is compared with it by a test. The
 * numbers are in ferry.h, where every language can read them.
 */
#define FERRY__ERRORS(X) \
	X(OK, "success") \
	X(EINVAL, "an argument cannot be right") \
	X(ESTALE, "the token no longer names anything") \
	X(EFOREIGN, "the token belongs to another context") \
	X(ENOMEM, "out of memory") \
	X(ESYSTEM, "the system has no thread or descriptor left") \
	X(EAGAIN, "a queue bound is reached; try again when WRITABLE") \
	X(E2BIG, "a payload, or a count of requests, is over the bound") \
	X(ECLOSED, "the context or inbox is closed or closing") \
	X(EQUIESCED, "the process is quiescing; nothing new is started") \
	X(EREENTRANT, "this call is refused from this callback or thread") \
	X(EDEADLK, "this wait would close a circle of waiting workers") \
	X(ETIMEDOUT, "the timeout passed; wait again or cancel") \
	X(EINTR, "a signal interrupted the wait; wait again or cancel") \
	X(ECANCELED, "the request was cancelled") \
	X(EDEADLINE, "the deadline passed before the request was started") \
	X(ENOMETHOD, "the library has no such method") \
	X(ENOEVENT, "the library has no such event") \
	X(EALREADY, "that has been done already") \
	X(EBUSY, "something of it is still running or in use") \
	X(EREPLIED, "the call has been answered already") \
	X(EDONE, "too late: the request has finished") \
	X(EFROZEN, "the library has been opened and cannot change any more") \
	X(EEXIST, "the name is taken") \
	X(EABI, "this libferry does not serve callers of that ABI") \
	X(EINIT, "the library's init failed") \
	X(ESTUCK, "refused while the event queue is stuck") \
	X(ETHREAD, "only on the context's FFI thread") \
	X(ELOST, "the handler ended its thread") \
	X(EDETACHED, "the inbox is not attached to that context") \
	X(ENOTSUP, "not available here") \
	X(EFORKED, "the token belongs to the process that forked this one") \
	X(ENOSTRAND, "only in a strand") \
	X(EUNINIT, "the cleanup lane has not been started")
