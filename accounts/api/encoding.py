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

    def render(
        self,
        data: object,
        accepted_media_type: str | None = None,
        renderer_context: dict | None = None,
    ) -> bytes:
        """The same bytes by a shorter way for a Struct, which most answers are."""
        context = renderer_context or {}
        if isinstance(data, msgspec.Struct) and not self.get_indent(accepted_media_type, context):
            return _without_line_ends(msgspec.json.encode(data))
        return super().render(data, accepted_media_type, renderer_context)


def _without_line_ends(text: bytes) -> bytes:
    """Escapes the two that JSON allows in a text, and JavaScript once did not; as DRF does."""
    for character in ("\u2028", "\u2029"):
        text = text.replace(character.encode(), character.encode("unicode_escape"))
    return text
