"""The sweep file of a study says whether it is whole; without it the study goes on."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import jaxcollapse as jc
from jaxcollapse.cli.main import app
from jaxcollapse.store.study import Study
from tests.support.studies import assert_same_numbers, copied, run, shards, stamps


@pytest.mark.parametrize("lines", [0, 1, 2, 8, -2, -1])
def test_a_sweep_file_that_has_lost_its_end_is_damaged_and_the_run_goes_on(
    lines: int, finished: Path, tmp_path: Path
) -> None:
    study = copied(finished, tmp_path)
    path = study / "sweep.toml"
    whole = path.read_text()
    path.write_text("".join(whole.splitlines(keepends=True)[:lines]))
    torn, before = path.read_text(), stamps(shards(study))
    ended = CliRunner().invoke(app, ["status", str(study)])
    assert ended.exit_code == 2
    assert ended.stderr.startswith(f"jaxcollapse: {path}: is damaged: ")
    assert ended.stderr.count("\n") == 1
    with jc.open_study(finished) as undisturbed:
        assert_same_numbers(undisturbed.load(), run(study))
    assert path.read_text() == whole
    assert (study / "sweep.damaged.toml").read_text() == torn
    assert stamps(shards(study)) == before


def test_a_damaged_sweep_file_is_not_replaced_by_another_sweep(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    (study / "sweep.toml").write_text("")
    with pytest.raises(jc.InputError, match="is damaged: it is empty"):
        run(study, collapse_threshold=0.5)


def test_a_sweep_file_may_be_edited(finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    path = study / "sweep.toml"
    for text in (
        "# mine\n" + path.read_text(),
        path.read_text() + "\n\n",
        "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#")),  # as earlier versions
    ):
        path.write_text(text)
        assert Study.open(study).summary()["missing"] == 0


@pytest.mark.parametrize("when", ["during a run", "later"])
def test_a_sweep_file_that_was_deleted_is_written_again(when: str, finished: Path, tmp_path: Path) -> None:
    study = copied(finished, tmp_path)
    opened, before = Study.open(study), stamps(shards(study))
    (study / "sweep.toml").unlink()
    if when == "during a run":
        assert opened.reopened().sweep == opened.sweep
    else:
        run(study).close()
    assert Study.open(study).sweep == opened.sweep
    assert stamps(shards(study)) == before
