"""The loop over time of flip-flop neurons as one kernel of a GPU, forward and backward, for JAX (Pallas, by Triton).

The equations are those of :mod:`ffhw.training.layers.loop`; z_t, the inputs' part, is one product of all steps before:

    forward     gates_t = s(z_t + W_h h_{t-1})        h_t = update(gates_t, h_{t-1})
    backward    g_t = e_t + c_{t+1} g_{t+1} + W_h^T dz_{t+1}        dz_t = p_t * g_t

A block of the grid takes 16 sequences through all time steps. States and gradients stay in its registers from step to
step; the gates of a unit stand beside each other in every matrix, so that all gates are one product. Weights of up to
128 units are loaded once, before the loop, which is what makes the kernel worth while; those of more units are read
again in each step, by every block, from the GPU's second-level cache (N = 1024: 8 MB a step). The forward pass writes
states and, for training, gates; the weights' gradient is one product after the backward loop.

Sizes that a GPU does not take (units and batch) are filled up with zeros. Elsewhere than on a GPU the kernel is
interpreted: right, and slow. It has been lowered for GPUs and interpreted on a CPU, and was never run on a GPU.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

from ffhw.training.layers.loop import Slopes, Update

MOST_UNITS = 1024
# Units up to which weights stay on the chip: 128 x 256 floats, half of a multiprocessor's registers.
RESIDENT_UNITS = 128
# Rows of a block: the fewest that a GPU's matrix units take.
_ROWS = 16


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
    ValueError: more units than :data:`MOST_UNITS`, or other numbers than float32.
    """
    steps, batch, _ = inputs.shape
    units = recurrent.shape[0]
    if units > MOST_UNITS:
        raise ValueError(f"the fused kernel takes up to {MOST_UNITS} units, not {units}; use implementation='loop'")
    if inputs.dtype != jnp.float32 or recurrent.dtype != jnp.float32:
        raise ValueError(f"the fused kernel takes float32, not {inputs.dtype} and {recurrent.dtype}")
    wide = max(_ROWS, pl.next_power_of_2(units))
    rows = -(-batch // _ROWS) * _ROWS
    interpret = jax.default_backend() != "gpu" if interpret is None else interpret
    plan = _Plan(update, slopes, gates, wide, interpret)
    side_by_side = functools.partial(_side_by_side, gates=gates, wide=wide)
    # z_t = W_x x_t + b, of all steps in one product
    z = inputs @ side_by_side(kernel)
    z = z if bias is None else z + side_by_side(bias)
    counts = jnp.ones((steps, batch), jnp.float32) if mask is None else mask[..., 0].astype(jnp.float32)
    more, fill = wide - units, rows - batch
    after = _states(
        plan,
        jnp.pad(z, ((0, 0), (0, fill), (0, 0))),
        jnp.pad(first, ((0, fill), (0, more))),
        jnp.pad(side_by_side(recurrent), ((0, more), (0, 0))),
        jnp.pad(counts, ((0, 0), (0, fill))),
    )
    return after[:, :batch, :units]


def _side_by_side(weights: Any, gates: int, wide: int) -> Any:
    """``[..., G N]`` gate by gate to ``[..., W G]`` unit by unit, filled up to W units."""
    apart = jnp.stack(jnp.split(weights, gates, axis=-1), axis=-1)
    apart = jnp.pad(apart, [(0, 0)] * (apart.ndim - 2) + [(0, wide - apart.shape[-2]), (0, 0)])
    return apart.reshape(*weights.shape[:-1], wide * gates)


@dataclasses.dataclass(frozen=True)
class _Plan:
    """The neuron, and how its units are cut into tiles. wide: units W, a power of two."""

    update: Update
    slopes: Slopes
    gates: int
    wide: int
    interpret: bool

    @property
    def tile(self) -> int:
        """Units of a tile: of one product."""
        return min(self.wide, 64 if self.wide <= 256 else 128)

    @property
    def tiles(self) -> range:
        """Numbers of all tiles."""
        return range(self.wide // self.tile)

    def units(self, number: int) -> Any:
        """A tile's units among all."""
        return pl.ds(number * self.tile, self.tile)

    def columns(self, number: int) -> Any:
        """A tile's gates among all."""
        return pl.ds(number * self.tile * self.gates, self.tile * self.gates)

    def apart(self, gates: Any) -> list[Any]:
        """Each gate ``[rows, tile]`` of gates side by side, ``[rows, tile G]``."""
        if self.gates == 1:
            return [gates]
        return list(jnp.unstack(gates.reshape(_ROWS, self.tile, self.gates), axis=-1))

    def together(self, parts: list[Any]) -> Any:
        """What :meth:`apart` takes apart."""
        return parts[0] if self.gates == 1 else jnp.stack(parts, axis=-1).reshape(_ROWS, self.tile * self.gates)

    def loaded(self, read: Any) -> Any:
        """``read(i, j)``, the weights between two tiles: read now where they stay on the chip, else when asked for."""
        if self.wide > RESIDENT_UNITS:
            return read
        there = {(i, j): read(i, j) for i in self.tiles for j in self.tiles}
        return lambda i, j: there[i, j]

    def call(self, body: Any, given: Iterable[Any], results: Iterable[tuple[int, ...]], name: str) -> Any:
        """Run a kernel's body on blocks of rows of arrays ``[T, rows, ...]``; weights come last, whole."""
        *arrays, weights = given
        outputs = tuple(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in results)
        return pl.pallas_call(
            body,
            out_shape=outputs,
            grid=(arrays[0].shape[1] // _ROWS,),
            in_specs=[*map(_rows_of, arrays), pl.BlockSpec(weights.shape, lambda block: (0, 0))],
            out_specs=tuple(map(_rows_of, outputs)),
            interpret=self.interpret,
            compiler_params=triton.CompilerParams(num_warps=8 if self.wide > 64 else 4, num_stages=1),
            name=name,
        )(*arrays, weights)


def _rows_of(array: Any) -> Any:
    """Block of rows of ``[T, rows, columns]`` or ``[T, rows]``; a state ``[1, rows, columns]`` as well."""
    shape = (array.shape[0], _ROWS, *array.shape[2:])
    return pl.BlockSpec(shape, lambda block: (0, block, *(0 for _ in shape[2:])))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _states(plan: _Plan, z: Any, first: Any, recurrent: Any, counts: Any) -> Any:
    """States ``[T, rows, W]`` of sizes that a GPU takes. counts: 1 or 0, ``[T, rows]``."""
    return _forward(plan, False, z, first, recurrent, counts)[0]


def _with_gates(plan: _Plan, z: Any, first: Any, recurrent: Any, counts: Any) -> tuple[Any, Any]:
    after, gates = _forward(plan, True, z, first, recurrent, counts)
    return after, (after, gates, first, recurrent, counts)


def _forward(plan: _Plan, keep: bool, z: Any, first: Any, recurrent: Any, counts: Any) -> Any:
    """States of all steps, and all gates if they are to be kept."""

    def body(z_ref: Any, first_ref: Any, counts_ref: Any, w_ref: Any, h_ref: Any, gates_ref: Any = None) -> None:
        weights = plan.loaded(lambda i, j: w_ref[plan.units(i), plan.columns(j)])

        def step(t: Any, h: tuple[Any, ...]) -> tuple[Any, ...]:
            now = counts_ref[t][:, None] > 0
            new = []
            for j in plan.tiles:
                # gates_t = s(z_t + W_h h_{t-1})
                sums = z_ref[t, :, plan.columns(j)]
                for i in plan.tiles:
                    sums = sums + _product(h[i], weights(i, j))
                gates = jax.nn.sigmoid(sums)
                if gates_ref is not None:
                    gates_ref[t, :, plan.columns(j)] = gates
                # h_t = update(gates_t, h_{t-1})
                new.append(jnp.where(now, plan.update(plan.apart(gates), h[j]), h[j]))
                h_ref[t, :, plan.units(j)] = new[-1]
            return tuple(new)

        jax.lax.fori_loop(0, z_ref.shape[0], step, tuple(first_ref[0, :, plan.units(j)] for j in plan.tiles))

    shape = (*z.shape[:2], plan.wide)
    results = [shape, z.shape] if keep else [shape]
    return plan.call(body, (z, first[None], counts, recurrent), results, "flip_flop_forward")


def _backward(plan: _Plan, kept: tuple[Any, ...], error: Any) -> tuple[Any, ...]:
    """Gradients by z, first state and weights, from those by the states of all steps."""
    after, gates, first, recurrent, counts = kept
    before = jnp.concatenate([first[None], after[:-1]])

    def body(
        error_ref: Any, gates_ref: Any, h_ref: Any, counts_ref: Any, w_ref: Any, dz_ref: Any, first_ref: Any
    ) -> None:
        weights = plan.loaded(lambda j, i: w_ref[plan.columns(j), plan.units(i)])
        steps = error_ref.shape[0]

        def step(done: Any, beyond: tuple[Any, ...]) -> tuple[Any, ...]:
            t = steps - 1 - done
            now = counts_ref[t][:, None] > 0
            dz, back = [], []
            for j in plan.tiles:
                # g_t = e_t + what comes from the step after
                g = error_ref[t, :, plan.units(j)] + beyond[j]
                values = gates_ref[t, :, plan.columns(j)]
                by_gate, by_state = plan.slopes(plan.apart(values), h_ref[t, :, plan.units(j)])
                # dz_t = (d h_t / d gate_t) g_t gate_t (1 - gate_t)
                slope = plan.together([part * g for part in by_gate]) * (values - values * values)
                dz.append(jnp.where(now, slope, 0.0))
                dz_ref[t, :, plan.columns(j)] = dz[-1]
                back.append(jnp.where(now, by_state * g, g))
            # c_t g_t + W_h^T dz_t
            for i in plan.tiles:
                for j in plan.tiles:
                    back[i] = back[i] + _product(dz[j], weights(j, i))
            return tuple(back)

        nothing = jnp.zeros((_ROWS, plan.tile), jnp.float32)
        last = jax.lax.fori_loop(0, steps, step, tuple(nothing for _ in plan.tiles))
        for j in plan.tiles:
            first_ref[0, :, plan.units(j)] = last[j]

    given = (error, gates, before, counts, recurrent.T)
    dz, first_error = plan.call(body, given, [gates.shape, (1, *first.shape)], "flip_flop_backward")
    # dW_h = sum_t h_{t-1}^T dz_t
    by_weights = jnp.einsum("tbn,tbg->ng", before, dz, precision=jax.lax.Precision.HIGHEST)
    return dz, first_error[0], by_weights, None


def _product(left: Any, right: Any) -> Any:
    # in float32 throughout: a GPU would round factors to 10 bits if left to itself
    return jnp.dot(left, right, precision=jax.lax.Precision.HIGHEST, preferred_element_type=jnp.float32)


_states.defvjp(_with_gates, _backward)
