/*
 * Random blocks through the zoo's shim: whole ones come back as they were, and
 * those with something changed are refused, or answered by what can be read.
 * `shim_fuzz [rounds]`, T_SEED.
 */
#include "zoo/open.h"

static struct t_rng rng;
static ferry_context context;

static uint64_t
below(uint64_t n)
{
	return t_rand_below(&rng, n);
}

/* --- Random things ------------------------------------------------------- */

static void *
any_bytes(size_t size, size_t align)
{
	unsigned char bytes[64];
	size_t i;

	T_LE(size, sizeof bytes);
	for (i = 0; i < size; i++)
		bytes[i] = (unsigned char)below(256);
	return block_add(bytes, size, align);
}

static void *
any_text(void)
{
	char text[16] = "";
	size_t n = below(sizeof text), i;

	for (i = 0; i < n; i++)
		text[i] = (char)(1 + below(255));
	return block_text(text);
}

/* Empty: anywhere. */
static void *
any_array(uint64_t n, size_t each, size_t align)
{
	if (n == 0)
		return (void *)(1 + below(block.size));
	return any_bytes((size_t)n * each, align);
}

static void *
any_counted(size_t n)
{
	void *at;

	if (n == 0)
		return (void *)(1 + below(block.size));
	at = any_bytes(n, 1);
	block_add("", 1, 1);
	return at;
}

static void *
any_branch(void)
{
	const zoo_branch nothing = { NULL, NULL };
	const zoo_leaf leaf = { (int32_t)below(1000), NULL };
	void *at = block_add(&nothing, sizeof nothing, 8);

	if (below(2)) {
		void *to = block_add(&leaf, sizeof leaf, 8);

		((zoo_branch *)block_at(at))->leaf = to;
		if (below(2))
			((zoo_leaf *)block_at(to))->maybe = any_bytes(4, 4);
	}
	if (below(2))
		((zoo_branch *)block_at(at))->label = any_text();
	return at;
}

static void *
any_words(size_t n)
{
	char *none[4] = { NULL };
	void *at = block_add(none, n * sizeof none[0], 8);
	size_t i;

	for (i = 0; i < n; i++)
		((void **)block_at(at))[i] = any_text();
	return n ? at : (void *)1;
}

static void *
any_tags(size_t n)
{
	zoo_tag none[4];
	void *at;
	size_t i;

	memset(none, 0, sizeof none);
	at = block_add(none, n * sizeof none[0], 8);
	for (i = 0; i < n; i++)
		((zoo_tag *)block_at(at))[i].key = any_text();
	return n ? at : (void *)1;
}

static void
build_things(void)
{
	const void *head = NULL;
	zoo_things zero;
	zoo_things *t;

	memset(&zero, 0, sizeof zero);
	block_begin(&head, sizeof head);
	head = block_add(&zero, sizeof zero, 8);
	memcpy(block.bytes, &head, sizeof head);
	t = block_at(head);
	t->text = any_text();
	t->maybe_text = below(2) ? any_text() : NULL;
	t->n_counted = below(9);
	t->counted = any_counted(t->n_counted);
	t->n_blob = (uint32_t)below(9);
	t->blob = any_array(t->n_blob, 1, 1);
	t->n_maybe_blob = below(3);
	if (t->n_maybe_blob != 0 || below(2))
		t->maybe_blob = any_array(t->n_maybe_blob, 1, 1);
	memset(t->fixed_text, 'x', below(16));
	t->n_numbers = below(5);
	t->numbers = any_array(t->n_numbers, 4, 4);
	t->n_words = below(5);
	t->words = any_words(t->n_words);
	t->n_points = (uint16_t)below(3);
	t->points = any_array(t->n_points, sizeof(zoo_point), 8);
	t->n_tags = below(5);
	t->tags = any_tags(t->n_tags);
	t->branch = below(2) ? any_branch() : NULL;
	t->has_score = below(2);
	t->score = (int64_t)t_rand(&rng);
	t->spell = (double)below(1000);
}

/* --- The same ------------------------------------------------------------ */

/* A block to read from; of the library's answers, checked. */
struct view {
	const char *base;
	size_t size;
};

static const void *
at(const struct view *v, const void *offset, size_t size)
{
	if (offset == NULL)
		return NULL;
	T_LE((uintptr_t)offset, v->size);
	T_LE(size, v->size - (uintptr_t)offset);
	return v->base + (uintptr_t)offset;
}

