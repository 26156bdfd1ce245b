#!/bin/bash
# kombu 5.7.0, filesystem transport: a reader takes a message that is still being written, and it
# is lost.
#
# The sender opens the message's file under its final name and encodes the message afterwards. A
# consumer that lists the folder in between moves the file away, reads nothing from it and raises
# json.JSONDecodeError; the sender notices nothing. A celery worker ends by that error.
#
# Seen on 2026-11-28:
#   the reader, in the middle of a message: JSONDecodeError
#   the reader, once it was sent: Empty
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kombu==5.7.0
cd "$folder"
venv/bin/python - <<'PYTHON' | tee seen
from kombu import Connection

options = {name: "messages" for name in ("data_folder_in", "data_folder_out", "control_folder")}
connection = Connection("filesystem://localhost", transport_options=options)
sender, reader = connection.channel(), connection.channel()


def look(when):
    try:
        print(f"the reader, {when}: {reader._get('work')}")
    except Exception as error:
        print(f"the reader, {when}: {type(error).__name__}")


class Part:
    """A value of a message; it looks at the queue while it is being encoded."""

    def __json__(self):
        look("in the middle of a message")
        return "value"


import os

os.makedirs("messages", exist_ok=True)
sender._put("work", {"body": Part()})
look("once it was sent")
PYTHON
diff seen - <<'SEEN'
the reader, in the middle of a message: JSONDecodeError
the reader, once it was sent: Empty
SEEN
