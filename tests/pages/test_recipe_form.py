"""The form for a new run: what is chosen there is what the new run is made of."""

from tests.pages.test_playground import open_page, run_of


def test_all_options_reach_the_new_run():
    page = open_page(train_size="500")
    page.sidebar.select_slider[0].set_value(10)
    chosen = {"Activation": "relu", "Pixels": "binarized", "Likelihood of a pixel": "gaussian"}
    for group in page.sidebar.button_group:
        group.set_value(chosen[group.label])
    page.sidebar.slider[0].set_value(3)
    deviation = next(field for field in page.sidebar.number_input if field.label.startswith("Deviation"))
    deviation.set_value(0.3)
    page.button[0].click().run()
    assert not page.exception and not page.error
    recipe = run_of(page).record.recipe
    assert (recipe.train_size, recipe.activation, recipe.encoders) == (10, "relu", 3)
    assert (recipe.pixels, recipe.likelihood, recipe.deviation) == ("binarized", "gaussian", 0.3)


def test_training_images_from_10_to_60000():
    options = open_page().sidebar.select_slider[0].options
    assert (options[0], options[-1]) == ("10", "60000")


def test_the_form_is_filled_from_a_link():
    page = open_page(pixels="binarized", likelihood="gaussian", deviation="0.15", encoders="2")
    assert not page.exception and not page.warning
    recipe = run_of(page).record.recipe
    assert (recipe.pixels, recipe.likelihood, recipe.deviation, recipe.encoders) == ("binarized", "gaussian", 0.15, 2)
    assert page.sidebar.slider[0].value == 2 and page.sidebar.expander[0].proto.expanded
