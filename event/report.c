/*
 * Reports; see report.h.
 */
#include "event/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ------------------------------------------------------------------- facts */

/* One that runs, or is gone, is in no call. */
static bool
may_block(uint32_t verdict)
{
	return verdict != FERRY_VERDICT_SPINNING &&
	    verdict != FERRY_VERDICT_STARVED &&
	    verdict != FERRY_VERDICT_EXITED;
}

static void
add_blocking(struct report *r, const struct sight *shown)
{
	const struct facts *f = &shown->look.facts;
	ferry_stall *s = &r->stall;
	int at;

	if ((f->known & FACT_CALL) == 0 || !f->in_call)
		return;
	s->syscall = f->number;
	s->syscall_name = ferry__facts_call_name(f->number);
	if (ferry__facts_call_is_futex(f->number, f->args)) {
		s->lock = f->args[0];
		s->owner = shown->owner;
	}
	at = ferry__facts_call_descriptor(f->number);
	if (at >= 0)
		s->descriptor = (int)f->args[at];
	if (shown->target[0] != '\0')
		s->target = shown->target;
}

static uint32_t
verdict_of(const struct report_case *c, const struct verdict *v)
{
	if (c->kind == FERRY_STALL_OVERLOADED)
		return FERRY_VERDICT_STARVED;
	/* The age has left out what it was starved for: what is told of as a
	 * stall has used up its time, if only now and then. */
	if (v->verdict == FERRY_VERDICT_STARVED && !c->idle_with_work)
		return v->spins ? FERRY_VERDICT_SPINNING
		                : FERRY_VERDICT_UNKNOWN;
	return v->verdict;
}

static void
add_finding(struct report *r, const struct report_case *c,
    const struct finding *found, const struct frames *frames)
{
	ferry_stall *s = &r->stall;

	s->verdict = verdict_of(c, &found->verdict);
	s->progress = found->verdict.progress;
	s->looks = found->looks;
	s->cpu_ns = found->verdict.cpu_ns;
	s->delay_ns = found->verdict.delay_ns;
	if (c->kind == FERRY_STALL_OVERLOADED) {
		/* Both of all the time that it was watched. */
		s->cpu_ns = c->used_ns;
		s->delay_ns = c->starved_ns;
	}
	if (c->kind == FERRY_STALL_HELD)
		s->age_ns = c->held_ns;
	if (may_block(s->verdict))
		add_blocking(r, &found->shown);
	if (frames != NULL) {
		s->n_frames = frames->n;
		s->frames = frames->at;
	}
}

/* -------------------------------------------------------------------- text */

/* What does not fit is cut off. A newline ends a format; what else is control
 * characters comes from names, reasons and paths. */
__attribute__((format(printf, 2, 3))) static void
put(struct report *r, const char *format, ...)
{
	size_t room = sizeof r->text - r->size, from = r->size;
	bool ends = format[strlen(format) - 1] == '\n';
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(r->text + r->size, room, format, ap);
	va_end(ap);
	ASSERT(n >= 0);
	ends = ends && (size_t)n < room;
	r->size += (size_t)n < room ? (size_t)n : room - 1;
	ferry__facts_plain(r->text + from, r->size - from - ends);
}

#define SECONDS "%" PRIu64 ".%03u s"
#define IN(ns)  (ns) / 1000000000u, (unsigned)((ns) / 1000000u % 1000u)
#define NAME    "\"%.200s\""

const char *
ferry__report_level(uint32_t level)
{
	static const char *const names[] = { "none", "slow", "stalled",
		"wedged", "fatal" };

	return level < COUNT_OF(names) ? names[level] : "?";
}

static void
put_time(struct report *r)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &tm) == NULL)
		return;
	put(r, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    now.tv_nsec / 1000000);
}

/* Whose thread it is that is talked of. */
static void
put_whom(struct report *r)
{
	const ferry_stall *s = &r->stall;

	put(r, "ferry: ");
	if (s->library != NULL)
		put(r, "library " NAME ", ", s->library);
	if (s->method_name != NULL)
		put(r, "method " NAME, s->method_name);
	else
		put(r, "the FFI thread");
}

static void
put_headline(struct report *r)
{
	const ferry_stall *s = &r->stall;

	put_time(r);
	put_whom(r);
	switch (s->kind) {
	case FERRY_STALL_ENDED:
		put(r, ": responding again after " SECONDS ", at worst %s\n",
		    IN(s->age_ns), ferry__report_level(s->level));
		break;
	case FERRY_STALL_OVERLOADED:
		put(r, ": waited " SECONDS " for a processor; overload, no "
		       "stall\n", IN(s->delay_ns));
		break;
	case FERRY_STALL_HELD:
		put(r, ": held for " SECONDS "; no stall\n", IN(s->age_ns));
		break;
	case FERRY_STALL_GOES_ON:
		put(r, ": still not responding, %s for " SECONDS "\n",
		    ferry__report_level(s->level), IN(s->age_ns));
		break;
	default:
		put(r, ": not responding, %s for " SECONDS "\n",
		    ferry__report_level(s->level), IN(s->age_ns));
	}
}

