"""What is done about each refusal of a start, by Docker's own words; on a wire that says them, without an engine."""

from __future__ import annotations

from typing import Any

import pytest

from agent.adapters.docker_api import Answer, DockerApi
from agent.adapters.starting import started

ID = "f615d25e16da" * 5 + "7c1d"
ANEW = ("DELETE", f"/containers/{ID}")


class WordsApi(DockerApi):
    """A wire on which every start is refused with these words, and everything else is done."""

    def __init__(self, words: str) -> None:
        super().__init__("unix:///nowhere")
        self.words = words
        self.asked: list[tuple[str, str]] = []

    def call(self, method: str, path: str, **_: Any) -> Answer:
        if path.endswith("/start"):
            return Answer(409, {"message": self.words})
        self.asked.append((method, path))
        return Answer(204)


@pytest.mark.parametrize(
    "words", [f"task {ID}: already exists", f"task {ID}: already exists: unknown", "id already in use"]
)
def test_what_an_engine_died_over_is_taken_away_to_be_made_anew(words: str) -> None:
    """However often it is asked it would never start; that is said, and is no reason to give up."""
    api = WordsApi(words)
    answer = started(api, ID)
    assert api.asked == [ANEW]
    assert (answer.ok, answer.status) == (False, 409)
    assert "made anew" in answer.message


@pytest.mark.parametrize(
    "words",
    [
        "driver failed programming external connectivity: Bind for 0.0.0.0:80 failed: port is already allocated",
        "network n already exists",
        "the container's id already in use by another is no such case",
        "",
    ],
)
def test_whatever_else_is_refused_keeps_its_container(words: str) -> None:
    """Most starts work later, and a removed container has lost what it wrote."""
    api = WordsApi(words)
    assert started(api, ID) == Answer(409, {"message": words})
    assert api.asked == []
