"""What the benchmark scripts share."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ffhw.files import write_atomic

HERE = Path(__file__).parent


def kept(name: str, key: str = "rows") -> list[Any]:
    """What a benchmark's file holds of an earlier run: nothing where there is no file."""
    path = HERE / f"{name}.json"
    return json.loads(path.read_text())[key] if path.exists() else []  # type: ignore[no-any-return]


def save(name: str, content: dict[str, Any]) -> None:
    """Write a benchmark's figures beside its script."""
    write_atomic(HERE / f"{name}.json", json.dumps(content, indent=2) + "\n")
    print(f"wrote benchmarks/{name}.json", file=sys.stderr)
