"""What browsers send is read by its type, and the JavaScript has the same messages."""

import json
import time

import pytest

from vae_core.ui.server import messages, messages_js
from vae_core.ui.server.messages import OF_COMPARISON, OF_ROOM, OF_RUN, Malformed, Switch, read


def test_the_javascript_has_the_messages_of_today():
    """If not: ``python -m vae_core.ui.server.messages_js``."""
    assert messages_js.FILE.read_text(encoding="utf-8") == messages_js.written()


def test_a_command_is_its_model_and_what_it_does_not_know_is_left_aside():
    text = '{"do": "switch", "noise": 1, "knobs": {"a": 2, "b": 0.5, "c": true, "d": "x"}, "colour": "red"}'
    switch = read(text, OF_RUN)
    assert switch == Switch(noise=1, knobs={"a": 2, "b": 0.5, "c": True, "d": "x"})
    assert repr(switch.settings()) == "{'noise': 1, 'knobs': {'a': 2, 'b': 0.5, 'c': True, 'd': 'x'}}"
    assert isinstance(read('{"do": "switch", "rule": "x"}', OF_ROOM), messages.Steer)
    with pytest.raises(ValueError, match="frozen"):
        switch.noise = 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "Messages are text; this one was binary."),
        ("[", "The message is not JSON."),
        ("[]", "A message should be an object with the command as 'do'."),
        ('{"do": "look"}', "The command 'look' needs 'index'."),
        ('{"do": "look", "index": true}', "'index' should be a whole number; it was True."),
        ('{"do": "look", "index": 9007199254740992}', "'index' should be a whole number; it was 9007199254740992."),
        ('{"do": "speed", "value": NaN}', "'value' should be a number; it was nan."),
        ('{"do": "speed", "value": true}', "'value' should be a number; it was True."),
        ('{"do": "follow", "value": 1}', "'value' should be true or false; it was 1."),
        ('{"do": "switch", "rule": null}', "'rule' should be text; it was None."),
        ('{"do": "switch", "knobs": {"a": []}}', "'knobs' should be an object of numbers and texts; it was {'a': []}."),
        ('{"do": "switch", "knobs": {"": NaN}}', "'knobs' should be an object of numbers and texts; it was {'': nan}."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_in_a_sentence(text, sentence):
    with pytest.raises(Malformed) as refused:
        read(text, OF_COMPARISON)
    assert str(refused.value) == sentence


def test_an_unknown_command_is_told_which_there_are():
    with pytest.raises(Malformed) as refused:
        read('{"do": "fork", "step": 1}', OF_COMPARISON)
    known = "ack, follow, frame, look, pause, ping, play, reset, speed, step, switch"
    assert str(refused.value) == f"Unknown command 'fork'; the commands are {known}."


def test_of_a_sliders_positions_the_newest_counts_and_the_rest_is_kept():
    first = Switch(rule="vae", noise=1.0, knobs={"a": 1, "b": 1})
    assert first.then(Switch(knobs={"b": 2})) == Switch(rule="vae", noise=1.0, knobs={"a": 1, "b": 2})
    assert first.then(Switch(noise=0)).noise == 0
    assert first.then(Switch(rule="vae")) is None and first.then(Switch(noise=0, column=1)) is None
    assert first.then(messages.Play()) is None


def test_a_dragged_sliders_messages_cost_nothing_to_speak_of():
    text = json.dumps({"do": "switch", "noise": 0.5, "knobs": {"beta": 1.25, "capacity": 3}})
    took = []
    for _ in range(200):
        began = time.perf_counter()
        read(text, OF_RUN)
        took.append(time.perf_counter() - began)
    assert min(took) < 1e-4
