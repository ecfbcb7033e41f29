/*
 * The demo's half in C++: threads that use a database which Python has opened.
 *
 * Four threads, each with another way of waiting for its answers: blocked in a
 * call, futures, coroutines of a loop; the fourth writes, and takes errors as
 * values. Every call carries a tag, its question's place, and every answer is
 * counted by it.
 */
#include <sqlite.hpp>

#include <ferry/strand.h>
#include <ferry/watch.h>

#include <array>
#include <deque>
#include <memory>
#include <thread>

using ferry::sqlite::cell;
using ferry::sqlite::database;
using ferry::sqlite::rows;

constexpr unsigned IN_FLIGHT = 64;
/* Any code point; the nearest row from there down answers. */
constexpr std::uint32_t LAST_CODE = 0x10ffff;

static const char lookup[] =
    "SELECT code, name, length(CAST(name AS BLOB)) FROM codepoint "
    "WHERE code <= ? ORDER BY code DESC LIMIT 1";
static const char insert[] =
    "INSERT INTO note(author, text) VALUES('C++ thread', 'hello')";

/* --- Questions ------------------------------------------------------------ */

struct question {
	std::int64_t code = 0;
	bool asked = false;
	std::atomic<unsigned> answers{ 0 };

	std::array<cell, 1>
	params() const
	{
		return { code };
	}

	/* Does the row fit what was asked? */
	bool
	fits(const rows &answer) const
	{
		if (answer.n_rows != 1)
			return false;
		auto *found = answer.cells[0].get_if<cell::integer>();
		auto *name = answer.cells[1].get_if<cell::text>();
		auto *size = answer.cells[2].get_if<cell::integer>();
		return found && name && size && *found <= code &&
		    name->size() > 0 &&
		    *size == std::int64_t(name->size());
	}
};

/* A thread's, and what it has counted. */
struct client {
	const database &db;
	std::uint32_t requests;
	/* One for each request, and one for a prepare. */
	std::vector<question> questions;
	std::atomic<unsigned> asked{ 0 }, answered{ 0 };
	unsigned failed = 0, wrong = 0, written = 0;
	std::thread thread;

	client(const database &shared, std::uint32_t n)
	    : db(shared), requests(n), questions(n + 1)
	{
	}

	question &
	ask(std::uint32_t i)
	{
		question &q = questions[i];

		q.code = (i * 2654435761u) % (LAST_CODE + 1);
		q.asked = true;
		asked++;
		return q;
	}

	void
	answer(question &q, bool ok, bool fits)
	{
		failed += !ok;
		wrong += ok && !fits;
		q.answers++;
		answered++;
	}

	void
	answer(question &q, const ferry::result<rows> &r)
	{
		answer(q, r.has_value(), r && q.fits(*r));
	}
};

/* --- The four threads ----------------------------------------------------- */

/* Blocks in each call, and uses a prepared statement. */
static void
block(client &c)
{
	question &first = c.ask(c.requests);
	ferry::result<ferry::sqlite::statement> s = c.db.try_prepare(lookup);

	c.answer(first, s.has_value(), true);
	for (std::uint32_t i = 0; s && i < c.requests; i++) {
		question &q = c.ask(i);
		try {
			c.answer(q, s->run(q.params()));
		} catch (const ferry::exception &e) {
			c.answer(q, e.error());
		}
	}
}

/* Has many on their way, and takes what the oldest promised. */
static void
take_futures(client &c)
{
	std::deque<std::pair<question *, std::future<rows>>> window;

	for (std::uint32_t i = 0; i < c.requests || !window.empty();) {
		while (i < c.requests && window.size() < IN_FLIGHT) {
			question &q = c.ask(i++);
			window.emplace_back(&q,
			    c.db.query_future(lookup, q.params()));
		}
		auto [q, promised] = std::move(window.front());
		window.pop_front();
		try {
			c.answer(*q, promised.get());
		} catch (const ferry::exception &e) {
			c.answer(*q, e.error());
		}
	}
}

static ferry::task<>
ask_in_turn(client &c, std::uint32_t &next, unsigned &left, ferry::loop &loop)
{
	while (next < c.requests) {
		question &q = c.ask(next++);
		c.answer(q,
		    co_await c.db.query_async(lookup, q.params()).or_error());
	}
	if (--left == 0)
		loop.stop();
}

