/*
 * magic behind Ferry: made by `ferry gen` from magic_offer.h. Compile it into
 * the library, or beside it; <ferry/package.h> says what it exports.
 */
#include <stddef.h>

#include <ferry/shim.h>

#include "magic_ferry.h"

/* --- Records -------------------------------------------------------------- */

/* --- Objects -------------------------------------------------------------- */

static const char *
detail_cookie(void *object)
{
	return magic_error(object);
}

static void
end_cookie(void *object)
{
	magic_close(object);
}

static const struct ferry_shim_type type_cookie = {
	"cookie",
	NULL,
	end_cookie,
	detail_cookie
};

/* --- Functions ------------------------------------------------------------ */

struct in_magic_open {
	int flags;
};

static int
run_magic_open(struct ferry_shim_call *c)
{
	struct in_magic_open *in = ferry_shim_load(c, sizeof *in, NULL,
	    "cookie.open");
	magic_t made = NULL;
	int64_t code;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	made = magic_open(in->flags);
	code = made == NULL;
	if (code != 0)
		r = ferry_shim_fail(c, code, NULL, NULL);
	if (r == FERRY_OK)
		c->root->object = made;
	return r;
}

struct in_magic_load {
	const char *path;
};

static void
load_in_magic_load(struct ferry_shim_in *in, void *head)
{
	struct in_magic_load *r = head;

	r->path = ferry_shim_text(in, r->path, FERRY_SHIM_NULLABLE,
	    "cookie.load.path");
}

static int
run_magic_load(struct ferry_shim_call *c)
{
	struct in_magic_load *in = ferry_shim_load(c, sizeof *in,
	    load_in_magic_load, "cookie.load");
	int64_t code;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	code = magic_load(c->root->object, in->path);
	if (code != 0)
		r = ferry_shim_fail(c, code, NULL, NULL);
	return r;
}

static int
handle_magic_load(ferry_call call, const void *data, size_t size, void *state)
{
	return ferry_shim_handle(call, data, size, state, run_magic_load);
}

struct in_magic_file {
	const char *path;
};

static void
load_in_magic_file(struct ferry_shim_in *in, void *head)
{
	struct in_magic_file *r = head;

	r->path = ferry_shim_text(in, r->path, FERRY_SHIM_NEVER,
	    "cookie.file.path");
}

struct out_magic_file {
	const char *result;
};

static void
size_out_magic_file(struct ferry_shim_out *out, const void *head)
{
	const struct out_magic_file *r = head;

	ferry_shim_need_text(out, r->result, FERRY_SHIM_NEVER,
	    "cookie.file.result");
}

static void
store_out_magic_file(struct ferry_shim_out *out, void *head)
{
	struct out_magic_file *r = head;

	r->result = ferry_shim_store_text(out, r->result, FERRY_SHIM_NEVER);
}

static int
run_magic_file(struct ferry_shim_call *c)
{
	struct in_magic_file *in = ferry_shim_load(c, sizeof *in,
	    load_in_magic_file, "cookie.file");
	struct out_magic_file out = { 0 };
	int64_t code;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	out.result = magic_file(c->root->object, in->path);
	code = out.result == NULL;
	if (code != 0)
		r = ferry_shim_fail(c, code, NULL, NULL);
	if (r == FERRY_OK)
		r = ferry_shim_give(c, &out, sizeof out, size_out_magic_file,
		    store_out_magic_file);
	return r;
}

static int
handle_magic_file(ferry_call call, const void *data, size_t size, void *state)
{
	return ferry_shim_handle(call, data, size, state, run_magic_file);
}

struct in_magic_buffer {
	const void *data;
	size_t size;
};

static void
load_in_magic_buffer(struct ferry_shim_in *in, void *head)
{
	struct in_magic_buffer *r = head;

	r->data = ferry_shim_take(in, r->data, r->size, 1, 1, FERRY_SHIM_NEVER,
	    "cookie.buffer.data");
}

