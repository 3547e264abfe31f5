"""The kernel for processors: C++ of the whole loop over time, compiled for this machine when it is first used.

What a compiler of graphs cannot do with a loop: sums stay in vector registers from the inputs' product to the new
state, weights are packed in the order in which they are read, and the sequences are shared out among the threads once,
not at every step (``processor.cpp``). JAX calls it by its foreign function interface. The neuron's equations become C
by being called with names instead of numbers, so that a new cell needs no C of its own.
"""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import hashlib
import shutil
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from ffhw.errors import ToolError
from ffhw.processes import run, scratch_folder
from ffhw.training.layers.fused.neuron import Neuron

_SOURCE = Path(__file__).with_name("processor.cpp")
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-w", "-shared", "-fPIC", "-pthread")
_LANES = 16  # units of a panel


@dataclasses.dataclass(frozen=True)
class _Term:
    """An expression in C."""

    text: str

    def _with(self, operator: str, other: Any, swapped: bool = False) -> _Term:
        pair = [self.text, other.text if isinstance(other, _Term) else f"{float(other)!r}f"]
        return _Term(f"({f' {operator} '.join(reversed(pair) if swapped else pair)})")

    def __add__(self, other: Any) -> _Term:
        return self._with("+", other)

    def __sub__(self, other: Any) -> _Term:
        return self._with("-", other)

    def __mul__(self, other: Any) -> _Term:
        return self._with("*", other)

    def __radd__(self, other: Any) -> _Term:
        return self._with("+", other, swapped=True)

    def __rsub__(self, other: Any) -> _Term:
        return self._with("-", other, swapped=True)

    def __rmul__(self, other: Any) -> _Term:
        return self._with("*", other, swapped=True)

    def __neg__(self) -> _Term:
        return _Term(f"(-{self.text})")


def _equations(neuron: Neuron) -> str:
    """The neuron in C, on vectors of units."""
    gates, h = [_Term(f"gates[{gate}]") for gate in range(neuron.gates)], _Term("h")
    by_gate, by_state = neuron.slopes(gates, h)
    slopes = "".join(f"  by_gate[{gate}] = {slope.text};\n" for gate, slope in enumerate(by_gate))
    return (
        f"#define GATES {neuron.gates}\n"
        f"typedef float lanes __attribute__((vector_size({4 * _LANES})));\n"
        f"static inline lanes update(const lanes* gates, lanes h) {{ return {neuron.update(gates, h).text}; }}\n"
        "static inline void slopes(const lanes* gates, lanes h, lanes* by_gate, lanes& by_state) {\n"
        f"{slopes}  by_state = {by_state.text};\n}}\n"
    )


def holds() -> bool:
    """Whether there is a compiler, and Linux, whose threads it asks for; any number of units and sequences will do."""
    return sys.platform == "linux" and shutil.which("g++") is not None


def works(neuron: Neuron) -> bool:
    """Whether the kernel of a neuron is there: compiled, if it was not yet."""
    try:
        return holds() and bool(_registered(_source(neuron)))
    except (ToolError, OSError):
        return False


def _source(neuron: Neuron) -> str:
    return _equations(neuron) + _SOURCE.read_text()


@functools.cache
def _registered(source: str) -> str:
    """A compiled neuron's name; ``.forward`` and ``.backward`` are known to JAX. Nothing of it stays on disk.

    Raises
    ------
    ToolError: there is no compiler, or it fails.
    """
    compiler = shutil.which("g++")
    if compiler is None:
        raise ToolError("a C++ compiler is missing: apt-get install g++")
    with scratch_folder("fused") as folder:
        (folder / "neuron.cpp").write_text(source)
        command = [compiler, *_FLAGS, f"-I{jax.ffi.include_dir()}", "neuron.cpp", "-o", "neuron.so"]
        done = run(command, cwd=folder)
        if done.returncode:
            raise ToolError(f"compiling the fused kernel failed: {done.reason()}")
        library = ctypes.CDLL(str(folder / "neuron.so"))  # mapped: the file may go
    name = f"ffhw.{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    for way in ("forward", "backward"):
        capsule = jax.ffi.pycapsule(getattr(library, f"flip_flop_{way}"))
        jax.ffi.register_ffi_target(f"{name}.{way}", capsule, platform="cpu")
    return name


