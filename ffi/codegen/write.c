/*
 * One Lua state a language; everything in it runs protected, want of memory
 * too. C gives what has to do with files and JSON, gen.lua the rest.
 */
#include "ffi/codegen/write.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

struct writing {
	const struct write_request *request;
	struct files *files;
};

/* What C's functions in Lua have in common: their first upvalue. */
static struct writing *
writing(lua_State *lua)
{
	return lua_touserdata(lua, lua_upvalueindex(1));
}

/* --- JSON ----------------------------------------------------------------- */

static void
push_json(lua_State *lua, const json_t *value)
{
	json_t *inner;
	const char *key;
	size_t i;

	luaL_checkstack(lua, 4, "the model is nested too deeply");
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		lua_createtable(lua, 0, (int)json_object_size(value));
		json_object_foreach((json_t *)value, key, inner) {
			push_json(lua, inner);
			lua_setfield(lua, -2, key);
		}
		break;
	case JSON_ARRAY:
		lua_createtable(lua, (int)json_array_size(value), 0);
		json_array_foreach(value, i, inner) {
			push_json(lua, inner);
			lua_rawseti(lua, -2, (lua_Integer)i + 1);
		}
		break;
	case JSON_STRING:
		lua_pushlstring(lua, json_string_value(value),
		    json_string_length(value));
		break;
	case JSON_INTEGER:
		lua_pushinteger(lua, json_integer_value(value));
		break;
	case JSON_REAL:
		lua_pushnumber(lua, json_real_value(value));
		break;
	case JSON_NULL:
		lua_pushnil(lua);
		break;
	default:
		lua_pushboolean(lua, json_is_true(value));
	}
}

static void
push_json_text(lua_State *lua, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);

	if (text == NULL)
		luaL_error(lua, "no memory for the model's text");
	/* A want of memory here leaks the text, and ends the program. */
	lua_pushstring(lua, text);
	free(text);
}

/* --- What gen.lua is given ------------------------------------------------ */

static int
push_file(lua_State *lua, char *path)
{
	size_t size;
	char *data = files_read(path, &size);

	if (data == NULL) {
		lua_pushfstring(lua, "%s: %s", path, strerror(errno));
		free(path);
		return lua_error(lua);
	}
	free(path);
	lua_pushlstring(lua, data, size);
	free(data);
	return 1;
}

/* The path below the folder of templates that argument 1 names; free() it. */
static char *
own_path(lua_State *lua)
{
	const char *path = luaL_checkstring(lua, 1);
	char *whole;

	if (!files_is_below(path))
		luaL_error(lua, "%s: not below the templates", path);
	whole = files_join(writing(lua)->request->codegen, path);
	if (whole == NULL)
		luaL_error(lua, "%s: no memory", path);
	return whole;
}

/* read(PATH): a file's text, below the folder of templates. */
static int
host_read(lua_State *lua)
{
	return push_file(lua, own_path(lua));
}

/* exists(PATH): whether read() would find it. */
static int
host_exists(lua_State *lua)
{
	char *path = own_path(lua);
	struct stat s;

	lua_pushboolean(lua, stat(path, &s) == 0 && S_ISREG(s.st_mode));
	free(path);
	return 1;
}

/* input(PATH): a file that the command line named. */
static int
host_input(lua_State *lua)
{
	char *path = strdup(luaL_checkstring(lua, 1));

	return path == NULL ? luaL_error(lua, "no memory") :
	    push_file(lua, path);
}

static int
compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* What programs leave among sources is none. */
static int
is_source(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && entry->d_name[n - 1] != '~' &&
	    strcmp(entry->d_name, "__pycache__") != 0;
}

static int
is_folder(const char *folder, const char *name)
{
	char *path = files_join(folder, name);
	struct stat s;
	int r = path != NULL && stat(path, &s) == 0 && S_ISDIR(s.st_mode);

	free(path);
	return r;
}

/* list(PATH): names in a folder in order, folders with a slash behind. */
static int
host_list(lua_State *lua)
{
	char *path = own_path(lua);
	struct dirent **found;
	int n = scandir(path, &found, is_source, compare_names);

	if (n < 0) {
		lua_pushfstring(lua, "%s: %s", path, strerror(errno));
		free(path);
		return lua_error(lua);
	}
	lua_createtable(lua, n, 0);
	for (int i = 0; i < n; i++) {
		lua_pushfstring(lua, "%s%s", found[i]->d_name,
		    is_folder(path, found[i]->d_name) ? "/" : "");
		lua_rawseti(lua, -2, i + 1);
		free(found[i]);
	}
	free(found);
	free(path);
	return 1;
}

