"""The registry of oracles, what they refuse, and what an import costs."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

from experiments.agreement.areas import AREAS
from jaxcollapse import theory
from jaxcollapse.errors import InputError
from jaxcollapse.sweep.process_fields import fields
from jaxcollapse.sweep.sweep import Sweep
from tests.conftest import ROOT

OWN_WORDS = {"p0", "p", "start", "scores", "threshold", "steps", "advantages", "correct"}
OWN_WORDS |= {"correct_mass", "rare_mass", "wrong_mass"}  # no fields, or fields that take other values there


def test_every_oracle_says_what_it_is() -> None:
    for name, entry in theory.ORACLES.items():
        assert entry.name == name
        assert name in theory.__all__
        assert entry.description.endswith(".")
        assert entry.formula
        assert entry.assumes
        assert entry.source
        for fact in (entry.formula, entry.assumes, entry.source, entry.error or "it is exact"):
            assert fact in (entry.function.__doc__ or "")
    assert {"mean_entropy", "step_law"} <= {name for name, entry in theory.ORACLES.items() if entry.is_exact}
    assert not theory.ORACLES["diffusion_collapse_time"].is_exact


def test_arguments_have_the_names_of_a_sweep_file() -> None:
    words = {*fields(), *Sweep.model_fields, *OWN_WORDS}
    for name, entry in theory.ORACLES.items():
        assert set(inspect.signature(entry.function).parameters) <= words, name


def test_every_oracle_is_compared_with_the_engine() -> None:
    page = (ROOT / "docs/agreement.md").read_text(encoding="utf-8")
    for name in theory.ORACLES:
        assert f"| `{name}` |" in page, name
    for area in AREAS:
        assert f"\n## {area}\n" in page


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"p0": [0.5, 0.6]}, r"p0: \[0\.5, 0\.6\]: must be probabilities ≥ 0 that add up to 1"),
        ({"p0": [1.5, -0.5]}, "p0: .* must be probabilities"),
        ({"p0": [np.nan, 1.0]}, "p0: .* must be probabilities"),
        ({"p0": [[0.5, 0.5]]}, r"p0: an array of shape \(1, 2\): must be one row of probabilities"),
        ({"p0": []}, "p0: an array of shape"),
        ({"samples": 0}, "samples: 0: must be a whole number from 1 to inf"),
        ({"samples": 2.5}, "samples: 2.5: must be a whole number"),
        ({"samples": np.nan}, "samples: nan: must be a whole number"),
        ({"generations": -1}, "generations: -1: must be whole numbers ≥ 0"),
        ({"generations": [0, 1.5]}, "generations: .* must be whole numbers ≥ 0"),
        ({"generations": np.inf}, "generations: inf: must be whole numbers ≥ 0"),
        ({"mixing": 1.1}, "mixing: 1.1: must be a number from 0 to 1"),
        ({"fresh_fraction": -0.1}, "fresh_fraction: -0.1: must be a number from 0 to 1"),
        ({"smoothing": np.inf}, "smoothing: inf: must be a finite number ≥ 0"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_by_name_and_value(arguments: dict[str, object], told: str) -> None:
    given = {"p0": [0.5, 0.5], "samples": 5, "generations": 1, **arguments}
    with pytest.raises(InputError, match=told) as caught:
        theory.mean_heterozygosity(**given)
    assert isinstance(caught.value, ValueError)


def test_probabilities_of_single_precision_are_taken() -> None:
    p = np.array([0.1, 0.2, 0.7], np.float32)
    assert theory.mean_heterozygosity(p, samples=5, generations=0) == pytest.approx(0.46)


def test_importing_jaxcollapse_imports_no_scipy() -> None:
    code = "import sys, jaxcollapse; assert 'scipy' not in sys.modules and 'jaxcollapse.theory' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
