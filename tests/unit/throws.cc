/*
 * The C++ in tests/unit/coro_end: what throws and catches, and what has a
 * destructor that must run when the thread ends.
 */
#include <stdexcept>

extern "C" int throws_and_catches(void (*between)(void *), void *arg);
extern "C" void with_destructor(void (*run)(void *), void *arg,
    void (*destroyed)(void *));

static __attribute__((noinline)) int
thrower(int n)
{
	if (n == 0)
		throw std::runtime_error("at the bottom");
	return thrower(n - 1) + 1;
}

/* Two exceptions, with something else between them. */
int
throws_and_catches(void (*between)(void *), void *arg)
{
	int caught = 0;

	for (int i = 0; i < 2; i++) {
		try {
			caught += thrower(5);
		} catch (const std::exception &) {
			caught++;
		}
		between(arg);
	}
	return caught;
}

struct guard {
	void (*fn)(void *);
	void *arg;

	~guard() { fn(arg); }
};

void
with_destructor(void (*run)(void *), void *arg, void (*destroyed)(void *))
{
	guard g = { destroyed, arg };

	run(arg);
}
