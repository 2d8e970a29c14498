"""Every kind of initial distribution against an independent computation, up to generation 0 of a run."""

import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import wordfreq
import xarray as xr
from scipy import special, stats

import jaxcollapse as jc
from jaxcollapse.distributions import KINDS, Distribution
from jaxcollapse.distributions.dirichlet import draw_dirichlet
from jaxcollapse.planning.library import Library
from tests.support.statistics import assert_counts, assert_mean
from tests.support.sweeps import probabilities, run

SMOLLM2 = Path(__file__).parents[2] / "sweeps" / "data" / "smollm2_next_token.nc"
WORDS = ["the", "cat", "sat", "on", "mat"]
LOGITS = np.array([0.5, -1.0, 2.0, -3.0, 1.25])


def made(initial: dict[str, Any], folder: Path | str = ".", **process: Any) -> Distribution:
    """The distribution of a sweep of one cell."""
    sweep = jc.Sweep.from_dict({"process": {"initial": initial, **process}}, folder=folder)
    return Library(sweep.grid, sweep.seed).entries[0].given


def p_of(distribution: Distribution) -> np.ndarray:
    return special.softmax(distribution.logits)


def test_uniform_is_uniform() -> None:
    np.testing.assert_array_equal(p_of(made({"kind": "uniform"}, vocab_size=5)), [0.2] * 5)


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 1.0, 2.5])
def test_zipf_is_a_power_of_the_rank(exponent: float) -> None:
    p = p_of(made({"kind": "zipf", "exponent": exponent}, vocab_size=100))
    expected = [1 / rank**exponent for rank in range(1, 101)]
    np.testing.assert_allclose(p, np.array(expected) / sum(expected), rtol=1e-12)
    if exponent == 2.5:
        np.testing.assert_allclose(p, stats.zipfian.pmf(np.arange(1, 101), 2.5, 100), rtol=1e-12)


def test_zipf_mandelbrot_shifts_the_rank() -> None:
    p = p_of(made({"kind": "zipf_mandelbrot", "exponent": 1.2, "shift": 3.5}, vocab_size=50))
    expected = np.array([(rank + 3.5) ** -1.2 for rank in range(1, 51)])
    np.testing.assert_allclose(p, expected / expected.sum(), rtol=1e-12)
    unshifted = made({"kind": "zipf_mandelbrot", "exponent": 1.2, "shift": 0}, vocab_size=50)
    np.testing.assert_allclose(p_of(unshifted), p_of(made({"kind": "zipf", "exponent": 1.2}, vocab_size=50)))


def test_values_are_taken_as_they_are() -> None:
    weights = made({"kind": "values", "probabilities": [1, 0, 3]})
    np.testing.assert_allclose(p_of(weights), [0.25, 0, 0.75], rtol=1e-12)
    assert weights.labels is None
    logits = made({"kind": "values", "logits": [0.0, -np.inf, np.log(3)], "tokens": ["a", "b", "c"]})
    np.testing.assert_allclose(p_of(logits), [0.25, 0, 0.75], rtol=1e-12)
    assert logits.labels is not None
    assert logits.labels.tolist() == ["a", "b", "c"]


def test_p0_is_what_generation_0_records() -> None:
    """Of every kind of one row that needs no file, in one run; tokens beyond a smaller vocabulary are missing."""
    tables: list[dict[str, Any]] = [
        {"kind": "uniform"},
        {"kind": "zipf", "exponent": 1.5},
        {"kind": "zipf_mandelbrot", "shift": 0.5},
        {"kind": "dirichlet", "shared": True},
        {"kind": "values", "logits": [0.0, -np.inf, 1.0], "tokens": ["a", "b", "c"]},
        {"kind": "words", "languages": ["vi"]},
    ]
    assert {table["kind"] for table in tables} == set(KINDS) - {"file", "table", "text"}
    data = run({"vocab_size": 12}, {"initial": tables}, generations=0, replicates=2, record={"logits": True})
    assert data.logits.dims == ("initial", "replicate", "generation", "token")
    for table, recorded, labels in zip(tables, data.logits.values, data.token_label.values, strict=True):
        expected = made(table) if table["kind"] == "values" else made(table, vocab_size=12)
        assert np.isnan(recorded[..., expected.size :]).all()
        for logits in recorded[:, 0, : expected.size]:
            np.testing.assert_allclose(special.softmax(logits.astype(float)), p_of(expected), rtol=2e-6)
        names = np.arange(12) if expected.labels is None else expected.labels
        assert labels[: expected.size].tolist() == names.astype(str).tolist()
    assert np.isneginf(data.logits.values[4, :, 0, 1]).all()


