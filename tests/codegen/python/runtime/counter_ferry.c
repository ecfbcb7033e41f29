/*
 * A package by hand, as include/ferry/package.h says, for the tests of Python's
 * runtime: they are to fail for its own mistakes, and not for the generator's.
 *
 * Built as it is: `counter`. With -DOTHER: a second library, `other`, of
 * another hash. What the block of each function is stands above it.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ferry/package.h>

#ifdef OTHER
#define NAME "other"
#define ENTRY other_ferry
#define HASH_ECHO 0x0ddc0de5ull
#else
#define NAME "counter"
#define ENTRY counter_ferry
#define HASH_ECHO 0xec40ull
#endif

#ifndef FORMAT
#define FORMAT FERRY_PACKAGE_FORMAT
#endif
#ifndef ABI
#define ABI FERRY_ABI
#endif

#define SHARE __attribute__((visibility("default")))

enum { /* the library's own */
	COUNTER_REFUSED = 1,
	COUNTER_BROKEN = 7,
	COUNTER_UNKNOWN = 9
};

enum { /* methods */
	ECHO,
	HOLD,
	FAIL,
	NOISE,
	MAKE,
	VALUE,
	ALIVE,
	SLEEP,
	GATE,
	N_METHODS
};

enum { ON_NOISE, ON_SILENCE, N_EVENTS };

typedef struct counter {
	uint32_t start;
	int alive;
} counter;

typedef struct thing {
	uint32_t value;
} thing;

static atomic_int stop;
static atomic_int gate;
static const char thing_type;

/* Bytes, as they are. */
static int
echo(ferry_call call, const void *data, size_t size, void *state)
{
	(void)state;
	return ferry_call_reply(call, FERRY_OK, data, size);
}

static void
interrupt(ferry_call call, void *user)
{
	(void)call;
	(void)user;
	atomic_store(&stop, 1);
}

static int
nap(uint32_t ms)
{
	const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	return nanosleep(&t, NULL);
}

/* uint32_t ms: holds the thread so long, or until it is cancelled. */
static int
hold(ferry_call call, const void *data, size_t size, void *state)
{
	uint64_t end = ferry_clock_ns();
	uint32_t ms;

	(void)state;
	if (size != sizeof ms)
		return FERRY_EINVAL;
	memcpy(&ms, data, sizeof ms);
	end += (uint64_t)ms * 1000000;
	atomic_store(&stop, 0);
	if (ferry_call_on_cancel(call, interrupt, NULL) != FERRY_OK)
		return FERRY_ECANCELED;
	while (!atomic_load(&stop) && ferry_clock_ns() < end)
		nap(1);
	if (ferry_call_on_cancel(call, NULL, NULL) != FERRY_OK)
		return FERRY_ECANCELED;
	return FERRY_OK;
}

/* int32_t status, and the text. */
static int
fail(ferry_call call, const void *data, size_t size, void *state)
{
	int32_t status;

	(void)state;
	if (size < sizeof status)
		return FERRY_EINVAL;
	memcpy(&status, data, sizeof status);
	return ferry_call_reply(call, status,
	    (const char *)data + sizeof status, size - sizeof status);
}

/* uint32_t count: so many events, each its number, then one `silence`. May be
 * cancelled. */
static int
noise(ferry_call call, const void *data, size_t size, void *state)
{
	ferry_call_info info = {.struct_size = sizeof info};
	uint32_t count;
	int r;

	(void)state;
	if (size != sizeof count)
		return FERRY_EINVAL;
	memcpy(&count, data, sizeof count);
	r = ferry_call_describe(&info, call);
	for (uint32_t i = 0; i < count && r == FERRY_OK; i++) {
		r = ferry_context_emit(info.context, ON_NOISE, &i, sizeof i);
		if (r == FERRY_OK)
			r = ferry_call_check(call);
	}
	if (r == FERRY_OK)
		r = ferry_context_emit(info.context, ON_SILENCE, NULL, 0);
	return r;
}

static void
unmake(void *object, void *state)
{
	counter *c = state;

	c->alive--;
	free(object);
}

/* Makes a thing of value uint32_t; uint64_t, its handle. */
static int
make(ferry_call call, const void *data, size_t size, void *state)
{
	counter *c = state;
	ferry_handle handle;
	thing *t;
	int r;

	if (size != sizeof t->value)
		return FERRY_EINVAL;
	t = malloc(sizeof *t);
	if (!t)
		return FERRY_ENOMEM;
	memcpy(&t->value, data, sizeof t->value);
	r = ferry_handle_open(&handle, call, t, &thing_type, unmake);
	if (r != FERRY_OK) {
		free(t);
		return r;
	}
	c->alive++;
	return ferry_call_reply(call, FERRY_OK, &handle, sizeof handle);
}