struct out_magic_buffer {
	const char *result;
};

static void
size_out_magic_buffer(struct ferry_shim_out *out, const void *head)
{
	const struct out_magic_buffer *r = head;

	ferry_shim_need_text(out, r->result, FERRY_SHIM_NEVER,
	    "cookie.buffer.result");
}

static void
store_out_magic_buffer(struct ferry_shim_out *out, void *head)
{
	struct out_magic_buffer *r = head;

	r->result = ferry_shim_store_text(out, r->result, FERRY_SHIM_NEVER);
}

static int
run_magic_buffer(struct ferry_shim_call *c)
{
	struct in_magic_buffer *in = ferry_shim_load(c, sizeof *in,
	    load_in_magic_buffer, "cookie.buffer");
	struct out_magic_buffer out = { 0 };
	int64_t code;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	out.result = magic_buffer(c->root->object, in->data, in->size);
	code = out.result == NULL;
	if (code != 0)
		r = ferry_shim_fail(c, code, NULL, NULL);
	if (r == FERRY_OK)
		r = ferry_shim_give(c, &out, sizeof out, size_out_magic_buffer,
		    store_out_magic_buffer);
	return r;
}

static int
handle_magic_buffer(ferry_call call, const void *data, size_t size, void *state)
{
	return ferry_shim_handle(call, data, size, state, run_magic_buffer);
}

struct in_magic_setflags {
	int flags;
};

static int
run_magic_setflags(struct ferry_shim_call *c)
{
	struct in_magic_setflags *in = ferry_shim_load(c, sizeof *in, NULL,
	    "cookie.setflags");
	int64_t code;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	code = magic_setflags(c->root->object, in->flags);
	if (code != 0)
		r = ferry_shim_fail(c, code, NULL, NULL);
	return r;
}

static int
handle_magic_setflags(ferry_call call, const void *data, size_t size,
    void *state)
{
	return ferry_shim_handle(call, data, size, state, run_magic_setflags);
}

struct out_magic_version {
	int result;
};

static int
run_magic_version(struct ferry_shim_call *c)
{
	struct out_magic_version out = { 0 };
	int r = FERRY_OK;

	out.result = magic_version();
	if (r == FERRY_OK)
		r = ferry_shim_give(c, &out, sizeof out, NULL, NULL);
	return r;
}

/* --- The package ---------------------------------------------------------- */

