"""What the benchmark scripts share."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ffhw.files import write_atomic

HERE = Path(__file__).parent


def save(name: str, content: dict[str, Any]) -> None:
    """Write a benchmark's figures beside its script."""
    write_atomic(HERE / f"{name}.json", json.dumps(content, indent=2) + "\n")
    print(f"wrote benchmarks/{name}.json", file=sys.stderr)
