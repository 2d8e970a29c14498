"""Running chunks by any executor: a pool of processes, Dask's workers, MPI's.

A task is one chunk; its result comes back, and is stored by the process that asked for it. So there is one writer, and
workers need no access to the study.
"""

import math
import tomllib
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from itertools import islice

import numpy as np

from jaxcollapse.errors import InputError
from jaxcollapse.execute.local import execute
from jaxcollapse.execute.result import Result
from jaxcollapse.parts.plugin import Plugin, load_plugin
from jaxcollapse.planning import Chunk, Machine, Plan, plan, this_machine
from jaxcollapse.sweep.sweep import Sweep
from jaxcollapse.system.kernels import SAME_BITS
from jaxcollapse.system.signals import Stop, Stopped, heeded

_TASKS_PER_WORKER = 3  # one that it computes, one that waits for it, one whose result waits for this process
_MOST_TASKS = 256  # handed to the executor at once, where it does not say how many workers it has
_MOST_BYTES = 2**30  # of results that may wait at once for this process


def machine_of(executor: Executor) -> Machine:
    """What the executor's workers run on, as one of them says.

    Raises:
        InputError: its workers would hang.
    """
    context = getattr(executor, "_mp_context", None)
    if isinstance(executor, ProcessPoolExecutor) and context and context.get_start_method() == "fork":
        raise InputError(
            "executor",
            "a pool of forked processes can hang, because JAX is multithreaded; "
            "use ProcessPoolExecutor(mp_context=multiprocessing.get_context('spawn'))",
        )
    return executor.submit(_this_machine).result()


def execute_on(
    executor: Executor,
    plan: Plan,
    advance: Callable[[int], None],
    chunks: Iterable[Chunk],
    stop: Stop | None = None,
) -> Generator[Result, None, None]:
    """Computes chunks of a plan that was made for the executor's workers, and gives each when it is there.

    When a worker fails, or the run is to stop, what workers have in hand is computed and given first.

    Args:
        executor: what computes them.
        plan: what is to be computed.
        advance: is called with the number of trajectories finished since its last call.
        chunks: some of the plan's, which are asked for one by one, shortly before they are handed to the executor.
        stop: is asked whether to stop.

    Raises:
        InputError: a worker runs on something else than the plan was made for.
        KeyboardInterrupt: a worker was interrupted.
    """
    stop = stop or Stop()
    text, folder, plugins = plan.sweep.to_toml(), str(plan.sweep.folder.resolve()), plan.sweep.needed
    most, coming = _most_tasks(executor, plan), iter(chunks)
    running: dict[Future[list[Result]], Chunk] = {}
    failed: BaseException | None = None
    try:
        while True:
            try:
                for chunk in islice(coming, 0 if failed or stop.is_asked else most - len(running)):
                    program = repr(plan.buckets[chunk.bucket].program)  # as text: a class of a plug-in is unknown yet
                    machine = plan.machine
                    future = executor.submit(
                        compute_chunk, text, folder, machine.platform, program, chunk, plugins, machine.kernel
                    )
                    running[future] = chunk
                    future.add_done_callback(stop.wake)
                    stop.call_seconds = plan.seconds_of(chunk)
            except Exception as error:
                failed = error
            if failed or stop.is_asked:
                for future in running:
                    future.cancel()
            if not running:
                break
            done = [future for future in running if future.done()]
            if not done:
                stop.wait()
            for future in done:
                chunk = running.pop(future)
                if future.cancelled() or future.exception() is not None:
                    failed = failed or (None if future.cancelled() else future.exception())
                    continue
                for result in future.result():
                    advance(len(result.chunk))
                    yield result
                if sum(len(result.chunk) for result in future.result()) < len(chunk):
                    failed = failed or KeyboardInterrupt("a worker was interrupted")
        stop.check()
        if failed:
            raise failed
    finally:
        for future in running:
            future.cancel()


def compute_chunk(
    sweep: str,
    folder: str,
    platform: str,
    program: str,
    chunk: Chunk,
    plugins: tuple[Plugin, ...] = (),
    kernel: str = SAME_BITS,
) -> list[Result]:
    """What a worker does: computes a chunk of a sweep, whose text and folder are given, by this program, in words.

    Returns:
        The chunk, maybe in parts; not all of it if the worker is interrupted, as the interrupt key does it.
    """
    for plugin in plugins:
        _check_has(plugin)
    planned = _planned(sweep, folder, plugins, kernel)
    if planned.machine.platform != platform:
        raise InputError("executor", f"a worker runs on {planned.machine.platform}, another on {platform}")
    if chunk.bucket >= len(planned.buckets) or repr(planned.buckets[chunk.bucket].program) != program:
        raise InputError(
            "executor", "a worker plans the sweep differently; install the same version of jaxcollapse there"
        )
    results: list[Result] = []
    with suppress(Stopped), heeded(quiet=True) as stop:
        for result in execute(planned, lambda trajectories: None, [chunk], stop, (math.inf, math.inf)):
            results.append(result)
    return results


def _this_machine() -> Machine:
    """The description of this machine without its devices, which belong to their process."""
    return replace(this_machine(), devices=())


def _check_has(plugin: Plugin) -> None:
    """Loads a plug-in in a worker.

    Raises:
        InputError: it is not there, or has another text.
    """
    if plugin.source is None:
        return  # of a script, which workers import; of a notebook, and then planning says what is missing
    found = load_plugin(plugin.source)
    if found.digest != plugin.digest:
        raise InputError("executor", f"a worker has another version of the plug-in {plugin}: sha256 {found.digest}")


@lru_cache(maxsize=4)
def _planned(text: str, folder: str, plugins: tuple[Plugin, ...], kernel: str) -> Plan:
    """A plan with no chunks: a worker is given them."""
    sweep = Sweep.from_dict(tomllib.loads(text), folder=folder)
    return plan(sweep, done=np.ones((sweep.grid.cells, sweep.replicates), bool), kernel=kernel)


def _most_tasks(executor: Executor, plan: Plan) -> int:
    """How many chunks are handed out at once: so few that other runs find some, and that their results find room."""
    largest = max((len(chunk) for chunk in plan.chunks), default=1)
    by_bytes = _MOST_BYTES // (largest * plan.trajectory_bytes)
    workers = getattr(executor, "_max_workers", None)
    by_workers = _TASKS_PER_WORKER * workers if isinstance(workers, int) else _MOST_TASKS
    return max(2, min(by_workers, by_bytes))
