/*
 * tests/api/world/children.h: starts children, and holds each to the way it
 * has to end.
 *
 * A child says when it begins to leave, by a time written to CHILD_CONTROL.
 * From then it has LEAVE_MS to be gone, with the code it was given, without a
 * word on stdout or stderr, and nothing of it may stay: no process, no file
 * where it ran, nothing in /dev/shm or among the System V objects. That time is
 * the driver's, whose clock stands while it is held up itself: a machine that
 * does nothing for a while lets nobody leave.
 * For C and C++.
 */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../../t.h"

enum {
	CHILD_CONTROL = 3,
	CHILD_PARALLEL = 4,
	CHILD_ARGS = 6,
	LEAVE_MS = 2000,
	ARRIVE_MS = 60000, /* a machine may stand still for half of that */
	STEP_MS = 20, /* the most that is between two looks */
	TEXT = 2000
};

struct child_plan {
	const char *program;
	char args[CHILD_ARGS][24]; /* "" ends them */
	int code;                  /* to end with; or by `signal`, if not 0 */
	int signal;                /* sent … */
	unsigned after_us;         /* … so long after the start */
};

struct child {
	struct child_plan plan;
	pid_t pid;
	int out, control;
	uint64_t start_ns, leave_ns;
	uint64_t leave_at; /* by the driver's clock, when it was seen */
	char text[TEXT];
	size_t length;
	int signalled;
};

struct children {
	struct child child[CHILD_PARALLEL];
	char folder[64];
	int strangers; /* what /dev/shm and System V had before */
	int patience_ms; /* with what others have there for a moment */
	unsigned ended;
	uint64_t slowest_ns;
	uint64_t clock_ns, looked_ns; /* the driver's, and its last look */
};

/* ------------------------------------------------------- what is left over */

