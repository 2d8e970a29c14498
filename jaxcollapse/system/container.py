"""What a container or a batch system leaves to this process: the limits of Linux control groups, versions 1 and 2.

A group's limits hold for the groups in it, too, so those of all groups above this process are read. In a container
the file system may begin with the container's own group, while `/proc/self/cgroup` still names it from the host's root:
then only the end of that name is found, or nothing but the root.
"""

from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")


def allowed_cores(root: Path = _ROOT) -> int | None:
    """The processor time that this process may use, in cores, rounded down but at least 1; None without a limit."""
    found = []
    for group in _groups("cpu", root):
        quota, _, period = _text(group / "cpu.max").partition(" ")
        if not quota:
            quota, period = _text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal() and int(period):
            found.append(max(1, int(quota) // int(period)))
    return min(found, default=None)


def free_memory(root: Path = _ROOT) -> int | None:
    """Bytes that this process may still take; None without a limit. What the system can drop at once counts as free."""
    found = []
    for group in _groups("memory", root):
        for limit, used, dropped in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, now = _text(group / limit), _text(group / used)
            if most.isdecimal() and now.isdecimal():
                stat = dict(line.split(" ", 1) for line in _text(group / "memory.stat").splitlines() if " " in line)
                idle = stat.get(dropped, "0")
                found.append(max(0, int(most) - int(now) + (int(idle) if idle.isdecimal() else 0)))
    return min(found, default=None)


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of this process's groups, from its own to the root, of both versions."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        names, _, group = rest.partition(":")
        mounted = root / "sys/fs/cgroup"
        if names and controller not in names.split(","):
            continue
        if names:
            mounted /= controller
        parts = [part for part in group.split("/") if part and part != ".."]
        own = next((parts[start:] for start in range(len(parts)) if mounted.joinpath(*parts[start:]).is_dir()), [])
        for length in range(len(own), -1, -1):
            yield mounted.joinpath(*own[:length])


def _text(path: Path) -> str:
    """What is in a file; nothing where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
