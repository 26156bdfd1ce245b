"""A developer's mails are files. Their links let in whoever opens them: for the owner alone."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail.backends.filebased import EmailBackend

from thinkrr_billing import private


class MailFiles(EmailBackend):
    def __init__(self, *args: Any, file_path: str | None = None, **options: Any) -> None:
        private.make(Path(file_path or settings.EMAIL_FILE_PATH))
        super().__init__(*args, file_path=file_path, **options)

    def open(self) -> bool:
        if self.stream is not None:
            return False
        self.stream = os.fdopen(private.append(self._get_filename()), "ab")
        return True
