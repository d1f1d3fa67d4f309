"""Measuring what clients feel, in memory that does not grow with the traffic.

A `Meter` counts exchanges and sketches their latencies (DDSketch); a `Window` keeps the
last second of them. The edge has one per target and per lease, a load one for itself. Times are
passed in; nothing here looks at a clock.
"""

import math
from collections import deque
from typing import Final

from ddsketch import DDSketch

from squall.core.faults.effects import PICTURE, Felt
from squall.core.timing import SECOND, Duration

ACCURACY: Final = 0.005
"""Half the width of what is told apart, as a share: a percentile is that much above the truth, or
twice, but never below it. A delay that was never early does not look early."""


class Meter:
    """Counts and latencies of exchanges since it was made."""

    __slots__ = ("_max", "_sketch", "errors", "requests")

    def __init__(self) -> None:
        self._sketch = DDSketch(ACCURACY)
        self._max = 0
        self.requests = 0
        self.errors = 0

    def record(self, latency: Duration, *, failed: bool) -> None:
        """Count one exchange; `failed`: answered with 500 or above, or broken."""
        self.requests += 1
        self.errors += failed
        if latency > self._max:  # noqa: PLR1730 - on the path of every request
            self._max = latency
        self._sketch.add(latency)

    def merge(self, other: "Meter") -> None:
        """Count what `other` counted too; `other` stays as it is."""
        self.requests += other.requests
        self.errors += other.errors
        self._max = max(self._max, other._max)
        self._sketch.merge(other._sketch)

    def quantile(self, share: float) -> Duration:
        """The latency that this share of exchanges did not exceed (nearest rank); 0 without any."""
        last = self.requests - 1
        rank = math.ceil(share * self.requests) - 1
        # The sketch counts ranks in shares, and rounds down.
        value = self._sketch.get_quantile_value(min(1.0, (rank + 0.5) / last) if last > 0 else 0.0)
        if value is None:
            return Duration(0)
        # The sketch tells the middle of a bucket; its upper end is what was not exceeded.
        return Duration(min(math.ceil(value / (1 - ACCURACY)), self._max))

    def felt(self, over: Duration) -> Felt:
        """A picture of it all; `over` is how long it took, for the rate."""
        return Felt(
            requests=self.requests,
            errors=self.errors,
            rate=self.requests * SECOND / over if over > 0 else 0.0,
            p50=self.quantile(0.50),
            p95=self.quantile(0.95),
            p99=self.quantile(0.99),
            max=Duration(self._max),
        )


class Window:
    """The last second of exchanges, in slices of which the oldest is forgotten."""

    __slots__ = ("_ends", "_meter", "_slices")

    LENGTH: Final = PICTURE
    SLICE: Final = Duration(SECOND // 10)

    def __init__(self) -> None:
        self._slices: deque[tuple[int, Meter]] = deque()
        self._meter = Meter()
        self._ends = 0

    def record(self, at: int, latency: Duration, *, failed: bool) -> None:
        """Count one exchange that ended `at`, in nanoseconds of a clock that never goes back."""
        if at >= self._ends:
            self._turn(at)
        self._meter.record(latency, failed=failed)

    def felt(self, at: int) -> Felt:
        """What was felt in the second before `at`: nine whole slices and the one just filling."""
        self._forget(at)
        whole = Meter()
        for _, meter in self._slices:
            whole.merge(meter)
        return whole.felt(Duration(self.LENGTH - self.SLICE + at % self.SLICE))

    def _turn(self, at: int) -> None:
        self._forget(at)
        self._meter = Meter()
        self._ends = at - at % self.SLICE + self.SLICE
        self._slices.append((self._ends, self._meter))

    def _forget(self, at: int) -> None:
        oldest = at - at % self.SLICE - (self.LENGTH - self.SLICE)
        while self._slices and self._slices[0][0] <= oldest:
            self._slices.popleft()
