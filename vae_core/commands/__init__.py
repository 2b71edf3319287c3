"""The commands of ``python -m vae_core``: one file, one command. ``noise-lab`` is `app` alone.

Each has `HELP`, `add_options` and `execute`, and is found by its name in `vae_core.__main__`. Torch is loaded by the
commands that train, when they are run; Streamlit by none, but that `app` hands over to it.

This room imports `teaching`, `storage`, `trainer` and what lies below, and no worker. Open `train.py` first.
"""
