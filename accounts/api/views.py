"""The base of API views: a query is read as strictly as a body."""

import re

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.strict import StrictSerializer, StrictUUIDField


class AccountQuery(StrictSerializer):
    account = StrictUUIDField(
        required=False,
        help_text="The account meant: a sub-account of the key's agency, or any account for a "
        "platform key, which must send it. Default: the key's own.",
    )


class ApiView(APIView):
    """Refuses parameters that `query_serializer` does not know, and those sent twice.

    What was read is in `self.query`; whose account it is, `accounts.api.whose` decides.
    """

    query_serializer: type[StrictSerializer] = AccountQuery

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        self.query = read_query(request, self.query_serializer)


def read_query(request: Request, serializer_class: type[StrictSerializer]) -> dict[str, object]:
    """The query as the serializer reads it. Raises ValidationError (400)."""
    serializer = serializer_class()
    given: dict[str, object] = {}
    for name, values in request.query_params.lists():
        if isinstance(serializer.fields.get(name), serializers.ListField):
            given[name] = values
        elif len(values) > 1:
            raise serializers.ValidationError({name[:60]: ["Send it once."]})
        else:
            given[name] = values[0]
    return serializer.run_validation(given)


class PageSizeField(serializers.IntegerField):
    """How many rows a page has: 1 to `max_value`, as text in a query."""

    _SHAPE = re.compile(r"[1-9]\d{0,3}", re.ASCII)

    def __init__(self, *, max_value: int, **kwargs) -> None:
        super().__init__(min_value=1, max_value=max_value, **kwargs)

    def to_internal_value(self, data: object) -> int:
        if not self._SHAPE.fullmatch(str(data)) or int(str(data)) > self.max_value:
            raise serializers.ValidationError(f"Send a number from 1 to {self.max_value}.")
        return int(str(data))
