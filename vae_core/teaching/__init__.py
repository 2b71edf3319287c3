"""What is taught: lessons, the claims that they make about runs, and scripts that stand alone.

`lessons` are Markdown files, one for each question, read without torch. Every sentence in them that says something of
runs names a claim of `claims`, which measures it; the ledger holds what was measured last. `scripts` writes a run as
one file in PyTorch or Keras, from templates.

This room imports `analysis`, `exact`, `trainer` and what lies below. Open `lessons/1_noise.md` first, then
`claims/randomness.py`, which measures what it says.
"""
