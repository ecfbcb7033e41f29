/* Nobody may edit this. */
#ifndef PLAIN_H
#define PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define FLAG_NONE 0x000000
#define FLAG_MIME 0x000010

typedef struct box_set *box_t;

struct box_place {
	long x, y;
};

enum box_state { BOX_OPEN, BOX_SHUT = 3 };

box_t box_open(int);
void box_close(box_t);
const char *box_error(box_t);
const char *box_file(box_t, const char *);
int box_load(box_t, const char *);
int box_count(box_t);
bool box_lock(box_t);
struct box_place box_where(box_t, enum box_state);
unsigned char *box_data(box_t, size_t *);
void box_move(box_t, struct box_place *, int *, const double[2], int[3]);
int box_version(void);

#endif
