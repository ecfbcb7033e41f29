/*
 * A system that tells nothing about threads: no file under /proc can be
 * opened, no memory read, no thread asked after. Then a stall is still one, by
 * its request and age, and nobody knows why.
 *
 * Each in a child, which cannot take back what it has given up.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "forking.h"
#include "stalls.h"

/* As fx_in_child(), but it may take as long as a wait. */
static void
in_child(void (*run)(void))
{
	pid_t child = fx_fork();
	int status;

	if (child == 0) {
		run();
		_exit(FX_WELL);
	}
	status = fx_child_status(child, 2 * FX_LIMIT_MS);
	T_ASSERT(WIFEXITED(status));
	T_EQ(WEXITSTATUS(status), FX_WELL);
}

static void
nothing_is_known_of_it(const struct stall *r)
{
	T_EQ(r->s.verdict, FERRY_VERDICT_UNKNOWN);
	T_EQ(r->s.syscall, -1);
	T_STR(r->syscall_name, "");
	T_EQ(r->s.descriptor, -1);
	T_STR(r->target, "");
	T_EQ(r->s.lock, 0);
	T_EQ(r->s.owner, 0);
	T_ASSERT(strstr(r->text, "UNKNOWN") != NULL);
	T_ASSERT(strstr(r->text, "\"gate\"") != NULL);
}

/* One episode, by all ways; and what else there is goes on. */
static void
one_episode(struct scene *s)
{
	struct fx_gate gate = FX_GATE_SHUT;
	ferry_request held = fx_hold(s->context, &gate), queued;
	ferry_completion c;
	const struct stall *r;

	queued = fx_submit(s->context, FX_NOP, NULL, 0, NULL);
	c = take_notice(s->inbox, FERRY_KIND_NOT_RESPONDING);
	T_EQ(c.request, held);
	T_EQ(c.status, FERRY_VERDICT_UNKNOWN);
	T_EQ(c.level, FERRY_LEVEL_STALLED);
	fx_done(&c);
	r = stalls_await(&s->heard, 0, FERRY_STALL_BEGAN);
	T_EQ(r->s.request, held);
	nothing_is_known_of_it(r);
	T_EQ(health(s->context).request, held);
	fx_gate_open(&gate);
	T_EQ(fx_wait(held), FERRY_OK);
	T_EQ(fx_wait(queued), FERRY_OK);
	r = stalls_await(&s->heard, 0, FERRY_STALL_ENDED);
	T_EQ(r->s.request, held);
	c = take_notice(s->inbox, FERRY_KIND_RESPONDING);
	fx_done(&c);
}

/* A file that cannot be written is no more than that. */
static void
watch_and_fail(struct scene *s)
{
	ferry_watch_options o = watching_by(&s->heard);

	o.path = "/nonexistent/reports";
	scene_open(s, NULL);
	T_OK(ferry_context_watch(s->context, &o));
}

/* ----------------------------------------------------- no more descriptors */

/* Up to the last one. */
static void
use_descriptors_up(void)
{
	struct rlimit few = {64, 64};
	int fd;

	T_OK(setrlimit(RLIMIT_NOFILE, &few));
	do {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	} while (fd >= 0);
	T_EQ(errno, EMFILE);
}

static void
without_descriptors(void)
{
	struct scene s;

	watch_and_fail(&s);
	use_descriptors_up();
	one_episode(&s);
	scene_close(&s);
}

static void
descriptors(void)
{
	if (T_TSAN)
		T_SKIP_CASE(FX_NO_THREADS_IN_CHILDREN);
	in_child(without_descriptors);
}

/* -------------------------------------------------------------- no answers */

#define REFUSE(call) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

/* All that looks at threads; 0: there is no such filter here. */
static int
refuse_all(void)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	        offsetof(struct seccomp_data, nr)),
#ifdef SYS_open
	    REFUSE(SYS_open),
	    REFUSE(SYS_readlink),
#endif
	    REFUSE(SYS_openat),
	    REFUSE(SYS_openat2),
	    REFUSE(SYS_readlinkat),
	    REFUSE(SYS_process_vm_readv),
	    REFUSE(SYS_tgkill),
	    REFUSE(SYS_tkill),
	    REFUSE(SYS_ptrace),
	    REFUSE(SYS_clock_gettime),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
	    .len = sizeof code / sizeof code[0], .filter = code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void
without_answers(void)
{
	struct scene s;

	if (!refuse_all()) {
		dprintf(1, "skip: no filters here\n");
		return;
	}
	T_EQ(open("/proc/self/stat", O_RDONLY | O_CLOEXEC), -1);
	watch_and_fail(&s);
	one_episode(&s);
	scene_close(&s);
}

static void
answers(void)
{
	if (T_TSAN)
		T_SKIP_CASE(FX_NO_THREADS_IN_CHILDREN);
	in_child(without_answers);
}

/* ---------------------------------------------------------------- no /proc */

static char folder[] = "/tmp/ferry-refused-XXXXXX";

static void
without_proc(void)
{
	struct scene s;

	if (chroot(folder) != 0 || chdir("/") != 0) {
		dprintf(1, "skip: not root\n");
		return;
	}
	T_EQ(open("/proc/self/stat", O_RDONLY | O_CLOEXEC), -1);
	T_EQ(errno, ENOENT);
	watch_and_fail(&s);
	one_episode(&s);
	scene_close(&s);
}

static void
proc(void)
{
	if (T_TSAN)
		T_SKIP_CASE(FX_NO_THREADS_IN_CHILDREN);
	T_ASSERT(mkdtemp(folder) != NULL);
	in_child(without_proc);
	T_OK(rmdir(folder));
}

T_MAIN(
	if (runs_in_another())
		T_SKIP("what runs this is to be refused nothing");
	T_RUN(descriptors);
	T_RUN(answers);
	T_RUN(proc);
)
