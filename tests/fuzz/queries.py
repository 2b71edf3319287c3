"""Made-up queries of links: half of them sound, the others with one or two things in them that are not."""

from hypothesis import strategies as st

from vae_core.rules import discover
from vae_core.run.link import write
from vae_core.run.recipe import Recipe

FIELDS = [name for name in Recipe.model_fields if name != "knobs"]
KNOBS = sorted({name for rule in discover().values() for name in rule.Knobs.model_fields})
SOUND = {
    "noise": ("0", "0.5", "1"),
    "seed": ("0", "7", "2147483647"),
    "hidden": ("8", "32-16", "8-8-8"),
    "activation": ("silu", "relu", "tanh", "gelu"),
    "batch_size": ("1", "16", "64"),
    "train_size": ("1", "10", "1797"),
    "learning_rate": ("0.001", "0.01"),
    "likelihood": ("bernoulli", "gaussian"),
    "deviation": ("0.2", "1"),
    "pixels": ("grey", "binarized"),
    "wider": ("true", "false"),
    "encoders": ("1", "3"),
    "points": ("10", "300"),
}
NASTY = [
    "", " ", "nan", "inf", "-inf", "1e400", "1e-400", "-0", "0x10", "1_000", "٣", "½", "9" * 5000, "1e5000", "\x00",
    "\n", "😀", "<b>x</b>", "../../etc/passwd", "true", "None", "[]", "{}", "-", "--", "1-", "1-2-3-4-5-6-7-8", "=",
    ",", ",,,", "rule=", "x=y=z", "a" * 3000, "\u202e", "%00", "2147483648", "1" * 400, "4096-4096-4096-4096-4096-4096",
]  # fmt: skip
sound = st.sampled_from([(name, value) for name, several in SOUND.items() for value in several])
values = st.sampled_from(NASTY) | st.text(max_size=12) | st.floats().map(str) | st.integers(-(10**12), 10**12).map(str)
values = values | sound.map(lambda pair: pair[1]) | st.sampled_from(sorted(discover()))
names = st.sampled_from([*FIELDS, *("knob." + name for name in KNOBS), "points", "knob.", "event", "knobs"])
names = names | st.text(max_size=8)
settings = st.tuples(st.sampled_from(["rule", "noise", *KNOBS]) | st.text(max_size=5), values).map("=".join)
steps = st.integers(-5, 10**6).map(str) | st.sampled_from(NASTY)
events = st.tuples(steps, st.lists(settings, max_size=3)).map(lambda parts: ",".join([parts[0], *parts[1]])) | values
sound_events = st.tuples(
    st.integers(0, 4), st.sampled_from(["noise=0", "noise=0.5", *map("rule={}".format, discover())])
)
sound_events = sound_events.map(lambda parts: f"{parts[0]},{parts[1]}")


@st.composite
def queries(draw) -> dict[str, list[str]]:
    """Name -> values, as of a URL."""
    rule = draw(st.sampled_from(sorted(discover())))
    knobs = discover()[rule].Knobs().model_dump()
    query = {"dataset": ["digits"], "hidden": ["8"], "rule": [rule]}
    query |= {name: [value] for name, value in draw(st.lists(sound, max_size=4))}
    query |= {f"knob.{name}": [write(value)] for name, value in knobs.items() if draw(st.booleans())}
    query["event"] = draw(st.lists(sound_events, max_size=3))
    for _ in range(draw(st.integers(0, 2))):
        name = draw(names)
        query[name] = draw(st.lists(events if name == "event" else values, min_size=1, max_size=3))
    return query
