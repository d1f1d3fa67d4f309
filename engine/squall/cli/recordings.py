"""``squall recordings``: what is in a recording, and turning it into JSON or YAML for others."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

import click
import msgspec

from squall.core.faults.endpoint import MOST, OTHER
from squall.core.recording.interchange import (
    Recording,
    document,
    faults_of,
    from_json,
    json_chunks,
)
from squall.core.recording.model import (
    Event,
    FaultInjection,
    Head,
    LatencyInjection,
    Tail,
    timestamp,
)
from squall.store.recording import RecordingFile, Unreadable

_MOST_SHOWN: Final = 20


@click.group()
def recordings() -> None:
    """Recordings of runs: what they hold, and as JSON or YAML.

    \b
    Example:
      squall run playbooks/progressive_chaos.yaml --record run.sqr
      squall recordings show run.sqr
    """


@recordings.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_data", is_flag=True, help="As one JSON document.")
def show(file: Path, as_data: bool) -> None:  # noqa: FBT001
    """Say what a recording is of and count what happened in it.

    Reads squall's recordings and the JSON that `export` writes.

    \b
    Example:
      squall recordings show run.sqr
    """
    with _readable(file):
        summary = _Summary(_opened(file))
    if as_data:
        click.echo(msgspec.json.format(msgspec.json.encode(summary.data())))
    else:
        click.echo("\n".join(summary.lines()))


@recordings.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True,
              help="Where to: NAME.json, NAME.yaml or NAME.yml.")  # fmt: skip
def export(file: Path, output: Path) -> None:
    """Write a recording as MockForge's JSON or YAML.

    \b
    Example:
      squall recordings export run.sqr -o run.json
    """
    if output.suffix not in {".json", ".yaml", ".yml"}:
        raise click.UsageError(f"{output}: the name must end in .json, .yaml or .yml")
    if output.exists() and output.samefile(file):
        raise click.UsageError(f"{output} is the recording itself")
    with _readable(file):
        found = _opened(file)
        # Events are gone through twice: the document begins with what they have in common.
        faults = faults_of(found.events())
    head, tail = found.head, found.tail
    with _written(output) as out:
        if output.suffix == ".json":
            out.writelines(json_chunks(head, faults, found.events(), tail))
        else:
            from squall.core.playbook.writing import to_yaml

            whole = Recording(head=head, events=tuple(found.events()), tail=tail)
            out.write(to_yaml(document(whole)).encode())
    if found.damaged:
        click.echo(f"{file} is damaged; what could be read was exported", err=True)


@contextmanager
def _written(output: Path) -> Iterator[BinaryIO]:
    """Make the file whole or not at all: what was there before is kept until then."""
    partial = output.with_name(f".{output.name}.part")
    try:
        with partial.open("wb") as out:
            yield out
        partial.replace(output)
    except OSError as error:
        raise click.UsageError(f"{output} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            partial.unlink()


class _Document:
    """A recording that was exported, seen as a `RecordingFile`."""

    def __init__(self, recording: Recording) -> None:
        self.head: Head = recording.head
        self.tail: Tail | None = recording.tail
        self.damaged = 0
        self._events = recording.events

    def events(self) -> Iterator[Event]:
        return iter(self._events)


def _opened(file: Path) -> RecordingFile | _Document:
    with file.open("rb") as start:
        exported = start.read(1) in {b"{", b" ", b"\n"}
    return _Document(from_json(file.read_bytes())) if exported else RecordingFile(file)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Turn everything that can be wrong with a file into a sentence."""
    try:
        yield
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}") from None
    except Unreadable as error:
        raise click.UsageError(str(error)) from None
    except ValueError as error:
        raise click.UsageError(f"{file} is not a recording: {error}") from None


class _Summary:
    """What there is to say of a recording, counted in one pass."""

    def __init__(self, found: RecordingFile | _Document) -> None:
        self.types: Counter[str] = Counter()
        self.endpoints: Counter[str] = Counter()
        self.steps: Counter[str] = Counter()
        self.others = 0
        for event in found.events():
            self.types[_type(event)] += 1
            if isinstance(event.event_type, LatencyInjection | FaultInjection):
                method = event.metadata.get("method", "")
                endpoint = event.event_type.endpoint or event.metadata.get("path", "")
                self.endpoints[f"{method} {endpoint}".strip()] += 1
                self.others += endpoint == OTHER
                self.steps[event.metadata.get("step", "")] += 1
        self.head, self.tail, self.damaged = found.head, found.tail, found.damaged

    def data(self) -> dict[str, object]:
        """For programs."""
        return {
            "run": self.head.run,
            "playbook": self.head.playbook,
            "digest": self.head.digest,
            "seed": self.head.seed,
            "started": timestamp(self.head.started),
            "ended": None if self.tail is None else timestamp(self.tail.ended),
            "events": self.types.total(),
            "dropped": None if self.tail is None else self.tail.dropped,
            "damaged": self.damaged,
            "types": dict(self.types),
            "endpoints": dict(self.endpoints),
            "steps": dict(self.steps),
        }

    def lines(self) -> Iterator[str]:
        """For people."""
        run = f"run {self.head.run} of " if self.head.run else ""
        yield f"{run}{self.head.playbook}, seed {self.head.seed}"
        yield f"started {timestamp(self.head.started)}"
        if self.tail is None:
            yield "not ended: the recording was cut off"
        else:
            yield f"ended   {timestamp(self.tail.ended)}"
            if self.tail.dropped:
                yield f"{self.tail.dropped} events were dropped while recording"
        if self.damaged:
            yield f"damaged in {_places(self.damaged)}; the rest is counted"
        yield f"{self.types.total()} events"
        for title, counted in (
            ("by type", self.types), ("by endpoint", self.endpoints), ("by step", self.steps)
        ):  # fmt: skip
            yield from _table(title, counted)
        if self.others:
            yield ""
            yield f"'{OTHER}': requests that came when a target had had {MOST:,} endpoints already"


def _type(event: Event) -> str:
    kind = event.event_type
    if isinstance(kind, FaultInjection):
        return kind.fault_type
    return type(kind).__name__


def _table(title: str, counted: Counter[str]) -> Iterable[str]:
    if not counted:
        return
    yield ""
    yield f"{title}:"
    for name, count in counted.most_common(_MOST_SHOWN):
        yield f"  {count:>8}  {_printable(name) or '(unknown)'}"
    if len(counted) > _MOST_SHOWN:
        yield f"  and {len(counted) - _MOST_SHOWN} more (--json has all)"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _places(count: int) -> str:
    return "one place" if count == 1 else f"{count} places"
