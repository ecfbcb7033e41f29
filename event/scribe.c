/*
 * The scribe; see scribe.h.
 */
#include "event/scribe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ffi/fork.h"

#define IDLE_NS     UINT64_C(500000000)
#define PATIENCE_NS UINT64_C(5000000000) /* of a file that takes nothing */

struct note {
	struct pool_job job;
	atom64 *failed;
	char *text;   /* both behind this struct */
	size_t size;
	char path[];
};

static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
static struct pool unwinder = POOL_INIT;
static struct pool writer = POOL_INIT;
static bool unwinds, writes; /* under `starting`: they have been started */

static enum pool_end
unwind(struct pool *p, struct pool_job *pj, bool cancel)
{
	struct scribe_job *j = container_of(pj, struct scribe_job, job);
	void (*done)(void *) = j->done;
	void *arg = j->arg;

	(void)p;
	(void)cancel;
	ferry__trace_unwind(&j->frames, &j->trace, j->symbols);
	/* pair(scribe) release: the frames. */
	atom32_store_release(&j->state, SCRIBE_DONE);
	done(arg);
	return POOL_DONE;
}

static int
append(const struct note *n)
{
	int e, fd = open(n->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
	                     O_NOCTTY | O_NONBLOCK, 0644);

	if (fd < 0)
		return errno;
	e = ferry__os_write(fd, n->text, n->size, PATIENCE_NS);
	if (close(fd) != 0 && e == 0)
		e = errno;
	return e;
}

static enum pool_end
write_note(struct pool *p, struct pool_job *j, bool cancel)
{
	struct note *n = container_of(j, struct note, job);
	int e;

	(void)p;
	(void)cancel;
	e = append(n);
	if (e != 0)
		count_shared_add(n->failed, 1);
	free(n);
	return e == 0 ? POOL_DONE : POOL_FAILED;
}

/* What comes first starts the pool, which then stays: its threads do not. */
static bool
start(struct pool *p, bool *started, const struct pool_ops *ops,
    const char *name)
{
	struct pool_options o = {
		.name = name,
		.least = 0,
		.most = 1,
		.idle_ns = IDLE_NS,
		.for_ever = true,
	};
	bool is;

	pthread_mutex_lock(&starting);
	if (!*started)
		*started = ferry__pool_start(p, ops, &o) == FERRY_OK;
	is = *started;
	pthread_mutex_unlock(&starting);
	return is;
}

bool
ferry__scribe_give(struct scribe_job *j)
{
	static const struct pool_ops ops = { .run = unwind };

	if (!start(&unwinder, &unwinds, &ops, "ferry-unwind"))
		return false;
	/* Relaxed: the pool's mutex publishes it. */
	atom32_store_relaxed(&j->state, SCRIBE_GIVEN);
	j->job = (struct pool_job){ 0 };
	if (ferry__pool_give(&unwinder, &j->job, 1) == FERRY_OK)
		return true;
	atom32_store_relaxed(&j->state, SCRIBE_IDLE);
	return false;
}

bool
ferry__scribe_append(uint64_t *out_ticket, const char *path, const char *text,
    size_t size, atom64 *failed)
{
	static const struct pool_ops ops = { .run = write_note };
	size_t path_size = strlen(path) + 1;
	struct note *n;

	if (!start(&writer, &writes, &ops, "ferry-report"))
		return false;
	n = calloc(1, sizeof *n + path_size + size);
	if (n == NULL)
		return false;
	n->failed = failed;
	n->text = n->path + path_size;
	n->size = size;
	memcpy(n->path, path, path_size);
	memcpy(n->text, text, size);
	if (ferry__pool_give(&writer, &n->job, 1) != FERRY_OK) {
		free(n);
		return false;
	}
	*out_ticket = ferry__pool_ticket(&writer);
	return true;
}

void
ferry__scribe_await(uint64_t ticket, uint64_t deadline_ns)
{
	/* A signal, which this thread blocks, or the deadline: either way
	 * there is no more to be done about it. */
	(void)ferry__pool_await(&writer, ticket, deadline_ns);
}

void
ferry__scribe_forked(void)
{
	ferry__fork_renew(&starting);
	ferry__pool_forked(&unwinder);
	ferry__pool_forked(&writer);
	unwinds = writes = false;
}