static const char *
text_at(const struct view *v, const void *offset)
{
	const char *text = at(v, offset, 1);

	T_ASSERT(text == NULL ||
	    memchr(text, 0, (size_t)(v->base + v->size - text)) != NULL);
	return text;
}

static void
same_bytes(const struct view *a, const void *in_a, const struct view *b,
    const void *in_b, size_t size)
{
	T_EQ(in_a == NULL, in_b == NULL);
	if (in_a != NULL && size != 0)
		T_MEM(at(a, in_a, size), at(b, in_b, size), size);
}

static void
same_texts(const struct view *a, const void *in_a, const struct view *b,
    const void *in_b, size_t n)
{
	const char *const *of_a = at(a, in_a, n * sizeof *of_a);
	const char *const *of_b = at(b, in_b, n * sizeof *of_b);
	size_t i;

	for (i = 0; i < n; i++)
		T_STR(text_at(a, of_a[i]), text_at(b, of_b[i]));
}

static void
same_branch(const struct view *a, const zoo_branch *of_a,
    const struct view *b, const zoo_branch *of_b)
{
	const zoo_leaf *leaf_a, *leaf_b;

	T_STR(text_at(a, of_a->label), text_at(b, of_b->label));
	leaf_a = at(a, of_a->leaf, sizeof *leaf_a);
	leaf_b = at(b, of_b->leaf, sizeof *leaf_b);
	T_EQ(leaf_a == NULL, leaf_b == NULL);
	if (leaf_a == NULL)
		return;
	T_EQ(leaf_a->value, leaf_b->value);
	same_bytes(a, leaf_a->maybe, b, leaf_b->maybe, sizeof(int32_t));
}

static void
same_tags(const struct view *a, const void *in_a, const struct view *b,
    const void *in_b, size_t n)
{
	const zoo_tag *of_a = at(a, in_a, n * sizeof *of_a);
	const zoo_tag *of_b = at(b, in_b, n * sizeof *of_b);
	size_t i;

	for (i = 0; i < n; i++) {
		T_STR(text_at(a, of_a[i].key), text_at(b, of_b[i].key));
		T_EQ(of_a[i].value, of_b[i].value);
	}
}

static void
same_things(const struct view *a, const zoo_things *x, const struct view *b,
    const zoo_things *y)
{
	T_STR(text_at(a, x->text), text_at(b, y->text));
	T_STR(text_at(a, x->maybe_text), text_at(b, y->maybe_text));
	T_EQ(x->n_counted, y->n_counted);
	same_bytes(a, x->counted, b, y->counted, x->n_counted);
	T_EQ(x->n_blob, y->n_blob);
	same_bytes(a, x->blob, b, y->blob, x->n_blob);
	T_EQ(x->n_maybe_blob, y->n_maybe_blob);
	same_bytes(a, x->maybe_blob, b, y->maybe_blob, x->n_maybe_blob);
	T_MEM(x->fixed_text, y->fixed_text, sizeof x->fixed_text);
	T_EQ(x->n_numbers, y->n_numbers);
	same_bytes(a, x->numbers, b, y->numbers, x->n_numbers * 4);
	T_EQ(x->n_words, y->n_words);
	same_texts(a, x->words, b, y->words, x->n_words);
	T_EQ(x->n_points, y->n_points);
	same_bytes(a, x->points, b, y->points,
	    x->n_points * sizeof(zoo_point));
	T_EQ(x->n_tags, y->n_tags);
	same_tags(a, x->tags, b, y->tags, x->n_tags);
	T_EQ(x->branch == NULL, y->branch == NULL);
	if (x->branch != NULL)
		same_branch(a, at(a, x->branch, sizeof(zoo_branch)), b,
		    at(b, y->branch, sizeof(zoo_branch)));
	T_EQ(x->score, y->score);
	T_EQ(x->has_score, y->has_score);
}

/* What was sent is what was answered. */
static void
came_back(void)
{
	const struct view sent = { (const char *)block.bytes, block.size };
	const struct view got = { answer.data, answer.size };
	const zoo_things *t = at(&sent, *(void **)(void *)block.bytes,
	    sizeof *t);

	T_LE(sizeof *t, answer.size);
	same_things(&sent, t, &got, answer.data);
}

/* --- Changes ------------------------------------------------------------- */

