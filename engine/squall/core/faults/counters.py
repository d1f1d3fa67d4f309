"""Whose turn it is: how many requests each fault has seen at each endpoint.

The k-th request of an endpoint meets the k-th draw of each fault. Counters outlive leases, so that
a step that is looped or tried again goes on with the next draw. `active` asks here.
"""

from collections import OrderedDict
from typing import Final

from squall.core.faults import dice
from squall.core.faults.effects import Inject
from squall.core.faults.endpoint import Endpoints

MOST_PLACES: Final = 1_024
"""Steps of runs whose ordinals are remembered; of more, those unused the longest are forgotten."""


class _Stream:
    """The draws and the count of one fault at one endpoint."""

    __slots__ = ("count", "key")

    def __init__(self, key: int) -> None:
        self.key = key
        self.count = 0


class Counters:
    """How many requests each fault has seen per endpoint, and the draws that belong to them.

    One per edge: it outlives leases. Memory is bounded by `MOST_PLACES` and by
    `squall.core.faults.endpoint.MOST`.
    """

    __slots__ = ("_places",)

    def __init__(self) -> None:
        self._places: OrderedDict[tuple[str, str, str], PlaceCounters] = OrderedDict()

    def of(self, inject: Inject) -> "PlaceCounters":
        """The counters of a step on a target."""
        key = (inject.run, inject.place, inject.target)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = PlaceCounters()
        self._places.move_to_end(key)
        if len(self._places) > MOST_PLACES:
            self._places.popitem(last=False)
        return found


class PlaceCounters:
    """The counters of one step on one target; made by `Counters`."""

    __slots__ = ("_streams", "endpoints")

    def __init__(self) -> None:
        self.endpoints = Endpoints()
        self._streams: dict[tuple[str, str], _Stream] = {}

    def turn(self, seed: int, name: str, endpoint: str) -> tuple[int, int]:
        """The key of the dice of a fault at an endpoint, and whose turn it is there now."""
        at = (name, endpoint)
        stream = self._streams.get(at)
        if stream is None:
            stream = self._streams[at] = _Stream(dice.stream(seed, name, endpoint))
        stream.count += 1
        return stream.key, stream.count - 1
