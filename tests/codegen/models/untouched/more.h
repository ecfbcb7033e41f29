/* Of the same folder: what is marked here is offered too. */
#ifndef MORE_H
#define MORE_H

#include "plain.h"

#include <ferry/marks.h>

/** Needs no box. */
FERRY(function) int box_version(void);

#endif
