"""When to stop calling a mini-app that fails, and when to try again. Pure: time and chance come in as arguments.

Closed: calls go through and are counted over a sliding window. Open: nothing goes through until a cool-off has passed.
Then one probe goes; its outcome closes the breaker or opens it for twice as long.
"""

from enum import Enum

WINDOW = 10  # seconds of calls that are judged
FEWEST = 20  # calls in the window before there is a judgement
SHARE = 0.5  # of them failed: open
COOL_OFF = 2.0  # seconds until the first probe, before jitter
LONGEST = 30.0  # seconds between probes, however often they fail, before jitter
JITTER = 0.25  # either side, so that many processes do not probe at the same moment
PROBE_LEASE = 35.0  # seconds after which a probe that never reported counts as lost; longer than any call may take


class Pass(Enum):
    """What the breaker says to one call; a call gives its pass back with its outcome."""

    REFUSED = 0
    NORMAL = 1
    PROBE = 2


class Breaker:
    """The breaker of one mini-app in one process. Times are seconds on any steady clock."""

    __slots__ = ("_calls", "_failures", "_second", "_slots", "_until", "_wait", "is_open")

    def __init__(self) -> None:
        self.is_open = False
        self._clear()
        self._until = 0.0  # no probe before
        self._wait = COOL_OFF

    def rests(self, now: float) -> bool:
        """Whether nothing goes through now, not even a probe."""
        return self.is_open and now < self._until

    def admit(self, now: float) -> Pass:
        """Whether a call may go now. Every pass but REFUSED must be given to `record` or `abandon`."""
        if not self.is_open:
            return Pass.NORMAL
        if now < self._until:
            return Pass.REFUSED
        self._until = now + PROBE_LEASE
        return Pass.PROBE

    def record(self, given: Pass, ok: bool, now: float, chance: float) -> None:
        """A call has ended. `chance` in [0, 1) spreads the probes."""
        if given is Pass.PROBE:
            if ok:
                self.is_open = False
                self._wait = COOL_OFF
                self._clear()
            else:
                self._wait = min(self._wait * 2, LONGEST)
                self._rest(now, chance)
        elif not self.is_open:  # a straggler from before the breaker opened tells nothing new
            self._count(ok, now)
            if not ok and self._calls >= FEWEST and self._failures >= SHARE * self._calls:
                self.is_open = True
                self._rest(now, chance)

    def abandon(self, given: Pass, now: float) -> None:
        """A call ended without telling anything about the mini-app: its caller went away. The next call may probe."""
        if given is Pass.PROBE:
            self._until = now

    def retry_after(self, now: float) -> int:
        """Whole seconds until a call has a chance; 0 when closed."""
        return max(1, round(self._until - now)) if self.is_open else 0

    def _rest(self, now: float, chance: float) -> None:
        self._until = now + self._wait * (1 - JITTER + 2 * JITTER * chance)

    def _clear(self) -> None:
        self._slots = [[0, 0] for _ in range(WINDOW)]  # calls and failures of each second of the window
        self._calls = self._failures = 0
        self._second = 0

    def _count(self, ok: bool, now: float) -> None:
        second = int(now)
        if second != self._second:
            for passed in range(max(self._second + 1, second - WINDOW + 1), second + 1):
                slot = self._slots[passed % WINDOW]
                self._calls -= slot[0]
                self._failures -= slot[1]
                slot[0] = slot[1] = 0
            self._second = second
        slot = self._slots[second % WINDOW]
        slot[0] += 1
        self._calls += 1
        if not ok:
            slot[1] += 1
            self._failures += 1