/* The value of the thing uint64_t. */
static int
value(ferry_call call, const void *data, size_t size, void *state)
{
	ferry_handle handle;
	void *object;
	int r;

	(void)state;
	if (size != sizeof handle)
		return FERRY_EINVAL;
	memcpy(&handle, data, sizeof handle);
	r = ferry_handle_object(&object, call, handle, &thing_type);
	if (r != FERRY_OK)
		return r;
	return ferry_call_reply(call, FERRY_OK, &((thing *)object)->value,
	    sizeof(uint32_t));
}

/* int32_t: how many things there are. */
static int
alive(ferry_call call, const void *data, size_t size, void *state)
{
	const counter *c = state;

	(void)data;
	(void)size;
	return ferry_call_reply(call, FERRY_OK, &c->alive, sizeof c->alive);
}

/* A strand. uint32_t ms: waits so long, without the thread. */
static int
doze(ferry_call call, const void *data, size_t size, void *state)
{
	uint32_t ms;

	(void)call;
	(void)state;
	if (size != sizeof ms)
		return FERRY_EINVAL;
	memcpy(&ms, data, sizeof ms);
	return ferry_strand_sleep(ms);
}

/* Holds the thread, deaf to all, until counter_gate_open(). */
static void
stay_at_gate(void)
{
	atomic_fetch_or(&gate, 2);
	while (!(atomic_load(&gate) & 1))
		nap(1);
}

static int
at_gate(ferry_call call, const void *data, size_t size, void *state)
{
	(void)call;
	(void)data;
	(void)size;
	(void)state;
	stay_at_gate();
	return FERRY_OK;
}

SHARE void
counter_gate_open(void);

void
counter_gate_open(void)
{
	atomic_store(&gate, 1);
}

SHARE void
counter_gate_close(void);

void
counter_gate_close(void)
{
	atomic_store(&gate, 0);
}

SHARE int
counter_at_gate(void);

/* Whether the thread is held there. */
int
counter_at_gate(void)
{
	return atomic_load(&gate) == 2;
}

#define METHOD(n, h, f)                                                     \
	{                                                                   \
		.struct_size = sizeof(ferry_method), .flags = (f),          \
		.name = (n), .handler = (h)                                 \
	}

static const ferry_method methods[N_METHODS] = {
    [ECHO] = METHOD("echo", echo, 0),
    [HOLD] = METHOD("hold", hold, 0),
    [FAIL] = METHOD("fail", fail, 0),
    [NOISE] = METHOD("noise", noise, 0),
    [MAKE] = METHOD("make", make, 0),
    [VALUE] = METHOD("value", value, 0),
    [ALIVE] = METHOD("alive", alive, 0),
    [SLEEP] = METHOD("sleep", doze, FERRY_METHOD_STRAND),
    [GATE] = METHOD("gate", at_gate, 0),
};

static const ferry_event events[N_EVENTS] = {
    {.struct_size = sizeof(ferry_event), .name = "on_noise"},
    {.struct_size = sizeof(ferry_event), .name = "on_silence"},
};

/* Of an open; it ends with whoever of the two is the last to have it, since an
 * open that times out leaves its init behind. */
typedef struct opening {
	atomic_int refs;
	uint32_t start;
	uint32_t at_gate;
	int status;
} opening;

static void
opening_drop(opening *o)
{
	if (atomic_fetch_sub(&o->refs, 1) == 1)
		free(o);
}

static int
init(void **state, const void *arg, char *text, size_t text_size,
    ferry_context context)
{
	opening *o = (opening *)arg;
	counter *c;
	int r = 0;

	(void)context;
	if (o->at_gate)
		stay_at_gate();
	if (o->start == UINT32_MAX) {
		if (text_size)
			strncpy(text, "starts nowhere", text_size - 1);
		o->status = r = COUNTER_REFUSED;
	} else {
		c = calloc(1, sizeof *c);
		r = c ? 0 : FERRY_ENOMEM;
		if (c)
			c->start = o->start;
		*state = c;
	}
	opening_drop(o);
	return r;
}

static atomic_int fini_tells = -1;

SHARE void
counter_fini_tells(int fd);

/* From now on a byte is written there when a context ends. */
void
counter_fini_tells(int fd)
{
	atomic_store(&fini_tells, fd);
}

static void
fini(void *state)
{
	const int fd = atomic_load(&fini_tells);

	if (fd >= 0 && write(fd, "f", 1) != 1)
		abort();
	free(state);
}

static const ferry_library_options library_options = {
    .struct_size = sizeof library_options,
    .n_methods = N_METHODS,
    .name = NAME,
    .methods = methods,
    .events = events,
    .n_events = N_EVENTS,
    .init = init,
    .fini = fini,
};

