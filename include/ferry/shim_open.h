/*
 * A part of <ferry/shim.h>: events, and contexts.
 */
#ifndef FERRY_SHIM_OPEN_H
#define FERRY_SHIM_OPEN_H

#include <stdatomic.h>

#include <ferry/shim_call.h>

/* --- Events -------------------------------------------------------------- */

/*
 * Whose context a root object is. Read on any thread, so without locks: no
 * fork finds one held. Slots are never freed. Who asks for an object keeps it
 * alive, so its slot does not change meanwhile; others may. The object is
 * stored last and looked at first: who sees it sees its context.
 */
struct ferry_shim_slot {
	_Atomic(struct ferry_shim_slot *) next;
	atomic_int taken;
	_Atomic(void *) object;   /* NULL: of nobody */
	_Atomic(uint64_t) context;
};

static _Atomic(struct ferry_shim_slot *) ferry_shim_slots;

/* One that is free, or a new one; NULL: no memory. */
FERRY_SHIM_FN struct ferry_shim_slot *
ferry_shim_slot_take(void)
{
	struct ferry_shim_slot *s = atomic_load(&ferry_shim_slots);
	struct ferry_shim_slot *head;

	for (; s != NULL; s = atomic_load(&s->next))
		if (atomic_exchange(&s->taken, 1) == 0)
			return s;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	atomic_store(&s->taken, 1);
	head = atomic_load(&ferry_shim_slots);
	do
		atomic_store(&s->next, head);
	while (!atomic_compare_exchange_weak(&ferry_shim_slots, &head, s));
	return s;
}

FERRY_SHIM_FN void
ferry_shim_slot_leave(struct ferry_shim_slot *s)
{
	atomic_store(&s->object, NULL);
	atomic_store(&s->taken, 0);
}

/* 0: not open, or not any more. */
FERRY_SHIM_FN ferry_context
ferry_shim_context(const void *object)
{
	struct ferry_shim_slot *s = atomic_load(&ferry_shim_slots);

	if (object == NULL)
		return 0;
	for (; s != NULL; s = atomic_load(&s->next))
		if (atomic_load(&s->object) == object)
			return atomic_load(&s->context);
	return 0;
}

/* What cannot be told is lost, and counted: who emits could do nothing about
 * it, but who hears is told of a gap. What a policy refuses is counted there,
 * and a context that is gone has nobody who would want to know. */
FERRY_SHIM_FN int
ferry_shim_said(ferry_context context, uint32_t event, int r)
{
	if (r == FERRY_EINVAL || r == FERRY_ENOMEM || r == FERRY_E2BIG ||
	    r == FERRY_EDEADLK)
		ferry_context_emit(context, event, NULL, FERRY_EVENT_LOST);
	return r;
}

FERRY_SHIM_FN int
ferry_shim_emit(const void *object, uint32_t event, const void *head,
    size_t size, ferry_shim_size_fn measure, ferry_shim_store_fn store)
{
	ferry_context context = ferry_shim_context(object);
	struct ferry_shim_out out;
	size_t block_size;
	void *block;
	int r;

	if (context == 0)
		return FERRY_ESTALE;
	if (head == NULL)
		return ferry_shim_said(context, event,
		    ferry_context_emit(context, event, NULL, 0));
	r = ferry_shim_lay(
	    &block, &block_size, &out, head, size, measure, store);
	if (r != FERRY_OK)
		return ferry_shim_said(context, event, r);
	r = ferry_context_emit(context, event, block, block_size);
	ferry_block_release(block);
	return ferry_shim_said(context, event, r);
}

/* --- Opening ------------------------------------------------------------- */

/* A root, as the shim describes it. */
struct ferry_shim_class {
	const struct ferry_shim_type *type;
	const ferry_shim_run_fn *constructors;
	uint32_t n_constructors;
	uint32_t event_policy;
	const char *worker_key; /* NULL: each its own */
	const ferry_library_options *library;
	/* Of this process: a child finds its parent's and makes another. */
	_Atomic(uint64_t) token;
};

/* What init is handed: the opener's, and after a timeout init's alone. */
struct ferry_shim_opening {
	const struct ferry_shim_class *class;
	ferry_shim_run_fn construct;
	void *data;
	size_t size;
	int status;
	atomic_int owners;
};

FERRY_SHIM_FN void
ferry_shim_opening_leave(struct ferry_shim_opening *o)
{
	if (atomic_fetch_sub(&o->owners, 1) != 1)
		return;
	ferry_block_release(o->data);
	free(o);
}

FERRY_SHIM_FN int
ferry_shim_construct(
    void **state, struct ferry_shim_opening *o, struct ferry_shim_call *c)
{
	struct ferry_shim_root *root = c->root;
	int status;

	root->slot = ferry_shim_slot_take();
	if (root->slot == NULL)
		return FERRY_ENOMEM;
	status = o->construct(c);
	if (status == FERRY_OK && root->object == NULL)
		status = ferry_shim_say_where(
		    c, FERRY_EINVAL, "the returned ", root->type->name);
	if (status != FERRY_OK) {
		ferry_shim_slot_leave(root->slot);
		return status;
	}
	atomic_store(&root->slot->context, root->context);
	atomic_store(&root->slot->object, root->object);
	*state = root;
	return FERRY_OK;
}

