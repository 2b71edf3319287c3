"""The commands of ``python -m vae_core``: one file, one command."""