def _call(neuron: Neuron, way: str, results: list[tuple[int, ...]], given: tuple[Any, ...], **sizes: Any) -> Any:
    name = _registered(_source(neuron))
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in results]
    return jax.ffi.ffi_call(f"{name}.{way}", shapes)(*given, **sizes)


def states(neuron: Neuron, inputs: Any, first: Any, kernel: Any, recurrent: Any, bias: Any, counts: Any) -> Any:
    """States of all steps, ``[T, batch, N]``; arrays as :func:`ffhw.training.layers.fused.states` takes them.

    Parameters
    ----------
    counts: 1 or 0, ``[T, batch]``.
    """
    units = recurrent.shape[0]
    more = -units % _LANES

    def panels(weights: Any) -> Any:
        # [..., G N] -> [P, ..., G, lanes]
        apart = weights.reshape(*weights.shape[:-1], neuron.gates, units)
        apart = jnp.pad(apart, [(0, 0)] * (apart.ndim - 1) + [(0, more)])
        return jnp.moveaxis(apart.reshape(*apart.shape[:-1], -1, _LANES), -2, 0)

    # sequence by sequence, as layers have them: a layer that turns them around has nothing copied
    inputs = jnp.swapaxes(inputs, 0, 1)
    after = _states(
        neuron, inputs, jnp.pad(first, ((0, 0), (0, more))), panels(kernel), panels(recurrent), panels(bias), counts
    )
    return jnp.swapaxes(after[..., :units], 0, 1)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _states(neuron: Neuron, x: Any, first: Any, kernel: Any, recurrent: Any, bias: Any, counts: Any) -> Any:
    """States ``[batch, T, W]`` of x ``[batch, T, D]``, the first state ``[batch, W]`` and weights in panels."""
    return _forward(neuron, False, x, first, kernel, recurrent, bias, counts)[0]


def _with_gates(neuron: Neuron, *given: Any) -> tuple[Any, Any]:
    after, gates = _forward(neuron, True, *given)
    return after, (after, gates, given)


def _forward(neuron: Neuron, keep: bool, x: Any, first: Any, *others: Any) -> Any:
    """States of all steps; and all gates, ``[T, batch, P, G, lanes]``, if they are to be kept."""
    (batch, steps, _), wide = x.shape, first.shape[1]
    gates = (steps, batch, wide // _LANES, neuron.gates, _LANES) if keep else (0,)
    units = others[1].shape[1]
    return _call(neuron, "forward", [(batch, steps, wide), gates], (x, first, *others), units=units)


def _backward(neuron: Neuron, kept: tuple[Any, ...], error: Any) -> tuple[Any, ...]:
    """Gradients by inputs, first state and weights, from those by the states of all steps."""
    after, gates, (x, first, kernel, recurrent, bias, counts) = kept
    units = recurrent.shape[1]
    # W_h [P, N, G, lanes] -> of every panel of units all gates of all panels, [P, P G lanes, lanes]
    transposed = jnp.pad(recurrent, ((0, 0), (0, first.shape[1] - units), (0, 0), (0, 0)))
    transposed = jnp.moveaxis(transposed.reshape(len(recurrent), len(recurrent), _LANES, -1), (1, 2), (0, 3))
    given = (error, gates, after, x, first, transposed, counts)
    results = [gates.shape, first.shape, kernel.shape, recurrent.shape, bias.shape]
    dz, by_first, *by_weights = _call(neuron, "backward", results, given, units=units)
    # dx_t = W_x dz_t; nobody works it out where nobody asks for it
    by_x = jnp.einsum(
        "tbk,dk->btd",
        dz.reshape(*gates.shape[:2], -1),
        jnp.moveaxis(kernel, 1, 0).reshape(x.shape[2], -1),
        precision=jax.lax.Precision.HIGHEST,
    )
    return by_x, by_first, *by_weights, None


_states.defvjp(_with_gates, _backward)
