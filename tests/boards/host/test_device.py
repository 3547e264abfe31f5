"""The host against a device in Python that keeps to docs/link.md, and on wires that do not."""

from __future__ import annotations

import dataclasses
import sys
import threading
import time

import numpy as np
import pytest
from fake_board import FakeBoard, identity_of
from networks import random_chain, random_codes, random_network
from wires import Noisy, device

from ffhw.boards import Device
from ffhw.boards.host import session
from ffhw.boards.host.wire import LinkError
from ffhw.boards.identity import Identity
from ffhw.boards.link.protocol import DATA, IDENTITY, OPEN, POLL, Splitter
from ffhw.errors import InputError, ToolError
from ffhw.model import golden


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(session, "_ASK_S", 0.01)
    monkeypatch.setattr(session, "_REPLY_S", 0.05)


@pytest.fixture
def network():
    return random_network(1, inputs=3, units=(6,), outputs=2, bits=8)


@pytest.fixture
def board(network):
    return FakeBoard(network, identity_of(network))


def expected(network, sequences):
    found = [golden.run(network, sequence[None]).outputs for sequence in sequences]
    return [out[0] if network.return_sequences else out for out in found]


def equal(network, sequences, answers):
    return all(np.array_equal(*pair) for pair in zip(answers, expected(network, sequences), strict=True))


@pytest.mark.parametrize("kinds", ["jd", "jldd", "elj", "eja", "vp"])
def test_answers_are_the_golden_models(kinds, rng):
    """Heads and rhythms of all sorts; sequences of one frame and of many."""
    network = random_chain(3, kinds, bits=7)
    least = network.rhythm.least
    sequences = random_codes(network, rng, [least, least + 1, 300, least + 4])
    told = []
    with device(FakeBoard(network, identity_of(network)).feed) as url, Device(url) as board:
        answers = board.run(sequences, progress=lambda *n: told.append(n))
        assert equal(network, sequences, answers)
        assert told == [(n, 4) for n in (1, 2, 3, 4)]
        assert equal(network, sequences[::-1], board.run(sequences[::-1]))


def test_real_values_are_those_of_the_bundle(rng):
    """Scales a channel, softmax, lengths: what the network encodes and decodes itself."""
    network = random_network(2, inputs=3, units=(6,), outputs=4, bits=8, return_sequences=False)
    last = dataclasses.replace(network.layers[-1], softmax=True)
    network = dataclasses.replace(
        network, layers=(*network.layers[:-1], last), input_exponents=(0, 3, -2), output_exponents=(1, 0, 0, -1)
    )
    x, lengths = rng.normal(size=(5, 9, 3)), np.array([9, 1, 4, 9, 2])
    codes = golden.run(network, network.encode(x), lengths).outputs
    with device(FakeBoard(network, identity_of(network)).feed) as url, Device(url) as board:
        assert np.array_equal(board.predict(x, lengths), network.decode(codes))
        with pytest.raises(InputError, match=r"^x must have shape \[batch, time, 3\], not \[5, 9\]$"):
            board.predict(x[..., 0])
        with pytest.raises(InputError, match=r"^lengths must be 5 integers from 1 to 9$"):
            board.predict(x, lengths + 9)
        # as an index -1 would be a length of its own
        with pytest.raises(InputError, match=r"^lengths must be 5 integers from 1 to 9$"):
            board.predict(x, lengths - 2)


def test_every_step_is_answered_with_zeros_behind_the_end(network, board, rng):
    x, lengths = rng.normal(size=(2, 5, 3)), np.array([5, 2])
    with device(board.feed) as url, Device(url) as opened:
        values = opened.predict(x, lengths)
    assert np.array_equal(values, network.decode(golden.run(network, network.encode(x), lengths).outputs))
    assert not values[1, 2:].any()


def test_questions_do_not_pile_up_before_a_slow_device(network, board, rng):
    """Each is answered before the next host is: a device that thinks for 0.4 s is asked six times, not forty."""
    sequences, slept = random_codes(network, rng, [5]), []

    def feed(data):
        if not slept and any(r.kind == DATA for r in board.requests):
            slept.append(time.sleep(0.4))
        return board.feed(data)

    with device(feed) as url, Device(url) as opened:
        assert equal(network, sequences, opened.run(sequences))
        assert equal(network, sequences, opened.run(sequences))
    assert slept
    assert len([r for r in board.requests if r.kind == POLL]) < 12


def test_frames_under_way_to_a_slow_device_are_seldom_sent_again(network, board, rng):
    """Its status may be older than they are: what is sent again too soon makes it slower still."""
    sequences = random_codes(network, rng, [1500, 1, 1200])

    def feed(data):
        said = b""
        for start in range(0, len(data), 64):
            time.sleep(0.01)
            said += board.feed(data[start : start + 64])
        return said

    with device(feed) as url, Device(url) as opened:
        assert equal(network, sequences, opened.run(sequences))
    frames = [r.number for r in board.requests if r.kind == DATA]
    assert len(set(frames)) > 8
    assert len(frames) < 2 * len(set(frames))


