"""The Compare page's script: every preset, addresses, the Playground's run, one's own comparison."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from vae_core.run.contrasts import CONTRASTS
from vae_core.ui.server.state import engine
from vae_core.ui.widgets.comparison import comparisons

ADD = "Add the Playground's run"
APP = str(Path(__file__).parents[2] / "app.py")


def open_page(**query: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60)
    page.run()  # a deep link to a page other than the first is not AppTest's
    page.query_params.clear()
    page.query_params.update(query or {"contrast": "noise", "dataset": "digits", "hidden": "16"})
    return page.switch_page("pages/compare.py").run()


def shown(page: AppTest):
    return comparisons()[page.session_state["comparison"]]


def recipes(page: AppTest) -> list:
    return [run.record.recipe for run in shown(page).members]


def test_each_preset_opens_with_one_click():
    page = open_page()
    for preset in CONTRASTS:
        page.pills[0].set_value(preset.name).run()
        assert not page.exception and not page.error and not page.warning
        assert [recipe.dataset for recipe in recipes(page)] == ["digits"] * len(preset.differing)
        for recipe, own in zip(recipes(page), preset.differing, strict=True):
            assert recipe.hidden == (16,) and own.get("rule", recipe.rule) == recipe.rule
        assert shown(page).link() == f"?contrast={preset.name}&dataset=digits&hidden=16"
        assert any(preset.question in text.value for text in page.caption)
    assert len([each for each in comparisons().values() if each.alive]) >= 1


def test_a_rerun_keeps_the_comparison_and_a_second_click_starts_it_again():
    page = open_page()
    first = shown(page).id
    assert shown(page.run()).id == first
    page.pills[0].set_value(None).run()
    assert shown(page).id != first and page.pills[0].value == "noise"
    assert first not in comparisons()  # it has ended


def test_the_links_of_runs():
    page = open_page(run="rule=vae&dataset=digits&hidden=16&knob.beta=4&event=3,noise=0")
    assert "A comparison has 2 to 4 runs; these are 1." in page.warning[0].value
    page = AppTest.from_file(APP, default_timeout=60).run()
    page.query_params.clear()
    page.query_params["run"] = [
        "rule=vae&dataset=digits&hidden=16&seed=2",
        "rule=offset&dataset=digits&hidden=16&seed=2",
    ]
    page.switch_page("pages/compare.py").run()
    assert not page.warning and [(r.rule, r.seed) for r in recipes(page)] == [("vae", 2), ("offset", 2)]
    assert page.pills[0].value is None


@pytest.mark.parametrize(
    ("query", "words", "noises"),
    [
        ({"contrast": "nose"}, "Unknown contrast 'nose'. Did you mean 'noise'?", [1.0, 0.0]),  # the first contrast
        ({"contrast": "beta", "hiden": "8"}, "Unknown setting in the link 'hiden'", [1.0, 1.0, 1.0]),
        ({"contrast": "beta", "seed": "-1"}, "'seed' should be greater than or equal to 0", [1.0, 1.0, 1.0]),
    ],
)
def test_a_bad_address_is_told_and_what_is_good_in_it_opens(query, words, noises):
    page = open_page(**query)
    assert not page.exception and words in page.warning[0].value
    assert ("The rest of the link holds." in page.warning[0].value) == (len(query) > 1)
    assert [recipe.noise for recipe in recipes(page)] == noises


def test_the_playgrounds_run_is_added():
    page = open_page()
    run = engine().runs[page.session_state["run"]]
    if run.record.recipe.dataset != "digits":
        run = engine().open({"dataset": "digits", "hidden": (16,), "knobs": {"beta": 4.0}})
        page.session_state["run"] = run.id
        page.run()
    button(page, ADD).click().run()
    assert not page.exception and not page.error, page.error
    assert [r.knobs["beta"] for r in recipes(page)] == [1.0, 1.0, 4.0] and shown(page).link().count("run=") == 3
    button(page, ADD).click().run()
    assert len(recipes(page)) == 4 and button(page, ADD).disabled


def test_another_data_set_is_refused_and_the_comparison_stays():
    page = open_page()
    first = shown(page).id
    page.session_state["run"] = engine().open({"dataset": "digits"}).id
    engine().runs[page.session_state["run"]].record.recipe = recipes(page)[0].model_copy(update={"dataset": "nowhere"})
    page.run()
    button(page, ADD).click().run()
    assert "Unknown data set 'nowhere'" in page.error[0].value and shown(page).id == first


def test_vary_one_setting():
    page = open_page()
    page.text_input(key="vary_knob.beta").set_value("0.5, 2 8")
    submit(page)
    assert not page.error and [recipe.knobs["beta"] for recipe in recipes(page)] == [0.5, 2.0, 8.0]
    assert page.pills[0].value is None
    page.selectbox(key="vary_setting").select("hidden").run()
    page.text_input(key="vary_hidden").set_value("8 16-8")
    submit(page)
    assert [recipe.hidden for recipe in recipes(page)] == [(8,), (16, 8)]
    page.selectbox(key="vary_setting").select("rule").run()
    page.multiselect[0].set_value(["vae", "mean_only", "flow"])
    submit(page)
    assert [recipe.rule for recipe in recipes(page)] == ["vae", "mean_only", "flow"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("1", "A comparison has 2 to 4 runs; these are 1."),
        ("1 2 3 4 5", "these are 5"),
        ("1 many", "'beta' of rule 'vae' should be a valid number"),
        ("1 99", "'beta' of rule 'vae' should be less than or equal to 20"),
    ],
)
def test_bad_values_get_a_sentence_and_the_comparison_stays(values, words):
    page = open_page()
    first = shown(page).id
    page.text_input(key="vary_knob.beta").set_value(values)
    submit(page)
    assert not page.exception and words in page.error[0].value and shown(page).id == first


def submit(page: AppTest) -> None:
    button(page, "Compare").click().run()


def button(page: AppTest, label: str):
    return next(each for each in page.button if each.label == label)


def test_a_sweep_runs_to_its_end():
    page = open_page()
    page.segmented_control(key="compare_view").set_value("sweep").run()
    assert not page.exception and "whose rule is VAE" in page.caption[-1].value
    page.number_input(key="sweep_low_knob.beta").set_value(0.5)
    page.number_input(key="sweep_high_knob.beta").set_value(8.0)
    page.number_input(key="sweep_count").set_value(3)
    page.number_input(key="sweep_steps").set_value(20)
    button(page, "Start").click().run()
    assert not page.exception and not page.error
    sweep = page.session_state["compare_sweep"][0]
    assert sweep.values == [0.5, 2.0, 8.0]
    sweep.join(120)
    page.run()
    assert not page.exception and sweep.status == "done" and button(page, "Cancel").disabled


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (5.0, 1.0, "The range should end above its start"),
        (0.0, 1.0, "A logarithmic range should start above 0"),
        (1.0, 50.0, "'beta' of rule 'vae' should be less than or equal to 20"),
    ],
)
def test_a_bad_range_gets_a_sentence(low, high, words):
    page = open_page()
    page.segmented_control(key="compare_view").set_value("sweep").run()
    page.number_input(key="sweep_low_knob.beta").set_value(low)
    page.number_input(key="sweep_high_knob.beta").set_value(high)
    button(page, "Start").click().run()
    assert not page.exception and words in page.error[0].value and "compare_sweep" not in page.session_state


def test_every_number_can_be_swept():
    from vae_core.ui.widgets.sweep_form import FIELDS, settings

    for rule in engine().rules():
        known = settings(rule["name"])
        assert set(FIELDS) <= set(known) and all(low < high for _, low, high, *_ in known.values())
        for name, (_, low, _, log, _) in known.items():
            assert low > 0 or not log, name
