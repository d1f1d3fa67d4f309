"""What takes too long for the suite: ``python tests/campaign --help``. Figures go to stdout.

The commands about the edge start one in a process of its own and say what they saw: the seed, how
much was done, and the edge's memory over time. Exit code 1 means that a promise was broken.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from random import Random

import click
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from campaign.identity import Tally, compare, lasting, serve, until
from campaign.large import BYTES, idle_memory, transfer
from campaign.linting import memory, trouble
from proxy.edge_process import EdgeProcess, edge_process

MEGABYTE = 1_000_000
KILOBYTE = 1_000
SETTLED = 60
"""Seconds after which the memory of a soaked edge should not grow any more."""
GROWTH = 4 * MEGABYTE


@click.group()
def campaign() -> None:
    """Long checks of the edge and of the linter."""


@campaign.command()
@click.option("--exchanges", default=1_000_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def identity(exchanges: int, seed: int) -> None:
    """Random exchanges, directly and through an edge: every byte is the same."""
    click.echo(f"seed {seed}, {exchanges:,} exchanges each way")
    sys.exit(uvloop.run(_identity(exchanges, seed)))


async def _identity(exchanges: int, seed: int) -> int:
    tally = Tally()
    server, upstream = await serve(seed, tally)
    await _watched("directly", tally, compare(seed, upstream, tally, more=until(tally, exchanges)))
    failed = bool(tally.differences)
    async with edge_process(upstream) as edge:
        tally.clear()
        work = compare(seed, edge.address, tally, more=until(tally, exchanges))
        await _watched("through an edge", tally, work, edge)
    server.close()
    return int(failed or bool(tally.differences))


@campaign.command()
@click.option("--minutes", default=10.0, show_default=True)
@click.option("--seed", default=1, show_default=True)
def soak(minutes: float, seed: int) -> None:
    """Random exchanges over ever new connections, for minutes: the memory settles."""
    click.echo(f"seed {seed}, {minutes:g} minutes")
    sys.exit(uvloop.run(_soak(minutes, seed)))


async def _soak(minutes: float, seed: int) -> int:
    tally = Tally()
    server, upstream = await serve(seed, tally)
    async with edge_process(upstream) as edge:
        work = compare(seed, edge.address, tally, more=lasting(minutes * 60), connections=32)
        seen = await _watched("soak", tally, work, edge)
    server.close()
    settled = [memory for at, memory in seen if at >= min(SETTLED, minutes * 30)]
    growth = max(settled) - settled[0]
    click.echo(f"memory grew by {growth / MEGABYTE:.1f} MB after the first minute")
    return int(bool(tally.differences) or growth > GROWTH)


async def _watched(
    what: str, tally: Tally, work: Awaitable[None], edge: EdgeProcess | None = None
) -> list[tuple[float, int]]:
    """Do it, and say every ten seconds how far it is; the edge's memory in bytes at each time."""
    began, seen, task = time.monotonic(), [], asyncio.ensure_future(work)
    while True:
        done, _ = await asyncio.wait({task}, timeout=10)
        took = time.monotonic() - began
        line = f"{what} {took:6.0f} s  {tally.exchanges:>10,} exchanges"
        line += f"  {tally.exchanges / took:7,.0f}/s  {tally.connections:>9,} connections"
        if edge:
            seen.append((took, edge.memory()))
            line += f"  {seen[-1][1] / MEGABYTE:6.1f} MB  {edge.cpu():6.1f} s CPU"
        click.echo(line)
        if done:
            break
    await task
    for difference in tally.differences:
        click.echo(f"DIFFERENT: {difference}")
    click.echo(f"{what}: {len(tally.differences)} differences, {tally.bytes / MEGABYTE:,.0f} MB")
    return seen


@campaign.command()
@click.option("--connections", default=10_000, show_default=True)
def idle(connections: int) -> None:
    """Connections that have asked once and rest: at most 20 KB of memory each."""
    each = uvloop.run(idle_memory(connections))
    click.echo(f"{connections:,} idle connections: {each / KILOBYTE:.2f} KB each")
    sys.exit(int(each > 20 * KILOBYTE))


@campaign.command()
@click.option("--size", default=BYTES, show_default=True)
def bodies(size: int) -> None:
    """One body up and one down: the memory stays flat."""
    growths = uvloop.run(_bodies(size))
    sys.exit(int(max(growths) > 2 * GROWTH))


async def _bodies(size: int) -> list[int]:
    growths = []
    for direction in ("up", "down"):
        began = time.monotonic()
        growths.append(await transfer(size, direction))
        took = time.monotonic() - began
        click.echo(
            f"{size / MEGABYTE:,.0f} MB {direction} in {took:.1f} s: "
            f"memory grew by {growths[-1] / MEGABYTE:.1f} MB at most"
        )
    return growths


@campaign.command("lint")
@click.option("--minutes", default=10.0, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--keep", type=click.Path(path_type=Path), help="Where troublesome folders are kept.")
def lint_(minutes: float, seed: int, keep: Path | None) -> None:
    """Hostile folders: no traceback, at most a second a file, 500 MB; with --fix and fmt too."""
    click.echo(f"{minutes:g} minutes, seeds from {seed} on")
    began, first, troubles = time.monotonic(), seed, Counter[str]()
    said = began
    while time.monotonic() - began < minutes * 60:
        told, files = trouble(Random(seed))
        kind = told.strip().rpartition("\n")[2]
        if told and kind not in troubles:
            click.echo(f"seed {seed}: {told}")
            for name, data in files.items() if keep else ():
                assert keep is not None
                file = keep / str(seed) / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
        troubles.update([kind] if told else [])
        seed += 1
        if time.monotonic() - said > 30:
            said = time.monotonic()
            took, most = said - began, memory() / MEGABYTE
            click.echo(f"{took:6.0f} s  {seed - first:,} folders  {most:.0f} MB")
    count = troubles.total()
    click.echo(f"{seed - first:,} folders, {count} with trouble, {memory() / MEGABYTE:.0f} MB")
    sys.exit(int(count > 0))


if __name__ == "__main__":
    campaign()
