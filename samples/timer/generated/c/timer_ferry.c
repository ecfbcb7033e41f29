/*
 * timer behind Ferry: made by `ferry gen` from timer.h. Compile it into
 * the library, or beside it; <ferry/package.h> says what it exports.
 */
#include <stddef.h>

#include <ferry/shim.h>

#include "timer_ferry.h"

/* --- Records -------------------------------------------------------------- */

/* --- Objects -------------------------------------------------------------- */

static const char *
text_of_error(int code)
{
	return timer_error_text((timer_error)code);
}

static void
cancel_timer_interrupt(ferry_call call, void *root)
{
	(void)call;
	timer_interrupt(root);
}

static void
end_timer(void *object)
{
	timer_close(object);
}

static const struct ferry_shim_type type_timer = {
	"timer",
	NULL,
	end_timer,
	NULL
};

/* --- Functions ------------------------------------------------------------ */

static int
run_timer_open(struct ferry_shim_call *c)
{
	timer *made = NULL;
	int64_t code;
	int r = FERRY_OK;

	code = timer_open(&made);
	if (code != 0)
		r = ferry_shim_fail(c, code, NULL, text_of_error);
	if (r == FERRY_OK)
		c->root->object = made;
	return r;
}

struct in_timer_echo {
	const char *text;
};

static void
load_in_timer_echo(struct ferry_shim_in *in, void *head)
{
	struct in_timer_echo *r = head;

	r->text = ferry_shim_text(in, r->text, FERRY_SHIM_NEVER,
	    "timer.echo.text");
}

struct out_timer_echo {
	const char *result;
};

static void
size_out_timer_echo(struct ferry_shim_out *out, const void *head)
{
	const struct out_timer_echo *r = head;

	ferry_shim_need_text(out, r->result, FERRY_SHIM_NEVER,
	    "timer.echo.result");
}

static void
store_out_timer_echo(struct ferry_shim_out *out, void *head)
{
	struct out_timer_echo *r = head;

	r->result = ferry_shim_store_text(out, r->result, FERRY_SHIM_NEVER);
}

static int
run_timer_echo(struct ferry_shim_call *c)
{
	struct in_timer_echo *in = ferry_shim_load(c, sizeof *in,
	    load_in_timer_echo, "timer.echo");
	struct out_timer_echo out = { 0 };
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	out.result = timer_echo(c->root->object, in->text);
	if (r == FERRY_OK)
		r = ferry_shim_give(c, &out, sizeof out, size_out_timer_echo,
		    store_out_timer_echo);
	return r;
}

static int
handle_timer_echo(ferry_call call, const void *data, size_t size, void *state)
{
	return ferry_shim_handle(call, data, size, state, run_timer_echo);
}

struct in_timer_after {
	uint32_t delay;
	const char *text;
};

static void
load_in_timer_after(struct ferry_shim_in *in, void *head)
{
	struct in_timer_after *r = head;

	r->text = ferry_shim_text(in, r->text, FERRY_SHIM_NEVER,
	    "timer.after.text");
}

struct out_timer_after {
	const char *out;
};

static void
size_out_timer_after(struct ferry_shim_out *out, const void *head)
{
	const struct out_timer_after *r = head;

	ferry_shim_need_text(out, r->out, FERRY_SHIM_NEVER, "timer.after.out");
}

static void
store_out_timer_after(struct ferry_shim_out *out, void *head)
{
	struct out_timer_after *r = head;

	r->out = ferry_shim_store_text(out, r->out, FERRY_SHIM_NEVER);
}

static int
run_timer_after(struct ferry_shim_call *c)
{
	struct in_timer_after *in = ferry_shim_load(c, sizeof *in,
	    load_in_timer_after, "timer.after");
	int64_t code;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	r = ferry_call_defer(c->call);
	if (r != FERRY_OK)
		return r;
	c->deferred = true;
	code = timer_after(c->root->object, c->call, in->delay, in->text, NULL);
	if (code != 0)
		r = ferry_shim_fail(c, code, NULL, text_of_error);
	r = ferry_shim_cancelled(c, r);
	return r;
}

