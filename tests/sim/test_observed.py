from __future__ import annotations

import numpy as np
import pytest
from networks import random_network

from ffhw.errors import MismatchError
from ffhw.hdl.plan.chain import fold
from ffhw.model import golden
from ffhw.numbers.beats import Packing
from ffhw.numbers.formats import Fixed
from ffhw.sim.observed import Beats, Observation
from ffhw.sim.scenario import Interface

LENGTHS = (3, 1, 4)


def beats(codes, last, cycles):
    cycles = np.asarray(cycles, np.int64)
    return Beats(np.asarray(codes, np.int64), np.asarray(last, bool), cycles, cycles)


def ends(lengths):
    return np.isin(np.arange(sum(lengths)), np.cumsum(lengths) - 1)


@pytest.fixture(params=[True, False], ids=["every step", "last step"])
def run(request):
    """Inputs of three sequences, the last one not ended, and the golden model's answers."""
    network = random_network(1, inputs=3, units=(5,), outputs=2, bits=6, return_sequences=request.param)
    interface = Interface(network, fold(network, 1, 1))
    rng = np.random.default_rng(1)
    codes = rng.integers(network.input.min, network.input.max, (sum(LENGTHS), 3), endpoint=True)
    last = ends(LENGTHS)
    last[-1] = False
    parts = np.split(codes, np.cumsum(LENGTHS)[:-1])
    answers = []
    for number, part in enumerate(parts):
        out = golden.run(network, part[None]).outputs[0]
        if network.return_sequences:
            answers.append(out)
        elif number < 2:
            answers.append(out[None])
    answers = np.concatenate(answers)
    flags = last.copy() if network.return_sequences else np.ones(2, bool)
    times = np.arange(len(codes)) * 100
    return interface, beats(codes, last, times), answers, flags


def observation(run, complete=True, cycles=10_000, **changes):
    interface, inputs, answers, flags = run
    answers, flags = changes.get("answers", answers), changes.get("flags", flags)
    output = beats(answers, flags, np.zeros(len(answers)))
    return Observation(interface, {"s_axis": inputs, "m_axis": output}, cycles, complete)


def test_equal_codes_are_counted(run):
    assert observation(run).compare("here", 10, 20) == run[2].size


def test_a_wrong_code_is_told(run):
    answers = run[2].copy()
    answers[1, 1] += 1
    message = (
        rf"^here, m_axis: 1 of {answers.size} codes differ, first in vector 1, element 1: expected {run[2][1, 1]}, "
        rf"got {answers[1, 1]}$"
    )
    with pytest.raises(MismatchError, match=message):
        observation(run, answers=answers).compare("here", 10, 20)


def test_a_wrong_tlast_is_told(run):
    flags = run[3].copy()
    flags[1] ^= True
    with pytest.raises(MismatchError, match=r"^here, m_axis: expected tlast \d with vector 1, got the opposite$"):
        observation(run, flags=flags).compare("here", 10, 20)


def test_missing_answers_are_told_unless_they_were_under_way(run):
    _, _, answers, flags = run
    short = {"answers": answers[:-1], "flags": flags[:-1]}
    with pytest.raises(MismatchError, match=rf"expected {len(answers)} to {len(answers)} vectors, got"):
        observation(run, **short).compare("here", 1, 1)
    assert observation(run, complete=False, cycles=900, **short).compare("here", 50, 1) == answers[:-1].size
    with pytest.raises(MismatchError, match="vectors, got"):
        observation(run, complete=False, cycles=10_000, **short).compare("here", 1, 1)


def test_too_many_answers_are_told(run):
    _, _, answers, flags = run
    more = {"answers": np.concatenate([answers, answers[:1]]), "flags": np.append(flags, False)}
    with pytest.raises(
        MismatchError, match=rf"expected {len(answers)} to {len(answers)} vectors, got {len(answers) + 1}"
    ):
        observation(run, **more).compare("here", 1, 1)


def test_silence_is_told(run):
    none = {"answers": run[2][:0], "flags": run[3][:0]}
    with pytest.raises(MismatchError, match=r"^here: nothing was answered in 30 cycles$"):
        observation(run, complete=False, cycles=30, **none).compare("here", 10, 20)


def test_states_belong_to_the_sequence_before_which_they_were_sent():
    network = random_network(2, inputs=3, units=(4,), outputs=2, bits=6)
    interface = Interface(network, fold(network, 1, 1), keep_state=True)
    rng = np.random.default_rng(3)
    codes = rng.integers(network.input.min, network.input.max, (6, 3), endpoint=True)
    state = rng.integers(0, 63, (1, 4), endpoint=True)
    name = network.layers[0].name
    first = golden.run(network, codes[None, :2])
    # the second sequence goes on from the first one's state, the third from the loaded one
    second = golden.run(network, codes[None, 2:4], states=first.states)
    third = golden.run(network, codes[None, 4:], states={name: state})
    runs = (first, second, third)
    answers = np.concatenate([r.outputs[0] for r in runs])
    behind = np.concatenate([r.states[name] for r in runs])

    def observed(loaded_at, kept=behind):
        ports = {
            "s_axis": beats(codes, ends((2, 2, 2)), np.arange(6) * 10),
            "m_axis": beats(answers, ends((2, 2, 2)), np.zeros(6)),
            "s_axis_state_0": beats(state, [True], [loaded_at]),
            "m_axis_state_0": beats(kept, np.ones(3, bool), np.zeros(3)),
        }
        return Observation(interface, ports, 1000, complete=True)

    assert observed(35).compare("here", 1, 1) == answers.size + behind.size
    for wrong in (15, 45):
        with pytest.raises(MismatchError, match="codes differ, first in vector"):
            observed(wrong).compare("here", 1, 1)
    with pytest.raises(MismatchError, match=r"^here, m_axis_state_0: "):
        observed(35, kept=behind ^ 1).compare("here", 1, 1)


def record(cycle, data, last):
    return [*cycle.to_bytes(8, "little"), *data, last]


def test_beats_are_read_from_records(tmp_path):
    packing = Packing(Fixed(6, 2), 3, 2)
    rows = [record(300, (1, 62), 0), record(301, (9, 200), 1), record(400, (255, 0), 0)]
    np.array(rows, np.uint8).tofile(tmp_path / "p.beats")
    given = Beats.read(tmp_path / "p.beats", packing, sink=False)
    assert given.codes.tolist() == [[1, 62, 9]]
    assert (given.first.tolist(), given.final.tolist(), given.last.tolist()) == ([300], [301], [True])
    # the core reads six bits of a slot, the sixth being the sign
    assert Beats.read(tmp_path / "p.beats", packing, sink=True).codes.tolist() == [[1, -2, 9]]


def test_an_early_tlast_is_told(tmp_path):
    np.array([record(1, (0, 0), 1), record(2, (0, 0), 1)], np.uint8).tofile(tmp_path / "p.beats")
    with pytest.raises(MismatchError, match=r"^p has tlast with beat 0 of vector 0, 2 beats are due$"):
        Beats.read(tmp_path / "p.beats", Packing(Fixed(6, 2), 3, 2), sink=False)
