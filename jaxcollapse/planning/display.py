"""How a plan shows itself."""

import html
import math
from collections.abc import Mapping
from typing import Any

from jaxcollapse.errors import printable
from jaxcollapse.process.structure import Structure
from jaxcollapse.program.kernel import Program
from jaxcollapse.sampling.multinomial import Method, fewest_split
from jaxcollapse.sweep.display import count


def as_text(told: Mapping[str, Any]) -> str:
    """A plan's numbers in a few lines: work, memory, disk, and a line for each bucket."""
    title, *facts = _facts(told)
    lines = [f"<Plan {title}>", *facts, "Buckets:"]
    for bucket in told["buckets"]:
        lines.append(
            f"    {bucket['cells']:>6} cells in {count(bucket['chunks'], 'chunk')}, {bucket['lanes']} lanes × "
            f"{bucket['shape']} tokens: {bucket['why']}"
        )
    return "\n".join(lines)


def as_html(told: Mapping[str, Any]) -> str:
    """The facts of a plan, and a table of its buckets, as HTML."""
    columns = ("cells", "chunks", "lanes", "shape", "why")
    head = "".join(f"<th>{name}</th>" for name in columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{html.escape(str(bucket[name]))}</td>' for name in columns)}</tr>"
        for bucket in told["buckets"]
    )
    facts = "<br>".join(map(html.escape, _facts(told)))
    return f"<b>Plan</b> {facts}<table><tr>{head}</tr>{rows}</table>"


def _facts(told: Mapping[str, Any]) -> list[str]:
    devices = count(told["devices"], f"{told['platform']} device")
    run = told["run_seconds"]
    of = "" if told["machine_bytes"] is None else f" of {as_bytes(told['machine_bytes'])}"
    time = []
    if run is not None:
        start, compiling, finish = (told[f"{part}_seconds"] for part in ("start", "compile", "finish"))
        time = [
            f"time: about {as_seconds(start + run + finish)}, including {as_seconds(run)} of computation; "
            f"compilation adds {as_seconds(compiling)} the first time"
        ]
    title = f"{told['title']!r}: " if told["title"] else ""
    return [
        f"{title}{told['trajectories']:,} trajectories on {devices}, {told['kernel']}",
        f"{count(told['compiles'], 'compile')}, {count(told['chunks'], 'chunk')}, "
        f"{as_number(told['token_updates'])} token updates",
        f"memory: at most {as_bytes(told['device_bytes'])}{of} on a device; "
        f"disk: at most {as_bytes(told['disk_bytes'])}{_texts(told)}",
        *([f"kernel: {told['kernel_choice']}"] if told.get("kernel_choice") else []),
        *time,
        *_rule(told.get("rule")),
        *(printable(f"plug-in: {name} from {where}") for name, where in told.get("parts", {}).items()),
        *_equal(told),
    ]


def _texts(told: Mapping[str, Any]) -> str:
    return f", including {as_bytes(told['text_bytes'])} of texts before compression" if "text_bytes" in told else ""


def _rule(rule: Mapping[str, Any] | None) -> list[str]:
    """How many replicates cells get by a rule, and what that costs at most."""
    if rule is None:
        return []
    names = ", ".join(f"{name} is known within ±{width:g}" for name, width in rule["until"].items())
    seconds = rule["most_run_seconds"]
    time = "" if seconds is None else f", {as_seconds(seconds)} of computation"
    return [
        printable(f"replicates: {rule['least']:,} to {rule['most']:,} in each cell, until {names}"),
        f"    the numbers above are the next round's; all rounds together are at most {rule['most_trajectories']:,} "
        f"trajectories{time}, {as_bytes(rule['most_disk_bytes'])} on disk",
    ]


