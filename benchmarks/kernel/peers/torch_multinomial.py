"""PyTorch: batched `torch.multinomial`, counted by `scatter_add_`; on a GPU if it sees one."""

import os
import time

import torch

from benchmarks.contender import Run
from benchmarks.kernel.point import LEARNING_RATE, TEMPERATURE, Point, initial_logits

_MOST_DRAWS = 2**27  # traces × trajectories that fit in memory as 64-bit tokens


def run_of(point: Point, trajectories: int) -> Run | None:
    if point.batch * trajectories > _MOST_DRAWS:
        return None
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    start = torch.tensor(initial_logits(point, trajectories), dtype=torch.float32, device=device)
    shares = torch.full((trajectories, point.batch), 1 / point.batch, device=device)

    def run(generations: int) -> torch.Tensor:
        with torch.inference_mode():
            z = start.clone()
            for _ in range(generations):
                tokens = torch.multinomial(torch.softmax(z / TEMPERATURE, dim=1), point.batch, replacement=True)
                drawn = torch.zeros_like(z).scatter_add_(1, tokens, shares)
                z -= LEARNING_RATE * (torch.softmax(z, dim=1) - drawn)
            if device.type == "cuda":
                torch.cuda.synchronize()
            return z

    return _with_best_threads(run)


def _with_best_threads(run: Run) -> Run:
    """One thread or all, whichever is faster: where cores are busy, threads wait for each other."""

    def with_threads(threads: int, generations: int) -> torch.Tensor:
        torch.set_num_threads(threads)
        return run(generations)

    def seconds(threads: int) -> float:
        with_threads(threads, 1)
        began = time.perf_counter()
        with_threads(threads, 3)
        return time.perf_counter() - began

    best = min((1, os.cpu_count() or 1), key=seconds)
    return lambda generations: with_threads(best, generations)