@pytest.mark.parametrize("labelled", [True, False])
def test_tokens_are_labelled_in_the_dataset(labelled: bool) -> None:
    initial = {"kind": "values", "logits": LOGITS.tolist(), **({"tokens": WORDS} if labelled else {})}
    data = run({"initial": initial}, generations=0, replicates=1, record={"logits": True})
    assert data.token.values.tolist() == (WORDS if labelled else list(range(5)))
    np.testing.assert_allclose(probabilities(data)[0, 0], special.softmax(LOGITS), rtol=2e-6)


def test_dirichlet_has_its_moments() -> None:
    """E p = 1/V, Var p = (1/V)(1 − 1/V)/(αV + 1), E ln p = ψ(α) − ψ(αV); for V = 2, p follows a beta law."""
    alphas, vocab_size = [0.3, 1.0, 8.0], 6
    data = run(
        {"vocab_size": vocab_size, "initial": {"kind": "dirichlet"}},
        {"initial.concentration": alphas},
        generations=0,
        replicates=20_000,
        record={"logits": True},
    )
    p = probabilities(data)[:, :, 0]
    for alpha, sample in zip(alphas, p, strict=True):
        variance = (1 / vocab_size) * (1 - 1 / vocab_size) / (alpha * vocab_size + 1)
        assert_mean(sample, np.full(vocab_size, 1 / vocab_size), resolves=0.06)
        assert_mean((sample - 1 / vocab_size) ** 2, np.full(vocab_size, variance), resolves=0.1)
        expected = special.digamma(alpha) - special.digamma(alpha * vocab_size)
        assert_mean(np.log(sample), np.full(vocab_size, expected), resolves=0.05)
        assert_mean(sample[:, 0] * sample[:, 1], (1 / vocab_size) ** 2 - variance / (vocab_size - 1), resolves=0.1)
        law = stats.beta(alpha, alpha * (vocab_size - 1))
        edges = law.ppf(np.linspace(0, 1, 21))
        assert_counts(np.histogram(sample[:, 0], edges)[0], np.full(20, len(sample) / 20))


def test_a_dirichlet_p0_is_the_own_of_each_trajectory_or_the_same_for_all() -> None:
    def p0(**top: Any) -> np.ndarray:
        axes = {"initial.shared": [False, True], "temperature": [0.5, 1.0]}
        process = {"vocab_size": 8, "initial": {"kind": "dirichlet"}}
        return probabilities(run(process, axes, generations=0, replicates=3, record={"logits": True}, **top))[..., 0, :]

    own, shared = p0()
    assert len(np.unique(own[..., 0])) == 6
    assert (shared == shared[0, 0]).all()
    assert (p0(seed=1)[1] != shared).all()
    own, again = p0(common_random_numbers=["temperature"])
    assert (own[0] == own[1]).all()
    assert len(np.unique(own[..., 0])) == 3
    assert (again == shared).all()


@pytest.mark.parametrize("concentration", [1e-30, 1e-6, 1e30])
def test_an_extreme_concentration_stays_finite(concentration: float) -> None:
    keys = jax.vmap(jax.random.key_data)(jax.random.split(jax.random.key(0), 100))
    logits = np.asarray(draw_dirichlet(keys, jnp.float32(concentration), jnp.int32(8), padded=8), float)
    assert np.isfinite(logits).all()
    largest = special.softmax(logits, axis=-1).max(axis=-1)
    assert (largest > 0.999).all() if concentration < 1 else (largest < 0.126).all()


