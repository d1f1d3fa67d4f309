"""SQ1xx: the shape of a playbook: its keys, and how their values are written."""

from typing import Final

from squall.core.playbook.rules.code import Code

SHAPE: Final = {
    "SQ101": Code(
        "unknown key",
        "A misspelt key would be ignored, and its fault would never be injected.",
        advice="Spell it as the schema does; the finding names the nearest key, or all there are.",
        bad="- {name: slow, duration: 1m, scenario: {latencey: 1s}}",
        good="- {name: slow, duration: 1m, scenario: {latency: 1s}}",
        fixable=True,
    ),
    "SQ102": Code(
        "key missing",
        "Without it the playbook does not say what to do.",
        advice="Add the key; the finding shows an example.",
        bad="- {name: broken, duration: 1m, scenario: {errors: {codes: [503]}}}",
        good="- {name: broken, duration: 1m, scenario: {errors: {rate: 10%, codes: [503]}}}",
    ),
    "SQ103": Code(
        "wrong type",
        "The value is of another kind than this key takes.",
        advice="Write a value of the kind the finding names; quote a number that is meant as text.",
        bad="- {name: 404, wait: 1s}",
        good='- {name: "404", wait: 1s}',
        fixable=True,
    ),
    "SQ104": Code(
        "not a choice",
        "Only the listed values have a meaning here.",
        advice="Take one of the choices; the finding names the nearest, or all there are.",
        bad="- {name: rest, wait: 1s, timeout: 2s, on_timeout: continu}",
        good="- {name: rest, wait: 1s, timeout: 2s, on_timeout: continue}",
        fixable=True,
    ),
    "SQ105": Code(
        "badly written",
        "The value does not have the form this key takes.",
        advice="Write it as in the example: 100ms, 10%, 100KB/s, 127.0.0.1:8080.",
        bad="- {name: rest, wait: 10 seconds}",
        good="- {name: rest, wait: 10s}",
        fixable=True,
    ),
    "SQ106": Code(
        "out of range",
        "The value is written well and cannot be meant. A share of 10 would be 1000 %.",
        advice="Keep within the bounds the finding names; a share is 0 to 1, or 0% to 100%.",
        bad="- {name: broken, duration: 1m, scenario: {errors: 10}}",
        good="- {name: broken, duration: 1m, scenario: {errors: 10%}}",
        fixable=True,
    ),
    "SQ107": Code(
        "empty or too much",
        "There are too few or too many entries.",
        advice="Fill it, or leave the key out.",
        bad="- {name: all, steps: []}",
        good="- {name: all, steps: [{name: rest, wait: 1s}]}",
    ),
    "SQ108": Code(
        "not exactly one",
        "One of several keys is needed, and none or two are there.",
        advice="Keep one of them; two actions are two steps.",
        bad="- {name: both, wait: 1s, http: {get: 'http://127.0.0.1:8080/'}}",
        good="- {name: first, wait: 1s}\n- {name: then, http: {get: 'http://127.0.0.1:8080/'}}",
    ),
    "SQ109": Code(
        "duration missing",
        "A fault or a load needs to know when it ends.",
        advice="Say 'duration'. It counts from when the fault is on.",
        bad="- {name: slow, scenario: {latency: 1s}}",
        good="- {name: slow, duration: 1m, scenario: {latency: 1s}}",
    ),
    "SQ110": Code(
        "key without meaning",
        "Only faults and loads last for a duration and act on targets, and a body has the length "
        "it has; it would do nothing here.",
        advice="Remove it; to bound a group, say 'timeout'.",
        bad="- {name: all, duration: 1m, steps: [{name: rest, wait: 1s}]}",
        good="- {name: all, timeout: 1m, steps: [{name: rest, wait: 1s}]}",
    ),
}
