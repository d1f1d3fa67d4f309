"""SQ22x and SQ32x: playbooks that call others, and what a project file allows."""

from typing import Final

from squall.core.playbook.rules.code import Code

PROJECT: Final = {
    "SQ221": Code(
        "unknown playbook to call",
        "No playbook of this name or at this path stands below the outermost squall.yaml, or, "
        "without one, beside the playbook that calls.",
        advice="Write its name, or its path from ./ or ../ on.",
        across_files=True,
    ),
    "SQ222": Code(
        "playbooks call each other",
        "The run would never come to an end.",
        advice="Remove one of the calls.",
        across_files=True,
    ),
    "SQ223": Code(
        "call does not fit the inputs",
        "What is given to a playbook is not what it says under 'inputs' that it takes.",
        advice="Give each input without a default, a value of its type, and nothing else.",
        across_files=True,
    ),
    "SQ224": Code(
        "playbook to call has errors",
        "Nothing could run in place of the call. The errors are told where that playbook stands.",
        advice="Lint the file the finding names, and mend it.",
        across_files=True,
    ),
    "SQ225": Code(
        "target means two things",
        "A run opens the targets of all the playbooks it is made of, and each name once.",
        advice="Name one of the two differently, or declare it once, in squall.yaml.",
        across_files=True,
    ),
    "SQ320": Code(
        "too many targets at once",
        "The project limits how far chaos reaches, so that what is left can carry the load.",
        advice="Name fewer under 'targets', or let one step need the other.",
        binding=True,
        across_files=True,
    ),
    "SQ321": Code(
        "too many errors",
        "The project limits the share of requests that are made to fail, by all faults together.",
        advice="Lower the rates, or let one step need the other.",
        binding=True,
        across_files=True,
    ),
    "SQ322": Code(
        "run too long",
        "The project limits how long a run may take.",
        advice="Make the steps, or the timeout, shorter.",
        binding=True,
        across_files=True,
    ),
}
