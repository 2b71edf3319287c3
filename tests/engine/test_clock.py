"""Seconds of training at each kept step."""

from vae_core.engine.clock import Clock


def marked(steps, seconds=1.0) -> Clock:
    clock = Clock()
    for step in steps:
        clock.passed(seconds)
        clock.mark(step, steps)
    return clock


def test_a_step_has_the_seconds_at_which_it_was_reached():
    clock = marked(range(10, 60, 10))
    assert clock.seconds == 5 and [clock.at(step) for step in (10, 30, 50)] == [1, 3, 5]
    assert clock.at(35) == 3 and clock.at(5) == 0  # between two, the one before


def test_what_is_stored_has_a_number_for_each_step():
    clock = marked([1, 2], 0.12345)
    assert clock.of([1, 2, 3]) == {1: 0.123, 2: 0.247, 3: 0.0}
    assert Clock(clock.of([1, 2])).seconds == 0.247


def test_another_one_shares_the_past_and_goes_on_by_itself():
    clock = marked([10, 20, 30])
    child = clock.fork(20)
    child.passed(5.0)
    child.mark(25, [25])
    assert child.seconds == 7 and clock.seconds == 3 and clock.at(25) == 2 and child.at(25) == 7


def test_steps_that_are_not_kept_are_forgotten():
    clock = Clock()
    for step in range(1000):
        clock.passed(1.0)
        clock.mark(step, [0, 500, step])
    assert clock.at(0) == 1 and clock.at(500) == 501 and clock.at(999) == 1000
    assert clock.at(400) in (1, 401)  # thinned now and then
