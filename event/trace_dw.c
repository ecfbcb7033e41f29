/*
 * Unwinding and names by libdw; see trace_dw.h.
 *
 * Its view of this process (`dwfl`) is kept, with all that it has read of the
 * modules' files, and told of the modules anew each time. Threads are told
 * from the copy alone: what the process has in memory by now is another stack.
 *
 * Debugging data apart from a module is looked for by build id below
 * /usr/lib/debug. Not by dwfl_standard_find_debuginfo(), which asks the
 * servers of DEBUGINFOD_URLS.
 *
 * Threads: `dw` is the loader's thread's until that question is answered, and
 * constant from then on.
 */
#include "event/trace_dw.h"

#include <string.h>

#if defined(__has_include) && defined(__linux__)
#if __has_include(<elfutils/libdwfl.h>)
#define HAVE_DW 1
#endif
#endif

#ifdef HAVE_DW

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <unistd.h>

#include "event/trace_loader.h"
#include "ffi/alloc.h"

/* Where a function returns to, as the processor's unwinding data have it. */
#if defined(__aarch64__)
#define DWARF_RETURN 30
#else
#define DWARF_RETURN 16
#endif

/* What is used of it. */
#define FUNCTIONS(X) \
	X(dwfl_begin) \
	X(dwfl_report_begin) \
	X(dwfl_linux_proc_report) \
	X(dwfl_report_end) \
	X(dwfl_linux_proc_find_elf) \
	X(dwfl_build_id_find_debuginfo) \
	X(dwfl_attach_state) \
	X(dwfl_getthread_frames) \
	X(dwfl_thread_state_registers) \
	X(dwfl_thread_state_register_pc) \
	X(dwfl_frame_pc) \
	X(dwfl_addrmodule) \
	X(dwfl_module_addrinfo) \
	X(dwfl_module_addrdie) \
	X(dwfl_module_nextcu) \
	X(dwfl_module_eh_cfi) \
	X(dwarf_cfi_addrframe) \
	X(dwarf_frame_register) \
	X(dwarf_haspc) \
	X(dwarf_getsrc_die) \
	X(dwarf_linesrc) \
	X(dwarf_lineno) \
	X(dwarf_getscopes) \
	X(elf_version) \
	X(elf_begin) \
	X(elf_cntl) \
	X(dwarf_getscopes_die) \
	X(dwarf_tag) \
	X(dwarf_diename) \
	X(dwarf_attr) \
	X(dwarf_formudata) \
	X(dwarf_getsrcfiles) \
	X(dwarf_filesrc)

#define MEMBER(name) __typeof__(name) *name;
static struct {
	FUNCTIONS(MEMBER)
} dw;

/* Relaxed, always: who knows the answer has waited for it, under the pool's
 * mutex; a forked child is alone. */
enum { UNTRIED, LOADED, MISSING };
static atom32 library;
static bool refused;
static Dwfl *dwfl;
static bool attached;

/* What the callbacks are about: set while a walk goes on. */
static const struct trace *seen;

/* ------------------------------------------------------------ the library */

static bool
find_function(void *from, const char *name, void *out)
{
	void *p = dlsym(from, name);

	/* A function's address, by way of its bytes: ISO C knows no other. */
	memcpy(out, &p, sizeof p);
	return p != NULL;
}

static bool
find_functions(void)
{
	void *lib = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);

	if (lib == NULL)
		return false;
