"""Cores and memory are those that a container leaves, not those of its host."""

from pathlib import Path

import pytest

from jaxcollapse.system.container import allowed_cores, free_memory

GiB = 2**30


def system(folder: Path, files: dict[str, str]) -> Path:
    """The root of a file system that has these files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "cores", "memory"),
    [
        pytest.param(
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
                "sys/fs/cgroup/a/cpu.max": "350000 100000\n",
                "sys/fs/cgroup/a/b/memory.max": f"{4 * GiB}\n",
                "sys/fs/cgroup/a/b/memory.current": f"{3 * GiB}\n",
                "sys/fs/cgroup/a/b/memory.stat": f"anon 1\ninactive_file {GiB}\n",
                "sys/fs/cgroup/a/memory.max": "max\n",
                "sys/fs/cgroup/a/memory.current": "5\n",
            },
            3,
            2 * GiB,
            id="version 2, nested",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "9:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/docker/x\n0::/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": f"{2 * GiB}",
                "sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes": f"{3 * GiB}",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": str(2**63 - 4096),
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "1",
            },
            1,
            0,
            id="version 1, a group for each controller",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/kubepods/pod1/inner\n", "sys/fs/cgroup/inner/cpu.max": "200000 100000"},
            2,
            None,
            id="a container whose file system begins with its own group",
        ),
    ],
)
def test_the_tightest_limit_of_all_groups_counts(
    files: dict[str, str], cores: int, memory: int | None, tmp_path: Path
) -> None:
    root = system(tmp_path, files)
    assert (allowed_cores(root), free_memory(root)) == (cores, memory)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": ""},
        {"proc/self/cgroup": "0::/gone\n"},
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000", "sys/fs/cgroup/memory.max": "max"},
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "1 0", "sys/fs/cgroup/memory.max": "-1"},
        {"proc/self/cgroup": "5:cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1"},
    ],
)
def test_without_a_limit_there_is_none(files: dict[str, str], tmp_path: Path) -> None:
    root = system(tmp_path, files)
    assert (allowed_cores(root), free_memory(root)) == (None, None)
