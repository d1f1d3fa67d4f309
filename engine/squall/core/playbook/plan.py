"""The plan: a playbook laid out for the machine to walk, with every question about order answered.

Made by `compile` from the step graph, once per run, and then only read. A plan is derived from its
playbook alone, so it is never stored: a run keeps the playbook and compiles it again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from squall.core.playbook.model import Outcome, Playbook, Step
from squall.core.playbook.names import Named


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A child starts after sibling `index`: on success, or on one of `outcomes` when given."""

    index: int
    outcomes: frozenset[Outcome] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """A step and, for a group, how its children wait for one another.

    `path` has no iterations or attempts: ``main/waves/hit``. `edges`, `dependents` and `handled`
    have one entry per child. In a sequence every child has an edge to the one before it.
    `handled` holds the outcomes of a child that some sibling names in its `needs`. `speaks` says of
    each expression of the step which names are in it, `wanted` what others want to know of it.
    """

    path: str
    step: Step
    children: "tuple[PlanStep, ...]" = ()
    parallel: bool = False
    edges: tuple[tuple[Edge, ...], ...] = ()
    dependents: tuple[tuple[int, ...], ...] = ()
    handled: tuple[frozenset[Outcome], ...] = ()
    speaks: Mapping[str, tuple[Named, ...]] = field(default_factory=dict)
    wanted: frozenset[str] = frozenset()
    places: Mapping[str, int] = field(init=False, compare=False, repr=False)
    """Where each child stands, by its name."""

    def __post_init__(self) -> None:
        """Look the children's places up once, not at every event."""
        places = {child.step.name: index for index, child in enumerate(self.children)}
        object.__setattr__(self, "places", places)

    def filled(self, step: Step | None) -> "PlanStep":
        """The same place in the plan, with a step whose values have been put in."""
        return self if step is None else replace(self, step=step)

    def walk(self) -> "Iterator[PlanStep]":
        """This step and all below it, in the order they are written."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a run needs to know of its playbook.

    `steady` holds the checks of the steady state. `schema` is the text of the playbook's schema,
    for steps that are filled on the way.
    """

    playbook: Playbook
    digest: str
    main: PlanStep
    finally_: PlanStep | None = None
    steady: PlanStep | None = None
    schema: str = ""