#define FIND(name) \
	if (!find_function(lib, #name, &dw.name)) \
		return false;
	FUNCTIONS(FIND)
	return true;
}

static void
load(void)
{
	atom32_store_relaxed(&library, find_functions() ? LOADED : MISSING);
	/* It looks for that function once: now, and not when somebody is stuck
	 * in the loader. */
	ferry__alloc_free_theirs(NULL);
}

static struct loader_question loading = { .ask = load };

bool
ferry__dw_load(void)
{
	return ferry__loader_ask_once(&loading) &&
	    ferry__loader_await(&loading) &&
	    atom32_load_relaxed(&library) == LOADED;
}

/* ------------------------------------------------------------ the modules */

/*
 * libdw would keep a descriptor of each module, open to whatever program the
 * host starts. It gets the file's contents, mapped, in place of one.
 */
static int
find_elf(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
    char **file, Elf **elf)
{
	int fd;

	if (name[0] != '/')
		return dw.dwfl_linux_proc_find_elf(
		    module, user, name, base, file, elf);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	*elf = dw.elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	if (*elf == NULL || dw.elf_cntl(*elf, ELF_C_FDREAD) != 0)
		/* Whoever has the descriptor closes it. */
		return fd;
	close(fd);
	*file = strdup(name);
	return -1;
}

static int
find_debuginfo(Dwfl_Module *module, void **user, const char *name,
    Dwarf_Addr base, const char *file, const char *link, GElf_Word crc,
    char **out)
{
	int fd = dw.dwfl_build_id_find_debuginfo(
	    module, user, name, base, file, link, crc, out);

	if (fd >= 0)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static bool
begin(void)
{
	static char path[] = "/usr/lib/debug", *where = path;
	static Dwfl_Callbacks callbacks;

	dw.elf_version(EV_CURRENT);
	callbacks.find_elf = find_elf;
	callbacks.find_debuginfo = find_debuginfo;
	callbacks.debuginfo_path = &where;
	dwfl = dw.dwfl_begin(&callbacks);
	return dwfl != NULL;
}

/* Those that are as they were keep what has been read of them. */
static bool
report(void)
{
	int r;

	dw.dwfl_report_begin(dwfl);
	r = dw.dwfl_linux_proc_report(dwfl, getpid());
	return dw.dwfl_report_end(dwfl, NULL, NULL) == 0 && r == 0;
}

/* ------------------------------------------------------------- the thread */

static pid_t
next_thread(Dwfl *of, void *user, void **thread)
{
	(void)of;
	if (*thread != NULL)
		return 0;
	*thread = user;
	return (pid_t)seen->thread;
}

static bool
get_thread(Dwfl *of, pid_t id, void *user, void **thread)
{
	(void)of;
	*thread = user;
	return id == (pid_t)seen->thread;
}

static bool
read_memory(Dwfl *of, Dwarf_Addr address, Dwarf_Word *out, void *user)
{
	uint64_t at = address - seen->sp;

	(void)of;
	(void)user;
	if (seen->size < sizeof *out || at > seen->size - sizeof *out)
		return false;
	memcpy(out, seen->bytes + at, sizeof *out);
	return true;
}

static bool
set_registers(Dwfl_Thread *thread, void *user)
{
	(void)user;
	dw.dwfl_thread_state_register_pc(thread, seen->pc);
	for (unsigned i = 0; i < TRACE_REGISTERS; i++) {
		Dwarf_Word word = seen->registers[i];

		if (i != TRACE_PC && (seen->known >> i & 1) != 0 &&
		    !dw.dwfl_thread_state_registers(thread, (int)i, 1, &word))
			return false;
	}
	return true;
}

static bool
attach(void)
{
	static const Dwfl_Thread_Callbacks callbacks = {
		.next_thread = next_thread,
		.get_thread = get_thread,
		.memory_read = read_memory,
		.set_initial_registers = set_registers,
	};

	/* Its argument is not used, and must be something. */
	if (!attached)
		attached = dw.dwfl_attach_state(
		    dwfl, NULL, getpid(), &callbacks, &dwfl);
	return attached;
}

static int
on_frame(Dwfl_Frame *frame, void *user)
{
	struct walk *w = user;
	Dwarf_Addr pc;
	bool exact;

	if (w->n == TRACE_FRAMES || !dw.dwfl_frame_pc(frame, &pc, &exact))
		return DWARF_CB_ABORT;
	w->at[w->n].pc = pc;
	w->at[w->n++].exact = exact;
	return DWARF_CB_OK;
}

/* Whether nothing called the function there, by its unwinding data. That a
 * walk ended without an error does not tell: it does, too, where it needs a
 * register that is not known. */
static bool
is_outermost(Dwarf_Addr pc)
{
	Dwfl_Module *module = dw.dwfl_addrmodule(dwfl, pc);
	Dwarf_Op some[3], *ops = NULL;
	Dwarf_Frame *frame;
	Dwarf_Addr bias;
	Dwarf_CFI *cfi;
	size_t n = 1;
	bool found;

	if (module == NULL)
		return false;
	cfi = dw.dwfl_module_eh_cfi(module, &bias);
	if (cfi == NULL ||
	    dw.dwarf_cfi_addrframe(cfi, pc - bias, &frame) != 0)
		return false;
	found = dw.dwarf_frame_register(
	            frame, DWARF_RETURN, some, &ops, &n) == 0 &&
	    n == 0 && ops == NULL;
	ferry__alloc_free_theirs(frame);
	return found;
}

bool
ferry__dw_open(void)
{
	return !refused && ferry__dw_load() && (dwfl != NULL || begin()) &&
	    report();
}

void
ferry__dw_walk(struct walk *out, const struct trace *t)
{
	out->n = 0;
	out->ended = false;
	seen = t;
	if (attach() &&
	    dw.dwfl_getthread_frames(
	        dwfl, (pid_t)t->thread, on_frame, out) == 0 &&
	    out->n > 0)
		out->ended = is_outermost(
		    out->at[out->n - 1].pc - !out->at[out->n - 1].exact);
	seen = NULL;
}

/* ------------------------------------------------------------------ names */

static bool
is_function(Dwarf_Die *die)
{
	int tag = dw.dwarf_tag(die);

	return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine ||
	    tag == DW_TAG_entry_point;
}

/* Where an inlined function was called. */
static void
name_caller(struct dw_name *out, Dwarf_Die *die, Dwarf_Die *unit)
{
	Dwarf_Attribute a;
	Dwarf_Files *files;
	Dwarf_Word n;
	size_t count;

	if (dw.dwarf_formudata(
	        dw.dwarf_attr(die, DW_AT_call_line, &a), &n) == 0)
		out->line = (uint32_t)n;
	if (dw.dwarf_formudata(
	        dw.dwarf_attr(die, DW_AT_call_file, &a), &n) == 0 &&
	    dw.dwarf_getsrcfiles(unit, &files, &count) == 0 && n < count)
		out->file = dw.dwarf_filesrc(files, n, NULL, NULL);
}

/* out[0] has file and line already; a caller of an inlined function gets
 * those of the call. */
static uint32_t
name_scopes(struct dw_name *out, uint32_t most, Dwarf_Die *scopes, int n,
    Dwarf_Die *unit)
{
	uint32_t found = 0;

	for (int i = 0; i < n && found < most; i++) {
		if (!is_function(&scopes[i]))
			continue;
		out[found++].function = dw.dwarf_diename(&scopes[i]);
		if (dw.dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine)
			break;
		if (found < most)
			name_caller(&out[found], &scopes[i], unit);
	}
	return found;
}

static uint32_t
name_functions(
    struct dw_name *out, uint32_t most, Dwarf_Die *unit, Dwarf_Addr pc)
{
	Dwarf_Die *scopes = NULL, *chain = NULL;
	uint32_t found = 0;
	int n, first = 0;

	n = dw.dwarf_getscopes(unit, pc, &scopes);
	while (first < n && !is_function(&scopes[first]))
		first++;
	/* Those are what encloses it in the source; this, in the code. */
	if (first < n) {
		n = dw.dwarf_getscopes_die(&scopes[first], &chain);
		found = name_scopes(out, most, chain, n, unit);
	}
	ferry__alloc_free_theirs(chain);
	ferry__alloc_free_theirs(scopes);
	return found;
}

static void
name_line(struct dw_name *out, Dwarf_Die *unit, Dwarf_Addr pc)
{
	Dwarf_Line *line = dw.dwarf_getsrc_die(unit, pc);
	int number;

	if (line == NULL)
		return;
	out->file = dw.dwarf_linesrc(line, NULL, NULL);
	if (out->file != NULL && dw.dwarf_lineno(line, &number) == 0)
		out->line = (uint32_t)number;
}

/* The unit that has been compiled to this code. Not every compiler writes the
 * table of them. */
static Dwarf_Die *
find_unit(Dwfl_Module *module, Dwarf_Addr pc, Dwarf_Addr *bias)
{
	Dwarf_Die *unit = dw.dwfl_module_addrdie(module, pc, bias);

	if (unit != NULL)
		return unit;
	do
		unit = dw.dwfl_module_nextcu(module, unit, bias);
	while (unit != NULL && dw.dwarf_haspc(unit, pc - *bias) <= 0);
	return unit;
}

/* A symbol that does not say how long it is, or ends before, is some other
 * function's. */
static const char *
name_of_symbol(Dwfl_Module *module, Dwarf_Addr pc)
{
	GElf_Off offset;
	GElf_Sym symbol;
	const char *name = dw.dwfl_module_addrinfo(
	    module, pc, &offset, &symbol, NULL, NULL, NULL);

	return name != NULL && offset < symbol.st_size ? name : NULL;
}

uint32_t
ferry__dw_names(struct dw_name *out, uint32_t most, uint64_t pc)
{
	Dwfl_Module *module = dw.dwfl_addrmodule(dwfl, pc);
	Dwarf_Die *unit;
	Dwarf_Addr bias;
	uint32_t n = 0;

	memset(out, 0, most * sizeof *out);
	if (module == NULL)
		return 0;
	unit = find_unit(module, pc, &bias);
	if (unit != NULL) {
		name_line(out, unit, pc - bias);
		n = name_functions(out, most, unit, pc - bias);
	}
	/* What the debugging data calls it, the linker may know by another
	 * name: the former is the source's. */
	if (n == 0 || out[n - 1].function == NULL)
		out[n == 0 ? 0 : n - 1].function =
		    name_of_symbol(module, pc);
	return n != 0 ? n : out->function != NULL || out->file != NULL;
}

void
ferry__dw_refuse(bool refuse)
{
	refused = refuse;
}

/* Its threads were the parent's: the view is of a process by its number. */
void
ferry__dw_forked(void)
{
	dwfl = NULL;
	attached = false;
	seen = NULL;
	if (atom32_load_relaxed(&library) == UNTRIED)
		loading.ticket = 0;
}

#else

bool
ferry__dw_load(void)
{
	return false;
}

bool
ferry__dw_open(void)
{
	return false;
}

void
ferry__dw_walk(struct walk *out, const struct trace *t)
{
	(void)t;
	memset(out, 0, sizeof *out);
}

uint32_t
ferry__dw_names(struct dw_name *out, uint32_t most, uint64_t pc)
{
	(void)pc;
	memset(out, 0, most * sizeof *out);
	return 0;
}

void
ferry__dw_refuse(bool refuse)
{
	(void)refuse;
}

void
ferry__dw_forked(void)
{
}

#endif
