"""Requests by number, until their answers come back."""

import pytest

from vae_core.workers.errors import LaneLost, Refused
from vae_core.workers.messages import Preview
from vae_core.workers.tickets import Tickets


def test_answers_reach_who_asked_in_any_order():
    tickets = Tickets()
    (first, one), (second, two) = tickets.issue(), tickets.issue()
    assert first != second and len(tickets) == 2
    tickets.settle(second, "two")
    assert two.result(0) == "two" and not one.done() and len(tickets) == 1
    tickets.settle(first, None)
    assert one.done() and one.result(0) is None and not len(tickets)


def test_errors_are_raised_where_the_answer_is_read():
    tickets = Tickets()
    number, future = tickets.issue()
    tickets.settle(number, Refused("no"))
    with pytest.raises(Refused, match="no"):
        future.result(0)


def test_previews_come_before_the_answer_and_settle_nothing():
    tickets, seen = Tickets(), []
    number, future = tickets.issue(seen.append)
    tickets.settle(number, Preview(b"1"))
    tickets.settle(number, Preview(b"2"))
    assert seen == [b"1", b"2"] and not future.done()
    tickets.settle(number, "answer")
    assert future.result(0) == "answer"


def test_a_preview_that_nobody_takes_is_left_out():
    tickets = Tickets()
    number, future = tickets.issue()
    tickets.settle(number, Preview(b"1"))
    assert not future.done()


def test_those_who_wait_when_the_other_process_ends_are_given_back_once():
    tickets = Tickets()
    futures = [tickets.issue()[1] for _ in range(3)]
    assert tickets.take_all() == futures and tickets.take_all() == []
    number, later = tickets.issue()
    for future in futures:
        future.set_exception(LaneLost())
    tickets.settle(number, "later")
    assert later.result(0) == "later"


def test_a_callback_may_ask_again():
    tickets, asked = Tickets(), []
    number, future = tickets.issue()
    future.add_done_callback(lambda done: asked.append(tickets.issue()))
    tickets.settle(number, "answer")
    assert len(asked) == 1 and len(tickets) == 1
