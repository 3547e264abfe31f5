"""What a device says of itself: enough for a host that has never seen the bundle. Pure data; see docs/link.md."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from ffhw.boards.link.protocol import MOST_PAYLOAD, PAGE, VERSION
from ffhw.errors import InputError
from ffhw.layers.rhythm import Rhythm
from ffhw.numbers.beats import Packing
from ffhw.numbers.formats import format_from_dict
from ffhw.numbers.scales import channel_scales
from ffhw.shapes import check_shape

# Pages at most: their numbers fit in a byte, and a host stops asking.
MOST_PAGES = 64
_STREAM = {"format": {}, "size": int, "width": int, "exponents": [int]}
_FIELDS = {
    **{"protocol": int, "ffhw": str, "bundle": str, "board": str, "clock_hz": int, "baud": int, "window": int},
    **{"input": _STREAM, "output": _STREAM, "head": str, "states": [{}], "rhythm": {}, "cycles_per_step": int},
    **{"weights?": {"bytes": int, "hardware": str}},
}


@dataclasses.dataclass(frozen=True)
class Stream:
    """Vectors at a port: how they travel, and what their codes stand for.

    Parameters
    ----------
    exponents: each channel's own power of two, empty where all have one scale.
    layer: name of the layer whose state it is, empty for input and output.
    """

    packing: Packing
    exponents: tuple[int, ...] = ()
    layer: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        packing = self.packing
        found: dict[str, Any] = {"format": packing.format.to_dict(), "size": packing.size, "width": packing.width}
        return {**found, "layer": self.layer} if self.layer else {**found, "exponents": list(self.exponents)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Stream:
        """The inverse of :meth:`to_dict`."""
        packing = Packing(format_from_dict(data["format"]), data["size"], data["width"])
        # a beat of more elements than a vector has is filled up with zeros
        sound = packing.width >= 1 and 1 <= packing.size <= 1 << 20 and packing.beat_bytes <= MOST_PAYLOAD
        if not sound:
            raise ValueError(f"vectors of {packing.size}, {packing.width} a beat")
        return cls(packing, tuple(data.get("exponents", ())), str(data.get("layer", "")))

    @property
    def scales(self) -> Any:
        """What values are multiplied with before they are quantized."""
        return channel_scales(self.exponents)


@dataclasses.dataclass(frozen=True)
class Identity:
    """A device: which bundle it computes, how to talk to it, and what its codes mean.

    Parameters
    ----------
    ffhw: version that built it. bundle: digest of the bundle. board: its name. clock_hz, baud: as they were built.
    window: bytes of its receive memory that frames under way may take.
    input, output: the streams. head: what the outputs are, as :class:`ffhw.model.chain.Chain` says it.
    states: of each layer that keeps one, in the order of their ports.
    rhythm, max_steps: which steps are answered, and the longest sequence, None without bound.
    cycles_per_step: predicted.
    weights: of a device to which weights can be sent, how many ``bytes`` they are, and which ``hardware`` takes them.
    """

    ffhw: str
    bundle: str
    board: str
    clock_hz: int
    baud: int
    window: int
    input: Stream
    output: Stream
    head: str
    states: tuple[Stream, ...]
    rhythm: Rhythm
    max_steps: int | None
    cycles_per_step: int
    weights: dict[str, Any] | None = None

    def pages(self) -> bytes:
        """As JSON, with zeros up to a whole number of pages.

        Raises
        ------
        InputError: there are too many channels to describe.
        """
        data = {"protocol": VERSION, **self.__dict__}
        data |= {"input": self.input.to_dict(), "output": self.output.to_dict()}
        data |= {"states": [state.to_dict() for state in self.states], "rhythm": dataclasses.asdict(self.rhythm)}
        if self.weights is None:
            del data["weights"]
        text = json.dumps(data, separators=(",", ":")).encode("ascii") + b"\0"
        if len(text) > MOST_PAGES * PAGE:
            raise InputError(
                f"the board's identity takes {len(text):,} bytes, more than {MOST_PAGES * PAGE:,}: it has scales "
                "for too many channels; export with one scale for all of them"
            )
        # a power of two: it is a memory
        pages = 1 << max(0, (-(-len(text) // PAGE) - 1).bit_length())
        return text.ljust(pages * PAGE, b"\0")

    @classmethod
    def parse(cls, text: bytes) -> Identity:
        """The inverse of :meth:`pages`, of a device that may be anything.

        Raises
        ------
        InputError: it is none, or of another protocol.
        """
        try:
            data = json.loads(text.partition(b"\0")[0])
            if isinstance(data, dict) and data.get("protocol") != VERSION:
                spoken = data.get("protocol")
                raise InputError(f"the device speaks protocol {spoken!r}, this host {VERSION}: build it again")
            check_shape(data, _FIELDS, "the device's identity")
            del data["protocol"]
            data |= {name: Stream.from_dict(data[name]) for name in ("input", "output")}
            data |= {"states": tuple(Stream.from_dict(state) for state in data["states"])}
            found = cls(**{**data, "rhythm": Rhythm(**data["rhythm"])})
            if found.window < MOST_PAYLOAD + 2 or found.rhythm.stride < 1:
                raise ValueError(f"a window of {found.window} bytes")
            return found
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"the device's identity cannot be understood ({error}): is it another device?") from None
