"""Protocol: stalls, resets and states under cocotb, on both simulators."""

from __future__ import annotations

import pytest
from networks import random_codes, random_network, sabotage_valid

from ffhw.errors import InputError
from ffhw.export import generate
from ffhw.hdl.plan.chain import fold
from ffhw.hdl.plan.performance import predict
from ffhw.sim.cocotb_runner import BenchMismatch, CocotbSimulator
from ffhw.sim.compare import run_codes
from ffhw.sim.scenario import Interface, build_scenario

pytestmark = pytest.mark.simulation

LENGTHS = [5, 1, 1, 1, 9, 2, 12]


def build(tmp_path, simulator, keep_state=False, change=lambda text: text, **network_options):
    options = {"inputs": 4, "units": (6, 4), "outputs": 3, "bits": 5, **network_options}
    network = random_network(2, **options)
    foldings = fold(network, 2, 2)
    for name, text in generate(network, foldings, keep_state=keep_state, probe=True).items():
        (tmp_path / name).write_text(change(text) if name.endswith(".v") else text)
    interface = Interface(network, foldings, keep_state=keep_state, probe=True)
    return interface, CocotbSimulator(tmp_path, simulator), predict(network, foldings).cycles_per_step


def exercise(interface, simulator, predicted, rng):
    """Always ready; random stalls; a reset in the middle of things."""
    sequences = random_codes(interface.network, rng, LENGTHS)
    loads = None
    if interface.keep_state:
        loads = {n: {k: rng.integers(0, 31, p.size) for k, p in interface.states.items()} for n in (1, 2, 5)}
    for stalls, reset_after in ((0.0, 0), (0.4, 0), (0.3, 37), (0.0, 11)):
        scenario = build_scenario(
            interface, sequences, cycles_per_step=predicted, stalls=stalls, reset_after=reset_after, load_states=loads
        )
        run = simulator.run(scenario)
        beats = sum(len(entries) for entries in scenario["expected"].values())
        codes = sum(len(probe["signals"]) * len(probe["expected"]) for probe in scenario["probes"].values())
        assert run.compared == beats + codes
        assert len(run.in_cycles) == len(scenario["program"])
        assert sum(run_codes(interface, sequences).values()) > beats


@pytest.mark.parametrize("keep_state", [False, True])
@pytest.mark.parametrize("every_step", [False, True])
def test_icarus(tmp_path, icarus, keep_state, every_step, rng):
    exercise(*build(tmp_path, icarus, keep_state, return_sequences=every_step), rng)


@pytest.mark.parametrize(
    "options",
    [
        {"bits": 1, "units": (5,), "activation": "argmax"},
        *(
            pytest.param(options, marks=pytest.mark.long)
            for options in (
                {"bits": 2, "units": (7,), "activation": "sigmoid"},
                {"bits": 4, "units": (3,), "tokens": 6},
                {"bits": 8, "units": (8,), "activation": "relu"},
                {"bits": 12, "units": (4,)},
                {"bits": 16, "units": (3,)},
                {"bits": 6, "units": (4,), "cell": "gru_reset_before"},
            )
        ),
    ],
)
def test_icarus_grid(tmp_path, icarus, options, rng):
    exercise(*build(tmp_path, icarus, **options), rng)


def test_verilator(tmp_path, rng):
    exercise(*build(tmp_path, "verilator", keep_state=True), rng)


def test_a_mismatch_names_signal_and_codes(tmp_path, icarus, rng):
    def break_output(text):
        changed = text.replace("assign m_axis_tlast =", "assign m_axis_tlast = 1 |", 1)
        assert changed != text
        return changed

    interface, simulator, predicted = build(tmp_path, icarus, change=break_output)
    scenario = build_scenario(interface, random_codes(interface.network, rng, [4]), cycles_per_step=predicted)
    with pytest.raises(BenchMismatch, match=r"^m_axis, beat 0, cycle \d+: expected \[\d+, 0\], got \[\d+, 1\]$"):
        simulator.run(scenario)


def test_a_broken_stream_rule_is_found(tmp_path, icarus, rng):
    # a result is offered in every other cycle only
    interface, simulator, predicted = build(tmp_path, icarus, change=lambda text: sabotage_valid(text, "odd"))
    scenario = build_scenario(
        interface, random_codes(interface.network, rng, [9]), cycles_per_step=predicted, stalls=0.5
    )
    with pytest.raises(BenchMismatch, match=r"expected a stable beat, got a change$"):
        simulator.run(scenario)


def test_an_extra_expectation_is_not_forgotten(tmp_path, icarus, rng):
    """A bench that stopped early, or compared nothing, would pass here."""
    interface, simulator, predicted = build(tmp_path, icarus)
    scenario = build_scenario(interface, random_codes(interface.network, rng, [3]), cycles_per_step=predicted)
    scenario["expected"]["m_axis"].append([0, 0, 0xFF])
    scenario["limit"] = 2000
    with pytest.raises(BenchMismatch, match=r"expected an answer"):
        simulator.run(scenario)


def test_other_simulators_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"^simulator must be one of verilator, icarus, not 'modelsim'$"):
        CocotbSimulator(tmp_path, "modelsim")
