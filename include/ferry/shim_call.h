/*
 * A part of <ferry/shim.h>: one run of a function of the library.
 */
#ifndef FERRY_SHIM_CALL_H
#define FERRY_SHIM_CALL_H

#include <limits.h>
#include <stdio.h>

#include <ferry/shim_object.h>

struct ferry_shim_call {
	ferry_call call;              /* 0: direct, or a constructor's */
	struct ferry_shim_root *root; /* NULL: direct */
	void *data;                   /* arguments, ours to change */
	size_t size;
	void *block;                  /* the answer's; or NULL */
	size_t block_size;
	bool deferred;
	uint32_t n_made;
	ferry_handle made[FERRY_SHIM_MADE];
};

typedef int (*ferry_shim_run_fn)(struct ferry_shim_call *c);
typedef void (*ferry_shim_load_fn)(struct ferry_shim_in *in, void *head);
typedef void (*ferry_shim_size_fn)(
    struct ferry_shim_out *out, const void *head);
typedef void (*ferry_shim_store_fn)(struct ferry_shim_out *out, void *head);
typedef const char *(*ferry_shim_error_text_fn)(int code);

/* A block of text, if there is memory; `status` again. */
FERRY_SHIM_FN int
ferry_shim_say(struct ferry_shim_call *c, int status, const char *text)
{
	size_t size;

	if (text == NULL || c->block != NULL)
		return status;
	size = strlen(text) + 1;
	if (ferry_block_alloc(&c->block, size) != FERRY_OK)
		return status;
	memcpy(c->block, text, size);
	c->block_size = size;
	return status;
}

FERRY_SHIM_FN int
ferry_shim_say_where(struct ferry_shim_call *c, int status, const char *what,
    const char *where)
{
	char text[256];

	snprintf(text, sizeof text, "%s%s cannot be right", what, where);
	return ferry_shim_say(c, status, text);
}

/* The arguments, in place; NULL where they cannot be right. No `load`: there is
 * nothing to check. */
FERRY_SHIM_FN void *
ferry_shim_load(struct ferry_shim_call *c, size_t head,
    ferry_shim_load_fn load, const char *name)
{
	struct ferry_shim_in in = { c->data, c->size, head, NULL };

	if (c->size < head || (uintptr_t)c->data % FERRY_SHIM_ALIGN != 0)
		ferry_shim_wrong(&in, name);
	else if (load != NULL)
		load(&in, c->data);
	if (in.wrong == NULL)
		return c->data;
	ferry_shim_say_where(c, FERRY_EINVAL, "the argument ", in.wrong);
	return NULL;
}

/* Lays results out in a new block; those without pointers are only copied. */
FERRY_SHIM_FN int
ferry_shim_lay(void **block, size_t *block_size, struct ferry_shim_out *out,
    const void *head, size_t size, ferry_shim_size_fn measure,
    ferry_shim_store_fn store)
{
	int r;

	*out = (struct ferry_shim_out){ .at = size };
	if (measure != NULL)
		measure(out, head);
	if (out->wrong != NULL)
		return out->big ? FERRY_E2BIG : FERRY_EINVAL;
	*block_size = out->at;
	r = ferry_block_alloc(block, out->at);
	if (r != FERRY_OK)
		return r;
	memcpy(*block, head, size);
	out->base = *block;
	out->at = size;
	if (store != NULL)
		store(out, *block);
	return FERRY_OK;
}

/* Answers with results. */
FERRY_SHIM_FN int
ferry_shim_give(struct ferry_shim_call *c, const void *head, size_t size,
    ferry_shim_size_fn measure, ferry_shim_store_fn store)
{
	struct ferry_shim_out out;
	int r = ferry_shim_lay(
	    &c->block, &c->block_size, &out, head, size, measure, store);

	if (r != FERRY_OK) {
		c->block = NULL;
		if (out.wrong != NULL)
			ferry_shim_say_where(c, r, "the returned ", out.wrong);
	}
	return r;
}

/* A status of the library's own, from what it returned: positive. An enum
 * without negative values is unsigned, also where one is returned. */
FERRY_SHIM_FN int
ferry_shim_status(int64_t code)
{
	if (code > INT_MAX && code <= UINT32_MAX)
		code -= (int64_t)UINT32_MAX + 1;
	if (code < -INT_MAX || code > INT_MAX)
		return INT_MAX;
	return (int)(code < 0 ? -code : code);
}

/* The text of a failure: of the object it was called on, or whom that belongs
 * to, or of the code: before it comes the thread's last error, where the
 * library tells it. */
FERRY_SHIM_FN int
ferry_shim_fail(struct ferry_shim_call *c, int64_t code,
    const struct ferry_shim_object *o, ferry_shim_error_text_fn error_text)
{
	const char *text = NULL;

	for (; o != NULL && text == NULL; o = o->parent)
		if (o->type->detail != NULL && o->object != NULL)
			text = o->type->detail(o->object);
	if (text == NULL && c->root != NULL && c->root->object != NULL &&
	    c->root->type->detail != NULL)
		text = c->root->type->detail(c->root->object);
	if ((text == NULL || *text == 0) && error_text != NULL)
		text = error_text((int)code);
	return ferry_shim_say(c, ferry_shim_status(code), text);
}

