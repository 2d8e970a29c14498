"""Functions of arrays that are compiled once for all processes: `jax.jit`, with programs that stay on disk."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import SingleDeviceSharding

from jaxcollapse.system import on_disk
from jaxcollapse.system.jax_settings import compiler_options

_KEPT = 32  # programs in memory


def jit_on_disk(function: Callable[..., Any], gives_like: int | None = None) -> Callable[..., Any]:
    """A jitted function, called with arrays by place and with what is static by name.

    A program is named by the engine's source, so the function has to be part of it (`on_disk.ENGINE`). It does not stay
    on disk where something static is of a class of the user's own.

    gives_like: the argument that the result is built like, as a pytree; None where the result is one array.
    """

    @wraps(function)
    def call(*arrays: Any, **static: Any) -> Any:
        leaves, tree = jax.tree.flatten(arrays)
        if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            return function(*arrays, **static)
        device = jax.config.values["jax_default_device"]
        if not isinstance(device, jax.Device):
            device = jax.local_devices(backend=device)[0]
        shapes = tuple((np.shape(leaf), jnp.result_type(leaf)) for leaf in leaves)
        options = tuple(compiler_options(device.platform).items())
        x64 = bool(jax.config.values["jax_enable_x64"])
        wanted = _Wanted(function, tree, shapes, tuple(static.items()), gives_like, device, options, x64)
        return _load_or_compile(wanted)(*arrays)

    return call


@dataclass(frozen=True)
class _Wanted:
    """A program: a function of arrays of such shapes and types, on a device, as JAX is set at present."""

    function: Callable[..., Any]
    tree: Any
    shapes: tuple[tuple[tuple[int, ...], Any], ...]
    static: tuple[tuple[str, Any], ...]
    gives_like: int | None
    device: jax.Device
    options: tuple[tuple[str, Any], ...]
    x64: bool


@lru_cache(maxsize=_KEPT)
def _load_or_compile(wanted: _Wanted) -> jax.stages.Compiled:
    function, static, options = wanted.function, dict(wanted.static), dict(wanted.options)
    sharding = SingleDeviceSharding(wanted.device)
    arrays = [jax.ShapeDtypeStruct(*shape, sharding=sharding) for shape in wanted.shapes]
    takes = jax.tree.unflatten(wanted.tree, arrays)
    gives = 0 if wanted.gives_like is None else takes[wanted.gives_like]

    def made() -> jax.stages.Compiled:
        return jax.jit(function, static_argnames=tuple(static)).lower(*takes, **static).compile(options)

    if not all(type(value).__module__.split(".")[0] in ("builtins", "jaxcollapse") for value in static.values()):
        return made()
    told = [function.__module__, function.__qualname__, wanted.tree, wanted.shapes, wanted.static, options]
    return on_disk.load_or_make(wanted.device, told, (takes, {}), gives, made)
