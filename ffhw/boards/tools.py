"""Running the tools of the flow: where they are, where they keep what they compile of themselves, what they say."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import shutil
import sys
import time
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from ffhw.errors import ToolError
from ffhw.processes import run
from ffhw.yowasp import cache_environment, cache_folder

Step = Callable[[str], None]
# Seconds between two looks at a tool's log.
_INTERVAL = 1.0
# Characters of a log line that are shown.
_SHOWN = 70


class ToolFailed(ToolError):
    """A tool ended with an error; ``log`` is all it wrote."""

    log = ""


@dataclasses.dataclass(frozen=True)
class Toolbox:
    """Runs tools in one folder.

    Parameters
    ----------
    folder: their working folder; the tools see nothing else and write relative to it.
    step: told what begins. note: told now and then how far it is.
    """

    folder: Path
    step: Step
    note: Step

    def run(self, program: str, arguments: tuple[str, ...], log: str) -> str:
        """All that a tool writes, which also stands in a file ``log`` of the folder as it comes.

        Raises
        ------
        ToolError: the tool is missing. ToolFailed: it ended with an error.
        """
        executable = find(program)
        environment: dict[str, str] = {}
        if first_use(program):
            environment = cache_environment(self.folder)
            if environment:
                self.step(f"{cache_folder()} cannot be written: {program} compiles itself for this run only")
            self.step(f"{program} (its first use compiles it, a minute or two)")
        else:
            self.step(program)
        file = self.folder / log
        code = _start([executable, *arguments], self.folder, environment, file, self._watch(file))
        text = file.read_text(errors="replace")
        if code == 0:
            return text
        errors = [line.strip() for line in text.splitlines() if "ERROR" in line]
        failure = ToolFailed(f"{program} failed: {(errors or text.strip().splitlines() or ['no message'])[-1]}")
        failure.log = text
        raise failure

    def _watch(self, log: Path) -> Callable[[], None]:
        """Called while a tool runs, tells its log's last line now and then, with the time that went by."""
        begin = told = time.monotonic()

        def look() -> None:
            nonlocal told
            now = time.monotonic()
            line = last_line(log)
            if line and now - told >= _INTERVAL:
                self.note(f"{now - begin:.0f} s: {line}")
                told = now

        return look


def last_line(log: Path) -> str:
    """What a log says last, in few words; empty if it says nothing."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    texts = [line.removeprefix("Info:").strip() for line in lines if line.removeprefix("Info:").strip()]
    return texts[-1][:_SHOWN] if texts else ""


def find(program: str) -> str:
    """Path of a tool: beside this Python, or anywhere on the path.

    Raises
    ------
    ToolError: it is missing.
    """
    executable = shutil.which(program, path=str(Path(sys.executable).parent)) or shutil.which(program)
    if executable is None:
        raise ToolError(f"{program} is missing: pip install 'ffhw[synth]'")
    return executable


def first_use(program: str) -> bool:
    """Whether a tool's WebAssembly has yet to be compiled on this machine; False for a tool that has none."""
    found = [entry for entry in entry_points(group="console_scripts", name=program) if program.startswith("yowasp-")]
    if not found:
        return False
    package = found[0].module
    spec = importlib.util.find_spec(package)
    module = f"{program.removeprefix('yowasp-')}.wasm"
    path = Path(spec.origin).with_name(module) if spec and spec.origin else None
    if path is None or not path.is_file():
        return False
    digest = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
    return not (cache_folder() / package / module / digest).is_file()


def _start(command: list[str], folder: Path, environment: dict[str, str], log: Path, tick: Callable[[], None]) -> int:
    """Exit code of a program, with some variables added to ours; the one place of the flow that starts any."""
    return run(command, cwd=folder, env=environment, log=log, tick=tick).returncode
