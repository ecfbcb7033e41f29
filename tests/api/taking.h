/*
 * What the tests of inboxes share: a look at a descriptor.
 */
#ifndef TESTS_API_TAKING_H
#define TESTS_API_TAKING_H

#include <poll.h>

#include "fixture.h"

static int
readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	T_GE(poll(&p, 1, 0), 0);
	return (p.revents & POLLIN) != 0;
}

static int
fd_of(ferry_inbox inbox)
{
	int fd = -1;

	T_OK(ferry_inbox_fd(&fd, inbox));
	T_GE(fd, 0);
	return fd;
}

#endif
