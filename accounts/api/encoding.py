"""How answers are written: as DRF writes JSON, and Structs by msgspec.

REST framework loads this while it loads its views, so nothing here may import views."""

import msgspec
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder


class _Encoder(JSONEncoder):
    def default(self, value: object) -> object:
        if isinstance(value, msgspec.Struct):
            return msgspec.to_builtins(value)
        return super().default(value)


class AnswerRenderer(JSONRenderer):
    """Takes Structs, alone or inside lists and dicts."""

    encoder_class = _Encoder