static void
change(void)
{
	size_t where = below(block.size);
	size_t word = where / 8 * 8;
	uint64_t value = t_rand(&rng);

	switch (below(6)) {
	case 0:
		block.bytes[where] = (unsigned char)value;
		return;
	case 1:
		block.bytes[where] ^= (unsigned char)(1 << value % 8);
		return;
	case 2:
		block.size = below(block.size) + 1;
		return;
	case 3:
		value = below(block.size + 16);
		break;
	case 4:
		value = 0;
		break;
	default:
		/* Another word of the block: one place for two. */
		memcpy(&value, block.bytes + below(block.size / 8 + 1) * 8, 8);
		break;
	}
	if (word + 8 <= block.size)
		memcpy(block.bytes + word, &value, 8);
}

/* Of text that leads to a wrong block, a result is wrong too. */
static void
refused_or_right(int status)
{
	if (status == FERRY_OK)
		came_back();
	else
		T_EQ(status, FERRY_EINVAL);
}

static void
round_trips(uint64_t rounds)
{
	uint64_t i, n, right = 0;

	for (i = 0; i < rounds; i++) {
		build_things();
		if (i % 16 == 0)
			T_OK(call(zoo_package, context, "zoo.things_echo"));
		else
			T_OK(call_direct(zoo_package, "mirror"));
		came_back();
		for (n = 1 + below(4); n > 0; n--)
			change();
		refused_or_right(call_direct(zoo_package, "mirror"));
		right += answer.status == FERRY_OK;
	}
	dprintf(1, "%ju of %ju changed blocks were right\n", (uintmax_t)right,
	    (uintmax_t)rounds);
	T_NE(right, 0);
	T_NE(right, rounds);
}

/* --- Every method -------------------------------------------------------- */

/* Those that wait for as long as they are told, or make as many. */
static int
bounded(const char *name)
{
	static const char *const names[] = { "zoo.hold", "zoo.sleep",
		"zoo.later", "zoo.make_noise" };
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return 1;
	return 0;
}

/* Words that are offsets, small numbers, handles or anything. */
static void
build_words(uint64_t handle)
{
	uint64_t words[12];
	size_t n = 1 + below(12), i;

	for (i = 0; i < n; i++) {
		switch (below(6)) {
		case 0:
			words[i] = t_rand(&rng);
			break;
		case 1:
			words[i] = handle;
			break;
		case 2:
			words[i] = below(4);
			break;
		default:
			words[i] = below(n * 8 + 8) / 4 * 4;
			break;
		}
	}
	block_begin(words, n * 8 - below(8));
}

static void
any_method(const ferry_package_function *f, uint64_t *handle)
{
	build_words(*handle);
	if (bounded(f->name)) {
		const uint32_t few = (uint32_t)below(3);

		memcpy(block.bytes, &few, block.size < 4 ? block.size : 4);
	}
	call(zoo_package, context, f->name);
	T_ASSERT(answer.status >= 0 || answer.status == FERRY_EINVAL ||
	    answer.status == FERRY_ESTALE);
	if (answer.status != FERRY_OK)
		answer_text();
	else if (strcmp(f->name, "animal.adopt") == 0 ||
	    strcmp(f->name, "animal.clone") == 0)
		memcpy(handle, answer.data, 8);
}

static void
methods(uint64_t rounds)
{
	const ferry_package_function *f;
	uint64_t handle = 0;
	uint64_t i;

	for (i = 0; i < rounds; i++) {
		f = &zoo_package->functions[below(zoo_package->n_functions)];
		if (f->kind == FERRY_FUNCTION_METHOD ||
		    strcmp(f->name, "animal.adopt") == 0)
			any_method(f, &handle);
	}
}

/* Constructors and functions without a context. */
static void
others(uint64_t rounds)
{
	ferry_context opened;
	uint64_t i;
	int r;

	for (i = 0; i < rounds; i++) {
		build_words(0);
		r = zoo_package->open(&opened, 0, 0, block.bytes, block.size,
		    NULL, open_text, sizeof open_text);
		if (r == FERRY_OK)
			T_OK(ferry_context_close(opened, NULL, NULL));
		else
			T_ASSERT(r == ZOO_HUNGRY || r == FERRY_EINVAL);
		r = call_direct(zoo_package, i % 2 ? "parse" : "mirror");
		T_ASSERT(r >= 0 || r == FERRY_EINVAL);
	}
}

int
main(int argc, char **argv)
{
	uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 0) : 20000;

	rng.state = t_seed();
	dprintf(1, "T_SEED=%ju %ju rounds\n", (uintmax_t)rng.state,
	    (uintmax_t)rounds);
	zoo_package = package_load("zoo");
	context = open_zoo("the zoo", NULL);
	round_trips(rounds);
	methods(rounds);
	others(rounds / 50);
	answer_done();
	T_OK(ferry_context_close(context, NULL, NULL));
	return 0;
}
