"""SQ3xx: what could be run, and is probably not meant or not safe.

A comment with a reason keeps these back, errors too, unless they are binding.
"""

from typing import Final

from squall.core.diagnostics import Severity
from squall.core.playbook.rules.code import Code

_LOOP: Final = "- {name: waves, loop: {forever: true}%s, steps: [{name: rest, wait: %s}]}"
_PROBE: Final = '- {name: look, http: {get: "http://127.0.0.1:8080/"}, %s}'
_ASKING: Final = '- {name: look, http: {get: "http://127.0.0.1/", headers: {authorization: "%s"}}}'
_SERVED: Final = """name: example
targets:
  shop: {http: {listen: "127.0.0.1:7070", upstream: "http://127.0.0.1:8080"}}
steps:
  - {name: slow, duration: 1m, scenario: {latency: 1s}%s}
"""
_STEADY: Final = """steady_state:
  checks: [{name: up, http: {get: "http://127.0.0.1:7070/health"}}]
"""
_BESIDE: Final = """name: example
parallel:
  - {name: slow, duration: 1m, scenario: {latency: 1s}}
  - {name: slower, duration: 1m, %sscenario: {latency: 2s}}
"""

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
    "SQ305": Code(
        "faults that overlap",
        "Faults compose: two latencies add up, and of two shares of errors each strikes on its "
        "own. Whoever reads one of the steps sees half of what clients feel.",
        severity=Severity.NOTE,
        advice="Let one step need the other, let them match different requests, or put both "
        "into one scenario.",
        bad=_BESIDE % "",
        good=_BESIDE % "needs: [slow], ",
    ),
    "SQ306": Code(
        "fault that does nothing",
        "A run with it looks like a test that was passed.",
        severity=Severity.WARNING,
        advice="Give it a rate or a time that is more than nothing, or leave it out.",
        bad="- {name: broken, duration: 1m, scenario: {errors: 0%}}",
        good="- {name: broken, duration: 1m, scenario: {errors: 10%}}",
    ),
    "SQ307": Code(
        "modifier that changes nothing",
        "It was written for something that is not there.",
        severity=Severity.WARNING,
        advice="Add what it belongs to, as the finding says, or leave it out.",
        bad=_PROBE % "on_timeout: continue",
        good=_PROBE % "timeout: 2s, on_timeout: continue",
    ),
    "SQ331": Code(
        "always true or false",
        "A condition that nothing can change decides nothing. Where only a part of it cannot "
        "change, that part is marked.",
        severity=Severity.WARNING,
        advice="Ask about something that can change, or leave it out.",
        bad='- {name: look, http: {get: "http://127.0.0.1:8080/"}, expect: 1 < 2}',
        good='- {name: look, http: {get: "http://127.0.0.1:8080/"}, expect: status < 300}',
    ),
    "SQ332": Code(
        "measured without traffic",
        "What clients felt is known only of those that came; without any the expression has no "
        "value, and the step fails.",
        severity=Severity.NOTE,
        advice="Put a 'load' beside the step, or say 'expect_traffic: true' where others send "
        "enough: then it is traffic that is found missing.",
        bad=_SERVED % ', expect: "measured.error_rate < 0.5"',
        good=_SERVED % ', expect_traffic: true, expect: "measured.error_rate < 0.5"',
    ),
    "SQ333": Code(
        "no steady state",
        "A run that looks at nothing passes whatever the faults do to the service. Said of a "
        "playbook with faults that has no steady state, guard, probe or expectation either.",
        severity=Severity.NOTE,
        advice="Say under 'steady_state' what must hold before, during and after; for a whole "
        "folder under 'defaults' in squall.yaml.",
        bad=_SERVED % "",
        good=(_SERVED % "") + _STEADY,
    ),
    "SQ340": Code(
        "secret in clear",
        "Whoever can read the repository, or ever could, has it. A reference is as easy to write.",
        severity=Severity.WARNING,
        advice="Write ${{ secrets.NAME }}, and give the value in SQUALL_SECRET_NAME.",
        bad=_ASKING % "Bearer k3Jd9sLq02MfXz71pWvT",
        good=_ASKING % "${{ secrets.TOKEN }}",
    ),
    "SQ341": Code(
        "escape that is text",
        "YAML knows line ends written as escapes in double quotes only.",
        severity=Severity.WARNING,
        advice="Put the text in double quotes.",
        bad="- {name: look, tcp: {connect: 127.0.0.1:6379, send: 'PING\\r\\n'}}",
        good='- {name: look, tcp: {connect: 127.0.0.1:6379, send: "PING\\r\\n"}}',
    ),
    "SQ342": Code(
        "shell that is not there",
        "A program is started as it is written, without a shell that would read variables, join "
        "commands or redirect what they say.",
        severity=Severity.WARNING,
        advice="Give values under 'env', or start a shell: [sh, -c, 'A && B'].",
        bad="- {name: clean, exec: {run: [rm, old, '&&', touch, new]}}",
        good="- {name: clean, exec: {run: [sh, -c, 'rm old && touch new']}}",
    ),
}
