"""The quantized network: a chain of layers, validated on creation, saved as one file."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ffhw.errors import InputError
from ffhw.files import write_atomic
from ffhw.layers import KINDS
from ffhw.layers.base import Head, Layer, require
from ffhw.numbers.formats import Format, format_from_dict

FILE_VERSION = 1


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """A chain of quantized layers.

    Raises
    ------
    NetworkError: no layer, or one that cannot take what the one before it gives.
    """

    name: str
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        require(len(self.layers) > 0, "a network needs at least one layer")
        for before, after in itertools.pairwise(self.layers):
            link = f"layer {after.name!r} after {before.name!r}"
            require(after.input == before.output, f"{link}: takes {after.input}, is given {before.output}")
            require(
                after.input_size == before.output_size,
                f"{link}: takes {after.input_size} codes a step, is given {before.output_size}",
            )
        names = [layer.name for layer in self.layers]
        require(len(set(names)) == len(names), f"layer names must differ, found {names}")

    @property
    def input(self) -> Format:
        """Format of the input codes."""
        return self.layers[0].input

    @property
    def input_size(self) -> int:
        """Input codes a step."""
        return self.layers[0].input_size

    @property
    def output(self) -> Format:
        """Format of the output codes."""
        return self.layers[-1].output

    @property
    def output_size(self) -> int:
        """Output codes a step."""
        return self.layers[-1].output_size

    @property
    def return_sequences(self) -> bool:
        """Whether every step gives an output, or the last step of a sequence only."""
        return all(layer.return_sequences for layer in self.layers)

    @property
    def head(self) -> Head:
        """What the answers are."""
        return self.layers[-1].head

    @property
    def stateful_layers(self) -> tuple[Layer, ...]:
        """The layers that have a state, in order."""
        return tuple(layer for layer in self.layers if layer.state_size)

    def describe(self) -> dict[str, Any]:
        """Structure without the arrays, as plain JSON data."""
        return {"name": self.name, "layers": [layer.describe() for layer in self.layers]}

    def to_bytes(self) -> bytes:
        """The file content that :meth:`save` writes; equal networks give equal bytes."""
        header = json.dumps({"ffhw_network": FILE_VERSION, **self.describe()}, sort_keys=True)
        arrays = {
            f"{i}.{field}": getattr(layer, field) for i, layer in enumerate(self.layers) for field in layer.arrays
        }
        buffer = io.BytesIO()
        np.savez_compressed(buffer, header=np.frombuffer(header.encode(), np.uint8), **arrays)  # type: ignore[arg-type]
        return buffer.getvalue()

    def save(self, path: Path | str) -> None:
        """Write the network to one file, whole or not at all."""
        write_atomic(Path(path), self.to_bytes())

    @classmethod
    def load(cls, path: Path | str) -> Network:
        """Read a file that :meth:`save` wrote. Nothing stored in it is executed.

        Raises
        ------
        InputError: the file is missing, damaged, of another kind, or holds a network that contradicts itself.
        """
        try:
            with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
                header = json.loads(bytes(file["header"]).decode())
                if header.pop("ffhw_network") != FILE_VERSION:
                    raise InputError(f"{path} was written by another version of ffhw: export the model again")
                layers = [_layer_from(fields, i, file) for i, fields in enumerate(header["layers"])]
                return cls(name=header["name"], layers=tuple(layers))
        except FileNotFoundError:
            raise InputError(f"{path} does not exist") from None
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror or error}") from None
        except (KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
            raise InputError(f"{path} is not a quantized network written by ffhw ({error})") from None
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path} is not a quantized network written by ffhw ({error})") from None


def _layer_from(fields: dict[str, Any], number: int, file: Any) -> Layer:
    values = dict(fields)
    _, cls = KINDS[values.pop("kind")]
    for key, value in values.items():
        if isinstance(value, dict):
            values[key] = format_from_dict(value)
    for field in cls.arrays:
        values[field] = file[f"{number}.{field}"]
    return cls(**values)
