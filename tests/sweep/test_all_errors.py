"""All faults of a sweep file are reported at once, a line each; none is a mere consequence of another."""

import pickle
from pathlib import Path

import pytest
from typer.testing import CliRunner

import jaxcollapse as jc
from jaxcollapse.cli.main import app
from jaxcollapse.errors import REPORTED

FAULTY = """\
generation = 50
seed = "one"
observables = ["entropie", "kl_to_initial", "entropi"]
record = { every = 10, points = 3 }
common_random_numbers = ["temprature"]

[process]
lr = 0.1
momentum = 0.5
temperature = [0.9, 1.0]
top_p = 2.0
initial = { kind = "zipf", exponent = "one", shift = 1.0 }

[axes]
vocab = [4, 8]
batch_size = [1, 0]
samples = [10]
seed = [1, 2]
"""


def faults(text: str, tmp_path: Path) -> dict[str, str]:
    """What `jaxcollapse plan` says of a file, by key."""
    path = tmp_path / "sweep.toml"
    path.write_text(text)
    result = CliRunner().invoke(app, ["plan", str(path)])
    assert result.exit_code == 2
    lines = [line.removeprefix(f"jaxcollapse: {path}: ").split(": ", 1) for line in result.stderr.splitlines()]
    assert len({key for key, _ in lines}) == len(lines) or "observables" in dict(lines)
    return dict(lines)


def test_unknown_keys_types_ranges_and_what_does_not_fit_come_together(tmp_path: Path) -> None:
    told = faults(FAULTY, tmp_path)
    assert told.keys() == {
        *("generation", "seed", "record", "observables", "common_random_numbers"),
        *("process.lr", "process.momentum", "process.temperature", "process.top_p"),
        *("process.initial.exponent", "process.initial.shift"),
        *("axes.vocab", "axes.batch_size[1]", "axes.seed"),
    }
    assert "did you mean 'learning_rate'?" in told["process.lr"]
    assert "did you mean 'generations'?" in told["generation"]
    assert "make it an axis" in told["process.temperature"]
    assert told["process.momentum"].startswith("has no effect")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[process]\noptimizer = "adm"\nb1 = 0.8', "process.optimizer"),
        ('[process]\noptim = "adam"\nb1 = 0.8', "process.optim"),
        ('[process]\nb1 = 0.8\n[axes]\noptimizer = ["sgd", "adm"]', "axes.optimizer[1]"),
        ('[process]\nupdate = "refit"\n[axes]\nsamples = [0, 1]', "axes.samples[0]"),
        ('[process]\nupdate = "refit"\nsamples = 0', "process.samples"),
        ('[process]\nmodel = "marcov"\nfirst_token = "fixed"\nobservables = ["chain"]', "process.model"),
        ('plugins = ["mine"]\n[process]\nfriction = 0.1', "plugins"),
        ('[process]\ninitial = { kind = "fil", path = "p0.nc" }\nvocab_size = 4', "process.initial.kind"),
    ],
)
def test_what_follows_from_another_fault_is_not_reported(text: str, key: str, tmp_path: Path) -> None:
    told = faults(text, tmp_path)
    told.pop("process.observables", None)
    assert list(told) == [key]


def test_python_has_them_as_a_list() -> None:
    with pytest.raises(jc.InputError) as caught:
        jc.Sweep.from_dict({"seed": -1, "process": {"top_k": 0}, "axes": {"temprature": [1.0]}})
    error = pickle.loads(pickle.dumps(caught.value))
    assert [each.key for each in error.errors] == ["seed", "process.top_k", "axes.temprature"]
    assert error.key == "seed"
    assert str(error).splitlines() == [str(each) for each in error.errors]
    assert [each.source for each in error.of("sweep.toml").errors] == ["sweep.toml"] * 3


def test_of_very_many_faults_the_first_ones_are_reported() -> None:
    for table in ({f"key{number}": 1 for number in range(1000)}, {"process": {f"x{n}": n for n in range(1000)}}):
        with pytest.raises(jc.InputError) as caught:
            jc.Sweep.from_dict(table)
        assert len(caught.value.errors) == REPORTED


def test_a_single_fault_is_a_single_error() -> None:
    with pytest.raises(jc.InputError, match=r"^seed: -1: must be >= 0$") as caught:
        jc.Sweep.from_dict({"seed": -1})
    assert caught.value.errors == (caught.value,)


def test_faults_within_a_table_count_as_those_of_the_file_do() -> None:
    """Where one fault is found beside several of a table, each has a line and an entry."""
    with pytest.raises(jc.InputError) as caught:
        jc.Sweep.from_dict({"title": [], "generations": -1, "replicates": {"some": 3}})
    errors = caught.value.errors
    assert [error.key for error in errors] == ["title", "replicates.until", "replicates.some", "generations"]
    assert str(caught.value).split("\n") == [str(error) for error in errors]
