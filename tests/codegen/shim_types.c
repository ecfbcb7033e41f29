/*
 * The zoo's shim: every type there and back, at its limits; blocks that cannot
 * be right.
 */
#include <float.h>
#include <math.h>

#include "zoo/open.h"

static ferry_context context;

/* --- Numbers ------------------------------------------------------------- */

/* Field by field, as padding has no value. */
static void
echo_numbers(const zoo_numbers *n)
{
	const ferry_package_record *r = package_record(zoo_package, "numbers");
	const ferry_package_field *f;
	const void *head = NULL;

	block_begin(&head, sizeof head);
	head = block_add(n, sizeof *n, _Alignof(zoo_numbers));
	memcpy(block.bytes, &head, sizeof head);
	T_EQ(call(zoo_package, context, "zoo.numbers_echo"), FERRY_OK);
	T_EQ(answer.size, sizeof *n);
	for (f = r->fields; f < r->fields + r->n_fields; f++)
		T_MEM((const char *)answer.data + f->offset,
		    (const char *)n + f->offset, f->size);
}

static void
numbers(void)
{
	zoo_numbers n;

	memset(&n, 0, sizeof n);
	echo_numbers(&n);
	n = (zoo_numbers){ INT8_MIN, 0, INT16_MIN, 0, INT32_MIN, 0, INT64_MIN,
		0, INT32_MIN, INT64_MIN, 0, (char)0x80, false, -FLT_MAX,
		-DBL_MAX, ZOO_COLOUR_RED, ZOO_FOOD_HAY };
	echo_numbers(&n);
	n = (zoo_numbers){ INT8_MAX, UINT8_MAX, INT16_MAX, UINT16_MAX,
		INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX, INT32_MAX,
		INT64_MAX, SIZE_MAX, 127, true, INFINITY, NAN, ZOO_COLOUR_BLUE,
		ZOO_FOOD_ALL };
	echo_numbers(&n);
	/* One that has no name is kept as a number. */
	n.colour = (zoo_colour)12345;
	n.f64 = -0.0;
	n.f32 = FLT_TRUE_MIN;
	echo_numbers(&n);
}

/* --- Things -------------------------------------------------------------- */

/* Where zoo.things_echo's argument is in the block. */
static zoo_things *
things(void)
{
	return block_at(*(void **)(void *)block.bytes);
}

/* A block with everything in it; adding moves nothing. */
static void
build_things(void)
{
	static const int32_t numbers_of[] = { 1, -2, INT32_MAX };
	static const zoo_point points[] = { { 1, 2 }, { 3, 4 } };
	static const zoo_leaf leaf = { 5, NULL };
	static const zoo_branch branch = { NULL, NULL };
	const void *head = NULL;
	const char *words[2] = { NULL, NULL };
	zoo_things t;
	zoo_tag tags[2] = { { NULL, 1 }, { NULL, 2 } };
	zoo_branch *b;
	zoo_leaf *l;
	char **w;
	zoo_tag *g;

	memset(&t, 0, sizeof t);
	block_begin(&head, sizeof head);
	head = block_add(&t, sizeof t, _Alignof(zoo_things));
	memcpy(block.bytes, &head, sizeof head);
	things()->text = block_text("text");
	things()->maybe_text = block_text("");
	things()->counted = block_add("a\0b", 4, 1);
	things()->n_counted = 3;
	things()->blob = block_add("\0\xff", 2, 1);
	things()->n_blob = 2;
	things()->maybe_blob = block_add("x", 1, 1);
	things()->n_maybe_blob = 1;
	memcpy(things()->fixed_text, "fifteen letters", 16);
	memcpy(things()->digest, "\0\1\2\3\4\5\6\7", 8);
	things()->numbers = block_add(numbers_of, sizeof numbers_of, 4);
	things()->n_numbers = 3;
	things()->words = block_add(words, sizeof words, 8);
	things()->n_words = 2;
	w = block_at(things()->words);
	w[0] = block_text("one");
	w[1] = block_text("");
	things()->points = block_add(points, sizeof points, 8);
	things()->n_points = 2;
	things()->tags = block_add(tags, sizeof tags, 8);
	things()->n_tags = 2;
	g = block_at(things()->tags);
	g[0].key = block_text("k");
	g[1].key = block_text("\xc3\xa4");
	things()->branch = block_add(&branch, sizeof branch, 8);
	b = block_at(things()->branch);
	b->leaf = block_add(&leaf, sizeof leaf, 8);
	l = block_at(b->leaf);
	l->maybe = block_add(&leaf.value, 4, 4);
	b->label = block_text("label");
	things()->score = INT64_MIN;
	things()->has_score = true;
	things()->corners[1].y = 7;
	things()->pair[1] = -3;
	things()->born = -1;
}

