"""Networks compiled for TPUs by their own compiler, ahead of time and without a chip: nothing is run.

The integer networks, and one layer in floats, its inference and its gradients, of JK, GRU and LSTM from Keras.

Run from the repository: ``python benchmarks/tpu.py``. Needs ``pip install libtpu`` (700 MB, a licence of its own), of
the version that belongs to the installed JAX. Ten minutes. All figures are the compiler's estimates, in which the body
of a loop counts once.
"""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import itertools
import re
import sys
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import jax
import jax.numpy as jnp
import keras
from common import save
from jax.experimental import topologies
from networks import random_chain, random_network

from ffhw.backends.jax_runtime import Jax
from ffhw.model.network import Network
from ffhw.training.jax_export import function_of, portable
from ffhw.training.networks.cells import recurrent

TOPOLOGIES = ("v2:2x2", "v4:2x2x1", "v5e:2x2", "v6e:2x2")
BATCH, STEPS = 256, 100


def networks() -> dict[str, Network]:
    """One layer of 64 units over 16 inputs, 8 bits, of several cells; and a chain of all else."""
    cells = {
        cell: random_network(1, inputs=16, units=(64,), outputs=0, bits=8, cell=cell) for cell in ("jk", "gru", "lstm")
    }
    return {**cells, "embedding, convolution, both directions, mean": random_chain(1, "ekqbjyd", bits=8, largest=16)}


def on_chip(topology: str) -> Callable[[tuple[int, ...], Any], jax.ShapeDtypeStruct]:
    """Arrays on the first chip of a topology, by shape and type."""
    chip = topologies.get_topology_desc(platform="tpu", topology_name=topology).devices[0]
    sharding = jax.sharding.SingleDeviceSharding(chip)
    return lambda shape, dtype: jax.ShapeDtypeStruct(shape, dtype, sharding=sharding)


def integers(network: Network, topology: str) -> dict[str, Any]:
    """What the compiler says of a network in integers."""
    array = on_chip(topology)
    shapes = [
        (BATCH, STEPS, network.input_size),
        (BATCH,),
        *((BATCH, layer.state_size) for layer in network.stateful_layers),
    ]
    return compiled(Jax(network).function, *(array(shape, jnp.int32) for shape in shapes))


def floats(cell: str, training: bool, topology: str) -> dict[str, Any]:
    """What the compiler says of one layer in floats, 64 units over 16 inputs: its inference or its gradients."""
    array = on_chip(topology)
    layers = [keras.Input((None, 16)), recurrent(cell, 64, None)]
    model = keras.Sequential(layers)
    # what the public interface lowers for every platform is the same function
    assert "tpu" in portable(model, training=training).platforms
    weights = [array(variable.shape, jnp.float32) for variable in model.trainable_variables]
    return compiled(function_of(model, training), weights, array((BATCH, STEPS, 16), jnp.float32))


def compiled(function: Any, *given: Any) -> dict[str, Any]:
    """Operations, memory and cost of a function as the compiler sees them."""
    program = jax.jit(function).lower(*given)
    operations = Counter(re.findall(r"stablehlo\.(\w+)", program.as_text()))
    done = program.compile()
    memory, cost = done.memory_analysis(), done.cost_analysis()
    seconds = cost.get("optimal_seconds", 0)
    return {
        "operations": dict(sorted(operations.items())),
        "code_bytes": memory.generated_code_size_in_bytes,
        "argument_bytes": memory.argument_size_in_bytes,
        "output_bytes": memory.output_size_in_bytes,
        "temporary_bytes": memory.temp_size_in_bytes,
        "estimated_operations": cost.get("flops"),
        "estimated_bytes_accessed": cost.get("bytes accessed"),
        # the compiler gives a negative number where it has no estimate of some operation
        "estimated_seconds": seconds if seconds > 0 else None,
    }


def show(row: dict[str, Any]) -> None:
    print({key: value for key, value in row.items() if key != "operations"}, flush=True)


def main() -> None:
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    rows = []
    for topology in TOPOLOGIES:
        for name, network in networks().items():
            rows.append({"network": name, "numbers": "integers", "topology": topology, **integers(network, topology)})
            show(rows[-1])
        for cell, training in itertools.product(("jk", "gru", "lstm"), (False, True)):
            what = {"network": cell, "numbers": "floats, gradients" if training else "floats", "topology": topology}
            rows.append({**what, **floats(cell, training, topology)})
            show(rows[-1])
    versions = {package: version(package) for package in ("jax", "keras", "libtpu")}
    save(
        "tpu",
        {"run": False, "loop_bodies_counted": 1, "batch": BATCH, "steps": STEPS, "versions": versions, "rows": rows},
    )


if __name__ == "__main__":
    main()
