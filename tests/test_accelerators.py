"""What is written for accelerators, checked without one: the program as it would be handed to their compiler."""

import re
from typing import Any

import jax
import pytest

import jaxcollapse as jc
from jaxcollapse import native
from jaxcollapse.planning import distant_machine
from jaxcollapse.planning.cells import resolve
from jaxcollapse.program.compiling import _OPTIONS, arguments
from jaxcollapse.program.kernel import Program, jitted

# Loops that every program has: over records, and over the generations between two of them.
COMMON = 2
PROCESSES: list[tuple[str, dict[str, Any], int]] = [
    ("split draws", {"batch_size": 10**6}, COMMON + 1),  # over the visits of the tree
    ("single draws", {"batch_size": 1}, COMMON + 2),  # over blocks, and over the levels of the tree
    ("expectation", {"batch_size": float("inf")}, COMMON),
    ("several steps", {"batch_size": 10**6, "steps": 3}, COMMON + 2),  # and over steps
    ("refit", {"update": "refit", "samples": 10**6}, COMMON + 1),
    # Splitting the traces among personas, and then their tokens.
    ("personas", {"model": "persona", "update": "refit", "samples": 10**6}, COMMON + 2),
    ("low rank", {"model": "persona", "parameters": "lowrank"}, COMMON + 2),
    # First tokens, the places of a trace, those that follow; and the places again, to look at the model.
    ("Markov", {"model": "markov", "vocab_size": 64, "update": "refit", "samples": 10**6}, COMMON + 4),
    ("ensemble", {"model": "ensemble"}, COMMON + 1),
]


def program_of(process: dict[str, Any], platform: str) -> Program:
    data = {"observables": ["entropy"], "generations": 4, "process": {"vocab_size": 4096, **process}}
    (program,) = resolve(jc.Sweep.from_dict(data), platform).programs
    return program


def lowered(program: Program, platform: str) -> str:
    traced = jitted(program).trace(*arguments(program, program.width(platform), 3))
    return traced.lower(lowering_platforms=(platform,)).as_text()


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@pytest.mark.parametrize(("name", "process", "loops"), PROCESSES, ids=[name for name, _, _ in PROCESSES])
def test_nothing_in_a_program_stalls_an_accelerator(
    platform: str, name: str, process: dict[str, Any], loops: int
) -> None:
    """No call back to the host, no branch and no loop that depends on what was drawn, no scatter of floats."""
    text = lowered(program_of(process, platform), platform)
    assert "callback" not in text
    assert not re.search(r"stablehlo\.(case|if)\b", text)
    assert len(re.findall(r"stablehlo\.while\b", text)) == loops
    for scatter in re.findall(r'"stablehlo\.scatter".*?\}\) : \((.*?)\)', text, re.DOTALL):
        assert "xi32>" in scatter.split(",")[0], scatter


@pytest.mark.parametrize(
    ("process", "is_native"),
    [
        ({"batch_size": 1}, True),
        ({"batch_size": 10**6, "steps": 3, "temperature": 0.9}, True),
        ({"batch_size": float("inf")}, True),
        ({"update": "refit", "samples": 100}, True),
        ({"optimizer": "adam"}, False),
        ({"update": "refit", "samples": 100, "mixing": 0.5}, False),
        ({"top_k": 5}, False),
        ({"model": "persona"}, False),
    ],
)
def test_on_a_gpu_native_code_runs_whole_generations_and_xla_the_rest(
    process: dict[str, Any], is_native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same program as on a CPU, a single call; or one without any call."""
    monkeypatch.setattr(native, "architecture", lambda: "sm_90")
    program = program_of({"vocab_size": 64, **process}, "gpu")
    text = lowered(program, "cuda")
    assert program.is_native is is_native
    assert re.findall(r"@(jaxcollapse_\w+)", text) == (["jaxcollapse_train"] if is_native else [])


def test_a_plan_tells_what_computes_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "architecture", lambda: "sm_90")
    machine = distant_machine("gpu", 1, 2)
    for optimizers, kernel in {
        ("sgd",): "native code for sm_90",
        ("sgd", "adam"): "native code for sm_90, and XLA",
        ("adam",): "XLA",
    }.items():
        sweep = jc.Sweep.from_dict({"process": {"vocab_size": 16}, "axes": {"optimizer": list(optimizers)}})
        assert jc.plan(sweep, machine=machine).kernel == kernel


def test_the_compiler_knows_the_options_that_it_is_given() -> None:
    """Also those for devices that are not here; it refuses others."""
    lowered = jax.jit(lambda: 1.0).lower()
    for options in _OPTIONS.values():
        lowered.compile(options)
    with pytest.raises(jax.errors.JaxRuntimeError, match="No such compile option"):
        lowered.compile({"xla_gpu_autotuning": 0})
