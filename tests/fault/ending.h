/*
 * tests/fault/ending.h: the ways in which a handler ends its thread.
 */
#ifndef ENDING_H
#define ENDING_H

#include "inject.h"

enum ending {
	ENDING_EXIT,           /* pthread_exit() */
	ENDING_CANCEL,         /* cancelled, at a cancellation point */
	ENDING_CANCEL_ASYNC,   /* cancelled where it stands */
	ENDINGS
};

__attribute__((noreturn)) T__FN void
end_thread(enum ending how)
{
	int before;

	fx_before_exit();
	if (how == ENDING_EXIT)
		pthread_exit(NULL);
	if (how == ENDING_CANCEL_ASYNC)
		T_OK(pthread_setcanceltype(
		    PTHREAD_CANCEL_ASYNCHRONOUS, &before));
	T_OK(pthread_cancel(pthread_self()));
	pthread_testcancel();
	/* It is ending already, where no successor was to be had: then it is
	 * not cancelled once more. */
	pthread_exit(NULL);
}

#endif
