/*
 * The scribe's reports to files; see scribe.h.
 *
 * Owns: notes, from append until they are written or given up, and for each
 * path that has any a file. That is one job of the pool, which writes note
 * after note in the order in which they came: so a file that hangs has one
 * thread in its hands, and only its own notes wait. They wait in bounded room.
 *
 * Threads: any. All is under `mutex`, but for a note while it is written: what
 * is read then does not change. `mutex` may be held where the pool's is taken,
 * and not the other way round.
 */
#include "event/scribe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ffi/fork.h"

#define IDLE_NS     UINT64_C(500000000)
#define PATIENCE_NS UINT64_C(5000000000) /* of a file that takes nothing */
#define WRITERS     8u   /* files that may hang, and others are written */
#define FILE_NOTES  64u  /* that wait, or are being written, for one file … */
#define NOTES       (WRITERS * FILE_NOTES) /* … and in all */

struct note {
	struct note *next;
	uint64_t ticket;
	atom64 *failed;
	size_t size;
	char text[];
};

struct file {
	struct pool_job job;
	struct file *next;
	struct note *first, *last; /* the first is being written */
	uint32_t n;
	char path[];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct pool writers = POOL_INIT;
static bool started;
static struct file *files;
static uint32_t n_notes;
static uint64_t tickets;
static atom32 changes; /* awaiters sleep on this */

/* ----------------------------------------------------------- with the mutex */

static struct file *
find(const char *path)
{
	struct file *f = files;

	while (f != NULL && strcmp(f->path, path) != 0)
		f = f->next;
	return f;
}

static struct file *
make(const char *path)
{
	size_t size = strlen(path) + 1;
	struct file *f = calloc(1, sizeof *f + size);

	if (f == NULL)
		return NULL;
	memcpy(f->path, path, size);
	f->next = files;
	files = f;
	return f;
}

static void
drop(struct file *f)
{
	struct file **at = &files;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	free(f);
}

static void
push(struct file *f, struct note *n)
{
	if (f->first == NULL)
		f->first = n;
	else
		f->last->next = n;
	f->last = n;
	f->n++;
	n_notes++;
}

/* Takes the first one away. */
static struct note *
pop(struct file *f)
{
	struct note *n = f->first;

	f->first = n->next;
	f->n--;
	n_notes--;
	/* Relaxed: awaiters look with the mutex held. */
	atom32_add_relaxed(&changes, 1);
	ferry__os_wake(&changes, INT_MAX);
	return n;
}

static bool
is_pending(uint64_t ticket)
{
	for (const struct file *f = files; f != NULL; f = f->next)
		for (const struct note *n = f->first; n != NULL; n = n->next)
			if (n->ticket == ticket)
				return true;
	return false;
}

/* ----------------------------------------------------------------- writing */

static int
append(const struct file *f, const struct note *n)
{
	int e, fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
	                     O_NOCTTY | O_NONBLOCK, 0644);

	if (fd < 0)
		return errno;
	e = ferry__os_write(fd, n->text, n->size, PATIENCE_NS);
	if (close(fd) != 0 && e == 0)
		e = errno;
	return e;
}

/* Returns the next note, or NULL: the file is gone. */
static struct note *
write_note(struct file *f, struct note *n)
{
	struct note *next;

	if (append(f, n) != 0)
		count_shared_add(n->failed, 1);
	pthread_mutex_lock(&mutex);
	free(pop(f));
	next = f->first;
	if (next == NULL)
		drop(f);
	pthread_mutex_unlock(&mutex);
	return next;
}

static enum pool_end
write_file(struct pool *p, struct pool_job *j, bool cancel)
{
	struct file *f = container_of(j, struct file, job);
	struct note *n;

	(void)p;
	(void)cancel;
	pthread_mutex_lock(&mutex);
	n = f->first;
	pthread_mutex_unlock(&mutex);
	while (n != NULL)
		n = write_note(f, n);
	return POOL_DONE;
}

/* ------------------------------------------------------------------ giving */

/* With the mutex, as the next one. What comes first starts the pool, which
 * then stays: its threads do not. */
static bool
start(void)
{
	static const struct pool_ops ops = { .run = write_file };
	static const struct pool_options o = {
		.name = "ferry-report",
		.least = 0,
		.most = WRITERS,
		.idle_ns = IDLE_NS,
		.for_ever = true,
	};

	if (!started)
		started = ferry__pool_start(&writers, &ops, &o) == FERRY_OK;
	return started;
}

static bool
give(struct note *n, const char *path)
{
	struct file *f = find(path);

	if (n_notes == NOTES || (f != NULL && f->n == FILE_NOTES) || !start())
		return false;
	if (f != NULL) {
		push(f, n);
		return true;
	}
	f = make(path);
	if (f == NULL)
		return false;
	push(f, n);
	if (ferry__pool_give(&writers, &f->job, 1) == FERRY_OK)
		return true;
	(void)pop(f);
	drop(f);
	return false;
}

bool
ferry__scribe_append(uint64_t *ticket, const char *path, const char *text,
    size_t size, atom64 *failed)
{
	struct note *n = calloc(1, sizeof *n + size);
	bool given;

	if (n == NULL)
		return false;
	n->failed = failed;
	n->size = size;
	memcpy(n->text, text, size);
	pthread_mutex_lock(&mutex);
	n->ticket = *ticket != 0 ? *ticket : tickets + 1;
	given = give(n, path);
	if (given && *ticket == 0)
		*ticket = ++tickets;
	pthread_mutex_unlock(&mutex);
	if (!given)
		free(n);
	return given;
}

void
ferry__scribe_await(uint64_t ticket, uint64_t deadline_ns)
{
	enum os_sleep how = OS_WOKEN;

	pthread_mutex_lock(&mutex);
	while (is_pending(ticket) && how != OS_TIMEOUT) {
		/* Relaxed: changed with the mutex held. */
		uint32_t seen = atom32_load_relaxed(&changes);

		pthread_mutex_unlock(&mutex);
		how = ferry__os_wait(&changes, seen, deadline_ns);
		pthread_mutex_lock(&mutex);
	}
	pthread_mutex_unlock(&mutex);
}

/* Notes of the parent's are the parent's to write. */
void
ferry__scribe_files_forked(void)
{
	ferry__fork_renew(&mutex);
	ferry__pool_forked(&writers);
	started = false;
	files = NULL;
	n_notes = 0;
}
