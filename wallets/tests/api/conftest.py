"""What the API's tests begin with."""

import pytest

from wallets.tests.worlds.api_clients import client_of


@pytest.fixture
def client(wallet):
    return client_of(wallet.account, "read", "write")