static void
check_things(void)
{
	const zoo_things *t = answer.data;
	const char *const *words = answer_at(t->words);
	const zoo_tag *tags = answer_at(t->tags);
	const zoo_branch *branch = answer_at(t->branch);
	const zoo_leaf *leaf = answer_at(branch->leaf);

	T_STR(answer_at(t->text), "text");
	T_STR(answer_at(t->maybe_text), "");
	T_EQ(t->n_counted, 3);
	T_MEM(answer_at(t->counted), "a\0b", 4);
	T_MEM(answer_at(t->blob), "\0\xff", 2);
	T_MEM(answer_at(t->maybe_blob), "x", 1);
	T_STR(t->fixed_text, "fifteen letters");
	T_EQ(t->digest[7], 7);
	T_EQ(((const int32_t *)answer_at(t->numbers))[2], INT32_MAX);
	T_STR(answer_at(words[0]), "one");
	T_STR(answer_at(words[1]), "");
	T_EQ(((const zoo_point *)answer_at(t->points))[1].y, 4);
	T_STR(answer_at(tags[0].key), "k");
	T_STR(answer_at(tags[1].key), "\xc3\xa4");
	T_EQ(tags[1].value, 2);
	T_EQ(leaf->value, 5);
	T_EQ(*(const int32_t *)answer_at(leaf->maybe), 5);
	T_STR(answer_at(branch->label), "label");
	T_EQ(t->score, INT64_MIN);
	T_EQ(t->has_score, 1);
	T_EQ(t->corners[1].y, 7);
	T_EQ(t->pair[1], -3);
	T_EQ(t->born, -1);
}

static void
all_things(void)
{
	build_things();
	T_EQ(call(zoo_package, context, "zoo.things_echo"), FERRY_OK);
	T_EQ((uintptr_t)answer.data % 16, 0);
	check_things();
	build_things();
	T_EQ(call_direct(zoo_package, "mirror"), FERRY_OK);
	check_things();
}

/* Everything that may be empty or missing is. */
static void
build_nothing(void)
{
	void *end;

	build_things();
	end = (void *)block.size;
	things()->maybe_text = NULL;
	things()->counted = end;
	things()->n_counted = 0;
	things()->blob = end;
	things()->n_blob = 0;
	things()->maybe_blob = NULL;
	things()->n_maybe_blob = 0;
	things()->numbers = (void *)1;
	things()->n_numbers = 0;
	things()->words = end;
	things()->n_words = 0;
	things()->points = end;
	things()->n_points = 0;
	things()->tags = end;
	things()->n_tags = 0;
	things()->branch = NULL;
	things()->has_score = false;
	memset(things()->fixed_text, 0, 16);
}

