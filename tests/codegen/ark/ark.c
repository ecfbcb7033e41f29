/*
 * The library that ark.h declares. It counts what it has made, and aborts when
 * something ends before what is in it.
 */
#include "ark_ferry.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ark {
	uint32_t cubits;
	uint32_t decks, crates;
	_Atomic(ferry_call) dove; /* out, or 0 */
	atomic_uint calling;      /* threads that call it back */
	_Atomic int32_t startled;
	uint32_t days;
};

struct ark_deck {
	ark *ark;
	int32_t number;
	uint32_t crates;
	char detail[32];
};

struct ark_crate {
	ark_deck *deck;
	char label[32];
};

struct ark_dove {
	uint32_t flights;
	const char *detail;
};

static atomic_int packs;
static atomic_int doves;
static _Thread_local char last[64];

static void *
make(size_t size)
{
	void *made = calloc(1, size);

	if (made == NULL)
		abort();
	return made;
}

static void
must(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "ark: %s\n", what);
		abort();
	}
}

const char *
ark_error_text(ark_error code)
{
	return code == ARK_LEAK ? "it leaks" : "no error of an ark's";
}

/* --- Roots --------------------------------------------------------------- */

ark *
ark_build(uint32_t cubits)
{
	ark *a = NULL;

	if (cubits == 0)
		return NULL;
	a = make(sizeof *a);
	a->cubits = cubits;
	return a;
}

ark_error
ark_find(const char *where, ark **out)
{
	if (strcmp(where, "nowhere") == 0)
		return ARK_OK; /* and finds none */
	if (strcmp(where, "Ararat") != 0)
		return ARK_LEAK;
	*out = ark_build(300);
	return ARK_OK;
}

void
ark_break(ark *a)
{
	must(a->decks == 0, "decks are left");
	must(a->dove == 0, "a dove is out");
	/* They may have found none that was out. */
	while (a->calling != 0)
		sched_yield();
	free(a);
}

ark_dove *
ark_dove_hatch(void)
{
	doves++;
	return make(sizeof(ark_dove));
}

/* 0: well; 1: a dove that says why; 2: one that says nothing; 3: one that has
 * no words; 4: none; 5: none, and what it was is the thread's last error; 6: a
 * dove without words, and the thread has some. */
ark_error
ark_dove_trap(int32_t how, ark_dove **out)
{
	if (how >= 5)
		snprintf(last, sizeof last, "it flew away, %d", (int)how);
	if (how == 4 || how == 5)
		return ARK_LEAK;
	*out = ark_dove_hatch();
	if (how == 1)
		(*out)->detail = "it has no wings";
	else if (how == 2)
		(*out)->detail = "";
	return how == 0 ? ARK_OK : ARK_LEAK;
}

/* As destructors do, it leaves another error than there was. */
void
ark_dove_eat(ark_dove *d)
{
	must(doves > 0, "a dove is eaten twice");
	doves--;
	last[0] = 0;
	free(d);
}

const char *
ark_dove_detail(ark_dove *d)
{
	return d->detail;
}

int32_t
ark_doves(void)
{
	return doves;
}

uint32_t
ark_dove_fly(ark_dove *d)
{
	return ++d->flights;
}

/* --- The last error ------------------------------------------------------ */

const char *
ark_last(void)
{
	static _Thread_local char told[sizeof last];

	memcpy(told, last, sizeof told);
	last[0] = 0;
	return told[0] != 0 ? told : NULL;
}

int32_t
ark_grumble(const char *text)
{
	if (text != NULL)
		snprintf(last, sizeof last, "%s", text);
	return 1;
}

ark_error
ark_complain(ark *a, const char *text)
{
	(void)a;
	ark_grumble(text);
	return ARK_LEAK;
}

/* --- Objects in objects -------------------------------------------------- */

ark_deck *
ark_deck_lay(ark *a, int32_t number)
{
	ark_deck *d;

	if (number < 0)
		return NULL;
	d = make(sizeof *d);
	d->ark = a;
	d->number = number;
	a->decks++;
	return d;
}

ark_error
ark_deck_patch(ark *a, int32_t number, ark_deck **out)
{
	*out = ark_deck_lay(a, number);
	if (number != 13)
		return ARK_OK;
	snprintf((*out)->detail, sizeof (*out)->detail, "deck %d is wet",
	    (int)number);
	return ARK_LEAK;
}

/* One of number 13 leaks. */
ark_error
ark_deck_remove(ark_deck *d)
{
	ark_error how = d->number == 13 ? ARK_LEAK : ARK_OK;

	must(d->crates == 0, "crates are left");
	d->ark->decks--;
	free(d);
	return how;
}

const char *
ark_deck_detail(ark_deck *d)
{
	return d->detail;
}

ark_crate *
ark_crate_make(ark_deck *d, const char *label)
{
	ark_crate *c;

	if (*label == 0) {
		snprintf(d->detail, sizeof d->detail, "no label, deck %d",
		    (int)d->number);
		return NULL;
	}
	c = make(sizeof *c);
	c->deck = d;
	snprintf(c->label, sizeof c->label, "%s", label);
	d->crates++;
	d->ark->crates++;
	return c;
}

void
ark_crate_open(ark_crate *c)
{
	c->deck->crates--;
	c->deck->ark->crates--;
	free(c);
}

ark_error
ark_crate_split(ark_crate *c, bool both, ark_crate **left, ark_crate **right)
{
	*left = ark_crate_make(c->deck, "left");
	if (both)
		*right = ark_crate_make(c->deck, "right");
	return ARK_OK;
}

