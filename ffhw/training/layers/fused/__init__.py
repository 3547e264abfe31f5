"""The loop over time of flip-flop neurons as one kernel, forward and backward, for JAX on GPUs and processors.

The equations are those of :mod:`ffhw.training.layers.loop`:

    forward     gates_t = s(z_t + W_h h_{t-1})        h_t = update(gates_t, h_{t-1})
    backward    g_t = e_t + c_{t+1} g_{t+1} + W_h^T dz_{t+1}        dz_t = p_t * g_t

A kernel goes through all time steps; the forward pass writes states and, for training, gates; the weights' gradients
are products behind the backward loop. On a GPU (Pallas, by Triton) one block of the grid holds all weights of up to 128
units (:mod:`one_block`), several blocks share those of up to 256 (:mod:`several_blocks`); of 512 units and more the
plain loop was faster on an H100 than any tiles tried (``benchmarks/gpu.json``). On a processor the kernel is C++, for
any size, where there is a compiler (:mod:`processor`).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ffhw.training.layers.fused import one_block, processor, several_blocks
from ffhw.training.layers.fused.neuron import Neuron
from ffhw.training.layers.loop import Slopes, Update


def holds(units: int, batch: int, gates: int) -> bool:
    """Whether there is a kernel for N units of so many sequences on the device that JAX works on.

    There is none for a number of sequences that is not known yet, as of programs that are written for any.
    """
    if not isinstance(batch, int):
        return False
    if jax.default_backend() == "gpu":
        return a_gpu_holds(units, batch, gates)
    return jax.default_backend() == "cpu" and processor.holds()


def serves(update: Update, slopes: Slopes, gates: int, inputs: Any) -> bool:
    """Whether the kernel of a processor may stand for the loop where nobody asked for one.

    Parameters
    ----------
    inputs: ``[T, batch, D]``; the rest as of :func:`states`.
    """
    known = isinstance(inputs.shape[1], int) and inputs.dtype == jnp.float32
    return known and jax.default_backend() == "cpu" and processor.works(Neuron(update, slopes, gates, False))


def a_gpu_holds(units: int, batch: int, gates: int) -> bool:
    """The same of a GPU."""
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
    interpret: None: the kernel of the device that JAX works on. Else that of a GPU: operator by operator on any device
        (right, and slow), or to be lowered for one.

    Raises
    ------
    ValueError: no kernel (:func:`holds`), or other numbers than float32. ToolError: the compiler fails.
    """
    steps, batch, _ = inputs.shape
    units = recurrent.shape[0]
    on_gpu = interpret is not None or jax.default_backend() == "gpu"
    if not (a_gpu_holds if on_gpu else holds)(units, batch, gates):
        raise ValueError(f"one kernel does not hold {units} units of {batch} sequences; use implementation='loop'")
    if inputs.dtype != jnp.float32 or recurrent.dtype != jnp.float32:
        raise ValueError(f"the fused kernel takes float32, not {inputs.dtype} and {recurrent.dtype}")
    neuron = Neuron(update, slopes, gates, bool(interpret))
    bias = jnp.zeros(kernel.shape[1:], kernel.dtype) if bias is None else bias
    counts = jnp.ones((steps, batch), jnp.float32) if mask is None else mask[..., 0].astype(jnp.float32)
    given = (neuron, inputs, first, kernel, recurrent, bias, counts)
    if not on_gpu:
        return processor.states(*given)
    return one_block.states(*given) if one_block.holds(units, gates) else several_blocks.states(*given)