static void
put_blocking(struct report *r)
{
	const ferry_stall *s = &r->stall;

	if (s->syscall < 0)
		return;
	if (s->syscall_name != NULL)
		put(r, " in %s()", s->syscall_name);
	else
		put(r, " in system call %" PRId64, s->syscall);
	if (s->descriptor >= 0)
		put(r, " on descriptor %" PRId64, s->descriptor);
	if (s->target != NULL)
		put(r, ", %s", s->target);
	if (s->lock != 0)
		put(r, ", lock 0x%" PRIx64, s->lock);
	if (s->owner != 0)
		put(r, ", whose owner seems to be thread %" PRIu32, s->owner);
}

static const char *
on_spinning(uint32_t progress)
{
	switch (progress) {
	case FERRY_PROGRESS_SOME:
		return "it computes, and gets on; if that is meant, give the "
		       "method higher levels or a scope";
	case FERRY_PROGRESS_NONE:
		return "it computes at one place; if that is not meant, look "
		       "for a loop there";
	default:
		return "it computes, and whether it gets on is not known; if "
		       "that is not meant, see where (ferry_watch_signal())";
	}
}

static const char *
on_call(int64_t call)
{
	switch (ferry__facts_call_awaits(call)) {
	case FACTS_AWAITS_TIME:
		return "it sleeps until its time has come; if that is not "
		       "meant, see who asks for it";
	case FACTS_AWAITS_PROCESS:
		return "another process does not end; see that";
	default:
		return "the other side does not answer; give the wait a "
		       "timeout, or the call a cancel hook";
	}
}

static const char *
on_disk_sleep(int64_t call)
{
	return ferry__facts_call_awaits(call) == FACTS_AWAITS_START
	    ? "a process that it has started does not get to run its program; "
	      "see that"
	    : "the kernel waits for a device or a network file system; look "
	      "there";
}

/* What whoever reads this may want to do. */
static const char *
advice(const ferry_stall *s)
{
	switch (s->verdict) {
	case FERRY_VERDICT_SPINNING:
		return on_spinning(s->progress);
	case FERRY_VERDICT_BLOCKED_LOCK:
		return "somebody else must let go of a lock, or signal a "
		       "condition; see where that thread is";
	case FERRY_VERDICT_BLOCKED_SYSCALL:
		return on_call(s->syscall);
	case FERRY_VERDICT_DISK_SLEEP:
		return on_disk_sleep(s->syscall);
	case FERRY_VERDICT_STARVED:
		return "the machine is overloaded; the call is not to blame";
	case FERRY_VERDICT_STOPPED:
		return "a signal stopped the process; SIGCONT lets it go on";
	case FERRY_VERDICT_TRACED:
		return "a debugger holds the thread";
	case FERRY_VERDICT_EXITED:
		return "the thread is gone; close the context by "
		       "FERRY_CLOSE_ABANDON";
	case FERRY_VERDICT_LOST_WAKEUP:
		return "it has been woken; this is a fault of Ferry's, or of "
		       "who stopped a submitting thread half way";
	case FERRY_VERDICT_IN_LISTENER:
		return "the event queue is full, and a listener does not "
		       "return; see that";
	case FERRY_VERDICT_IN_CANCEL_HOOK:
		return "a cancel hook does not return; hooks may only "
		       "interrupt";
	default:
		return NULL;
	}
}

static void
put_verdict(struct report *r)
{
	static const char *const progress[] = {
		[FERRY_PROGRESS_UNKNOWN] = "",
		[FERRY_PROGRESS_NONE] = ", at one place",
		[FERRY_PROGRESS_SOME] = ", moving",
	};
	const ferry_stall *s = &r->stall;
	const char *what = advice(s);

	put(r, "  verdict: %s", ferry_verdict_name(s->verdict));
	put_blocking(r);
	if (s->verdict != FERRY_VERDICT_EXITED)
		put(r, "%s", progress[s->progress]);
	if (s->looks != 0)
		put(r, " (looks: %" PRIu32 ")", s->looks);
	put(r, "\n");
	if (what != NULL && s->kind != FERRY_STALL_ENDED)
		put(r, "  so: %s\n", what);
}

