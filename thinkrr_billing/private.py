"""Folders and files of a developer's machine that its other users may not look into."""

import os
from pathlib import Path

CLOSED = 0o700
# Others may pass through, to what is open to them by its own mode.
PASSABLE = 0o711
FILE = 0o600


def make(path: Path) -> None:
    """A folder that is there stays as it is: it may be somebody's home."""
    path.mkdir(mode=CLOSED, parents=True, exist_ok=True)


def close(path: Path, *, mode: int = CLOSED) -> None:
    """Shut a folder of ours, and the files right in it, where an older version left them open."""
    if not path.is_dir():
        return
    mine = os.geteuid()
    for one, wanted in [(path, mode), *((file, FILE) for file in path.iterdir() if file.is_file())]:
        facts = one.stat(follow_symlinks=False)
        if facts.st_uid == mine and facts.st_mode & 0o077 & ~wanted:
            one.chmod(facts.st_mode & (wanted | CLOSED))


def append(path: Path) -> int:
    """A descriptor that writes at the file's end; a new one is for its owner alone."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE)
