"""Scenarios and their faults, from checked data to the model.

Called by `build`. Every shorthand becomes its full form and every default is spelled out.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from squall.core.diagnostics import nearest
from squall.core.faults.kinds import (
    Distribution,
    Errors,
    Exponential,
    Fault,
    Fixed,
    Latency,
    LogNormal,
    Match,
    Normal,
    PacketLoss,
    Pareto,
    Resets,
    Scenario,
    Share,
    Timeouts,
    Uniform,
)
from squall.core.playbook.places import Places
from squall.core.playbook.schema import FAULTS
from squall.core.playbook.source import Path
from squall.core.timing import Duration

_DISTRIBUTIONS: Final = ("fixed", "uniform", "normal", "lognormal", "pareto", "exponential")

Node = Mapping[str, Any]


class ScenarioBuilder:
    """Builds the scenarios of one document; `named` are those declared under ``scenarios``."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.named: dict[str, Scenario] = {}

    def declare(self, name: str, node: Node) -> None:
        """Read one entry of ``scenarios``."""
        self.named[name] = self._scenario(("scenarios", name), node, name)

    def chosen(self, path: Path, written: Any) -> tuple[Scenario, ...]:
        """What a step's ``scenario`` says: names, faults, or a list of both."""
        parts = enumerate(written) if isinstance(written, list) else [(None, written)]
        made = []
        for index, part in parts:
            at = path if index is None else (*path, index)
            if isinstance(part, dict):
                made.append(self._scenario(at, part, ""))
            elif part in self.named:
                made.append(self.named[part])
            elif not self.places.declares("scenarios", part):
                close = nearest(part, self.named)
                known = ", ".join(self.named) or "none; write the faults here"
                hint = f"did you mean '{close}'?" if close else f"scenarios here: {known}"
                self.places.note(at, "SQ201", f"there is no scenario '{part}'", hint)
        return tuple(made)

    def _scenario(self, path: Path, node: Node, name: str) -> Scenario:
        faults = tuple(self._fault((*path, key), key, node[key]) for key in FAULTS if key in node)
        if not faults:
            self.places.note(
                path, "SQ107", "there is no fault in it", "one of " + ", ".join(FAULTS)
            )
        return Scenario(faults=faults, match=self._match(path, node.get("match", {})), name=name)

    def _fault(self, path: Path, key: str, written: Any) -> Fault:
        if key == "latency":
            return self._latency(path, written)
        node: Node = written if isinstance(written, dict) else {"rate": written}
        rate = self.places.share(
            (*path, "rate") if isinstance(written, dict) else path, node["rate"]
        )
        match key:
            case "errors":
                return (
                    Errors(rate=rate, codes=tuple(int(code) for code in node["codes"]))
                    if "codes" in node
                    else Errors(rate=rate)
                )
            case "timeouts":
                answer: Literal[504] | None = None if node.get("answer") == "none" else 504
                after = node.get("after", "5s")
                return Timeouts(
                    rate=rate,
                    after=self.places.duration((*path, "after"), after),
                    answer=answer,
                )
            case "resets":
                return Resets(rate=rate, kind=node.get("kind", "reset"))
        return PacketLoss(rate=rate)

    def _latency(self, path: Path, written: Any) -> Latency:
        if not isinstance(written, dict):
            return Latency(delay=Fixed(value=self.places.duration(path, written)))
        seen = [key for key in _DISTRIBUTIONS if key in written]
        if len(seen) != 1:
            what = " and ".join(f"'{key}'" for key in seen) or "none"
            self.places.note(path, "SQ108", f"a latency has one distribution, not {what}",
                       "one of " + ", ".join(_DISTRIBUTIONS))  # fmt: skip
            return Latency(delay=Fixed(value=Duration(0)))
        jitter = written.get("jitter", "0%")
        share, spread = Share(0.0), Duration(0)
        if jitter.strip().endswith("%"):
            share = self.places.share((*path, "jitter"), jitter)
        else:
            spread = self.places.duration((*path, "jitter"), jitter)
        return Latency(
            delay=self._distribution((*path, seen[0]), seen[0], written[seen[0]]),
            jitter=spread,
            jitter_share=share,
            rate=self.places.share((*path, "rate"), written.get("rate", 1)),
        )

    def _distribution(self, path: Path, key: str, node: Any) -> Distribution:
        def time(name: str) -> Duration:
            return self.places.duration((*path, name), node[name])

        match key:
            case "fixed":
                return Fixed(value=self.places.duration(path, node))
            case "uniform":
                low, high = time("min"), time("max")
                if low > high:
                    self.places.note(path, "SQ106", "'min' is longer than 'max'", "swap them")
                return Uniform(min=low, max=high)
            case "normal":
                return Normal(mean=time("mean"), stddev=time("stddev"))
            case "lognormal":
                return LogNormal(median=time("median"), sigma=float(node["sigma"]))
            case "pareto":
                return Pareto(scale=time("scale"), shape=float(node["shape"]))
        return Exponential(mean=time("mean"))

    def _match(self, path: Path, node: Node) -> Match:
        pattern = node.get("path", "")
        if pattern.startswith("~"):
            try:
                re.compile(pattern[1:])
            except re.error as error:
                self.places.note((*path, "match", "path"), "SQ105",
                           f"'{pattern[1:]}' is not a regular expression: {error}")  # fmt: skip
        method = node.get("method", ())
        methods = [method] if isinstance(method, str) else method
        return Match(
            method=tuple(sorted({name.upper() for name in methods})),
            path=pattern,
            host=node.get("host", "").lower(),
            headers=tuple(sorted((k.lower(), v) for k, v in node.get("headers", {}).items())),
        )