static int
handle_timer_after(ferry_call call, const void *data, size_t size, void *state)
{
	return ferry_shim_handle(call, data, size, state, run_timer_after);
}

FERRY_API int
timer_after_reply(ferry_call call, timer_error status, const char *text,
    const char *out)
{
	struct out_timer_after results = { 0 };
	int r;

	results.out = out;
	r = ferry_shim_later(call, status, text, &results, sizeof results,
	    size_out_timer_after, store_out_timer_after);
	return r;
}

struct in_timer_delay {
	uint32_t delay;
	const char *text;
};

static void
load_in_timer_delay(struct ferry_shim_in *in, void *head)
{
	struct in_timer_delay *r = head;

	r->text = ferry_shim_text(in, r->text, FERRY_SHIM_NEVER,
	    "timer.delay.text");
}

struct out_timer_delay {
	const char *out;
};

static void
size_out_timer_delay(struct ferry_shim_out *out, const void *head)
{
	const struct out_timer_delay *r = head;

	ferry_shim_need_text(out, r->out, FERRY_SHIM_NEVER, "timer.delay.out");
}

static void
store_out_timer_delay(struct ferry_shim_out *out, void *head)
{
	struct out_timer_delay *r = head;

	r->out = ferry_shim_store_text(out, r->out, FERRY_SHIM_NEVER);
}

static int
run_timer_delay(struct ferry_shim_call *c)
{
	struct in_timer_delay *in = ferry_shim_load(c, sizeof *in,
	    load_in_timer_delay, "timer.delay");
	struct out_timer_delay out = { 0 };
	int64_t code;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	code = timer_delay(c->root->object, in->delay, in->text, &out.out);
	if (code != 0)
		r = ferry_shim_fail(c, code, NULL, text_of_error);
	r = ferry_shim_cancelled(c, r);
	if (r == FERRY_OK)
		r = ferry_shim_give(c, &out, sizeof out, size_out_timer_delay,
		    store_out_timer_delay);
	return r;
}

static int
handle_timer_delay(ferry_call call, const void *data, size_t size, void *state)
{
	return ferry_shim_handle(call, data, size, state, run_timer_delay);
}

struct in_timer_hold {
	uint32_t delay;
	const char *text;
};

static void
load_in_timer_hold(struct ferry_shim_in *in, void *head)
{
	struct in_timer_hold *r = head;

	r->text = ferry_shim_text(in, r->text, FERRY_SHIM_NEVER,
	    "timer.hold.text");
}

struct out_timer_hold {
	const char *out;
};

static void
size_out_timer_hold(struct ferry_shim_out *out, const void *head)
{
	const struct out_timer_hold *r = head;

	ferry_shim_need_text(out, r->out, FERRY_SHIM_NEVER, "timer.hold.out");
}

static void
store_out_timer_hold(struct ferry_shim_out *out, void *head)
{
	struct out_timer_hold *r = head;

	r->out = ferry_shim_store_text(out, r->out, FERRY_SHIM_NEVER);
}

static int
run_timer_hold(struct ferry_shim_call *c)
{
	struct in_timer_hold *in = ferry_shim_load(c, sizeof *in,
	    load_in_timer_hold, "timer.hold");
	struct out_timer_hold out = { 0 };
	int64_t code;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	r = ferry_call_on_cancel(c->call, cancel_timer_interrupt,
	    c->root->object);
	if (r != FERRY_OK)
		return r;
	code = timer_hold(c->root->object, in->delay, in->text, &out.out);
	ferry_call_on_cancel(c->call, NULL, NULL);
	if (code != 0)
		r = ferry_shim_fail(c, code, NULL, text_of_error);
	r = ferry_shim_cancelled(c, r);
	if (r == FERRY_OK)
		r = ferry_shim_give(c, &out, sizeof out, size_out_timer_hold,
		    store_out_timer_hold);
	return r;
}

