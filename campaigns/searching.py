"""Finding campaigns and calls among millions, each by an index."""

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Q, QuerySet

from accounts.models import ApiKey, Scope
from accounts.searching import words_of
from campaigns.models import PLATFORM, Call, Campaign


def campaigns(rows: QuerySet[Campaign], text: str) -> QuerySet[Campaign]:
    """Those whose name has words beginning so, or with exactly this id of the platform."""
    same_id = Q(external_id=text.strip())
    words = words_of(text)
    if not words:
        return rows.filter(same_id)
    # Written as the index campaigns_by_words is.
    named = rows.model.objects.annotate(words=SearchVector("name", config="simple"))
    query = SearchQuery(words, search_type="raw", config="simple")
    return rows.filter(same_id | Q(pk__in=named.filter(words=query).values("pk")))


def calls(rows: QuerySet[Call], text: str) -> QuerySet[Call]:
    """The calls with exactly this id, whoever reported them: at most one a reporter."""
    scopes = ApiKey.objects.filter(scopes__contains=[Scope.CALLS], account__isnull=False)
    reporters = {PLATFORM, *scopes.values_list("account_id", flat=True).distinct()}
    return rows.filter(reporter__in=reporters, external_id=text.strip())
