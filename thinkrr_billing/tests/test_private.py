"""What a developer's machine keeps is for its owner alone."""

import os
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail
from django.test import override_settings

from thinkrr_billing import private


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture(autouse=True)
def _usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_new_folder_is_closed_and_so_is_what_is_appended_in_it(tmp_path):
    folder = tmp_path / "data" / "mail"
    private.make(folder)
    os.close(private.append(folder / "a.log"))

    assert (mode(folder), mode(folder / "a.log")) == (0o700, 0o600)


def test_what_an_older_version_left_open_is_closed(tmp_path):
    folder = tmp_path / "mail"
    folder.mkdir(mode=0o755)
    (folder / "a.log").write_text("a link")
    (folder / "inner").mkdir(mode=0o755)

    private.close(folder)

    assert (mode(folder), mode(folder / "a.log"), mode(folder / "inner")) == (0o700, 0o600, 0o755)


def test_a_folder_that_somebody_named_stays_as_it_is(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir(mode=0o755)

    private.make(folder)
    private.close(tmp_path / "none")

    assert mode(folder) == 0o755
    assert not (tmp_path / "none").exists()


def test_a_folder_to_pass_through_cannot_be_listed(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    (folder / "state.json").write_text("{}")

    private.close(folder, mode=private.PASSABLE)

    assert (mode(folder), mode(folder / "state.json")) == (0o711, 0o600)


def test_mails_are_files_that_nobody_else_can_read(tmp_path):
    folder = tmp_path / "mail"
    backend = "thinkrr_billing.mail_files.MailFiles"

    with override_settings(EMAIL_BACKEND=backend, EMAIL_FILE_PATH=str(folder)):
        mail.send_mail("Hello", "A link", None, ["ada@example.com"])

    [file] = folder.iterdir()
    assert mode(file) == 0o600
    assert "A link" in file.read_text()


def test_the_data_folder_of_this_checkout_is_closed():
    assert mode(settings.DATA_DIR) & 0o066 == 0
