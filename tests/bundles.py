"""Bundles of random networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ffhw.bundle import Bundle, write_bundle
from ffhw.export import bundle_files
from ffhw.hdl.plan.chain import fold
from ffhw.model.data import Data


def bundle_of(folder: Path, network, lanes=1, simd=1, style="lanes", **options) -> Bundle:
    """Eight sequences of twelve random steps as test vectors."""
    rng, shape = np.random.default_rng(1), (8, 12, network.input_size)
    x = rng.integers(network.input.min, network.input.max, shape, endpoint=True) * network.input.scale
    data = Data(x, np.full(8, 12))
    return write_bundle(folder / "build", bundle_files(network, fold(network, lanes, simd, style), data, **options))
