"""The integer networks compiled for TPUs by their own compiler, ahead of time and without a chip: nothing is run.

Run from the repository: ``python benchmarks/tpu.py``. Needs ``pip install libtpu`` (700 MB, a licence of its own), of
the version that belongs to the installed JAX. Five minutes. All figures are the compiler's estimates.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import jax
import jax.numpy as jnp
from common import save
from jax.experimental import topologies
from networks import random_chain, random_network

from ffhw.backends.jax_runtime import Jax
from ffhw.model.network import Network

TOPOLOGIES = ("v2:2x2", "v4:2x2x1", "v5e:2x2", "v6e:2x2")
BATCH, STEPS = 256, 100


def networks() -> dict[str, Network]:
    """One layer of 64 units over 16 inputs, 8 bits, of several cells; and a chain of all else."""
    cells = {
        cell: random_network(1, inputs=16, units=(64,), outputs=0, bits=8, cell=cell) for cell in ("jk", "gru", "lstm")
    }
    return {**cells, "embedding, convolution, both directions, mean": random_chain(1, "ekqbjyd", bits=8, largest=16)}


def compiled(network: Network, topology: str) -> dict[str, Any]:
    """What the compiler says of a network on the first chip of a topology."""
    chip = topologies.get_topology_desc(platform="tpu", topology_name=topology).devices[0]
    sharding = jax.sharding.SingleDeviceSharding(chip)
    shapes = [
        (BATCH, STEPS, network.input_size),
        (BATCH,),
        *((BATCH, layer.state_size) for layer in network.stateful_layers),
    ]
    given = [jax.ShapeDtypeStruct(shape, jnp.int32, sharding=sharding) for shape in shapes]
    program = jax.jit(Jax(network).function).lower(*given)
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


def main() -> None:
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    rows = []
    for topology in TOPOLOGIES:
        for name, network in networks().items():
            row = {"network": name, "topology": topology, **compiled(network, topology)}
            rows.append(row)
            print({key: value for key, value in row.items() if key != "operations"}, flush=True)
    versions = {package: version(package) for package in ("jax", "libtpu")}
    save("tpu", {"run": False, "batch": BATCH, "steps": STEPS, "versions": versions, "rows": rows})


if __name__ == "__main__":
    main()
