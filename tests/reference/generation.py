"""One generation of self-training of a categorical model: what a sample is drawn from, what is kept, how it is trained.

`process` has the fields of a sweep file; what is left out is off. A trajectory is one row of logits. Nothing here is
random: the counts that were drawn are an argument, and without them there are infinitely many samples.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from tests.reference.laws import log, softmax, tempered
from tests.reference.optimizers import RULES, Memory
from tests.reference.traces import selected

INF = float("inf")
Process = dict[str, Any]


class State(NamedTuple):
    """A model after some generations. samples: of each generation so far, as counts or as shares. memory: moments."""

    z: np.ndarray
    samples: tuple[np.ndarray, ...] = ()
    memory: Memory | None = None


def trajectory(p0: np.ndarray, process: Process, generations: int) -> np.ndarray:
    """Logits [generation, token] with infinitely many samples."""
    states = [State(log(p0))]
    for _ in range(generations):
        states.append(generation(states[-1], p0, process))
    return np.array([state.z for state in states])


def generation(state: State, p0: np.ndarray, process: Process, drawn: np.ndarray | None = None) -> State:
    """The next model. drawn: the counts of this generation's samples, or those of each step's minibatch [step, token].

    Samples are drawn from the model before training starts; a reset changes what is trained, not what was drawn.
    """
    number = len(state.samples) + 1
    samples = law(state.z, p0, process, number) if drawn is None else drawn
    state = state._replace(samples=(*state.samples, samples))
    if number % process.get("reset_every", INF) == 0:
        state = state._replace(z=log(p0), memory=None)
    if process.get("update") == "refit":
        return state._replace(z=log(refitted(softmax(state.z), p0, corpus(state.samples, process), process)))
    return descended(state, p0, process)


def law(z: np.ndarray, p0: np.ndarray, process: Process, number: int = 1) -> np.ndarray:
    """The probability of each token as a sample of generation `number`."""
    q = tempered(p0 if process.get("generator") == "initial" else softmax(z), process.get("temperature", 1.0))
    q = truncated(q, process)
    if "curation" in process:
        rewards = {
            "score": lambda: np.array(process["scores"], float),
            "likelihood": lambda: log(softmax(z)),
            "original_likelihood": lambda: log(p0),
        }[process.get("reward", "likelihood")]()
        q = selected(process["curation"], q, process.get("reward_scale", 1.0) * rewards, process.get("candidates", 2))
    if "true_positive_rate" in process or "false_positive_rate" in process:
        correct = truncated(p0, {"top_p": process.get("correct_share", 0.9)}) > 0
        q = q * np.where(correct, process.get("true_positive_rate", 1.0), process.get("false_positive_rate", 1.0))
        q = q / q.sum()
    share = process.get("fresh_fraction", 0.0) if number % process.get("fresh_every", 1) == 0 else 0.0
    return (1 - share) * q + share * p0


def truncated(q: np.ndarray, process: Process) -> np.ndarray:
    """top_k, then top_p, then min_p; tokens that tie with the last one that is kept are kept."""
    if "top_k" in process:
        q = _at_least(q, np.sort(q)[-process["top_k"]])
    if "top_p" in process:
        falling = np.sort(q)[::-1]
        q = _at_least(q, falling[np.searchsorted(np.cumsum(falling), process["top_p"] - 1e-9)])
    if "min_p" in process:
        q = _at_least(q, process["min_p"] * q.max())
    return q


def _at_least(q: np.ndarray, edge: float) -> np.ndarray:
    kept = np.where(q >= edge, q, 0)
    return kept / kept.sum()


def kept(samples: Sequence[np.ndarray], process: Process) -> Sequence[np.ndarray]:
    """Of the samples of all generations so far those that a model is trained on."""
    rule = process.get("corpus", "replace")
    return {"replace": samples[-1:], "accumulate": samples, "window": samples[-process.get("window", 1) :]}[rule]


def corpus(samples: Sequence[np.ndarray], process: Process) -> np.ndarray:
    """What a model is trained on: counts, or probabilities where there are infinitely many samples."""
    used = kept(samples, process)
    return np.sum(used, axis=0) / (1 if _are_counts(process) else len(used))


def _are_counts(process: Process) -> bool:
    return process.get("samples", INF) < INF or process.get("batch_size", INF) < INF


def refitted(p: np.ndarray, p0: np.ndarray, corpus: np.ndarray, process: Process) -> np.ndarray:
    """p ← (1 − a) p + a p̂, with p̂ the shares in a corpus to which p0's tokens are added α times each."""
    smooth = corpus + (process.get("smoothing", 0.0) * (p0 > 0) if _are_counts(process) else 0)
    a = process.get("mixing", 1.0)
    return (1 - a) * p + a * smooth / smooth.sum()


def descended(state: State, p0: np.ndarray, process: Process) -> State:
    """`steps` steps of the optimiser: on the whole corpus, or on this generation's minibatches [step, token]."""
    time = (len(state.samples) - 1) / process.get("schedule_time", 100.0)
    rate = process.get("learning_rate", 0.5) * FALLS[process.get("schedule", "constant")](time)
    z, memory = state.z, {} if process.get("optimizer_state") == "fresh" else dict(state.memory or {})
    are_minibatches = process.get("batch_size", INF) < INF
    for step in range(process.get("steps", 1)):
        data = state.samples[-1][step] if are_minibatches else corpus(state.samples, process)
        slope = gradient(z, p0, data / data.sum(), process)
        rule, finite = RULES[process.get("optimizer", "sgd")], np.where(p0 > 0, z, 0)
        z = np.where(p0 > 0, rule(finite, slope, memory, {**process, "learning_rate": rate}), -np.inf)
    return state._replace(z=z, memory=memory)


FALLS: dict[str, Callable[[float], float]] = {
    "constant": lambda time: 1.0,
    "linear": lambda time: max(0.0, 1 - time),
    "cosine": lambda time: float(np.cos(np.pi / 2 * min(time, 1)) ** 2),
    "exponential": lambda time: float(np.exp(-time)),
    "inverse": lambda time: 1 / (1 + time),
}


def gradient(z: np.ndarray, p0: np.ndarray, target: np.ndarray, process: Process) -> np.ndarray:
    """Of the cross-entropy with `target` and of the penalties, cut to the bound of its norm."""
    share = process.get("label_smoothing", 0.0)
    slope = softmax(z) - (1 - share) * target - share * (p0 > 0) / np.count_nonzero(p0)
    if any(name in process for name in PENALTIES):
        step = 1e-5
        slope = slope + np.array(
            [
                (penalty(z + step * unit, p0, process) - penalty(z - step * unit, p0, process)) / (2 * step)
                for unit in np.eye(len(z))
            ]
        )
    bound = process.get("clip_norm", INF)
    return slope if np.linalg.norm(slope) <= bound else slope * bound / np.linalg.norm(slope)


PENALTIES = ("entropy_bonus", "forward_kl", "reverse_kl")


def penalty(z: np.ndarray, p0: np.ndarray, process: Process) -> float:
    """What the loss has beyond the cross-entropy."""
    p = softmax(z)
    terms = {
        "entropy_bonus": special.xlogy(p, p).sum(),
        "forward_kl": special.rel_entr(p0, p).sum(),
        "reverse_kl": special.rel_entr(p, p0).sum(),
    }
    return float(sum(process.get(name, 0.0) * terms[name] for name in PENALTIES))
