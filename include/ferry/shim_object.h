/*
 * A part of <ferry/shim.h>: objects of the library, and what they belong to.
 */
#ifndef FERRY_SHIM_OBJECT_H
#define FERRY_SHIM_OBJECT_H

#include <stdlib.h>

#include <ferry/shim_block.h>

struct ferry_shim_type {
	const char *name;
	const struct ferry_shim_type *parent; /* NULL: a root's */
	void (*end)(void *object);
	const char *(*detail)(void *object);  /* or NULL */
};

/*
 * What a handle stands for. It outlives its handle while anything needs it:
 * what it is the parent of, and strands that have it in hand while they wait.
 * (Those of a strand that was lost with its thread need it for ever.)
 */
struct ferry_shim_object {
	void *object; /* the library's; NULL: ended */
	const struct ferry_shim_type *type;
	struct ferry_shim_object *parent;
	uint64_t users;
	bool released;
};

struct ferry_shim_slot;

/* A context's state. */
struct ferry_shim_root {
	void *object; /* the library's */
	const struct ferry_shim_type *type;
	ferry_context context;
	struct ferry_shim_slot *slot;
};

FERRY_SHIM_FN void
ferry_shim_object_unuse(struct ferry_shim_object *o)
{
	struct ferry_shim_object *parent;

	while (o != NULL && --o->users == 0 && o->released) {
		if (o->object != NULL)
			o->type->end(o->object);
		parent = o->parent;
		free(o);
		o = parent;
	}
}

/* A ferry_destroy_fn. */
FERRY_SHIM_FN void
ferry_shim_object_destroy(void *object, void *state)
{
	struct ferry_shim_object *o = object;

	(void)state;
	o->released = true;
	o->users++;
	ferry_shim_object_unuse(o);
}

/* Of the object that something is made from, the one that it belongs to. */
FERRY_SHIM_FN struct ferry_shim_object *
ferry_shim_object_parent(
    struct ferry_shim_object *from, const struct ferry_shim_type *type)
{
	while (from != NULL && from->type != type->parent)
		from = from->parent;
	return from;
}

/* A handle for what the library has made of `from`. Whatever comes of it, the
 * object is not the caller's any more. */
FERRY_SHIM_FN int
ferry_shim_object_open(ferry_handle *out, ferry_call call,
    const struct ferry_shim_type *type, void *object,
    struct ferry_shim_object *from)
{
	struct ferry_shim_object *o = calloc(1, sizeof *o);
	int r = o != NULL ? FERRY_OK : FERRY_ENOMEM;

	if (r == FERRY_OK) {
		o->object = object;
		o->type = type;
		r = ferry_handle_open(
		    out, call, o, type, ferry_shim_object_destroy);
	}
	if (r != FERRY_OK) {
		type->end(object);
		free(o);
		return r;
	}
	o->parent = ferry_shim_object_parent(from, type);
	if (o->parent != NULL)
		o->parent->users++;
	return FERRY_OK;
}

FERRY_SHIM_FN int
ferry_shim_object_find(struct ferry_shim_object **out, ferry_call call,
    ferry_handle handle, const struct ferry_shim_type *type)
{
	void *object;
	int r = ferry_handle_object(&object, call, handle, type);

	if (r == FERRY_OK)
		*out = object;
	return r;
}

/*
 * Ends an object at a caller's request: *out is the library's, for its
 * destructor, or NULL where something needs it still: then it is ended after
 * that.
 */
FERRY_SHIM_FN int
ferry_shim_object_end(void **out, struct ferry_shim_object *o,
    ferry_handle handle)
{
	int r = ferry_handle_release(handle);

	if (r != FERRY_OK)
		return r;
	*out = NULL;
	if (o->users == 0) {
		*out = o->object;
		o->object = NULL;
	}
	return FERRY_OK;
}

#endif
