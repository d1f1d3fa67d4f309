"""The command line's root: which verbs there are, each imported when it is called.

What an engine or a state folder refuses becomes a sentence and exit code 2 here, for all of them.
"""

import importlib
import keyword
import sys
from typing import Final

import click

from squall import __version__
from squall.core.diagnostics import Refused, nearest

VERBS: Final = {
    "init": ("squall.cli.init", "What a repository needs to have playbooks."),
    "lint": ("squall.cli.lint", "Check playbooks: every finding at once."),
    "fmt": ("squall.cli.fmt", "Write playbooks in one style, comments kept."),
    "explain": ("squall.cli.explain", "What a finding's code means, and what to do about it."),
    "graph": ("squall.cli.graph", "Draw a playbook's step graph."),
    "rehearse": ("squall.cli.rehearse", "What a run would do, and when, without doing it."),
    "run": ("squall.cli.run", "Run a playbook: faults on, watched, and off again."),
    "scenarios": ("squall.cli.scenarios", "The scenarios that come with squall."),
    "import": ("squall.cli.foreign", "MockForge's files as playbooks."),
    "export": ("squall.cli.foreign", "A playbook as MockForge's file."),
    "schema": ("squall.cli.schema", "The schemas of what squall reads and prints."),
    "runs": ("squall.cli.runs", "The runs that are kept: list, show."),
    "faults": ("squall.cli.faults", "What is live right now, and who owes its undo."),
    "recordings": ("squall.cli.recordings", "Faults that were injected: show, export."),
}
"""Each verb with its module, which holds a command of the same name, and its line in the help.

A name that Python keeps for itself has an underscore behind it there: `import_`.
"""


class Verbs(click.Group):
    """A group whose commands are imported one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The verbs, in the order of a day's work."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb; None when there is no such."""
        if cmd_name not in VERBS:
            return None
        module, _ = VERBS[cmd_name]
        if ctx.resilient_parsing:
            return click.Command(cmd_name)
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs without importing one."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; say what was refused. Interrupted is 130, as a shell has it."""
        try:
            return super().invoke(ctx)
        except Refused as refusal:
            click.echo(f"{refusal.code} {refusal.message}", err=True)
            if refusal.hint:
                click.echo(f"    {refusal.hint}", err=True)
            sys.exit(2)
        except KeyboardInterrupt:
            sys.exit(130)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or say which was probably meant."""
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            close = nearest(name, VERBS)
            hint = f" Did you mean '{close}'?" if close else f" Verbs: {', '.join(VERBS)}."
            raise click.UsageError(f"There is no verb '{name}'.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="squall %(version)s")
def squall() -> None:
    """GitOps for chaos engineering: playbooks in git, real faults on real traffic.

    Try: squall lint playbooks
    """
