"""What is measured of a trained run besides its frames, and the views that pages ask for.

Codes and what they are good for (`codes`, `holes`, `label_accuracy`), the plane as a field (`fields`, `classifier`),
ways through it (`walks`), all measures side by side (`assessment`). In `views` each function takes a trainer and gives
plain numpy for a page: a lane calls it by the name of its file and its own.

This room imports `exact`, `storage`, `trainer` and what lies below. Nothing is loaded here by itself; open `codes.py`
first, then one of `views`.
"""
