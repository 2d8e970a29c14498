"""A file that cannot be used is refused with one short message that says what is wrong and what is allowed."""

import subprocess
import sys
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from typer.testing import CliRunner, Result

import jaxcollapse as jc
from jaxcollapse.cli.main import app
from tests.sweep.strategies import FIELDS, sweeps

DATA = Path(__file__).parents[2] / "sweeps" / "data"
LONGEST = 1000  # characters of a message

# Beginnings of tables. A case below is a name, the text of a file, the key that its message names, and what it says.
FILE = '[process]\ninitial = { kind = "file", path = "smollm2_next_token.nc"'
VALUES = '[process]\ninitial = { kind = "values"'

CASES = {
    # Keys that there are not.
    "unknown key": ("replicate = 3", "replicate", "did you mean 'replicates'?"),
    "unknown table": ("[axis]\ntemperature = [1.0]", "axis", "did you mean 'axes'?"),
    "unknown process key": ("[process]\ntemprature = 1.0", "process.temprature", "did you mean 'temperature'?"),
    "unlike any process key": (
        "[process]\nzzz = 1.0",
        "process.zzz",
        "allowed: accuracy_concentration, b1, b2, baseline",
    ),
    "process key on top": ("temperature = 1.0", "temperature", "it belongs in [process]"),
    "unknown axis": ("[axes]\nlearnin_rate = [1.0]", "axes.learnin_rate", "did you mean 'learning_rate'?"),
    "axis that is no field": (
        "[axes]\nzzz = [1, 2]",
        "axes.zzz",
        "unknown field; allowed: accuracy_concentration, b1, b2, baseline",
    ),
    "top key in the process": (
        "[process]\nrecord = { every = 10 }",
        "process.record",
        "belongs at the top of the file, before [process]",
    ),
    "list of the top in the process": (
        '[process]\nobservables = ["all"]',
        "process.observables",
        "belongs at the top of the file, before [process]",
    ),
    "misspelt top key in the process": (
        "[process]\nreplicate = 3",
        "process.replicate",
        "unknown key (did you mean 'replicates'? It belongs at the top of the file, before [process])",
    ),
    "top key in another table": (
        "[record]\nevery = 10\nreplicates = 3",
        "record.replicates",
        "belongs at the top of the file, before [record]",
    ),
    "top key as an axis": ("[axes]\nseed = [1, 2]", "axes.seed", "cannot be swept; it belongs at the top of the file"),
    "generations as an axis": ("[axes]\ngenerations = [1, 2]", "axes.generations", "cannot be swept; it belongs"),
    "misspelt top key as an axis": (
        "[axes]\nreplicate = [1, 2]",
        "axes.replicate",
        "unknown field (did you mean 'replicates'? It cannot be swept; it belongs at the top of the file)",
    ),
    "top key in a zip": (
        "[axes]\ntied = { zip = { seed = [1, 2], steps = [1, 2] } }",
        "axes.tied.zip.seed",
        "cannot be swept; it belongs at the top of the file",
    ),
    "unknown nested axis": ('[axes]\n"initial.exponnt" = [1.0]', "axes.initial.exponnt", "did you mean 'exponent'?"),
    "too deeply nested axis": ('[axes]\n"initial.shift.x" = [1.0]', "axes.initial.shift.x", "has no key 'x'"),
    "nested axis of a number": ('[axes]\n"steps.x" = [1.0]', "axes.steps.x", "steps has no nested keys"),
    "unknown record key": ("record = { evry = 10 }", "record.evry", "did you mean 'every'?"),
    "unknown initial key": (
        '[process]\ninitial = { kind = "zipf", exponnt = 1.0 }',
        "process.initial.exponnt",
        "did you mean 'exponent'?",
    ),
    "key of another kind": (
        '[process]\ninitial = { kind = "zipf", shift = 1.0 }',
        "process.initial.shift",
        "allowed: exponent, kind",
    ),
    "nested axis of another kind": (
        '[process]\ninitial = { kind = "zipf" }\n[axes]\n"initial.shift" = [1.0]',
        "axes.initial.shift",
        "unknown key",
    ),
    "unknown observable": ('observables = ["entropie"]', "observables", "'entropie' is not an observable"),
    "unknown group": ('observables = ["diversiti"]', "observables", "did you mean 'diversity'?"),
    "unknown common random numbers": (
        'common_random_numbers = ["temprature"]',
        "common_random_numbers",
        "did you mean 'temperature'?",
    ),
    # Wrong types.
    "boolean for a whole number": ("replicates = true", "replicates", "True: must be a valid integer"),
    "fraction for a whole number": ("generations = 2.5", "generations", "2.5: must be a valid integer"),
    "string for a whole number": ('seed = "one"', "seed", "'one': must be a valid integer"),
    "number for a string": ("title = 3", "title", "3: must be a valid string"),
    "string for a list": ('observables = "entropy"', "observables", "'entropy': must be a valid list"),
    "number in a list of strings": ("observables = [1]", "observables[0]", "1: must be a valid string"),
    "number for a table": ("record = 10", "record", "10: must be a table"),
    "list for a table": ("axes = [1]", "axes", "[1]: must be a table"),
    "number for the process": ("process = 3", "process", "3: must be a table"),
    "string for a number": ('[process]\ntemperature = "hot"', "process.temperature", "'hot': must be a valid number"),
    "boolean for a number": ("[process]\ntemperature = true", "process.temperature", "True: must be a valid number"),
    "list for a number": ("[process]\ntop_p = [0.5]", "process.top_p", "[0.5]: one value is needed here"),
    "date for a number": ("[process]\nmin_p = 2020-01-01", "process.min_p", "must be a valid number"),
    "table for a number": ("[process.steps]\nx = 1", "process.steps", "must be a whole number"),
    "string for a count": ('[process]\nbatch_size = "all"', "process.batch_size", "'all': must be a whole number"),
    "boolean for a count": ("[process]\nbatch_size = true", "process.batch_size", "True: must be a whole number"),
    "number for a boolean": ("[process]\nreplacement = 1", "process.replacement", "1: must be a valid boolean"),
    "number for a name": ("[process]\noptimizer = 1", "process.optimizer", "1 is not allowed; allowed: adam"),
    "string for p0": ('[process]\ninitial = "zipf"', "process.initial", "'zipf': must be a table with kind"),
    "number below 0 in a list of sets": (
        '[process]\ncorrect = "listed"\ncorrect_tokens = [["a"], [1, -1]]',
        "process.correct_tokens[1][1]",
        "-1: must be the label of a token, or its index from 0",
    ),
    "token next to a set": (
        '[process]\ncorrect = "listed"\ncorrect_tokens = ["a", ["b"]]',
        "process.correct_tokens[1]",
        "['b']: must be the label of a token, or its index from 0",
    ),
    "list for a rule of the correct": (
        '[process]\ncorrect = ["a", "b"]',
        "process.correct",
        "one value is needed here; to sweep over several, make it an axis",
    ),
    "correct tokens of no file": ('[process]\ncorrect = "file"', "process.correct", "names no correct tokens"),
    # Out of range.
    "certain accuracy": ("[process]\ninitial_accuracy = 1.0", "process.initial_accuracy", "1.0: must be < 1"),
    "impossible accuracy": ("[process]\ninitial_accuracy = 0.0", "process.initial_accuracy", "0.0: must be > 0"),
    "negative temperature": ("[process]\ntemperature = -0.1", "process.temperature", "-0.1: must be >= 0"),
    "temperature that is no number": ("[process]\ntemperature = nan", "process.temperature", "nan: must be >= 0"),
    "negative learning rate": ("[process]\nlearning_rate = -1.0", "process.learning_rate", "-1.0: must be >= 0"),
    "infinite learning rate": ("[process]\nlearning_rate = inf", "process.learning_rate", "inf: must be a finite"),
    "no batch": ("[process]\nbatch_size = 0", "process.batch_size", "0: must be a whole number from 1"),
    "half a trace": ("[process]\nbatch_size = 1.5", "process.batch_size", "1.5: must be a whole number from 1"),
    "negative infinity": ("[process]\nbatch_size = -inf", "process.batch_size", "-inf: must be a whole number from 1"),
    "batch that is no number": ("[process]\nbatch_size = nan", "process.batch_size", "nan: must be a whole number"),
    "nothing left of top_p": ("[process]\ntop_p = 0.0", "process.top_p", "0.0: must be > 0"),
    "too much of top_p": ("[process]\ntop_p = 1.1", "process.top_p", "1.1: must be <= 1"),
    "nothing left of top_k": ("[process]\ntop_k = 0", "process.top_k", "0: must be a whole number from 1"),
    "too high a min_p": ("[process]\nmin_p = 1.5", "process.min_p", "1.5: must be <= 1"),
    "no tokens": ("[process]\nvocab_size = 0", "process.vocab_size", "0: must be a whole number from 1 to 16777216"),
    "too many tokens": ("[process]\nvocab_size = 100000000", "process.vocab_size", "100000000: must be a whole number"),
    "infinitely many tokens": ("[process]\nvocab_size = inf", "process.vocab_size", "inf: must be a whole number"),
    "too many samples": ("[process]\nsamples = 3000000000", "process.samples", "from 1 to 2000000000, or inf"),
    "negative generations": ("generations = -1", "generations", "-1: must be >= 0"),
    "too many generations": ("generations = 3000000000", "generations", "must be <= 2147483647"),
    "no replicates": ("replicates = 0", "replicates", "0: must be >= 1"),
    "negative seed": ("seed = -1", "seed", "-1: must be >= 0"),
    "too large a seed": ("seed = 9223372036854775808", "seed", "must be < 9223372036854775808"),
    "no observables": ("observables = []", "observables", "is empty; give at least one value"),
    "no mixing": ('[process]\nupdate = "refit"\nsamples = 9\nmixing = 0.0', "process.mixing", "0.0: must be > 0"),
    "too much fresh data": ("[process]\nfresh_fraction = 1.1", "process.fresh_fraction", "1.1: must be <= 1"),
    "everlasting momentum": (
        '[process]\noptimizer = "momentum"\nmomentum = 1.0',
        "process.momentum",
        "1.0: must be < 1",
    ),
    "unknown optimizer": ('[process]\noptimizer = "adm"', "process.optimizer", "did you mean 'adam'?"),
    "what others call a learning rate": ("[process]\nlr = 0.1", "process.lr", "did you mean 'learning_rate'?"),
    "what others call a vocabulary": ("[axes]\nvocab = [4, 8]", "axes.vocab", "did you mean 'vocab_size'?"),
    "a list that is no axis": (
        "[process]\ntemperature = [0.9, 1.0]",
        "process.temperature",
        "[0.9, 1.0]: one value is needed here; to sweep over several, make it an axis: [axes] temperature = …",
    ),
    "a list of names that is no axis": (
        '[process]\noptimizer = ["sgd", "adam"]',
        "process.optimizer",
        "make it an axis: [axes] optimizer = …",
    ),
    "a range that is no axis": (
        "[process]\nlearning_rate = { geomspace = [0.1, 10, 3] }",
        "process.learning_rate",
        "make it an axis: [axes] learning_rate = …",
    ),
    "a list of a key of p0 that is no axis": (
        '[process]\ninitial = { kind = "zipf", exponent = [0.5, 1.0] }',
        "process.initial.exponent",
        'make it an axis: [axes] "initial.exponent" = …',
    ),
    "a list of p0s that is no axis": (
        '[process]\ninitial = [{ kind = "zipf" }, { kind = "uniform" }]',
        "process.initial",
        "make it an axis: [axes] initial = …",
    ),
    "a key of p0 outside of its table": (
        '[process]\n"initial.exponent" = 0.5',
        "process.initial.exponent",
        "write it into the table, initial = { kind = …, exponent = … }",
    ),
    "a nested axis without quotes": (
        "[axes]\ninitial.exponent = [0.5, 1.0]",
        "axes.initial.exponent",
        'write the key in quotes, "initial.exponent" = …',
    ),
    "a deeply nested axis without quotes": (
        '[axes]\ninitial.select.prompt = ["story"]',
        "axes.initial.select",
        'write the key in quotes, "initial.select.prompt" = …',
    ),
    "a word of Python's": ("[process]\nbias = True", "", "True is Python's; TOML has true"),
    "nothing, as Python has it": ("[process]\nsamples = None", "", "TOML has no null: leave the key out"),
    "unknown corpus": ('[process]\ncorpus = "acumulate"', "process.corpus", "did you mean 'accumulate'?"),
    "unknown model": ('[process]\nmodel = "transformer"', "process.model", "allowed: categorical"),
    "unknown precision": ('precision = "float16"', "precision", "'float16' is not allowed"),
    "no attempts": ('observables = ["pass_at_k"]\npass_at = []', "pass_at", "is empty; give at least one value"),
    "attempts twice": (
        'observables = ["pass_at_k"]\npass_at = [1, 4, 1]',
        "pass_at[2]",
        "1 is there already; give each number once",
    ),
    "less than one attempt": ('observables = ["correct"]\npass_at = [1, 0]', "pass_at[1]", "0: must be >= 1"),
    "half an attempt": ('observables = ["correct"]\npass_at = [1.5]', "pass_at[0]", "1.5: must be a valid integer"),
    "attempts that nothing counts": (
        'observables = ["accuracy"]\npass_at = [1, 4]',
        "pass_at",
        "has no effect: it is used with observables = ['pass_at_k'] or ['correct']",
    ),
    "mean reward without a reward": (
        'observables = ["entropy", "mean_reward"]',
        "observables",
        "'mean_reward' is for cells with update = 'policy_gradient', curation or a verifier",
    ),
    "threshold of one": ("support_threshold = 1.0", "support_threshold", "1.0: must be < 1"),
    "negative threshold": ("collapse_threshold = -0.1", "collapse_threshold", "-0.1: must be >= 0"),
    "unknown spacing": ('record = { spacing = "logarithmic" }', "record.spacing", "allowed: linear, log"),
    "one point": ("record = { points = 1 }", "record.points", "1: must be >= 2"),
    "never recorded": ("record = { every = 0 }", "record.every", "0: must be >= 1"),
    "two rules of recording": ("record = { every = 2, points = 3 }", "record", "give either every, or spacing"),
    "states without equal steps of records": (
        "record = { state = true }",
        "record.state",
        "needs record.every too, as in { every = 10, state = true }",
    ),
    "too much recorded": (
        "generations = 2000000000\nrecord = { every = 2 }",
        "record.every",
        "would record 1000000000 generations; at most 1000000",
    ),
    "number of thousands of digits": (f"seed = {'9' * 5000}", "", "is not valid TOML"),
    "number of very many bits": (f"seed = 0x{'f' * 5000}", "seed", "a number of too many digits"),
    "number of hundreds of digits": (f"seed = {'9' * 500}", "seed", "99…: must be < 9223372036854775808"),
    # Axes.
    "empty axis": ("[axes]\ntemperature = []", "axes.temperature", "is empty; give at least one value"),
    "value twice": ("[axes]\ntemperature = [1.0, 0.5, 1]", "axes.temperature[2]", "1.0 occurs twice"),
    "table twice": (
        '[axes]\ninitial = [{ kind = "zipf" }, { kind = "zipf", exponent = 1.0 }]',
        "axes.initial[1]",
        "occurs twice",
    ),
    "list twice": (
        f"{VALUES} }}\n[axes]\n'initial.probabilities' = [[1, 2], [1.0, 2.0]]",
        "axes.initial.probabilities[1]",
        "[1.0, 2.0] occurs twice",
    ),
    "bad value": ("[axes]\ntemperature = [1.0, -1.0]", "axes.temperature[1]", "-1.0: must be >= 0"),
    "value in place of a list": (
        "[axes]\ntemperature = 1.0",
        "axes.temperature",
        "must be a list of values, or a table",
    ),
    "axis and constant": (
        "[process]\ntemperature = 1.0\n[axes]\ntemperature = [0.5]",
        "axes.temperature",
        "is also a constant in [process]",
    ),
    "nested axis and constant": (
        '[process]\ninitial = { kind = "zipf", exponent = 1.0 }\n[axes]\n"initial.exponent" = [0.5]',
        "axes.initial.exponent",
        "is also a constant in [process]",
    ),
    "part and whole": (
        '[axes]\n"initial.exponent" = [0.5]\ninitial = [{ kind = "uniform" }]',
        "axes.initial",
        "initial.exponent, a key of initial, is swept already",
    ),
    "whole and part": (
        '[axes]\ninitial = [{ kind = "uniform" }]\n"initial.exponent" = [0.5]',
        "axes.initial.exponent",
        "is swept by axes.initial already",
    ),
    "selection and its part": (
        f'{FILE} }}\n[axes]\n"initial.select" = [{{ prompt = "story" }}]\n"initial.select.prompt" = ["math"]',
        "axes.initial.select.prompt",
        "is swept by axes.initial.select already",
    ),
    "field in two axes": (
        "[axes]\ntied = { zip = { temperature = [1.0] } }\ntemperature = [1.0]",
        "axes.temperature",
        "is swept by axes.tied already",
    ),
    "zip of unequal lengths": (
        "[axes]\ntied = { zip = { learning_rate = [0.1, 0.2], batch_size = [1] } }",
        "axes.tied.zip",
        "learning_rate has 2, batch_size has 1 values",
    ),
    "row of a zip twice": (
        "[axes]\ntied = { zip = { learning_rate = [0.1, 0.1], batch_size = [1, 1] } }",
        "axes.tied.zip[1]",
        "(0.1, 1) occurs twice",
    ),
    "zip named like a field": (
        "[axes]\nsteps = { zip = { learning_rate = [0.1] } }",
        "axes.steps",
        "a zip cannot use the name of a field",
    ),
    "zip named like an observable": (
        "[axes]\nentropy = { zip = { learning_rate = [0.1] } }",
        "axes.entropy",
        "is a reserved name, or the name of an observable",
    ),
    **{
        f"zip named {name}": (
            f"[axes]\n{name} = {{ zip = {{ learning_rate = [0.1] }} }}",
            f"axes.{name}",
            "a zip cannot use a reserved name",
        )
        for name in ("replicate", "context", "persona", "bound", "outcome", "line", "abscissa", "share", "survival")
    },
    "zip of a misspelt field": (
        "[axes]\ntied = { zip = { learnin_rate = [0.1] } }",
        "axes.tied.zip.learnin_rate",
        "did you mean 'learning_rate'?",
    ),
    "empty zip": ("[axes]\ntied = { zip = {} }", "axes.tied.zip", "must be a table with a list of values"),
    "unknown form": ("[axes]\nsteps = { linspce = [1, 2, 2] }", "axes.steps.linspce", "did you mean 'linspace'?"),
    "two forms": (
        "[axes]\ntop_p = { linspace = [0.1, 1, 2], geomspace = [0.1, 1, 2] }",
        "axes.top_p",
        "give exactly one of values, linspace, geomspace, zip, not 2",
    ),
    "range without a number": (
        "[axes]\ntop_p = { linspace = [0.1, 1] }",
        "axes.top_p.linspace",
        "[0.1, 1]: must be [first, last, number of values]",
    ),
    "range of nothing": ("[axes]\ntop_p = { linspace = [0.1, 1, 0] }", "axes.top_p.linspace", "from 1 to 100000"),
    "range of too much": ("[axes]\ntop_p = { linspace = [0, 1, 100001] }", "axes.top_p.linspace", "from 1 to 100000"),
    "range without end": ("[axes]\nsteps = { linspace = [1, inf, 3] }", "axes.steps.linspace", "must be finite"),
    "range of huge numbers": (
        f"[axes]\nsteps = {{ linspace = [1, {'9' * 400}, 3] }}",
        "axes.steps.linspace",
        "must be finite",
    ),
    "range of words": ('[axes]\nsteps = { geomspace = ["a", 2, 3] }', "axes.steps.geomspace", "'a': the ends"),
    "ratios through zero": (
        "[axes]\nlearning_rate = { geomspace = [0.0, 1.0, 3] }",
        "axes.learning_rate.geomspace",
        "0.0: the ends must be > 0",
    ),
    "range of no width": (
        "[axes]\ntemperature = { linspace = [1, 1, 2] }",
        "axes.temperature[1]",
        "1.0 occurs twice",
    ),
    "too many cells": (
        "[axes]\ntemperature = { linspace = [0.5, 1, 2000] }\nlearning_rate = { linspace = [0.5, 1, 2000] }",
        "axes",
        "the grid has 4,000,000 cells; at most 2,000,000",
    ),
    # What does not fit together.
    "batch of more than there is": (
        "[process]\nsamples = 10\nbatch_size = 20",
        "process.batch_size",
        "20 is more than samples = 10; draw with replacement = true",
    ),
    "one batch of more than there is": (
        "[process]\nsamples = 10\n[axes]\nbatch_size = [5, 20]",
        "axes.batch_size",
        "20 is more than samples = 10",
    ),
    "endless minibatches": ("[process]\nsteps = inf", "process.steps", "inf steps need batch_size = inf, not 16"),
    "endless steps of adam": (
        '[process]\nsteps = inf\nbatch_size = inf\noptimizer = "adam"',
        "process.steps",
        "allowed with sgd, momentum, nesterov",
    ),
    "refit of nothing": ('[process]\nupdate = "refit"', "process.samples", "is missing: a refit needs"),
    "refit of batches": (
        '[process]\nupdate = "refit"\nsamples = 9\nbatch_size = 9',
        "process.batch_size",
        "has no effect: it is used with update = 'gradient'; for a refit give samples",
    ),
    "refit with a learning rate": (
        '[process]\nupdate = "refit"\nsamples = 9\n[axes]\nlearning_rate = [0.1]',
        "axes.learning_rate",
        "has no effect",
    ),
    "window without a window": ("[process]\nwindow = 3", "process.window", "it is used with corpus = 'window'"),
    "mixing of gradients": ("[process]\nmixing = 0.5", "process.mixing", "it is used with update = 'refit'"),
    "momentum of sgd": (
        "[process]\nmomentum = 0.5",
        "process.momentum",
        "it is used with optimizer = 'momentum' or 'nesterov'",
    ),
    "moments of sgd": ("[axes]\nb1 = [0.5, 0.9]", "axes.b1", "it is used with optimizer = 'adam' or 'adamw'"),
    "replacement in the whole": (
        "[process]\nbatch_size = inf\nreplacement = true",
        "process.replacement",
        "it is used with update = 'gradient', finite batch_size",
    ),
    "size of what has a size": (
        f"{VALUES}, probabilities = [0.5, 0.5] }}\nvocab_size = 2",
        "process.vocab_size",
        "unless the initial distribution has its own number of tokens",
    ),
    "counts over 32 bits": (
        'generations = 2000\n[process]\ncorpus = "accumulate"\nsamples = 2000000',
        "process.samples",
        "the corpus would pass 2000000000 traces (counts are int32)",
    ),
    # Initial distributions.
    "no kind": ("[process]\ninitial = { exponent = 1.0 }", "process.initial.kind", "is missing; allowed: uniform"),
    "unknown kind": ('[process]\ninitial = { kind = "zipff" }', "process.initial.kind", "did you mean 'zipf'?"),
    "unknown kind on an axis": (
        '[axes]\ninitial = [{ kind = "zipf" }, { kind = "unifrm" }]',
        "axes.initial[1].kind",
        "did you mean 'uniform'?",
    ),
    "unknown kind on a nested axis": ('[axes]\n"initial.kind" = ["zip"]', "axes.initial.kind", "did you mean 'zipf'?"),
    "number on an axis of tables": ("[axes]\ninitial = [1]", "axes.initial[0]", "1: must be a table"),
    "probabilities and logits": (
        f"{VALUES}, probabilities = [1.0], logits = [0.0] }}",
        "process.initial",
        "give either probabilities or logits",
    ),
    "neither probabilities nor logits": (f"{VALUES} }}", "process.initial", "give either probabilities or logits"),
    "all probabilities zero": (f"{VALUES}, probabilities = [0, 0] }}", "process.initial", "at least one token"),
    "all logits minus infinity": (f"{VALUES}, logits = [-inf] }}", "process.initial", "at least one token"),
    "negative probability": (
        f"{VALUES}, probabilities = [1, -1] }}",
        "process.initial.probabilities[1]",
        "must be >= 0",
    ),
    "infinite logit": (f"{VALUES}, logits = [0, inf] }}", "process.initial.logits[1]", "inf: must be <= 1e+30"),
    "no logits": (f"{VALUES}, logits = [] }}", "process.initial.logits", "is empty; give at least one value"),
    "fewer names than tokens": (
        f'{VALUES}, logits = [0, 1], tokens = ["a"] }}',
        "process.initial",
        "tokens has 1 names for 2 tokens",
    ),
    "exponent out of range": (
        '[process]\ninitial = { kind = "zipf", exponent = 1e9 }',
        "process.initial.exponent",
        "must be <= 1000",
    ),
    "concentration of zero": (
        '[process]\ninitial = { kind = "dirichlet", concentration = 0.0 }',
        "process.initial.concentration",
        "0.0: must be >= 1e-30",
    ),
    "unknown language": (
        '[process]\ninitial = { kind = "words", languages = ["xx"] }',
        "process.initial.languages",
        "'xx' is not a language of wordfreq; allowed: ar, bg",
    ),
    "language twice": (
        '[process]\ninitial = { kind = "words", languages = ["en", "en"] }',
        "process.initial",
        "a language is named twice",
    ),
    "one weight too many": (
        '[process]\ninitial = { kind = "words", languages = ["en"], weights = [1, 2] }',
        "process.initial",
        "weights has 2 values for 1 languages",
    ),
    "file without a path": ('[process]\ninitial = { kind = "file" }', "process.initial.path", "is missing"),
    "missing file": (
        '[process]\ninitial = { kind = "file", path = "missing.nc" }',
        "process.initial.path",
        "missing.nc': no such file",
    ),
    "file of another kind": (
        '[process]\ninitial = { kind = "file", path = "p0.txt" }',
        "process.initial.path",
        "p0.txt': must end in .nc, .npz, .csv, .tsv",
    ),
    "a zip of too long a name": (
        f"[axes]\n{'z' * 256} = {{ zip = {{ temperature = [1, 2] }} }}",
        f"axes.{'z' * 74}…",
        "a name of 256 bytes; at most 255 are allowed",
    ),
    "which variable": (f"{FILE} }}", "process.initial.variable", "has several: logits, kept_mass; name one"),
    "unknown variable": (f'{FILE}, variable = "logit" }}', "process.initial.variable", "did you mean 'logits'?"),
    "nothing selected": (
        f'{FILE}, variable = "logits" }}',
        "process.initial.select",
        "two dimensions are left, 16 × 4706; select along one of them",
    ),
    "too much selected": (
        f'{FILE}, variable = "logits", select = {{ prompt = 0, token = 0 }} }}',
        "process.initial.select",
        "logits has no dimension left; select until one is left",
    ),
    "unknown dimension": (
        f'{FILE}, variable = "logits", select = {{ promt = "story" }} }}',
        "process.initial.select",
        "did you mean 'prompt'?",
    ),
    "unknown label": (
        f'{FILE}, variable = "logits", select = {{ prompt = "stori" }} }}',
        "process.initial.select.prompt",
        "did you mean 'story'?",
    ),
    "label that is none": (
        f'{FILE}, variable = "logits", select = {{ prompt = true }} }}',
        "process.initial.select.prompt",
        "True: must be a label or an integer position",
    ),
    "selection that is none": (
        f'{FILE}, variable = "logits", select = 3 }}\n[axes]\n"initial.select.prompt" = ["story"]',
        "process.initial.select",
        "3: must be a table",
    ),
    "more tokens than there are": (
        f'{FILE}, variable = "logits", select = {{ prompt = "story" }}, top = 5000 }}',
        "process.initial.top",
        "5000 is more than the 4706 tokens of the file",
    ),
    "numbers of an unknown meaning": (
        f'{FILE}, values = "logit" }}',
        "process.initial.values",
        "did you mean 'logits'?",
    ),
    # No TOML at all.
    "string without end": ('title = "a', "", "is not valid TOML: "),
    "key twice": ("seed = 1\nseed = 2", "", "is not valid TOML: seed occurs twice (line 2)"),
    "list twice, over several lines": (
        "[axes]\n'initial.exponent' = [1]\n'initial.exponent' = [\n  1,\n  2,\n]\nsteps = [1]",
        "",
        "is not valid TOML: 'initial.exponent' occurs twice (line 3)",
    ),
    "value and table of one name": ("record = 1\n[record]\nevery = 2", "", "[record] occurs twice (line 2)"),
    "table twice in the file": ("[axes]\n[axes]", "", "is not valid TOML: Cannot declare ('axes',) twice"),
    "lists without end": ("title = " + "[" * 9000, "", "is not valid TOML: "),
}


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def assert_refused(result: Result, source: Path, key: str, told: str) -> None:
    """Exit code 2, and on stderr one line: the program, the file, the key, and what is wrong."""
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.startswith(f"jaxcollapse: {source}: {f'{key}: ' if key else ''}"), result.stderr
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    assert len(result.stderr) - len(str(source)) < LONGEST


