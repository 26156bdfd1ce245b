"""A form whose token no longer fits changes nothing, and says what to do."""

import pytest
from django.test import Client

from accounts.models import FailedLogin

pytestmark = pytest.mark.django_db


def test_htmx_reads_the_page_anew():
    answer = Client(enforce_csrf_checks=True).post("/login/", headers={"HX-Request": "true"})

    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")
    assert not FailedLogin.objects.exists()


def test_everybody_else_is_told_that_nothing_happened():
    answer = Client(enforce_csrf_checks=True).post("/login/")

    assert answer.status_code == 403
    assert "Nothing was changed and nothing was charged." in answer.content.decode()
