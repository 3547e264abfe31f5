"""Bundles that were changed and sealed again: what a liar's bundle looks like."""

from __future__ import annotations

import hashlib
import json


def reseal(path, change):
    """Change files of a bundle and make its manifest say that they were always so."""
    change(path)
    manifest = json.loads((path / "manifest.json").read_text())
    for name in manifest["files"]:
        if (path / name).is_file():
            manifest["files"][name] = hashlib.sha256((path / name).read_bytes()).hexdigest()
    write_manifest(path, manifest)


def write_manifest(path, manifest):
    digests = json.dumps(manifest["files"], sort_keys=True).encode()
    manifest["identity"] = hashlib.sha256(digests).hexdigest()
    (path / "manifest.json").write_text(json.dumps(manifest))
