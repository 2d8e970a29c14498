"""The registry: one entry gives an observable its computation, units, label and documentation.

An *observable* is a number per trajectory and recorded generation. An *event* is the first generation at which a
statistic of the model reaches a threshold, watched at every generation; where it never does it is censored at the last
one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from jaxtyping import Array, Bool, Float, Num

from jaxcollapse.errors import Faults, InputError, did_you_mean
from jaxcollapse.observables.possible import Range, not_negative
from jaxcollapse.observables.snapshot import ATTEMPTS, Origin, Snapshot, SweepThresholds
from jaxcollapse.parts.code_table import OwnCode
from jaxcollapse.parts.plugin import Plugin
from jaxcollapse.training.rewards import MOST_VOTES
from jaxcollapse.walks import WALKS
from jaxcollapse.walks.walk import Walk

Statistic = Literal[
    "modal_probability", "collision_probability", "least_present_probability", "least_correct_probability"
]
Measure = Callable[[Snapshot], Num[Array, "..."] | Bool[Array, ""]]
Threshold = Callable[[Origin, SweepThresholds], Float[Array, ""]]
Group = Literal[
    "diversity",
    "original",
    "tempering",
    "events",
    "structure",
    "personas",
    "chain",
    "correct",
    "answers",
    "rewards",
    "texts",
    "plugins",
]
# What verdicts follow from: the log loss; what is left of it at the best temperature, and that temperature; what is
# left of it if the order of tokens is right; whether the mode is kept; the loss of the uniform distribution; and the
# probability of the mode.
FOR_VERDICTS = (
    "smoothed_kl_to_initial",
    "smoothed_recovery_gap",
    "smoothed_recovery_temperature",
    "order_gap",
    "mode_is_original",
    "uniform_kl_to_initial",
    "modal_probability",
)
FOR_VERDICTS_OF_ROWS = (*(f"shared_{name}" for name in FOR_VERDICTS[:-1]), FOR_VERDICTS[-1])
OF_ANSWERS = ("correct", "answers", "rewards")  # groups
OF_VISITS = ("unvisited_drift",)
YES_OR_NO = ("mode_is_original",)  # observables that are 1 where something holds, else 0
Dim = Literal["persona", "k", "source"]
_GROUPS: tuple[str, ...] = get_args(Group)
Models = Literal["all", "of one row", "of several rows", "of texts"] | tuple[str, ...]
ALL: Models = "all"
ONE_ROW: Models = "of one row"
SEVERAL_ROWS: Models = "of several rows"
OF_TEXTS: Models = "of texts"  # whose traces are longer than a token
NEEDS_REWARDS = (
    "is for cells with update = 'policy_gradient', curation or a verifier, and with a reward that has a known mean: "
    "not one that draws random numbers, nor the majority of traces of a chain, or of a group of more than "
    f"{MOST_VOTES} traces"
)
_OF_PLUGINS = "; if a plug-in adds it, give --plugin FILE"


@dataclass(frozen=True)
class Watch:
    """When an event happens.

    Attributes:
        statistic: the property of a snapshot that is watched; None for an event that is a function of its own.
        threshold: the value that it reaches, from p0 and the sweep's thresholds; None like `statistic`.
        falls: whether the statistic reaches the threshold from above.
    """

    statistic: Statistic | None = None
    threshold: Threshold | None = None
    falls: bool = False

    def happens(self, now: Snapshot) -> Bool[Array, ""]:
        """Whether the statistic is at the threshold or beyond."""
        assert self.statistic is not None
        value, threshold = getattr(now, self.statistic), self.reached(now.start, now.thresholds)
        return value <= threshold if self.falls else value >= threshold

    def reached(self, start: Origin, thresholds: SweepThresholds) -> Float[Array, ""]:
        """The threshold of a statistic."""
        assert self.threshold is not None
        return self.threshold(start, thresholds)


@dataclass(frozen=True)
class Observable:
    """An observable or event: its computation and its description.

    Attributes:
        name: name of the variable in the dataset.
        long_name: text of axis labels.
        units: UDUNITS string, or "nat".
        description: its definition.
        group: a name that chooses several observables in a sweep file.
        default: whether "default" chooses it.
        whole: whether it is a whole number, stored as int32.
        measure: its value of a snapshot; of an event, whether it happens.
        watch: when an event happens; None for observables of a generation.
        models: names of the models that have it, or a condition on models.
        dim: the dimension along which it has several values; None if it has one value.
        possible: the least and the largest value that it can have in a cell, except for rounding.
        of_rewards: whether only cells have it whose traces have rewards with a known mean.
        plugin: the plug-in that has added it; None if the package has.
    """

    name: str
    long_name: str
    units: str
    description: str
    group: Group
    default: bool
    whole: bool
    measure: Measure
    watch: Watch | None = None
    models: Models = ALL
    dim: Dim | None = None
    possible: Range = not_negative
    of_rewards: bool = False
    plugin: Plugin | None = None

    def is_of(self, walk: Walk | type[Walk]) -> bool:
        """Whether a model has it."""
        if isinstance(self.models, tuple):
            return walk.part in self.models
        if walk.learns_text and (self.group in OF_ANSWERS or self.name in OF_VISITS):
            return False  # a probe's next token is not the answer of a trace, and no trace visits it
        if self.models in (ONE_ROW, SEVERAL_ROWS):
            return walk.is_structured == (self.models == SEVERAL_ROWS)
        return self.models == ALL or not walk.is_of_tokens

    def values(self, personas: int, attempts: int = len(ATTEMPTS), sources: int = 1) -> int:
        """How many values it has at a record: for so many personas, k of pass@k, and texts that are learned."""
        several = {"persona": personas, "k": attempts, "source": sources}
        return 1 if self.dim is None else several[self.dim]

    @property
    def is_event(self) -> bool:
        """Whether it is the time of an event."""
        return self.watch is not None


OBSERVABLES: OwnCode[Observable] = OwnCode()


def observable(
    long_name: str,
    units: str,
    group: Group,
    *,
    default: bool = True,
    whole: bool = False,
    models: Models = ALL,
    dim: Dim | None = None,
    possible: Range = not_negative,
    of_rewards: bool = False,
) -> Callable[[Measure], Measure]:
    """Registers a function of a snapshot. Its name and docstring are the observable's."""

    def register(measure: Measure) -> Measure:
        name, description = told_by(measure)
        OBSERVABLES[name] = Observable(
            name,
            long_name,
            units,
            description,
            group,
            default,
            whole,
            measure,
            models=models,
            dim=dim,
            possible=possible,
            of_rewards=of_rewards,
        )
        return measure

    return register