@pytest.mark.parametrize("size", [1, 10, 16])
def test_a_dirichlet_p0_does_not_depend_on_its_neighbours(size: int) -> None:
    keys = jax.vmap(jax.random.key_data)(jax.random.split(jax.random.key(1), 64))
    drawn = np.asarray(draw_dirichlet(keys, jnp.float32(0.5), jnp.int32(size), padded=16))
    assert np.isfinite(drawn[:, :size]).all()
    assert np.isneginf(drawn[:, size:]).all()
    order = np.random.default_rng(0).permutation(64)
    moved = np.asarray(draw_dirichlet(keys[order], jnp.float32(0.5), jnp.int32(size), padded=16))
    np.testing.assert_array_equal(moved, drawn[order])


def write(path: Path, numbers: np.ndarray, name: str, labels: list[str] | None) -> None:
    """The same distribution as netCDF, npz or csv."""
    if path.suffix == ".nc":
        coords = {} if labels is None else {"token": labels}
        xr.Dataset({name: ("token", numbers)}, coords).to_netcdf(path)
    elif path.suffix == ".npz":
        np.savez(path, **{name: numbers, **({} if labels is None else {"token": np.array(labels)})})
    else:
        names = [name] if labels is None else ["token", name]
        rows = [
            [repr(float(value))] if labels is None else [labels[i], repr(float(value))]
            for i, value in enumerate(numbers)
        ]
        path.write_text("\n".join(",".join(row) for row in [names, *rows]) + "\n", encoding="utf-8")


@pytest.mark.parametrize("labels", [WORDS, None], ids=["labelled", "unlabelled"])
@pytest.mark.parametrize("suffix", [".nc", ".npz", ".csv"])
def test_a_file_of_any_format_gives_its_distribution(suffix: str, labels: list[str] | None, tmp_path: Path) -> None:
    p = special.softmax(LOGITS)
    for name, numbers, extra in (
        ("logits", LOGITS, {}),
        ("anything", LOGITS, {}),
        ("probability", p, {}),
        ("anything", p, {"values": "probabilities"}),
        ("probability", LOGITS, {"values": "logits"}),
    ):
        path = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}{suffix}"
        write(path, numbers, name, labels)
        for variable in ({}, {"variable": name}):
            found = made({"kind": "file", "path": path.name, **variable, **extra}, tmp_path)
            np.testing.assert_allclose(p_of(found), p, rtol=1e-12)
            assert (found.labels is None) == (labels is None)
            assert found.labels is None or found.labels.tolist() == labels


@pytest.mark.parametrize("suffix", [".nc", ".npz", ".csv"])
def test_the_most_likely_tokens_are_cut_in_falling_order(suffix: str, tmp_path: Path) -> None:
    write(tmp_path / f"p0{suffix}", LOGITS, "logits", WORDS)
    found = made({"kind": "file", "path": f"p0{suffix}", "top": 3}, tmp_path)
    assert found.logits.tolist() == [2.0, 1.25, 0.5]
    assert found.labels is not None
    assert found.labels.tolist() == ["sat", "mat", "the"]
    assert made({"kind": "file", "path": f"p0{suffix}"}, tmp_path).logits.tolist() == LOGITS.tolist()


def test_a_netcdf_file_is_selected_from_by_label_and_by_position(tmp_path: Path) -> None:
    numbers = np.arange(24.0).reshape(2, 3, 4)
    coords = {"prompt": ["one", "two"], "layer": [10, 20, 30]}
    xr.Dataset({"logits": (("prompt", "layer", "token"), numbers)}, coords).to_netcdf(tmp_path / "p0.nc")

    def selected(**select: str | int) -> list[float]:
        return made({"kind": "file", "path": "p0.nc", "select": select}, tmp_path).logits.tolist()

    assert selected(prompt="two", layer=20) == numbers[1, 1].tolist()
    assert selected(prompt=1, layer=2) == numbers[1, 2].tolist()
    assert selected(prompt=-2, layer=-1) == numbers[0, 2].tolist()