static int
handle_timer_hold(ferry_call call, const void *data, size_t size, void *state)
{
	return ferry_shim_handle(call, data, size, state, run_timer_hold);
}

struct in_timer_schedule {
	const timer_rhythm *rhythm;
};

static void
load_in_timer_schedule(struct ferry_shim_in *in, void *head)
{
	struct in_timer_schedule *r = head;

	r->rhythm = ferry_shim_take(in, r->rhythm, 1, sizeof(timer_rhythm),
	    _Alignof(timer_rhythm), FERRY_SHIM_NEVER, "timer.schedule.rhythm");
}

static int
run_timer_schedule(struct ferry_shim_call *c)
{
	struct in_timer_schedule *in = ferry_shim_load(c, sizeof *in,
	    load_in_timer_schedule, "timer.schedule");
	int64_t code;
	int r = FERRY_OK;

	if (in == NULL)
		return FERRY_EINVAL;
	code = timer_schedule(c->root->object, in->rhythm);
	if (code != 0)
		r = ferry_shim_fail(c, code, NULL, text_of_error);
	r = ferry_shim_cancelled(c, r);
	return r;
}

static int
handle_timer_schedule(ferry_call call, const void *data, size_t size,
    void *state)
{
	return ferry_shim_handle(call, data, size, state, run_timer_schedule);
}

struct out_timer_on_tick {
	uint32_t number;
};

FERRY_API void
timer_on_tick(timer *t, uint32_t number)
{
	struct out_timer_on_tick out = { 0 };

	out.number = number;
	ferry_shim_emit(t, 0, &out, sizeof out, NULL, NULL);
}

/* --- The package ---------------------------------------------------------- */

