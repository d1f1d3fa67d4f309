"""SQ2xx: what names lead to: scenarios, targets, needs, and the order they make."""

from typing import Final

from squall.core.diagnostics import Severity
from squall.core.playbook.rules.code import Code

_TWO: Final = """name: example
targets:
  shop: {http: {listen: "127.0.0.1:7070", upstream: "http://127.0.0.1:8080"}}
  cart: {http: {listen: "127.0.0.1:%d", upstream: "http://127.0.0.1:8081"}}
steps:
  - {name: slow, duration: 1m, scenario: {latency: 1s}}
"""
_ONE: Final = """name: example
targets:
  shop: {http: {listen: "127.0.0.1:7070", upstream: "http://127.0.0.1:%d"}}
steps:
  - {name: slow, duration: 1m, %sscenario: {latency: 1s}}
"""
_BYTES: Final = """name: example
targets:
  store: {tcp: {listen: "127.0.0.1:5433", upstream: "127.0.0.1:5432"}}
steps:
  - {name: broken, duration: 1m, scenario: {%s: 10%%}}
"""
_BUNDLE: Final = """name: example
targets:
  shop: {http: {listen: "127.0.0.1:7070", upstream: "http://127.0.0.1:8080"}}
scenarios:
  slow: {latency: 1s}
steps:
  - {name: slow, duration: 1m, scenario: %s}
"""
_NIGHTLY: Final = """name: example
schedule: {cron: 0 4 * * *, timezone: %s}
targets:
  shop: {http: {listen: "127.0.0.1:7070", upstream: "http://127.0.0.1:8080"}}
steps:
  - {name: slow, duration: 1m, scenario: {latency: 1s}}
"""
_AFTER: Final = """name: example
depends_on: [%s]
targets:
  shop: {http: {listen: "127.0.0.1:7070", upstream: "http://127.0.0.1:8080"}}
steps:
  - {name: slow, duration: 1m, scenario: {latency: 1s}}
"""

