"""SQ3xx: what could be run, and is probably not meant or not safe.

A comment with a reason keeps these back, errors too, unless they are binding.
"""

from typing import Final

from squall.core.diagnostics import Severity
from squall.core.playbook.rules.code import Code

_LOOP: Final = "- {name: waves, loop: {forever: true}%s, steps: [{name: rest, wait: %s}]}"

SAFETY: Final = {
    "SQ301": Code(
        "loop without end",
        "Chaos that nobody bounds ends when somebody notices.",
        advice="Say how long with 'timeout', on the loop or around it, or how often with 'times'.",
        bad=_LOOP % ("", "1s"),
        good=_LOOP % (", timeout: 1h", "1s"),
    ),
    "SQ302": Code(
        "loop without time",
        "A body that takes no time would turn as fast as it can.",
        advice="Let the body wait, ask or inject.",
        bad=_LOOP % (", timeout: 1h", "0s"),
        good=_LOOP % (", timeout: 1h", "1s"),
    ),
    "SQ303": Code(
        "never reached",
        "The step before it loops for ever.",
        severity=Severity.WARNING,
        advice="Give the step before it a timeout with 'on_timeout: continue'.",
        bad=_LOOP % (", timeout: 1m", "1s") + "\n- {name: later, wait: 1s}",
        good=_LOOP % (", timeout: 1m, on_timeout: continue", "1s") + "\n- {name: later, wait: 1s}",
    ),
    "SQ304": Code(
        "timeout too short",
        "The step would always end as timed out.",
        severity=Severity.WARNING,
        advice="Make the timeout longer, or say 'on_timeout: continue' where that is meant.",
        bad="- {name: slow, duration: 1m, timeout: 30s, scenario: {latency: 1s}}",
        good="- {name: slow, duration: 1m, timeout: 2m, scenario: {latency: 1s}}",
    ),
}
