"""What the long measurements of the lessons found, see `vae_core.teaching.studies`."""

from collections.abc import Callable, Mapping, Sequence
from statistics import mean
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

HEIGHT = 420
COLOURS = {"autoencoder": "#d55e00", "vae": "#0072b2", "moment_matching": "#009e73"}  # Okabe and Ito's
TITLES = {"autoencoder": "autoencoder", "vae": "VAE", "moment_matching": "moment matching"}

Row = Mapping[str, Any]
Measure = Callable[[Row], float]

# Of `vae_core.teaching.studies.sizes`: panel -> what is read off the looks at a run, best first or last.
SIZES: dict[str, tuple[str, int]] = {
    "Reconstruction of unseen images, nats": ("reconstruction", 1),
    "−log p(x) under the best own prior, nats": ("best", -1),
    "−log p(x) under N(0, I), nats": ("standard", -1),
}


def sizes_figure(rows: Sequence[Row]) -> go.Figure:
    """Over the number of training images: unseen images at a run's best step (dashed) and at its end, means over
    seeds; bars reach from the lowest to the highest."""
    figure = make_subplots(1, len(SIZES), subplot_titles=list(SIZES), horizontal_spacing=0.06)
    sizes = sorted({row["train_size"] for row in rows})
    for column, (name, sign) in enumerate(SIZES.values(), 1):
        for rule in ("autoencoder", "vae"):
            for words, dash, of in (("at the end", "solid", last), ("at the best step", "dash", best)):
                values = [[of(row, name, sign) for row in of_cell(rows, rule=rule, train_size=size)] for size in sizes]
                line(figure, column, sizes, values, f"{TITLES[rule]}, {words}", COLOURS[rule], dash)
        if name == "reconstruction":
            of_mean = [[row["mean_image"] for row in of_cell(rows, train_size=size)] for size in sizes]
            line(figure, column, sizes, of_mean, "mean training image", "#888888", "dot")
    figure.update_xaxes(type="log", title="training images", tickvals=[20, 200, 2_000, 20_000], tickformat=",")
    figure.update_yaxes(type="log", tickvals=[*range(120, 200, 20), *range(200, 400, 50), *range(400, 1000, 100)])
    return laid_out(figure)


def of_cell(rows: Sequence[Row], **cell: Any) -> list[Row]:
    """The rows of a cell, one for each seed."""
    return [row for row in rows if all(row[name] == value for name, value in cell.items())]


def last(row: Row, name: str, sign: int) -> float:
    """A measure at the end of a run; in nats that are better when lower."""
    return sign * row[name][-1]


def best(row: Row, name: str, sign: int) -> float:
    """A measure at the step at which it is best."""
    return min(sign * value for value in row[name])


# Of `vae_core.teaching.studies.moved`: panel -> name of the percentiles.
MOVED = {"moved by a pixel": "shifted", "turned by ten degrees": "turned"}
WIDTHS = {20: 1.2, 200: 2.0, 2_000: 3.0, 60_000: 4.5}  # of lines, by training images


def moved_figure(rows: Sequence[Row]) -> go.Figure:
    """Over the percentile of unseen images: how many of 100 others their code passes when they are moved; thicker
    lines were trained on more images."""
    titles = [f"Others passed, of 100, when {words}" for words in MOVED]
    figure = make_subplots(1, 2, subplot_titles=titles, horizontal_spacing=0.06)
    for column, name in enumerate(MOVED.values(), 1):
        for rule in ("autoencoder", "vae"):
            for size, width in WIDTHS.items():
                own = of_cell(rows, rule=rule, train_size=size)
                values = [[row[name][k] for row in own] for k in range(len(own[0]["levels"]))] if own else []
                places = own[0]["levels"] if own else []
                line(figure, column, places, values, f"{TITLES[rule]}, {size:,} images", COLOURS[rule], "solid", width)
    figure.update_xaxes(title="percentile of unseen images", tickvals=[50, 75, 90, 95, 99])
    return laid_out(figure)


# Of `vae_core.teaching.studies.dimensions`: panel -> what is read off a row.
DIMENSIONS: dict[str, Measure] = {
    "−log p(x) under the best own prior, nats": lambda row: min(-p["log_marginal"] for p in row["priors"].values()),
    "−log p(x) under N(0, I), nats": lambda row: -row["priors"]["N(0, I)"]["log_marginal"],
    "How sure the classifier is of samples of N(0, I)": lambda row: row["priors"]["N(0, I)"]["sure"],
}


def dimensions_figure(rows: Sequence[Row]) -> go.Figure:
    """Over the number of latent dimensions: each rule trained gently, and (dotted) as on the plane."""
    figure = make_subplots(1, len(DIMENSIONS), subplot_titles=list(DIMENSIONS), horizontal_spacing=0.06)
    dimensions = sorted({row["dimensions"] for row in rows})
    for column, measure in enumerate(DIMENSIONS.values(), 1):
        for rule in COLOURS:
            for training, dash in (("gentle", "solid"), ("as on the plane", "dot")):
                cells = [of_cell(rows, rule=rule, dimensions=d, training=training) for d in dimensions]
                values = [[measure(row) for row in seeds] for seeds in cells]
                line(figure, column, dimensions, values, f"{TITLES[rule]}, {training}", COLOURS[rule], dash)
    figure.update_xaxes(type="log", title="latent dimensions", tickvals=dimensions)
    return laid_out(figure)


def line(
    figure: go.Figure,
    column: int,
    places: Sequence[float],
    values: Sequence[Sequence[float]],
    name: str,
    colour: str,
    dash: str,
    width: float = 2.5,
) -> None:
    """One line of means over seeds, with bars from the lowest to the highest; places without a value are left out."""
    known = [(x, seeds) for x, seeds in zip(places, values, strict=True) if seeds]
    centres = [mean(seeds) for _, seeds in known]
    figure.add_scatter(
        x=[x for x, _ in known],
        y=centres,
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [max(seeds) - centre for (_, seeds), centre in zip(known, centres, strict=True)],
            "arrayminus": [centre - min(seeds) for (_, seeds), centre in zip(known, centres, strict=True)],
            "thickness": 1,
            "width": 3,
        },
        name=name,
        legendgroup=name,
        showlegend=column == 1,
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": width},
        marker={"size": 7},
        hovertemplate=f"%{{x:,}}: %{{y:.4g}}<extra>{name}</extra>",
        row=1,
        col=column,
    )


def laid_out(figure: go.Figure) -> go.Figure:
    """Panels side by side with one legend below."""
    figure.update_layout(
        height=HEIGHT, margin={"l": 8, "r": 8, "t": 40, "b": 8}, legend={"orientation": "h", "y": -0.22}
    )
    figure.update_annotations(font_size=14)
    return figure
