"""Several blocks of the grid share the units: their weights are too many for one block.

A block owns a tile of the units of 16 sequences through all time steps, and keeps its part of the state in registers.
It writes its part of h_t (backward: of dz_t), then all blocks of the same sequences wait for each other, by a counter
that each adds one to at every step. So all blocks must run at once: a grid has no more of them than the GPU has
multiprocessors, which bounds units times sequences (:func:`tile_of`). Forward the weights of their tiles stay on
the multiprocessors; backward, with twice the inner size, it was faster to read them at each step.

The gates of a unit stand beside each other in every matrix, so that all gates are one product, on matrix units. Units
and batch are filled up with zeros to sizes that these take.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

from ffhw.training.layers.fused.neuron import Neuron

# Units, filled up, and those of a block backward.
_WIDE, _BACKWARD_TILE = 256, 32
# Rows of a block: the fewest that a GPU's matrix units take.
_ROWS = 16
# Inner sizes of the products of several blocks: registers and on-chip memory of a multiprocessor hold no more.
_FORWARD_CHUNK, _BACKWARD_CHUNK = 256, 128
# Of the GPU for which a program is lowered where there is none, and for which the interpreter takes itself: an H100.
_MULTIPROCESSORS = 132
# Computing capabilities of GPUs whose multiprocessors hold the 147 KB of a tile among several: A100, H100, B200.
_ROOMY = ("8.0", "9.0", "10.0")


def tile_of(units: int, batch: int, gates: int) -> int | None:
    """Units of a block, forward, so that all blocks run at once; None: there are too many units or sequences.

    Parameters
    ----------
    units: N. batch: sequences. gates: G.
    """
    # columns of a product are gates: at least eight for each of four warps
    found = (tile for tile in (16, 32) if tile * gates >= 32)
    at_once = [tile for tile in found if _WIDE // tile * -(-batch // _ROWS) <= _multiprocessors()]
    return at_once[0] if at_once and units <= _WIDE else None


def _multiprocessors() -> int:
    """Those that hold a tile each; 0 on GPUs with little memory there."""
    if jax.default_backend() != "gpu":
        return _MULTIPROCESSORS
    device = jax.devices()[0]
    return int(device.core_count) if device.compute_capability in _ROOMY else 0


def states(neuron: Neuron, inputs: Any, first: Any, kernel: Any, recurrent: Any, bias: Any, counts: Any) -> Any:
    """States of all steps, ``[T, batch, N]``; arrays as :func:`ffhw.training.layers.fused.states` takes them.

    Parameters
    ----------
    counts: 1 or 0, ``[T, batch]``.
    """
    batch, units = first.shape
    tile = tile_of(units, batch, neuron.gates)
    assert tile is not None
    side_by_side = functools.partial(_side_by_side, gates=neuron.gates)
    # z_t = W_x x_t + b, of all steps in one product
    z = inputs @ side_by_side(kernel) + side_by_side(bias)
    more, fill = _WIDE - units, -batch % _ROWS
    after = _states(
        (neuron, tile),
        jnp.pad(z, ((0, 0), (0, fill), (0, 0))),
        jnp.pad(first, ((0, fill), (0, more))),
        jnp.pad(side_by_side(recurrent), ((0, more), (0, 0))),
        jnp.pad(counts, ((0, 0), (0, fill))),
    )
    return after[:, :batch, :units]


def _side_by_side(weights: Any, gates: int) -> Any:
    """``[..., G N]`` gate by gate to ``[..., W G]`` unit by unit, filled up to W units."""
    apart = jnp.stack(jnp.split(weights, gates, axis=-1), axis=-1)
    apart = jnp.pad(apart, [(0, 0)] * (apart.ndim - 2) + [(0, _WIDE - apart.shape[-2]), (0, 0)])
    return apart.reshape(*weights.shape[:-1], _WIDE * gates)


@dataclasses.dataclass(frozen=True)
class _Grid:
    """The blocks of one kernel: sequences by tiles of units."""

    neuron: Neuron
    tile: int
    chunk: int
    rows: int
    steps: int

    @property
    def blocks(self) -> int:
        """Tiles of the same sequences."""
        return _WIDE // self.tile

    @property
    def step_by_step(self) -> bool:
        """Whether each step is a grid of its own: interpreted blocks run one after the other, and cannot wait."""
        return self.neuron.interpret

    def here(self) -> tuple[Any, Any, Any]:
        """This block's rows, units, and columns of gates."""
        row, tile = (pl.program_id(axis + self.step_by_step) for axis in (0, 1))
        wide = self.tile * self.neuron.gates
        return pl.ds(row * _ROWS, _ROWS), pl.ds(tile * self.tile, self.tile), pl.ds(tile * wide, wide)

    def chunks(self, size: int) -> list[Any]:
        """Parts of a product's inner size."""
        part = min(size, self.chunk)
        return [pl.ds(number * part, part) for number in range(size // part)]

    def apart(self, gates: Any) -> list[Any]:
        """Each gate ``[rows, tile]`` of gates side by side, ``[rows, tile G]``."""
        if self.neuron.gates == 1:
            return [gates]
        return list(jnp.unstack(gates.reshape(_ROWS, self.tile, self.neuron.gates), axis=-1))

    def together(self, parts: list[Any]) -> Any:
        """What :meth:`apart` takes apart."""
        if self.neuron.gates == 1:
            return parts[0]
        return jnp.stack(parts, axis=-1).reshape(_ROWS, self.tile * self.neuron.gates)

    def product(self, pairs: Iterable[tuple[Any, Any]]) -> Any:
        """Sum of products of float32: of parts ``[rows, chunk]`` with :meth:`held` weights ``[chunk, columns]``."""
        total: Any = 0
        for part, held in pairs:
            if self.neuron.interpret:
                total = total + jnp.dot(part, held, precision=jax.lax.Precision.HIGHEST)
                continue
            # a b = (a1 + a2) (b1 + b2), but for a2 b2, which is below the last bit of the sum: three chains that
            # matrix units work on at the same time
            a, b = _halves(part), held
            total = total + (_tf32(a[0], b[0]) + (_tf32(a[0], b[1]) + _tf32(a[1], b[0])))
        return total

    def held(self, weights: Any) -> Any:
        """Weights as :meth:`product` takes them."""
        return weights if self.neuron.interpret else _halves(weights)

    def wait(self, counter: Any, arrivals: Any) -> None:
        """Until all blocks of these rows have come here so many times; what they wrote before can then be read."""
        if self.step_by_step:
            return
        row = pl.program_id(0)
        triton.debug_barrier()
        triton.atomic_add(counter, (row,), 1)
        jax.lax.while_loop(
            lambda seen: seen < arrivals * self.blocks, lambda _: triton.atomic_add(counter, (row,), 0), jnp.int32(0)
        )
        triton.debug_barrier()

    def loop(self, step: Callable[[Any, Any], Any], start: Callable[[Any], Any]) -> Any:
        """Carry after all steps; ``start(t)`` reads the one before step t from memory."""
        if self.step_by_step:
            now = pl.program_id(0)
            return step(now, start(now))
        return jax.lax.fori_loop(0, self.steps, step, start(0))

    def call(self, body: Any, given: Sequence[Any], begun: Sequence[Any], results: Sequence[Any], name: str) -> Any:
        """Run a kernel's body on whole arrays: those given, a counter, results begun before, further results."""
        counter = jnp.zeros((self.rows // _ROWS,), jnp.int32)
        begun = [counter, *begun]
        outputs = [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in begun]
        outputs += [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in results]
        grid = (self.rows // _ROWS, self.blocks)
        return pl.pallas_call(
            lambda *refs: body(*refs[len(begun) :]),
            out_shape=tuple(outputs),
            grid=(self.steps, *grid) if self.step_by_step else grid,
            input_output_aliases={number: number for number in range(len(begun))},
            interpret=self.neuron.interpret,
            compiler_params=triton.CompilerParams(num_warps=4, num_stages=1),
            name=name,
        )(*begun, *given)[1:]


def _halves(x: Any) -> tuple[Any, Any]:
    """x = a + b: a has the leading bits of float32 that matrix units look at (TF32, 10 of 23), b what is left."""
    bits = jax.lax.bitcast_convert_type(x, jnp.int32) & jnp.int32(-(1 << 13))
    leading = jax.lax.bitcast_convert_type(bits, jnp.float32)
    return leading, x - leading


def _tf32(a: Any, b: Any) -> Any:
    precision = jax.lax.DotAlgorithmPreset.TF32_TF32_F32
    return jnp.dot(a, b, precision=precision, preferred_element_type=jnp.float32)


# The neuron, and units of a block forward.
Cut = tuple[Neuron, int]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _states(cut: Cut, z: Any, first: Any, recurrent: Any, counts: Any) -> Any:
    """States ``[T, rows, W]`` of sizes that a GPU takes. counts: 1 or 0, ``[T, rows]``."""
    return _forward(cut, False, z, first, recurrent, counts)[0][1:]


def _with_gates(cut: Cut, z: Any, first: Any, recurrent: Any, counts: Any) -> tuple[Any, Any]:
    around, gates = _forward(cut, True, z, first, recurrent, counts)
    return around[1:], (around, gates, recurrent, counts)


def _forward(cut: Cut, keep: bool, z: Any, first: Any, recurrent: Any, counts: Any) -> Any:
    """First state and those of all steps, ``[T + 1, rows, W]``; and all gates if they are to be kept."""
    (neuron, tile), (steps, rows, _) = cut, z.shape
    grid = _Grid(neuron, tile, _FORWARD_CHUNK, rows, steps)

    def body(z_ref: Any, counts_ref: Any, w_ref: Any, counter: Any, h_ref: Any, gates_ref: Any = None) -> None:
        rows, own, columns = grid.here()
        chunks = grid.chunks(_WIDE)
        weights = [grid.held(w_ref[chunk, columns]) for chunk in chunks]

        def read(t: Any) -> tuple[Any, Any]:
            return z_ref[t, rows, columns], counts_ref[t, rows]

        def step(t: Any, carry: Any) -> Any:
            h, (z, now) = carry
            before = [h_ref[t, rows, chunk] for chunk in chunks]
            # gates_t = s(z_t + W_h h_{t-1})
            gates = jax.nn.sigmoid(z + grid.product(zip(before, weights, strict=True)))
            if gates_ref is not None:
                gates_ref[t, rows, columns] = gates
            # h_t = update(gates_t, h_{t-1})
            h = jnp.where(now[:, None] > 0, neuron.update(grid.apart(gates), h), h)
            h_ref[t + 1, rows, own] = h
            # on their way while others are waited for
            beyond = read(jnp.minimum(t + 1, steps - 1))
            grid.wait(counter, t + 1)
            return h, beyond

        grid.loop(step, lambda t: (h_ref[t, rows, own], read(t)))

    around = jnp.zeros((steps + 1, rows, _WIDE), jnp.float32).at[0].set(first)
    return grid.call(body, (z, counts, recurrent), [around], [z.shape] if keep else [], "flip_flop_forward")


def _backward(cut: Cut, kept: tuple[Any, ...], error: Any) -> tuple[Any, ...]:
    """Gradients by z, first state and weights, from those by the states of all steps."""
    around, gates, recurrent, counts = kept
    neuron, (steps, rows, _) = cut[0], gates.shape
    grid = _Grid(neuron, _BACKWARD_TILE, _BACKWARD_CHUNK, rows, steps)

    def body(
        error_ref: Any, gates_ref: Any, h_ref: Any, counts_ref: Any, w_ref: Any, counter: Any, dz_ref: Any, by_ref: Any
    ) -> None:
        rows, own, columns = grid.here()
        chunks = grid.chunks(_WIDE * neuron.gates)

        def read(t: Any) -> tuple[Any, ...]:
            return error_ref[t, rows, own], gates_ref[t, rows, columns], h_ref[t, rows, own], counts_ref[t, rows]

        def step(done: Any, carry: Any) -> Any:
            t = steps - 1 - done
            back, (e, values, h, counting) = carry
            now = counting[:, None] > 0
            # one chunk after the other: registers do not hold all
            beyond = ((dz_ref[t + 1, rows, chunk], grid.held(w_ref[chunk, own])) for chunk in chunks)
            # g_t = e_t + c_{t+1} g_{t+1} + W_h^T dz_{t+1}
            g = e + back + grid.product(beyond)
            by_gate, by_state = neuron.slopes(grid.apart(values), h)
            # dz_t = (d h_t / d gate_t) g_t gate_t (1 - gate_t)
            slope = grid.together([part * g for part in by_gate]) * (values - values * values)
            dz = jnp.where(now, slope, 0.0)
            dz_ref[t, rows, columns] = dz
            ahead = read(jnp.maximum(t - 1, 0))
            grid.wait(counter, done + 1)
            # c_t g_t
            return jnp.where(now, by_state * g, g), ahead

        def start(done: Any) -> Any:
            t = steps - 1 - done
            return by_ref[rows, own], read(t)

        by_ref[rows, own] = grid.loop(step, start)[0]

    given = (error, gates, around, counts, recurrent.T)
    # nothing comes from behind the last step
    begun = [jnp.zeros((steps + 1, *gates.shape[1:]), jnp.float32), jnp.zeros((rows, _WIDE), jnp.float32)]
    dz, by_first = grid.call(body, given, begun, [], "flip_flop_backward")
    exact = functools.partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
    # c_1 g_1 + W_h^T dz_1, and dW_h = sum_t h_{t-1}^T dz_t
    by_first = by_first + exact("bg,ng->bn", dz[0], recurrent)
    return dz[:-1], by_first, exact("tbn,tbg->ng", around[:-1], dz[:-1]), None


_states.defvjp(_with_gates, _backward)
