"""The component that shows a comparison, and which comparison a browser tab is looking at."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import streamlit as st

from vae_core.data import DataError
from vae_core.engine.lockstep import Lockstep
from vae_core.engine.player import LiveRun
from vae_core.run.contrasts import CONTRAST, RUN, Plan, plans_of, question_of
from vae_core.run.link import is_ours
from vae_core.run.recipe import Recipe
from vae_core.run.recording import changes
from vae_core.ui.server.address import LAB
from vae_core.ui.server.files import loader
from vae_core.ui.server.state import comparisons, engine
from vae_core.ui.widgets.session import REST_HOLDS, fetch, owner, without_one
from vae_core.ui.widgets.session import RUN as RUN_OF_TAB
from vae_core.workers.errors import LaneError, Refused

# In the session state: the comparison's id, its contrast's name, the other fields of its address, what was wrong there.
SHOWN, CHOSEN, FIELDS, COMPLAINT = "comparison", "comparison_contrast", "comparison_fields", "comparison_complaint"
FIRST = "noise"  # the contrast of an empty address

_component = st.components.v2.component(
    "noise_lab_comparison",
    html="<div class='lab'></div>\n<!-- filled by comparison/main.js -->",
    js=loader("comparison/main.js"),
)


def comparison(shown: Lockstep, *, key: str) -> None:
    """Show a comparison."""
    data = {"socket": f"{LAB}/compare/{shown.id}"}
    _component(key=key, data=data, on_gone_change=lambda: None)  # the script runs again, and opens another


def current_comparison() -> tuple[Lockstep, str | None]:
    """The tab's comparison, and a sentence if its address could not be opened as it is.

    A new tab opens what its address holds, or the first contrast.
    """
    shown = comparisons().get(st.session_state.get(SHOWN, ""))
    if shown is not None and shown.alive:
        return shown, st.session_state.get(COMPLAINT)
    query: dict[str, Sequence[str]] = {name: st.query_params.get_all(name) for name in st.query_params}
    complaint = None
    parts = list(without_one(query))
    attempts: list[dict[str, Sequence[str]]] = [query, *parts, {}, {"dataset": ["digits"]}]  # if MNIST cannot be read
    for attempt in attempts:
        try:
            shown = open_address(attempt)
        except LaneError as error:
            if not isinstance(error, Refused):
                st.error(str(error), title="The engine did not start")
                st.stop()
            complaint = complaint or str(error)
        except (ValueError, DataError) as error:
            complaint = complaint or str(error)
        else:
            complaint = f"{complaint} {REST_HOLDS}" if attempt in parts else complaint
            break
    else:
        st.error(str(complaint))
        st.stop()
    st.session_state[COMPLAINT] = complaint
    return shown, complaint


def open_address(query: Mapping[str, Sequence[str]]) -> Lockstep:
    """Give the tab what an address holds: ``contrast=beta&dataset=digits``, or the link of each run.

    Raises:
        LaneError, RecipeError, DataError: it cannot be; the tab keeps the comparison that it has.
    """
    if RUN not in query:
        query = {CONTRAST: [FIRST], **query}
    ours = {name: values for name, values in query.items() if name in (CONTRAST, RUN) or is_ours(name)}
    shown = open_comparison(plans_of(query), question_of(query), urlencode(ours, doseq=True))
    st.session_state[CHOSEN] = query.get(CONTRAST, [None])[-1]
    st.session_state[FIELDS] = {name: values for name, values in ours.items() if name not in (CONTRAST, RUN)}
    return shown


def open_contrast(name: str) -> Lockstep:
    """Give the tab a preset, on the data set and with the other fields that its address asked for."""
    return open_address({CONTRAST: [name], **st.session_state.get(FIELDS, {})})


def open_comparison(plans: Sequence[Plan], question: str = "", origin: str = "") -> Lockstep:
    """Give the tab a comparison; the one that it had ends. Raises as `open_address`."""
    for dataset in {recipe.get("dataset", Recipe.model_fields["dataset"].default) for recipe, _ in plans}:
        fetch(dataset)
    shown = Lockstep(engine(), plans, question=question, origin=origin, owner=owner())
    known = comparisons()
    for old in [each for each in known.values() if not each.alive or each.id == st.session_state.get(SHOWN)]:
        known.pop(old.id, None)
        old.end()
    known[shown.id] = shown
    st.session_state[SHOWN], st.session_state[CHOSEN], st.session_state[COMPLAINT] = shown.id, None, None
    return shown


def playground_run() -> LiveRun | None:
    """The run of this tab's Playground, if it has one."""
    return engine().runs.get(st.session_state.get(RUN_OF_TAB, ""))


def add_playground_run(shown: Lockstep) -> Lockstep:
    """Give the tab the same comparison with one more run; all start again. Raises as `open_address`."""
    if (run := playground_run()) is None:  # it was closed since the button was shown
        return shown
    plans = [*shown.plans(), (run.record.recipe.model_dump(), changes(run.record.recipe, run.record.events))]
    return open_comparison(plans, shown.question)
