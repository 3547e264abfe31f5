"""The loop over time of flip-flop neurons as one kernel of a GPU, forward and backward, for JAX (Pallas, by Triton).

The equations are those of :mod:`ffhw.training.layers.loop`; z_t, the inputs' part, is one product of all steps before:

    forward     gates_t = s(z_t + W_h h_{t-1})        h_t = update(gates_t, h_{t-1})
    backward    g_t = e_t + c_{t+1} g_{t+1} + W_h^T dz_{t+1}        dz_t = p_t * g_t

A kernel goes through all time steps, with the state in registers; the forward pass writes states and, for training,
gates; the weights' gradient is one product after the backward loop. Up to 128 units one block of the grid holds all
weights (:mod:`one_block`), up to 256 several blocks share them (:mod:`several_blocks`). Elsewhere than on a GPU the
kernels are interpreted: right, and slow. Measured on an H100 (``benchmarks/gpu.json``): of 512 units and more the plain
loop was faster than any tiles tried.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ffhw.training.layers.fused import one_block, several_blocks
from ffhw.training.layers.fused.neuron import Neuron
from ffhw.training.layers.loop import Slopes, Update


def holds(units: int, batch: int, gates: int) -> bool:
    """Whether there is a kernel for N units of so many sequences."""
    return one_block.holds(units, gates) or several_blocks.tile_of(units, batch, gates) is not None


def states(
    update: Update,
    slopes: Slopes,
    gates: int,
    inputs: Any,
    first: Any,
    kernel: Any,
    recurrent: Any,
    bias: Any = None,
    mask: Any = None,
    interpret: bool | None = None,
) -> Any:
    """States of all steps, ``[T, batch, N]`` float32; differentiable by inputs, first state and weights.

    Parameters
    ----------
    update, slopes: the neuron, see :mod:`loop`; they may use arithmetic only. gates: G, 1 or 2.
    inputs: ``[T, batch, D]``. first: ``[batch, N]``. kernel: ``[D, G N]``, gate by gate. recurrent: ``[N, G N]``.
    bias: ``[G N]`` or None. mask: boolean ``[T, batch, 1]``; at others the state stays. None: all count.
    interpret: run it operator by operator on any device; None: wherever there is no GPU.

    Raises
    ------
    ValueError: no kernel (:func:`holds`), or other numbers than float32.
    """
    steps, batch, _ = inputs.shape
    units = recurrent.shape[0]
    if not holds(units, batch, gates):
        raise ValueError(f"one kernel does not hold {units} units of {batch} sequences; use implementation='loop'")
    if inputs.dtype != jnp.float32 or recurrent.dtype != jnp.float32:
        raise ValueError(f"the fused kernel takes float32, not {inputs.dtype} and {recurrent.dtype}")
    neuron = Neuron(update, slopes, gates, jax.default_backend() != "gpu" if interpret is None else interpret)
    bias = jnp.zeros(kernel.shape[1:], kernel.dtype) if bias is None else bias
    counts = jnp.ones((steps, batch), jnp.float32) if mask is None else mask[..., 0].astype(jnp.float32)
    kernels = one_block if one_block.holds(units, gates) else several_blocks
    return kernels.states(neuron, inputs, first, kernel, recurrent, bias, counts)
