"""The parts of the Microscope page: `image` (one image), `codes` (all codes) and `decoder` (the decoder as a field).

`views` asks the run for what they show, `which` chooses the image.
"""
