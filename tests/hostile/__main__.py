"""`python -m tests.hostile --inputs 1000`: tries hostile inputs and says what came of them."""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from tests.hostile.generate import KINDS, cases
from tests.hostile.trial import MEMORY, SECONDS, Outcome, try_all


def main() -> int:
    """Prints a table; 1 if anything happened that must not."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for what went wrong")
    parser.add_argument("--kind", choices=KINDS, help="by default all")
    options = parser.parse_args()
    start, outcomes = time.monotonic(), defaultdict[str, list[Outcome]](list)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for outcome in try_all(cases(options.inputs, options.seed, options.kind), Path(folder)):
            outcomes[outcome.case.kind].append(outcome)
            if outcome.wrong:
                wrong += 1
                print(f"{outcome.case.kind}: {' '.join(outcome.case.arguments)}: {outcome.wrong}", flush=True)
                if options.keep:
                    outcome.case.lay_out(options.keep / f"{wrong:03}" / "case")
    print(_table(outcomes))
    number, seconds = sum(map(len, outcomes.values())), time.monotonic() - start
    print(f"{number} inputs in {seconds:.0f} s, {wrong} went wrong; each may take {SECONDS:g} s, {MEMORY // 2**30} GiB")
    return 1 if wrong else 0


def _table(outcomes: dict[str, list[Outcome]]) -> str:
    lines = [f"{'kind':20} inputs exit 0|1  exit 2 wrong   median s   longest s"]
    for kind, some in outcomes.items():
        seconds = [each.seconds for each in some]
        accepted = sum(each.accepted for each in some)
        lines.append(
            f"{kind:20} {len(some):6} {accepted:8} {len(some) - accepted:7} {sum(bool(each.wrong) for each in some):5}"
            f" {np.median(seconds):10.3f} {max(seconds):11.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
