"""The whole top level in simulation, through its serial pins: hosts that are right, hosts that are not, bad wires."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest
from bundles import bundle_of
from networks import random_chain, random_codes, random_network
from wires import Noisy

from ffhw.boards import Device, catalogue
from ffhw.boards.host.wire import LinkError, Wire
from ffhw.boards.link.protocol import (
    COUNT,
    COUNTERS,
    DATA,
    ECHO,
    IDENTITY,
    IS_OPEN,
    LAST,
    OPEN,
    OPENED,
    POLL,
    STATUS,
    Request,
)
from ffhw.boards.plan import settings_of
from ffhw.errors import InputError, ToolError
from ffhw.hdl.plan.performance import predict
from ffhw.model import golden
from ffhw.sim.served import ServedBoard
from ffhw.sim.served import served as serve
from ffhw.sim.spoken import speak

pytestmark = pytest.mark.simulation
ICEBREAKER = catalogue.board("icebreaker")
CLOCK_MHZ, BAUD = 24.0, 3_000_000
CASES = {
    # states of two layers, loaded and kept; each step is answered
    "states": ({"units": (5, 4), "outputs": 2, "bits": 8}, {"lanes": 2}, {"keep_state": True}),
    # tokens in, a class out, once a sequence
    "classes": (
        {"units": (6,), "outputs": 5, "tokens": 11, "activation": "argmax", "return_sequences": False},
        {"simd": 2},
        {},
    ),
    # fewer answers than steps, bounds on the lengths, codes of two bytes
    "windows": ({"kinds": "vjp", "bits": 9, "taps": 3, "stride": 2, "steps": 40}, {"simd": 2}, {}),
}


@pytest.fixture(scope="module", params=["classes", "states", pytest.param("windows", marks=pytest.mark.slow)])
def served(request, tmp_path_factory):
    """Bundle, the simulated board under power, and its URL."""
    sizes, folding, options = CASES[request.param]
    network = random_chain(4, **sizes) if "kinds" in sizes else random_network(1, **sizes)
    bundle = bundle_of(tmp_path_factory.mktemp("served"), network, **folding, **options)
    with ServedBoard(bundle, ICEBREAKER, CLOCK_MHZ, BAUD).serve() as running:
        yield bundle, running


# What has nothing to do with the network is tested on one board.
ON_ONE_BOARD = pytest.mark.parametrize("served", ["classes"], indirect=True)


@pytest.fixture
def bundle(served):
    return served[0]


@pytest.fixture
def url(served):
    return served[1].url


def sequences_of(bundle, rng, count):
    network = bundle.network()
    least, most = network.rhythm.least, network.max_steps or 300
    lengths = [least, most, *(int(n) for n in rng.integers(least, min(most, 40), count - 2))]
    return random_codes(network, rng, lengths)


def test_every_code_is_the_golden_models(bundle, url, rng):
    """The shortest and the longest sequence, many back to back; states random and carried, given back."""
    assert speak(bundle, url, sequences_of(bundle, rng, 60), patience=10.0) >= 60


def test_beats_of_more_elements_than_a_vector_has(tmp_path, rng):
    """Four products a lane and cycle, of vectors of three: what fills a beat up is sent along, and left out again."""
    bundle = bundle_of(tmp_path, random_network(1, inputs=3, units=(8,), outputs=2, bits=8), simd=4)
    with ServedBoard(bundle, ICEBREAKER, CLOCK_MHZ, BAUD).serve() as running:
        with Device(running.url, bundle=bundle) as device:
            assert (device.identity.input.packing.width, device.identity.input.packing.size) == (4, 3)
        assert speak(bundle, running.url, sequences_of(bundle, rng, 12), patience=10.0) >= 12


def test_the_device_knows_itself(bundle, url):
    with Device(url, bundle=bundle) as device:
        identity = device.identity
        assert (identity.bundle, identity.board) == (bundle.identity, "icebreaker")
        assert (identity.clock_hz, identity.baud, identity.window) == (24_000_000, BAUD, 511)
        assert identity.cycles_per_step == predict(bundle.network(), bundle.foldings()).cycles_per_step
        before = device.info()["counters"]
        device.loopback(bytes(range(256)) * 3)
        after = device.info()["counters"]
        assert (after["frames"] - before["frames"], after["damaged"]) == (5, before["damaged"])


def test_cycles_are_those_of_the_model(bundle, url):
    """As measured on the device, with the link's own buffers around the core."""
    network = bundle.network()
    with Device(url) as device:
        measured = device.throughput_test(0.0)["cycles_per_step"]
    if network.rhythm.stride > 1:
        assert measured is None
    else:
        assert measured == predict(network, bundle.foldings()).cycles_per_step


