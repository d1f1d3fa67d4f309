"""Faults that are on: leases compiled once, asked for every exchange, counting what they did.

The edge swaps one `ActiveLeases` per target for another; `decision` asks it which faults an
exchange meets and in which order.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from squall.core.faults import dice
from squall.core.faults.candidate import ActiveFault, Candidate, kind_of
from squall.core.faults.counters import Counters
from squall.core.faults.effects import Delivery, Felt, Inject
from squall.core.faults.exchange import CONNECTION, Exchange
from squall.core.faults.kinds import Down, Fault, RateLimit
from squall.core.faults.matching import LONGEST_PATH, Matcher, paths_of
from squall.core.faults.meter import Meter
from squall.core.timing import Duration

_MOST_SELECTED: Final = 4_096
"""Requests of different method, path and host for which the choice of scenarios is remembered."""
_MOST_EPOCHS: Final = 8
"""Stretches without a change on a target that a lease keeps apart for exchanges that end late."""


class ActiveLease:
    """The faults of one lease while they are on: compiled once, asked for every exchange.

    Raises `ValueError` with a sentence when a match cannot be used.
    """

    __slots__ = ("_counters", "_epochs", "_felt", "faults", "inject", "matchers")

    def __init__(self, inject: Inject, counters: Counters) -> None:
        self.inject = inject
        self._felt = Meter()
        self._epochs: list[Meter] = []
        self._counters = counters.of(inject)
        self.matchers = tuple(
            Matcher(scenario.match, dice.stream(inject.seed, inject.place, str(number)))
            for number, scenario in enumerate(inject.scenarios)
        )
        self.faults = tuple(
            ActiveFault(inject, s, f, fault, key)
            for (s, f, fault), key in zip(_listed(inject), fault_keys(inject), strict=True)
        )

    def deliveries(self) -> tuple[Delivery, ...]:
        """What each fault has done so far, in the order written."""
        others = self._counters.endpoints.others
        return tuple(fault.delivery(others) for fault in self.faults)

    def live_through(self, epoch: Meter) -> None:
        """What clients feel from now on is felt under this lease, until the next epoch."""
        self._epochs.append(epoch)
        if len(self._epochs) > _MOST_EPOCHS:
            self._felt.merge(self._epochs.pop(0))

    def felt(self, over: Duration) -> Felt:
        """What clients of the target felt while the lease was on; `over` is how long that was."""
        whole = Meter()
        for meter in (self._felt, *self._epochs):
            whole.merge(meter)
        return whole.felt(over)

    def candidates(self, exchange: Exchange, scenarios: Iterable[int]) -> Iterator[Candidate]:
        """The faults of these scenarios that a request meets, each with its turn."""
        met = set(scenarios)
        path = exchange.path.partition("?")[0]
        endpoint = self._counters.endpoints.name(exchange.method, path)
        for fault in self.faults:
            if fault.scenario in met and fault.at == "request":
                yield self._candidate(fault, endpoint)

    def connecting(self, exchange: Exchange, *, only: bool) -> Iterator[Candidate]:
        """The faults a connection meets; `only`: those that act on nothing but connections."""
        met = {
            number
            for number, matcher in enumerate(self.matchers)
            if matcher.names("", "", "") and matcher.admits((), exchange.client, exchange.body)
        }
        for fault in self.faults:
            if fault.scenario in met and (fault.at == "connect" or not only):
                yield self._candidate(fault, CONNECTION)

    def _candidate(self, fault: ActiveFault, endpoint: str) -> Candidate:
        key, ordinal = self._counters.turn(self.inject.seed, fault.key, endpoint)
        return Candidate(fault, endpoint, key, ordinal)


_Selected = tuple[tuple[ActiveLease, int, Matcher], ...]


class ActiveLeases:
    """All leases on one target. Empty, it is false."""

    __slots__ = (
        "_paths", "_selected", "connects", "down", "epoch", "leases", "names", "reads_headers"
    )  # fmt: skip

    def __init__(self, leases: Sequence[ActiveLease] = ()) -> None:
        self.leases = tuple(leases)
        self.names = frozenset(lease.inject.lease for lease in leases)
        self.epoch = Meter() if leases else None
        """What clients feel while exactly these leases are on."""
        if self.epoch is not None:
            for lease in leases:
                lease.live_through(self.epoch)
        faults = [fault for lease in leases for fault in lease.faults]
        self.down = frozenset(
            fault.lease.lease for fault in faults if isinstance(fault.fault, Down)
        )
        """The leases by which the target is not there at all."""
        self.connects = any(fault.at == "connect" for fault in faults)
        """Whether something happens to connections before they say anything."""
        self.reads_headers = any(
            matcher.reads_headers for lease in leases for matcher in lease.matchers
        ) or any(
            isinstance(fault.fault, RateLimit) and fault.fault.by.startswith("header:")
            for fault in faults
        )
        self._paths = paths_of(matcher for lease in leases for matcher in lease.matchers)
        self._selected: dict[tuple[str, str, str], _Selected] = {}

    def __bool__(self) -> bool:
        return bool(self.leases)

    def mean(self, method: str, path: str, host: str) -> bool:
        """Whether a request may meet a fault; mostly cheaper to ask than to describe it."""
        return bool(self._select(method, path, host))

    def candidates(self, exchange: Exchange) -> list[Candidate]:
        """Every fault a request meets, in the order in which they act."""
        chosen: dict[ActiveLease, list[int]] = {}
        headers = frozenset(exchange.headers)
        for lease, scenario, matcher in self._select(exchange.method, exchange.path, exchange.host):
            if matcher.plain or matcher.admits(headers, exchange.client, exchange.body):
                chosen.setdefault(lease, []).append(scenario)
        found = [
            candidate
            for lease, scenarios in chosen.items()
            for candidate in lease.candidates(exchange, scenarios)
        ]
        found.sort(key=_rank)
        return found

    def connecting(
        self, exchange: Exchange, *, only: bool, besides: Collection[str] = ()
    ) -> list[Candidate]:
        """Every fault a connection meets, in order; not of the leases it has met before."""
        found = [
            candidate
            for lease in self.leases
            if lease.inject.lease not in besides
            for candidate in lease.connecting(exchange, only=only)
        ]
        found.sort(key=_rank)
        return found

    def forget(self, connection: int) -> None:
        """A client connection is gone."""
        for lease in self.leases:
            for fault in lease.faults:
                if fault.places or fault.budgets:
                    fault.forget(connection)

    def _select(self, method: str, path: str, host: str) -> _Selected:
        """The scenarios meant by method, path and host; mostly they have been asked for before."""
        if "?" in path:
            path = path.partition("?")[0]
        key = (method, path, host)
        selected = self._selected.get(key)
        if selected is None:
            if len(self._selected) >= _MOST_SELECTED:
                self._selected.clear()
            selected = self._selected[key] = tuple(self._named(*key))
        return selected

    def _named(
        self, method: str, path: str, host: str
    ) -> Iterator[tuple[ActiveLease, int, Matcher]]:
        if self._paths is None or (len(path) <= LONGEST_PATH and self._paths.search(path)):
            for lease in self.leases:
                for number, matcher in enumerate(lease.matchers):
                    if matcher.names(method, path, host):
                        yield lease, number, matcher


def _rank(candidate: Candidate) -> int:
    return candidate.active.rank


def fault_keys(inject: Inject) -> tuple[str, ...]:
    """What keys the dice of each fault: place, target, kind, numbered where a kind comes twice."""
    counts: dict[str, int] = {}
    keys = []
    for _, _, fault in _listed(inject):
        kind = kind_of(fault)
        counts[kind] = number = counts.get(kind, 0) + 1
        suffix = f"#{number}" if number > 1 else ""
        keys.append(f"{inject.place}@{inject.target}/{kind}{suffix}")
    return tuple(keys)


def _listed(inject: Inject) -> Iterable[tuple[int, int, Fault]]:
    for s, scenario in enumerate(inject.scenarios):
        for f, fault in enumerate(scenario.faults):
            yield s, f, fault
