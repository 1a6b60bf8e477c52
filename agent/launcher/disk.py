"""The folder of the releases as the kernel keeps it: one act for each thing that a power cut comes before or after.

What a name means changes at once (`rename`, `symlink`, `remove`) and is sure to survive a power cut after the next `sync`; a file
is whole when its name is there. `agent.launcher.markers` says what the files mean, and in which order they change. Standard library
only; errors go to the caller.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path


class Disk:
    """Names below one folder, with a / where they are in a folder of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> str:
        """Have the folder be there, and writable; why it is not."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return f"{self.folder} cannot be made: {error.strerror}"
        return "" if os.access(self.folder, os.W_OK) else f"{self.folder} cannot be written by this agent"

    def text(self, name: str) -> str:
        """What a file holds."""
        return (self.folder / name).read_text()

    def target(self, link: str) -> str:
        """What a link names."""
        return (self.folder / link).readlink().name

    def folders(self) -> list[str]:
        """The folders in it, without the links."""
        return [path.name for path in self.folder.iterdir() if path.is_dir() and not path.is_symlink()]

    def write(self, name: str, text: str) -> None:
        """Write a file that nobody reads yet, and have its content reach the disk."""
        with (self.folder / name).open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def link(self, name: str, target: str) -> None:
        """Make a link that nobody reads yet."""
        (self.folder / name).unlink(missing_ok=True)
        (self.folder / name).symlink_to(target)

    def rename(self, name: str, other: str) -> None:
        """Have a file or a link take the place of another."""
        (self.folder / name).rename(self.folder / other)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self.folder / name).unlink(missing_ok=True)

    def clear(self, name: str) -> None:
        """Remove a folder with all that is in it, as far as that goes."""
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def sync(self, name: str = ".") -> None:
        """Have the names in a folder reach the disk."""
        descriptor = os.open(self.folder / name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
