"""SQ0xx: the text of a file, before it means anything, and comments that speak to the linter."""

from typing import Final

from squall.core.diagnostics import Severity
from squall.core.playbook.rules.code import Code

TEXT: Final = {
    "SQ001": Code(
        "not YAML",
        "The text cannot be read; nothing behind this place was looked at.",
        advice="Mend this place first; what comes after it is checked then.",
        bad="name: example\nsteps: [{name: hit, wait: 1s",
        good="name: example\nsteps: [{name: hit, wait: 1s}]",
    ),
    "SQ002": Code(
        "file too large",
        "A playbook is something people read. Larger files are refused before they are parsed.",
        advice="Split it into several playbooks, each in a file of its own.",
    ),
    "SQ003": Code(
        "key twice",
        "Most YAML readers silently keep the last of two equal keys, so one of them has no effect.",
        advice="Keep the one that is meant.",
        bad="- {name: rest, wait: 1s, wait: 2s}",
        good="- {name: rest, wait: 2s}",
    ),
    "SQ004": Code(
        "not a plain key",
        "Keys are plain names. Lists, mappings, aliases, numbers and merge keys cannot be keys.",
        advice="Quote a number that is meant as a name; write out what a merge key would bring.",
        bad="- {name: look, http: {get: 'http://127.0.0.1:8080/', headers: {404: seen}}}",
        good="- {name: look, http: {get: 'http://127.0.0.1:8080/', headers: {'404': seen}}}",
        fixable=True,
    ),
    "SQ005": Code(
        "too deep or too many",
        "Deep nesting and aliases of aliases can make a small file unboundedly large.",
        advice="Write the values out, or split the file.",
        bad="name: example\nsteps: " + "[" * 64 + "]" * 64,
        good="- {name: rest, wait: 1s}",
    ),
    "SQ006": Code(
        "no playbook",
        "A file that was named must hold at least one playbook.",
        advice="Give it a name and steps, or name the folder: files of others are passed over.",
        bad="# nothing yet",
        good="- {name: rest, wait: 1s}",
    ),
    "SQ007": Code(
        "not a finite number",
        "Nothing can take for ever, or be no number at all.",
        advice="Write a number; a loop without end is 'forever: true' with a timeout.",
        bad="- {name: rest, wait: .inf}",
        good="- {name: rest, wait: 1h}",
    ),
    "SQ008": Code(
        "unknown tag",
        "Tags ask other readers of YAML to build objects; here a value is what it looks like.",
        advice="Remove the tag; put quotes around what is meant as a text.",
        bad="- {name: !name rest, wait: 1s}",
        good="- {name: rest, wait: 1s}",
    ),
    "SQ011": Code(
        "suppression badly written",
        "A suppression that does not say what and why would hide more than was meant, or nothing.",
        severity=Severity.WARNING,
        advice="Name the codes in brackets and give a reason behind them.",
        bad="# squall: ignore[SQ304]\n- {name: rest, wait: 2s, timeout: 1s}",
        good="# squall: ignore[SQ304] we want to see it time out\n"
        "- {name: rest, wait: 2s, timeout: 1s}",
        binding=True,
    ),
    "SQ012": Code(
        "suppression of nothing",
        "What it hid is gone; the next finding of this kind in its place would be hidden unseen.",
        severity=Severity.WARNING,
        advice="Remove it.",
        bad="# squall: ignore[SQ304] we want to see it time out\n- {name: rest, wait: 2s}",
        good="- {name: rest, wait: 2s}",
        binding=True,
    ),
    "SQ013": Code(
        "cannot be suppressed",
        "With this error nothing could run, or something the project does not allow would.",
        severity=Severity.WARNING,
        advice="Mend what the code is about, and remove the suppression.",
        bad="# squall: ignore[SQ101] it is spelt that way\n"
        "- {name: slow, duration: 1s, scenario: {latencey: 1s}}",
        good="- {name: slow, duration: 1s, scenario: {latency: 1s}}",
        binding=True,
    ),
}