/* A loop, and coroutines that wait in it. */
static void
run_loop(client &c)
{
	ferry::loop loop;
	std::uint32_t next = 0;
	unsigned left = IN_FLIGHT;

	for (unsigned i = 0; i < IN_FLIGHT; i++)
		loop.spawn(ask_in_turn(c, next, left, loop));
	loop.run();
}

/* Writes, one row a call; nothing is thrown. */
static void
write_rows(client &c)
{
	for (std::uint32_t i = 0; i < c.requests; i++) {
		question &q = c.ask(i);
		ferry::result<ferry::sqlite::changes> r =
		    c.db.try_execute(insert);
		if (r)
			c.written += unsigned(r->changes);
		c.answer(q, r.has_value(), r && r->changes == 1);
	}
}

static void (*const ways[])(client &) = { block, take_futures, run_loop,
	write_rows };

/* --- All of them, for Python ---------------------------------------------- */

struct demo_threads {
	database db; /* borrowed: Python's */
	std::vector<std::unique_ptr<client>> clients;
};

extern "C" {

/* What <ferry/ferry.h> tells of an open library, the watchdog asleep or not. */
struct demo_view {
	std::uint64_t thread; /* the system's number */
	std::uint64_t busy;   /* 1, and for how long */
	std::uint64_t age_ns;
	std::uint64_t queued;
	std::uint64_t running;
	std::uint64_t strands_spawned, strands_completed, strands_peak;
};

int
demo_look(demo_view *out, ferry_context context)
{
	ferry_health health{};
	ferry_strands strands{};

	health.struct_size = sizeof health;
	strands.struct_size = sizeof strands;
	int r = ferry_context_health(&health, context);
	if (r == FERRY_OK)
		r = ferry_strand_counters(&strands, context);
	if (r == FERRY_OK)
		*out = { health.worker_thread,
			health.worker == FERRY_THREAD_BUSY, health.age_ns,
			health.queued, health.running, strands.spawned,
			strands.completed, strands.peak };
	return r;
}

int
demo_watch_signal(int number)
{
	return ferry_watch_signal(number);
}

/* Notices as before, and reports into a file, again while a stall goes on. */
int
demo_watch_file(ferry_context context, const char *path)
{
	ferry_watch_options options{};

	options.struct_size = sizeof options;
	options.path = path;
	return ferry_context_watch(context, &options);
}

struct demo_report {
	std::uint64_t asked; /* calls submitted */
	std::uint64_t once;  /* of them: answered exactly once */
	std::uint64_t never;
	std::uint64_t twice; /* or more often */
	std::uint64_t failed;
	std::uint64_t wrong; /* answers that do not fit their question */
	std::uint64_t written; /* rows inserted */
};

/* Starts them, `requests` for each; 0 or a FERRY_E… number. */
int
demo_threads_start(
    demo_threads **out, ferry_context context, std::uint32_t requests)
{
	ferry::result<database> db = database::try_borrow(context);
	if (!db)
		return db.error().status;
	auto all = std::make_unique<demo_threads>();
	all->db = *std::move(db);
	for (auto way : ways) {
		client &c = *all->clients.emplace_back(
		    std::make_unique<client>(all->db, requests));
		c.thread = std::thread([way, &c] { way(c); });
	}
	*out = all.release();
	return FERRY_OK;
}

/* How many of their calls wait for an answer just now. */
std::uint64_t
demo_threads_waiting(const demo_threads *threads)
{
	std::uint64_t n = 0;

	for (const auto &c : threads->clients)
		n += c->asked - c->answered;
	return n;
}

/* Waits for their end, tells what happened, frees. */
void
demo_threads_join(demo_report *out, demo_threads *threads)
{
	std::unique_ptr<demo_threads> all(threads);

	*out = {};
	for (const auto &c : all->clients) {
		c->thread.join();
		for (const question &q : c->questions) {
			if (!q.asked)
				continue;
			out->once += q.answers == 1;
			out->never += q.answers == 0;
			out->twice += q.answers > 1;
		}
		out->asked += c->asked;
		out->failed += c->failed;
		out->wrong += c->wrong;
		out->written += c->written;
	}
}

} /* extern "C" */
