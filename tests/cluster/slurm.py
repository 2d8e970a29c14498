"""A real Slurm on this machine, as long as tests need it: munged, slurmctld and slurmd in a folder of their own."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "sinfo")
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
# What is queued again may begin when its old credential has expired: after two minutes, if nothing else is said.
_CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
DefMemPerCPU=500
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
KillWait=5
SchedulerParameters=batch_sched_delay=0,sched_interval=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=4000 State=UNKNOWN
PartitionName=test Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True)
class Slurm:
    """A cluster of one node with four places. environment: with which its commands find it. folder: of its logs."""

    folder: Path
    environment: dict[str, str]

    def __call__(self, *command: str, check: bool = True) -> str:
        """What a command of Slurm prints, errors included."""
        done = subprocess.run(
            command, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.stdout}"
        return done.stdout

    def states(self, job: str) -> dict[str, str]:
        """The state of each task of a job that Slurm still knows of."""
        lines = self("squeue", "--noheader", "--array", "--states=all", "--format=%i %T", f"--jobs={job}").splitlines()
        return dict(line.split() for line in lines)

    def told(self) -> str:
        """The ends of the daemons' logs, for when something goes wrong."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{log.name}:\n{log.read_text(errors='replace')[-3000:]}" for log in logs)


def lacking() -> str:
    """What is missing for a Slurm to be started here; nothing if it can be."""
    gone = [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]
    if gone:
        return f"Slurm is not installed ({', '.join(gone)}): apt-get install slurm-wlm munge"
    return "" if os.geteuid() == 0 else "only the superuser can start a Slurm"


def wait_until(holds: Callable[[], object], seconds: float, what: str) -> None:
    """Looks every tenth of a second until something holds, and fails if it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"after {seconds:g} s still not: {what}"
        time.sleep(0.1)


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Slurm]:
    """A Slurm whose files are in a folder, which has to have a short name. It is stopped at the end."""
    slurm = Slurm(folder, {**os.environ, "PATH": _PATH, "SLURM_CONF": str(folder / "slurm.conf")})
    for name in ("state", "spool"):
        (folder / name).mkdir()
    settings = {"folder": folder, "controller_port": _free_port(), "node_port": _free_port()}
    host = socket.gethostname().partition(".")[0]
    (folder / "slurm.conf").write_text(_CONFIGURATION.format(host=host, **settings))
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    munge = {"key-file": key, "socket": folder / "munge.socket", "pid-file": folder / "munged.pid"}
    munge |= {"log-file": folder / "munged.log", "seed-file": folder / "munge.seed"}
    try:
        slurm("munged", "--force", "--num-threads=2", *(f"--{name}={path}" for name, path in munge.items()))
        slurm("slurmctld")
        slurm("slurmd", "-N", host)
        wait_until(lambda: "idle" in slurm("sinfo", "--noheader", check=False), 30, "the node is idle")
        yield slurm
    except BaseException:
        print(slurm.told())
        raise
    finally:
        slurm("scancel", "--signal=KILL", "--full", "--user=root", check=False)
        slurm("scancel", "--user=root", check=False)
        for name in ("slurmctld", "slurmd", "munged"):
            _stop(folder / f"{name}.pid")


def _stop(pid_file: Path) -> None:
    """Ends the daemon whose number is in a file, in order if it can within two seconds."""
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        for _ in range(20):
            time.sleep(0.1)
            os.kill(pid, 0)
        os.kill(pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])
