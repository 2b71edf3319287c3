"""What several pages do alike: words for the next run, pictures again while something goes on."""

from streamlit.testing.v1 import AppTest


def notices():
    import streamlit as st

    from vae_core.ui.widgets.notice import Notice
    from vae_core.workers.errors import LaneError

    def refuse(words):
        raise LaneError(words)

    notice, loud = Notice("one"), Notice("other", str.upper)
    notice.show()
    loud.show()
    st.button("refused", on_click=lambda: notice.attempt(refuse, "No."))
    st.button("refused loudly", on_click=lambda: loud.attempt(refuse, "No."))
    st.button("done", on_click=lambda: notice.attempt(list) and notice.say("success", "It is done."))
    st.button("broken", on_click=lambda: notice.attempt(len, 1))


def click(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def test_what_was_refused_is_said_once_at_the_next_run():
    page = AppTest.from_function(notices).run()
    assert click(page, "refused").error[0].value == "No."
    assert not page.run().error and not page.exception
    assert click(page, "refused loudly").error[0].value == "NO."
    page = click(page, "done")
    assert page.success[0].value == "It is done." and not page.error


def test_a_mistake_in_the_code_is_not_hidden_as_a_refusal():
    page = click(AppTest.from_function(notices).run(), "broken")
    assert page.exception and not page.error


def pictures():
    import streamlit as st

    from vae_core.ui.widgets.clock import follow
    from vae_core.workers.errors import LaneError

    state = st.session_state
    state.setdefault("going", True)
    state["runs"] = state.get("runs", 0) + 1

    def picture():
        if state.get("fails"):
            raise LaneError("It has no memory left.")
        st.caption("seen")
        state["going"] = state.get("goes_on", False)

    follow(lambda: state["going"], 5.0, picture)


def test_the_page_runs_once_more_when_what_it_follows_has_ended():
    page = AppTest.from_function(pictures).run()
    assert page.session_state["runs"] == 2 and [caption.value for caption in page.caption] == ["seen"]
    page.session_state["going"] = page.session_state["goes_on"] = True
    page.run()
    assert page.session_state["runs"] == 3


def test_a_picture_that_is_refused_is_said_in_its_place():
    page = AppTest.from_function(pictures)
    page.session_state["fails"] = True
    page.run()
    assert page.error[0].value == "It has no memory left." and not page.exception