/* A ferry_init_fn. */
FERRY_SHIM_FN int
ferry_shim_init(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	struct ferry_shim_opening *o =
	    (struct ferry_shim_opening *)(uintptr_t)arg;
	struct ferry_shim_root *root = calloc(1, sizeof *root);
	struct ferry_shim_call c = { .root = root, .data = o->data,
		.size = o->size };
	int status = FERRY_ENOMEM;

	if (root != NULL) {
		root->type = o->class->type;
		root->context = context;
		status = ferry_shim_construct(state, o, &c);
	}
	if (status != FERRY_OK) {
		free(root);
		snprintf(text, text_size, "%s", c.block ? (char *)c.block :
		    status < 0 ? ferry_error_text(status) : "");
	}
	ferry_block_release(c.block);
	o->status = status;
	ferry_shim_opening_leave(o);
	return status;
}

/* A ferry_fini_fn. */
FERRY_SHIM_FN void
ferry_shim_fini(void *state)
{
	struct ferry_shim_root *root = state;

	ferry_shim_slot_leave(root->slot);
	root->type->end(root->object);
	free(root);
}

/* The library's token, in place of `old`, which is none or another process's.
 * Threads may do so at once: one token is taken. */
FERRY_SHIM_FN int
ferry_shim_register(
    ferry_library *out, struct ferry_shim_class *class, uint64_t old)
{
	ferry_library made;
	int r = ferry_library_open(&made, class->library);

	if (r != FERRY_OK)
		return r;
	*out = made;
	if (!atomic_compare_exchange_strong(&class->token, &old, made)) {
		ferry_library_close(made);
		*out = old;
	}
	return FERRY_OK;
}

FERRY_SHIM_FN int
ferry_shim_open_context(ferry_context *out, struct ferry_shim_class *class,
    ferry_context_options *options)
{
	ferry_library library = atomic_load(&class->token);
	int r = FERRY_EFORKED;

	options->library = library;
	if (library != 0)
		r = ferry_context_open(out, options);
	/* Anything else may have told init already. */
	while (r == FERRY_EFORKED) {
		r = ferry_shim_register(&options->library, class, library);
		if (r != FERRY_OK)
			return r;
		library = options->library;
		r = ferry_context_open(out, options);
	}
	return r;
}

/* The caller's options, as long as ours; what they leave open is the class's.
 * A tail that we do not know must be zero. */
FERRY_SHIM_FN int
ferry_shim_options(ferry_context_options *to,
    const ferry_context_options *from, const struct ferry_shim_class *class)
{
	size_t size = from != NULL ? from->struct_size : sizeof *to;
	const unsigned char *p = (const unsigned char *)from;
	size_t i;

	memset(to, 0, sizeof *to);
	if (size < sizeof to->struct_size)
		return FERRY_EINVAL;
	for (i = sizeof *to; i < size; i++)
		if (p[i] != 0)
			return FERRY_EINVAL;
	if (from != NULL)
		memcpy(to, from, size < sizeof *to ? size : sizeof *to);
	to->struct_size = sizeof *to;
	if (to->worker_key == NULL)
		to->worker_key = class->worker_key;
	if (to->event_policy == 0)
		to->event_policy = class->event_policy;
	return FERRY_OK;
}

FERRY_SHIM_FN int
ferry_shim_opening_make(struct ferry_shim_opening **out,
    const struct ferry_shim_class *class, uint32_t constructor,
    const void *data, size_t size)
{
	struct ferry_shim_opening *o;

	if (constructor >= class->n_constructors ||
	    (size != 0 && data == NULL))
		return FERRY_EINVAL;
	o = calloc(1, sizeof *o);
	if (o == NULL)
		return FERRY_ENOMEM;
	o->class = class;
	o->construct = class->constructors[constructor];
	o->size = size;
	atomic_store(&o->owners, 2);
	if (size != 0 && ferry_block_alloc(&o->data, size) != FERRY_OK) {
		free(o);
		return FERRY_ENOMEM;
	}
	if (size != 0)
		memcpy(o->data, data, size);
	*out = o;
	return FERRY_OK;
}

FERRY_SHIM_FN int
ferry_shim_open_class(ferry_context *out, struct ferry_shim_class *class,
    uint32_t constructor, const void *data, size_t size,
    const ferry_context_options *options, char *text, size_t text_size)
{
	struct ferry_shim_opening *o;
	ferry_context_options with;
	int r = ferry_shim_options(&with, options, class);

	if (r == FERRY_OK)
		r = ferry_shim_opening_make(
		    &o, class, constructor, data, size);
	if (r != FERRY_OK)
		return r;
	with.init_arg = o;
	with.error_text = text;
	with.error_text_size = text_size;
	r = ferry_shim_open_context(out, class, &with);
	if (r == FERRY_ETIMEDOUT) {
		ferry_shim_opening_leave(o);
		return r;
	}
	/* Init has returned, or never will be called. */
	if (r == FERRY_EINIT && o->status != FERRY_OK)
		r = o->status;
	atomic_store(&o->owners, 1);
	ferry_shim_opening_leave(o);
	return r;
}

/* A ferry_package_open_fn's, with its text. */
FERRY_SHIM_FN int
ferry_shim_open(ferry_context *out, struct ferry_shim_class *classes,
    uint32_t n_classes, uint32_t root, uint32_t constructor, const void *data,
    size_t size, const ferry_context_options *options, char *text,
    size_t text_size)
{
	int r = ferry_abi_check(FERRY_ABI);

	if (text == NULL)
		text_size = 0;
	if (text_size != 0)
		text[0] = 0;
	if (r == FERRY_OK && root >= n_classes)
		r = FERRY_EINVAL;
	if (r == FERRY_OK)
		r = ferry_shim_open_class(out, &classes[root], constructor,
		    data, size, options, text, text_size);
	if (r < 0 && text_size != 0 && text[0] == 0)
		snprintf(text, text_size, "%s", ferry_error_text(r));
	return r;
}

#endif