ark_error
ark_crate_carry(ark_crate *c, uint32_t ms, const char **label)
{
	int r = ferry_strand_sleep(ms);

	*label = c->label;
	return r == FERRY_OK ? ARK_OK : ARK_LEAK;
}

ark_error
ark_count(ark *a, uint32_t *decks, uint32_t *crates)
{
	*decks = a->decks;
	*crates = a->crates;
	return ARK_OK;
}

/* --- Values -------------------------------------------------------------- */

ark_error
ark_stow(ark *a, const ark_hold *in, ark_hold *out)
{
	(void)a;
	*out = *in;
	return ARK_OK;
}

bool
ark_float(ark *a, int32_t depth)
{
	(void)a;
	return depth > 0;
}

int64_t
ark_sail(ark *a, int64_t to)
{
	(void)a;
	return to;
}

const char *
ark_log(ark *a, int32_t day)
{
	(void)a;
	return day == 40 ? "land" : NULL;
}

void
ark_double(ark *a, int32_t *number, ark_item *item)
{
	(void)a;
	*number *= 2;
	item->fragile = !item->fragile;
}

int8_t
ark_sort(ark *a, uint8_t kind, int64_t number, uint64_t *wide)
{
	(void)a;
	*wide = (uint64_t)number;
	return (int8_t)kind;
}

ark_error
ark_pack(ark *a, const char *label, ark_item *out)
{
	(void)a;
	if (*label == 0)
		return ARK_LEAK;
	out->label = strdup(label);
	packs++;
	return ARK_OK;
}

void
ark_item_free(ark_item *item)
{
	free((void *)(uintptr_t)item->label);
	packs--;
}

int32_t
ark_packs(void)
{
	return packs;
}

/* What is wrong with it: 0 nothing, 1 text, 2 a length, 3 a tag, 4 a length
 * that nothing could have. */
ark_error
ark_lie(ark *a, int32_t how, ark_hold *out)
{
	static const ark_item items[] = { { .label = "one" } };

	(void)a;
	packs++;
	out->loads[0].kind = ARK_CARGO_LIST;
	out->loads[0].as.list = items;
	out->loads[0].n = 1;
	out->spare.label = "spare";
	out->has_spare = true;
	if (how == 1)
		out->spare.label = NULL;
	else if (how == 2)
		out->loads[0].n = -1;
	else if (how == 3)
		out->loads[1].kind = (ark_cargo)77;
	else if (how == 4)
		out->loads[0].as.list = NULL;
	return ARK_OK;
}

void
ark_hold_free(ark_hold *hold)
{
	must(hold->loads[0].kind == ARK_CARGO_LIST, "not what was given");
	packs--;
}

/* --- Later --------------------------------------------------------------- */

void
ark_leaf_free(char *leaf)
{
	free(leaf);
	packs--;
}

static void
answer_dove(ark *a, ark_error how)
{
	static const int16_t wind[2] = { -7, 8 };
	static const bool marks[] = { true, false, true };
	const ark_item item = { "olive", true, 3, marks };
	ferry_call call = atomic_exchange(&a->dove, 0);

	if (call == 0)
		return;
	if (how != ARK_OK) {
		ark_send_dove_reply(call, how, "wet", NULL, NULL, NULL);
		return;
	}
	packs++;
	ark_send_dove_reply(call, how, NULL, strdup("leaf"), &item, wind);
}

ark_error
ark_send_dove(
    ark *a, ferry_call call, char **leaf, ark_item *item, int16_t wind[2])
{
	must(leaf == NULL && item == NULL && wind == NULL,
	    "there is a place for results");
	if (a->dove != 0)
		return ARK_LEAK;
	a->dove = call;
	/* Who cancels may have called back before it was out. */
	if (ferry_call_check(call) != FERRY_OK)
		answer_dove(a, ARK_LEAK);
	return ARK_OK;
}

static void *
call_back(void *user)
{
	ark *a = user;

	answer_dove(a, ARK_LEAK);
	a->calling--;
	return NULL;
}

/* On the thread of who cancels. A reply takes the hook back, and that waits
 * until the hook has returned: so another thread replies. */
void
ark_call_back(ark *a)
{
	pthread_t thread;

	a->calling++;
	must(pthread_create(&thread, NULL, call_back, a) == 0, "no thread");
	pthread_detach(thread);
}

ark_error
ark_release_dove(ark *a, ark_error how)
{
	answer_dove(a, how);
	return ARK_OK;
}

int
ark_send_raven(ark *a, ferry_call call)
{
	(void)a;
	(void)call;
	return -40;
}

void
ark_startle(ark *a)
{
	a->startled = 1;
}

void
ark_calm(ark *a)
{
	a->startled = 0;
}

static _Atomic int32_t dozing;

void
ark_doze(ark *a)
{
	dozing = 1;
	while (!a->startled)
		sched_yield();
	dozing = 0;
}

int32_t
ark_dozes(void)
{
	return dozing;
}

int32_t
ark_startled(ark *a)
{
	return a->startled;
}

ark_error
ark_send_owl(ark *a, ferry_call call)
{
	(void)a;
	while (ferry_call_check(call) == FERRY_OK)
		sched_yield();
	return ARK_LEAK;
}

static void *
rain(void *user)
{
	static const int16_t wind[2] = { 3, -4 };
	ark *a = user;
	uint32_t day;

	for (day = 0; day < a->days; day++)
		ark_on_rain(a, day, wind);
	return NULL;
}

void
ark_rain(ark *a, uint32_t days)
{
	pthread_t thread;

	a->days = days;
	must(pthread_create(&thread, NULL, rain, a) == 0, "no thread");
	pthread_join(thread, NULL);
}
