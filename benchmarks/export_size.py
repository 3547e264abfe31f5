"""How long the export of large networks takes, and how much memory: JK of 512 and 1,024 units, a chain of 300 layers.

Run from the repository: ``python benchmarks/export_size.py``. A minute or two on two cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import save

MAKE = """
import os; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
from ffhw.training.layers.jk import JK
L = keras.layers
keras.utils.set_random_seed(1)
for units in (512, 1024):
    keras.Sequential([L.Input((None, 16)), JK(units), L.Dense(10)]).save(f"jk_{units}.keras")
keras.Sequential([L.Input((None, 8)), JK(8), *(L.Dense(8) for _ in range(299))]).save("layers_300.keras")
"""


def measure(model: Path) -> dict[str, object]:
    """Seconds and peak memory of one export, as a process of its own."""
    begin = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "ffhw", "export", str(model), "-o", str(model.with_suffix(""))],
                               stdout=subprocess.DEVNULL)  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return {
        "model": model.stem,
        "seconds": round(time.monotonic() - begin, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mib": used.ru_maxrss >> 10,
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.executable, "-c", MAKE], cwd=name, check=True, stderr=subprocess.DEVNULL)
        rows = [measure(path) for path in sorted(Path(name).glob("*.keras"))]
    save("export_size", {"rows": rows})
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()
