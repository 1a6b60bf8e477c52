"""Where the files of a container go: into its own layer, or into a volume where that layer is closed or covered."""

from __future__ import annotations

import io
import tarfile
from pathlib import PurePosixPath as Path

import pytest

from agent.adapters.container_files import archive, file_mounts, misplaced
from protocol.container import Container, File, Mount


def with_files(*targets: str, read_only: bool = False, mounts: tuple[Mount, ...] = ()) -> Container:
    return Container("a", files=tuple(File(target, "x") for target in targets), read_only=read_only, mounts=mounts)


@pytest.mark.parametrize(
    ("container", "directories"),
    [
        (with_files("/etc/a", "/b"), []),
        (with_files("/etc/a", "/run/secrets/b", "/run/secrets/c", read_only=True), ["/etc", "/run/secrets"]),
        (with_files("/etc/a/b", "/etc/c", read_only=True), ["/etc"]),
        (with_files("/run/secrets/b", "/etc/a", mounts=(Mount("tmpfs", "/run"),)), ["/run/secrets"]),
        (with_files("/data/a", read_only=True, mounts=(Mount("volume", "/data", "v"),)), []),
        (with_files("/data/x/a", mounts=(Mount("tmpfs", "/data"), Mount("volume", "/data/x", "v"))), []),
    ],
)
def test_a_closed_or_covered_directory_gets_a_volume(container: Container, directories: list[str]) -> None:
    """Only where the container's own layer cannot take a file, and once for all that lies below."""
    assert [mount["Target"] for mount in file_mounts(container)] == directories
    assert all(mount["Type"] == "volume" and "Source" not in mount for mount in file_mounts(container))
    assert misplaced(container) == ""


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        (
            with_files("/a", read_only=True),
            "a file cannot be put at /a of a read-only container; put it into a directory",
        ),
        (with_files("/"), "a file cannot be put at /: that is a directory"),
        (
            with_files("/run/a", mounts=(Mount("tmpfs", "/run"),)),
            "a file cannot be put at /run/a: /run is a tmpfs, empty at each start; put it into a directory below",
        ),
        (
            with_files("/data/x/a", mounts=(Mount("volume", "/data", "v", read_only=True),)),
            "a file cannot be put at /data/x/a: the mount /data is read-only",
        ),
    ],
)
def test_what_is_impossible_is_told(container: Container, reason: str) -> None:
    """A place that no file can have is named before anything is made."""
    assert misplaced(container) == reason


def test_a_file_has_its_owner_mode_and_place() -> None:
    """The archive says who owns what, and never leads out of its directory."""
    files = (File("/etc/x/a", "Grüße", 0o400, 7, 8), File("b", ""), File("/../c", "1"))
    with tarfile.open(fileobj=io.BytesIO(archive(files, Path("/")))) as tar:
        entries = [(entry.name, entry.mode, entry.uid, entry.gid, entry.isfile()) for entry in tar]
        content = tar.extractfile("etc/x/a")
        assert content is not None
        assert content.read().decode() == "Grüße"
    assert entries == [("etc/x/a", 0o400, 7, 8, True), ("b", 0o444, 0, 0, True), ("c", 0o444, 0, 0, True)]