/* write(PATH, TEXT): below the output folder. */
static int
host_write(lua_State *lua)
{
	size_t length, size;
	const char *path = luaL_checklstring(lua, 1, &length);
	const char *text = luaL_checklstring(lua, 2, &size);
	const char *why;

	if (strlen(path) != length)
		return luaL_error(lua, "a path with a zero in it");
	why = files_add(writing(lua)->files, path, text, size);
	return why == NULL ? 0 : luaL_error(lua, "%s %s", path, why);
}

static const luaL_Reg host[] = {
	{ "read", host_read },
	{ "exists", host_exists },
	{ "input", host_input },
	{ "list", host_list },
	{ "write", host_write },
	{ NULL, NULL }
};

/* --- A state -------------------------------------------------------------- */

/* Nothing that reaches out of the state. */
static void
open_libraries(lua_State *lua)
{
	static const luaL_Reg open[] = {
		{ LUA_GNAME, luaopen_base },
		{ LUA_TABLIBNAME, luaopen_table },
		{ LUA_STRLIBNAME, luaopen_string },
		{ LUA_MATHLIBNAME, luaopen_math },
		{ LUA_UTF8LIBNAME, luaopen_utf8 }
	};
	static const char *const closed[] = { "dofile", "loadfile", "print" };

	for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
		luaL_requiref(lua, open[i].name, open[i].func, 1);
		lua_pop(lua, 1);
	}
	for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
		lua_pushnil(lua);
		lua_setglobal(lua, closed[i]);
	}
	lua_getglobal(lua, LUA_MATHLIBNAME);
	lua_pushnil(lua);
	lua_setfield(lua, -2, "random");
	lua_pop(lua, 1);
}

static void
push_gen(lua_State *lua, struct writing *w)
{
	char *path = files_join(w->request->codegen, "gen.lua");
	size_t size;
	const char *text;

	if (path == NULL)
		luaL_error(lua, "no memory");
	push_file(lua, path);
	text = lua_tolstring(lua, -1, &size);
	if (luaL_loadbufferx(lua, text, size, "=gen.lua", "t") != LUA_OK)
		lua_error(lua);
	lua_remove(lua, -2);
	lua_call(lua, 0, 1);
}

/* Protected: gen.lua's function, with all that it needs. */
static int
run(lua_State *lua)
{
	struct writing *w = lua_touserdata(lua, 1);

	open_libraries(lua);
	push_gen(lua, w);
	luaL_newlibtable(lua, host);
	lua_pushlightuserdata(lua, w);
	luaL_setfuncs(lua, host, 1);
	lua_pushstring(lua, w->request->language);
	push_json(lua, w->request->model);
	push_json_text(lua, w->request->model);
	push_json(lua, w->request->options);
	lua_call(lua, 5, 0);
	return 0;
}

/* What gen.fail() throws is a table with a text, for the user; NULL for
 * anything else. No metamethod is called: here nothing is protected. */
static const char *
refusal(lua_State *lua, int at)
{
	const char *text = NULL;

	if (lua_istable(lua, at)) {
		lua_pushstring(lua, "text");
		lua_rawget(lua, at);
		/* The table keeps it. */
		if (lua_type(lua, -1) == LUA_TSTRING)
			text = lua_tostring(lua, -1);
		lua_pop(lua, 1);
	}
	return text;
}

/* Anything else is for the writer's author, who wants to see where. */
static int
trace(lua_State *lua)
{
	const char *text;

	if (refusal(lua, 1) != NULL)
		return 1;
	text = lua_type(lua, 1) == LUA_TSTRING ? lua_tostring(lua, 1) :
	    "an error without a text";
	luaL_traceback(lua, lua, text, 1);
	return 1;
}

static void
report(lua_State *lua, const char *language, FILE *errors)
{
	int top = lua_gettop(lua);
	const char *text = refusal(lua, top);

	if (text != NULL)
		fprintf(errors, "%s\n", text);
	else if (lua_type(lua, top) == LUA_TSTRING)
		fprintf(errors, "ferry: %s: %s\n", language,
		    lua_tostring(lua, top));
	else
		fprintf(errors, "ferry: %s: an error without a text\n",
		    language);
}

int
write_language(struct files *files, const struct write_request *request,
    FILE *errors)
{
	struct writing w = { request, files };
	lua_State *lua = luaL_newstate();
	int r;

	if (lua == NULL) {
		fprintf(errors, "ferry: %s: no memory\n", request->language);
		return -1;
	}
	/* None of these three allocates. */
	lua_pushcfunction(lua, trace);
	lua_pushcfunction(lua, run);
	lua_pushlightuserdata(lua, &w);
	r = lua_pcall(lua, 1, 0, 1);
	if (r != LUA_OK)
		report(lua, request->language, errors);
	lua_close(lua);
	return r == LUA_OK ? 0 : -1;
}
