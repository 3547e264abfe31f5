from __future__ import annotations

from map_networks import CELLS as OVER_MAPS
from map_networks import random_map_network
from networks import CELLS, random_chain

from ffhw.layers import KINDS
from ffhw.report.page import _clock_mhz, _network, _syntheses

SYNTHESIS = {
    "title": "Board",
    "bitstream": "board.bin",
    "netlist": {"equal": True, "codes": 12345},
    "differences": ["multipliers: 8 predicted, 7 built (jk has 7 for 8 & less)"],
    "utilisation": {"luts": {"used": 50, "available": 200}, "block_rams": {"used": 30, "available": 30}},
    "fmax_reliable": True,
    "fmax_mhz": 40.0,
    "steps_per_second": 1e6,
}


def test_the_page_says_what_is_known_of_the_netlist():
    page = _syntheses([SYNTHESIS])
    assert "<td>equal, 12,345 codes</td><td class=n>50</td>" in page
    assert "<p class='quiet'>Board: multipliers: 8 predicted, 7 built (jk has 7 for 8 &amp; less)</p>" in page
    assert "<td>not checked</td>" in _syntheses([{**SYNTHESIS, "netlist": {"equal": None}, "differences": []}])


def test_the_page_knows_every_kind_of_layer():
    networks = [random_chain(1, kinds) for kinds in ("ekqbjyd", "".join(CELLS))]
    networks += [random_map_network(1, "rcp", cell) for cell in OVER_MAPS]
    shown = "".join(map(_network, networks))
    for kind in KINDS:
        assert f"<td>{kind}" in shown
    assert "<td>dense, linear</td>" in shown
    assert "<td>sr, set</td>" in shown


def test_a_core_behind_a_pll_runs_at_its_clock():
    assert _clock_mhz(SYNTHESIS) == 40.0
    assert _clock_mhz({**SYNTHESIS, "clock_mhz": 31.5}) == 31.5
    assert "<td class=n>31.5</td>" in _syntheses([{**SYNTHESIS, "clock_mhz": 31.5}])
    assert "<td class=n>bare core</td>" in _syntheses([SYNTHESIS])
