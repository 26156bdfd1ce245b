"""Two transactions of which the second comes while the first is not committed yet."""

import time
from concurrent.futures import ThreadPoolExecutor

from django.db import connection, connections, transaction


def one_after_the_other(first, second):
    """What both answer when the second comes while the first has done everything but its commit:
    it waits, and decides on what it sees then."""

    def run():
        try:
            backend.append(backend_of(connection))
            return second()
        finally:
            connections.close_all()

    backend = []
    with ThreadPoolExecutor(max_workers=1) as pool:
        with transaction.atomic():
            answer = first()
            later = pool.submit(run)
            assert waits_for_a_lock(backend)
        return answer, later.result()


def backend_of(here):
    here.ensure_connection()
    return here.connection.info.backend_pid


def waits_for_a_lock(backend):
    asked = "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = %s AND NOT granted)"
    for _ in range(1_000):
        if backend:
            with connection.cursor() as cursor:
                cursor.execute(asked, backend)
                if cursor.fetchone()[0]:
                    return True
        time.sleep(0.01)
    return False
