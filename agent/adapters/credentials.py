"""What an engine is told of who asks a registry for an image."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

from protocol.desired import Login

HEADER = "X-Registry-Auth"


def words_of(login: Login | None) -> dict[str, str]:
    """The headers that say a login; none where there is none."""
    if login is None:
        return {}
    said = {"username": login.username, "password": login.password, "serveraddress": login.registry}
    return {HEADER: urlsafe_b64encode(json.dumps(said).encode()).decode()}
