"""`jaxcollapse submit` without Slurm: what is wrong is said at once, and a dry run shows what would happen."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from submitit.core.utils import UncompletedJobError
from typer.testing import CliRunner, Result

import jaxcollapse as jc
from jaxcollapse.cli.main import app
from jaxcollapse.cluster.request import Request
from jaxcollapse.cluster.submission import Submission
from jaxcollapse.cluster.task import MOST_IDLE, Task
from jaxcollapse.planning.share import Share
from tests.support.studies import SWEEP, run

ASKED = ("--tasks", "4", "--chunk-size", "4")


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(jc.Sweep.from_dict(SWEEP).to_toml())
    return path


def submit(sweep: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["submit", str(sweep), "--out", str(sweep.parent / "study"), *arguments])


def test_a_dry_run_shows_the_plan_and_the_scripts_and_writes_nothing(sweep: Path) -> None:
    result = submit(sweep, *ASKED, "--cpus-per-task", "2", "--setup", "module load python", "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("<Plan 'Small': 16 trajectories on 1 cpu device, ")
    assert "16 trajectories in 4 chunks for 4 tasks on cpu: about 1 for each\n" in result.stdout
    _, array, after = re.split(r"^# The .*:$", result.stdout, flags=re.MULTILINE)
    logs = sweep.parent / "study" / "slurm"
    for line in ("#SBATCH --array=0-3%4", "#SBATCH --requeue", f"#SBATCH --output={logs}/%A_%a_0_log.out"):
        assert line in array.splitlines()
    assert "#SBATCH --dependency=afterany:ARRAY_JOB_ID" in after.splitlines()
    for script in (array, after):
        assert "module load python" in script.splitlines()
        assert "#SBATCH --time=60" in script.splitlines()
        assert "wckey" not in script
    assert list(sweep.parent.iterdir()) == [sweep]


def test_a_sweep_with_a_rule_for_replicates_has_a_task_for_each_cell_at_most(sweep: Path) -> None:
    rule = {"until": {"entropy": 0.1}, "least": 4, "most": 64}
    sweep.write_text(jc.Sweep.from_dict({**SWEEP, "replicates": rule}).to_toml())
    result = submit(sweep, "--tasks", "9", "--dry-run")
    assert "jaxcollapse: 4 cells for 9 tasks, so --tasks 4 suffices; a share has whole cells\n" in result.stderr
    assert "16 trajectories in the next round for 4 tasks on cpu: each goes on with its cells" in result.stdout
    assert "#SBATCH --array=0-3%4" in result.stdout


def test_a_study_for_gpus_is_planned_where_there_are_none(sweep: Path) -> None:
    asked = ["--gpus-per-node", "a100:2", "--constraint", "nvlink", "--slurm", "gpu-bind=closest"]
    told = json.loads(submit(sweep, *ASKED, *asked, "--dry-run", "--json").stdout)
    assert (told["plan"]["platform"], told["plan"]["devices"], told["plan"]["machine_bytes"]) == ("gpu", 2, None)
    for line in ("#SBATCH --gpus-per-node=a100:2", "#SBATCH --constraint=nvlink", "#SBATCH --gpu-bind=closest"):
        assert line in told["array_script"].splitlines()
    assert not re.search("#SBATCH.*(gpu-|constraint)", told["finalize_script"])


def test_tasks_prefer_the_kernel_that_was_asked_for(tmp_path: Path) -> None:
    given = jc.Sweep.from_dict(SWEEP), tmp_path / "study", Request(tasks=2, name="one"), "gpu", None, None
    assert {task.kernel for task in Submission(*given, "fastest").tasks} == {"fastest"}
    assert {task.kernel for task in Submission(*given).tasks} == {"same-bits"}


def test_the_kernel_of_tasks_with_gpus_is_told_where_there_are_none(sweep: Path) -> None:
    asked = [*ASKED, "--gpus-per-node", "1", "--dry-run"]
    told = "kernel: fastest: on GPUs that have native code, native code up to 8,192 tokens"
    assert told in submit(sweep, *asked, "--kernel", "fastest").stdout
    assert "kernel: " not in submit(sweep, *asked).stdout


def test_a_dry_run_of_a_complete_study_says_that_nothing_is_missing(sweep: Path) -> None:
    study = sweep.parent / "study"
    run(study)
    assert submit(sweep, *ASKED, "--dry-run").stdout == f"nothing is missing in {study}\n"
    told = json.loads(submit(sweep, *ASKED, "--dry-run", "--json").stdout)
    assert (told["plan"]["trajectories"], told["array_script"], told["finalize_script"]) == (0, None, None)


def test_more_tasks_than_chunks_are_told(sweep: Path) -> None:
    result = submit(sweep, "--tasks", "9", "--chunk-size", "4", "--dry-run")
    assert result.exit_code == 0
    told = "smaller chunks would not be faster, as each is about one device call"
    assert result.stderr == f"jaxcollapse: 4 chunks for 9 tasks, so --tasks 4 suffices; {told}\n"
    assert "#SBATCH --array=0-3%4\n" in result.stdout, "no task is without a chunk"


def test_smaller_chunks_are_advised_where_they_fill_device_calls(sweep: Path) -> None:
    sweep.write_text(jc.Sweep.from_dict({**SWEEP, "replicates": 300}).to_toml())
    result = submit(sweep, "--tasks", "9", "--dry-run")
    assert (
        result.stderr
        == "jaxcollapse: 1 chunk for 9 tasks, so --tasks 1 suffices; --chunk-size 512 makes more of them\n"
    )
    assert "1200 trajectories in 3 chunks" in submit(sweep, "--chunk-size", "512", "--dry-run").stdout


def test_a_study_that_lacks_its_dataset_alone_is_told_how_to_have_it(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jaxcollapse.cluster.submission.Submission.check_commands", staticmethod(lambda: None))
    study = sweep.parent / "study"
    run(study)
    assert submit(sweep).stdout == f"nothing is missing in {study}\n"
    (study / "result.nc").unlink()
    assert submit(sweep).stdout == f"nothing is missing in {study} but its dataset: jaxcollapse finalize {study}\n"


BAD = {
    "time": (["--time", "tomorrow"], "time: 'tomorrow' is not a time limit of sbatch"),
    "no time": (["--time", "0:00"], "time: '0:00' is not"),
    "memory": (["--mem", "16 GB"], "mem: '16 GB' is not a number of megabytes"),
    "gpus": (["--gpus-per-node", "all"], "gpus-per-node: 'all' is not a number of 1 or more, or type:number"),
    "no gpus": (["--gpus-per-node", "a100:0"], "gpus-per-node: 'a100:0' is not a number of 1 or more, or type:number"),
    "lines": (["--setup", "a\nb"], r"setup: 'a\nb' is not a single line of text"),
    "an option": (["--slurm", "x=y"], "slurm: 'x=y' is not KEY=VALUE with the long name"),
    "an option of its own": (["--slurm", "partition=a"], "slurm: 'partition=a' cannot be given here; use --partition"),
    "what is taken": (["--slurm", "--ntasks=2"], "use --tasks, as each task is one process on one node"),
    "platform": (["--platform", "quantum"], "platform: 'quantum' is not one of cpu, gpu, tpu"),
    "kernel": (["--kernel", "quick"], "kernel: 'quick' is not one of same-bits, fastest"),
    "devices": (["--devices", "0"], "devices: 0: must be from 1"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_request_is_refused_in_one_line(bad: str, sweep: Path) -> None:
    arguments, told = BAD[bad]
    result = submit(sweep, *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(sweep.parent.iterdir()) == [sweep]


def test_a_sweep_that_contradicts_the_study_is_refused(sweep: Path) -> None:
    run(sweep.parent / "study", seed=6)
    for more in ([], ["--dry-run"]):
        result = submit(sweep, *more)
        assert result.exit_code == 2
        assert "seed 6, not 5" in result.stderr or "no sbatch" in result.stderr


def test_a_machine_without_slurm_is_told_what_to_do(
    sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = submit(sweep)
    assert result.exit_code == 2
    assert "the command sbatch is not found: submit from a machine of a Slurm cluster, or start " in result.stderr
    assert list(sweep.parent.iterdir()) == [sweep]


def test_an_installation_without_submitit_is_told_what_to_install(sweep: Path) -> None:
    program = "import sys; sys.modules['submitit'] = None; from jaxcollapse.cli.main import main; main()"
    command = [sys.executable, "-c", program, "submit", str(sweep)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=sweep.parent)
    assert done.returncode == 2
    assert done.stderr == f"jaxcollapse: {sweep}: submitting needs submitit: pip install 'jaxcollapse[slurm]'\n"


def test_a_path_that_slurm_would_read_otherwise_is_refused(sweep: Path) -> None:
    result = CliRunner().invoke(app, ["submit", str(sweep), "--out", str(sweep.parent / "100%j"), "--dry-run"])
    assert result.exit_code == 2
    assert "Slurm gives % a special meaning" in result.stderr


@pytest.mark.parametrize(
    ("time", "minutes"),
    [("90", 90), ("1:30", 2), ("2:00:00", 120), ("1-0", 1440), ("1-12:30", 2190), ("0-00:01:01", 2), ("0:59", 1)],
)
def test_times_are_those_of_sbatch(time: str, minutes: int) -> None:
    assert Request(tasks=1, name="a", time=time).minutes == minutes


def test_a_number_of_tasks_beyond_any_cluster_is_refused(sweep: Path) -> None:
    result = submit(sweep, "--tasks", "1000000000", "--dry-run")
    assert result.exit_code == 2
    assert "Invalid value for '--tasks': Input should be less than or equal to 100000" in result.stderr


def test_a_folder_whose_name_has_two_lines_is_refused(sweep: Path) -> None:
    result = submit(sweep, "--out", "a\n#SBATCH --wrap=x", "--dry-run")
    assert result.exit_code == 2
    assert r"'a\n#SBATCH --wrap=x' contains a control character; rename it" in result.stderr


def test_no_name_of_a_folder_can_add_a_command_to_a_script(sweep: Path) -> None:
    study = sweep.parent / "it's $(touch x); `touch y` & #SBATCH"
    result = CliRunner().invoke(app, ["submit", str(sweep), "--out", str(study), "--dry-run", "--json"])
    script = json.loads(result.stdout)["array_script"]
    commands = [line for line in script.splitlines() if line and not line.startswith("#")]
    assert [shlex.split(line)[0] for line in commands] == ["export", "srun"]
    assert shlex.split(commands[1]).count(str(study / "slurm")) == 1
    assert "#SBATCH --job-name=jaxcollapse-it_s___touch_x____touch_y_____SBATCH\n" in script


def test_a_chunk_longer_than_a_task_may_take_is_told(sweep: Path) -> None:
    sweep.write_text(
        jc.Sweep.from_dict(
            {**SWEEP, "generations": 2 * 10**9, "record": {"every": 10**9}, "process": {"vocab_size": 9999}}
        ).to_toml()
    )
    result = submit(sweep, *ASKED, "--time", "10", "--dry-run")
    assert result.exit_code == 0
    assert re.search(r"a chunk takes about .*, and a task is stopped after 10 min", result.stderr)
    assert submit(sweep, *ASKED, "--time", "1000-0", "--dry-run").stderr == ""


def test_a_task_that_gets_no_further_is_not_queued_again_for_ever(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    task = Task(tmp_path, Share(0, 2), "cpu")
    for _ in range(MOST_IDLE):
        task = task.checkpoint().function
    (tmp_path / "shards" / "a.nc").touch()
    for _ in range(MOST_IDLE):
        task = task.checkpoint().function
    with pytest.raises(UncompletedJobError, match=r"share 0/2 of .* 5 times without storing a new shard"):
        task.checkpoint()


@pytest.mark.parametrize("link", ["slurm", "slurm/1_0_log.out"])
def test_links_that_lead_what_jobs_write_out_of_a_study_are_refused(link: str, sweep: Path) -> None:
    elsewhere = sweep.parent / "elsewhere"
    elsewhere.mkdir()
    path = sweep.parent / "study" / link
    path.parent.mkdir(parents=True)
    path.symlink_to(elsewhere)
    result = submit(sweep, *ASKED, "--dry-run")
    assert result.exit_code == 2
    assert "is a link or contains links" in result.stderr
