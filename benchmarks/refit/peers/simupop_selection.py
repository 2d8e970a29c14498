"""simuPOP: haploid individuals that choose a parent at random (Peng, Kimmel 2005), one locus, V alleles, all cores."""

import warnings

import numpy as np

from benchmarks.contender import Run
from benchmarks.refit.point import Point, initial_frequencies

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # strings that newer Pythons complain about
    import simuOpt

    simuOpt.setOptions(alleleType="short", optimized=True, quiet=True, numThreads=0)  # before the import of simuPOP
    import simuPOP

_MOST_ALLELES = 256  # of the short type


def run_of(point: Point, trajectories: int) -> Run | None:
    if point.tokens > _MOST_ALLELES:
        return None
    population = simuPOP.Population(size=point.samples, ploidy=1, loci=1)
    start = initial_frequencies(point).tolist()

    def run(generations: int) -> np.ndarray:
        """The first individuals are drawn, too."""
        simulator = simuPOP.Simulator(population, rep=trajectories, stealPops=False)
        simulator.evolve(
            initOps=[simuPOP.InitGenotype(freq=start)],
            matingScheme=simuPOP.RandomSelection(),
            gen=generations,
        )
        alleles = [np.asarray(evolved.genotype()) for evolved in simulator.populations()]
        return np.array([np.bincount(drawn, minlength=point.tokens) for drawn in alleles]) / point.samples

    return run
