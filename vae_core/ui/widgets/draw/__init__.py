"""The parts of the Draw page: `tool` (the canvas and what the model makes of the drawing) and `walk` (its two ends)."""
