"""The demo's counters, which must all add up: Ferry's and everybody's own."""

from demo_say import expect, tell


def equation(name_of, c, right_names):
    """Prints and checks one equation between counters."""
    left = c[name_of]
    right = sum(c[name] for name in right_names)
    tell("%s %d = %s" % (name_of, left, " + ".join(
        "%s %d" % (name, c[name]) for name in right_names)))
    expect(left == right, "%s: %d is not %d" % (name_of, left, right))


def count_requests(c, calls, lost, asker, asked):
    """By Ferry's counters, and by everybody's own."""
    equation("submitted", c, (
        "refused", "queued", "started", "unstarted_canceled",
        "unstarted_deadline", "unstarted_closed"))
    equation("started", c, (
        "running", "ended_ok", "ended_error", "ended_canceled", "ended_lost",
        "ended_closed"))
    total = calls + asker.asked + lost + 1 + asked
    tell("submitted %d = loading %d + Python tasks %d + lost statements' %d + "
         "runaway 1 + C++ threads %d" % (
             c["submitted"], calls, asker.asked, lost, asked))
    expect(c["submitted"] == total,
           "the clients counted %d requests" % total)
    expect(c["ended_canceled"] == 1, "%d requests were cancelled, not 1"
           % c["ended_canceled"])
    expect(c["ended_ok"] == total - 1, "%d requests ended well, not %d" % (
        c["ended_ok"], total - 1))
    expect(c["discarded"] == 0, "%d replies were discarded" % c["discarded"])
    expect(c["stall_episodes"] == 1, "%d stalls were announced, not 1"
           % c["stall_episodes"])
    expect(c["handles_open"] == 0, "%d statements were left open"
           % c["handles_open"])


def count_events(c, before, notes, seen):
    emitted = c["events_emitted"] - before
    tell("events emitted since the loading %d = of notes, seen %d" % (
        emitted, notes))
    tell("events delivered %d = seen %d" % (c["events_delivered"], seen))
    expect(emitted == notes and c["events_delivered"] == seen,
           "events were lost")


def add_up(db, calls, lost, asker, reports, before, events):
    c = db.context.counters()
    asked = sum(r.asked for r in reports)
    once = sum(r.once for r in reports)
    count_requests(c, calls, lost, asker, asked)
    count_events(c, before, *events)
    tell("answered exactly once: %d of %d by the C++ threads' count, %d of "
         "%d by Python's" % (once, asked, len(asker.answers), asker.asked))
    expect(once == asked and not any(r.never or r.twice for r in reports),
           "the C++ threads count %d answers for %d requests" % (once, asked))
    expect(asker.exactly_once(), "Python counts %d answers for %d requests" % (
        sum(asker.answers.values()), asker.asked))
