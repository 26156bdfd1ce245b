"""A few figures for monitoring, and the canary's mark among them. For whoever has METRICS_TOKEN,
or, where there is none, asks from an address inside. No secrets."""

from collections.abc import Iterator
from hmac import compare_digest

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from accounts import clock
from accounts.runtime.addresses import is_within
from thinkrr_billing.figures import database, jobs, money, pooler, requests
from thinkrr_billing.figures.figure import Figure, Sample, Told

CANARY = "canary"
# Longer than the canary's minute, so that its mark is there to be seen getting old.
CANARY_KEPT_SECONDS = 24 * 3600

WITHOUT_TOKEN = "Send METRICS_TOKEN as “Authorization: Bearer <token>”."
FROM_OUTSIDE = (
    "Without a METRICS_TOKEN the figures are told to addresses inside only. Set METRICS_TOKEN, "
    "and send it as “Authorization: Bearer <token>”."
)
# Whoever asks from inside asks us, and no proxy.
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded")


def mark_canary() -> None:
    cache.set(CANARY, clock.now().timestamp(), CANARY_KEPT_SECONDS)


@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Always 200 for whoever may ask: what cannot be read is left out, and counted."""
    if settings.METRICS_TOKEN:
        if not _has_token(request):
            headers = {"WWW-Authenticate": 'Bearer realm="metrics"'}
            return _refuse(WITHOUT_TOKEN, status=401, headers=headers)
    elif not _is_from_inside(request):
        return _refuse(FROM_OUTSIDE, status=403)
    return HttpResponse(_figures(), content_type=CONTENT_TYPE_LATEST)


def _figures() -> bytes:
    told = Told()
    unread = {source: told.add(figures, source=source) for source, figures in SOURCES.items()}
    counted = requests.text()
    told.add([_unread(unread | {"requests": int(counted is None)})], source="here")
    registry = CollectorRegistry()
    registry.register(told)
    return generate_latest(registry) + (counted or b"")


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    # As bytes: a header may hold letters that compare_digest does not take as text.
    same = compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
    return scheme.lower() == "bearer" and same


def _is_from_inside(request: HttpRequest) -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    return is_within(request.META.get("REMOTE_ADDR", ""), settings.METRICS_NETWORKS)


def _refuse(sentence: str, **kwargs: object) -> HttpResponse:
    return HttpResponse(sentence, content_type="text/plain; charset=utf-8", **kwargs)


def _canary() -> Iterator[Sample]:
    if (seen := cache.get(CANARY)) is not None:
        yield (), clock.now().timestamp() - seen


SOURCES = {
    # One Redis: frozen, it is waited for once.
    "cache": [
        Figure(
            name="thinkrr_canary_age_seconds",
            text="Since a worker last did what beat asked.",
            read=_canary,
        ),
        *jobs.OF_BROKER,
    ],
    # Before what waits for it.
    "pooler": pooler.FIGURES,
    "database": [*money.FIGURES, *jobs.FIGURES, *database.FIGURES],
}


def _unread(counts: dict[str, int]) -> Figure:
    return Figure(
        name="thinkrr_figures_unread",
        text="How many figures are missing here, because this could not be asked.",
        read=lambda: [((source,), count) for source, count in counts.items()],
        labels=("source",),
    )