def test_a_noisy_wire_never_gives_a_wrong_code(bundle, url, rng):
    """Bytes damaged, lost, inserted both ways; and the same device goes on without being loaded again."""
    with Noisy(url, 1, 0.0015).strung() as wire:
        answered = 0
        for _ in range(4):
            try:
                answered += speak(bundle, wire.url, sequences_of(bundle, rng, 6), patience=0.5) > 0
            except LinkError:
                continue
        assert wire.happened
    speak(bundle, url, sequences_of(bundle, rng, 6), patience=10.0)
    assert answered or bundle.keep_state


def test_a_killed_host_leaves_a_device_that_works(bundle, url, rng):
    """In the middle of a frame, of a vector, of a sequence: the core must have forgotten what it was given of it."""
    raw = Request(DATA, 8, 0, bytes(range(100))).pack()
    for cut in (1, 5, 40, len(raw)):
        wire = Wire(url, BAUD)
        wire.send(Request(OPEN, 7))
        wire._serial.write(raw[:cut])
        time.sleep(0.02)
        wire.close()
        speak(bundle, url, sequences_of(bundle, rng, 4), patience=10.0)


def test_power_lost_in_the_middle_of_a_frame(served, rng):
    """The run goes on in a new session; of states that are lost the host speaks."""
    bundle, running = served
    with Device(running.url, patience=5.0) as device:
        network = bundle.network()
        sequences = sequences_of(bundle, rng, 30)
        failed = []

        def fail(done, _):
            if done == 3:
                failed.append(done)
                os.kill(running.process.pid, signal.SIGUSR1)

        if bundle.keep_state:
            with pytest.raises(LinkError):
                device.run(sequences, progress=fail)
        else:
            answers = device.run(sequences, progress=fail)
            for answer, sequence in zip(answers, sequences, strict=True):
                wanted = golden.run(network, sequence[None]).outputs
                assert np.array_equal(answer, wanted[0] if network.return_sequences else wanted)
        assert failed
    speak(bundle, running.url, sequences, patience=10.0)


def test_live_steps_are_answered_as_they_come(bundle, url, rng):
    network = bundle.network()
    steps = rng.normal(size=(network.max_steps or 12, network.input_size))
    if bundle.network().input.to_dict()["format"] == "Index":
        steps = rng.integers(0, 11, steps.shape)
    parts, got = (steps, steps[:7], steps), []
    with Device(url) as device:
        given = [row for part in parts for row in (*part, None)]
        for answer in device.stream(given):
            got.append(answer)
    wanted = [golden.run(network, network.encode(part)[None]).outputs for part in parts]
    wanted = np.concatenate([out[0] if network.return_sequences else out for out in wanted])
    assert np.array_equal(got, network.decode(wanted))


class Bare:
    """A host of single frames."""

    def __init__(self, url):
        self.wire = Wire(url, BAUD)

    def ask(self, *requests, raw=b""):
        """What comes back until nothing comes for a while."""
        self.wire._serial.write(raw + b"".join(request.pack() for request in requests))
        got = []
        while found := self.wire.receive(0.3):
            got += found
        return got

    def counts(self):
        (reply,) = [r for r in self.ask(Request(COUNT)) if r.kind == COUNTERS]
        return np.frombuffer(reply.payload[:8], "<u2").astype(int)


