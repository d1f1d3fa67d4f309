"""SQ4xx: what squall will not do now, though the playbook is right. Nothing was touched then.

No finding carries these; they stand before a sentence on stderr, and the exit code is 2.
"""

from typing import Final

from squall.core.playbook.rules.code import Code

REFUSALS: Final = {
    "SQ401": Code(
        "target held",
        "Another run has this target. Two runs never put faults on one target at once.",
        advice="Wait for it with --wait, or end it; 'squall faults' shows what is live.",
    ),
    "SQ402": Code(
        "too many runs",
        "The project allows only so many runs at once, and they are on.",
        advice="Wait with --wait, or end one of them; 'squall runs list' shows them.",
    ),
    "SQ403": Code(
        "longer than allowed",
        "The project allows no run to take so long.",
        advice="Give it less time, or change 'limits' in squall.yaml.",
    ),
    "SQ410": Code(
        "address in use",
        "Another program listens where the target should.",
        advice="Stop it, or listen elsewhere: --target NAME=LISTEN=UPSTREAM.",
    ),
    "SQ411": Code(
        "address not allowed",
        "The system does not let this user listen there, as below port 1024.",
        advice="Take a port from 1024 on.",
    ),
    "SQ412": Code(
        "forwards to itself",
        "The upstream is the target's own address, so a request would go round for ever.",
        advice="Name the service that stands behind the target as its 'upstream'.",
    ),
    "SQ413": Code(
        "address not here",
        "This machine does not have the address the target should listen at.",
        advice="Listen at an address of this machine, 127.0.0.1 for one.",
    ),
    "SQ414": Code(
        "no edge",
        "The process that carries traffic did not start or did not answer.",
        advice="Look at what it said on stderr; memory or processes may have run out.",
    ),
    "SQ415": Code(
        "faults out of reach",
        "The proxy that held these faults is gone, and they with it.",
        advice="Open a new one with squall.faults.",
    ),
    "SQ420": Code(
        "state folder unusable",
        "What a run does is written down before it is done, and this could not be.",
        advice="Name another folder with --state or SQUALL_STATE.",
    ),
    "SQ421": Code(
        "state of a newer squall",
        "A newer squall wrote this folder in a way that this one does not know.",
        advice="Upgrade squall, or name another folder with --state.",
    ),
    "SQ422": Code(
        "no such run",
        "The state folder holds no run of this number.",
        advice="'squall runs list' shows those there are.",
    ),
    "SQ424": Code(
        "recording cannot be written",
        "A run that is to be recorded does not begin without its recording.",
        advice="Name another file with --record.",
    ),
    "SQ425": Code(
        "setting not known",
        "A variable of the environment has a value that means nothing.",
        advice="Unset it, or give it one of the values the refusal lists.",
    ),
    "SQ426": Code(
        "which playbook",
        "The file holds several, and one of them is to be picked.",
        advice="Name it behind a number sign: FILE#NAME.",
    ),
    "SQ427": Code(
        "no such playbook",
        "The file holds no playbook of this name.",
        advice="Pick one of those the refusal lists.",
    ),
    "SQ428": Code(
        "input without a value",
        "The playbook has an input without a default, and was given none.",
        advice="Give one: --set NAME=VALUE.",
    ),
    "SQ429": Code(
        "step that cannot be run yet",
        "Recordings are replayed, and people asked, by later versions; the playbook is right.",
        advice="Leave the step out.",
    ),
    "SQ430": Code(
        "nothing to import",
        "The file is another tool's, or not the kind of file that holds an experiment.",
        advice="Import a MockForge orchestration, scenario or schedule.",
    ),
    "SQ431": Code(
        "nothing to export",
        "No step of the playbook is one that the other tool knows.",
        advice="Give it a step that injects faults or waits.",
    ),
    "SQ440": Code(
        "secret missing",
        "A run does not begin without the secrets that its probes send.",
        advice="Set SQUALL_SECRET_NAME, or put it into a file of the folder of secrets.",
    ),
}