#define FIELD(type, field) \
	{ #field, offsetof(type, field), sizeof(((type *)0)->field) }

static const ferry_package_field fields_in_magic_open[] = {
	FIELD(struct in_magic_open, flags),
};

static const ferry_package_field fields_in_magic_load[] = {
	FIELD(struct in_magic_load, path),
};

static const ferry_package_field fields_in_magic_file[] = {
	FIELD(struct in_magic_file, path),
};

static const ferry_package_field fields_out_magic_file[] = {
	FIELD(struct out_magic_file, result),
};

static const ferry_package_field fields_in_magic_buffer[] = {
	FIELD(struct in_magic_buffer, data),
	FIELD(struct in_magic_buffer, size),
};

static const ferry_package_field fields_out_magic_buffer[] = {
	FIELD(struct out_magic_buffer, result),
};

static const ferry_package_field fields_in_magic_setflags[] = {
	FIELD(struct in_magic_setflags, flags),
};

static const ferry_package_field fields_out_magic_version[] = {
	FIELD(struct out_magic_version, result),
};

static const ferry_package_record records[] = {
	{ "cookie.open.in", UINT64_C(0xc0aa530619262f37),
	    sizeof(struct in_magic_open), _Alignof(struct in_magic_open), 1, 0,
	    fields_in_magic_open },
	{ "cookie.load.in", UINT64_C(0x2ef3f55de86994a1),
	    sizeof(struct in_magic_load), _Alignof(struct in_magic_load), 1, 0,
	    fields_in_magic_load },
	{ "cookie.file.in", UINT64_C(0x52819c5f1687dbb1),
	    sizeof(struct in_magic_file), _Alignof(struct in_magic_file), 1, 0,
	    fields_in_magic_file },
	{ "cookie.file.out", UINT64_C(0x52819c5f1687dbb1),
	    sizeof(struct out_magic_file), _Alignof(struct out_magic_file), 1,
	    0, fields_out_magic_file },
	{ "cookie.buffer.in", UINT64_C(0x41b0029c6a006b95),
	    sizeof(struct in_magic_buffer), _Alignof(struct in_magic_buffer), 2,
	    0, fields_in_magic_buffer },
	{ "cookie.buffer.out", UINT64_C(0x41b0029c6a006b95),
	    sizeof(struct out_magic_buffer), _Alignof(struct out_magic_buffer),
	    1, 0, fields_out_magic_buffer },
	{ "cookie.setflags.in", UINT64_C(0xdf76db96bf763d41),
	    sizeof(struct in_magic_setflags),
	    _Alignof(struct in_magic_setflags), 1, 0,
	    fields_in_magic_setflags },
	{ "version.out", UINT64_C(0x783e4633b09f3c76),
	    sizeof(struct out_magic_version),
	    _Alignof(struct out_magic_version), 1, 0,
	    fields_out_magic_version },
};

_Static_assert(_Alignof(struct in_magic_open) <= FERRY_SHIM_ALIGN,
    "cookie.open.in");
_Static_assert(_Alignof(struct in_magic_load) <= FERRY_SHIM_ALIGN,
    "cookie.load.in");
_Static_assert(_Alignof(struct in_magic_file) <= FERRY_SHIM_ALIGN,
    "cookie.file.in");
_Static_assert(_Alignof(struct out_magic_file) <= FERRY_SHIM_ALIGN,
    "cookie.file.out");
_Static_assert(_Alignof(struct in_magic_buffer) <= FERRY_SHIM_ALIGN,
    "cookie.buffer.in");
_Static_assert(_Alignof(struct out_magic_buffer) <= FERRY_SHIM_ALIGN,
    "cookie.buffer.out");
_Static_assert(_Alignof(struct in_magic_setflags) <= FERRY_SHIM_ALIGN,
    "cookie.setflags.in");
_Static_assert(_Alignof(struct out_magic_version) <= FERRY_SHIM_ALIGN,
    "version.out");

static const ferry_package_function functions[] = {
	{ "cookie.open", UINT64_C(0xc0aa530619262f37),
	    FERRY_FUNCTION_CONSTRUCTOR, 0, 0, 0 },
	{ "cookie.load", UINT64_C(0x2ef3f55de86994a1), FERRY_FUNCTION_METHOD, 0,
	    0, 0 },
	{ "cookie.file", UINT64_C(0x52819c5f1687dbb1), FERRY_FUNCTION_METHOD, 0,
	    1, 0 },
	{ "cookie.buffer", UINT64_C(0x41b0029c6a006b95), FERRY_FUNCTION_METHOD,
	    0, 2, 0 },
	{ "cookie.setflags", UINT64_C(0xdf76db96bf763d41),
	    FERRY_FUNCTION_METHOD, 0, 3, 0 },
	{ "version", UINT64_C(0x783e4633b09f3c76), FERRY_FUNCTION_DIRECT,
	    UINT32_MAX, 0, 0 },
};

static const char model[] =
	"{\"ferry_model\":1,\"library\":{\"name\":\"magic\",\"at\":\"magic_off"
	"er.h:16\",\"version\":\"1.0\",\"prefix\":\"magic_\",\"header\":\"magi"
	"c_offer.h\",\"instances\":\"independent\",\"overflow\":\"drop_oldest"
	"\"},\"constants\":[],\"enums\":[{\"name\":\"what\",\"c_name\":\"enum "
	"magic_what\",\"at\":\"magic_offer.h:20\",\"kind\":\"flags\",\"bits\":"
	"32,\"signed\":false,\"values\":[{\"name\":\"text\",\"c_name\":\"MAGIC"
	"_WHAT_TEXT\",\"at\":\"magic_offer.h:21\",\"value\":\"0\",\"doc\":\"Fo"
	"r people.\"},{\"name\":\"type\",\"c_name\":\"MAGIC_WHAT_TYPE\",\"at\""
	":\"magic_offer.h:22\",\"value\":\"16\",\"doc\":\"image/png\"},{\"name"
	"\":\"charset\",\"c_name\":\"MAGIC_WHAT_CHARSET\",\"at\":\"magic_offer"
	".h:23\",\"value\":\"1024\"},{\"name\":\"extensions\",\"c_name\":\"MAG"
	"IC_WHAT_EXTENSIONS\",\"at\":\"magic_offer.h:24\",\"value\":\"16777216"
	"\"},{\"name\":\"links\",\"c_name\":\"MAGIC_WHAT_LINKS\",\"at\":\"magi"
	"c_offer.h:25\",\"value\":\"2\",\"doc\":\"Follows symbolic links.\"},{"
	"\"name\":\"archives\",\"c_name\":\"MAGIC_WHAT_ARCHIVES\",\"at\":\"mag"
	"ic_offer.h:26\",\"value\":\"4\",\"doc\":\"Looks into archives.\"}],\""
	"doc\":\"What is told of a file.\",\"hash\":\"e72b877c5628fd62\"}],\"r"
	"ecords\":[],\"variants\":[],\"objects\":[{\"name\":\"cookie\",\"c_nam"
	"e\":\"magic_t\",\"at\":\"magic_offer.h:30\",\"constructors\":[\"open"
	"\"],\"destructor\":\"close\",\"detail\":\"magic_error\",\"doc\":\"Kno"
	"ws files by what is in them.\"}],\"functions\":[{\"name\":\"open\",\""
	"c_name\":\"magic_open\",\"at\":\"magic_offer.h:33\",\"kind\":\"constr"
	"uctor\",\"object\":\"cookie\",\"root\":\"cookie\",\"id\":0,\"in\":[{"
	"\"name\":\"flags\",\"c_name\":\"flags\",\"at\":\"magic_offer.h:34\","
	"\"type\":{\"kind\":\"enum\",\"c_type\":\"int\",\"name\":\"what\",\"bi"
	"ts\":32,\"signed\":true},\"role\":\"value\",\"default\":{\"kind\":\"e"
	"num\",\"value\":\"text\"}}],\"out\":[],\"call\":[{\"role\":\"in\",\"c"
	"_name\":\"flags\"}],\"returns\":{\"kind\":\"value\",\"type\":{\"kind"
	"\":\"handle\",\"object\":\"cookie\"},\"fails\":\"null\",\"c_type\":\""
	"magic_t\"},\"doc\":\"Opens one; load() comes next.\",\"hash\":\"c0aa5"
	"30619262f37\"},{\"name\":\"close\",\"c_name\":\"magic_close\",\"at\":"
	"\"magic_offer.h:35\",\"kind\":\"destructor\",\"object\":\"cookie\",\""
	"root\":\"cookie\",\"in\":[],\"out\":[],\"call\":[{\"role\":\"self\"}]"
	",\"returns\":{\"kind\":\"void\",\"c_type\":\"void\"},\"hash\":\"0cb70"
	"21c39fcfd97\"},{\"name\":\"load\",\"c_name\":\"magic_load\",\"at\":\""
	"magic_offer.h:39\",\"kind\":\"method\",\"object\":\"cookie\",\"root\""
	":\"cookie\",\"id\":0,\"in\":[{\"name\":\"path\",\"c_name\":\"path\","
	"\"at\":\"magic_offer.h:40\",\"type\":{\"kind\":\"string\",\"c_type\":"
	"\"const char *\",\"nullable\":true},\"role\":\"value\",\"default\":{"
	"\"kind\":\"none\"}}],\"out\":[],\"call\":[{\"role\":\"self\"},{\"role"
	"\":\"in\",\"c_name\":\"path\"}],\"returns\":{\"kind\":\"status\",\"fa"
	"ils\":\"nonzero\",\"c_type\":\"int\"},\"doc\":\"Reads the description"
	"s of types. @param path None: those installed.\",\"hash\":\"2ef3f55de"
	"86994a1\"},{\"name\":\"file\",\"c_name\":\"magic_file\",\"at\":\"magi"
	"c_offer.h:42\",\"kind\":\"method\",\"object\":\"cookie\",\"root\":\"c"
	"ookie\",\"id\":1,\"in\":[{\"name\":\"path\",\"c_name\":\"path\",\"at"
	"\":\"magic_offer.h:42\",\"type\":{\"kind\":\"string\",\"c_type\":\"co"
	"nst char *\"},\"role\":\"value\"}],\"out\":[{\"name\":\"result\",\"c_"
	"name\":\"result\",\"at\":\"magic_offer.h:42\",\"type\":{\"kind\":\"st"
	"ring\",\"c_type\":\"const char *\"},\"role\":\"value\"}],\"call\":[{"
	"\"role\":\"self\"},{\"role\":\"in\",\"c_name\":\"path\"}],\"returns\""
	":{\"kind\":\"value\",\"type\":{\"kind\":\"string\",\"c_type\":\"const"
	" char *\"},\"fails\":\"null\",\"c_type\":\"const char *\"},\"doc\":\""
	"What is in a file.\",\"hash\":\"52819c5f1687dbb1\"},{\"name\":\"buffe"
	"r\",\"c_name\":\"magic_buffer\",\"at\":\"magic_offer.h:44\",\"kind\":"
	"\"method\",\"object\":\"cookie\",\"root\":\"cookie\",\"id\":2,\"in\":"
	"[{\"name\":\"data\",\"c_name\":\"data\",\"at\":\"magic_offer.h:45\","
	"\"type\":{\"kind\":\"bytes\",\"c_type\":\"const void *\",\"len\":\"si"
	"ze\"},\"role\":\"value\"},{\"name\":\"size\",\"c_name\":\"size\",\"at"
	"\":\"magic_offer.h:45\",\"type\":{\"kind\":\"int\",\"c_type\":\"size_"
	"t\",\"bits\":64,\"signed\":false},\"role\":\"len\",\"of\":\"data\"}],"
	"\"out\":[{\"name\":\"result\",\"c_name\":\"result\",\"at\":\"magic_of"
	"fer.h:44\",\"type\":{\"kind\":\"string\",\"c_type\":\"const char *\"}"
	",\"role\":\"value\"}],\"call\":[{\"role\":\"self\"},{\"role\":\"in\","
	"\"c_name\":\"data\"},{\"role\":\"in\",\"c_name\":\"size\"}],\"returns"
	"\":{\"kind\":\"value\",\"type\":{\"kind\":\"string\",\"c_type\":\"con"
	"st char *\"},\"fails\":\"null\",\"c_type\":\"const char *\"},\"doc\":"
	"\"What is in these bytes.\",\"hash\":\"41b0029c6a006b95\"},{\"name\":"
	"\"setflags\",\"c_name\":\"magic_setflags\",\"at\":\"magic_offer.h:47"
	"\",\"kind\":\"method\",\"object\":\"cookie\",\"root\":\"cookie\",\"id"
	"\":3,\"in\":[{\"name\":\"flags\",\"c_name\":\"flags\",\"at\":\"magic_"
	"offer.h:48\",\"type\":{\"kind\":\"enum\",\"c_type\":\"int\",\"name\":"
	"\"what\",\"bits\":32,\"signed\":true},\"role\":\"value\"}],\"out\":[]"
	",\"call\":[{\"role\":\"self\"},{\"role\":\"in\",\"c_name\":\"flags\"}"
	"],\"returns\":{\"kind\":\"status\",\"fails\":\"nonzero\",\"c_type\":"
	"\"int\"},\"doc\":\"What is told from now on.\",\"hash\":\"df76db96bf7"
	"63d41\"},{\"name\":\"version\",\"c_name\":\"magic_version\",\"at\":\""
	"magic_offer.h:50\",\"kind\":\"function\",\"id\":0,\"in\":[],\"out\":["
	"{\"name\":\"result\",\"c_name\":\"result\",\"at\":\"magic_offer.h:50"
	"\",\"type\":{\"kind\":\"int\",\"c_type\":\"int\",\"bits\":32,\"signed"
	"\":true},\"role\":\"value\"}],\"call\":[],\"returns\":{\"kind\":\"val"
	"ue\",\"type\":{\"kind\":\"int\",\"c_type\":\"int\",\"bits\":32,\"sign"
	"ed\":true},\"c_type\":\"int\"},\"doc\":\"Of libmagic, 540 for 5.40.\""
	",\"hash\":\"783e4633b09f3c76\"}]}";

static const ferry_method methods_cookie[] = {
	{
		.struct_size = sizeof(ferry_method),
		.name = "cookie.load",
		.handler = handle_magic_load
	},
	{
		.struct_size = sizeof(ferry_method),
		.name = "cookie.file",
		.handler = handle_magic_file
	},
	{
		.struct_size = sizeof(ferry_method),
		.name = "cookie.buffer",
		.handler = handle_magic_buffer
	},
	{
		.struct_size = sizeof(ferry_method),
		.name = "cookie.setflags",
		.handler = handle_magic_setflags
	},
};

static const ferry_library_options library_cookie = {
	.struct_size = sizeof(ferry_library_options),
	.name = "magic",
	.methods = methods_cookie,
	.n_methods = 4,
	.init = ferry_shim_init,
	.fini = ferry_shim_fini
};

static const ferry_shim_run_fn constructors_cookie[] = {
	run_magic_open,
};

static struct ferry_shim_class classes[] = {
	{
		.type = &type_cookie,
		.constructors = constructors_cookie,
		.n_constructors = 1,
		.event_policy = FERRY_EVENTS_DROP_OLDEST,
		.worker_key = NULL,
		.library = &library_cookie
	},
};

static const char *const root_names[] = {
	"cookie",
};

static int
open_root(ferry_context *out, uint32_t root, uint32_t constructor,
    const void *data, size_t size, const ferry_context_options *options,
    char *text, size_t text_size)
{
	return ferry_shim_open(out, classes, 1, root, constructor, data, size,
	    options, text, text_size);
}

static const ferry_shim_run_fn directs[] = {
	run_magic_version,
};

static int
call_function(void **out, size_t *out_size, uint32_t id, const void *data,
    size_t size)
{
	if (id >= sizeof directs / sizeof directs[0])
		return FERRY_ENOMETHOD;
	return ferry_shim_direct(out, out_size, data, size, directs[id]);
}

static const ferry_package package = {
	.struct_size = sizeof(ferry_package),
	.format = FERRY_PACKAGE_FORMAT,
	.abi = FERRY_ABI,
	.name = "magic",
	.version = "1.0",
	.model = model,
	.model_size = sizeof model - 1,
	.roots = root_names,
	.records = records,
	.functions = functions,
	.n_roots = 1,
	.n_records = 8,
	.n_functions = 6,
	.open = open_root,
	.call = call_function
};

FERRY_API const ferry_package *
magic_ferry(void)
{
	return &package;
}

/* Weak: there may be several in a program that is linked statically. */
FERRY_API const ferry_package *
ferry_package_here(void) __attribute__((weak));

const ferry_package *
ferry_package_here(void)
{
	return &package;
}
