"""Colours of classes, circles and lines, for charts and for pictures that need no plotly."""

# Petroff (2021), ten colours that colour-blind people tell apart.
CLASSES = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip


GRID, CIRCLE = "rgba(128,128,128,0.45)", "#e8590c"
CLEAR = "rgba(0,0,0,0)"
