"""What a link carries, and what a core takes, as measured on the device."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from ffhw.boards.link.protocol import MOST_PAYLOAD

if TYPE_CHECKING:
    from ffhw.boards.host.device import Device

# Steps in the longer of two frames at least: the first ones only fill the engines' buffers.
_STEPS = 6


def throughput(device: Device, seconds: float) -> dict[str, float | None]:
    """Measure for about so many seconds.

    Returns
    -------
    ``loopback_bytes_per_second``, each way. ``cycles_per_step``: measured on the device, None where too few steps
    fit into one frame, or where not every step makes the same work. ``steps_per_second``: of the core at its clock.
    """
    data = np.random.default_rng(1).integers(0, 256, 10 * MOST_PAYLOAD, dtype=np.uint8).tobytes()
    begin, sent = time.monotonic(), 0
    while not sent or time.monotonic() - begin < seconds:
        device.loopback(data)
        sent += len(data)
    took = max(time.monotonic() - begin, 1e-9)
    cycles = cycles_per_step(device)
    return {
        "loopback_bytes_per_second": sent / took,
        "cycles_per_step": cycles,
        "steps_per_second": device.identity.clock_hz / cycles if cycles else None,
    }


def cycles_per_step(device: Device) -> float | None:
    """From what one frame of few and one of many steps take: the difference is that of the steps alone."""
    identity = device.identity
    inputs, outputs = (s.packing.beats * s.packing.beat_bytes for s in (identity.input, identity.output))
    most = min(MOST_PAYLOAD // inputs, identity.max_steps or MOST_PAYLOAD)
    if not identity.rhythm.once:
        # all answers must find room: the core must not wait for the wire
        most = min(most, MOST_PAYLOAD // outputs * identity.rhythm.stride)
    few = max(most // 2, identity.rhythm.least)
    if most < _STEPS or few >= most or identity.rhythm.stride > 1:
        return None
    spans = []
    for steps in (few, most):
        device.run([np.full((steps, identity.input.packing.size), identity.input.packing.format.max)])
        spans.append(device.counters().span)
    return (spans[1] - spans[0]) / (most - few)
