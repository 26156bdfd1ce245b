"""The page of help: every question with its answer, searched by plain text."""

from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.pages import needs
from accounts.people.access import Permission
from wallets import help_texts
from wallets.prices.rates import rates_now

# As much as anybody types to find an answer.
ASKED_LENGTH = 100


@require_safe
@needs(Permission.SEE)
def help_page(request: HttpRequest) -> HttpResponse:
    asked = " ".join(request.GET.get("q", "").split())[:ASKED_LENGTH]
    found = help_texts.search(asked, rates=rates_now())
    by_topic = groupby(found, key=lambda one: one.question.topic)
    topics = [(help_texts.TOPICS[topic], topic, list(ones)) for topic, ones in by_topic]
    return render(request, "wallets/help.html", {"asked": asked, "topics": topics})
