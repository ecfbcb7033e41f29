/*
 * A child of exit.c: objects that C++ destroys after main, and at the end of
 * a thread, call Ferry, in the middle of everything.
 *
 *	exit_static return|exit|thread CODE QUIESCE MODES CONTROL
 */
#include "world/world.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <thread>

namespace {

void
demand(bool held, const char *what)
{
	if (held)
		return;
	fprintf(stderr, "exit_static: %s\n", what);
	_exit(1);
}

struct Session {
	struct world world = {};
	unsigned modes = 0;

	/* After main: everything still works, and is closed. */
	~Session()
	{
		if (world.stream == 0)
			return;
		world_ask(&world);
		world_close(&world, modes);
		demand(ferry_request_cancel(world.stream) == FERRY_EINVAL &&
		        ferry_context_close(world.stream, nullptr, nullptr) ==
		            FERRY_ESTALE,
		    "closed, and still there");
	}
};

/* Made before main, and before anything of Ferry has run. */
Session session;

/* Made first when it is first used, hence destroyed before the session. */
struct Asker {
	Asker() { world_ask(&session.world); }
	~Asker() { world_ask(&session.world); }
};

void
ask()
{
	static Asker once;
	static thread_local Asker of_thread;

	(void)once;
	(void)of_thread;
}

void
leaving(const char *control)
{
	struct timespec t;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	demand(write(atoi(control), &now, sizeof now) == sizeof now, "write");
}

}

int
main(int argc, char **argv)
{
	demand(argc == 6, "usage");
	session.modes = (unsigned)atoi(argv[4]);
	world_open(&session.world, session.modes);
	std::thread(ask).join();
	ask();
	if (atoi(argv[3]) != 0)
		world_quiesce(session.modes);
	leaving(argv[5]);
	if (strcmp(argv[1], "exit") == 0)
		exit(atoi(argv[2]));
	if (strcmp(argv[1], "thread") == 0) {
		std::thread([argv] { exit(atoi(argv[2])); }).detach();
		world_stay();
	}
	return atoi(argv[2]);
}
