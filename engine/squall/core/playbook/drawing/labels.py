"""What the drawings call things: the words for a step, its modifiers and its links.

Used by every form of drawing, so that all say the same. Text from a playbook goes through `plain`:
a control character in a name must not reach a terminal or break an XML document.
"""

from typing import Final, assert_never

from squall.core.faults.wording import describe_scenario, span
from squall.core.playbook.graph import Link, Node
from squall.core.playbook.model import (
    Approve,
    Called,
    ExecProbe,
    Group,
    HttpProbe,
    Injection,
    Load,
    Outcome,
    Replay,
    Step,
    TcpProbe,
    Wait,
)
from squall.core.playbook.wording import describe_blank, describe_load, describe_probe

_ORDER: Final[tuple[Outcome, ...]] = (
    "succeeded",
    "failed",
    "timed_out",
    "cancelled",
    "skipped",
    "omitted",
)
_GOES_WRONG: Final = frozenset[Outcome]({"failed", "timed_out"})


def plain(text: str) -> str:
    """The text on one line, with everything unprintable replaced by U+FFFD."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for letter in " ".join(text.split())
    )


def kind(step: Step) -> str:
    """The key of the step's action in the language: ``scenario``, ``load``, ``steps``, …"""
    match step.action:
        case Injection():
            return "scenario"
        case Load():
            return "load"
        case HttpProbe():
            return "http"
        case TcpProbe():
            return "tcp"
        case ExecProbe():
            return "exec"
        case Wait():
            return "wait"
        case Replay():
            return "replay"
        case Approve():
            return "approve"
        case Group(called=Called()):
            return "playbook"
        case Group(parallel=parallel):
            return "parallel" if parallel else "steps"
        case _:
            assert_never(step.action)


def does(step: Step) -> tuple[str, ...]:
    """What the step does, a phrase for each part: ``latency 100 ms``, ``50 requests/s, GET /``."""
    if step.blank is not None:
        return (plain(describe_blank(step.blank)),)
    match step.action:
        case Injection(scenarios=scenarios):
            return tuple(plain(describe_scenario(scenario)) for scenario in scenarios)
        case Load(mix=mix) as load:
            paths = ", ".join(dict.fromkeys(f"{each.method} {each.path}" for each in mix))
            return (plain(f"{describe_load(load)}, {paths}"),)
        case HttpProbe() | TcpProbe() | ExecProbe() as probe:
            return (plain(describe_probe(probe)),)
        case Wait(duration=duration):
            return (f"wait {span(duration)}",)
        case Replay(recording=recording, mode=mode):
            return (plain(f"replays {recording}, {mode}"),)
        case Approve(message=message):
            return (plain(message or "waits for a person"),)
        case Group(called=Called(playbook=playbook)):
            return (plain(f"playbook {playbook}"),)
        case Group(steps=steps, parallel=parallel):
            if len(steps) == 1:
                return ()
            return ("side by side" if parallel else "one after the other",)
        case _:
            assert_never(step.action)


def lasts(step: Step) -> str:
    """How long the step takes by itself; empty where only running it tells."""
    if isinstance(step.action, Wait):
        return span(step.action.duration)
    return span(step.duration) if step.duration is not None else ""


def repeats(step: Step) -> str:
    """How often a looping step goes round: ``3 times``, ``for ever``; empty for no loop."""
    loop = step.loop
    if loop is None:
        return ""
    if loop.each_of:
        return plain(f"for each of {loop.each_of}")
    most = "" if loop.max is None else f", {_times(loop.max)} at most"
    if loop.until:
        return plain(f"until {loop.until}{most}")
    if loop.while_:
        return plain(f"while {loop.while_}{most}")
    return "for ever" if loop.rounds is None else _times(loop.rounds)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


def modifiers(node: Node) -> tuple[str, ...]:
    """Everything else that a reader should know, a phrase each; not `needs`, which are links."""
    step = node.step
    words = [plain(f"on {' and '.join(node.targets)}")] if node.targets else []
    if step.delay:
        words.append(f"starts after {span(step.delay)}")
    if step.timeout is not None:
        goes_on = ", then goes on" if step.on_timeout == "continue" else ""
        words.append(f"at most {span(step.timeout)}{goes_on}")
    if step.retry is not None:
        words.append(f"up to {step.retry.attempts} attempts")
    if step.when:
        words.append(plain(f"only when {step.when}"))
    words += [plain(f"expects {text}") for text in step.expect]
    words += [plain(f"aborts if {text}") for text in step.abort_if]
    if step.expect_traffic:
        words.append("must be hit")
    if step.continue_on_failure is not None:
        words.append(_may_fail(step))
    return tuple(words)


def _may_fail(step: Step) -> str:
    tolerance = step.continue_on_failure
    if tolerance is None:
        return ""
    usual = frozenset(tolerance.outcomes) == _GOES_WRONG
    words = "may fail" if usual else f"may end {outcomes(frozenset(tolerance.outcomes))}"
    if tolerance.max is None:
        return words
    return f"{words}, {'once' if tolerance.max == 1 else f'{tolerance.max} times'} at most"


def outcomes(those: frozenset[Outcome]) -> str:
    """``failed or timed out``, always in the same order."""
    return " or ".join(each.replace("_", " ") for each in _ORDER if each in those)


def condition(link: Link) -> str:
    """What is written on a link: the outcomes it asks for, or that a failure is no obstacle."""
    if link.outcomes:
        return f"if {outcomes(link.outcomes)}"
    return f"even if {outcomes(link.tolerated)}" if link.tolerated else ""


def waits_for(links: tuple[Link, ...], siblings: tuple[Node, ...]) -> tuple[str, ...]:
    """A step's `needs` in words: ``after a and b``, ``if c failed``."""
    after = [siblings[link.before].step.name for link in links if not link.outcomes]
    words = [plain(f"after {' and '.join(after)}")] if after else []
    words += [
        plain(f"if {siblings[link.before].step.name} {outcomes(link.outcomes)}")
        for link in links
        if link.outcomes
    ]
    return tuple(words)
