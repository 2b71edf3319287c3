"""The only part of vae_core that knows Streamlit: the live component, its stream, and the engine's keeper."""

from pathlib import Path

ICON, LOGO = (Path(__file__).parent / name for name in ("icon.svg", "logo.svg"))