static void
put_room(struct report *r, const struct awaited_room *room)
{
	if (room->context == 0)
		return;
	put(r, "  room: in the event queue of context 0x%" PRIx64,
	    room->context);
	if (room->listens)
		put(r, ", behind listener " NAME,
		    room->listener != NULL ? room->listener : "");
	if (room->listens && room->listens_ns != 0)
		put(r, ", for " SECONDS, IN(room->listens_ns));
	put(r, "\n");
}

/* What is not known is not said. */
static void
put_use(struct report *r, const struct report_case *c, bool timed)
{
	const ferry_stall *s = &r->stall;
	bool life = c->kind == FERRY_STALL_OVERLOADED;

	put(r, "  FFI thread %" PRIu32, s->worker_thread);
	if (life ? c->use_known : timed)
		put(r, ": used a processor for " SECONDS
		       ", waited for one for " SECONDS ", %s",
		    IN(s->cpu_ns), IN(s->delay_ns),
		    life ? "while it was watched" : "between the looks");
	put(r, "\n");
}

static void
put_facts(struct report *r, const struct report_case *c, bool timed)
{
	const ferry_stall *s = &r->stall;

	if (s->scope != NULL)
		put(r, "  scope: " NAME "\n", s->scope);
	if (s->reason != NULL)
		put(r, "  extended: " NAME "\n", s->reason);
	put_room(r, &c->room);
	if (s->request != 0)
		put(r, "  request 0x%" PRIx64 ", submitted by thread %" PRIu32
		       "; context 0x%" PRIx64 "\n", s->request, s->submitter,
		    s->context);
	if (s->suppressed != 0)
		put(r, "  not reported since the last one: %" PRIu64 "\n",
		    s->suppressed);
	/* What was is told; what is is over. */
	if (s->kind == FERRY_STALL_ENDED)
		return;
	put_use(r, c, timed);
	put(r, "  queued behind it: %" PRIu64, c->behind);
	if (c->behind_ns != 0)
		put(r, ", the oldest for " SECONDS " or longer",
		    IN(c->behind_ns));
	put(r, "\n");
}

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static void
put_frame(struct report *r, uint32_t i, const ferry_frame *f)
{
	put(r, "    #%-2" PRIu32 " ", i);
	if (f->function != NULL)
		put(r, "%.200s ", f->function);
	if (f->file != NULL)
		put(r, "at %.200s:%" PRIu32 " ", last_part(f->file), f->line);
	if (f->module != NULL)
		put(r, "(%.200s+0x%" PRIx64 ")", last_part(f->module),
		    f->offset);
	else
		put(r, "(0x%" PRIx64 ")", f->address);
	put(r, "%s%s\n", f->flags & FERRY_FRAME_INLINE ? " inlined" : "",
	    f->flags & FERRY_FRAME_GUESSED ? " ?" : "");
}

/* Each module once: to find its symbols elsewhere. */
static void
put_build_ids(struct report *r)
{
	const ferry_stall *s = &r->stall;

	for (uint32_t i = 0; i < s->n_frames; i++) {
		const ferry_frame *f = &s->frames[i];
		bool seen = f->build_id == NULL || f->module == NULL;

		for (uint32_t k = 0; k < i && !seen; k++)
			seen = s->frames[k].build_id != NULL &&
			    strcmp(s->frames[k].build_id, f->build_id) == 0;
		if (!seen)
			put(r, "    %.200s: build id %.200s\n", f->module,
			    f->build_id);
	}
}

static void
put_stack(struct report *r)
{
	const ferry_stall *s = &r->stall;

	if (s->n_frames == 0 || s->kind == FERRY_STALL_ENDED)
		return;
	put(r, "  stack:\n");
	for (uint32_t i = 0; i < s->n_frames; i++)
		put_frame(r, i, &s->frames[i]);
	put_build_ids(r);
}

/* -------------------------------------------------------------------- both */

static const char *
or_null(const char *s)
{
	return s != NULL && s[0] != '\0' ? s : NULL;
}

void
ferry__report_make(struct report *r, const struct report_case *c,
    const struct finding *found, const struct frames *frames)
{
	r->size = 0;
	r->stall = (ferry_stall){
		.struct_size = sizeof r->stall,
		.kind = c->kind,
		.level = c->level,
		.context = c->context,
		.request = c->request,
		.library = c->library,
		.method_name = c->method_name,
		.method = c->method,
		.submitter = c->submitter,
		.worker_thread = c->worker_thread,
		.age_ns = c->age_ns,
		.depth = c->depth,
		.oldest_ns = c->oldest_ns,
		.suppressed = c->suppressed,
		.scope = or_null(c->scope),
		.reason = or_null(c->reason),
		.syscall = -1,
		.descriptor = -1,
		.text = r->text,
	};
	add_finding(r, c, found, frames);
	put_headline(r);
	put_verdict(r);
	put_facts(r, c, found->verdict.timed);
	put_stack(r);
}
