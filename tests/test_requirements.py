"""Each dependency has a range, and in it the version that CI, the container and Community Cloud take."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = [Requirement(text) for text in PROJECT["dependencies"]]
EXTRA = [Requirement(text) for texts in PROJECT["optional-dependencies"].values() for text in texts]


def requirements(name: str) -> list[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


PINNED = {pin.name: pin for pin in map(Requirement, requirements(".ci/constraints.txt"))}


@pytest.mark.parametrize("needed", NEEDED + EXTRA, ids=str)
def test_each_dependency_is_pinned_within_its_range(needed):
    if needed.name == PROJECT["name"]:
        return
    (exact,) = PINNED[needed.name].specifier
    assert exact.operator == "==" and needed.specifier.contains(exact.version)


def test_each_that_users_get_has_two_ends():
    for needed in NEEDED:
        assert {part.operator for part in needed.specifier} == {">=", "<"}, needed


def test_nothing_else_is_pinned():
    assert PINNED.keys() == {needed.name for needed in NEEDED + EXTRA} - {PROJECT["name"]}


def test_community_cloud_gets_the_same_torch_for_processors():
    lines = requirements("requirements.txt")
    assert {"-c .ci/constraints.txt", "-e ."} < set(lines)
    torch = [Requirement(line) for line in lines if line.startswith("torch")]
    least = re.search(r"3\.(\d+)", PROJECT["requires-python"])[1]
    (exact,) = PINNED["torch"].specifier
    for minor, wheel in enumerate(torch, int(least)):
        tag = f"cp3{minor}"
        assert f"torch-{exact.version}%2Bcpu-{tag}-{tag}-" in wheel.url and f'"3.{minor}"' in str(wheel.marker)
    assert len(torch) >= 4
