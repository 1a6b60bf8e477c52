"""Files of variables: every form that Compose reads, and what is wrong with its line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.dotenv import parse, parse_raw

HERE = {"HOME": "/root", "WHO": "here"}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("\ufeffA=1", {"A": "1"}),
        ("# comment\n\n  # another\nA=1\n", {"A": "1"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("export A=1\nexport\tB=2", {"A": "1", "B": "2"}),
        ("A = spaced out  ", {"A": "spaced out"}),
        ("A: yaml", {"A": "yaml"}),
        ("A=", {"A": ""}),
        ("A=one two # comment", {"A": "one two"}),
        ("A=one#two", {"A": "one#two"}),
        ("A=#comment", {"A": ""}),
        ("A=http://x/#frag?a=b", {"A": "http://x/#frag?a=b"}),
        ("A=1\nA=2", {"A": "2"}),
        ("A='$WHO # \"x\" \\n'", {"A": '$WHO # "x" \\n'}),
        (r"A='it\'s'", {"A": "it's"}),
        ('A="$WHO ${WHO} # x"', {"A": "here here # x"}),
        (r'A="a\nb\t\"c\" \\ \$WHO \d"', {"A": 'a\nb\t"c" \\ $WHO \\d'}),
        ('A="one\ntwo"\nB=3', {"A": "one\ntwo", "B": "3"}),
        ("A='one\ntwo' # comment\nB=3", {"A": "one\ntwo", "B": "3"}),
        ("A=1\nB=$A${A}", {"A": "1", "B": "11"}),
        ("WHO=file\nB=$WHO", {"WHO": "file", "B": "here"}),
        ("A=${X:-default}", {"A": "default"}),
        ("A=$$x", {"A": "$x"}),
        ("HOME\nNOWHERE\nA=1", {"HOME": "/root", "A": "1"}),
        ("a.b-c=1", {"a.b-c": "1"}),
    ],
)
def test_each_form_is_read_as_compose_reads_it(text: str, values: dict[str, str]) -> None:
    """Comments, quotes, escapes, several lines, variables of here before variables of the file."""
    found = parse(text, HERE)
    assert (found.values, found.unset, found.wrong) == (values, [], None)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("A=1\n=2", 2, "'=2' begins with no name of a variable"),
        ("1A=2", 1, "'1A=2' begins with no name"),
        ("A=1\n\nB='x", 3, "a ' is not closed"),
        ('A="x', 1, 'a " is not closed'),
        ("A='x' y", 1, "' y' follows what can be read; write KEY=value"),
        ("A B", 1, "'B' follows what can be read"),
        ("A=1\nB=${", 2, "a $ names no variable"),
        ('A="\n\n${"', 1, "a $ names no variable"),
        ("A=${X:?say so}", 1, "the variable 'X' must be set: say so"),
    ],
)
def test_what_is_not_readable_is_told_with_its_line(text: str, line: int, reason: str) -> None:
    """A slip names the line where it stands."""
    found = parse(text, HERE)
    assert found.wrong is not None
    assert (found.wrong[0], found.wrong[1][: len(reason)]) == (line, reason)


def test_variables_that_nobody_set_are_listed_with_their_lines() -> None:
    """They become nothing, and the caller says so."""
    found = parse("A=1\nB=$NOPE", HERE)
    assert (found.values["B"], found.unset) == ("", [(2, "NOPE")])


def test_the_raw_format_takes_lines_as_they_stand() -> None:
    """No quotes, no variables, no comments after values."""
    found = parse_raw("# comment\nA='$B' # c\n\nC=a=b\n")
    assert (found.values, found.wrong) == ({"A": "'$B' # c", "C": "a=b"}, None)
    assert parse_raw("A=1\nB\n").wrong == (2, "'B' is not KEY=value")


@settings(deadline=None)
@given(st.text(alphabet="AB=:'\"\\$#{}\n\r\t export-?"))
def test_no_text_raises(text: str) -> None:
    """Any file is read, or told as wrong with a line that it has."""
    found = parse(text, HERE)
    assert found.wrong is None or 1 <= found.wrong[0] <= text.count("\n") + 1