def test_what_is_not_a_sequence(board):
    with device(board.feed) as url, Device(url) as opened:
        before = len(board.requests)
        for codes, message in (
            (np.zeros((3, 2), int), r"^a sequence must have shape \[time, 3\], not \[3, 2\]$"),
            (np.zeros((0, 3), int), r"^a sequence must have shape \[time, 3\], not \[0, 3\]$"),
            (np.full((1, 3), 200), r"^input codes must be from -128 to 127 .*found 200 to 200$"),
            (np.zeros((1, 3)), r"^input codes must be integers, not float64$"),
        ):
            with pytest.raises(InputError, match=message):
                opened.run([codes])
        # nothing of it was sent
        assert len(board.requests) == before


def test_another_bundle_is_refused(board):
    with device(board.feed) as url:
        assert Device(url, bundle="b" * 64).identity == board.identity
        message = r"computes bundle bbbbbbbbbbbb, not cccccccccccc: load this bundle's bitstream with ffhw board flash$"
        with pytest.raises(InputError, match=message):
            Device(url, bundle="c" * 64)


def test_another_protocol_and_nonsense_are_refused(board):
    pages = board.pages
    for text, message in (
        (
            pages.replace(b'"protocol":1', b'"protocol":9'),
            r"^the device speaks protocol 9, this host 1: build it again$",
        ),
        (pages.replace(b'"window":511', b'"window":"x"'), r"^the device's identity: window must be of type int"),
        (b"hello\0".ljust(128, b"\0"), r"^the device's identity cannot be understood"),
        (b"[" * 8192, r"^the device's identity cannot be understood"),
    ):
        board.pages = text
        with device(board.feed) as url, pytest.raises(InputError, match=message):
            Device(url)


def test_identities_come_back(network):
    given = identity_of(network).input
    wide = dataclasses.replace(given, packing=dataclasses.replace(given.packing, width=given.packing.size + 2))
    for changes in ({}, {"states": (given,)}, {"max_steps": 9}, {"input": wide}):
        identity = identity_of(network, **changes)
        identity = dataclasses.replace(
            identity, states=tuple(dataclasses.replace(s, layer="jk", exponents=()) for s in identity.states)
        )
        text = identity.pages()
        assert len(text) % 128 == 0
        assert Identity.parse(text + bytes(500)) == identity


def test_nobody_there(board):
    board.dumb = True
    with device(board.feed) as url, pytest.raises(LinkError, match=rf"^no ffhw device answers at {url}: .*--baud\?$"):
        Device(url, patience=0.1)
    with pytest.raises(LinkError, match=r"^cannot open socket://localhost:1: "):
        Device("socket://localhost:1")
    with pytest.raises(InputError, match=r"^--port nonsense://x is no serial port"):
        Device("nonsense://x")


def test_pyserial_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(ToolError, match=r"^pyserial is missing: pip install 'ffhw\[board\]'$"):
        Device("socket://localhost:1")


def test_the_window_is_kept(network, rng):
    """A device that takes nothing gets no more than it has room for; the host then says what is wrong."""
    board = FakeBoard(network, identity_of(network, window=300))
    answer = board._answer
    board._answer = lambda request: b"" if request.kind == DATA else answer(request)
    with device(board.feed) as url, Device(url, patience=0.3) as opened:
        with pytest.raises(LinkError, match=r"makes no progress for 0\.3 s$"):
            opened.run(random_codes(network, rng, [10] * 60))
        tries = [r for r in board.requests if r.kind == DATA]
        sizes = {number: len(r.payload) + 2 for number, r in {r.number: r for r in tries}.items()}
        # three tries, each of which fills the window once
        assert 3 * (300 - 32) < sum(sizes.values()) <= 3 * 300


@pytest.mark.parametrize("seed", range(6))
def test_a_noisy_wire_gives_right_answers_or_none(network, board, seed, rng):
    """Bytes damaged, lost, inserted, both ways: what is returned is right; at last it is returned."""
    sequences = random_codes(network, rng, [int(n) for n in rng.integers(1, 40, 12)])
    with device(board.feed) as far, Noisy(far, seed, 0.002).strung() as wire:
        raised = 0
        for _ in range(30):
            try:
                with Device(wire.url, patience=1.0) as opened:
                    assert equal(network, sequences, opened.run(sequences))
                break
            except LinkError:
                raised += 1
            except InputError as error:
                # an identity is asked for page by page, each with its checksum
                raise AssertionError("an identity was damaged unnoticed") from error
        else:
            pytest.fail("never an answer")
        assert wire.happened


