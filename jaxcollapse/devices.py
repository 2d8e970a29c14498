"""Choosing devices, before JAX has started any."""

from collections.abc import Sequence

import jax

from jaxcollapse.errors import InputError

PLATFORMS = ("cpu", "gpu", "tpu")


def check(platform: str | None, count: int | None) -> None:
    """Raises `InputError` if no machine can have such devices."""
    if platform is not None and platform not in PLATFORMS:
        raise InputError("platform", f"{platform!r} is not one of {', '.join(PLATFORMS)}")
    if count is not None and not 1 <= count <= 4096:
        raise InputError("devices", f"{count}: must be 1 or more, and no more than the machine has")


def choose(platform: str | None = None, count: int | None = None) -> Sequence[jax.Device]:
    """The devices of this process to run on: all of the best platform, if nothing else is said.

    Args:
        platform: "cpu", "gpu" or "tpu".
        count: how many. A CPU is divided into so many; of accelerators it is the first ones.

    Raises:
        InputError: this machine does not have them.
    """
    check(platform, count)
    if platform == "cpu":  # so that no accelerator's memory is taken
        jax.config.update("jax_platforms", "cpu")
    if count is not None:
        jax.config.update("jax_num_cpu_devices", count)
    try:
        devices = jax.local_devices(backend=platform)
    except RuntimeError as error:
        here = jax.default_backend()
        told = str(error).partition("\n")[0]
        raise InputError("platform", f"{platform}: there is none that JAX can use here, but {here} ({told})") from None
    if count is not None and count > len(devices):
        raise InputError("devices", f"{count}: this machine has {len(devices)} of platform {devices[0].platform}")
    return devices[:count]