NAMES: Final = {
    "SQ201": Code(
        "unknown scenario",
        "The name is not declared under 'scenarios'.",
        advice="Declare it, or take one that 'squall scenarios' lists.",
        bad="- {name: slow, duration: 1m, scenario: slow_g3}",
        good="- {name: slow, duration: 1m, scenario: slow_3g}",
    ),
    "SQ202": Code(
        "unknown target",
        "The name is not declared under 'targets'.",
        advice="Declare it, or name one that is.",
        bad=_ONE % (8080, "targets: [store], "),
        good=_ONE % (8080, "targets: [shop], "),
    ),
    "SQ203": Code(
        "step name twice",
        "Siblings are told apart by name in events and in 'needs'.",
        advice="Give each step of a group a name of its own.",
        bad="- {name: rest, wait: 1s}\n- {name: rest, wait: 2s}",
        good="- {name: rest, wait: 1s}\n- {name: rest longer, wait: 2s}",
    ),
    "SQ204": Code(
        "needs outside parallel",
        "Steps in a sequence have an order already.",
        advice="Remove 'needs', or put the steps under 'parallel'.",
        bad="- {name: first, wait: 1s}\n- {name: then, wait: 1s, needs: [first]}",
        good="- {name: first, wait: 1s}\n- {name: then, wait: 1s}",
    ),
    "SQ205": Code(
        "unknown need",
        "Only siblings can be waited for.",
        advice="Name a step of the same 'parallel'; a group is waited for as a whole.",
        bad="name: example\nparallel:\n- {name: first, wait: 1s}\n"
        "- {name: then, wait: 1s, needs: [frist]}",
        good="name: example\nparallel:\n- {name: first, wait: 1s}\n"
        "- {name: then, wait: 1s, needs: [first]}",
    ),
    "SQ206": Code(
        "steps wait for each other",
        "None of them could ever start.",
        advice="Remove one of the needs; the finding shows the whole round.",
        bad="name: example\nparallel:\n- {name: egg, wait: 1s, needs: [hen]}\n"
        "- {name: hen, wait: 1s, needs: [egg]}",
        good="name: example\nparallel:\n- {name: egg, wait: 1s}\n"
        "- {name: hen, wait: 1s, needs: [egg]}",
    ),
    "SQ207": Code(
        "address twice",
        "Two targets cannot listen on one address.",
        advice="Give each target its own port.",
        bad=_TWO % 7070,
        good=_TWO % 7071,
    ),
    "SQ208": Code(
        "forwards to itself",
        "A request would go round for ever.",
        advice="Name the service that stands behind the target as its 'upstream'.",
        bad=_ONE % (7070, ""),
        good=_ONE % (8080, ""),
    ),
    "SQ209": Code(
        "injection in finally",
        "'finally' runs after all faults are lifted; nothing in it may put one on again.",
        advice="Move the step up, before 'finally'.",
        bad="name: example\nsteps: [{name: rest, wait: 1s}]\n"
        "finally: [{name: slow, duration: 1m, scenario: {latency: 1s}}]",
        good="name: example\nsteps: [{name: slow, duration: 1m, scenario: {latency: 1s}}]\n"
        "finally: [{name: rest, wait: 1s}]",
    ),
    "SQ210": Code(
        "default target",
        "Where faults go when nobody says: to 127.0.0.1:7070, before a small echo service.",
        severity=Severity.NOTE,
        advice="Declare a target, or name one with --target, to put faults before your service.",
        bad="- {name: slow, duration: 1m, scenario: {latency: 1s}}",
        good=_ONE % (8080, ""),
    ),
    "SQ211": Code(
        "playbook name twice",
        "The name is the identity of a playbook.",
        advice="Give each playbook of the source a name of its own.",
        across_files=True,
    ),
    "SQ212": Code(
        "no meaning at this target",
        "A target that carries bytes alone has no requests to answer, count or match.",
        advice="Use a fault that acts on connections, or an http target.",
        bad=_BYTES % "errors",
        good=_BYTES % "resets",
    ),
    "SQ213": Code(
        "one address, two services",
        "A target is known by its address, so the two playbooks mean one target and differ in "
        "what stands behind it; whichever runs, the clients of the other reach the wrong service.",
        severity=Severity.WARNING,
        advice="Give each service an address of its own, or declare the target in squall.yaml.",
        across_files=True,
    ),
    "SQ214": Code(
        "unused scenario",
        "Its faults are never put on; a step may have been meant to name it.",
        severity=Severity.WARNING,
        advice="Name it in a step, or remove it.",
        bad=_BUNDLE % "{latency: 2s}",
        good=_BUNDLE % "slow",
    ),
    "SQ215": Code(
        "unused target",
        "Every step with faults or load names other targets, and nothing else goes there.",
        severity=Severity.WARNING,
        advice="Name it under a step's 'targets', or remove it.",
        bad=(_TWO % 7071).replace("scenario:", "targets: shop, scenario:"),
        good=_TWO % 7071,
    ),
    "SQ251": Code(
        "unknown time zone",
        "Zones have the names of the IANA data base; an abbreviation means different zones to "
        "different people.",
        advice="Write UTC, or a name as Europe/Berlin.",
        bad=_NIGHTLY % "europe/berlin",
        good=_NIGHTLY % "Europe/Berlin",
    ),
    "SQ252": Code(
        "playbooks wait for each other",
        "Each would wait for the others to pass first, and none of them would ever run.",
        advice="Take one of them out of 'depends_on'.",
        bad=_AFTER % "example",
        good=_AFTER % "warm up",
    ),
    "SQ253": Code(
        "playbook to wait for unknown",
        "A playbook that waits for one that does not exist never runs. Said only where one of a "
        "like name was read: others may stand elsewhere.",
        severity=Severity.WARNING,
        advice="Spell the name as the other playbook does.",
        across_files=True,
    ),
    "SQ254": Code(
        "old name still there",
        "A history cannot go on under the new name while the old one makes it longer.",
        severity=Severity.WARNING,
        advice="Remove the old playbook, or leave 'renamed_from' out.",
        across_files=True,
    ),
}
