"""What a file asks the linter not to say, and why: ``# squall: ignore[SQ303] reason``.

Called by `load`, which heeds it before it decides whether a playbook can be run, and by
``squall lint`` for what only several files together show. At the end of a line one acts on that
line, on a line of its own on the next that says something; ``ignore-file`` acts on the whole file.
Errors that leave nothing to run, and what a code calls binding, are never kept back.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from squall.core.diagnostics import Diagnostic, Position, Severity, Span, nearest, short
from squall.core.playbook.codes import CODES, may_be_suppressed, meant_code
from squall.core.playbook.comments import Comment, comments

_OURS: Final = "squall:"
_WORDS: Final = ("ignore", "ignore-file")
_FORM: Final = re.compile(r"#\s*squall:\s*([\w-]+)\s*(?:\[([^\]]*)\])?[\s:–—-]*(.*)")
_EXAMPLE: Final = "write '# squall: ignore[SQ304] why it is meant'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """One code that is not to be reported: on a line, or in the whole file."""

    code: str
    span: Span
    reason: str
    line: int | None


class Suppressed(NamedTuple):
    """A finding that is not reported, and by what."""

    finding: Diagnostic
    by: Ignore


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignores:
    """All that a file asks for, and what is wrong with how it asks."""

    entries: tuple[Ignore, ...] = ()
    complaints: tuple[Diagnostic, ...] = ()

    def heeded(
        self, findings: Iterable[Diagnostic]
    ) -> tuple[tuple[Diagnostic, ...], tuple[Suppressed, ...]]:
        """The findings that are to be reported, and those that are not."""
        kept: list[Diagnostic] = []
        suppressed: list[Suppressed] = []
        first: dict[tuple[str, int | None], Ignore] = {}
        for entry in self.entries:
            first.setdefault((entry.code, entry.line), entry)
        for finding in findings:
            about = (first.get((finding.code, line)) for line in (finding.span.start.line, None))
            by = min(filter(None, about), key=lambda entry: entry.span, default=None)
            if by is None:
                kept.append(finding)
            else:
                suppressed.append(Suppressed(finding, by))
        return tuple(kept), tuple(suppressed)

    def idle(self, file: str, suppressed: Iterable[Suppressed]) -> Iterator[Diagnostic]:
        """A warning for each that suppresses nothing in a file of which everything was said."""
        busy = {one.by for one in suppressed}
        for entry in self.entries:
            if entry not in busy and not CODES[entry.code].across_files:
                where = "in this file" if entry.line is None else f"on line {entry.line}"
                message = f"there is no {entry.code} {where} to suppress"
                yield _warning(file, entry.span, "SQ012", message, "remove it")


NONE: Final = Ignores()
"""A file that asks for nothing."""


def ignores_in(text: str, file: str) -> Ignores:
    """What the comments of a text ask for."""
    if _OURS not in text:
        return NONE
    entries: list[Ignore] = []
    complaints: list[Diagnostic] = []
    every = list(comments(text))
    following = _following(text, every)
    for comment in every:
        form = _FORM.match(comment.text)
        if form is None or not nearest(form[1], _WORDS):
            continue
        wrong = _wrong(comment, form)
        if wrong:
            span = _within(comment, form.start(1), form.end())
            complaints.append(_warning(file, span, "SQ011", *wrong))
            continue
        line = comment.place.line
        about = None if form[1] == "ignore-file" else following[line] if comment.alone else line
        for code, span in _codes(comment, form):
            problem = _problem(code)
            if problem:
                complaints.append(_warning(file, span, *problem))
            else:
                entries.append(Ignore(code=code, span=span, reason=form[3].strip(), line=about))
    return Ignores(entries=tuple(entries), complaints=tuple(complaints))


def _wrong(comment: Comment, form: re.Match[str]) -> tuple[str, str] | None:
    """What is wrong with the form of the comment as a whole, and what to do about it."""
    word, codes, reason = form.groups()
    if word not in _WORDS:
        return f"'{short(word)}' means nothing here", f"did you mean '{nearest(word, _WORDS)}'?"
    if not (codes or "").strip(" ,"):
        return f"'{word}' does not say which code", _EXAMPLE
    if not any(mark.isalnum() for mark in reason):
        return f"'{word}' gives no reason, so it suppresses nothing", _EXAMPLE
    if word == "ignore-file" and not comment.alone:
        return (
            "'ignore-file' stands at the end of a line",
            "put it on a line of its own, at the top",
        )
    return None


def _problem(code: str) -> tuple[str, str, str] | None:
    """Why a code cannot be suppressed, as the code, sentence and hint of a finding."""
    if code not in CODES:
        close = meant_code(code, CODES)
        hint = f"did you mean '{close}'?" if close else "'squall explain' lists them"
        return "SQ011", f"there is no code '{short(code)}'", hint
    if not may_be_suppressed(code):
        return "SQ013", f"{code} cannot be suppressed", f"'squall explain {code}' says what to do"
    return None


def _codes(comment: Comment, form: re.Match[str]) -> Iterator[tuple[str, Span]]:
    for each in re.finditer(r"[^\s,]+", form[2]):
        yield each[0], _within(comment, form.start(2) + each.start(), form.start(2) + each.end())


def _following(text: str, every: Iterable[Comment]) -> list[int]:
    """For each line the next that is neither empty nor a comment; the first behind all if none."""
    silent = {comment.place.line for comment in every if comment.alone}
    written = text.splitlines()
    following = [len(written) + 1] * (len(written) + 2)
    for line in range(len(written), 0, -1):
        speaks = line not in silent and written[line - 1].strip()
        following[line] = line if speaks else following[line + 1]
    return following


def _within(comment: Comment, start: int, end: int) -> Span:
    line, column = comment.place.line, comment.place.column
    return Span(Position(line, column + start), Position(line, column + end))


def _warning(file: str, span: Span, code: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(
        file=file, span=span, code=code, message=message, hint=hint, severity=Severity.WARNING
    )
