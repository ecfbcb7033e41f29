/*
 * What is loaded where; see trace_map.h.
 *
 * Owns: the list of modules, which stays and is filled anew; the names that the
 * loader is asked for, which are its thread's (trace_loader.h) while it is.
 */
#include "event/trace_map.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "event/trace_loader.h"

#define NOTES 1024u /* bytes of notes that are looked through */

static struct {
	struct map_module *at;
	size_t n, room;
} map;

static struct {
	uint32_t n;
	struct {
		uint64_t address;
		uint64_t begin;      /* of what has that name */
		char text[MAP_NAME]; /* or "" */
	} at[MAP_NAMES];
} names;

static void
find_names(void);

static struct loader_question naming = { .ask = find_names };
static bool known; /* it has been answered */

/* ------------------------------------------------------------- the loader */

static struct map_module *
add(void)
{
	struct map_module *more;
	size_t room = map.room == 0 ? 64 : map.room * 2;

	if (map.n == map.room) {
		more = realloc(map.at, room * sizeof *more);
		if (more == NULL)
			return NULL;
		map.at = more;
		map.room = room;
	}
	more = &map.at[map.n++];
	memset(more, 0, offsetof(struct map_module, path) + 1);
	return more;
}

static size_t
padded(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

static void
find_build_id(struct map_module *m, uint64_t address, size_t size)
{
	_Alignas(8) uint8_t notes[NOTES];
	size_t at = 0;

	size = ferry__facts_read(
	    notes, address, size < sizeof notes ? size : sizeof notes);
	while (m->id_size == 0 && at + sizeof(ElfW(Nhdr)) <= size) {
		ElfW(Nhdr) note;
		size_t name = at + sizeof note, id, left;

		memcpy(&note, notes + at, sizeof note);
		left = size - name;
		if (note.n_namesz > left || note.n_descsz > left ||
		    padded(note.n_namesz) + padded(note.n_descsz) > left)
			return;
		id = name + padded(note.n_namesz);
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(notes + name, "GNU", 4) == 0 &&
		    note.n_descsz <= MAP_ID) {
			memcpy(m->id, notes + id, note.n_descsz);
			m->id_size = note.n_descsz;
		}
		at = id + padded(note.n_descsz);
	}
}

static void
add_segment(struct map_module *m, const ElfW(Phdr) *p)
{
	uint64_t at = m->bias + p->p_vaddr;

	if (p->p_type == PT_LOAD && (p->p_flags & PF_X) != 0 &&
	    m->codes < MAP_CODES) {
		m->code[m->codes].low = at;
		m->code[m->codes++].high = at + p->p_memsz;
	} else if (p->p_type == PT_NOTE && m->id_size == 0) {
		find_build_id(m, at, p->p_memsz);
	} else if (p->p_type == PT_GNU_EH_FRAME) {
		m->table = at;
	}
}

static void
name_program(struct map_module *m)
{
	ssize_t n = readlink("/proc/self/exe", m->path, sizeof m->path - 1);

	m->path[n < 0 ? 0 : n] = '\0';
}

/* On its own, because ThreadSanitizer, which cannot see the loader's lock, has
 * to be told of it (tests/tsan.supp). */
static void
copy_name(struct map_module *m, const char *loaders)
{
	snprintf(m->path, sizeof m->path, "%s", loaders);
}

static int
on_module(struct dl_phdr_info *info, size_t size, void *program_seen)
{
	struct map_module *m = add();
	bool *seen = program_seen;

	(void)size;
	if (m == NULL)
		return 1;
	m->bias = info->dlpi_addr;
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		add_segment(m, &info->dlpi_phdr[i]);
	/* The program has no name, and comes first. */
	if (info->dlpi_name != NULL && info->dlpi_name[0] != '\0')
		copy_name(m, info->dlpi_name);
	else if (!*seen)
		name_program(m);
	*seen = true;
	return 0;
}

void
ferry__map_look(void)
{
	bool program_seen = false;

	map.n = 0;
	/* If it stops for want of memory, the rest is not known. */
	(void)dl_iterate_phdr(on_module, &program_seen);
}

/* The parent may have been in the middle of it. */
void
ferry__map_forked(void)
{
	map.at = NULL;
	map.n = map.room = 0;
	naming.ticket = 0;
	known = false;
}

const struct map_module *
ferry__map_find(uint64_t address)
{
	for (size_t i = 0; i < map.n; i++)
		for (uint32_t c = 0; c < map.at[i].codes; c++)
			if (address - map.at[i].code[c].low <
			    map.at[i].code[c].high - map.at[i].code[c].low)
				return &map.at[i];
	return NULL;
}

/* ------------------------------------------------------- what is before it */

#if defined(__x86_64__)

#define BEFORE 7u /* bytes of the longest call */

/* Whether the bytes up to the end are a call of a pointer: ff /2, of a
 * register or memory, a prefix before it or not. */
static bool
is_indirect(const uint8_t *end)
{
	/* By its length without prefix: what its second byte may be. */
	for (unsigned n = 2; n <= 7; n++) {
		unsigned mod = end[1 - (int)n] >> 6, rm = end[1 - (int)n] & 7;
		unsigned need = 2;

		if (end[-(int)n] != 0xff || (end[1 - (int)n] >> 3 & 7) != 2)
			continue;
		if (mod != 3 && rm == 4)
			need++; /* an index */
		if (mod == 1)
			need += 1;
		if (mod == 2 || (mod == 0 && rm == 5) ||
		    (mod == 0 && rm == 4 && n > 2 &&
		        (end[2 - (int)n] & 7) == 5))
			need += 4;
		if (need == n)
			return true;
	}
	return false;
}

