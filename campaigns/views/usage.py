"""The Usage page: what calls used, by day and by kind, of one account or an agency; as CSV."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.errors import Unusable
from accounts.models import Account
from accounts.pages import needs, once, only
from accounts.people.access import Permission
from accounts.people.searching import as_uuid
from accounts.runtime import exports, just_changed, standby
from campaigns import limits, usage
from campaigns.forms import number
from campaigns.models import Call, Campaign, MinuteUse
from campaigns.usage import Asked, By, Figures, Line, Usage
from campaigns.usage_sums import Whose
from campaigns.views.usage_chart import Measure, usage_chart
from wallets.statements.ranges import read_day
from wallets.texts import day

T = TypeVar("T")

QUICK_DAYS = (7, 30, 90, 365)
COLUMNS = (
    "calls",
    "seconds",
    "average_seconds",
    "included_seconds",
    "premium_seconds",
    "basic_seconds",
    "credit_usd",
)
# What the address may say.
NAMES = ("since", "until", "account", "campaign", "minute_type", "outcome", "by", "show")


@dataclass(frozen=True)
class Question:
    """What the address asks for. `account` is the one sub-account an agency looks into."""

    asked: Asked
    by: By
    measure: Measure
    account: Whose | None
    campaign: Campaign | None


@require_safe
@needs(Permission.SEE)
def page(request: HttpRequest) -> HttpResponse:
    once(request.GET)
    question = _question(request)
    read = _read(request, partial(usage.compared, asked=question.asked, by=question.by))
    found, before = read.found
    today = request.account.local_date(clock.now())
    context = {
        "question": question,
        "asked": question.asked,
        "total": found.total,
        "before": before,
        "days_before": question.asked.before(),
        "chart": usage_chart(days=found.days, measure=question.measure),
        "rows": _rows(question, found),
        "bys": _bys(question),
        "measures": Measure.choices,
        "minute_types": MinuteUse.choices,
        "outcomes": Call.Outcome.choices,
        "quick": [(days, today - timedelta(days=days - 1), today) for days in QUICK_DAYS],
        "query": _known(request.GET).urlencode(),
        "without": {name: _without(request.GET, name) for name in ("by", "show", "days")},
        # Into a row of the table, to which its key is added.
        "drills": _drills(request.GET, question),
        "age": round(read.age.total_seconds()) if read.age >= limits.USAGE_AGE_TOLD else 0,
    }
    return render(request, "campaigns/usage.html", context)


@require_safe
@needs(Permission.SEE)
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The table's figures as CSV: plain numbers, whole seconds, dollars to the millionth."""
    only(request.GET, NAMES)
    question = _question(request)
    exports.note(user=request.user, name="usage")
    ask = partial(usage.usage, asked=question.asked, by=question.by)
    lines = _read(request, ask).found.lines
    response = StreamingHttpResponse(
        _csv(question.by, lines), content_type="text/csv; charset=utf-8"
    )
    since, until = question.asked.since, question.asked.until
    name = f"usage-by-{question.by.replace('_', '-')}-{since}--{until}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _read(request: HttpRequest, ask: Callable[..., T]) -> standby.Read[T]:
    """Figures of calls decide nothing, so they may be some seconds old; never older than what this
    person has just changed."""
    fresh = just_changed.is_marked(request)
    return standby.read(lambda alias: ask(using=alias), fresh=fresh)


def _question(request: HttpRequest) -> Question:
    """Raises Unusable for what makes no sense, Http404 for what is another's."""
    given, own = request.GET, request.account
    today = own.local_date(clock.now())
    until = read_day(given.get("until", ""), field="until") or today
    since = read_day(given.get("since", ""), field="since")
    since = since or usage.earlier(min(until, today))
    usage.check(since=since, until=until, today=today)
    choices = _accounts(own)
    account = _chosen(given.get("account", ""), choices)
    accounts = [account] if account else choices
    campaign = _campaign(given.get("campaign", ""), accounts)
    is_many = len(accounts) > 1
    asked = Asked(
        accounts,
        since,
        until,
        campaigns=[campaign.pk] if campaign else None,
        minute_type=_one_of(given.get("minute_type", ""), MinuteUse.values, "minute type"),
        outcome=_one_of(given.get("outcome", ""), Call.Outcome.values, "outcome"),
        agency=own.pk if is_many else None,
    )
    by = given.get("by") or (By.ACCOUNT if is_many else By.CAMPAIGN)
    measure = _one_of(given.get("show") or Measure.MINUTES, Measure.values, "measure")
    return Question(
        asked=asked,
        by=By(_one_of(by, By.values, "way to group")),
        measure=Measure(measure),
        account=account,
        campaign=campaign,
    )