static void
no_things(void)
{
	const zoo_things *t;

	build_nothing();
	T_EQ(call(zoo_package, context, "zoo.things_echo"), FERRY_OK);
	t = answer.data;
	T_ASSERT(t->maybe_text == NULL);
	T_ASSERT(t->maybe_blob == NULL);
	T_ASSERT(t->branch == NULL);
	T_ASSERT(t->counted != NULL && t->blob != NULL && t->words != NULL);
	T_ASSERT(t->points != NULL && t->tags != NULL && t->numbers != NULL);
	T_ASSERT(answer_at(t->tags) != NULL);
	T_EQ(t->n_tags, 0);
	/* Empty and there is not the same as missing. */
	build_nothing();
	things()->maybe_blob = (void *)1;
	T_EQ(call(zoo_package, context, "zoo.things_echo"), FERRY_OK);
	t = answer.data;
	T_ASSERT(answer_at(t->maybe_blob) != NULL);
	T_EQ(t->n_maybe_blob, 0);
}

/* --- Shapes -------------------------------------------------------------- */

static zoo_shape *
build_shape(zoo_shape_kind kind)
{
	const void *head = NULL;
	zoo_shape shape;

	memset(&shape, 0, sizeof shape);
	shape.kind = kind;
	block_begin(&head, sizeof head);
	head = block_add(&shape, sizeof shape, 8);
	memcpy(block.bytes, &head, sizeof head);
	return block_at(head);
}

static const zoo_shape *
echo_shape(void)
{
	T_EQ(call(zoo_package, context, "zoo.shape_echo"), FERRY_OK);
	return answer.data;
}

static void
variants(void)
{
	static const zoo_point line[] = { { 1, 2 }, { 3, 4 } };
	const zoo_shape *back;
	zoo_shape *shape;

	build_shape(ZOO_SHAPE_NOTHING);
	T_EQ(echo_shape()->kind, ZOO_SHAPE_NOTHING);
	build_shape(ZOO_SHAPE_CIRCLE)->as.radius = 0.5;
	T_ASSERT(echo_shape()->as.radius == 0.5);
	shape = build_shape(ZOO_SHAPE_LINE);
	shape->as.line = block_add(line, sizeof line, 8);
	shape->n = 2;
	back = echo_shape();
	T_EQ(back->n, 2);
	T_MEM(answer_at(back->as.line), line, sizeof line);
	build_shape(ZOO_SHAPE_NAME)->as.name = block_text("name");
	T_STR(answer_at(echo_shape()->as.name), "name");
	build_shape((zoo_shape_kind)99);
	T_EQ(call(zoo_package, context, "zoo.shape_echo"), FERRY_EINVAL);
	T_STR(answer_text(), "the argument shape cannot be right");
}

static void
many_variants(void)
{
	struct {
		const zoo_shapes *in;
	} head = { NULL };
	zoo_shapes shapes;
	zoo_shape each[2];
	zoo_shape *at;
	const zoo_shapes *back;

	memset(&shapes, 0, sizeof shapes);
	memset(each, 0, sizeof each);
	shapes.favourite.kind = ZOO_SHAPE_NAME;
	shapes.n_shapes = 2;
	each[0].kind = ZOO_SHAPE_NAME;
	each[1].kind = ZOO_SHAPE_CIRCLE;
	each[1].as.radius = 2;
	block_begin(&head, sizeof head);
	head.in = block_add(&shapes, sizeof shapes, 8);
	memcpy(block.bytes, &head, sizeof head);
	at = block_add(each, sizeof each, 8);
	((zoo_shapes *)block_at(head.in))->shapes = at;
	((zoo_shape *)block_at(at))->as.name = block_text("first");
	((zoo_shapes *)block_at(head.in))->favourite.as.name =
	    block_text("favourite");
	T_EQ(call(zoo_package, context, "zoo.shapes_echo"), FERRY_OK);
	back = answer.data;
	at = (void *)(uintptr_t)answer_at(back->shapes);
	T_STR(answer_at(at[0].as.name), "first");
	T_ASSERT(at[1].as.radius == 2);
	T_STR(answer_at(back->favourite.as.name), "favourite");
}

/* --- What cannot be right ------------------------------------------------ */

/* The block is refused, with a text that ends in its place. */
static void
refused(const char *name, const char *place)
{
	char text[128];

	T_EQ(call(zoo_package, context, name), FERRY_EINVAL);
	snprintf(text, sizeof text, "the argument %s cannot be right", place);
	T_STR(answer_text(), text);
}

