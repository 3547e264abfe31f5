"""Embedding layers: a row of a table for each token."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ffhw.errors import InputError
from ffhw.layers.base import Calibration, EachStep, FloatLayer, Floats, Given, Ints, Layer, require
from ffhw.layers.description import FLAG, UNITS, UNUSED, Described, KerasClass, Mask, training_options
from ffhw.numbers.formats import Fixed, Format, Index
from ffhw.numbers.grids import Grid
from ffhw.numbers.scales import Precision

MAX_TOKENS = 1 << 16


def read(described: Described) -> tuple[Mask | FloatEmbedding, ...]:
    """Embedding layer: ``embeddings [V, D]``; with ``mask_zero`` token 0 is padding."""
    described.expect_arrays(1)
    options = described.options
    table = described.array("vars/0", options["input_dim"], options["output_dim"])
    layer = FloatEmbedding(described.name, table)
    return (Mask(described.name, 0.0), layer) if options["mask_zero"] else (layer,)


KERAS = (
    KerasClass(
        "Embedding",
        {
            "input_dim": UNITS,
            "output_dim": UNITS,
            "mask_zero": FLAG,
            "input_length": UNUSED,
            **training_options("embeddings"),
        },
        read,
        takes_tokens=True,
    ),
)


@dataclasses.dataclass(frozen=True)
class FloatEmbedding(EachStep, FloatLayer):
    """Embedding layer: table ``[V, D]``."""

    kind: ClassVar[str] = "embedding"

    name: str
    table: Floats

    @property
    def tokens(self) -> int:
        """V, the rows of the table."""
        return len(self.table)

    @property
    def input_size(self) -> int:
        """One token a step."""
        return 1

    @property
    def output_size(self) -> int:
        """D, the elements of a row."""
        return self.table.shape[1]

    def output_scaled(self, scale: Floats, offset: Floats) -> FloatEmbedding:  # noqa: D102
        return dataclasses.replace(self, table=self.table * scale + offset)

    def forward(self, x: Floats, length: Ints) -> Floats:  # noqa: D102
        tokens = x[..., 0].astype(np.int64)
        if (tokens != x[..., 0]).any() or tokens.min() < 0 or tokens.max() >= len(self.table):
            raise InputError(f"tokens must be whole numbers from 0 to {len(self.table) - 1}")
        return self.table[tokens]

    def input_format(self, values: Floats, precision: Precision) -> Format:  # noqa: D102
        if len(self.table) > MAX_TOKENS:
            raise InputError(f"layer {self.name!r}: {len(self.table)} tokens, at most {MAX_TOKENS} are supported")
        return Index(len(self.table))

    def noise(self, rng: np.random.Generator, batch: int, steps: int) -> Floats:  # noqa: D102
        return rng.integers(0, len(self.table), (batch, steps, 1)).astype(np.float64)

    def numbers(self, layer: Layer) -> dict[str, Floats]:  # noqa: D102
        return {"table": self.table}

    @classmethod
    def of_numbers(cls, layer: Layer, numbers: Mapping[str, Floats]) -> FloatEmbedding:  # noqa: D102
        return cls(layer.name, numbers["table"])

    def quantize(self, source: Format, data: Calibration, precision: Precision) -> EmbeddingLayer:  # noqa: D102
        output = precision.fixed(self.table, precision.widths.input_bits)
        return EmbeddingLayer(self.name, source, output, output.quantize(self.table))


@dataclasses.dataclass(frozen=True, eq=False)
class EmbeddingLayer(EachStep, Layer):
    """A row of ``table`` for each token: ``[V, D]`` codes of format ``output``; ``input`` is ``Index(V)``."""

    kind: ClassVar[str] = "embedding"
    arrays: ClassVar[tuple[str, ...]] = ("table",)

    name: str
    input: Format
    output: Format
    table: Ints

    def __post_init__(self) -> None:
        require(isinstance(self.input, Index), f"layer {self.name!r} takes token numbers (Index), not {self.input}")
        require(isinstance(self.output, Fixed), f"layer {self.name!r}: output must be Fixed, not {self.output}")
        assert isinstance(self.input, Index)
        self._freeze("table", (self.input.size, -1), self.output.min, self.output.max)

    @property
    def tokens(self) -> int:
        """V, the rows of the table."""
        return len(self.table)

    @property
    def input_size(self) -> int:
        """One token a step."""
        return 1

    @property
    def output_size(self) -> int:
        """D, the codes of one row."""
        return self.table.shape[1]

    @property
    def grids(self) -> dict[str, Grid]:  # noqa: D102
        assert isinstance(self.output, Fixed)
        return {"table": Grid(self.output.frac, self.output.min, self.output.max)}

    def run(self, x: Ints, length: Ints, state: Ints, trace: bool) -> Given:  # noqa: D102
        return Given(self.table[x[..., 0]])
