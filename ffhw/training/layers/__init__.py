"""Keras layers of flip-flop neurons and of what they are compared with, their initialisers and constraints."""

from importlib import import_module
from typing import Any

# What users build models of, by the module that it stands in; loaded when it is asked for, since Keras takes seconds.
_HOMES = {
    "chrono": ("ChronoBias",),
    "constraints": ("DaleLaw", "NoSelfConnection", "Sparse", "WeightLimit"),
    "conv_gru": ("ConvGRU2D",),
    "conv_jk": ("ConvJK2D",),
    "ctrnn": ("CTRNN", "CTRNNCell"),
    "jk": ("JK", "JKCell"),
    "neurons": ("HoldBias",),
    "sr": ("SR", "SRCell"),
    "toggle": ("Toggle", "ToggleCell"),
}
__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