#define REFUSED(place, change) \
	do { \
		build_things(); \
		change; \
		refused("zoo.things_echo", "things." place); \
	} while (0)

static void
wrong_offsets(void)
{
	void *end;

	build_things();
	end = (void *)block.size;
	REFUSED("text", things()->text = NULL);
	REFUSED("text", things()->text = end);
	REFUSED("text", things()->text = (void *)UINTPTR_MAX);
	/* In the struct itself, where other pointers will be put. */
	REFUSED("text", things()->text = (void *)16);
	/* What somebody else has. */
	REFUSED("maybe_text", things()->maybe_text = things()->text);
	REFUSED("numbers",
	    things()->numbers = (void *)((uintptr_t)things()->numbers + 1));
	REFUSED("words", things()->words = (const void *)things()->points);
	REFUSED("tags", things()->tags = end);
	REFUSED("branch", things()->branch = (void *)(block.size / 8 * 8));
	REFUSED("points", things()->points = NULL);
	/* A pointer into the table of pointers. */
	REFUSED("words",
	    ((void **)block_at(things()->words))[1] = (void *)things()->words);
}

static void
wrong_lengths(void)
{
	REFUSED("counted", things()->n_counted = 2);
	REFUSED("counted", things()->n_counted = SIZE_MAX);
	REFUSED("blob", things()->n_blob = UINT32_MAX);
	REFUSED("maybe_blob", things()->maybe_blob = NULL);
	REFUSED("numbers", things()->n_numbers = SIZE_MAX / 4 + 2);
	REFUSED("words", things()->n_words = SIZE_MAX / 8 + 1);
	REFUSED("points", things()->n_points = UINT16_MAX);
	REFUSED("tags", things()->n_tags = (size_t)1 << 60);
}

static void
wrong_values(void)
{
	REFUSED("fixed_text", memset(things()->fixed_text, 'x', 16));
	REFUSED("has_score", memset(&things()->has_score, 2, 1));
	/* No zero byte to the end. */
	build_shape(ZOO_SHAPE_NAME)->as.name = block_add("name", 4, 1);
	refused("zoo.shape_echo", "shape.name");
	/* Not even the struct. */
	T_EQ(call_bytes(zoo_package, context, "zoo.split", block.bytes, 8),
	    FERRY_EINVAL);
	T_EQ(call_bytes(zoo_package, context, "zoo.split", NULL, 0),
	    FERRY_EINVAL);
	T_STR(answer_text(), "the argument zoo.split cannot be right");
}

static void
free_nothing(void *data, void *user)
{
	(void)data;
	(void)user;
}

static void
misaligned(void)
{
	static _Alignas(16) unsigned char other[4096];
	ferry_request_options options = { .struct_size = sizeof options,
		.flags = FERRY_REQUEST_ADOPT, .free = free_nothing };
	ferry_request request;
	uint32_t id = package_function(zoo_package, "zoo.things_echo")->id;

	build_things();
	answer_done();
	memcpy(other + 8, block.bytes, block.size);
	T_OK(ferry_request_invoke(&answer, &request, context, id, other + 8,
	    block.size, &options, -1));
	T_EQ(answer.status, FERRY_EINVAL);
	answer_done();
	memcpy(other, block.bytes, block.size);
	T_OK(ferry_request_invoke(&answer, &request, context, id, other,
	    block.size, &options, -1));
	T_EQ(answer.status, FERRY_OK);
	check_things();
}

T_MAIN(
	zoo_package = package_load("zoo");
	context = open_zoo("the zoo", NULL);
	T_RUN(numbers);
	T_RUN(all_things);
	T_RUN(no_things);
	T_RUN(variants);
	T_RUN(many_variants);
	T_RUN(wrong_offsets);
	T_RUN(wrong_lengths);
	T_RUN(wrong_values);
	T_RUN(misaligned);
	answer_done();
	T_OK(ferry_context_close(context, NULL, NULL));
)