T__FN int
lines_of(const char *path)
{
	FILE *f = fopen(path, "re");
	int c, n = 0;

	if (f == NULL)
		return 0;
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

T__FN int
entries_of(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

T__FN int
objects_of_the_system(void)
{
	return entries_of("/dev/shm") + entries_of("/dev/mqueue") +
	    lines_of("/proc/sysvipc/shm") + lines_of("/proc/sysvipc/sem") +
	    lines_of("/proc/sysvipc/msg");
}

/* ----------------------------------------------------------- one of them */

__attribute__((noreturn)) T__FN void
child_exec(const struct child_plan *p, const char *folder, int out, int control)
{
	const char *argv[CHILD_ARGS + 2] = {p->program};

	for (int i = 0; i < CHILD_ARGS && p->args[i][0] != 0; i++)
		argv[i + 1] = p->args[i];
	/* Neither pipe end is 1, 2 or 3: the driver keeps those taken. */
	if (dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
	    dup2(control, CHILD_CONTROL) < 0 || chdir(folder) != 0)
		_exit(126);
	setenv("TMPDIR", folder, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(p->program, (char **)(uintptr_t)argv);
	_exit(127);
}

T__FN void
child_start(struct children *all, struct child *c, const struct child_plan *p)
{
	int out[2], control[2], begun[2];
	char nothing;

	memset(c, 0, sizeof *c);
	T_OK(pipe2(out, O_CLOEXEC));
	T_OK(pipe2(control, O_CLOEXEC));
	T_OK(pipe2(begun, O_CLOEXEC));
	T_GT(out[0], CHILD_CONTROL);
	c->plan = *p;
	c->pid = fork();
	T_GE(c->pid, 0);
	if (c->pid == 0)
		child_exec(p, all->folder, out[1], control[1]);
	close(out[1]);
	close(control[1]);
	close(begun[1]);
	/* Until it is that program: a signal before that would be the driver's,
	 * which Valgrind keeps to itself. */
	while (read(begun[0], &nothing, 1) < 0)
		T_EQ(errno, EINTR);
	close(begun[0]);
	c->start_ns = t_now_ns();
	c->out = out[0];
	c->control = control[0];
	T_OK(fcntl(c->out, F_SETFL, O_NONBLOCK));
	T_OK(fcntl(c->control, F_SETFL, O_NONBLOCK));
}

T__FN void
child_name(char *out, size_t size, const struct child_plan *p)
{
	int n = snprintf(out, size, "%s", strrchr(p->program, '/') + 1);

	for (int i = 0; i < CHILD_ARGS && p->args[i][0] != 0; i++)
		n += snprintf(out + n, size - (size_t)n, " %s", p->args[i]);
	if (p->signal != 0)
		snprintf(out + n, size - (size_t)n, " (signal %d after %u us)",
		    p->signal, p->after_us);
}

T__FN void
child_blame(struct child *c, const char *why, int number)
{
	char name[200];

	child_name(name, sizeof name, &c->plan);
	c->text[c->length] = 0;
	kill(c->pid, SIGKILL);
	T_FAIL("%s: %s (%d)\n%s", name, why, number, c->text);
}

T__FN void
children_tick(struct children *all)
{
	uint64_t now = t_now_ns(), step = now - all->looked_ns;

	all->clock_ns += step < STEP_MS * 1000000 ? step : STEP_MS * 1000000;
	all->looked_ns = now;
}

/* For longer than it may be. */
T__FN int
child_lingers(const struct children *all, const struct child *c)
{
	return c->leave_ns != 0 && all->clock_ns - c->leave_at >
	    (uint64_t)LEAVE_MS * 1000000 * (uint64_t)t_slow();
}

T__FN void
child_judge(struct children *all, struct child *c, int status)
{
	const struct child_plan *p = &c->plan;
	uint64_t took = t_now_ns() - c->leave_ns;

	if (c->length != 0)
		child_blame(c, "wrote something", status);
	if (p->signal != 0) {
		if (!WIFSIGNALED(status) || WTERMSIG(status) != p->signal)
			child_blame(c, "not ended by its signal", status);
		return;
	}
	if (!WIFEXITED(status))
		child_blame(c, "ended by a signal", WTERMSIG(status));
	if (WEXITSTATUS(status) != p->code)
		child_blame(c, "ended with", WEXITSTATUS(status));
	if (c->leave_ns == 0)
		child_blame(c, "never came to the point", 0);
	if (child_lingers(all, c))
		child_blame(c, "took too long, ms", (int)(took / 1000000));
	if (took > all->slowest_ns)
		all->slowest_ns = took;
}

/* Reads what there is; whether it has gone. */
T__FN int
child_look(const struct children *all, struct child *c)
{
	uint64_t when;
	char rest[512];
	ssize_t n;

	do {
		size_t room = TEXT - 1 - c->length;

		n = room > 0 ? read(c->out, c->text + c->length, room)
		             : read(c->out, rest, sizeof rest);
		if (n > 0 && room > 0)
			c->length += (size_t)n;
	} while (n > 0);
	/* After the end of the output was seen: what it said, it has said. */
	if (read(c->control, &when, sizeof when) == sizeof when) {
		c->leave_ns = when;
		c->leave_at = all->clock_ns;
	}
	return n == 0;
}

T__FN void
child_late(const struct children *all, struct child *c, uint64_t now)
{
	uint64_t slow = (uint64_t)t_slow() * 1000000;

	if (c->plan.signal != 0 && !c->signalled &&
	    now - c->start_ns >= (uint64_t)c->plan.after_us * 1000) {
		c->signalled = 1;
		T_OK(kill(c->pid, c->plan.signal));
	}
	if (child_lingers(all, c))
		child_blame(c, "does not end", 0);
	if (now - c->start_ns > ARRIVE_MS * slow)
		child_blame(c, "does not come to the point", 0);
}

/* ------------------------------------------------------------ all of them */

T__FN void
children_open(struct children *all)
{
	const char *under = getenv("TMPDIR");

	memset(all, 0, sizeof *all);
	all->patience_ms = ARRIVE_MS;
	snprintf(all->folder, sizeof all->folder, "%s/ferry-exit-XXXXXX",
	    under != NULL && strlen(under) < 40 ? under : "/tmp");
	T_ASSERT(mkdtemp(all->folder) != NULL);
	/* What a child leaves behind becomes a child of ours. */
	T_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	/* So that no pipe gets a number that a child's own use has. */
	while (open("/dev/null", O_RDWR | O_CLOEXEC) < CHILD_CONTROL)
		;
	all->strangers = objects_of_the_system();
	all->looked_ns = t_now_ns();
}

/* True when it has ended, and as it had to. */
T__FN int
child_reap(struct children *all, struct child *c)
{
	int status;

	if (!child_look(all, c)) {
		child_late(all, c, t_now_ns());
		return 0;
	}
	T_EQ(waitpid(c->pid, &status, 0), c->pid);
	child_judge(all, c, status);
	close(c->out);
	close(c->control);
	c->pid = 0;
	all->ended++;
	return 1;
}

/* Looks at each, and sleeps for a moment when none has news. */
T__FN struct child *
children_room(struct children *all)
{
	struct pollfd fds[CHILD_PARALLEL];
	struct child *room = NULL;

	children_tick(all);
	for (int i = 0; i < CHILD_PARALLEL; i++) {
		struct child *c = &all->child[i];

		fds[i].fd = c->out;
		fds[i].events = POLLIN;
		if (c->pid == 0 || child_reap(all, c))
			room = c;
	}
	if (room == NULL)
		poll(fds, CHILD_PARALLEL, 1);
	return room;
}

T__FN void
children_add(struct children *all, const struct child_plan *p)
{
	struct child *room;

	while ((room = children_room(all)) == NULL)
		;
	child_start(all, room, p);
}

T__FN void
children_close(struct children *all)
{
	for (int i = 0; i < CHILD_PARALLEL; i++)
		while (all->child[i].pid != 0 &&
		    !child_reap(all, &all->child[i])) {
			t_sleep_ms(1);
			children_tick(all);
		}
	/* 0: there is one, and it runs on. */
	T_EQ(waitpid(-1, NULL, WNOHANG), -1);
	T_EQ(errno, ECHILD);
	if (rmdir(all->folder) != 0)
		T_FAIL("left in %s: %s", all->folder, strerror(errno));
	T_WAIT_UNTIL(
	    objects_of_the_system() <= all->strangers, all->patience_ms);
}

#endif
