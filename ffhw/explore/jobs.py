"""Jobs: what is to be found out, named by a digest of all that the answer depends on.

There are two kinds. An *estimate* quantizes a model to some widths, scores it, and predicts a few designs of it. A
*build* exports one of these designs and places and routes it with one seed. A job needs nothing but itself and the
content of two files, so that it gives the same answer in any order, on any machine.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from pathlib import Path
from typing import Any, ClassVar

from ffhw import __version__
from ffhw.errors import ToolError
from ffhw.explore.command import width_options
from ffhw.numbers.scales import Widths

# What a job gives: plain JSON data.
Result = dict[str, Any]
# What a user should know when jobs were ended.
KEPT = "what is done is kept, the same command goes on"


# Rooms of the package that no answer comes from.
_ELSEWHERE = {"__pycache__", "cli", "report", "training", "backends", "native"}


@functools.cache
def version() -> str:
    """The version that answers, and a digest of its code: a copy that someone works on is another one every day."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        name = path.relative_to(package)
        if path.is_file() and not _ELSEWHERE.intersection(name.parts):
            digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return f"{__version__}+{digest.hexdigest()[:12]}"


@dataclasses.dataclass(frozen=True)
class Source:
    """A model file and its data file by content, and what they are called; no data where there are none."""

    model_name: str
    model: bytes = dataclasses.field(repr=False)
    data_name: str | None = None
    data: bytes | None = dataclasses.field(default=None, repr=False)

    @property
    def digests(self) -> tuple[str, str | None]:
        """SHA-256 of the model and of the data."""
        data = None if self.data is None else hashlib.sha256(self.data).hexdigest()
        return hashlib.sha256(self.model).hexdigest(), data


@dataclasses.dataclass(frozen=True)
class Job:
    """What both kinds depend on.

    model, data: SHA-256 of the files. board: its name. widths: as for `ffhw export`. ffhw: the version that answers,
    and a digest of its code.
    """

    kind: ClassVar[str]

    model: str
    data: str | None
    board: str
    widths: Widths
    ffhw: str = dataclasses.field(default_factory=lambda: version(), kw_only=True)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        plain: dict[str, Any] = json.loads(json.dumps({"kind": self.kind, **dataclasses.asdict(self)}))
        return plain

    @property
    def digest(self) -> str:
        """Names the job; equal jobs have equal digests everywhere."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    @property
    def title(self) -> str:
        """For people."""
        return " ".join(width_options(self.widths))

    def check(self, source: Source) -> None:
        """Refuse to answer for another version, or for other files.

        Raises
        ------
        ToolError: what differs, and what to do.
        """
        if self.ffhw != version():
            raise ToolError(f"a worker has ffhw {version()}, the job asks for {self.ffhw}: install that one there")
        if source.digests != (self.model, self.data):
            raise ToolError("a worker was given other files than the job's: start it anew")


@dataclasses.dataclass(frozen=True)
class Estimate(Job):
    """Scores of the quantized network, and predictions of designs.

    foldings: how many designs, spread from the smallest to the fastest that fits. lanes, simd: or each of these, alike
    in all layers; then ``foldings`` is 0.
    """

    kind = "estimate"

    foldings: int
    lanes: tuple[int, ...] = ()
    simd: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Build(Job):
    """A design placed and routed.

    names: of the files; a bundle says on which data it was compared. lanes, simd: one a layer that can be folded.
    check: whether the netlist is simulated; all seeds have the same. tools: versions by package.
    """

    kind = "build"

    names: tuple[str, str | None]
    lanes: tuple[int, ...]
    simd: tuple[int, ...]
    seed: int
    check_netlist: bool
    tools: dict[str, str]

    @property
    def title(self) -> str:
        """For people."""
        return f"{super().title} --lanes {','.join(map(str, self.lanes))}, seed {self.seed}"


def job_of(fields: dict[str, Any]) -> Job:
    """The job that :meth:`Job.to_dict` tells of."""
    kinds: dict[str, Any] = {kind.kind: kind for kind in (Estimate, Build)}
    given = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items() if name != "kind"
    }
    job: Job = kinds[fields["kind"]](**{**given, "widths": Widths(**fields["widths"])})
    return job
