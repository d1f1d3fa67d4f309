"""SQ23x and SQ24x: what is put into a playbook from outside: inputs, expressions, secrets."""

from typing import Final

from squall.core.diagnostics import Severity
from squall.core.playbook.rules.code import Code

_PROBE: Final = '- {name: look, http: {get: "http://127.0.0.1:8080/"}%s}'
_ASKS: Final = '- {name: then, when: "steps.look.status == 200", wait: 1s}'
_TAKING: Final = """name: example
inputs: {base: {type: duration, default: %s}}
steps:
  - {name: slow, duration: 1m, scenario: {latency: "%s"}}
"""

VALUES: Final = {
    "SQ230": Code(
        "nothing to put in here",
        "Conditions are expressions already, and a name has to be known before anything else.",
        advice="Write the expression, or the name, without ${{ }}.",
        bad=_PROBE % ', expect: "${{ status == 200 }}"',
        good=_PROBE % ", expect: status == 200",
        fixable=True,
    ),
    "SQ231": Code(
        "not known before the run",
        "When a step begins, how often it is tried and what it waits for is laid out before the "
        "run; only what it then does can depend on what other steps saw.",
        advice="Use an input, or put the value into the step's action.",
        bad=_PROBE % "" + '\n- {name: rest, wait: 1s, delay: "${{ steps.look.latency }}"}',
        good=_PROBE % "" + '\n- {name: rest, wait: "${{ steps.look.latency }}"}',
    ),
    "SQ232": Code(
        "mistaken expression",
        "It could never be worked out: a name nothing has, kinds that do not go together, or a "
        "text that is no expression.",
        advice="Look at the place that is marked; names are listed in the README of schemas.",
        bad=_PROBE % ", expect: statsu == 200",
        good=_PROBE % ", expect: status == 200",
    ),
    "SQ233": Code(
        "unknown input",
        "A value is given that the playbook does not ask for.",
        advice="Declare it under 'inputs', or leave it out.",
        across_files=True,
    ),
    "SQ234": Code(
        "value does not fit its input",
        "An input takes values of its type only.",
        advice="Write a value of the type, or declare another type.",
        bad=_TAKING % ("soon", "${{ inputs.base }}"),
        good=_TAKING % ("100ms", "${{ inputs.base }}"),
    ),
    "SQ235": Code(
        "step may not have run",
        "A step that was passed over has seen nothing, and asking for it fails the one that asks.",
        advice="Ask first: steps.NAME.ran && ...",
        bad=_ASKS + "\n" + _PROBE % "",
        good=_PROBE % "" + "\n" + _ASKS,
    ),
    "SQ236": Code(
        "unused input",
        "Whoever gives it a value thinks that it does something.",
        severity=Severity.WARNING,
        advice="Use it, or remove it.",
        bad=_TAKING % ("100ms", "100ms"),
        good=_TAKING % ("100ms", "${{ inputs.base }}"),
    ),
    "SQ237": Code(
        "names that meet",
        "In an expression a space and a hyphen are both written _, so two steps have one name.",
        advice="Name one of them differently.",
        bad="- {name: slow reads, wait: 1s}\n- {name: slow-reads, wait: 1s}",
        good="- {name: slow reads, wait: 1s}\n- {name: slow writes, wait: 1s}",
    ),
    "SQ240": Code(
        "secret out of place",
        "Secrets go where they are sent and not shown: a probe's headers, body, send or env.",
        advice="Move it there, or write the value if it is none.",
        bad='- {name: look, http: {get: "http://127.0.0.1/?key=${{ secrets.KEY }}"}}',
        good=_PROBE.replace("}%s", ', headers: {x-key: "${{ secrets.KEY }}"}}'),
    ),
    "SQ241": Code(
        "not a secret's name",
        "Nothing could ever be found under it.",
        advice="A secret's name has letters, digits and _.",
        bad=_PROBE.replace("}%s", ', headers: {x-key: "${{ secrets.a-b }}"}}') ,
        good=_PROBE.replace("}%s", ', headers: {x-key: "${{ secrets.A_B }}"}}'),
    ),
}  # fmt: skip
