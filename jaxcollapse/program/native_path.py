"""Generations that native code runs, events and most measures included: `jaxcollapse.native.train`.

The most common processes: plain SGD on fresh minibatches or on their expectation, refits to the last samples, and a
policy gradient with rewards that training does not change. It is what the loop over `Process.step` would do, with the
same streams; every other process goes through that loop, on native counts.
"""

from collections.abc import Collection, Mapping, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from jaxcollapse.native import STATISTICS, Rewarding, train
from jaxcollapse.observables import Observable
from jaxcollapse.observables.registry import Watch
from jaxcollapse.observables.series import origins
from jaxcollapse.observables.snapshot import Origin, SweepThresholds
from jaxcollapse.process.groups import TokenGroups, compared
from jaxcollapse.process.self_training import Process
from jaxcollapse.process.structure import Structure
from jaxcollapse.sampling import bits, tree
from jaxcollapse.sampling.multinomial import fewest_split
from jaxcollapse.training.rewards import REWARDS
from jaxcollapse.training.updates.policy_gradient import PolicyGradient
from jaxcollapse.training.updates.rule import State

Times = dict[str, Int32[Array, ""]]
_TINY, _HUGE = 1e-37, 3e38  # stand for 1/T where T is ∞ or 0: all logits count alike, or none but the largest


def can_run(structure: Structure, events: Sequence[Observable]) -> bool:
    """Whether native code runs whole generations of this process, and watches these events."""
    return structure.is_fusible and can_watch(events)


def can_watch(events: Sequence[Observable]) -> bool:
    """Whether native code watches these events."""
    watches = [event.watch for event in events if event.watch]
    known = all(watch.statistic and STATISTICS.get(watch.statistic) is watch.falls for watch in watches)
    return known and len({watch.statistic for watch in watches}) == len(watches)


def advance(
    process: Process,
    key: bits.Key,
    state: State,
    gaps: Int32[Array, " record"],
    start: Origin,
    thresholds: SweepThresholds,
    events: Sequence[Observable],
    times: Mapping[str, Int32[Array, ""]],
    wanted: Collection[str],
) -> tuple[State, Times, Float[Array, "wanted record"]]:
    """The model after these gaps between records, times of events up to there, and what is wanted at each record."""
    structure, settings = process.structure, process.settings
    watches: dict[str, tuple[str, Watch]] = {
        event.watch.statistic: (event.name, event.watch) for event in events if event.watch and event.watch.statistic
    }
    watched = [watches.get(statistic) for statistic in STATISTICS]
    reached = [each[1].reached(start, thresholds) if each else jnp.float32(0) for each in watched]
    so_far = [times[each[0]] if each else jnp.int32(-1) for each in watched]
    is_refit, groups, scale = structure.is_refit, None, jnp.zeros(0, jnp.float32)
    if isinstance(rule := structure.rule, PolicyGradient):
        is_by_chance = bool(REWARDS[structure.reward].fact("is_by_chance"))
        groups = Rewarding(rule.group_size, rule.baseline, rule.normalise == "std", is_by_chance)
        scale = TokenGroups(**compared(process.emission, process.initial)).scale[0]
    logits, found, values = train(
        state.parameters[0],
        key,
        jnp.clip(1 / settings.temperature, _TINY, _HUGE),
        settings.learning_rate,
        settings.samples if is_refit else settings.batch_size,
        start.present,
        start.present if start.correct is None else start.correct[0],
        jnp.stack(reached),
        jnp.stack(so_far),
        jnp.stack([state.generation, process.loops.steps]),
        gaps,
        scale,
        origins(start, thresholds, wanted),
        fewest_split=fewest_split(structure.tokens),
        apart=tree.columns(structure.tokens) == 1,
        refit=is_refit,
        groups=groups,
        watched=watches,
        wanted=wanted,
    )
    new = {each[0]: found[place] for place, each in enumerate(watched) if each}
    end = state.generation + jnp.sum(gaps, dtype=jnp.int32)
    return state._replace(parameters=logits[None], generation=end), new, values