@ON_ONE_BOARD
def test_every_fault_has_its_answer(bundle, url):
    """The table of docs/link.md, frame by frame."""
    host, damaged = Bare(url), bytearray(Request(DATA, 101, LAST | ECHO, b"lost").pack())
    damaged[5] ^= 1
    (opened,) = [r for r in host.ask(Request(OPEN, 100)) if r.kind == OPENED]
    assert (opened.accepted, opened.taken, opened.number) == (101, 101, 101)
    frames, bad, overruns, refused = host.counts()

    # noise, a damaged frame, one that follows it
    last = host.ask(Request(DATA, 102, LAST | ECHO, b"early"), raw=b"\x12\x7d\x00" + bytes(damaged))[-1]
    assert (last.kind, last.flags, last.accepted, last.number) == (STATUS, IS_OPEN, 101, 101)
    assert list(host.counts() - (frames, bad, overruns, refused)) == [2, 2, 0, 1]

    # in its order; then once more
    replies = host.ask(*[Request(DATA, 101, LAST | ECHO, b"once")] * 2)
    assert [r.payload for r in replies if r.payload] == [b"once"]
    assert replies[-1].accepted == replies[-1].taken == replies[-1].number == 102
    # of no known type; a frame of nothing
    before = host.counts()
    host.ask(Request(99), Request(DATA, 102, LAST | ECHO, b""))
    assert list(host.counts() - before) == [3, 0, 0, 1]
    assert host.ask(Request(POLL))[-1].accepted == 103
    # pages past the last wrap around
    pages = {r.payload for r in host.ask(Request(4, flags=0)) + host.ask(Request(4, flags=64)) if r.kind == IDENTITY}
    assert len(pages) == 1


@ON_ONE_BOARD
def test_more_than_the_window_is_dropped_as_a_whole(bundle, url):
    """Answers take longer on the wire than what they answer: the memory overflows, and what found room is answered."""
    host, parts = Bare(url), [bytes([n % 251]) for n in range(1000)]
    host.ask(Request(OPEN, 0))
    before = host.counts()
    replies = host.ask(*(Request(DATA, n + 1, LAST | ECHO, part) for n, part in enumerate(parts)))
    back = b"".join(r.payload for r in replies if r.payload)
    assert back == b"".join(parts[: len(back)])
    _, damaged, overruns, refused = host.counts() - before
    # once there was room again, frames behind the lost one were out of their order
    assert overruns > 0
    assert (damaged, overruns + refused) == (0, len(parts) - len(back))


@ON_ONE_BOARD
def test_before_a_session_nothing_is_taken(served):
    running = served[1]
    os.kill(running.process.pid, signal.SIGUSR1)
    time.sleep(0.2)
    host = Bare(running.url)
    replies = host.ask(Request(DATA, 0, LAST | ECHO, b"hello"))
    assert [(r.kind, r.flags, r.payload) for r in replies] == [(STATUS, 0, b"")]


@ON_ONE_BOARD
def test_what_a_link_cannot_be(bundle):
    for mhz, baud, message in (
        (24.0, 3_500_000, r"^--baud: at 24 MHz the link takes at most 3,000,000 bits a second, not 3,500,000$"),
        (24.0, 2_800_000, r"^--baud: 24 MHz cannot be divided to 2,800,000; 2,666,666 would do$"),
        (24.0, 0, r"^--baud must be at least 1, not 0$"),
    ):
        with pytest.raises(InputError, match=message):
            settings_of(bundle, ICEBREAKER, round(mhz * 1e6), baud)


@ON_ONE_BOARD
def test_a_port_that_is_taken(served):
    running = served[1]
    port = running.url.rpartition(":")[2]
    again = serve((running.process.args[0], port, "8"), running.folder)
    with pytest.raises(ToolError, match=r"^the simulated board does not start: cannot listen at the port: "):
        again.__enter__()
