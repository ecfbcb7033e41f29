/* `ferry model`. */
#include "ffi/tool/tool.h"

int
model_print(const json_t *model)
{
	if (json_dumpf(model, stdout,
	    JSON_INDENT(1) | JSON_ENSURE_ASCII) == 0 && putchar('\n') != EOF)
		return TOOL_OK;
	perror("ferry: standard output");
	return TOOL_FAILED;
}

int
tool_model(const struct tool_options *options)
{
	json_t *model = input_model(options);
	int r;

	if (model == NULL)
		return TOOL_FAILED;
	r = model_print(model);
	json_decref(model);
	return r;
}