def test_a_lost_frame_is_sent_again_in_the_same_session(network, board, rng):
    """A byte lost on the way to the device costs a repetition, not the session."""
    sequences = random_codes(network, rng, [20] * 6)
    feed, lost = board.feed, []

    def lossy(data):
        """What comes first of the data lacks some bytes, and so does what comes then."""
        if opened and len(lost) < 2:
            lost.append(data)
            data = data[:5] + data[9:]
        return feed(data)

    opened = []
    with device(lossy) as url, Device(url) as host:
        opened.append(host)
        assert equal(network, sequences, host.run(sequences))
    assert board.damaged == 2
    assert len([r for r in board.requests if r.kind == OPEN]) == 1


def test_an_answer_that_is_lost_is_asked_for_again(network, board, rng):
    sequences = random_codes(network, rng, [4] * 5)
    say, dropped = board._say, []

    def forgetful(*arguments):
        frames = say(*arguments)
        if not dropped:
            dropped.append(frames)
            return b""
        return frames

    board._say = forgetful
    with device(board.feed) as url, Device(url) as opened:
        assert equal(network, sequences, opened.run(sequences))
    assert len([r for r in board.requests if r.kind == OPEN]) == 2


def test_answers_of_a_wrong_size_are_none(network, board, rng):
    for lie in (lambda p: p[:-1], lambda p: p + p, lambda p: b""):
        board.lies = lie
        with device(board.feed) as url, Device(url) as opened, pytest.raises(LinkError):
            opened.run(random_codes(network, rng, [4]))


def test_power_lost_and_wire_cut(network, board, rng):
    """In the middle of a run: the device forgets all, and the run goes on; the wire is cut, and the run says so."""
    sequences = random_codes(network, rng, [30] * 8)
    answer, failed = board._answer, []

    def failing(request):
        if not failed and sum(r.kind == DATA for r in board.requests) == 4:
            failed.append(request)
            board.power_off()
        return answer(request)

    board._answer = failing
    with device(board.feed) as far, Noisy(far, 1, 0.0).strung() as wire:
        with Device(wire.url) as opened:
            assert equal(network, sequences, opened.run(sequences))
            assert failed
            threading.Timer(0.05, wire.cut).start()
            with pytest.raises(LinkError):
                # longer than the wire is there
                opened.run(sequences * 200)
        time.sleep(0.1)
        with Device(wire.url) as opened:
            assert equal(network, sequences, opened.run(sequences))


def test_an_interrupt_leaves_nothing_for_the_next_call(network, board, rng):
    """Answers of a run that was broken off are not those of the next one."""
    first, second = random_codes(network, rng, [9] * 20), random_codes(network, rng, [9] * 20)

    def stop(done, _):
        if done == 3:
            raise KeyboardInterrupt

    with device(board.feed) as url, Device(url) as opened:
        with pytest.raises(KeyboardInterrupt):
            opened.run(first, progress=stop)
        assert equal(network, second, opened.run(second))


def test_two_hosts_are_noticed(network, board, rng):
    sequences = random_codes(network, rng, [9] * 3)
    with device(board.feed) as url, Device(url, patience=0.5) as opened:
        board.accepted = board.taken = (board.accepted + 77) % 65536
        assert equal(network, sequences, opened.run(sequences))


@pytest.mark.parametrize("kinds", ["jd", "vd", "jl"])
def test_live_data(kinds, rng):
    """Each step is answered before the next one is sent, where the network can; else the sequence at its end."""
    network = random_chain(5, kinds, bits=7, taps=2, stride=2)
    board = FakeBoard(network, identity_of(network))
    x = rng.normal(size=(6, network.input_size))
    with device(board.feed) as url, Device(url) as opened:
        if not network.rhythm.once and network.rhythm.stride == 1:
            # the fake answers whole sequences only
            return
        got = list(opened.stream([*x, None, *x[:3], None, None, *x]))
    want = [expected(network, [network.encode(part)])[0] for part in (x, x[:3], x)]
    assert np.array_equal(got, network.decode(np.concatenate(want)))


def test_measurements(network, board):
    with device(board.feed) as url, Device(url) as opened:
        found = opened.throughput_test(0.0)
        assert found["loopback_bytes_per_second"] > 0
        # the fake has no clock
        assert found["cycles_per_step"] == 0
        info = opened.info()
        assert info["counters"]["damaged"] == 0
        board.lies = lambda payload: payload[::-1]
        with pytest.raises(LinkError, match=r"^the device's loopback changed what was sent$"):
            opened.loopback(b"abc")


def test_the_host_needs_numpy_and_pyserial_only():
    import subprocess

    code = (
        "import sys\n"
        "for name in ('amaranth', 'h5py', 'onnx', 'typer', 'rich', 'tensorflow', 'keras', 'amaranth_boards'):\n"
        "    sys.modules[name] = None\n"
        "from ffhw.boards import Device\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_pages_are_asked_for_again(board):
    """The first page of the identity is lost once."""
    dropped = []

    def feed(data):
        out = board.feed(data)
        if not dropped and any(part[1] == IDENTITY for part in Splitter().feed(out)):
            dropped.append(1)
            return b""
        return out

    with device(feed) as url:
        assert Device(url).identity == board.identity
    assert dropped
