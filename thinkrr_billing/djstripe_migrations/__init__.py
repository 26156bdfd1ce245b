"""dj-stripe's first three migrations as one, which runs in seconds instead of a minute.

Its later ones are found through __path__. Made by `makemigrations djstripe` in an empty overlay,
its operations then put into one CreateModels; `makemigrations --check` (in `make lint`) fails when
a new dj-stripe needs it made again."""

import djstripe.migrations

__path__ = [*__path__, *djstripe.migrations.__path__]
