"""The tier of each test file: `make test` runs what is not listed here, `make claims` and `make system` the rest.

Claims: the engine against theory, laws and references, over replicates; verdicts, notebooks, pairs of settings. System:
other programs and what befalls processes: Slurm, Chromium, compilers, kills, hostile files, workers, plug-ins, docs.
"""

CLAIMS = (
    "analysis/test_boundary_coverage.py",
    "analysis/test_importance.py",
    "analysis/test_theory.py",
    "observables/test_definitions.py",
    "observables/test_structure.py",
    "observables/test_tempering.py",
    "parameterisations/",
    "planning/test_until.py",
    "sampling/",
    "test_corpus.py",
    "test_generation.py",
    "test_ideal_limit.py",
    "test_judging.py",
    "test_notebooks.py",
    "test_published.py",
    "test_refinement_experiment.py",
    "test_real_data.py",
    "test_reproducibility.py",
    "test_sgd.py",
    "test_studies.py",
    "test_verdicts.py",
    "theory/",
    "training/",
    "walks/",
)
SYSTEM = (
    "analysis/test_pictures.py",
    "cluster/",
    "execute/test_executors.py",
    "execute/test_sequences.py",
    "explore/",
    "hostile/",
    "parts/",
    "report/test_in_browser.py",
    "store/test_clock.py",
    "store/test_faults.py",
    "store/test_finalize.py",
    "store/test_generations.py",
    "store/test_histories.py",
    "store/test_killing.py",
    "store/test_stopping.py",
    "store/test_study.py",
    "store/test_until.py",
    "test_accelerators.py",
    "test_benchmarks.py",
    "test_documentation.py",
    "test_native.py",
    "test_on_accelerators.py",
    "test_patience.py",
    "test_quickstart.py",
    "test_site.py",
    "test_stopping.py",
    "test_surroundings.py",
    "test_terminal.py",
    "test_threads.py",
)


def tier_of(file: str) -> str:
    """The tier of a test file, given by its path below tests/; nothing for the quick one."""
    for tier, entries in (("claims", CLAIMS), ("system", SYSTEM)):
        if any(file == entry or (entry.endswith("/") and file.startswith(entry)) for entry in entries):
            return tier
    return ""
