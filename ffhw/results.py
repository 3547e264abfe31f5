"""What commands add to a bundle: files under ``results/`` that are known as ours, and belong to this very export."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ffhw import __version__
from ffhw.digests import has_bitstream
from ffhw.errors import DigestError, InputError, OutputError
from ffhw.files import check_folder, read_regular, write_atomic, write_folder
from ffhw.processes import remove

MANIFEST = "manifest.json"
# Markers of the files that we wrote under results/, so that a later export knows them from a user's own.
MARKERS = "results/.ours"
MOST_JSON_BYTES = 16 << 20


class Results:
    """The results of a bundle: of the one at this path that has this identity."""

    path: Path
    identity: str

    def add_result(self, name: str, result: dict[str, Any]) -> Path:
        """Write ``results/<name>.json``, marked with the identity of the bundle it belongs to.

        Raises
        ------
        DigestError: another bundle stands in this one's place by now. OutputError: it cannot be written.
        """
        content = {"bundle": self.identity, "ffhw": __version__, **result}
        return self.add_file(f"{name}.json", json.dumps(content, indent=2) + "\n")

    def add_file(self, name: str, content: bytes | str) -> Path:
        """Write ``results/<name>``; raises as :meth:`add_result`."""
        target = self.result_path(name)
        write_atomic(target, content)
        return target

    def add_folder(self, name: str, files: Mapping[str, bytes | str]) -> Path:
        """Write the folder ``results/<name>`` in one step, in place of an older one; raises as :meth:`add_result`."""
        for file in files:
            self.result_path(f"{name}/{file}")
        target = self.path / "results" / name
        check_folder(target, "a result", {file.removeprefix(f"{name}/") for file in marked(self.path)})
        write_folder(target, files)
        return target

    def remove_folder(self, name: str) -> None:
        """Remove what we wrote into ``results/<name>``, and the folder if nothing else is in it."""
        folder = self.path / "results" / name
        for file in marked(self.path):
            if file.startswith(f"{name}/"):
                remove(self.path / "results" / file)
        with contextlib.suppress(OSError):
            folder.rmdir()

    def result_path(self, name: str) -> Path:
        """``results/<name>``, known as ours from now on; raises as :meth:`add_result`."""
        folder = self._results_folder()
        marker = self.path / MARKERS / name
        try:
            marker.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644))
        except OSError as error:
            raise OutputError(f"cannot write to {folder}: {error.strerror}") from None
        return folder / name

    def waves_path(self, name: str) -> Path:
        """``results/<name>`` without its ending, which depends on the simulator; raises as :meth:`add_result`."""
        for ending in (".vcd", ".fst"):
            self.result_path(f"{name}{ending}")
        return self.path / "results" / name

    def _results_folder(self) -> Path:
        """``results/``, created if need be; raises as :meth:`add_result`."""
        try:
            there = json.loads(read_regular(self.path / MANIFEST, MOST_JSON_BYTES)).get("identity")
        except (InputError, ValueError, AttributeError):
            there = None
        if there != self.identity:
            raise DigestError(f"{self.path} was replaced while this command worked on it: nothing was written to it")
        folder = self.path / "results"
        for path in (folder, self.path / MARKERS):
            try:
                path.mkdir(exist_ok=True)
            except OSError as error:
                raise OutputError(f"cannot write to {folder}: {error.strerror}") from None
            if path.is_symlink():
                raise OutputError(f"cannot write to {path}: it is a link")
        return folder

    def results(self) -> dict[str, dict[str, Any]]:
        """All results that belong to this very export, by name.

        What cannot be read is none, nor is one whose bitstream is another one or gone.
        """
        found: dict[str, dict[str, Any]] = {}
        folder = self.path / "results"
        if folder.is_symlink():
            return found
        for path in sorted([*folder.glob("*.json"), *folder.glob("*/result.json")]):
            try:
                content = json.loads(read_regular(path, MOST_JSON_BYTES))
            except (InputError, ValueError, RecursionError):
                continue
            if isinstance(content, dict) and content.get("bundle") == self.identity and has_bitstream(path, content):
                found[path.stem if path.parent == folder else path.parent.name] = content
        return found


def marked(path: Path) -> set[str]:
    """Files under ``results/`` that we wrote, by name."""
    markers = path / MARKERS
    return {str(file.relative_to(markers)) for file in markers.rglob("*") if not file.is_dir()}
