/*
 * Whether world/children.h sees what exit.c relies on it to see: children with
 * a planted fault, and what must be said of each.
 */
#include <ftw.h>
#include <sys/stat.h>

#include "world/children.h"

enum { CODE = 3 };

static void
never(void)
{
	for (;;)
		pause();
}

static void
hang(void)
{
	T_OK(atexit(never));
}

static void
crash(void)
{
	signal(SIGSEGV, SIG_DFL); /* a sanitizer would report it */
	raise(SIGSEGV);
}

static void
other_code(void)
{
	exit(CODE + 1);
}

static void
word(void)
{
	dprintf(2, "a planted word\n");
}

static void
leave_file(void)
{
	T_GE(creat("planted", 0600), 0);
}

static void
leave_shared(void)
{
	char path[64];

	snprintf(path, sizeof path, "/dev/shm/ferry-planted-%d", getppid());
	T_GE(creat(path, 0600), 0);
}

static void
leave_process(void)
{
	if (fork() != 0)
		return;
	for (int fd = 0; fd <= CHILD_CONTROL; fd++)
		close(fd);
	sleep(5);
	_exit(0);
}

static void
sound(void)
{
}

static const struct fault {
	const char *name;
	void (*plant)(void);
	const char *said; /* "": nothing, it is a good child */
} faults[] = {
    {"sound", sound, ""},
    {"hang", hang, "does not end"},
    {"crash", crash, "ended by a signal (11)"},
    {"other_code", other_code, "ended with (4)"},
    {"word", word, "a planted word"},
    {"leave_file", leave_file, "left in"},
    {"leave_process", leave_process, "waitpid"},
    {"leave_shared", leave_shared, "objects_of_the_system"},
};

enum { N_FAULTS = sizeof faults / sizeof faults[0] };

static int
child(const char *name)
{
	uint64_t now = t_now_ns();

	for (int i = 0; i < N_FAULTS; i++) {
		if (strcmp(faults[i].name, name) != 0)
			continue;
		T_EQ(write(CHILD_CONTROL, &now, sizeof now), sizeof now);
		faults[i].plant();
		return CODE;
	}
	T_FAIL("no fault is called %s", name);
}

/* ---------------------------------------------------------------- driver */

static char self[400], folder[64];

struct judge {
	pid_t pid;
	int said;
};

static struct judge
judge(const struct fault *f)
{
	struct child_plan p = {.program = self, .code = CODE};
	struct judge j;
	int said[2];

	T_OK(pipe2(said, O_CLOEXEC));
	j.said = said[0];
	j.pid = fork();
	T_GE(j.pid, 0);
	if (j.pid == 0) {
		static struct children all;

		T_EQ(dup2(said[1], 2), 2);
		snprintf(p.args[0], sizeof p.args[0], "%s", f->name);
		children_open(&all);
		/* Less than those have who may be meeting our fault. */
		all.patience_ms = 200;
		if (f->plant == hang)
			T_OK(setenv("T_SLOW", "1", 1));
		children_add(&all, &p);
		children_close(&all);
		_exit(0);
	}
	close(said[1]);
	return j;
}

static void
hold_to(const struct fault *f, struct judge *j)
{
	char text[TEXT] = "";
	size_t length = 0;
	ssize_t n;
	int status;

	T_EQ(waitpid(j->pid, &status, 0), j->pid);
	T_OK(fcntl(j->said, F_SETFL, O_NONBLOCK));
	while ((n = read(j->said, text + length, TEXT - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = 0;
	dprintf(1, "%s: %s", f->name, length != 0 ? text : "good\n");
	T_ASSERT(WIFEXITED(status));
	T_EQ(WEXITSTATUS(status), f->said[0] != 0);
	T_ASSERT(strstr(text, f->said) != NULL);
	close(j->said);
}

static int
remove_one(const char *path, const struct stat *s, int kind, struct FTW *at)
{
	(void)s;
	(void)kind;
	(void)at;
	return remove(path);
}

int
main(int argc, char **argv)
{
	struct judge judges[N_FAULTS];
	char path[64];
	int last = N_FAULTS - 1;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (argc > 1)
		return child(argv[1]);
	T_GT(n, 0);
	self[n] = 0;
	snprintf(folder, sizeof folder, "/tmp/ferry-control-XXXXXX");
	T_ASSERT(mkdtemp(folder) != NULL);
	T_OK(setenv("TMPDIR", folder, 1));
	for (int i = 0; i < last; i++)
		judges[i] = judge(&faults[i]);
	for (int i = 0; i < last; i++)
		hold_to(&faults[i], &judges[i]);
	/* Alone: what it leaves, all would see. */
	judges[last] = judge(&faults[last]);
	snprintf(path, sizeof path, "/dev/shm/ferry-planted-%d",
	    judges[last].pid);
	hold_to(&faults[last], &judges[last]);
	T_OK(unlink(path));
	T_OK(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS));
	return 0;
}
