"""For tests that hold somebody to a time: how long the machine stood still.

A thread looks at the clock every 10 ms. Where it could not for long, nobody
could (a virtual machine that is stopped, a full one), and that is no time that
a process has taken for anything.
"""

import threading
import time

LEAST_NS = 100 * 1000 * 1000


class Stalls:
    def __init__(self):
        self._stood, self._last = [], time.monotonic_ns()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self):
        while True:
            time.sleep(0.01)
            now = time.monotonic_ns()
            if now - self._last > LEAST_NS:
                self._stood.append((self._last, now))
            self._last = now

    def between(self, began, ended):
        """Of the nanoseconds between two times of the monotonic clock, of
        which the later one is now, those that nobody had."""
        last, stood = self._last, list(self._stood)
        # It may be about to note what has just ended.
        if ended - last > LEAST_NS and last not in (s[0] for s in stood[-1:]):
            stood.append((last, ended))
        return sum(max(0, min(to, ended) - max(since, began))
                   for since, to in stood)
