#!/bin/bash
# Django 5.2.19: in a template, `{% if a and b %}`, `{% if a > 1 %}` and `{% if not a %}` are False when reading `a`
# raises an error, whichever: that of a database that did not answer, too. The page is answered with 200 and shows
# less than there is. A plain `{% if a %}` raises.
#
# Of a lazy query that is first read there nobody hears: each operator of django/template/smartif.py catches Exception.
#
# Seen on 2026-11-29:
#   {% if rows %}: OperationalError
#   {% if rows|length > 0 %}: no rows
#   {% if rows and yes %}: no rows
#   {% if not rows %}: no rows
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check Django==5.2.19
cd "$folder"
venv/bin/python - <<'PYTHON' | tee seen
from django.db import OperationalError
from django.template import Context, Engine


class Rows:
    """A query whose database is away when it is read."""

    def __len__(self):
        raise OperationalError("the server is away")


for test, shown, otherwise in (
    ("rows", "rows", "no rows"),
    ("rows|length > 0", "rows", "no rows"),
    ("rows and yes", "rows", "no rows"),
    ("not rows", "no rows", "no rows"),
):
    page = "{% if " + test + " %}" + shown + "{% else %}" + otherwise + "{% endif %}"
    try:
        told = Engine().from_string(page).render(Context({"rows": Rows(), "yes": True}))
    except OperationalError:
        told = "OperationalError"
    print("{% if " + test + " %}: " + told)
PYTHON
grep -q "length > 0 %}: no rows" seen
grep -q "rows and yes %}: no rows" seen
