"""Whatever surrounds a command, it gives the same bits, or one line and exit code 1 or 2."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse.program.compiling import compiling
from jaxcollapse.system.devices import choose
from jaxcollapse.system.scratch import cache_folder
from tests.support.sweeps import run

SWEEP: dict[str, Any] = {
    "title": "Up to T = ∞",
    "generations": 2,
    "replicates": 2,
    "observables": ["entropy", "kl_to_initial", "recovery_gap", "recovery_temperature", "modal_probability"],
    "process": {"vocab_size": 8, "batch_size": 4},
    "axes": {"temperature": [0.9, float("inf")]},
}
SETTINGS = {
    "jax_transfer_guard": "disallow",
    "jax_enable_x64": True,
    "jax_debug_infs": True,
    "jax_disable_jit": True,
    "jax_threefry_partitionable": False,
    "jax_default_prng_impl": "rbg",
}


def test_the_settings_of_jax_do_not_change_a_bit() -> None:
    """Neither of JAX's random bits, which p0 is made of here, nor of what XLA computes."""
    process = {"vocab_size": 4, "batch_size": 2, "optimizer": "adam", "initial": {"kind": "dirichlet"}}
    found = []
    for changed in ({}, SETTINGS):
        compiling.cache_clear()
        before = {name: getattr(jax.config, name) for name in changed}
        for name, value in changed.items():
            jax.config.update(name, value)
        try:
            found.append(run(process, {}, generations=1, replicates=2))
        finally:
            for name, value in before.items():
                jax.config.update(name, value)
    np.testing.assert_array_equal(found[0].entropy.values, found[1].entropy.values)


@pytest.mark.parametrize("home", ["", "/dev/null", "/dev/null/below", "/proc/nothing"])
def test_without_a_cache_nothing_is_kept(home: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    monkeypatch.setenv("HOME", "/proc/nothing" if home == "" else str(tmp_path))
    assert cache_folder("programs") is None
    assert not list(tmp_path.iterdir())


def test_more_devices_than_a_processor_can_be_divided_into_are_refused() -> None:
    with pytest.raises(jc.InputError, match="4096: the processors of this machine can be"):
        choose("cpu", 4096)


# What a shell says before `python -m jaxcollapse`, arguments, exit code, and what the one line of stderr has.
CHEAP = {
    "a setting that JAX refuses": ("JAX_ENABLE_X64=maybe", "plan s.toml", 2, "environment: JAX refuses a setting: "),
    "output nowhere": ("", "plan s.toml >/dev/full", 1, "standard output: cannot be written: No space left on device"),
    "messages nowhere": ("", "plan none.toml 2>/dev/full", 2, ""),
}
LONG = {
    "a platform that is not": (
        "JAX_PLATFORMS=bogus",
        "plan s.toml",
        2,
        "environment: JAX_PLATFORMS: 'bogus': JAX cannot",
    ),
    "little memory": ("ulimit -v 1500000;", "plan s.toml", 1, "the address space is limited to 1.4 GiB (ulimit -v)"),
    "a reader that has seen enough": ("", "plan s.toml | true", 0, ""),
    "streams that are closed": ("", "plan none.toml 2>&- >&- <&-", 2, ""),
    "a locale without ∞": ("PYTHONIOENCODING=ascii", "plan s.toml", 0, ""),
    "no C library for Unicode": ("LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0", "plan s.toml", 0, ""),
    "cuda": ("JAX_PLATFORMS=cuda", "plan s.toml", 2, "JAX_PLATFORMS: 'cuda': JAX cannot use that here"),
    "tpu": ("JAX_PLATFORMS=tpu", "plan s.toml", 2, "JAX_PLATFORMS: 'tpu': JAX cannot use that here"),
    "rocm": ("JAX_PLATFORMS=rocm", "plan s.toml", 2, "JAX_PLATFORMS: 'rocm': JAX cannot use that here"),
    "guard": ("JAX_TRANSFER_GUARD=disallow", "run s.toml --out study", 0, ""),
    "wide": ("JAX_ENABLE_X64=1", "run s.toml --out study", 0, ""),
    "infinities": ("JAX_DEBUG_INFS=1 JAX_DEBUG_NANS=1", "run s.toml --out study", 0, ""),
    "interpreted": ("JAX_DISABLE_JIT=1", "run s.toml --out study", 0, ""),
    "optimised": ("PYTHONOPTIMIZE=2", "run s.toml --out study", 0, ""),
    "ascii": ("PYTHONIOENCODING=ascii", "run s.toml --out study", 0, ""),
    "latin-1": ("PYTHONIOENCODING=latin-1", "run s.toml --out study", 0, ""),
    "an array of one's own": (
        "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=4",
        "run s.toml --out study",
        0,
        "the whole",
    ),
    "a long number": (f"SLURM_ARRAY_TASK_ID={'9' * 5000}", "run s.toml --out study", 0, "computing the whole sweep"),
    "no cache, no home": ("XDG_CACHE_HOME=/proc/no HOME=/proc/no", "run s.toml --out study", 0, ""),
    "closed": ("", "run s.toml --out study 2>&- >&- <&-", 0, ""),
    "full": ("", "run s.toml --out study 2>/dev/full", 0, ""),
    "few files": ("ulimit -n 24;", "run s.toml --out study", 0, ""),
    "small files": ("ulimit -f 1;", "run s.toml --out study", 1, "File too large"),
    "small stack": ("ulimit -s 512;", "run s.toml --out study", 0, ""),
    "some memory": ("ulimit -v 4000000;", "run s.toml --out study", 0, ""),
}


@pytest.fixture
def shell(tmp_path: Path) -> Any:
    """Runs a command line of the command in a shell, after words that surround it."""
    (tmp_path / "s.toml").write_text(jc.Sweep.from_dict(SWEEP).to_toml(), encoding="utf-8")

    def command(before: str, arguments: str) -> subprocess.CompletedProcess[str]:
        clean: Mapping[str, str] = {
            key: value for key, value in os.environ.items() if not key.startswith(("JAX", "XLA", "SLURM"))
        }
        line = f"set -o pipefail; {before} {sys.executable} -m jaxcollapse {arguments}"
        return subprocess.run(
            ["bash", "-c", line], env=clean, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
        )

    return command


@pytest.mark.parametrize("case", CHEAP)
def test_a_plan_says_what_is_wrong_in_one_line(case: str, shell: Any) -> None:
    before, arguments, code, told = CHEAP[case]
    done = shell(before, arguments)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert done.stderr.count("\n") == (1 if told else 0), done.stderr


@pytest.mark.parametrize("case", LONG)
def test_a_run_gives_the_same_bits_or_says_what_is_wrong(case: str, shell: Any, tmp_path: Path) -> None:
    before, arguments, code, told = LONG[case]
    done = shell(before, arguments)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    if code == 0 and arguments.startswith("run"):
        expected = jc.run(jc.Sweep.from_dict(SWEEP), progress=False)
        with jc.open_study(tmp_path / "study") as data:
            for name in expected.data_vars:
                np.testing.assert_array_equal(data[name].values, expected[name].values)
