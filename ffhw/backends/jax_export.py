"""A network as one portable JAX program, of any batch and time, for processors that this machine need not have."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import export

from ffhw.backends.jax_runtime import Jax
from ffhw.model.network import Network

PLATFORMS = ("cpu", "cuda", "tpu")


def portable(network: Network, platforms: Sequence[str] = PLATFORMS) -> export.Exported:
    """The network lowered for these platforms; ``.serialize()`` gives bytes that ``jax.export.deserialize`` reads.

    It takes ``codes`` int32 ``[batch, time, D]``, ``lengths`` int32 ``[batch]`` and the state int32
    ``[batch, state_size]`` of each layer that has one, and gives the outputs and the final states, int32. Sequences are
    at least four steps longer than the shortest one that the network answers.

    Raises
    ------
    InputError: numbers fit no integer type.
    """
    backend = Jax(network)
    scope = export.SymbolicScope([f"time >= {network.rhythm.least + 4}"])
    batch, time = export.symbolic_shape("batch, time", scope=scope)

    def given(*shape: object) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, jnp.int32)

    states = [given(batch, layer.state_size) for layer in network.stateful_layers]
    with jax.enable_x64(network.integer_bits == 64):
        lower = export.export(backend.compiled, platforms=list(platforms))
        return lower(given(batch, time, network.input_size), given(batch), *states)
