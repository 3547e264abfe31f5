"""A board with a network on it: sequences in, answers out."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ffhw.boards.host.frames import checked_sequence, frames_of
from ffhw.boards.host.live import LiveSequence
from ffhw.boards.host.session import Answer, Counters, Session
from ffhw.boards.host.weights import bundle_on, exchange
from ffhw.boards.host.wire import LinkError, Wire
from ffhw.boards.identity import MOST_PAGES, Identity, Stream
from ffhw.boards.link.protocol import ECHO, MOST_PAYLOAD, PAGE
from ffhw.boards.weights import ASK, LOAD, LOADED, Status, checked_image, checksum
from ffhw.errors import InputError
from ffhw.layers.dense import softmax

BAUD = 1_000_000
# Seconds without any progress after which a device has failed.
PATIENCE_S = 10.0
# How often sequences whose answers were lost are sent again without one more being answered.
_TRIES = 3
_FLASH, _LOAD = "bitstream with ffhw board flash", "weights with ffhw board load"
Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]


class Device:
    """A board at a serial port, as a context manager.

    Parameters
    ----------
    port: its name or URL, as pyserial's ``serial_for_url`` takes them. baud: as the bitstream was built.
    bundle: what must be on the device: a bundle, or its digest. patience: seconds without any progress until it is
        given up. identity: what the device is known to say of itself, which is then not asked for.

    Attributes
    ----------
    identity: what the device says of itself.

    Raises
    ------
    InputError: another bundle is on the device. LinkError: none answers. ToolError: pyserial is missing.
    """

    def __init__(
        self,
        port: str,
        *,
        baud: int = BAUD,
        bundle: Any = None,
        patience: float = PATIENCE_S,
        identity: Identity | None = None,
    ) -> None:
        self.patience = patience
        self._wire = Wire(port, baud)
        try:
            self._session: Session | None = None
            session = self._open()
            text = b""
            while identity is None and b"\0" not in text and len(text) < MOST_PAGES * PAGE:
                text += session.page(len(text) // PAGE)
            self.identity = identity or Identity.parse(text)
            session.window = self.identity.window
            self.identity = dataclasses.replace(self.identity, bundle=bundle_on(session, self.identity, bundle))
            wanted = getattr(bundle, "identity", bundle)
            if wanted is not None and wanted != self.identity.bundle:
                fixed = self.identity.weights is None
                raise InputError(
                    f"the device at {port} computes bundle {self.identity.bundle[:12]}, not {str(wanted)[:12]}: "
                    f"load this bundle's {_FLASH if fixed else _LOAD}"
                )
        except BaseException:
            self._wire.close()
            raise

    def _open(self) -> Session:
        """A session, a new one if the last one is over."""
        if self._session is None:
            session = Session(self._wire, self.patience)
            if hasattr(self, "identity"):
                session.window = self.identity.window
            self._session = session
        return self._session

    @contextlib.contextmanager
    def _used(self) -> Iterator[Session]:
        """A session with nothing under way; it is over if it was not used to its end, for whatever reason."""
        session = self._open()
        try:
            yield session
        except BaseException:
            self._session = None
            raise

    def close(self) -> None:
        """Close the port."""
        self._wire.close()

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- answers -----------------------------------------------------------------------------------------------------

    def predict(
        self, x: ArrayLike, lengths: ArrayLike | None = None, progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """Real answers to real inputs, in the shapes of a Keras model.

        Parameters
        ----------
        x: ``[batch, time, inputs]``; token numbers may lack the last axis. lengths: steps of each sequence.
        progress: told how many sequences of how many are answered.

        Returns
        -------
        ``[batch, answers, outputs]``, or ``[batch, outputs]`` of a network that answers once a sequence; zero past the
        end of shorter sequences.

        Raises
        ------
        InputError: wrong shapes or lengths. LinkError: the device fails.
        """
        given = np.asarray(x, dtype=np.float64)
        stream = self.identity.input
        if given.ndim == 2 and stream.packing.size == 1:
            given = given[..., None]
        if given.ndim != 3 or given.shape[2] != stream.packing.size or 0 in given.shape:
            raise InputError(f"x must have shape [batch, time, {stream.packing.size}], not {list(given.shape)}")
        length = np.full(len(given), given.shape[1]) if lengths is None else np.asarray(lengths)
        whole = length.shape == (len(given),) and length.dtype.kind in "iu"
        if not whole or length.min() < 1 or length.max() > given.shape[1]:
            raise InputError(f"lengths must be {len(given)} integers from 1 to {given.shape[1]}")
        sequences = [self.encode(row[:n]) for row, n in zip(given, length, strict=True)]
        answers = [self.decode(codes) for codes in self.run(sequences, progress=progress)]
        if self.identity.rhythm.once:
            return np.stack([answer[0] for answer in answers])
        out = np.zeros((len(answers), max(len(a) for a in answers), answers[0].shape[-1]))
        for row, answer in zip(out, answers, strict=True):
            row[: len(answer)] = answer
        return out

    def encode(self, x: ArrayLike) -> Ints:
        """Input codes of real inputs ``[..., inputs]``: scaled, rounded half up, saturated."""
        stream = self.identity.input
        return stream.packing.format.quantize(np.asarray(x, dtype=np.float64) * stream.scales)

    def decode(self, codes: Ints) -> NDArray[np.float64]:
        """Real answers of output codes ``[..., outputs]``."""
        stream = self.identity.output
        values = np.asarray(stream.packing.format.dequantize(codes), dtype=np.float64)
        return (softmax(values) if self.identity.head == "softmax" else values) / stream.scales

    def run(self, sequences: Sequence[ArrayLike], progress: Progress | None = None) -> list[Ints]:
        """Output codes ``[answers, outputs]`` of each sequence of input codes ``[time, inputs]``.

        Sequences whose answers were lost on the wire are sent again, in a new session.

        Raises
        ------
        InputError: wrong codes or lengths. LinkError: the device fails; nothing is returned then.
        """
        return [outputs for outputs, _ in self.run_states(sequences, progress=progress)]

    def run_states(
        self,
        sequences: Sequence[ArrayLike],
        loads: Mapping[int, Mapping[str, ArrayLike]] | None = None,
        progress: Progress | None = None,
    ) -> list[tuple[Ints, dict[str, Ints]]]:
        """:meth:`run`, with the states behind each sequence by layer name, of a design that keeps them.

        States are kept from call to call, and gone once the device fails; then nothing is sent again.

        Parameters
        ----------
        loads: states to load, by the number of the sequence that starts from them and by layer name.
        """
        checked = [checked_sequence(self.identity, sequence) for sequence in sequences]
        frames = [list(frames_of(self.identity, checked[n], (loads or {}).get(n, {}))) for n in range(len(checked))]
        done: list[tuple[Ints, dict[str, Ints]]] = []
        tries = _TRIES if not self.identity.states else 1
        while len(done) < len(checked):
            before = len(done)
            try:
                with self._used() as session:
                    self._stream(session, frames, checked, done, progress)
            except LinkError:
                tries = tries if len(done) > before else tries - 1
                if self.identity.states or not tries:
                    raise
        return done

    def _stream(
        self,
        session: Session,
        frames: list[list[Any]],
        checked: list[Ints],
        done: list[Any],
        progress: Progress | None,
    ) -> None:
        """Send all sequences that are not done, back to back, and append each one's answer as it is complete."""
        gathered: dict[int, list[bytes]] = {}
        ready: dict[int, list[Ints]] = {n: [] for n in range(1 + len(self.identity.states))}

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            if answer.port not in ready or answer.marked:
                raise LinkError(f"an answer of port {answer.port} is not one to what was sent")
            gathered.setdefault(answer.port, []).append(answer.payload)
            if answer.last:
                ready[answer.port].append(self._vectors(answer.port, b"".join(gathered.pop(answer.port))))
            while all(ready.values()):
                outputs, *states = (vectors.pop(0) for vectors in ready.values())
                expected = int(self.identity.rhythm.steps(len(checked[len(done)])))
                if len(outputs) != expected or any(len(state) != 1 for state in states):
                    raise LinkError(f"{len(outputs)} answers came to a sequence of {expected}")
                names = [stream.layer for stream in self.identity.states]
                done.append((outputs, {name: state[0] for name, state in zip(names, states, strict=True)}))
                if progress is not None:
                    progress(len(done), len(checked))

        for sequence in frames[len(done) :]:
            for frame in sequence:
                session.put(*frame)
                while (answer := session.get(0.0)) is not None:
                    take(answer)
        while len(done) < len(checked):
            take(session.get())

    def _vectors(self, port: int, payload: bytes) -> Ints:
        """Codes ``[vectors, size]`` of all beats of a port's answer."""
        stream: Stream = self.identity.states[port - 1] if port else self.identity.output
        packing = stream.packing
        if len(payload) % (packing.beats * packing.beat_bytes):
            raise LinkError(f"an answer of {len(payload)} bytes is no whole number of vectors")
        beats = np.frombuffer(payload, np.uint8).reshape(-1, packing.beat_bytes)
        return packing.unpack(beats)

    def stream(self, steps: Iterable[ArrayLike | None], length: int | None = None) -> Iterator[NDArray[np.float64]]:
        """Real answers ``[outputs]`` to live data, each as soon as the network can give it.

        Each sequence begins from rest, also of a design that keeps its states.

        Parameters
        ----------
        steps: real inputs ``[inputs]`` one after the other; None ends a sequence, and so does the end of all.
        length: steps of each sequence; without it only None ends one.

        Raises
        ------
        InputError: a step of a wrong shape, or a sequence of a length that the network cannot take.
        LinkError: the device fails, or an answer was lost; states and the sequence are lost with it.
        """
        identity = self.identity
        # who answers at a sequence's end must be told which step is the last: it is held until one more is there
        holds = identity.rhythm.once or identity.rhythm.stride > 1 or identity.max_steps is not None
        sequence = LiveSequence(identity)
        with self._used() as session:
            for step in itertools.chain(steps, [None]):
                ends = step is None or sequence.steps + 1 == length
                if step is not None:
                    sequence.add(self.encode(np.asarray(step, dtype=np.float64).reshape(1, -1)))
                for frame in sequence.frames(ends, holds):
                    session.put(*frame)
                while sequence.due(ends):
                    answer = session.get()
                    assert answer is not None
                    yield from (self.decode(codes) for codes in sequence.take(answer))
                if ends:
                    if sequence.is_open:
                        # no step was marked as the last: a new session begins from rest
                        self._session = None
                        session = self._open()
                    sequence = LiveSequence(identity)

    # --- weights -----------------------------------------------------------------------------------------------------

    def load(self, bundle: Any, progress: Progress | None = None) -> None:
        """Send the weights of another bundle of the same hardware, as ``ffhw update`` makes it.

        They stay, whoever talks to the device, until others are sent or it is configured anew. A load that fails leaves
        it without weights: it answers no sequence until one succeeds.

        Parameters
        ----------
        progress: told how many bytes of how many are sent.

        Raises
        ------
        InputError: the device takes none, or those of other hardware; nothing is sent then.
        LinkError: the device fails.
        """
        image = checked_image(bundle, self.identity.weights)
        for left in reversed(range(_TRIES)):
            try:
                with self._used() as session:
                    status = exchange(session, self.identity, bytes([LOAD]) + image, progress)
                break
            except LinkError:
                if not left:
                    raise
        if status != Status(checksum(image), LOADED):
            raise LinkError(f"the device does not hold the weights that were sent, it says {status}")
        self.identity = dataclasses.replace(self.identity, bundle=bundle.identity)

    def weights(self) -> Status | None:
        """What the device says of its weights; None of one to which none can be sent."""
        if self.identity.weights is None:
            return None
        with self._used() as session:
            return exchange(session, self.identity, bytes([ASK]))

    # --- the device --------------------------------------------------------------------------------------------------

    def info(self) -> dict[str, Any]:
        """Identity, and what the device and this host have counted, as JSON data."""
        counters = self.counters().__dict__
        return {**self.identity.__dict__, "counters": counters, "damaged_here": self._wire.damaged}

    def loopback(self, data: bytes) -> None:
        """Send bytes through the device and back.

        Raises
        ------
        LinkError: others came back.
        """
        parts = [data[n : n + MOST_PAYLOAD] for n in range(0, len(data), MOST_PAYLOAD)]
        back, ends = b"", 0
        with self._used() as session:
            for part in parts:
                session.put(ECHO, part, True)
            while ends < len(parts):
                answer = session.get()
                assert answer is not None
                back, ends = back + answer.payload, ends + answer.last
        if back != data:
            raise LinkError("the device's loopback changed what was sent")

    def throughput_test(self, seconds: float = 1.0) -> dict[str, float | None]:
        """What the link carries and what the core takes, see :func:`ffhw.boards.host.measuring.throughput`."""
        from ffhw.boards.host.measuring import throughput

        return throughput(self, seconds)

    def counters(self) -> Counters:
        """What the device has counted since power on."""
        with self._used() as session:
            return session.counters()
