/*
 * Listeners: the word from add to gone, by one thread and against another, the
 * list, and the slot's next life.
 */
#include "t.h"

#include <stdatomic.h>

#include "event/listener.h"
#include "event/thread.h"

#define CONTEXT ferry__token_make(TOKEN_CONTEXT, 1, 1)

static struct event_thread thread;
static struct listeners list;
static struct listener *met[8];
static int n_met, n_left;

static void
hear(ferry_context context, uint32_t event, const void *data, size_t size,
    uint64_t dropped, void *user)
{
	(void)context;
	(void)event;
	(void)data;
	(void)size;
	(void)dropped;
	(void)user;
}

static ferry_listener
add(const char *name)
{
	ferry_listener_options o = { .event = 7, .listener = hear,
		.user = &list, .name = name };
	struct hearing from = { .sequence = 3 };
	ferry_listener out;

	T_OK(ferry__listener_add(&out, &list, CONTEXT, &o, &from, &thread));
	return out;
}

static void
meet(struct listener *l, void *arg)
{
	T_ASSERT(arg == &list);
	met[n_met++] = l;
}

static int
walk(void)
{
	n_met = 0;
	ferry__listener_each(&list, meet, &list);
	return n_met;
}

static void
leave(struct listener *l, void *arg)
{
	T_ASSERT(arg == &list);
	n_left++;
	ferry__listener_gone(l);
}

static int
sweep(bool all)
{
	n_left = 0;
	ferry__listener_sweep(&list, all, leave, &list);
	return n_left;
}

static void
start(void)
{
	ferry__os_start();
	ferry__listener_init(&list);
	ferry__listener_reset(&list);
	atom32_store_relaxed(&thread.sweep, 0);
}

static void
added(void)
{
	ferry_listener token;

	start();
	T_EQ(walk(), 0);
	token = add("first");
	T_EQ(ferry__token_kind(token), TOKEN_LISTENER);
	T_EQ(walk(), 1);
	T_EQ(met[0]->token, token);
	T_EQ(met[0]->event, 7);
	T_EQ(met[0]->hearing.sequence, 3);
	T_ASSERT(met[0]->user == &list);
	T_STR(ferry__listener_name(token), "first");
	T_EQ(atom32_load_relaxed(&list.count), 1);
	T_EQ(sweep(false), 0);
	T_EQ(sweep(true), 1);
	T_ASSERT(ferry__listener_name(token) == NULL);
	T_EQ(atom32_load_relaxed(&list.count), 0);
	T_EQ(walk(), 0);
}

static void
begin_and_remove(void)
{
	ferry_listener token, next;
	struct listener *l;

	start();
	token = add(NULL);
	walk();
	l = met[0];
	T_ASSERT(ferry__listener_begin(l));
	T_OK(ferry_listener_remove(token));
	T_EQ(atom32_load_relaxed(&thread.sweep), 1);
	T_EQ(ferry_listener_remove(token), FERRY_EALREADY);
	T_EQ(ferry_listener_remove_wait(token, 0), FERRY_ETIMEDOUT);
	ferry__listener_end(l);
	T_ASSERT(!ferry__listener_begin(l));
	T_EQ(sweep(false), 1);
	T_EQ(ferry_listener_remove(token), FERRY_ESTALE);
	T_EQ(ferry_listener_remove_wait(token, 0), FERRY_ESTALE);
	/* The slot again: another life, which the old token does not touch. */
	next = add(NULL);
	walk();
	T_ASSERT(met[0] == l);
	T_EQ(ferry__token_slot(next), ferry__token_slot(token));
	T_EQ(ferry__token_count(next), ferry__token_count(token) + 1);
	T_EQ(ferry_listener_remove(token), FERRY_ESTALE);
	T_ASSERT(ferry__listener_begin(l));
	ferry__listener_end(l);
	T_EQ(sweep(false), 0);
	T_EQ(sweep(true), 1);
}

/* Out of the middle, the head and the end; what is left is still linked. */
static void
sweeps(void)
{
	ferry_listener l[5];

	start();
	for (int i = 0; i < 5; i++)
		l[i] = add(NULL);
	T_OK(ferry_listener_remove(l[2]));
	T_EQ(sweep(false), 1);
	T_EQ(walk(), 4);
	T_OK(ferry_listener_remove(l[4]));
	T_OK(ferry_listener_remove(l[0]));
	T_EQ(walk(), 4);
	T_EQ(sweep(false), 2);
	T_EQ(walk(), 2);
	T_EQ(met[0]->token, l[3]);
	T_EQ(met[1]->token, l[1]);
	T_EQ(atom32_load_relaxed(&list.count), 2);
	T_EQ(sweep(true), 2);
}

/* Against another thread: what is begun after the remove has returned. */
struct race {
	struct listener *l;
	ferry_listener token;
	atomic_int go, removed;
	int result;
};

static void *
remove_it(void *arg)
{
	struct race *r = arg;

	while (!atomic_load(&r->go))
		;
	r->result = ferry_listener_remove(r->token);
	atomic_store(&r->removed, 1);
	return NULL;
}

static void
begin_against_remove(void)
{
	start();
	for (int i = 0; i < 3000; i++) {
		struct race r = { .token = add(NULL) };
		pthread_t t;
		int removed = 0;

		walk();
		r.l = met[0];
		t = t_thread_start(remove_it, &r);
		atomic_store(&r.go, 1);
		while (!removed) {
			removed = atomic_load(&r.removed);
			if (!ferry__listener_begin(r.l))
				break;
			T_ASSERT(!removed);
			ferry__listener_end(r.l);
		}
		T_ASSERT(!ferry__listener_begin(r.l));
		t_thread_join(t);
		T_OK(r.result);
		T_EQ(sweep(false), 1);
	}
}

T_MAIN(
	T_RUN(added);
	T_RUN(begin_and_remove);
	T_RUN(sweeps);
	T_RUN(begin_against_remove);
)
