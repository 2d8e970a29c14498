"""Pre-training: the same bits each time, from the training text alone; what is kept is found, or learned again."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

from jaxcollapse.distributions.learned_text import LearnedText
from jaxcollapse.parameterisations import pretraining
from jaxcollapse.parameterisations.gru import Gru
from jaxcollapse.parameterisations.network import Network
from jaxcollapse.parameterisations.pretraining import Pretraining, digest, held_out_loss, packed
from jaxcollapse.parameterisations.transformer import Transformer
from tests.support.sequences import CHAIN

PLACES, STEPS = 6, 300
TRANSFORMER = Transformer(8, 1, 2, "learned", "full")
LEARNER = Pretraining(TRANSFORMER, PLACES, STEPS, 0)


def _text(number: int = 6000, seed: int = 0) -> LearnedText:
    """A text in which a token depends on the one before."""
    random, found = np.random.default_rng(seed), [0]
    for _ in range(number - 1):
        found.append(int(random.choice(3, p=CHAIN[found[-1]])))
    return LearnedText([np.array(found)], 3)


TEXT = _text()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of kept networks, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "jaxcollapse" / "networks"


class Report:
    """A network that was learned, or found; and what progress was reported."""

    def __init__(self, learner: Pretraining = LEARNER, text: LearnedText = TEXT):
        self.steps: list[tuple[int, int, float]] = []
        self.found = learner.learned(text, lambda *told: self.steps.append(told))
        self.digest = digest(self.found)


def _assert_same(one: Any, other: Any) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, b, strict=True), one, other)


def test_what_is_learned_is_kept_and_the_same_bits_again(cache: Path) -> None:
    """Progress is reported while it learns: steps done, all of them, and the loss."""
    first = Report()
    assert [step[:2] for step in first.steps] == [(done, 300) for done in range(50, 301, 50)]
    assert all(0.7 < loss < np.log(3) for _, _, loss in first.steps)
    (file,) = cache.iterdir()
    assert file.name == LEARNER.name(TEXT)
    again = Report()
    assert again.steps == []
    _assert_same(again.found, first.found)
    file.unlink()
    anew = Report()
    assert anew.steps == first.steps
    _assert_same(anew.found, first.found)
    assert first.digest == again.digest == anew.digest


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "of another name", "of other shapes"])
def test_a_damaged_file_is_learned_again(damage: str, cache: Path) -> None:
    expected = Report().digest
    file = cache / LEARNER.name(TEXT)
    content = file.read_bytes()
    if damage == "of another name":
        other = Pretraining(TRANSFORMER, PLACES, STEPS, 1)
        Report(other)
        content = (cache / other.name(TEXT)).read_bytes()
    elif damage == "of other shapes":
        narrow = Transformer(4, 1, 2, "learned", "full").begun(PLACES, 3, np.random.default_rng(0))
        pretraining.kept_arrays.keep(file.name, packed(narrow))
        content = file.read_bytes()
    else:
        flipped = content[:500] + bytes([content[500] ^ 1]) + content[501:]
        content = {"cut": content[:-10], "flipped": flipped, "empty": b""}[damage]
    file.write_bytes(content)
    again = Report()
    assert again.steps
    assert again.digest == expected
    assert not Report().steps, "it is kept again"


@contextmanager
def _no_room() -> Iterator[None]:
    """No file may grow beyond a few bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_where_nothing_can_be_kept_it_is_learned_each_time(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk, in a folder that cannot be made, and where the user forbids it."""
    with _no_room():
        full = Report()
    assert list(cache.iterdir()) == [], "nothing is left of the attempt"
    (tmp_path / "file").touch()
    with monkeypatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        locked = Report()
    with monkeypatch.context() as patch:
        patch.setenv("JAXCOLLAPSE_KEEP", "0")
        forbidden = Report()
    assert list(cache.iterdir()) == []
    assert full.steps == locked.steps == forbidden.steps != []
    assert full.digest == locked.digest == forbidden.digest == Report().digest


def test_all_that_a_network_follows_from_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """And other bits, where it is learned."""
    halves = [TEXT.texts[0][:3000], TEXT.texts[0][3000:]]
    learners = [
        LEARNER,
        Pretraining(TRANSFORMER, PLACES, STEPS, 1),
        Pretraining(TRANSFORMER, PLACES, STEPS - 1, 0),
        Pretraining(TRANSFORMER, PLACES + 1, STEPS, 0),
        *(
            Pretraining(each, PLACES, STEPS, 0)
            for each in (
                Transformer(8, 2, 2, "learned", "full"),
                Transformer(8, 1, 4, "learned", "full"),
                Transformer(8, 1, 2, "rotary", "full"),
                Transformer(8, 1, 2, "learned", "bfloat16"),
                Gru(8, 1, "full"),
            )
        ),
    ]
    texts = [TEXT, _text(seed=1), LearnedText(halves, 3), LearnedText(TEXT.texts, 4)]
    names = [each.name(TEXT) for each in learners] + [LEARNER.name(text) for text in texts[1:]]
    monkeypatch.setattr(pretraining, "RECIPE", 2)
    assert len({*names, LEARNER.name(TEXT)}) == len(names) + 1


@pytest.mark.parametrize("network", [TRANSFORMER, Gru(8, 1, "full")], ids=str)
def test_a_network_learns_what_depends_on_the_token_before(network: Network) -> None:
    """On text that it has not seen: better than the shares of the tokens; no better than the chain itself."""
    found = Pretraining(network, PLACES, STEPS, 0).learned(TEXT)
    held_out = TEXT.texts[0][5400:]
    loss = held_out_loss(network, found, TEXT, PLACES)
    shares = np.bincount(TEXT.train, minlength=3) / len(TEXT.train)
    best = -np.log(CHAIN[held_out[:-1], held_out[1:]]).mean()
    assert best - 0.02 < loss < best + 0.6 * (stats.entropy(shares) - best)


def test_held_out_text_is_never_learned() -> None:
    """Texts that differ in their last tenth alone give the same bits; those that differ before that do not."""
    digests = []
    for begin, end in ((5400, 6000), (5300, 5400)):
        other = TEXT.texts[0].copy()
        other[begin:end] = (other[begin:end] + 1) % 3
        assert LEARNER.name(LearnedText([other], 3)) != LEARNER.name(TEXT)
        digests.append(Report(text=LearnedText([other], 3)).digest)
    expected = Report().digest
    assert digests[0] == expected
    assert digests[1] != expected
