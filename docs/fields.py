"""The page of the keys of a sweep file: by what they are for; each with an anchor, its values and its default."""

import json
from typing import Any

from pydantic import BaseModel

from jaxcollapse.distributions import KINDS
from jaxcollapse.sweep.allowed import allowed
from jaxcollapse.sweep.process_fields import described, groups, process_model
from jaxcollapse.sweep.record import Record
from jaxcollapse.sweep.stopping import Stopping
from jaxcollapse.sweep.sweep import Sweep

_OPENING = """\
# Fields of a sweep file

Made from the code by `make generated`. [The sweep file](sweep-file.md) shows how the parts fit together;
[the process](process.md) has the formulas. In a shell, `jaxcollapse fields temperature optimizer` prints the same.
Each field of a process, and each key of `initial`, can be an axis."""
_ABOUT = {
    "Top level": "Keys outside of any table.",
    "Recording": "Keys of the table `record`.",
    "Replicates by a rule": "Keys of a table as `replicates` ([how it works](sweep-file.md#replicates-until)).",
    "Kind of model": "`[process]`: what a trace is, and what makes the table of logits.",
    "Original distribution": "`[process]`: p0, which the model starts from and is compared with.",
    "Sampling": "`[process]`: how the model emits the traces of a generation.",
    "Corpus and real data": "`[process]`: what the model is trained on.",
    "Generator, start and growth": "`[process]`: who samples, where the model starts, and how samples grow.",
    "Curation and verification": "`[process]`: which samples are kept.",
    "Observation": "`[process]`: how the model is measured.",
    "Training": "`[process]`: how the model follows the corpus.",
    "Optimiser and learning rate": '`[process]`, with `update = "gradient"`.',
    "Minibatches": '`[process]`, with `update = "gradient"`.',
    "Penalties and clipping": '`[process]`, with `update = "gradient"`: terms of the loss.',
    "Keys of initial": '`initial = { kind = "zipf", exponent = 1.2 }`; as an axis, `"initial.exponent" = [1.0, 1.2]`.',
}
Entry = tuple[str, str, str]  # values that are allowed, default, meaning


def fields() -> str:
    """The page, from the models that validate a sweep file."""
    tables = ("record", "process", "axes")
    sections: dict[str, dict[str, list[str]]] = {
        "Top level": {
            info.alias or name: _told(_entry(Sweep, name))
            for name, info in Sweep.model_fields.items()
            if name not in tables
        },
        "Recording": {f"record.{key}": _told(_entry(Record, key)) for key in Record.model_fields},
        "Replicates by a rule": {f"replicates.{key}": _told(_entry(Stopping, key)) for key in Stopping.model_fields},
    }
    for heading, group in groups().items():
        sections[heading] = {}
        for name, field in group.items():
            default, words = described(field)
            sections[heading][name] = _told((allowed(process_model(), name), f"`{default}`" if default else "", words))
    sections["Keys of initial"] = _keys_of_kinds()
    lines = [_OPENING, "", "| for | keys |", "| --- | --- |"]
    lines += [f"| {heading} | {' '.join(map(_link, keys))} |" for heading, keys in sections.items()]
    for heading, keys in sections.items():
        lines += ["", f"## {heading}", "", _ABOUT[heading]]
        lines += _kinds() if heading == "Keys of initial" else []
        for key, told in keys.items():
            lines += ["", f"### `{key}`", *told]
    return "\n".join(lines) + "\n"


def written(value: Any) -> str:
    """A default as a sweep file has it, as code; nothing if there is none."""
    if value in (None, "") or repr(value) == "PydanticUndefined":
        return ""
    return f"`{json.dumps(value) if isinstance(value, bool | list | tuple) else value}`"


def _link(key: str) -> str:
    """A link to the heading of a key, whose anchor has no dots."""
    return f"[`{key}`](#{key.replace('.', '')})"


def _entry(model: type[BaseModel], key: str) -> Entry:
    info = model.model_fields[key]
    default = "required" if info.is_required() else written(info.get_default())
    return allowed(model, key), default, info.description or ""


def _told(entry: Entry) -> list[str]:
    values, default, meaning = entry
    return ["", meaning, "", f"*Values*: {values}. *Default*: {default or 'none'}."]


def _kinds() -> list[str]:
    """Each kind with the keys that it takes."""
    lines = ["", "| `kind` | keys | what it is |", "| --- | --- | --- |"]
    for name, kind in KINDS.items():
        keys = [_link(f"initial.{key}") for key in kind.model_fields if key != "kind"]
        lines.append(f"| `{name}` | {' '.join(keys)} | {' '.join((kind.__doc__ or '').split())} |")
    return lines


def _keys_of_kinds() -> dict[str, list[str]]:
    """Each key of `initial`, with what it is in each kind that has it."""
    meanings: dict[str, dict[Entry, list[str]]] = {}
    for name, kind in KINDS.items():
        for key in kind.model_fields:
            if key != "kind":
                meanings.setdefault(f"initial.{key}", {}).setdefault(_entry(kind, key), []).append(f"`{name}`")
    return {
        key: [line for entry, kinds in entries.items() for line in _told(_within(entry, kinds))]
        for key, entries in meanings.items()
    }


def _within(entry: Entry, kinds: list[str]) -> Entry:
    values, default, meaning = entry
    return values, default, f"Kind {' and '.join(kinds)}: {meaning[:1].lower()}{meaning[1:]}"
