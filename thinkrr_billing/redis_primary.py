"""Connections of Django's cache where Sentinels name the server. Loaded only there."""

from redis.sentinel import Sentinel, SentinelConnectionPool

from thinkrr_billing.redis_servers import sentinels


class PrimaryPool(SentinelConnectionPool):
    """Connections to whichever server the Sentinels call the primary."""

    @classmethod
    def from_url(cls, url: str, **options: object) -> "PrimaryPool":
        """As Django's cache makes a pool."""
        found = sentinels(url)
        manager = Sentinel(
            found.servers,
            sentinel_kwargs={
                "socket_timeout": options.get("socket_timeout"),
                "socket_connect_timeout": options.get("socket_connect_timeout"),
                "password": found.sentinel_password,
            },
        )
        return cls(found.master, manager, db=found.database, password=found.password, **options)
