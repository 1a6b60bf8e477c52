"""Which rows are on their way."""

from __future__ import annotations

import pytest

from link.courier import POISON_S, RESEND_S, WINDOW, Courier
from link.outbox import Row


def rows(*sequences: int) -> tuple[Row, ...]:
    return tuple(Row(sequence, "x/1", b"") for sequence in sequences)


def send(courier: Courier, head: tuple[Row, ...], now_s: float, free: int = 20) -> list[int]:
    """What a loop does with what is due; the token is the sequence."""
    due = courier.due(head, free, now_s)
    for row in due:
        courier.handed(row.sequence, row.sequence, now_s)
    return [row.sequence for row in due]


@pytest.fixture
def courier() -> Courier:
    made = Courier()
    made.link_up()
    return made


def test_nothing_is_due_while_the_link_is_down() -> None:
    """Before the first connection, and after a fall."""
    courier = Courier()
    assert send(courier, rows(1, 2), 0.0) == []
    courier.link_up()
    assert send(courier, rows(1, 2), 0.0) == [1, 2]
    courier.link_down(1.0)
    assert send(courier, rows(1, 2), 1.0) == []


def test_a_row_is_sent_once_until_its_time_is_over(courier: Courier) -> None:
    """Again only after `RESEND_S` without an acknowledgement."""
    assert send(courier, rows(1), 0.0) == [1]
    assert send(courier, rows(1, 2), 1.0) == [2]
    assert send(courier, rows(1, 2), RESEND_S - 0.1) == []
    assert send(courier, rows(1, 2), RESEND_S) == [1]


def test_the_link_s_window_and_ours_both_bound_what_goes(courier: Courier) -> None:
    """No more than the link has room for, and never more than `WINDOW` unacknowledged."""
    many = rows(*range(1, 200))
    assert send(courier, many, 0.0, free=20) == list(range(1, 21))
    assert send(courier, many, 0.0, free=0) == []
    assert send(courier, many, 0.0, free=100) == list(range(21, WINDOW + 1))


def test_a_new_connection_sends_everything_again(courier: Courier) -> None:
    """What the broker confirmed is no more certain than what it did not."""
    send(courier, rows(1, 2), 0.0)
    courier.sent([1, 2])
    courier.link_down(60.0)
    courier.link_up()
    assert send(courier, rows(1, 2), 61.0) == [1, 2]


def test_what_is_acknowledged_is_forgotten(courier: Courier) -> None:
    """A row that left the outbox leaves the courier."""
    send(courier, rows(1, 2), 0.0)
    assert send(courier, rows(2, 3), 1.0) == [3]
    assert send(courier, (), 2.0) == []


def test_a_row_that_later_ones_overtook_is_sent_again_at_once(courier: Courier) -> None:
    """A connection keeps its order: the receiver has a later one and not this one, so this one was lost. Once: see `RESEND_S`."""
    assert send(courier, rows(1, 2, 3), 0.0) == [1, 2, 3]
    assert send(courier, rows(1, 3), 0.5) == [1]
    assert send(courier, rows(1, 3, 4), 1.0) == [4]
    assert send(courier, rows(1), 1.5) == []
    assert send(courier, rows(1), 0.5 + RESEND_S) == [1]


def test_what_was_sent_later_overtakes_nothing_by_its_number(courier: Courier) -> None:
    """A row that is sent again is behind those that were sent meanwhile."""
    courier.handed(5, 1, 0.0)
    courier.handed(4, 2, 0.0)
    assert send(courier, rows(4), 0.5) == []


def fall(courier: Courier, after_s: float = 0.1) -> tuple[int, ...]:
    """The link falls a moment after the last sending at 0, and comes back."""
    poison = courier.link_down(after_s)
    courier.link_up()
    return poison


def test_a_row_that_kills_three_connections_alone_is_poison(courier: Courier) -> None:
    """The first fall makes suspects, which then travel one by one; three falls alone convict the one, and free the rest."""
    head = rows(1, 2, 3)
    assert send(courier, head, 0.0) == [1, 2, 3]
    assert fall(courier) == ()
    assert send(courier, head, 0.0) == [1]
    courier.sent([1])
    for convicted in ((), (), (2,)):
        assert send(courier, head, 0.0) == [2]
        assert send(courier, head, 0.0) == []
        assert fall(courier) == convicted
    assert send(courier, rows(1, 3), 0.0) == [3]
    courier.sent([3])
    assert send(courier, rows(1, 3), 0.0) == [1]


def test_a_link_that_falls_by_itself_condemns_nobody(courier: Courier) -> None:
    """Falls with several rows on their way, late falls, and falls after the broker's word are no proof."""
    for _ in range(10):
        send(courier, rows(1), 0.0)
        courier.sent([1])
        assert fall(courier) == ()
    for _ in range(10):
        send(courier, rows(2), 0.0)
        assert fall(courier, POISON_S + 1) == ()
    assert send(courier, rows(2), 0.0) == [2]