#define FIELD(type, field) \
	{ #field, offsetof(type, field), sizeof(((type *)0)->field) }

static const ferry_package_field fields_rhythm[] = {
	FIELD(timer_rhythm, ticks),
	FIELD(timer_rhythm, period),
	FIELD(timer_rhythm, jitter),
};

static const ferry_package_field fields_in_timer_echo[] = {
	FIELD(struct in_timer_echo, text),
};

static const ferry_package_field fields_out_timer_echo[] = {
	FIELD(struct out_timer_echo, result),
};

static const ferry_package_field fields_in_timer_after[] = {
	FIELD(struct in_timer_after, delay),
	FIELD(struct in_timer_after, text),
};

static const ferry_package_field fields_out_timer_after[] = {
	FIELD(struct out_timer_after, out),
};

static const ferry_package_field fields_in_timer_delay[] = {
	FIELD(struct in_timer_delay, delay),
	FIELD(struct in_timer_delay, text),
};

static const ferry_package_field fields_out_timer_delay[] = {
	FIELD(struct out_timer_delay, out),
};

static const ferry_package_field fields_in_timer_hold[] = {
	FIELD(struct in_timer_hold, delay),
	FIELD(struct in_timer_hold, text),
};

static const ferry_package_field fields_out_timer_hold[] = {
	FIELD(struct out_timer_hold, out),
};

static const ferry_package_field fields_in_timer_schedule[] = {
	FIELD(struct in_timer_schedule, rhythm),
};

static const ferry_package_field fields_out_timer_on_tick[] = {
	FIELD(struct out_timer_on_tick, number),
};

static const ferry_package_record records[] = {
	{ "rhythm", UINT64_C(0x3cd4ac676168bf13), sizeof(timer_rhythm),
	    _Alignof(timer_rhythm), 3, 0, fields_rhythm },
	{ "timer.echo.in", UINT64_C(0x4ffb295fd6105fb1),
	    sizeof(struct in_timer_echo), _Alignof(struct in_timer_echo), 1, 0,
	    fields_in_timer_echo },
	{ "timer.echo.out", UINT64_C(0x4ffb295fd6105fb1),
	    sizeof(struct out_timer_echo), _Alignof(struct out_timer_echo), 1,
	    0, fields_out_timer_echo },
	{ "timer.after.in", UINT64_C(0x36b41699a15aee48),
	    sizeof(struct in_timer_after), _Alignof(struct in_timer_after), 2,
	    0, fields_in_timer_after },
	{ "timer.after.out", UINT64_C(0x36b41699a15aee48),
	    sizeof(struct out_timer_after), _Alignof(struct out_timer_after), 1,
	    0, fields_out_timer_after },
	{ "timer.delay.in", UINT64_C(0x20918e43e475bd03),
	    sizeof(struct in_timer_delay), _Alignof(struct in_timer_delay), 2,
	    0, fields_in_timer_delay },
	{ "timer.delay.out", UINT64_C(0x20918e43e475bd03),
	    sizeof(struct out_timer_delay), _Alignof(struct out_timer_delay), 1,
	    0, fields_out_timer_delay },
	{ "timer.hold.in", UINT64_C(0x8954a0602190d930),
	    sizeof(struct in_timer_hold), _Alignof(struct in_timer_hold), 2, 0,
	    fields_in_timer_hold },
	{ "timer.hold.out", UINT64_C(0x8954a0602190d930),
	    sizeof(struct out_timer_hold), _Alignof(struct out_timer_hold), 1,
	    0, fields_out_timer_hold },
	{ "timer.schedule.in", UINT64_C(0x44d5c07d2e9908c0),
	    sizeof(struct in_timer_schedule),
	    _Alignof(struct in_timer_schedule), 1, 0,
	    fields_in_timer_schedule },
	{ "timer.on_tick.out", UINT64_C(0x34aa830d1a232d20),
	    sizeof(struct out_timer_on_tick),
	    _Alignof(struct out_timer_on_tick), 1, 0,
	    fields_out_timer_on_tick },
};

_Static_assert(_Alignof(timer_rhythm) <= FERRY_SHIM_ALIGN, "rhythm");
_Static_assert(_Alignof(struct in_timer_echo) <= FERRY_SHIM_ALIGN,
    "timer.echo.in");
_Static_assert(_Alignof(struct out_timer_echo) <= FERRY_SHIM_ALIGN,
    "timer.echo.out");
_Static_assert(_Alignof(struct in_timer_after) <= FERRY_SHIM_ALIGN,
    "timer.after.in");
_Static_assert(_Alignof(struct out_timer_after) <= FERRY_SHIM_ALIGN,
    "timer.after.out");
_Static_assert(_Alignof(struct in_timer_delay) <= FERRY_SHIM_ALIGN,
    "timer.delay.in");
_Static_assert(_Alignof(struct out_timer_delay) <= FERRY_SHIM_ALIGN,
    "timer.delay.out");
_Static_assert(_Alignof(struct in_timer_hold) <= FERRY_SHIM_ALIGN,
    "timer.hold.in");
_Static_assert(_Alignof(struct out_timer_hold) <= FERRY_SHIM_ALIGN,
    "timer.hold.out");
_Static_assert(_Alignof(struct in_timer_schedule) <= FERRY_SHIM_ALIGN,
    "timer.schedule.in");
_Static_assert(_Alignof(struct out_timer_on_tick) <= FERRY_SHIM_ALIGN,
    "timer.on_tick.out");

static const ferry_package_function functions[] = {
	{ "timer.open", UINT64_C(0x0c011562d9c80f24),
	    FERRY_FUNCTION_CONSTRUCTOR, 0, 0, 0 },
	{ "timer.echo", UINT64_C(0x4ffb295fd6105fb1), FERRY_FUNCTION_METHOD, 0,
	    0, 0 },
	{ "timer.after", UINT64_C(0x36b41699a15aee48), FERRY_FUNCTION_METHOD, 0,
	    1, 0 },
	{ "timer.delay", UINT64_C(0x20918e43e475bd03), FERRY_FUNCTION_METHOD, 0,
	    2, 0 },
	{ "timer.hold", UINT64_C(0x8954a0602190d930), FERRY_FUNCTION_METHOD, 0,
	    3, 0 },
	{ "timer.schedule", UINT64_C(0x44d5c07d2e9908c0), FERRY_FUNCTION_METHOD,
	    0, 4, 0 },
	{ "timer.on_tick", UINT64_C(0x34aa830d1a232d20), FERRY_FUNCTION_EVENT,
	    0, 0, 0 },
};

static const char model[] =
	"{\"ferry_model\":1,\"library\":{\"name\":\"timer\",\"at\":\"timer.h:1"
	"7\",\"version\":\"1.0\",\"prefix\":\"timer_\",\"header\":\"timer.h\","
	"\"instances\":\"independent\",\"overflow\":\"drop_oldest\"},\"constan"
	"ts\":[],\"enums\":[{\"name\":\"error\",\"c_name\":\"timer_error\",\"a"
	"t\":\"timer.h:26\",\"kind\":\"error\",\"bits\":32,\"signed\":false,\""
	"values\":[{\"name\":\"ok\",\"c_name\":\"TIMER_OK\",\"at\":\"timer.h:2"
	"2\",\"value\":\"0\"},{\"name\":\"no_resources\",\"c_name\":\"TIMER_NO"
	"_RESOURCES\",\"at\":\"timer.h:23\",\"value\":\"1\",\"doc\":\"No memor"
	"y, or no thread.\"},{\"name\":\"jitter\",\"c_name\":\"TIMER_JITTER\","
	"\"at\":\"timer.h:24\",\"value\":\"2\",\"doc\":\"More jitter than ther"
	"e is period.\"},{\"name\":\"interrupted\",\"c_name\":\"TIMER_INTERRUP"
	"TED\",\"at\":\"timer.h:25\",\"value\":\"3\",\"doc\":\"It ended before"
	" its time.\"}],\"error_text\":\"timer_error_text\",\"doc\":\"How a ca"
	"ll ended.\",\"hash\":\"79164542c62966a5\"}],\"records\":[{\"name\":\""
	"rhythm\",\"c_name\":\"timer_rhythm\",\"at\":\"timer.h:37\",\"fields\""
	":[{\"name\":\"ticks\",\"c_name\":\"ticks\",\"at\":\"timer.h:32\",\"ty"
	"pe\":{\"kind\":\"int\",\"c_type\":\"uint32_t\",\"bits\":32,\"signed\""
	":false},\"role\":\"value\"},{\"name\":\"period\",\"c_name\":\"period"
	"\",\"at\":\"timer.h:33\",\"type\":{\"kind\":\"duration\",\"c_type\":"
	"\"uint32_t\",\"bits\":32,\"signed\":false,\"unit\":\"ms\"},\"role\":"
	"\"value\"},{\"name\":\"jitter\",\"c_name\":\"jitter\",\"at\":\"timer."
	"h:36\",\"type\":{\"kind\":\"duration\",\"c_type\":\"uint32_t\",\"bits"
	"\":32,\"signed\":false,\"unit\":\"ms\"},\"role\":\"value\",\"default"
	"\":{\"kind\":\"int\",\"value\":\"0\"},\"doc\":\"Every tick is up to t"
	"his late, at random: schedules that began\\ntogether do not tick toge"
	"ther. At most the period.\"}],\"in\":true,\"out\":false,\"doc\":\"Whe"
	"n a schedule ticks.\",\"hash\":\"3cd4ac676168bf13\"}],\"variants\":[]"
	",\"objects\":[{\"name\":\"timer\",\"c_name\":\"timer *\",\"at\":\"tim"
	"er.h:40\",\"constructors\":[\"open\"],\"destructor\":\"close\",\"doc"
	"\":\"Tells when time has passed.\"}],\"functions\":[{\"name\":\"open"
	"\",\"c_name\":\"timer_open\",\"at\":\"timer.h:42\",\"kind\":\"constru"
	"ctor\",\"object\":\"timer\",\"root\":\"timer\",\"id\":0,\"in\":[],\"o"
	"ut\":[],\"call\":[{\"role\":\"made\",\"by\":\"pointer\"}],\"returns\""
	":{\"kind\":\"status\",\"error\":\"error\",\"c_type\":\"timer_error\"}"
	",\"hash\":\"0c011562d9c80f24\"},{\"name\":\"close\",\"c_name\":\"time"
	"r_close\",\"at\":\"timer.h:43\",\"kind\":\"destructor\",\"object\":\""
	"timer\",\"root\":\"timer\",\"in\":[],\"out\":[],\"call\":[{\"role\":"
	"\"self\"}],\"returns\":{\"kind\":\"void\",\"c_type\":\"void\"},\"hash"
	"\":\"537ba674d030a147\"},{\"name\":\"echo\",\"c_name\":\"timer_echo\""
	",\"at\":\"timer.h:46\",\"kind\":\"method\",\"object\":\"timer\",\"roo"
	"t\":\"timer\",\"id\":0,\"in\":[{\"name\":\"text\",\"c_name\":\"text\""
	",\"at\":\"timer.h:46\",\"type\":{\"kind\":\"string\",\"c_type\":\"con"
	"st char *\"},\"role\":\"value\"}],\"out\":[{\"name\":\"result\",\"c_n"
	"ame\":\"result\",\"at\":\"timer.h:46\",\"type\":{\"kind\":\"string\","
	"\"c_type\":\"const char *\"},\"role\":\"value\"}],\"call\":[{\"role\""
	":\"self\"},{\"role\":\"in\",\"c_name\":\"text\"}],\"returns\":{\"kind"
	"\":\"value\",\"type\":{\"kind\":\"string\",\"c_type\":\"const char *"
	"\"},\"c_type\":\"const char *\"},\"doc\":\"Answers at once, with what"
	" it is told.\",\"hash\":\"4ffb295fd6105fb1\"},{\"name\":\"after\",\"c"
	"_name\":\"timer_after\",\"at\":\"timer.h:49\",\"kind\":\"deferred\","
	"\"object\":\"timer\",\"root\":\"timer\",\"id\":1,\"in\":[{\"name\":\""
	"delay\",\"c_name\":\"delay\",\"at\":\"timer.h:50\",\"type\":{\"kind\""
	":\"duration\",\"c_type\":\"uint32_t\",\"bits\":32,\"signed\":false,\""
	"unit\":\"ms\"},\"role\":\"value\"},{\"name\":\"text\",\"c_name\":\"te"
	"xt\",\"at\":\"timer.h:50\",\"type\":{\"kind\":\"string\",\"c_type\":"
	"\"const char *\"},\"role\":\"value\"}],\"out\":[{\"name\":\"out\",\"c"
	"_name\":\"out\",\"at\":\"timer.h:50\",\"type\":{\"kind\":\"string\","
	"\"c_type\":\"const char *\"},\"role\":\"value\"}],\"call\":[{\"role\""
	":\"self\"},{\"role\":\"call\"},{\"role\":\"in\",\"c_name\":\"delay\"}"
	",{\"role\":\"in\",\"c_name\":\"text\"},{\"role\":\"out\",\"c_name\":"
	"\"out\",\"by\":\"pointer\"}],\"c_params\":[\"timer *t\",\"ferry_call "
	"call\",\"uint32_t delay\",\"const char *text\",\"const char **out\"],"
	"\"returns\":{\"kind\":\"status\",\"error\":\"error\",\"c_type\":\"tim"
	"er_error\"},\"doc\":\"Answers when some time has passed, from a threa"
	"d of the library's own.\",\"hash\":\"36b41699a15aee48\"},{\"name\":\""
	"delay\",\"c_name\":\"timer_delay\",\"at\":\"timer.h:53\",\"kind\":\"s"
	"trand\",\"object\":\"timer\",\"root\":\"timer\",\"id\":2,\"in\":[{\"n"
	"ame\":\"delay\",\"c_name\":\"delay\",\"at\":\"timer.h:54\",\"type\":{"
	"\"kind\":\"duration\",\"c_type\":\"uint32_t\",\"bits\":32,\"signed\":"
	"false,\"unit\":\"ms\"},\"role\":\"value\"},{\"name\":\"text\",\"c_nam"
	"e\":\"text\",\"at\":\"timer.h:54\",\"type\":{\"kind\":\"string\",\"c_"
	"type\":\"const char *\"},\"role\":\"value\"}],\"out\":[{\"name\":\"ou"
	"t\",\"c_name\":\"out\",\"at\":\"timer.h:54\",\"type\":{\"kind\":\"str"
	"ing\",\"c_type\":\"const char *\"},\"role\":\"value\"}],\"call\":[{\""
	"role\":\"self\"},{\"role\":\"in\",\"c_name\":\"delay\"},{\"role\":\"i"
	"n\",\"c_name\":\"text\"},{\"role\":\"out\",\"c_name\":\"out\",\"by\":"
	"\"pointer\"}],\"returns\":{\"kind\":\"status\",\"error\":\"error\",\""
	"c_type\":\"timer_error\"},\"doc\":\"The same, as a strand.\",\"hash\""
	":\"20918e43e475bd03\"},{\"name\":\"hold\",\"c_name\":\"timer_hold\","
	"\"at\":\"timer.h:58\",\"kind\":\"method\",\"object\":\"timer\",\"root"
	"\":\"timer\",\"id\":3,\"in\":[{\"name\":\"delay\",\"c_name\":\"delay"
	"\",\"at\":\"timer.h:58\",\"type\":{\"kind\":\"duration\",\"c_type\":"
	"\"uint32_t\",\"bits\":32,\"signed\":false,\"unit\":\"ms\"},\"role\":"
	"\"value\"},{\"name\":\"text\",\"c_name\":\"text\",\"at\":\"timer.h:58"
	"\",\"type\":{\"kind\":\"string\",\"c_type\":\"const char *\"},\"role"
	"\":\"value\"}],\"out\":[{\"name\":\"out\",\"c_name\":\"out\",\"at\":"
	"\"timer.h:59\",\"type\":{\"kind\":\"string\",\"c_type\":\"const char "
	"*\"},\"role\":\"value\"}],\"call\":[{\"role\":\"self\"},{\"role\":\"i"
	"n\",\"c_name\":\"delay\"},{\"role\":\"in\",\"c_name\":\"text\"},{\"ro"
	"le\":\"out\",\"c_name\":\"out\",\"by\":\"pointer\"}],\"returns\":{\"k"
	"ind\":\"status\",\"error\":\"error\",\"c_type\":\"timer_error\"},\"ca"
	"ncel\":\"timer_interrupt\",\"levels\":{\"slow\":50,\"stalled\":200},"
	"\"doc\":\"The same, and nobody else is served meanwhile: how not to d"
	"o it.\",\"hash\":\"8954a0602190d930\"},{\"name\":\"schedule\",\"c_nam"
	"e\":\"timer_schedule\",\"at\":\"timer.h:63\",\"kind\":\"strand\",\"ob"
	"ject\":\"timer\",\"root\":\"timer\",\"id\":4,\"in\":[{\"name\":\"rhyt"
	"hm\",\"c_name\":\"rhythm\",\"at\":\"timer.h:64\",\"type\":{\"kind\":"
	"\"pointer\",\"c_type\":\"const timer_rhythm *\",\"of\":{\"kind\":\"re"
	"cord\",\"c_type\":\"timer_rhythm\",\"name\":\"rhythm\"}},\"role\":\"v"
	"alue\"}],\"out\":[],\"call\":[{\"role\":\"self\"},{\"role\":\"in\",\""
	"c_name\":\"rhythm\"}],\"returns\":{\"kind\":\"status\",\"error\":\"er"
	"ror\",\"c_type\":\"timer_error\"},\"doc\":\"Ticks, and answers after "
	"the last.\",\"hash\":\"44d5c07d2e9908c0\"},{\"name\":\"on_tick\",\"c_"
	"name\":\"timer_on_tick\",\"at\":\"timer.h:66\",\"kind\":\"event\",\"o"
	"bject\":\"timer\",\"root\":\"timer\",\"id\":0,\"in\":[],\"out\":[{\"n"
	"ame\":\"number\",\"c_name\":\"number\",\"at\":\"timer.h:66\",\"type\""
	":{\"kind\":\"int\",\"c_type\":\"uint32_t\",\"bits\":32,\"signed\":fal"
	"se},\"role\":\"value\"}],\"call\":[{\"role\":\"self\"},{\"role\":\"ou"
	"t\",\"c_name\":\"number\"}],\"c_params\":[\"timer *t\",\"uint32_t num"
	"ber\"],\"returns\":{\"kind\":\"void\",\"c_type\":\"void\"},\"doc\":\""
	"A schedule's. @param number From 1.\",\"hash\":\"34aa830d1a232d20\"}]"
	"}";

static const ferry_method methods_timer[] = {
	{
		.struct_size = sizeof(ferry_method),
		.name = "timer.echo",
		.handler = handle_timer_echo
	},
	{
		.struct_size = sizeof(ferry_method),
		.name = "timer.after",
		.handler = handle_timer_after
	},
	{
		.struct_size = sizeof(ferry_method),
		.flags = FERRY_METHOD_STRAND,
		.name = "timer.delay",
		.handler = handle_timer_delay
	},
	{
		.struct_size = sizeof(ferry_method),
		.name = "timer.hold",
		.handler = handle_timer_hold,
		.levels = { .slow_ms = 50, .stalled_ms = 200 }
	},
	{
		.struct_size = sizeof(ferry_method),
		.flags = FERRY_METHOD_STRAND,
		.name = "timer.schedule",
		.handler = handle_timer_schedule
	},
};

static const ferry_event events_timer[] = {
	{ .struct_size = sizeof(ferry_event), .name = "timer.on_tick" },
};

static const ferry_library_options library_timer = {
	.struct_size = sizeof(ferry_library_options),
	.name = "timer",
	.methods = methods_timer,
	.n_methods = 5,
	.events = events_timer,
	.n_events = 1,
	.init = ferry_shim_init,
	.fini = ferry_shim_fini
};

static const ferry_shim_run_fn constructors_timer[] = {
	run_timer_open,
};

static struct ferry_shim_class classes[] = {
	{
		.type = &type_timer,
		.constructors = constructors_timer,
		.n_constructors = 1,
		.event_policy = FERRY_EVENTS_DROP_OLDEST,
		.worker_key = NULL,
		.library = &library_timer
	},
};

static const char *const root_names[] = {
	"timer",
};

static int
open_root(ferry_context *out, uint32_t root, uint32_t constructor,
    const void *data, size_t size, const ferry_context_options *options,
    char *text, size_t text_size)
{
	return ferry_shim_open(out, classes, 1, root, constructor, data, size,
	    options, text, text_size);
}

static int
call_function(void **out, size_t *out_size, uint32_t id, const void *data,
    size_t size)
{
	(void)out;
	(void)out_size;
	(void)id;
	(void)data;
	(void)size;
	return FERRY_ENOMETHOD;
}

static const ferry_package package = {
	.struct_size = sizeof(ferry_package),
	.format = FERRY_PACKAGE_FORMAT,
	.abi = FERRY_ABI,
	.name = "timer",
	.version = "1.0",
	.model = model,
	.model_size = sizeof model - 1,
	.roots = root_names,
	.records = records,
	.functions = functions,
	.n_roots = 1,
	.n_records = 11,
	.n_functions = 7,
	.open = open_root,
	.call = call_function
};

FERRY_API const ferry_package *
timer_ferry(void)
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
