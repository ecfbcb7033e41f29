/*
 * Fields of records, and what functions take and give: what they have in
 * common. Some say something of others: how long, whether it is there.
 */
#include "ffi/codegen/scan_unit.h"

#include <string.h>

static struct item *
beside(struct items *items, const char *c_name)
{
	for (size_t i = 0; i < items->n; i++)
		if (strcmp(items->item[i].c_name, c_name) == 0)
			return &items->item[i];
	return NULL;
}

/* Whether both are seen at the same time: arguments, or results. */
static bool
same_way(const struct item *a, const struct item *b)
{
	bool in_a = a->way == WAY_IN, in_b = b->way == WAY_IN;

	return in_a == in_b && a->way != WAY_INOUT && b->way != WAY_INOUT;
}

/* `by`, named in a mark of `of`, has this role; false after an error. */
static bool
join(struct unit *u, struct items *items, struct item *of, enum word word,
    bool shared)
{
	const char *c_name = of->marks.value[word];
	bool len = word == WORD_LEN;
	struct item *by = beside(items, c_name);

	if (!by || by == of)
		scan_error(u, of->at, "%s: %s = %s: nothing beside it has that "
		    "name; name a %s", of->c_name, scan_word_text(word),
		    c_name, len ? "number" : "bool");
	else if (by->way >= WAY_SELF || !same_way(by, of))
		scan_error(u, of->at, "%s: %s = %s: one of them is an argument "
		    "and the other a result; both must go the same way",
		    of->c_name, scan_word_text(word), c_name);
	else if (len ? !scan_is_integer(by->type) :
	    scan_bare(by->type).kind != CXType_Bool)
		scan_error(u, by->at, "%s: it says %s %s and must be a %s; "
		    "change its type", c_name, len ? "how long is" : "whether "
		    "there is", of->c_name, len ? "number without fractions" :
		    "bool");
	else if (by->of && !(shared && len && !strcmp(by->role, "len")))
		scan_error(u, of->at, "%s: %s = %s: it already belongs to %s; "
		    "each has its own", of->c_name, scan_word_text(word),
		    c_name, by->of->c_name);
	else if (by->marks.any && strcmp(by->role, "value") == 0)
		scan_error(u, by->at, "%s: it only says %s %s, and nobody "
		    "sees it; take its marks off", c_name, len ? "how long "
		    "is" : "whether there is", of->c_name);
	else {
		by->role = len ? "len" : "has";
		if (!by->of)
			by->of = of;
		return true;
	}
	return false;
}

bool
scan_items_join(struct unit *u, struct items *items, bool shared)
{
	bool good = true;

	for (size_t i = 0; i < items->n; i++) {
		struct item *of = &items->item[i];

		if (of->marks.value[WORD_LEN] &&
		    !join(u, items, of, WORD_LEN, shared))
			good = false;
		if (of->marks.value[WORD_OPTIONAL] &&
		    !join(u, items, of, WORD_OPTIONAL, shared))
			good = false;
	}
	return good;
}

json_t *
scan_field(struct unit *u, const struct item *item)
{
	json_t *type = scan_type(u, item), *json;

	if (!type)
		return NULL;
	json = scan_new(u, json_object());
	scan_put_text(u, json, "name", item->name);
	scan_put_text(u, json, "c_name", item->c_name);
	scan_put(u, json, "at", scan_at(u, item->at));
	scan_put(u, json, "type", type);
	scan_put_text(u, json, "role", item->role);
	if (item->of)
		scan_put_text(u, json, "of", item->of->name);
	scan_put(u, json, "default", scan_default(u, item, type));
	scan_put_text(u, json, "transfer", item->marks.value[WORD_TRANSFER]);
	scan_put_text(u, json, "doc", item->doc);
	return json;
}
