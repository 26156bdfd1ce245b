"""People, who log in by e-mail, and the log-ins that failed."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from accounts import clock
from accounts.kept import Rows


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email=(email or "").lower())

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        """Without a password the user cannot log in until one is set by invitation or reset."""
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class Theme(models.TextChoices):
    SYSTEM = "system", "Like my device"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The e-mail address is the log-in and is always stored in lower case."""

    email = models.EmailField("e-mail", unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_staff = models.BooleanField("support staff", default=False)
    is_active = models.BooleanField("active", default=True)
    # Topics of `accounts.telling.mail_topics` this person wants no mails of.
    muted = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    theme = models.CharField(max_length=6, choices=Theme, default=Theme.SYSTEM)
    date_joined = models.DateTimeField(default=clock.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        permissions = [
            ("look_as_customer", "Can look at pages as a customer sees them"),
            ("remove_second_factor", "Can remove the second factor of a customer"),
        ]
        indexes = [models.Index(fields=["email"], name="staff", condition=Q(is_staff=True))]
        constraints = [
            models.CheckConstraint(
                condition=Q(email=Lower("email")), name="user_email_is_in_lower_case"
            )
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: object, **kwargs: object) -> None:
        self.email = self.email.lower()
        super().save(*args, **kwargs)

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)


class FailedLogin(models.Model):
    """One password that was tried and has not been right. Counted per address and machine (one of
    IPv6 by its /64), and deleted after a day."""

    rows = Rows.MAY_GO

    email = models.CharField(max_length=254)
    ip = models.GenericIPAddressField()
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["ip", "email", "created_at"], name="failed_logins_of_one"),
            models.Index(fields=["created_at"], name="failed_logins_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.email} from {self.ip}"
