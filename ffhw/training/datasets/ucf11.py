"""UCF11: eleven actions in 1,600 videos of YouTube (Liu, Luo & Shah, CVPR 2009), in its original folders.

``ucf11/basketball/v_shooting_01/v_shooting_01_01.mpg`` in the data folder: action, group, clip. Clips of a group share
scene and actors, so that no group may be in both splits. Decoding needs PyAV.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError, ToolError
from ffhw.training.datasets.archives import data_folder

_CLIP = re.compile(r"v_(.+)_(\d+)_(\d+)\.(mpg|avi)")


@dataclasses.dataclass(frozen=True)
class Clip:
    """A video, its action's number and its group, 1 to 25."""

    path: Path
    action: int
    group: int


def list_clips(folder: Path | None = None) -> tuple[list[Clip], list[str]]:
    """All clips and the actions' names, in alphabetical order.

    Raises
    ------
    ToolError: there are none; says where to put them.
    """
    folder = folder or data_folder() / "ucf11"
    actions = sorted(path.name for path in folder.glob("*") if path.is_dir())
    clips = []
    for number, action in enumerate(actions):
        for path in sorted((folder / action).glob("v_*/v_*")):
            match = _CLIP.fullmatch(path.name)
            if match:
                clips.append(Clip(path, number, int(match[2])))
    if not clips:
        raise ToolError(
            f"UCF11 is not in {folder}: ask its authors for it, and unpack basketball/, biking/, ... there "
            "(or set FFHW_DATA)"
        )
    return clips, actions


def decode(path: Path) -> NDArray[np.uint8]:
    """All frames of a video ``[frame, row, column, 3]``.

    Raises
    ------
    ToolError: PyAV is missing. InputError: it is no video.
    """
    try:
        import av
    except ImportError:
        raise ToolError("videos need PyAV: pip install av") from None
    try:
        with av.open(str(path)) as video:
            return np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])
    except (av.FFmpegError, ValueError) as error:
        raise InputError(f"{path} is not a video that can be read: {error}") from None


def resampled(video: NDArray[np.uint8], frames: int, size: int) -> NDArray[np.uint8]:
    """``frames`` of a video, evenly over its time, each ``[size, size, 3]`` by the nearest pixel."""
    places = (
        np.linspace(0, count - 1, wanted).round().astype(int)
        for count, wanted in zip(video.shape[:3], (frames, size, size), strict=True)
    )
    return video[np.ix_(*places)]


def read_clips(
    clips: list[Clip], frames: int, size: int, read: Callable[[Path], NDArray[np.uint8]] = decode
) -> NDArray[np.uint8]:
    """Clips ``[clip, frames, size, size, 3]``."""
    return np.stack([resampled(read(clip.path), frames, size) for clip in clips])
