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
    "SQ331": Code(
        "always true or false",
        "A condition that nothing can change decides nothing.",
        severity=Severity.WARNING,
        advice="Ask about something that can change, or leave it out.",
        bad='- {name: look, http: {get: "http://127.0.0.1:8080/"}, expect: 1 < 2}',
        good='- {name: look, http: {get: "http://127.0.0.1:8080/"}, expect: status < 300}',
    ),
    "SQ340": Code(
        "secret in clear",
        "Whoever can read the repository, or ever could, has it. A reference is as easy to write.",
        severity=Severity.WARNING,
        advice="Write ${{ secrets.NAME }}, and give the value in SQUALL_SECRET_NAME.",
        bad='- {name: look, http: {get: "http://127.0.0.1/", headers: {authorization: "Bearer k3Jd9sLq02MfXz71pWvT"}}}',
        good='- {name: look, http: {get: "http://127.0.0.1/", headers: {authorization: "${{ secrets.TOKEN }}"}}}',
    ),
    "SQ341": Code(
        "escape that is text",
        "YAML knows line ends written as escapes in double quotes only.",
        severity=Severity.WARNING,
        advice="Put the text in double quotes.",
        bad="- {name: look, tcp: {connect: 127.0.0.1:6379, send: 'PING\\r\\n'}}",
        good='- {name: look, tcp: {connect: 127.0.0.1:6379, send: "PING\\r\\n"}}',
    ),
}
