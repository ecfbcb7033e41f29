/*
 * Inboxes: the descriptor and the doorbell, batches, waiting, two takers.
 */
#include <poll.h>
#include <sys/epoll.h>

#include "fixture.h"
#include "taking.h"

/* ------------------------------------------------------- descriptor */

static void
readable_while_undelivered(void)
{
	struct fx_desk d = fx_desk_open();
	int fd = fd_of(d.inbox);
	ferry_completion c;

	T_EQ(readable(fd), 0);
	for (int i = 0; i < 200; i++) {
		fx_post(&d, FX_NOP, NULL, 0);
		T_WAIT_UNTIL(readable(fd), FX_LIMIT_MS);
		T_EQ(readable(fd), 1); /* looking does not clear it */
		T_EQ(ferry_inbox_take(&c, 1, d.inbox), 1);
		T_EQ(c.kind, FERRY_KIND_REPLY);
		fx_done(&c);
		T_EQ(readable(fd), 0);
	}
	T_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	fx_desk_close(&d);
}

/* Ten there, three taken at a time: level-triggered to the last one. */
static void
small_batches(void)
{
	struct fx_desk d = fx_desk_open();
	int fd = fd_of(d.inbox), epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN};
	ferry_request requests[10];
	ferry_completion c[4];
	int seen = 0, n;

	T_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e));
	T_EQ(epoll_wait(epoll, &e, 1, 0), 0);
	for (int i = 0; i < 10; i++)
		requests[i] = fx_post(&d, FX_ECHO, &i, sizeof i);
	/* The last is counted before it is there; this one runs after it. */
	T_OK(fx_wait(fx_submit(d.context, FX_NOP, NULL, 0, NULL)));
	while (seen < 10) {
		T_EQ(epoll_wait(epoll, &e, 1, 0), 1);
		n = ferry_inbox_take(c, 3, d.inbox);
		T_EQ(n, seen < 9 ? 3 : 1);
		for (int i = 0; i < n; i++) {
			/* One lane, one inbox: answered in order. */
			T_EQ(c[i].request, requests[seen]);
			T_EQ(*(int *)c[i].data, seen);
			seen++;
		}
		T_OK(ferry_inbox_release(c, (uint32_t)n));
	}
	T_EQ(epoll_wait(epoll, &e, 1, 0), 0);
	T_EQ(ferry_inbox_take(c, 4, d.inbox), 0);
	close(epoll);
	fx_desk_close(&d);
}

static void
take_nothing(void)
{
	struct fx_desk d = fx_desk_open();
	int fd = fd_of(d.inbox);
	ferry_completion c;

	T_EQ(ferry_inbox_take(&c, 1, d.inbox), 0);
	T_EQ(ferry_inbox_take(NULL, 1, d.inbox), FERRY_EINVAL);
	fx_post(&d, FX_NOP, NULL, 0);
	T_WAIT_UNTIL(readable(fd), FX_LIMIT_MS);
	T_EQ(ferry_inbox_take(NULL, 1, d.inbox), FERRY_EINVAL);
	T_EQ(readable(fd), 1); /* nothing was taken, it stays readable */
	c = fx_take_kind(d.inbox, FERRY_KIND_REPLY);
	fx_done(&c);
	T_OK(ferry_inbox_release(NULL, 0));
	fx_desk_close(&d);
}

/* As many as depth allows wait there, untaken, and none is lost. */
static void
thousands_untaken(void)
{
	struct fx_desk d = fx_desk_open();
	ferry_completion c[100];
	int seen = 0, n;

	for (int i = 0; i < 4096; i++)
		fx_post(&d, FX_ECHO, &i, sizeof i);
	fx_rest(d.context);
	while (seen < 4096) {
		/* The last is counted before it is there. */
		T_OK(ferry_inbox_wait(d.inbox, FX_LIMIT_MS * t_slow()));
		n = ferry_inbox_take(c, 100, d.inbox);
		for (int i = 0; i < n; i++)
			T_EQ(*(int *)c[i].data, seen++);
		T_OK(ferry_inbox_release(c, (uint32_t)n));
	}
	T_EQ(ferry_inbox_take(c, 100, d.inbox), 0);
	fx_desk_close(&d);
}

/* ------------------------------------------------------------- waiting */

static void
wait_times_out(void)
{
	struct fx_desk d = fx_desk_open();
	uint64_t began = t_now_ns();

	T_EQ(ferry_inbox_wait(d.inbox, 0), FERRY_ETIMEDOUT);
	T_EQ(ferry_inbox_wait(d.inbox, 20), FERRY_ETIMEDOUT);
	T_GE(t_now_ns() - began, 20 * UINT64_C(1000000));
	fx_post(&d, FX_NOP, NULL, 0);
	T_OK(ferry_inbox_wait(d.inbox, -1));
	T_OK(ferry_inbox_wait(d.inbox, 0)); /* still there */
	fx_desk_close(&d);
}

struct waiter {
	ferry_inbox inbox;
	atomic_uint tid;
	atomic_int result;
};