@pytest.mark.parametrize(("text", "key", "told"), CASES.values(), ids=CASES.keys())
def test_a_malformed_file_is_refused_in_one_line(text: str, key: str, told: str, tmp_path: Path) -> None:
    source, study = tmp_path / "sweep.toml", tmp_path / "study"
    source.write_text(text, encoding="utf-8")
    assert_refused(invoke("plan", source, "--inputs", DATA), source, key, told)
    assert_refused(invoke("run", source, "--inputs", DATA, "--out", study), source, key, told)
    assert list(tmp_path.iterdir()) == [source]


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    latin, folder, missing = tmp_path / "latin.toml", tmp_path / "folder", tmp_path / "missing.toml"
    latin.write_bytes('title = "é"'.encode("latin-1"))
    folder.mkdir()
    for command in ("plan", "run"):
        assert_refused(invoke(command, latin), latin, "cannot be read", "it is not UTF-8 text")
        assert_refused(invoke(command, missing), missing, "cannot be read", "No such file or directory")
        assert_refused(invoke(command, folder), folder, "is not a study", "it lacks sweep.toml")
    for command in ("status", "finalize"):
        assert_refused(invoke(command, missing), missing, "", "there is no such folder")
    assert set(tmp_path.iterdir()) == {latin, folder}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("p0.nc", b"no netCDF", "cannot be read: NetCDF: Unknown file format"),
        ("p0.npz", b"PK\x03\x04 no archive", "cannot be read: it is not an npz archive"),
        ("p0.csv", b"", "is empty"),
        ("p0.csv", b"\n", "needs a row of column names and a row for each token"),
        ("p0.csv", b"token,p\na,1\nb\n", "cannot be read: line 3 has 1 columns, and the first row has 2"),
        ("p0.csv", b"token,p\na,one\n", "cannot be read: line 2: 'one' in column 'p' is not a number"),
        ("p0.csv", b"token,p\n\xe9,1\n", "cannot be read: is not UTF-8 text"),
        ("p0.csv", b"token,p\n" + b"a" * 200_000 + b",1\n", "cannot be read: field larger than field limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_distribution_is_refused_in_one_line(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    source = tmp_path / "sweep.toml"
    source.write_text(f'[process]\ninitial = {{ kind = "file", path = "{name}" }}')
    assert_refused(invoke("plan", source), source, "process.initial.path", told)


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ({"p": np.ones((2, 2))}, "two dimensions are left, 2 × 2; select along one of them"),
        ({"p": np.ones(3), "token": np.array(["a", "b"])}, "has 2 labels for 3 tokens"),
        ({"p": np.array([1.0, np.nan])}, "p has NaN or infinite values"),
        ({"prob": np.array([1.0, -1.0])}, "prob has negative values: -1 (token 1, counted from 0); if they are logits"),
        ({"prob": np.zeros(2)}, "prob: no token is possible"),
        ({"p": np.array(["a", "b"])}, "could not convert string to float"),
        ({"p": np.array([1, None])}, "Object arrays cannot be loaded"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_numbers_that_are_no_distribution_are_refused(numbers: dict[str, Any], told: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "p0.npz", **numbers)
    table = {"process": {"initial": {"kind": "file", "path": "p0.npz"}}}
    with pytest.raises(jc.InputError, match=r"^process\.initial") as caught:
        jc.plan(jc.Sweep.from_dict(table, folder=tmp_path))
    assert told in str(caught.value)


@pytest.mark.parametrize("name", ["unknown process key", "missing file", "string without end"])
def test_a_process_of_its_own_refuses_likewise(name: str, tmp_path: Path) -> None:
    text, key, told = CASES[name]
    (tmp_path / "sweep.toml").write_text(text)
    command = [sys.executable, "-m", "jaxcollapse", "plan", "sweep.toml"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"jaxcollapse: sweep.toml: {key}")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


KEYS = st.one_of(
    st.text(max_size=4),
    st.sampled_from(
        ["kind", "zip", "linspace", "geomspace", "every", "initial", "select", "initial.select.x", *FIELDS]
    ),
)
JSON_LIKE = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.integers(),
        st.sampled_from([2**31, 2**63, 10**400]),
        st.floats(),
        st.text(max_size=4),
        st.sampled_from(["zipf", "file", "values", "refit", "linspace", "inf", "initial.exponent"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.text(max_size=4), st.sampled_from(["kind", "zip", "linspace", "geomspace", "initial", "select"])
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)


def places(table: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested tables and lists."""
    inner = table.items() if isinstance(table, dict) else enumerate(table) if isinstance(table, list) else ()
    return [path, *(place for key, entry in inner for place in places(entry, (*path, key)))]


def replaced(table: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The same with another value at a place."""
    if not path:
        return value
    first, *rest = path
    changed = dict(table) if isinstance(table, dict) else list(table)
    changed[first] = replaced(table[first], tuple(rest), value)
    return changed


@st.composite
def mutated_sweeps(draw: DrawFn) -> Any:
    """A valid sweep with one or two values replaced, or keys added."""
    table = draw(sweeps())
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(places(table)))
        held = reduce(getitem, place, table)
        value = draw(JSON_LIKE)
        if not place or (isinstance(held, dict) and draw(st.booleans())):
            value = {**held, draw(KEYS): value}
        table = replaced(table, place, value)
    return table


@settings(max_examples=300)
@given(table=mutated_sweeps())
def test_whatever_is_written_is_a_sweep_or_an_input_error(table: Any) -> None:
    try:
        sweep = jc.Sweep.from_dict(table)
    except jc.InputError as error:
        lines = str(error).split("\n")
        assert len(lines) == len(error.errors)  # noqa: PT017
        assert max(map(len, lines)) < LONGEST
    else:
        assert jc.Sweep.from_dict(sweep.to_dict()) == sweep