def _accounts(own: Account) -> list[Whose]:
    """The account, and below it an agency's sub-accounts."""
    known = Whose(own.pk, own.name, own.timezone)
    if own.kind != Account.Kind.AGENCY:
        return [known]
    below = Account.objects.filter(agency=own).order_by("name", "pk")
    return [known, *map(Whose._make, below.values_list(*Whose._fields))]


def _chosen(text: str, choices: list[Whose]) -> Whose | None:
    if not text:
        return None
    found = next((one for one in choices if one.pk == as_uuid(text)), None)
    if found is None:
        raise Http404("No account of yours.")
    return found


def _campaign(text: str, accounts: list[Whose]) -> Campaign | None:
    if not text:
        return None
    rows = Campaign.objects.filter(pk=number(text), account__in=[one.pk for one in accounts])
    if (found := rows.first()) is None:
        raise Http404("No campaign of yours.")
    return found


def _one_of(text: str, known: list[str], what: str) -> str:
    if text and text not in known:
        raise Unusable(f"“{text[:20]}” is no {what}. Choose one of: {', '.join(known)}.")
    return text


def _bys(question: Question) -> list[tuple[str, str]]:
    many = len(question.asked.accounts) > 1
    return [(by.value, by.label) for by in By if many or by != By.ACCOUNT]


def _rows(question: Question, found: Usage) -> list[tuple[str, object, Figures]]:
    """Of the table: what a row is called, the key by which it can be looked into, and its figures.
    After those that are shown all others as one, then the total."""
    is_day = question.by == By.DAY
    shown = found.lines[: limits.USAGE_LINES_SHOWN]
    rest = found.lines[limits.USAGE_LINES_SHOWN :]
    rows = [(day(one.key) if is_day else one.label, one.key, one.figures) for one in shown]
    if rest:
        others = sum((one.figures for one in rest), Figures())
        rows.append((f"{len(rest)} more, in the file", None, others))
    return [*rows, ("Total", None, found.total)]


def _known(given: QueryDict) -> QueryDict:
    """What the address says of ours: a link elsewhere may have added its own."""
    known = QueryDict(mutable=True)
    known.update({name: given[name] for name in NAMES if name in given})
    return known


def _without(given: QueryDict, name: str) -> str:
    """The address's other parameters, to which one more is added."""
    left = _known(given)
    for each in ("since", "until") if name == "days" else (name,):
        left.pop(each, None)
    return left.urlencode()


def _drills(given: QueryDict, question: Question) -> str:
    """The address into a row of the table, to which its key is added; empty where there is none."""
    names = {By.ACCOUNT: "account", By.CAMPAIGN: "campaign"}
    if question.by not in names:
        return ""
    left = _known(given)
    for each in ("by", names[question.by]):
        left.pop(each, None)
    left["by"] = By.CAMPAIGN if question.by == By.ACCOUNT else By.DAY
    return f"{left.urlencode()}&{names[question.by]}="


class _Echo:
    """What the csv module writes to, one line at a time."""

    def write(self, line: str) -> str:
        return line


def _csv(by: By, lines: list[Line]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow([*((by,) if by == By.DAY else (f"{by}_id", by)), *COLUMNS])
    for line in lines:
        named = [line.name, line.label] if by != By.DAY else [line.label]
        label = ["" if one is None else exports.plain(str(one)) for one in named]
        yield writer.writerow([*label, *_plain_figures(line.figures)])


def _plain_figures(figures: Figures) -> list[object]:
    seconds = (figures.included_seconds, figures.premium_seconds, figures.basic_seconds)
    average = f"{figures.average_seconds:f}"
    return [figures.calls, figures.seconds, average, *seconds, f"{figures.cost:.6f}"]
