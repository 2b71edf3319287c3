"""The commands of ``python -m vae_core``: one file, one command.

Each has `HELP`, `add_options` and `execute`, and is found by its name in `vae_core.__main__`. Torch is loaded by the
commands that train, when they are run.

This room imports `teaching`, `storage`, `trainer` and what lies below, and no worker. Open `train.py` first.
"""