/* uint32_t start, uint32_t at_gate: whether its init is held there, as a call
 * of GATE is; starting at UINT32_MAX is refused. */
static int
opened(ferry_context *out, uint32_t root, uint32_t constructor,
    const void *data, size_t size, const ferry_context_options *options,
    char *text, size_t text_size)
{
	ferry_context_options o = {.struct_size = sizeof o};
	ferry_library library;
	opening *arg;
	uint32_t in[2];
	int r;

	if (root != 0 || constructor != 0 || size != sizeof in)
		return FERRY_EINVAL;
	memcpy(in, data, sizeof in);
	arg = malloc(sizeof *arg);
	if (!arg)
		return FERRY_ENOMEM;
	*arg = (opening){.refs = 2, .start = in[0], .at_gate = in[1]};
	r = ferry_library_open(&library, &library_options);
	if (r != FERRY_OK) {
		free(arg);
		return r;
	}
	if (options)
		o = *options;
	o.library = library;
	o.init_arg = arg;
	o.error_text = text;
	o.error_text_size = text_size;
	if (text && text_size)
		*text = '\0';
	r = ferry_context_open(out, &o);
	if (r == FERRY_EINIT && arg->status)
		r = arg->status;
	else if (r != FERRY_OK && r != FERRY_EINIT && r != FERRY_ETIMEDOUT)
		opening_drop(arg); /* init has not been called */
	opening_drop(arg);
	ferry_library_close(library);
	return r;
}

/* `version`: text; `refuse`: status 7, with what it was given as text. */
static int
called(void **out, size_t *out_size, uint32_t id, const void *data, size_t size)
{
	static const char version[] = "1.0";
	const void *from = id ? data : version;
	const size_t n = id ? size : sizeof version;

	*out = NULL;
	*out_size = 0;
	if (id > 1)
		return FERRY_ENOMETHOD;
	if (n) {
		const int r = ferry_block_alloc(out, n);

		if (r != FERRY_OK)
			return r;
		memcpy(*out, from, n);
		*out_size = n;
	}
	return id ? COUNTER_BROKEN : FERRY_OK;
}

static const ferry_package_field point_fields[] = {
    {"x", 0, 8},
    {"y", 8, 4},
};

static const ferry_package_record records[] = {
    {"point", 0xb01d, 16, 8, 2, 0, point_fields},
};

#define FUNCTION(n, h, k, i) {n, h, k, 0, i, 0}

static const ferry_package_function functions[] = {
    FUNCTION("open", 1, FERRY_FUNCTION_CONSTRUCTOR, 0),
    FUNCTION("echo", HASH_ECHO, FERRY_FUNCTION_METHOD, ECHO),
    FUNCTION("hold", 2, FERRY_FUNCTION_METHOD, HOLD),
    FUNCTION("fail", 3, FERRY_FUNCTION_METHOD, FAIL),
    FUNCTION("noise", 4, FERRY_FUNCTION_METHOD, NOISE),
    FUNCTION("make", 5, FERRY_FUNCTION_METHOD, MAKE),
    FUNCTION("thing.value", 6, FERRY_FUNCTION_METHOD, VALUE),
    FUNCTION("alive", 7, FERRY_FUNCTION_METHOD, ALIVE),
    FUNCTION("sleep", 8, FERRY_FUNCTION_METHOD, SLEEP),
    FUNCTION("gate", 9, FERRY_FUNCTION_METHOD, GATE),
    FUNCTION("on_noise", 10, FERRY_FUNCTION_EVENT, ON_NOISE),
    FUNCTION("on_silence", 11, FERRY_FUNCTION_EVENT, ON_SILENCE),
    {"version", 12, FERRY_FUNCTION_DIRECT, UINT32_MAX, 0, 0},
    {"refuse", 13, FERRY_FUNCTION_DIRECT, UINT32_MAX, 1, 0},
};

static const char *const roots[] = {"counter"};
static const char model[] = "{\"ferry_model\": 1}\n";

static const ferry_package package = {
    .struct_size = sizeof package,
    .format = FORMAT,
    .abi = ABI,
    .name = NAME,
    .version = "1.0",
    .model = model,
    .model_size = sizeof model - 1,
    .roots = roots,
    .records = records,
    .functions = functions,
    .n_roots = 1,
    .n_records = sizeof records / sizeof *records,
    .n_functions = sizeof functions / sizeof *functions,
    .open = opened,
    .call = called,
};

SHARE const ferry_package *
ENTRY(void);

const ferry_package *
ENTRY(void)
{
	return &package;
}

SHARE const ferry_package *
ferry_package_here(void) __attribute__((weak));

const ferry_package *
ferry_package_here(void)
{
	return &package;
}
