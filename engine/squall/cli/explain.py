"""``squall explain``: what a code means, why it matters, and what to do about it.

It shows what `core.playbook.codes` says, on a page for people and as JSON for programs.
"""

from textwrap import fill, indent
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from squall.core.playbook.rules.code import Code


@click.command()
@click.argument("code", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def explain(code: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Say what a code means, why it matters, and what to do; without a code, list them.

    \b
    Example:
      squall explain
      squall explain SQ304
    """
    import msgspec

    from squall.core.playbook.codes import EVERY, meant_code

    name = code.upper() if code else ""
    if name and name not in EVERY:
        close = meant_code(name, EVERY)
        hint = f"did you mean '{close}'?" if close else "'squall explain' lists them"
        raise click.UsageError(f"there is no code '{code}'; {hint}")
    if as_json:
        rows = [_data(each, EVERY[each]) for each in ([name] if name else EVERY)]
        document = rows[0] if name else {"codes": rows}
        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    elif name:
        click.echo(_page(name, EVERY[name]))
    else:
        for each, about in EVERY.items():
            click.echo(f"{each}  {about.severity:<7}  {about.title}")


def _data(code: str, about: "Code") -> dict[str, object]:
    from squall.core.playbook.codes import layer, may_be_suppressed

    return {
        "code": code,
        "title": about.title,
        "layer": layer(code),
        "severity": str(about.severity),
        "why": about.why,
        "advice": about.advice,
        "bad": about.bad,
        "good": about.good,
        "fixable": about.fixable,
        "suppressible": may_be_suppressed(code),
    }


def _page(code: str, about: "Code") -> str:
    from squall.core.playbook.codes import CODES, may_be_suppressed

    facts = [str(about.severity)] if code in CODES else ["refused; nothing was touched"]
    facts += ["--fix sets it right where that is certain"] if about.fixable else []
    if code in CODES:
        facts += [f"{'may' if may_be_suppressed(code) else 'cannot'} be suppressed"]
    parts = [
        f"{click.style(code, bold=True)} {about.title}\n{click.style(' · '.join(facts), dim=True)}",
        fill(about.why, 80),
        fill(about.advice, 80),
    ]
    if about.bad:
        parts.append(f"wrong:\n{indent(about.bad.rstrip(), '    ')}")
        parts.append(f"right:\n{indent(about.good.rstrip(), '    ')}")
    return "\n\n".join(parts)
