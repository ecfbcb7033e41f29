/* `ferry`: which subcommand, and help. */
#include "ffi/tool/tool.h"

#include <string.h>

#include <ferry/version.h>

static int
print_version(void)
{
	printf("ferry %d.%d.%d (ABI %d)\n", FERRY_VERSION_MAJOR,
	    FERRY_VERSION_MINOR, FERRY_VERSION_PATCH, FERRY_ABI);
	return TOOL_OK;
}

static const struct tool_command commands[] = {
	{
		"gen", "HEADER|MODEL.json", "loIDktx",
		"write the packages of a marked header",
		"Reads a header with the marks of <ferry/marks.h>, or a model "
		"of one, and writes a\nfolder for each language below the "
		"output folder. The C shim is always written.\n",
		tool_gen
	},
	{
		"model", "HEADER|MODEL.json", "ID",
		"print what a marked header offers, as JSON",
		"Prints what docs/model.md describes: all that the writers of "
		"languages read.\n",
		tool_model
	},
	{
		"describe", "LIBRARY.so", "j",
		"print what a compiled Ferry library offers",
		"Loads a library that a shim was compiled into, and prints "
		"what it offers, with\nits docs. Its code runs as far as its "
		"constructors do.\n",
		tool_describe
	}
};

#define N_COMMANDS (sizeof commands / sizeof *commands)

static void
print_usage(FILE *out)
{
	fputs("usage: ferry COMMAND ...\n\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-9s %-18s %s\n", commands[i].name,
		    commands[i].operand, commands[i].summary);
	fputs("  help      [COMMAND]          print this, or more of one\n"
	    "  --version                    print the version\n", out);
}

static const struct tool_command *
find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	fprintf(stderr, "ferry: there is no command %s; see `ferry help`\n",
	    name);
	return NULL;
}

static void
print_help(const struct tool_command *command)
{
	printf("usage: ferry %s [OPTION]... %s\n\n%s\n", command->name,
	    command->operand, command->help);
	options_help(command->options, stdout);
}

static int
help(int argc, char **argv)
{
	const struct tool_command *command;

	if (argc < 2) {
		print_usage(stdout);
		return TOOL_OK;
	}
	command = find_command(argv[1]);
	if (command == NULL)
		return TOOL_MISUSED;
	print_help(command);
	return TOOL_OK;
}

static int
run(const struct tool_command *command, int argc, char **argv)
{
	struct tool_options options;
	int r;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		print_help(command);
		return TOOL_OK;
	}
	r = options_parse(&options, command, argc, argv);
	if (r == TOOL_OK)
		r = command->run(&options);
	options_free(&options);
	return r;
}

static int
dispatch(int argc, char **argv)
{
	const struct tool_command *command;

	if (argc < 2) {
		print_usage(stderr);
		return TOOL_MISUSED;
	}
	if (strcmp(argv[1], "--version") == 0)
		return print_version();
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
		return help(argc - 1, argv + 1);
	command = find_command(argv[1]);
	return command == NULL ? TOOL_MISUSED :
	    run(command, argc - 1, argv + 1);
}

int
main(int argc, char **argv)
{
	int r = dispatch(argc, argv);

	/* A full disk behind standard output is a failure. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("ferry: standard output");
		return TOOL_FAILED;
	}
	return r;
}
