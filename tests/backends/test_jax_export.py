"""One program for processors that are not here: lowered, sent as bytes, and run on the one that is."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from networks import random_chain, random_codes
from runtimes import CHAINS

from ffhw.backends.jax_export import PLATFORMS, portable
from ffhw.backends.run import check_equal
from ffhw.model import golden


# 64 bits are the same everywhere: one network of them
@pytest.mark.parametrize(("number", "bits"), [*((number, 4) for number in range(len(CHAINS))), (2, 16)])
def test_the_program_for_all_platforms_equals_the_golden_model(number, bits, rng):
    network = random_chain(number, CHAINS[number], bits=bits)
    content = portable(network).serialize()
    least = network.rhythm.least
    codes, lengths = golden.pad(random_codes(network, rng, [least + 5, least, least + 11]))
    starts = [np.zeros((len(codes), layer.state_size), np.int32) for layer in network.stateful_layers]
    program = jax.export.deserialize(content)
    assert program.platforms == PLATFORMS
    with jax.enable_x64(network.integer_bits == 64):
        outputs, *states = program.call(codes.astype(np.int32), lengths.astype(np.int32), *starts)
    expected = golden.run(network, codes, lengths)
    check_equal("program", np.asarray(outputs), expected.outputs)
    for layer, state in zip(network.stateful_layers, states, strict=True):
        check_equal(layer.name, np.asarray(state), expected.states[layer.name])
