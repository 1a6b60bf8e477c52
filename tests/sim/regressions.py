"""Histories that once broke a promise, by seed, with what went wrong. Whoever mends one puts it here."""

from __future__ import annotations

REGRESSIONS: dict[int, str] = {
    103: "the removal of a status overtook the next",
}