/*
 * The same of a constructor that may leave an object when it fails: that knows
 * best. It is ended when all texts have been asked for, as that may change
 * what others would say.
 */
FERRY_SHIM_FN int
ferry_shim_remains(struct ferry_shim_call *c, int64_t code,
    const struct ferry_shim_type *type, void *object,
    const struct ferry_shim_object *from, ferry_shim_error_text_fn error_text)
{
	const char *text = NULL;
	int r;

	if (object != NULL && type->detail != NULL)
		text = type->detail(object);
	if (text != NULL && *text != 0)
		r = ferry_shim_say(c, ferry_shim_status(code), text);
	else
		r = ferry_shim_fail(c, code, from, error_text);
	if (object != NULL)
		type->end(object);
	return r;
}

/* A failed call that somebody has cancelled. */
FERRY_SHIM_FN int
ferry_shim_cancelled(struct ferry_shim_call *c, int status)
{
	if (status > 0 && ferry_call_check(c->call) == FERRY_ECANCELED)
		return FERRY_ECANCELED;
	return status;
}

/* A handle for what the call has made; `r` is how it went so far, and after
 * a failure the object is ended. */
FERRY_SHIM_FN int
ferry_shim_made(struct ferry_shim_call *c, int r, uint64_t *out,
    const struct ferry_shim_type *type, void *object,
    struct ferry_shim_object *from)
{
	if (object == NULL)
		return r != FERRY_OK ? r : ferry_shim_say_where(
		    c, FERRY_EINVAL, "the returned ", type->name);
	if (r != FERRY_OK || c->n_made == FERRY_SHIM_MADE) {
		type->end(object);
		return r != FERRY_OK ? r : FERRY_E2BIG;
	}
	r = ferry_shim_object_open(out, c->call, type, object, from);
	if (r == FERRY_OK)
		c->made[c->n_made++] = *out;
	return r;
}

/* Nobody gets to know of what the call has made. */
FERRY_SHIM_FN void
ferry_shim_unmake(struct ferry_shim_call *c)
{
	while (c->n_made > 0)
		ferry_handle_release(c->made[--c->n_made]);
}

/* Replies with the answer's block, which is not ours any more. */
FERRY_SHIM_FN int
ferry_shim_reply(struct ferry_shim_call *c, int status)
{
	int r = ferry_call_reply_block(
	    c->call, status, c->block, c->block_size);

	if (r != FERRY_OK && r != FERRY_ESTALE)
		ferry_block_release(c->block);
	c->block = NULL;
	return r;
}

/* A handler. */
FERRY_SHIM_FN int
ferry_shim_handle(ferry_call call, const void *data, size_t size, void *state,
    ferry_shim_run_fn run)
{
	struct ferry_shim_call c = { .call = call, .root = state,
		.data = (void *)(uintptr_t)data, .size = size };
	int status = run(&c);
	int r;

	if (status != FERRY_OK)
		ferry_shim_unmake(&c);
	if (c.deferred && status == FERRY_OK)
		return FERRY_OK;
	if (c.block == NULL && !c.deferred)
		return status;
	if (c.block == NULL)
		return ferry_call_reply(call, status, NULL, 0);
	r = ferry_shim_reply(&c, status);
	if (r != FERRY_OK)
		ferry_shim_unmake(&c);
	return r;
}

/* Ends a deferred call: with results, or a status and its text. */
FERRY_SHIM_FN int
ferry_shim_later(ferry_call call, int64_t code, const char *text,
    const void *head, size_t size, ferry_shim_size_fn measure,
    ferry_shim_store_fn store)
{
	struct ferry_shim_call c = { .call = call };
	int status = ferry_shim_status(code);

	if (status != 0) {
		ferry_shim_say(&c, status, text);
		status = ferry_shim_cancelled(&c, status);
	} else if (head != NULL) {
		status = ferry_shim_give(&c, head, size, measure, store);
	}
	if (c.block == NULL)
		return ferry_call_reply(call, status, NULL, 0);
	return ferry_shim_reply(&c, status);
}

/* A ferry_package_call_fn's one call. */
FERRY_SHIM_FN int
ferry_shim_direct(void **out, size_t *out_size, const void *data, size_t size,
    ferry_shim_run_fn run)
{
	struct ferry_shim_call c = { .size = size };
	int status;

	if (size != 0 && data == NULL)
		return FERRY_EINVAL;
	if (size != 0 && ferry_block_alloc(&c.data, size) != FERRY_OK)
		return FERRY_ENOMEM;
	if (size != 0)
		memcpy(c.data, data, size);
	status = run(&c);
	ferry_block_release(c.data);
	*out = c.block;
	*out_size = c.block != NULL ? c.block_size : 0;
	return status;
}

#endif
