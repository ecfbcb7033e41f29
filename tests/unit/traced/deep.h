/* Functions several deep, that call `wait` at the end; deep.c. */
#ifndef TRACED_DEEP_H
#define TRACED_DEEP_H

#include <stddef.h>

/* The lines of deep.c where innermost(), inlined() and sized() wait. */
#define DEEP_HERE    39
#define DEEP_INLINED 46
#define DEEP_SIZED   58

struct deep {
	int (*wait)(struct deep *);
	int fd;
	void *what;
	volatile int result;
};

/* outer → sized → (inlined →) innermost → wait. */
int deep_o0(struct deep *d);
int deep_o2(struct deep *d);
int deep_so(struct deep *d);

#endif
