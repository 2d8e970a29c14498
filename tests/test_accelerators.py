"""What is written for accelerators, checked without one: the program as it would be handed to their compiler."""

import re
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

import jaxcollapse as jc
from jaxcollapse import native
from jaxcollapse.execute.provenance import now, provenance
from jaxcollapse.planning import distant_machine, share_of
from jaxcollapse.planning.cells import resolve
from jaxcollapse.planning.share import Share
from jaxcollapse.program.compiling import arguments
from jaxcollapse.program.kernel import Program, jitted
from jaxcollapse.system import jax_settings
from jaxcollapse.system.kernels import KERNELS
from tests.conftest import ROOT

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


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@pytest.mark.parametrize("parameters", ["transformer", "gru"])
def test_networks_stay_on_an_accelerator_and_their_products_are_of_many_at_once(platform: str, parameters: str) -> None:
    """No call of the host and no branch; all products have trajectories as their first dimension, many of them."""
    process = {
        "model": "sequence",
        "initial": {"kind": "text", "path": str(ROOT / "sweeps/data/shakespeare.txt"), "tokenizer": "characters"},
        "parameters": parameters,
        "batch_size": 4,
        "optimizer": "adam",
    }
    data = {"observables": ["entropy"], "generations": 4, "process": process}
    (program,) = resolve(jc.Sweep.from_dict(data), platform).programs
    text = lowered(program, platform)
    for stall in ("callback", "outfeed", "infeed", "stablehlo.send", "stablehlo.recv"):
        assert stall not in text
    assert not re.search(r"stablehlo\.(case|if)\b", text)
    width = program.width({"cuda": "gpu"}.get(platform, platform))
    assert width >= 64
    products = re.findall(r"stablehlo\.dot_general.*?: \(tensor<(\d+)x.*?, tensor<(\d+)x.*?-> tensor<(\d+)x", text)
    assert len(products) == text.count("stablehlo.dot_general") > 10
    assert {size for each in products for size in each} == {str(width)}


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


WIDE = {"process": {"batch_size": 8}, "axes": {"vocab_size": [64, 8192, 8193, 50257]}, "replicates": 2}


def test_what_is_fastest_on_a_gpu_is_native_code_up_to_some_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else, and on CPUs in any case, native code computes all that it can, and so the same bits."""
    monkeypatch.setattr(native, "architecture", lambda: "sm_90")
    sweep = jc.Sweep.from_dict(WIDE)
    told = {}
    for platform in ("gpu", "cpu"):
        for kernel in KERNELS:
            made = jc.plan(sweep, machine=distant_machine(platform, 1, 2, kernel))
            told[platform, kernel] = made.to_dict()["kernel_choice"], repr(made)
            programs = [bucket.program for bucket in made.buckets]
            assert sorted(program.structure.tokens for program in programs) == [64, 8192, 9216, 53248]
            everything = platform == "cpu" or kernel == "same-bits"
            for program in programs:
                is_native = everything or program.structure.tokens <= 8192
                assert program.is_native is is_native
                if platform == "gpu":
                    assert ("jaxcollapse_train" in lowered(program, "cuda")) is is_native
    assert told["cpu", "same-bits"][0] is None
    assert "same bits as on a CPU" in told["cpu", "fastest"][0]
    assert "--kernel fastest XLA would compute 2 of 4 buckets" in told["gpu", "same-bits"][0]
    assert "fastest: XLA computes 2 of 4 buckets" in told["gpu", "fastest"][0]
    for choice, text in told.values():
        assert choice is None or f"kernel: {choice}" in text


def test_infinitely_many_samples_of_many_tokens_are_of_xla_where_that_is_faster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(native, "architecture", lambda: "sm_90")
    process = {"batch_size": float("inf"), "vocab_size": 20_000}
    sweep = jc.Sweep.from_dict({"process": process, "replicates": 1})
    for kernel in KERNELS:
        (bucket,) = jc.plan(sweep, machine=distant_machine("gpu", 1, 2, kernel)).buckets
        assert bucket.program.is_native is (kernel == "same-bits")


def test_shares_of_the_fastest_plan_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where some machines have native code and some do not."""
    sweep, covered = jc.Sweep.from_dict({**WIDE, "replicates": 40}), []
    for index, architecture in enumerate(("sm_90", None, "sm_90")):
        monkeypatch.setattr(native, "architecture", lambda here=architecture: here)
        whole = jc.plan(sweep, machine=distant_machine("gpu", 1, 2, "fastest"), chunk_size=4)
        covered.append(share_of(whole, Share(index, 3), chunk_size=4).covered)
    assert (np.sum(covered, axis=0) == 1).all()


def test_provenance_says_which_kernel_was_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "architecture", lambda: "sm_90")
    told = {}
    for platform in ("cpu", "gpu"):
        device: Any = SimpleNamespace(platform=platform, device_kind="a device")
        for kernel in KERNELS:
            told[platform, kernel] = provenance(now(), "float32", [device], kernel=kernel)["kernel"]
    different = told.pop(("gpu", "fastest"))
    assert set(told.values()) == {"native"}
    assert different == "native or xla, whichever is faster"


def test_a_kernel_that_does_not_exist_is_refused() -> None:
    sweep = jc.Sweep.from_dict({"process": {"vocab_size": 4}})
    for refused in (jc.plan, jc.run):
        with pytest.raises(jc.InputError, match="kernel: 'fast' is not one of same-bits, fastest"):
            refused(sweep, kernel="fast")


def test_the_compiler_knows_the_options_that_it_is_given() -> None:
    """Also those for devices that are not here; it refuses others."""
    lowered = jax.jit(lambda: 1.0).lower()
    for options in jax_settings._OPTIONS.values():
        lowered.compile(options)
    with pytest.raises(jax.errors.JaxRuntimeError, match="No such compile option"):
        lowered.compile({"xla_gpu_autotuning": 0})
