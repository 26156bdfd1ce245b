"""The product as production serves it, with the accounts of its world in several cells."""

from django.conf import settings
from django.db import connection, transaction

from accounts.cells.place import inside
from accounts.models import Cell, CellOfAccount
from benchmarks.sides import world
from benchmarks.sides.served import Served
from benchmarks.sides.world import CROSSING, WALLETS
from thinkrr_billing.cells import adding, beginning

# By number: what every side reads of its wallets.
_NUMBERED = "CREATE TABLE bench_wallet (number integer PRIMARY KEY, account_id uuid NOT NULL)"
_NUMBER = "INSERT INTO bench_wallet VALUES (%s, %s)"


def prepare(cells: int) -> None:
    """Fill a new database: accounts are dealt to the cells by their numbers."""
    beginning.begin(name="cell_1")
    for number in range(2, cells + 1):
        adding.add(name=f"cell_{number}")
    # A connection knows whether there are cells from when it was opened.
    connection.close()
    settings.CELLS = True
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERED)
        for place, cell in enumerate(Cell.objects.all(), start=1):
            with inside(cell.name), transaction.atomic():
                accounts = world.fill(range(place, WALLETS + CROSSING + 1, cells))
            CellOfAccount.objects.bulk_create(
                CellOfAccount(account_id=account.pk, cell=cell) for account in accounts.values()
            )
            cursor.executemany(_NUMBER, [(at, account.pk) for at, account in accounts.items()])
        cursor.execute("VACUUM ANALYZE")


class Divided(Served):
    def __init__(self) -> None:
        super().__init__()
        self._cells = Cell.objects.count()
        self._place = 0

    def requests(self, *, size: int, clients: int, times: int, within: bool = False) -> dict:
        """`within`: each client reports calls of one cell's accounts, else of all."""
        if not within:
            return super().requests(size=size, clients=clients, times=times)
        work = []
        for client in range(clients):
            self._place = 1 + client % self._cells
            self.among = range(self._place, WALLETS + 1, self._cells)
            # What others have reported would be reported again.
            self._charged.clear()
            work.append([(None, self.batch(size)) for _ in range(times)])
        self._place, self.among = 0, range(1, WALLETS + 1)
        return self._measured(work)

    def crossing_from(self, count: int) -> int:
        while True:
            first = super().crossing_from(count)
            if not self._place or (first - self._place) % self._cells == 0:
                return first
