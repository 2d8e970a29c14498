"""p0 from whatever array a notebook holds: NumPy, JAX, PyTorch, pandas and xarray; logits or probabilities."""

import tomllib
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import jaxcollapse as jc

LOGITS = np.log([0.5, 0.25, 0.125, 0.125]).astype(np.float32)
P = np.array([0.5, 0.25, 0.125, 0.125])
WORDS = ["the", "of", "and", "to"]
RUN: dict[str, Any] = {"replicates": 1, "generations": 0, "record": {"logits": True}}


def p0(initial: Any, **process: Any) -> np.ndarray:
    """What a run records of it, as probabilities."""
    data = jc.run(jc.Sweep.from_dict({**RUN, "process": {"initial": initial, **process}}), progress=False)
    return np.exp(data.logits.isel(generation=0, replicate=0)).values


@pytest.mark.parametrize(
    "initial",
    [
        LOGITS,
        LOGITS + np.float32(3),
        jnp.asarray(LOGITS),
        P,
        P.astype(np.float32),
        jnp.asarray(P, jnp.bfloat16),
        xr.DataArray(LOGITS, dims="word"),
        xr.DataArray(4 * P, dims="word", name="relative_frequency"),
        xr.DataArray(np.array([4, 2, 1, 1]), dims="word", name="count"),
        pd.Series(P, index=WORDS),
    ],
    ids=["logits", "shifted", "jax", "p", "p32", "bfloat16", "xarray", "frequencies", "counts", "pandas"],
)
def test_an_array_is_p0(initial: Any) -> None:
    found = p0(initial)
    np.testing.assert_allclose(found / found.sum(), P, rtol=1e-6)


def test_a_tensor_of_pytorch_is_p0() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for tensor in (torch.tensor(LOGITS, requires_grad=True), torch.tensor(P).bfloat16()):
        found = p0(tensor)
        np.testing.assert_allclose(found / found.sum(), P, rtol=1e-6)


def test_labels_come_from_coordinates() -> None:
    for array in (xr.DataArray(LOGITS, coords={"word": WORDS}, dims="word"), pd.Series(LOGITS, index=WORDS)):
        data = jc.run(jc.Sweep.from_dict({**RUN, "process": {"initial": array}}), progress=False)
        assert data.token.values.tolist() == WORDS


def test_rows_are_personas() -> None:
    rows = np.array([P, P[::-1]])
    named = xr.DataArray(rows, coords={"language": ["en", "fr"], "word": WORDS}, dims=("language", "word"))
    for array in (rows, named, pd.DataFrame(rows, index=["en", "fr"], columns=WORDS)):
        sweep = jc.Sweep.from_dict({**RUN, "process": {"model": "persona", "initial": array}})
        data = jc.run(sweep, progress=False)
        found = np.exp(data.logits.isel(generation=0, replicate=0)).values[1:3]
        np.testing.assert_allclose(found / found.sum(axis=1, keepdims=True), rows, rtol=1e-6)
        if array is not rows:
            assert data.persona.values.tolist() == ["en", "fr"]
            assert data.token.values.tolist() == WORDS


def test_arrays_can_be_swept_and_written() -> None:
    arrays = [LOGITS, xr.DataArray(P[::-1], coords={"word": WORDS}, dims="word")]
    sweep = jc.Sweep.from_dict({**RUN, "axes": {"initial": arrays}})
    assert sweep.shape == (2,)
    assert jc.Sweep.from_dict({**RUN, "axes": {"initial": np.array([P, P[::-1]])}}).shape == (2,)
    written = jc.Sweep.from_dict(tomllib.loads(sweep.to_toml()))
    np.testing.assert_array_equal(written.streams(), sweep.streams())


def test_swept_numbers_may_be_arrays_of_any_kind() -> None:
    wanted = jc.Sweep.from_dict({"axes": {"temperature": [0.5, 1.0]}})
    values = np.array([0.5, 1.0])
    for array in (values, values.astype(np.float32), jnp.array([0.5, 1.0]), xr.DataArray(values), pd.Series(values)):
        assert jc.Sweep.from_dict({"axes": {"temperature": array}}) == wanted


@pytest.mark.parametrize(
    ("initial", "told"),
    [
        (np.array([300.0, 20.0, 1.0]), "process.initial: 'the array' does not say what its numbers are, and they look"),
        (np.array([np.nan, 1.0]), "process.initial: the array has NaN or infinite values"),
        (np.zeros((2, 2, 2)), "process.initial: the array has the shape (2, 2, 2)"),
        (np.array(["a", "b"]), "process.initial: an array of <U1 does not hold real numbers"),
        (np.array([1j, 0]), "process.initial: an array of complex128 does not hold real numbers"),
        (xr.DataArray([-1.0, 2.0], name="probability"), "process.initial: probability has negative values"),
        (xr.Dataset({"a": ("x", [0.5, 0.5])}), "process.initial: is a Dataset; give one of its variables, 'a'"),
    ],
    ids=["counts", "nan", "shape", "text", "complex", "negative", "dataset"],
)
def test_what_is_no_distribution_is_refused(initial: Any, told: str) -> None:
    with pytest.raises(jc.InputError) as refused:
        jc.Sweep.from_dict({"process": {"initial": initial}})
    assert told in str(refused.value)
