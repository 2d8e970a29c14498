"""What a network writes and what it makes of held-out text, against sums over all texts, and sampling errors."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy import special, stats

import jaxcollapse as jc
from jaxcollapse.distributions.learned_text import LearnedText
from jaxcollapse.distributions.recognition import MOST_OF_PAIRS, log_likelihoods, recall
from jaxcollapse.distributions.text import Text
from jaxcollapse.observables import OBSERVABLES
from jaxcollapse.observables.snapshot import LENGTH, MANY_TEXTS
from jaxcollapse.observables.written import recognised
from jaxcollapse.parameterisations.pretraining import held_out_loss
from tests.support.sequences import small, text
from tests.support.statistics import assert_counts
from tests.support.sweeps import run

DATA = Path(__file__).parents[2] / "sweeps" / "data"
LANGUAGES = ("english", "french", "german", "spanish", "swahili", "vietnamese")
REPLICATES, PLACES = 400, 5
NAMES = ["held_out_loss", "held_out_loss_error", "opening_entropy", "opening_entropy_error"]
FIELDS: dict[str, Any] = {"context_length": PLACES, "pretraining_steps": 150, "batch_size": 1, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text(tmp_path_factory.mktemp("text") / "text.txt", letters=2000)


def _start(process: dict[str, Any], **top: Any) -> xr.Dataset:
    """Generation 0 of many replicates, which are alike but for their random numbers."""
    return run(process, generations=1, record={"every": 1, "logits": True}, **top).isel(generation=0)


def _learned(process: dict[str, Any]) -> tuple[Any, Any, LearnedText]:
    """The network that a process starts from, its parameters, and its text."""
    plan = jc.plan({"generations": 1, "replicates": 1, "process": process})
    entry = plan.cells.library.entries[0]
    assert entry.pretraining is not None
    assert entry.given.text is not None
    return entry.pretraining.network, entry.learned(), entry.given.text


def test_the_held_out_loss_of_p0_is_that_of_pretraining(path: Path) -> None:
    """On the same 256 windows; and its standard error is that of the losses at the probes."""
    process = small(path, **FIELDS, probes=256 * PLACES)
    data = _start(process, replicates=1, observables=NAMES[:2])
    network, learned, held = _learned(process)
    np.testing.assert_allclose(data.held_out_loss, held_out_loss(network, learned, held, PLACES), rtol=1e-5)
    following = held.held_out_windows(256, PLACES).reshape(-1)
    log_p = data.logits.values[0] - np.logaddexp.reduce(data.logits.values[0], axis=-1, keepdims=True)
    losses = -log_p[np.arange(len(following)), following]
    np.testing.assert_allclose(data.held_out_loss, losses.mean(), rtol=1e-5)
    np.testing.assert_allclose(data.held_out_loss_error, stats.sem(losses), rtol=1e-4)


def _entropy_of_openings(process: dict[str, Any], end: int) -> float:
    """The entropy of the first three tokens after all prompts of the text, given these."""
    network, learned, held = _learned(process)
    given, whole = process.get("prompt_length", 0), 0.0
    begins = np.lib.stride_tricks.sliding_window_view(held.train, PLACES)[:, :given]
    for prompt, share in zip(*np.unique(begins, axis=0, return_counts=True), strict=True):
        alive = [(tuple(prompt.tolist()), share / len(begins))]
        for _ in range(3):
            windows = np.array([[*begun, 0] for begun, _ in alive], np.int32)
            with jax.default_matmul_precision("highest"):
                logits = network.next_tokens(jax.tree.map(jnp.asarray, learned), jnp.asarray(windows))[:, -1]
            p = np.asarray(jax.nn.softmax(logits, axis=-1), float)
            whole += sum(mass * stats.entropy(law) for (_, mass), law in zip(alive, p, strict=True))
            alive = [
                ((*begun, token), mass * chance)
                for (begun, mass), law in zip(alive, p, strict=True)
                for token, chance in enumerate(law)
                if token != end
            ]
    return whole


@pytest.mark.parametrize("kind", [{}, {"prompt_length": 1, "end_token": 1}], ids=["plain", "prompts and an end"])
def test_the_entropy_of_openings_is_unbiased_and_its_error_is_known(path: Path, kind: dict[str, Any]) -> None:
    """The mean of many replicates is exact; so many intervals of the estimate ± 2 errors contain it as should."""
    process = small(path, **FIELDS, **kind)
    data = _start(process, replicates=REPLICATES, observables=NAMES[2:])
    exact = _entropy_of_openings(process, kind.get("end_token", -1))
    found, error = data.opening_entropy.values.astype(float), data.opening_entropy_error.values
    assert abs(found.mean() - exact) < 4 * stats.sem(found)
    assert found.std() == pytest.approx(error.mean(), rel=0.2)
    covered = int((np.abs(found - exact) < stats.t.ppf(0.975, MANY_TEXTS - 1) * error).sum())
    assert stats.binomtest(covered, REPLICATES, 0.95).pvalue > 1e-3


@pytest.fixture(scope="module")
def six() -> LearnedText:
    """The six languages, as the sweep of them reads them."""
    paths = [str(DATA / f"udhr_{name}.txt") for name in LANGUAGES]
    found = Text(path=paths, lowercase=True, top=60, others="dropped").learned(1).text
    assert found is not None
    return found


def test_naive_bayes_recovers_the_language_of_held_out_windows_as_often_as_it_says(six: LearnedText) -> None:
    """At most 2 % of windows of 32 characters are mistaken in any language; and the two codes agree."""
    told = recall(six, LENGTH)
    assert six.names == tuple(f"udhr_{name}" for name in LANGUAGES)
    assert told.min() > 0.98
    assert recall(six, 8).min() < told.min()
    table = jnp.asarray(log_likelihoods(six, 64), jnp.float32)
    for number, tokens in enumerate(six.held_out):
        windows = np.lib.stride_tricks.sliding_window_view(tokens, LENGTH).astype(np.int32)
        found = np.asarray(recognised(jnp.asarray(windows), table))
        assert (found == number).mean() == pytest.approx(told[number], abs=2e-3)


@pytest.mark.parametrize("tokens", [5, MOST_OF_PAIRS + 1], ids=["pairs", "single tokens"])
def test_likelihoods_are_laws_that_a_loop_counts(tokens: int) -> None:
    random = np.random.default_rng(0)
    parts = [random.integers(0, tokens - 1, 200), np.arange(200) % (tokens - 1)]
    held = LearnedText(parts, tokens)
    found = np.exp(log_likelihoods(held, tokens))
    assert found.shape == (2, 6 if tokens == 5 else 1, tokens)
    np.testing.assert_allclose(found.sum(axis=-1), 1)
    train = held.parts_for_training[0].tolist()
    single = [(train.count(token) + 1) / (len(train) + tokens) for token in range(tokens)]
    np.testing.assert_allclose(found[0, 0], single)
    for before in range(found.shape[1] - 1):
        after = [b for a, b in pairwise(train) if a == before]
        wanted = [
            (after.count(b) + len(set(after)) * single[b]) / (len(after) + len(set(after))) if after else single[b]
            for b in range(tokens)
        ]
        np.testing.assert_allclose(found[0, 1 + before], wanted)


def test_texts_that_have_ended_count_up_to_their_end() -> None:
    table = np.log(np.array([[[0.9, 0.1]] * 3, [[0.2, 0.8]] * 3]))
    texts = np.array([[0, 1, 1, 1], [0, -1, -1, -1], [1, 0, -1, -1], [1, -1, -1, -1]], np.int32)
    assert recognised(jnp.asarray(texts), jnp.asarray(table, jnp.float32)).tolist() == [1, 0, 1, 1]


def test_shares_of_texts_are_those_of_their_number(tmp_path: Path) -> None:
    """Two texts of letters of their own, which a network that has learned nothing mixes: a text is from the one that
    has most of its letters, or their pairs. Shares are multiples of 1/64, and vary as the formula says.
    """
    for name, letters in (("first", "ab"), ("second", "cd")):
        (tmp_path / f"{name}.txt").write_text(letters * 200)
    paths = [tmp_path / "first.txt", tmp_path / "second.txt"]
    data = _start(
        small(*paths, context_length=1, probes=2, pretraining_steps=0, batch_size=1, learning_rate=0.1),
        replicates=1000,
        observables=["source_share"],
    )
    assert data.source_share.dims == ("replicate", "source")
    assert data.source.values.tolist() == ["first", "second"]
    assert data.source_recall.values.tolist() == [1, 1]
    np.testing.assert_allclose(data.source_share.sum("source"), 1, rtol=1e-6)
    number = data.source_share.isel(source=0).values * MANY_TEXTS
    np.testing.assert_allclose(number, np.round(number), atol=1e-4)
    p = special.softmax(data.logits.values[0, 0].astype(float))
    mass = p[np.isin(data.token.values, ["a", "b"])].sum()
    chances = stats.binom.pmf(np.arange(MANY_TEXTS + 1), MANY_TEXTS, mass)
    assert_counts(np.bincount(np.round(number).astype(int), minlength=MANY_TEXTS + 1), 1000 * chances)


def test_cells_may_have_learned_different_numbers_of_texts(tmp_path: Path) -> None:
    paths = [text(tmp_path / f"{name}.txt", seed=seed) for seed, name in enumerate("xyz")]
    some = [str(path) for path in paths]
    data = run(
        {key: value for key, value in small(paths[0], batch_size=1, learning_rate=0.1).items() if key != "initial"},
        {"initial": [{"kind": "text", "path": some[:number]} for number in (2, 3)]},
        generations=1,
        replicates=2,
        record={"every": 1},
        observables=["source_share", "held_out_loss"],
    )
    assert data.source_share.dims == ("initial", "replicate", "generation", "source")
    np.testing.assert_allclose(data.source_share.sum("source"), 1, rtol=1e-6)
    assert data.source_share[0, ..., 2].isnull().all()
    assert data.source_share[1].notnull().all()
    assert data.source_label.values.tolist() == [["x", "y", ""], ["x", "y", "z"]]
    assert data.source_recall.dims == ("initial", "source")
    assert data.source_recall.isnull().values.tolist() == [[False, False, True], [False] * 3]


@pytest.mark.parametrize("name", [*NAMES, "source_share"])
def test_tables_lack_what_only_a_network_has(name: str) -> None:
    assert not OBSERVABLES[name].default
    with pytest.raises(jc.InputError, match="is for model = 'sequence' only"):
        jc.Sweep.from_dict({"generations": 1, "observables": [name], "process": {"model": "markov", "vocab_size": 4}})


def test_a_trajectory_by_hand_measures_the_same(path: Path) -> None:
    hand = jc.SelfTraining(**small(path, **FIELDS))
    found = hand.measure(hand.init(jax.random.key(0)), *NAMES, "source_share")
    assert {name: values.shape for name, values in found.items()} == {**dict.fromkeys(NAMES, ()), "source_share": (1,)}
    assert float(found["source_share"][0]) == 1
