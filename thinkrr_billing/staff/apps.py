"""The staff site as an app, and the admin whose default site it is."""

from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate


class StaffAdminConfig(AdminConfig):
    default_site = "thinkrr_billing.staff.site.StaffSite"


class StaffConfig(AppConfig):
    name = "thinkrr_billing.staff"
    label = "staff"

    def ready(self) -> None:
        from thinkrr_billing.staff import groups, looking  # noqa: F401

        # Permissions are made app by app after migrating; the groups need all of them.
        last = [config for config in apps.get_app_configs() if config.models_module][-1]
        post_migrate.connect(groups.ensure, sender=last, dispatch_uid="staff.groups")
