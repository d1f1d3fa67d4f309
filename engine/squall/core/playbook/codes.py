"""Every code a finding can carry, and what it means.

The registry `squall lint` and its documentation read. A code never changes its meaning and is never
used again. SQ0xx: the text; SQ1xx: its shape; SQ2xx: names, order, references; SQ3xx: safety.
"""

from typing import Final, NamedTuple


class Code(NamedTuple):
    """What a code stands for, in a line, and why it matters, in a paragraph."""

    title: str
    why: str


CODES: Final = {
    "SQ001": Code(
        "not YAML",
        "The text cannot be read; nothing behind this place was looked at.",
    ),
    "SQ002": Code(
        "file too large",
        "A playbook is something people read. Larger files are refused before they are parsed.",
    ),
    "SQ003": Code(
        "key twice",
        "Most YAML readers silently keep the last of two equal keys, so one of them has no effect.",
    ),
    "SQ004": Code(
        "not a plain key",
        "Keys are plain names. Lists, mappings, aliases, numbers and merge keys cannot be keys.",
    ),
    "SQ005": Code(
        "too deep or too many",
        "Deep nesting and aliases of aliases can make a small file unboundedly large.",
    ),
    "SQ006": Code("no playbook", "A file that was named must hold at least one playbook."),
    "SQ007": Code("not a finite number", "Nothing can take for ever, or be no number at all."),
    "SQ008": Code(
        "unknown tag",
        "Tags ask other readers of YAML to build objects; here a value is what it looks like.",
    ),
    "SQ101": Code(
        "unknown key",
        "A misspelt key would be ignored, and its fault would never be injected.",
    ),
    "SQ102": Code("key missing", "Without it the playbook does not say what to do."),
    "SQ103": Code("wrong type", "The value is of another kind than this key takes."),
    "SQ104": Code("not a choice", "Only the listed values have a meaning here."),
    "SQ105": Code("badly written", "The value does not have the form this key takes."),
    "SQ106": Code("out of range", "The value is written well and cannot be meant."),
    "SQ107": Code("empty or too much", "There are too few or too many entries."),
    "SQ108": Code("not exactly one", "One of several keys is needed, and none or two are there."),
    "SQ109": Code("duration missing", "A fault or a load needs to know when it ends."),
    "SQ110": Code(
        "key without meaning",
        "Only faults and loads last for a duration and act on targets, and a body has the length "
        "it has; it would do nothing here.",
    ),
    "SQ201": Code("unknown scenario", "The name is not declared under 'scenarios'."),
    "SQ202": Code("unknown target", "The name is not declared under 'targets'."),
    "SQ203": Code("step name twice", "Siblings are told apart by name in events and in 'needs'."),
    "SQ204": Code("needs outside parallel", "Steps in a sequence have an order already."),
    "SQ205": Code("unknown need", "Only siblings can be waited for."),
    "SQ206": Code("steps wait for each other", "None of them could ever start."),
    "SQ207": Code("address twice", "Two targets cannot listen on one address."),
    "SQ208": Code("forwards to itself", "A request would go round for ever."),
    "SQ209": Code(
        "injection in finally",
        "'finally' runs after all faults are lifted; nothing in it may put one on again.",
    ),
    "SQ210": Code("default target", "Where faults go when nobody says."),
    "SQ211": Code("playbook name twice", "The name is the identity of a playbook."),
    "SQ212": Code(
        "no meaning at this target",
        "A target that carries bytes alone has no requests to answer, count or match.",
    ),
    "SQ240": Code(
        "secret out of place",
        "Secrets go where they are sent and not shown: a probe's headers, body, send or env.",
    ),
    "SQ241": Code("not a secret's name", "Nothing could ever be found under it."),
    "SQ301": Code("loop without end", "Chaos that nobody bounds ends when somebody notices."),
    "SQ302": Code("loop without time", "A body that takes no time would turn as fast as it can."),
    "SQ303": Code("never reached", "The step before it loops for ever."),
    "SQ304": Code("timeout too short", "The step would always end as timed out."),
    "SQ340": Code(
        "secret in clear",
        "Whoever can read the repository, or ever could, has it. A reference is as easy to write.",
    ),
    "SQ341": Code(
        "escape that is text",
        "YAML knows line ends written as escapes in double quotes only.",
    ),
}  # fmt: skip