static enum map_call
decode(uint64_t *target, const uint8_t *end, uint64_t address)
{
	int32_t by;

	if (end[-5] == 0xe8) {
		memcpy(&by, end - 4, sizeof by);
		*target = address + (uint64_t)(int64_t)by;
		if (ferry__map_find(*target) != NULL)
			return MAP_DIRECT;
	}
	return is_indirect(end) ? MAP_INDIRECT : MAP_NO_CALL;
}

/* A jump by way of a table: where calls into other modules go. */
static bool
is_stub(uint64_t target)
{
	uint8_t b[6];
	const uint8_t *at = b;

	if (ferry__facts_read(b, target, 4) != 4)
		return false;
	if (memcmp(b, "\xf3\x0f\x1e\xfa", 4) == 0)
		target += 4; /* a landing place */
	if (ferry__facts_read(b, target, sizeof b) != sizeof b)
		return false;
	if (*at == 0xf2)
		at++;
	return (at[0] == 0xff && at[1] == 0x25) || at[0] == 0x68;
}

#elif defined(__aarch64__)

#define BEFORE 4u

static enum map_call
decode(uint64_t *target, const uint8_t *end, uint64_t address)
{
	uint32_t code;
	int64_t by;

	memcpy(&code, end - 4, sizeof code);
	if (code >> 26 == 0x25) { /* bl */
		by = (int64_t)((uint64_t)code << 38) >> 36;
		*target = address - 4 + (uint64_t)by;
		return ferry__map_find(*target) != NULL ? MAP_DIRECT
		                                        : MAP_NO_CALL;
	}
	/* blr, and those that check the pointer's signature */
	return (code & 0xfffffc1fu) == 0xd63f0000u ||
	        (code & 0xfefff800u) == 0xd63f0800u
	    ? MAP_INDIRECT
	    : MAP_NO_CALL;
}

/* adrp x16: where calls into other modules go. */
static bool
is_stub(uint64_t target)
{
	uint32_t code[2];

	if (ferry__facts_read(code, target, sizeof code) != sizeof code)
		return false;
	return (code[code[0] == 0xd503245fu] & 0x9f00001fu) == 0x90000010u;
}

#else

#define BEFORE 1u

static enum map_call
decode(uint64_t *target, const uint8_t *end, uint64_t address)
{
	(void)target;
	(void)end;
	(void)address;
	return MAP_NO_CALL;
}

static bool
is_stub(uint64_t target)
{
	(void)target;
	return false;
}

#endif

enum map_call
ferry__map_call_before(uint64_t *target, uint64_t address)
{
	uint8_t bytes[8];
	enum map_call call;

	if (ferry__map_find(address - 1) == NULL ||
	    ferry__facts_read(bytes, address - BEFORE, BEFORE) != BEFORE)
		return MAP_NO_CALL;
	call = decode(target, bytes + BEFORE, address);
	return call == MAP_DIRECT && is_stub(*target) ? MAP_INDIRECT : call;
}

/* ------------------------------------------------- where functions begin */

/* The table of .eh_frame_hdr as linkers write it, sorted: where a function
 * begins, and its entry, both from the table's own address on. */
struct table_head {
	uint8_t version, frames_form, count_form, form;
	int32_t frames;
	uint32_t count;
};
struct table_entry {
	int32_t function, entry;
};

static bool
read_entry(struct table_entry *e, uint64_t table, uint32_t n)
{
	return ferry__facts_read(e,
	           table + sizeof(struct table_head) + n * sizeof *e,
	           sizeof *e) == sizeof *e;
}

uint64_t
ferry__map_function(uint64_t address)
{
	const struct map_module *m = ferry__map_find(address);
	struct table_head head;
	struct table_entry e;
	uint32_t low = 0, high;
	uint64_t found = 0;

	if (m == NULL || m->table == 0 ||
	    ferry__facts_read(&head, m->table, sizeof head) != sizeof head ||
	    head.version != 1 || head.count_form != 0x03 || head.form != 0x3b)
		return 0;
	high = head.count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		uint64_t begin;

		if (!read_entry(&e, m->table, middle))
			return 0;
		begin = m->table + (uint64_t)(int64_t)e.function;
		if (begin <= address) {
			found = begin;
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return found;
}

/* The loader's names are the module's, which may go: so they are read as all
 * else of it. */
static void
find_name(uint32_t i)
{
	char *text = names.at[i].text;
	Dl_info info;
	size_t n;

	text[0] = '\0';
	if (dladdr((void *)(uintptr_t)names.at[i].address, &info) == 0 ||
	    info.dli_sname == NULL)
		return;
	names.at[i].begin = (uintptr_t)info.dli_saddr;
	n = ferry__facts_read(text, (uintptr_t)info.dli_sname, MAP_NAME);
	if (memchr(text, '\0', n) == NULL)
		text[0] = '\0';
}

static void
find_names(void)
{
	for (uint32_t i = 0; i < names.n; i++)
		find_name(i);
}

void
ferry__map_ask_names(const uint64_t *addresses, uint32_t n)
{
	ASSERT(n <= MAP_NAMES);
	known = false;
	if (ferry__loader_is_out(&naming))
		return;
	names.n = n;
	for (uint32_t i = 0; i < n; i++)
		names.at[i].address = addresses[i];
	known = ferry__loader_ask(&naming) && ferry__loader_await(&naming);
}

const char *
ferry__map_name(uint64_t address)
{
	for (uint32_t i = 0; known && i < names.n; i++)
		/* What is behind an exported function and not exported is not
		 * it, though some loaders say so. */
		if (names.at[i].address == address)
			return names.at[i].text[0] != '\0' &&
			        ferry__map_find(address) != NULL &&
			        names.at[i].begin >=
			            ferry__map_function(address)
			    ? names.at[i].text
			    : NULL;
	return NULL;
}
