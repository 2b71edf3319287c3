"""The Claims page: the ledger, whole, and by question."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from vae_core.teaching.claims.table import QUESTIONS, rows

APP = str(Path(__file__).parents[2] / "app.py")


def test_ledger_by_question():
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params.update({"dataset": "digits", "hidden": "32"})
    page.run()
    page.switch_page("pages/claims.py").run()
    assert not page.exception
    everything = rows()
    assert sum(len(table.value) for table in page.table) == len(everything)
    page.selectbox[0].set_value(4).run()
    own = [row for row in everything if row["question"] == 4]
    assert len(page.table) == 1 and list(page.table[0].value["Measured"]) == [row["measured"] for row in own]
    assert QUESTIONS[4] in page.markdown[0].value
    page.selectbox[0].set_value(0).run()
    page.toggle[0].set_value(True).run()
    assert sum(len(table.value) for table in page.table) == sum(bool(row["folklore"]) for row in everything) > 3