static void *
wait_thread(void *arg)
{
	struct waiter *w = arg;

	atomic_store(&w->tid, fx_tid());
	atomic_store(&w->result, ferry_inbox_wait(w->inbox, -1));
	return NULL;
}

static pthread_t
start_waiter(struct waiter *w, ferry_inbox inbox)
{
	pthread_t thread;

	w->inbox = inbox;
	atomic_store(&w->tid, 0);
	atomic_store(&w->result, 1);
	thread = t_thread_start(wait_thread, w);
	T_WAIT_UNTIL(atomic_load(&w->tid) != 0, FX_LIMIT_MS);
	fx_await_waiting(atomic_load(&w->tid));
	return thread;
}

/* A sleeping waiter is woken by the post; meanwhile close is refused. */
static void
wait_sleeps(void)
{
	struct fx_desk d = fx_desk_open();
	struct waiter w;
	pthread_t thread = start_waiter(&w, d.inbox);
	uint64_t discarded = 77;

	T_EQ(ferry_inbox_close(&discarded, d.inbox), FERRY_EBUSY);
	T_EQ(discarded, 77);
	T_EQ(atomic_load(&w.result), 1); /* and did not disturb it */
	fx_post(&d, FX_NOP, NULL, 0);
	t_thread_join(thread);
	T_EQ(atomic_load(&w.result), FERRY_OK);
	fx_desk_close(&d);
}

/* A waiter is called away: it may take, and nothing is there. */
static void
wait_called_off(void)
{
	struct fx_desk d = fx_desk_open();
	struct waiter w;
	pthread_t thread = start_waiter(&w, d.inbox);
	ferry_completion c;

	T_OK(ferry_inbox_wake(d.inbox));
	t_thread_join(thread);
	T_EQ(atomic_load(&w.result), FERRY_OK);
	/* Also one that comes later, until somebody has taken. */
	T_OK(ferry_inbox_wait(d.inbox, 0));
	T_ASSERT(readable(fd_of(d.inbox)));
	T_OK(ferry_inbox_wake(d.inbox));
	T_EQ(ferry_inbox_take(&c, 1, d.inbox), 0);
	T_EQ(ferry_inbox_wait(d.inbox, 0), FERRY_ETIMEDOUT);
	T_ASSERT(!readable(fd_of(d.inbox)));
	/* What comes behind it is not lost. */
	T_OK(ferry_inbox_wake(d.inbox));
	fx_post(&d, FX_NOP, NULL, 0);
	c = fx_take_kind(d.inbox, FERRY_KIND_REPLY);
	fx_done(&c);
	fx_close(d.context);
	T_OK(ferry_inbox_close(NULL, d.inbox));
	T_EQ(ferry_inbox_wake(d.inbox), FERRY_ESTALE);
}

static void
on_signal(int number)
{
	(void)number;
}

static void
wait_interrupted(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct fx_desk d = fx_desk_open();
	struct waiter w;
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	thread = start_waiter(&w, d.inbox);
	T_WAIT_UNTIL((atomic_load(&w.result) != 1 ||
	    (pthread_kill(thread, SIGUSR1), 0)), FX_LIMIT_MS);
	t_thread_join(thread);
	T_EQ(atomic_load(&w.result), FERRY_EINTR);
	fx_post(&d, FX_NOP, NULL, 0); /* it can be waited for again */
	T_OK(ferry_inbox_wait(d.inbox, -1));
	fx_desk_close(&d);
}

/* ------------------------------------------------------------- doorbell */

struct bell {
	atomic_int rings;
	struct fx_gate *gate; /* the doorbell stands here, if there is one */
	atomic_int closed;
};

static void
ring(void *user)
{
	struct bell *bell = user;

	T_EQ(atomic_load(&bell->closed), 0);
	atomic_fetch_add(&bell->rings, 1);
	if (bell->gate != NULL)
		fx_gate_pass(bell->gate);
}

static ferry_inbox
open_belled(struct bell *bell)
{
	ferry_inbox_options o = {.struct_size = sizeof o, .doorbell = ring,
	    .user = bell};
	ferry_inbox inbox;

	T_OK(ferry_inbox_open(&inbox, &o));
	return inbox;
}

/* Each time the inbox stops being empty, it rings at least once. */
static void
doorbell(void)
{
	struct bell bell = {0};
	struct fx_desk d = {fx_open(), open_belled(&bell)};
	ferry_completion c;
	int fd = 77;

	T_EQ(ferry_inbox_fd(&fd, d.inbox), FERRY_ENOTSUP);
	T_EQ(fd, 77);
	T_EQ(ferry_inbox_wait(d.inbox, 0), FERRY_ENOTSUP);
	T_OK(ferry_inbox_wake(d.inbox));
	T_EQ(atomic_load(&bell.rings), 1);
	T_EQ(ferry_inbox_take(&c, 1, d.inbox), 0);
	fx_attach(d.inbox, d.context, 0, NULL);
	for (int i = 0; i < 200; i++) {
		int before = atomic_load(&bell.rings);

		fx_post(&d, FX_NOP, NULL, 0);
		T_WAIT_UNTIL(atomic_load(&bell.rings) > before, FX_LIMIT_MS);
		T_WAIT_UNTIL(
		    ferry_inbox_take(&c, 1, d.inbox) == 1, FX_LIMIT_MS);
		T_EQ(c.kind, FERRY_KIND_REPLY);
		fx_done(&c);
	}
	fx_close(d.context);
	T_OK(ferry_inbox_close(NULL, d.inbox));
	atomic_store(&bell.closed, 1);
}

