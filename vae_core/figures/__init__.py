"""What the pages show as charts: pure functions of a frame or a view (plain numpy) to a Plotly figure.

One file for each view of `vae_core.analysis.views`, with the plane's axes and circles in `plane` and the colours in
`colours`. `thumbnail` and `drawing` make a picture and bytes, and need no Plotly.

This room imports `run` alone and computes nothing that a claim rests on. Nothing is loaded here by itself, as Plotly
takes a while. Open `plane.py` first.
"""
