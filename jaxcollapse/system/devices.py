"""Choosing devices, before JAX has started any."""

import os
from collections.abc import Sequence

import jax

from jaxcollapse.errors import InputError, cut, shown
from jaxcollapse.system.machine import cores

PLATFORMS = ("cpu", "gpu", "tpu")
_MOST = 4096  # devices of a machine that is not this one
_MOST_PARTS = 64  # of a CPU, or one for each core: each has threads of its own, and thousands end the process


def check(platform: str | None, count: int | None) -> None:
    """Raises `InputError` if no machine can have such devices."""
    if platform is not None and platform not in PLATFORMS:
        raise InputError("platform", f"{platform!r} is not one of {', '.join(PLATFORMS)}")
    if count is not None and not 1 <= count <= _MOST:
        raise InputError("devices", f"{count}: must be from 1 to the number of devices of the machine")


def choose(platform: str | None = None, count: int | None = None) -> Sequence[jax.Device]:
    """The devices of this process to run on: all of the best platform, if nothing else is said.

    Args:
        platform: "cpu", "gpu" or "tpu".
        count: how many. A CPU is divided into so many; of accelerators it is the first ones.

    Raises:
        InputError: this machine does not have them.
    """
    check(platform, count)
    parts = max(_MOST_PARTS, cores())
    if platform == "cpu" and count is not None and count > parts:
        raise InputError("devices", f"{count}: the processors of this machine can be divided into {parts} at most")
    if platform == "cpu":  # so that no accelerator's memory is taken
        jax.config.update("jax_platforms", "cpu")
    if count is not None:
        jax.config.update("jax_num_cpu_devices", min(count, parts))
    try:
        devices = jax.local_devices(backend=platform)
    except (RuntimeError, AssertionError) as error:  # JAX asserts that there is a device if cuda is asked for
        raise _lacking(platform, str(error)) from None
    if count is not None and count > len(devices):
        raise InputError("devices", f"{count}: this machine has {len(devices)} {devices[0].platform} devices")
    return devices[:count]


def _lacking(platform: str | None, told: str) -> InputError:
    """What JAX says when it has no such devices."""
    reason = cut(told.partition("\n")[0], 300) or "no device was found"
    asked = os.environ.get("JAX_PLATFORMS")
    if asked and platform != "cpu":
        return InputError("JAX_PLATFORMS", f"{shown(asked)}: JAX cannot use that here ({reason})", "environment")
    return InputError("platform", f"{platform or 'any'}: JAX cannot use such a device here ({reason})")
