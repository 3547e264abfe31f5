"""Weights sent to a simulated board at run time; the golden model of what was sent is the judge."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from bundles import bundle_of
from networks import random_network

from ffhw import cli
from ffhw.boards import Device, catalogue
from ffhw.boards.host.frames import frames_of
from ffhw.boards.host.weights import exchange
from ffhw.boards.host.wire import LinkError
from ffhw.boards.weights import ASK, BUILT_IN, LOAD, LOADED, PARTIAL, Status, checksum, image_of
from ffhw.bundle import Bundle
from ffhw.errors import InputError
from ffhw.model import golden
from ffhw.sim.check import Check, simulate
from ffhw.sim.served import ServedBoard

pytestmark = [pytest.mark.simulation, pytest.mark.long]
GENERIC = {"scales": [], "argmax": False, "max_steps": 16}


def bundle(folder, seed, units=5, **options):
    folder.mkdir()
    network = random_network(seed, inputs=3, units=(units,), outputs=2, bits=6, cell="gru").generic()
    return bundle_of(folder, network, 2, generic=GENERIC, loadable=True, **options)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loadable")
    return bundle(folder / "first", 1), bundle(folder / "second", 2)


@pytest.fixture(scope="module")
def board(bundles):
    return ServedBoard(bundles[0], catalogue.board("icebreaker"), 24.0, 3_000_000)


@pytest.fixture
def served(board):
    with board.serve() as running:
        yield running


def answers(device, bundle):
    """Whether a device answers some random sequences as a bundle's golden model does."""
    network, rng = bundle.network(), np.random.default_rng(5)
    codes = rng.integers(network.input.min, network.input.max, (3, 9, network.input_size), endpoint=True)
    expected = golden.run(network, codes).outputs
    return all(np.array_equal(*pair) for pair in zip(device.run(list(codes)), expected, strict=True))


def test_weights_are_what_was_sent_last(bundles, served):
    first, second = bundles
    with Device(served.url, bundle=first) as device:
        assert device.weights() == Status(0, BUILT_IN)
        assert answers(device, first)
        told = []
        device.load(second, lambda done, total: told.append((done, total)))
        assert told[-1] == (len(image_of(second)) + 1,) * 2
        assert device.identity.bundle == second.identity
        assert device.weights() == Status(checksum(image_of(second)), LOADED)
        assert answers(device, second)
        assert not answers(device, first)
        device._session = None  # a new session resets the core, not its memories
        assert answers(device, second)
    with pytest.raises(
        InputError, match=r"computes bundle \?[0-9a-f]{8}, not .*: load this bundle's weights with ffhw boar"
    ):
        Device(served.url, bundle=first)
    with Device(served.url, bundle=second) as device:
        device.load(first)
        assert answers(device, first)


def test_nothing_runs_with_a_part_of_the_weights(bundles, served):
    first, second = bundles
    image = bytes([LOAD]) + image_of(second)
    with Device(served.url, bundle=first, patience=0.5) as device:
        for wrong in (image[:-1], image[:7], image + b"\0"):
            with device._used() as session:
                assert exchange(session, device.identity, wrong) == Status(0, PARTIAL)
        with pytest.raises(LinkError, match=r"the device makes no progress for 0\.5 s$"):
            device.run([np.zeros((1, 3), np.int64)])
    with pytest.raises(InputError, match=r"computes bundle of no weight, not "):
        Device(served.url, bundle=first)
    with Device(served.url) as device:
        assert device.weights() == Status(0, PARTIAL)
        device.load(second)
        assert answers(device, second)
        with device._used() as session:
            # a packet that is none of ours changes nothing
            assert exchange(session, device.identity, bytes([7, 1, 2])).kind == LOADED
        assert answers(device, second)


def test_sequences_around_a_load_are_answered_by_their_own_weights(bundles, served):
    """All sent without a pause: the first sequence is answered with the old weights, the last one with the new."""
    first, second = bundles
    codes = np.random.default_rng(2).integers(-32, 31, (1, 12, 3))
    with Device(served.url, bundle=first) as device, device._used() as session:
        content = bytes([LOAD]) + image_of(second)
        for frame in frames_of(device.identity, codes[0], {}):
            session.put(*frame)
        for start in range(0, len(content), 100):
            session.put(1, content[start : start + 100], start + 100 >= len(content))
        for frame in frames_of(device.identity, codes[0], {}):
            session.put(*frame)
        parts = []
        while not parts or parts[-1].port or not parts[-1].last or len([p for p in parts if p.last]) < 3:
            parts.append(session.get())
        assert [part.port for part in parts if part.last] == [0, 1, 0]
        at = [part.port for part in parts].index(1)
        for some, bundle in ((parts[:at], first), (parts[at + 1 :], second)):
            got = device._vectors(0, b"".join(part.payload for part in some))
            assert np.array_equal(got, golden.run(bundle.network(), codes).outputs[0])


def test_other_hardware_is_refused(bundles, served, tmp_path):
    wider = bundle(tmp_path / "wider", 3, units=7)
    plain = bundle_of(tmp_path, random_network(4, inputs=3, units=(5,), outputs=2, bits=6))
    with Device(served.url, bundle=bundles[0]) as device:
        with pytest.raises(
            InputError, match=r"^these weights, \d+ bytes, are not of the network that the device has, which"
        ):
            device.load(wider)
        with pytest.raises(InputError, match=r"^these weights, 0 bytes, are not of the network"):
            device.load(plain)
        assert device.weights() == Status(0, BUILT_IN)


def test_on_the_command_line(bundles, served, monkeypatch, capsys):
    second = bundles[1]
    monkeypatch.setattr(
        sys, "argv", ["ffhw", "board", "load", str(second.path), "--port", served.url, "--baud", "3000000"]
    )
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert not caught.value.code
    assert f"loaded, CRC-32 {checksum(image_of(second)):08x}; equal: 96 codes of 4 sequences" in capsys.readouterr().out


def test_a_load_is_asked_for_by_one_byte():
    assert (ASK, LOAD) == (0, 1)
    from ffhw.hdl.datapath import weight_loader as hardware

    assert (hardware.LOAD, hardware.BUILT_IN, hardware.PARTIAL, hardware.LOADED) == (LOAD, BUILT_IN, PARTIAL, LOADED)


def test_both_simulators_read_it(bundles, icarus):
    result = simulate(Bundle.open(bundles[0].path).path, Check(simulator=icarus))
    assert result["compared"] > 100
