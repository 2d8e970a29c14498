"""Settings of the whole test run: two CPU devices, shapes and types checked, strictness everywhere."""

import gc
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.monitoring
import pytest
from hypothesis import settings

import hatch_build
from tests.support import typecheck
from tests.tiers import tier_of

jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# Functions that say which shapes and types they take are held to it. This stands before the import of the package.
typecheck.install("jaxcollapse")

settings.register_profile("suite", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("suite")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True, scope="module")
def _programs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Programs are those of the module: compiled in a quarter of the time, unless it is marked as `optimised`.

    Compiled programs hold memory maps, of which a process has a limited number.
    """
    from jaxcollapse.program import compiling
    from jaxcollapse.system import jit_on_disk
    from tests.support.engines import unoptimised

    with nullcontext() if request.node.get_closest_marker("optimised") else unoptimised():
        yield
    compiling.compiling.cache_clear()
    jit_on_disk._load_or_compile.cache_clear()
    jax.clear_caches()
    gc.collect()


@pytest.fixture(autouse=True)
def _optimised(request: pytest.FixtureRequest) -> Iterator[None]:
    """A single test of a module may be marked as `optimised`, too."""
    from tests.support.engines import optimised

    with optimised() if request.node.get_closest_marker("optimised") else nullcontext():
        yield


Compiles = Callable[[], int]


@contextmanager
def counted() -> Iterator[Compiles]:
    """Counts what the compiler behind JAX has compiled since it was called."""
    seen: list[str] = []

    def listen(event: str, duration: float, **told: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield lambda: len(seen)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


@pytest.fixture
def compiles() -> Iterator[Compiles]:
    """Counts what the compiler behind JAX has compiled since the test began."""
    with counted() as number:
        yield number


@pytest.fixture
def in_root(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository's root as the working folder."""
    monkeypatch.chdir(ROOT)
    return ROOT


@dataclass(frozen=True)
class Finished:
    """A folder laid out like the repository, in which a sweep has been run. printed: what the command said."""

    folder: Path
    printed: str


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The quickstart as a user runs it: a process of its own, on the real logits."""
    folder = tmp_path_factory.mktemp("quickstart")
    shutil.copytree(ROOT / "sweeps", folder / "sweeps")
    from tests.support.engines import optimised

    command = [sys.executable, "-m", "jaxcollapse", "run", "sweeps/quickstart.toml"]
    with optimised():
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Finished(folder, done.stdout)


def pytest_configure() -> None:
    """Compiles the native library again if its sources have changed, with warnings of the compiler as errors."""
    folder = ROOT / "jaxcollapse" / "native"
    if hatch_build.is_wanted() and any(folder.glob("*.so")) and not hatch_build.is_current(folder):
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv(hatch_build.STRICT, "1")
            hatch_build.build(folder, objects=ROOT / hatch_build.OBJECTS)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test with the tier of its file; quick tests come last, so that no process waits long for another."""
    tiers = {item: tier_of(item.path.relative_to(ROOT / "tests").as_posix()) for item in items}
    for item, tier in tiers.items():
        if tier:
            item.add_marker(tier)
    items.sort(key=lambda item: ("claims", "system", "").index(tiers[item]))


def pytest_collection_finish() -> None:
    """What is there by now stays, and tracing drops much: garbage need not be looked for so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def _plain_environment(tmp_path_factory: pytest.TempPathFactory) -> None:
    # Processes that tests start share compiled programs, but not the user's; the tests' own process compiles.
    own = tmp_path_factory.getbasetemp()
    everybodys = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    os.environ["XDG_CACHE_HOME"] = str(everybodys / "cache")
    jax.config.update("jax_enable_compilation_cache", False)
    os.environ.pop("FORCE_COLOR", None)
    os.environ["NO_COLOR"] = "1"
    warnings.filterwarnings("error")
