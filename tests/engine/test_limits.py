"""What a class may use: from the environment, within its range, refused in one sentence."""

import pytest

from vae_core.engine.limits import LimitError, Limits


def test_defaults():
    assert Limits.of({}).model_dump() == {
        "runs_per_user": 8, "runs": 200, "frame_bytes": 2**30, "open_rooms": "anyone",
    }  # fmt: skip


def test_from_the_environment():
    found = Limits.of(
        {
            "NOISE_LAB_RUNS_PER_USER": "2",
            "NOISE_LAB_RUNS": "50",
            "NOISE_LAB_FRAME_BYTES": "1.5 GiB",
            "NOISE_LAB_OPEN_ROOMS": "admin",
            "NOISE_LAB_DATA": "elsewhere",
        }
    )
    assert found == Limits(runs_per_user=2, runs=50, frame_bytes=3 * 2**29, open_rooms="admin")
    assert Limits.of({"NOISE_LAB_FRAME_BYTES": "2000000"}).frame_bytes == 2_000_000
    assert Limits.of({"NOISE_LAB_RUNS": ""}) == Limits()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"runs": "0"}, "The limit runs should be greater than or equal to 1; it was '0'."),
        ({"runs": "many"}, "The limit runs should be a valid integer"),
        ({"runs_per_user": 2.5}, "The limit runs_per_user should be a valid integer"),
        ({"runs_per_user": 1001}, "less than or equal to 1000; it was 1001."),
        ({"frame_bytes": "1 XB"}, "should be a number of bytes, or a size such as '1 GiB'; it was '1 XB'."),
        ({"frame_bytes": "nan"}, "should be a number of bytes"),
        ({"frame_bytes": 1000}, "greater than or equal to 1048576; it was 1000."),
        ({"open_rooms": "nobody"}, "should be 'anyone' or 'admin'; it was 'nobody'."),
        ({"rooms": 3}, "There is no limit 'rooms'; there are runs_per_user, runs, frame_bytes, open_rooms."),
        ({"runs": 10**400}, "less than or equal to 100000"),
    ],
)
def test_refused_in_one_sentence(wrong, words):
    with pytest.raises(LimitError) as error:
        Limits(**wrong)
    assert words in str(error.value) and str(error.value).isprintable() and len(str(error.value)) < 200


def test_limits_are_replaced_never_changed():
    with pytest.raises(ValueError, match="frozen"):
        Limits().runs = 3