def event(
    long_name: str, statistic: Statistic, group: Group = "events", *, falls: bool = False, default: bool = True
) -> Callable[[Threshold], Threshold]:
    """Registers an event by its threshold, a function of p0 and the sweep's thresholds; name and docstring as above."""

    def register(threshold: Threshold) -> Threshold:
        name, description = told_by(threshold)
        watch = Watch(statistic, threshold, falls)
        OBSERVABLES[name] = Observable(
            name, long_name, "generation", description, group, default, True, watch.happens, watch
        )
        return threshold

    return register


def told_by(function: Callable) -> tuple[str, str]:
    """The name of an observable, and its description, which is the docstring."""
    return function.__name__, " ".join((function.__doc__ or "").split())


def catalogue() -> list[Observable]:
    """All observables, group by group."""
    return sorted(OBSERVABLES.values(), key=lambda entry: _GROUPS.index(entry.group))


def names() -> list[str]:
    """Everything that a sweep file may ask for: observables and groups."""
    return [*OBSERVABLES, *_groups()]


def select(
    wanted: Iterable[str], models: Iterable[str] | None = None, *, rewarded: bool = True
) -> tuple[Observable, ...]:
    """The observables that these names and groups choose, group by group; of groups, what some of the models have.

    Args:
        wanted: names of observables and groups.
        models: names of the models; None for all that there are.
        rewarded: whether there are cells whose traces have rewards with a known mean.

    Raises:
        InputError: there is no such name, none of the models has it, or it is about rewards and there are none.
    """
    groups, every = _groups(), {name: part.make for name, part in WALKS.items()}
    walks = list(every.values()) if models is None else [every[name] for name in models]
    chosen, faults = set(), Faults()
    for name in wanted:
        with faults.collected():
            if name not in OBSERVABLES and name not in groups:
                raise InputError(
                    "observables", f"{name!r} is not an observable or group{did_you_mean(name, names())}{_OF_PLUGINS}"
                )
            has = {each for each in groups.get(name, {name}) if any(map(OBSERVABLES[each].is_of, walks))}
            if not has:
                wanted_of = [OBSERVABLES[each] for each in groups.get(name, {name})]
                owners = sorted(name for name, walk in every.items() if any(entry.is_of(walk) for entry in wanted_of))
                raise InputError("observables", f"{name!r} is for model = {' or '.join(map(repr, owners))} only")
            if not rewarded and not (has := {each for each in has if not OBSERVABLES[each].of_rewards}):
                raise InputError("observables", f"{name!r} {NEEDS_REWARDS}")
            chosen |= has
    faults.check()
    return tuple(entry for entry in catalogue() if entry.name in chosen)


def _groups() -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {
        "default": {entry.name for entry in OBSERVABLES.values() if entry.default},
        "verdict": {*FOR_VERDICTS, *FOR_VERDICTS_OF_ROWS},
        "all": {entry.name for entry in OBSERVABLES.values() if not entry.plugin},
    }
    for entry in OBSERVABLES.values():
        groups.setdefault(entry.group, set()).add(entry.name)
    return groups
