#!/bin/bash
# django-money 3.6.2, py-moneyed 3.0, Babel 2.19.0: with CURRENCIES alone in the settings, importing
# djmoney looks each currency's name up, for which Babel reads all words of American English (months,
# countries, languages, units) and keeps them: 4 MB of every process that has a money field, though
# nothing is ever shown by those names. With CURRENCY_CHOICES, names and all, beside it: nothing.
#
# Seen on 2026-11-30:
#   CURRENCIES: languages read 3, more than 3 MB: True
#   CURRENCIES and CURRENCY_CHOICES: languages read 0, more than 3 MB: False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    Django==5.2.19 django-money==3.6.2 py-moneyed==3.0 Babel==2.19.0
cd "$folder"
cat > look.py <<'PYTHON'
import sys
import tracemalloc

from babel import localedata
from django.conf import settings

names = {"CURRENCY_CHOICES": [("USD", "US Dollar")]} if len(sys.argv) > 1 else {}
settings.configure(CURRENCIES=("USD",), **names)
tracemalloc.start()
import djmoney.settings

grown, _ = tracemalloc.get_traced_memory()
assert djmoney.settings.CURRENCY_CHOICES == [("USD", "US Dollar")]
what = " and ".join(["CURRENCIES", *names])
print(f"{what}: languages read {len(localedata._cache)}, more than 3 MB: {grown > 3_000_000}")
PYTHON
{
    venv/bin/python look.py
    venv/bin/python look.py named
} | tee seen
diff seen - <<'SEEN'
CURRENCIES: languages read 3, more than 3 MB: True
CURRENCIES and CURRENCY_CHOICES: languages read 0, more than 3 MB: False
SEEN
