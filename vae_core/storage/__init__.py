"""Runs on disk and as files: a library of kept ones, a store of those in progress, and exports.

`Library` keeps what a user saves, `Store` what the server needs after a restart, with `Notes` of what is open. A whole
run travels as a zip (`archive`), which `inspection` looks through before it is kept. Metrics go out as CSV (`export`),
networks as safetensors and ONNX (`networks`), a run as one page of charts (`report`).

This room imports `run`, `figures`, `data` and, where it must have networks or check knobs, `trainer`. At import nothing
here loads torch but `networks`. Open `library.py` first.
"""

from vae_core.storage.export import ExportError
from vae_core.storage.library import Library, LibraryError
from vae_core.storage.store import Store

__all__ = ["ExportError", "Library", "LibraryError", "Store"]