static void *
close_thread(void *arg)
{
	ferry_inbox *inbox = arg;

	return (void *)(intptr_t)ferry_inbox_close(NULL, *inbox);
}

/* A doorbell in flight is waited for: catches one called after the close. */
static void
doorbell_in_flight(void)
{
	struct fx_gate gate = FX_GATE_SHUT;
	struct bell bell = {.gate = &gate};
	struct fx_desk d = {fx_open(), open_belled(&bell)};
	pthread_t thread;

	fx_attach(d.inbox, d.context, 0, NULL);
	fx_post(&d, FX_NOP, NULL, 0);
	fx_gate_await(&gate, 1);
	thread = t_thread_start(close_thread, &d.inbox);
	/* It is on its way as soon as the inbox is no more … */
	t_sleep_ms(FX_QUIET_MS);
	/* … and must not be back before the doorbell is. */
	T_EQ(pthread_tryjoin_np(thread, NULL), EBUSY);
	fx_gate_open(&gate);
	T_EQ((intptr_t)t_thread_join(thread), FERRY_OK);
	atomic_store(&bell.closed, 1);
	fx_close(d.context);
}

static void
close_in_doorbell(void *user)
{
	ferry_inbox *inbox = user;

	T_EQ(ferry_inbox_close(NULL, inbox[0]), FERRY_EREENTRANT);
	T_EQ(ferry_inbox_wake(inbox[0]), FERRY_EREENTRANT);
	inbox[1] = 1;
}

/* The one thing a doorbell that breaks the rule can deadlock on. */
static void
doorbell_closing(void)
{
	ferry_inbox cell[2] = {0, 0};
	ferry_inbox_options o = {.struct_size = sizeof o,
	    .doorbell = close_in_doorbell, .user = cell};
	struct fx_desk d = {fx_open(), 0};

	T_OK(ferry_inbox_open(&cell[0], &o));
	d.inbox = cell[0];
	fx_attach(d.inbox, d.context, 0, NULL);
	fx_post(&d, FX_NOP, NULL, 0);
	fx_rest(d.context);
	fx_desk_close(&d);
	T_EQ(cell[1], 1);
}

/* ----------------------------------------------------------------- close */

/* --------------------------------------------------------------- WRITABLE */

/* -------------------------------------------------------------- two takers */

enum { ITEMS = 4000 };

struct taker {
	ferry_inbox inbox;
	atomic_int *left;
	unsigned char *seen;
};

static void *
take_thread(void *arg)
{
	struct taker *t = arg;
	ferry_completion c[7];

	while (atomic_load(t->left) > 0) {
		int n = ferry_inbox_take(c, 7, t->inbox);

		T_ASSERT(n >= 0 || n == FERRY_EBUSY);
		for (int i = 0; i < n; i++) {
			T_EQ(c[i].kind, FERRY_KIND_REPLY);
			t->seen[*(int *)c[i].data]++;
		}
		if (n > 0) {
			T_OK(ferry_inbox_release(c, (uint32_t)n));
			atomic_fetch_sub(t->left, n);
		}
	}
	return NULL;
}

/* One at a time; the other is told, and each item is delivered once. */
static void
two_takers(void)
{
	struct fx_desk d = fx_desk_open();
	static unsigned char seen[2][ITEMS];
	atomic_int left = ITEMS;
	struct taker t[2] = {
	    {d.inbox, &left, seen[0]}, {d.inbox, &left, seen[1]}};
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		threads[i] = t_thread_start(take_thread, &t[i]);
	for (int i = 0; i < ITEMS; i++)
		fx_post(&d, FX_ECHO, &i, sizeof i);
	for (int i = 0; i < 2; i++)
		t_thread_join(threads[i]);
	for (int i = 0; i < ITEMS; i++)
		T_EQ(seen[0][i] + seen[1][i], 1);
	fx_desk_close(&d);
}

T_MAIN(
	T_RUN(readable_while_undelivered);
	T_RUN(small_batches);
	T_RUN(take_nothing);
	T_RUN(thousands_untaken);
	T_RUN(wait_times_out);
	T_RUN(wait_sleeps);
	T_RUN(wait_called_off);
	T_RUN(wait_interrupted);
	T_RUN(doorbell);
	T_RUN(doorbell_in_flight);
	T_RUN(doorbell_closing);
	T_RUN(two_takers);
)
