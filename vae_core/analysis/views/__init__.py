"""What the pages beside the stage show of a run: functions of a trainer, computed in the lane.

Each returns plain numpy; pages draw it by `vae_core.figures`, and compute nothing.
"""

from collections.abc import Callable
from typing import Any

from vae_core.analysis.views.drawing import draw_page, encode_drawing, nearest_training, walk
from vae_core.analysis.views.exact import microscope, microscope_bounds, together, wrong_about, yardstick
from vae_core.analysis.views.export import decoder_file, recording_check, run_state, weights_file
from vae_core.analysis.views.fields import class_field, code_quality, holes, line_change, smoothness_field
from vae_core.analysis.views.flows import flow_density, flow_samples, flow_way
from vae_core.analysis.views.live import live_exact
from vae_core.analysis.views.offset import encoder_members, offset_codes, offset_gap, offset_merged, offset_twice
from vae_core.analysis.views.sweep import probe_marginal

# By their names, as a page asks a lane for them.
VIEWS: dict[str, Callable[..., Any]] = {
    view.__name__: view
    for view in (
        class_field,
        code_quality,
        decoder_file,
        draw_page,
        encode_drawing,
        encoder_members,
        flow_density,
        flow_samples,
        flow_way,
        holes,
        line_change,
        live_exact,
        microscope,
        microscope_bounds,
        nearest_training,
        offset_codes,
        offset_gap,
        offset_merged,
        offset_twice,
        probe_marginal,
        recording_check,
        run_state,
        smoothness_field,
        together,
        walk,
        weights_file,
        wrong_about,
        yardstick,
    )
}
