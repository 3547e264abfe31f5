from __future__ import annotations

import pytest
from networks import random_chain, random_network

from ffhw.boards import built, catalogue
from ffhw.errors import ToolError
from ffhw.hdl.plan.chain import fold

LOG = """
Info: Device utilisation:
Info: \t         ICESTORM_LC:  6001/ 5280   113%
Info: \t        ICESTORM_RAM:     6/   30    20%
Info: \t        ICESTORM_DSP:     5/    8    62%
"""


def test_utilisation_is_read_from_the_log():
    result = built.parse_utilisation(LOG, catalogue.board("icebreaker"))
    assert result == {
        "luts": {"used": 6001, "available": 5280},
        "multipliers": {"used": 5, "available": 8},
        "block_rams": {"used": 6, "available": 30},
    }


def test_a_log_without_figures_is_an_error():
    with pytest.raises(ToolError, match=r"^nextpnr's log shows no ICESTORM_LC: its format has changed$"):
        built.parse_utilisation("", catalogue.board("icebreaker"))
    with pytest.raises(ToolError, match=r"no clock frequency"):
        built.parse_fmax({"fmax": {}})


def test_slowest_clock_counts():
    assert built.parse_fmax({"fmax": {"a": {"achieved": 80.456}, "b": {"achieved": 61.234}}}) == 61.23


TYPES = {
    "top.design.layer_0_jk.lanes.mac.a": "MULT18X18D",
    "top.design.layer_0_jk.lanes.mac.b": "MULT18X18D",
    "top.design.layer_0_jk.cell.c": "MULT18X18D",
    "top.design.layer_0_jk.cell.d": "MULT18X18D",
    "top.design.layer_1_dense.lanes.mac.e": "MULT18X18D",
    "top.design.layer_0_jk.lanes.weights.0.0": "DP16KD",
    "top.design.layer_0_jk.lanes.weights.0.1": "DP16KD",
    "top.design.layer_0_jk.own.0.0": "TRELLIS_DPR16X4",
    "top.design.layer_0_jk.own.0.1": "TRELLIS_DPR16X4",
    "x": "TRELLIS_FF",
    "y": "LUT4",
}


@pytest.fixture
def network():
    return random_network(1, inputs=3, units=(6,), outputs=2, bits=8)


def test_as_predicted(network):
    found = built.compare_with_prediction(TYPES, network, fold(network, 1, 1), catalogue.board("ulx3s-85f").device)
    assert found["predicted"]["multipliers"] == found["built"]["multipliers"] == 5
    assert found["built"]["block_rams"] == 2
    assert not [line for line in found["differences"] if "multipliers" in line]
    assert built.count_flip_flops(TYPES) == 1


def test_a_difference_names_the_layer_and_the_memories(network):
    types = {name: kind for name, kind in TYPES.items() if not name.endswith((".c", "own.0.1"))}
    types["stray"] = "MULT18X18D"
    types = {**types, "top.design.layer_1_dense.lanes.mac.f": "MULT18X18D"}
    found = built.compare_with_prediction(types, network, fold(network, 1, 1), catalogue.board("ulx3s-85f").device)
    multipliers, memories = found["differences"]
    assert multipliers.startswith("multipliers: 5 predicted, 6 built (jk_0 has 3 for 4, ")
    assert "has 2 for 1; " not in multipliers
    assert "has 2 for 1, 1 are in no layer" in multipliers
    assert "1 are in block RAM; 1 small ones in lookup-table RAM: layer_0_jk.own; " in memories
    assert memories.endswith("became logic)")


def test_lookup_tables_a_neuron(network):
    """All cells that are lookup tables, a carry cell of ECP5 twice, over the eight units of both layers."""
    assert built.luts_a_neuron({**TYPES, "a": "CCU2C", "b": "SB_LUT4", "c": "SB_CARRY"}, network) == 0.5
    both = random_chain(1, "b", bits=4)
    assert built.luts_a_neuron(dict.fromkeys("abcd", "LUT4"), both) == 4 / (2 * both.layers[0].units)
    assert built.luts_a_neuron(TYPES, random_chain(1, "y", bits=4)) is None