def _equal(told: Mapping[str, Any]) -> list[str]:
    """Which places of the dataset repeat the cell of another one."""
    if not (equal := told["equal_cells"]):
        return []
    repeat = "repeats" if equal["cells"] == 1 else "repeat"
    fields, (first, second) = ", ".join(equal["fields"]), equal["example"]
    once = "which is computed once" if not equal["computed"] else "with other random numbers"
    why = f"{fields} has no effect there" if not equal["computed"] else f"{fields} differs only by rounding"
    if 0 < equal["computed"] < equal["cells"]:
        once = f"{equal['computed']:,} of them with other random numbers"
        why = f"{fields} has no effect there, or differs only by rounding"
    return [
        f"equal cells: {equal['cells']:,} of {told['places']:,} places {repeat} another cell, {once}: {why}",
        printable(f"    {first} repeats {second}"),
    ]


def describe(program: Program) -> str:
    """What is special about a program, in words."""
    structure = program.structure
    rule = structure.rule.part
    how = structure.optimizer if rule == "gradient" else rule
    if structure.rule.takes_steps and rule != "gradient":
        how += f" by {structure.optimizer}"
    data = {
        "full": "exact expectation" if structure.infinite_samples else "whole corpus",
        "generator": "fresh minibatches",
        "corpus": "minibatches of the corpus",
        "groups": f"{'infinitely many ' * structure.infinite_samples}groups rewarded by {structure.reward}",
    }[structure.batches]
    drawn = structure.batch_sampler or structure.sampler
    counts = "" if drawn is None else f", {_way(drawn, structure.tokens)}"
    if structure.is_fusible and structure.batches == "generator":
        counts += " or infinitely many"
    schedule = [f"{structure.schedule} schedule"] if structure.schedule != "constant" else []
    extras: list[str] = [structure.corpus.part] if structure.corpus.part != "replace" else []
    extras += [
        *structure.truncations,
        *([f"{structure.curation} by {structure.reward}"] if structure.curation != "none" else []),
        *(_judged(structure) if structure.batches != "groups" else []),
        *(["fresh data"] if structure.fresh_data else []),
        *(name for name in structure.is_on if name not in (*structure.truncations, "fresh_fraction")),
        *schedule,
    ]
    table = [str(each) for each in (structure.walk, structure.parameters) if str(each)]
    return "".join(f"{each}, " for each in table) + f"{how}, {data}{counts}" + "".join(f", {extra}" for extra in extras)


def _judged(structure: Structure) -> list[str]:
    """What is said of traces one by one: of networks, how many are read at once."""
    if structure.texts:
        return [f"{structure.traces_at_once} traces at once"] if structure.traces_at_once > 1 else []
    return ["whole traces judged"] if structure.traces_at_once else []


def _way(how: Method, tokens: int) -> str:
    if how.native or how.always_splits:
        return "any number of draws"
    fewest = fewest_split(tokens)
    if how.splits:
        return f"any number of draws from {fewest} on"
    return f"up to {fewest - 1} draws, " + ("one by one" if how.block == 1 else f"{how.block} at once")


def as_number(number: float) -> str:
    """A number in two digits, with words for its size: 4.3 billion."""
    for word, size in (("trillion", 1e12), ("billion", 1e9), ("million", 1e6)):
        if number >= size:
            return f"{_two_digits(number / size)} {word}"
    return _two_digits(number)


def as_seconds(number: float) -> str:
    """A time as one would say it."""
    for unit, seconds in (("days", 86400), ("hours", 3600), ("min", 60)):
        if number >= 2 * seconds:
            return f"{_two_digits(number / seconds)} {unit}"
    return f"{_two_digits(number)} s"


def as_rate(number: float) -> str:
    """So many per second, or per minute or hour where that is less than one."""
    for unit, seconds in (("s", 1), ("min", 60)):
        if number * seconds >= 1:
            return f"{_two_digits(number * seconds)}/{unit}"
    return f"{_two_digits(number * 3600)}/h"


def _two_digits(number: float) -> str:
    """Two digits of a number, or all of its whole part."""
    return f"{number:,.0f}" if number >= 9.95 else f"{number:.2g}"


def as_bytes(number: float) -> str:
    """A size as one would say it."""
    units = ["B", "kB", "MB", "GB", "TB"]
    power = min(int(math.log10(max(number, 1)) // 3), len(units) - 1)
    return f"{number / 1000**power:.3g} {units[power]}"