def test_a_nested_axis_selects_from_a_file(tmp_path: Path) -> None:
    numbers = np.log([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    xr.Dataset({"logits": (("prompt", "token"), numbers)}, {"prompt": ["one", "two"]}).to_netcdf(tmp_path / "p0.nc")
    table = {
        "process": {"initial": {"kind": "file", "path": "p0.nc"}},
        "axes": {"initial.select.prompt": ["two", "one"]},
    }
    sweep = jc.Sweep.from_dict(table, folder=tmp_path)
    library = Library(sweep.grid, sweep.seed)
    found = [p_of(library.entries[index].given) for index in library.index]
    np.testing.assert_allclose(found, np.exp(numbers[::-1]), rtol=1e-12)


def test_the_shipped_logits_are_a_language_models() -> None:
    with xr.open_dataset(SMOLLM2) as file:
        row, tokens = file.logits.sel(prompt="story").values, file.token.values
        assert file.attrs["license"].startswith("Apache-2.0")
        assert file.attrs["source"].startswith("SmolLM2-135M-Instruct")
        assert set(file.data_vars) == {"logits", "kept_mass"}
        assert file.sizes == {"prompt": 16, "token": 4706}
        assert np.isfinite(file.logits).all()
        assert ((file.kept_mass > 0.9) & (file.kept_mass < 1)).all()
    initial = {"kind": "file", "path": str(SMOLLM2), "variable": "logits", "select": {"prompt": "story"}}
    whole, cut = made(initial), made({**initial, "top": 512})
    np.testing.assert_array_equal(whole.logits, row.astype(float))
    order = sorted(range(len(row)), key=lambda index: -row[index])[:512]
    np.testing.assert_array_equal(cut.logits, row[order].astype(float))
    assert whole.labels is not None
    assert cut.labels is not None
    assert whole.labels.tolist() == tokens.tolist()
    assert cut.labels.tolist() == tokens[order].tolist()
    assert len(set(tokens.tolist())) == len(tokens)
    assert cut.labels[:3].tolist() == ["Ġsmall", "Ġtown", "Ġwoman"]


def test_words_have_the_frequencies_of_wordfreq() -> None:
    found = made({"kind": "words", "languages": ["en"]}, vocab_size=100)
    assert found.labels is not None
    words = found.labels.tolist()
    assert sorted(words) == sorted(wordfreq.top_n_list("en", 100))
    assert words[0] == "the"
    np.testing.assert_allclose(np.exp(found.logits), [wordfreq.word_frequency(word, "en") for word in words], rtol=0.01)
    assert (np.diff(found.logits) <= 0).all()
    assert found.coordinates["language"].tolist() == ["en"] * 100


@pytest.mark.parametrize("weights", [None, [1.0, 3.0]])
def test_languages_are_mixed_by_weight(weights: list[float] | None) -> None:
    initial = {"kind": "words", "languages": ["vi", "tr"], **({"weights": weights} if weights else {})}
    found = made(initial, vocab_size=200)
    first, second = np.array(weights or [1.0, 1.0]) / sum(weights or [1.0, 1.0])
    vietnamese, turkish = wordfreq.get_frequency_dict("vi"), wordfreq.get_frequency_dict("tr")
    mixture = {
        word: first * vietnamese.get(word, 0) + second * turkish.get(word, 0)
        for word in {*vietnamese, *turkish}
        if not re.search(r"\d[\d.,]", word)
    }
    assert found.labels is not None
    expected = sorted(mixture.values(), reverse=True)[:200]
    np.testing.assert_allclose(np.exp(found.logits), expected, rtol=1e-9)
    np.testing.assert_allclose(np.exp(found.logits), [mixture[word] for word in found.labels], rtol=1e-9)
    for word, language in zip(found.labels, found.coordinates["language"], strict=True):
        more = first * vietnamese.get(word, 0) - second * turkish.get(word, 0)
        assert language == ("vi" if more >= 0 else "tr"), word
    assert set(found.coordinates["language"]) == {"vi", "tr"}


def test_a_run_of_words_can_be_grouped_by_language() -> None:
    initial = {"kind": "words", "languages": ["vi", "tr"]}
    data = run({"vocab_size": 12, "initial": initial}, generations=0, replicates=1, record={"logits": True})
    expected = made(initial, vocab_size=12)
    assert expected.labels is not None
    assert data.token.values.tolist() == expected.labels.tolist()
    assert data.language.dims == ("token",)
    shares = np.exp(data.logits).groupby("language").sum().squeeze()
    p = np.exp(expected.logits)
    assert set(shares.language.values) == {"vi", "tr"}
    for language in ("vi", "tr"):
        own = p[expected.coordinates["language"] == language].sum()
        assert float(shares.sel(language=language)) == pytest.approx(own, rel=1e-5)
