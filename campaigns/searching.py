"""Finding campaigns and calls among millions, each by an index."""

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import QuerySet

from accounts.models import ApiKey, Scope
from accounts.people.searching import MOST_FOUND, words_of
from campaigns.models import PLATFORM, Call, Campaign


def campaigns(rows: QuerySet[Campaign], text: str) -> QuerySet[Campaign]:
    """Those whose name has words beginning so, or with exactly this id of the platform."""
    found = _ids(Campaign.objects.filter(external_id=text.strip()))
    if words := words_of(text):
        # Written as the index campaigns_by_words is.
        named = Campaign.objects.annotate(words=SearchVector("name", config="simple"))
        query = SearchQuery(words, search_type="raw", config="simple")
        found += _ids(named.filter(words=query))
    return rows.filter(pk__in=found)


def _ids(rows: QuerySet[Campaign]) -> list[int]:
    """Each by its own index: the two conditions in one query would read the whole table."""
    return list(rows.order_by().values_list("pk", flat=True)[:MOST_FOUND])


def calls(rows: QuerySet[Call], text: str) -> QuerySet[Call]:
    """The calls with exactly this id, whoever reported them: at most one a reporter."""
    scopes = ApiKey.objects.filter(scopes__contains=[Scope.CALLS], account__isnull=False)
    reporters = {PLATFORM, *scopes.values_list("account_id", flat=True).distinct()}
    return rows.filter(reporter__in=reporters, external_id=text.strip())
