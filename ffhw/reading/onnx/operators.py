"""All operators that are understood, by name: each file beside this one that reads some says which."""

from __future__ import annotations

import importlib
import importlib.util

from ffhw.layers import KINDS
from ffhw.reading.onnx.values import Rule

# Files of what becomes no layer of its own.
_BESIDE = ("axes", "arithmetic", "scan")


def _operators() -> dict[str, Rule]:
    found: dict[str, Rule] = {}
    for name in (*_BESIDE, *KINDS):
        module = f"ffhw.reading.onnx.{name}"
        if importlib.util.find_spec(module) is not None:
            found |= getattr(importlib.import_module(module), "OPERATORS", {})
    return found


OPERATORS = _operators()
