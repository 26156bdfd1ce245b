"""What each group of support may do on its site, written by hand, and a row of every page.

R: Read-only, S: Support, B: Billing operations, *: superusers. Nobody else gets in."""

from django.contrib import admin

from accounts import clock
from accounts.models import FailedLogin, JobRun, StaffAction
from accounts.telling.notifications import alert_staff
from campaigns import calls
from campaigns.tests.builders import make_report
from tests.matrix.world import World
from wallets.models import AdjustmentRequest, CardAttempt, PaperMail, Reversal, StripeEvent
from wallets.tests.worlds.builders import place_hold

EVERYBODY, NOBODY = "RSB*", ""
MODELS = {
    "accounts": """account agencynotice apikey auditentry failedlogin invitation jobrun notification
        staffaction staffalert user webhookdelivery webhookendpoint""",
    "auth": "group",
    "campaigns": "call campaign",
    "djstripe": "customer paymentmethod",
    "wallets": """adjustmentrequest alert allocationrun autoallocation autorecharge billingaddress
        callhold cardattempt catchup chargeswitch creditnoteseries ledgerentry loggeddecision
        minuteask minuterate papermail parties purchase reversal seller slackhook slackmessage
        stripecomparison stripeevent wallet""",
}
ROW = "<path:object_id>/"
# Every page of a model: looked at by everybody, and written by nobody.
PAGES = {
    "": {"GET": EVERYBODY},
    "export/": {"GET": EVERYBODY},
    "add/": {"GET": NOBODY, "POST": NOBODY},
    ROW: {"GET": EVERYBODY},
    f"{ROW}history/": {"GET": EVERYBODY},
    f"{ROW}change/": {"GET": EVERYBODY, "POST": NOBODY},
    f"{ROW}delete/": {"GET": NOBODY, "POST": NOBODY},
}
# But for these.
OTHERWISE = {
    "accounts/user/add/": {"GET": "*", "POST": "*"},
    f"accounts/user/{ROW}change/": {"GET": EVERYBODY, "POST": "*"},
    "accounts/user/<id>/password/": {"GET": "*", "POST": "*"},
    f"accounts/account/{ROW}change/": {"GET": EVERYBODY, "POST": "B*"},
}
# Each opens its dialog by GET and is pressed by POST.
BUTTONS = {
    "B*": f"""
        accounts/account/{ROW}adjust/ accounts/account/{ROW}grant_included/
        accounts/account/{ROW}set_included/ accounts/account/{ROW}unblock/
        accounts/account/{ROW}lift/ accounts/account/{ROW}close/ accounts/account/{ROW}reopen/
        wallets/adjustmentrequest/{ROW}approve/ wallets/adjustmentrequest/{ROW}reject/
        wallets/minuterate/set_rate/ wallets/seller/set_seller/ wallets/purchase/{ROW}refund/
        wallets/purchase/{ROW}give_up/""",
    "SB*": f"""
        accounts/account/{ROW}run_allocation/ accounts/account/{ROW}retry/
        accounts/account/{ROW}suspend/ accounts/account/{ROW}pause_campaigns/
        accounts/account/{ROW}resume_campaigns/ accounts/account/{ROW}renew_customer/
        accounts/account/{ROW}revoke_keys/ accounts/apikey/{ROW}revoke/
        accounts/user/{ROW}remove_second_factor/
        accounts/notification/{ROW}mail_again/ accounts/staffalert/{ROW}close/
        campaigns/campaign/{ROW}pause/ campaigns/campaign/{ROW}resume/
        wallets/billingaddress/{ROW}stop_papers/
        wallets/allocationrun/{ROW}run/ wallets/purchase/{ROW}retry/
        wallets/purchase/{ROW}resolve/ wallets/reversal/{ROW}ask/
        wallets/stripeevent/{ROW}apply_again/""",
    "*": "wallets/chargeswitch/stop_charges/ wallets/chargeswitch/start_charges/",
}
# Of no model. Without a word to look for, what fills in a field finds nothing (404, or 403).
SITE = {
    "": {"GET": EVERYBODY},
    "find/": {"GET": EVERYBODY},
    "search/": {"GET": EVERYBODY},
    "jsi18n/": {"GET": EVERYBODY},
    "password_change/": {"GET": EVERYBODY, "POST": EVERYBODY},
    "password_change/done/": {"GET": EVERYBODY},
    "second-factor/codes/": {"POST": EVERYBODY},
    "autocomplete/": {"GET": NOBODY},
    # No row of ours says where it is to be seen.
    "r/<path:content_type_id>/<path:object_id>/": {"GET": NOBODY},
    "^(?P<app_label>accounts|auth|wallets|campaigns|djstripe)/$": {"GET": EVERYBODY},
    "(?P<url>.*)$": {"GET": NOBODY},
}
# How one gets in and out: nothing is shown or changed of customers.
WAYS_IN = {"login/", "logout/", "second-factor/", "second-factor/set-up/"}
LOOKING = {"looking/acquire/": {"POST": "SB*"}, "looking/release/": {"POST": NOBODY}}


def table() -> dict[str, dict[str, str]]:
    """All of it, by route."""
    found = {
        f"{app}/{model}/{page}": who
        for app, models in MODELS.items()
        for model in models.split()
        for page, who in PAGES.items()
    }
    found |= OTHERWISE | SITE
    for who, buttons in BUTTONS.items():
        found |= {button: {"GET": who, "POST": who} for button in buttons.split()}
    return {f"admin/{route}": who for route, who in found.items()} | LOOKING


def rows(world: World) -> dict[str, object]:
    """The key of a row of every page but a few, by its model: there nothing is to be found."""
    sub, now = world.tenants["sub"], clock.now()
    staff = world.people["superuser"]
    PaperMail.objects.create(address=sub.address, kind="confirmation")
    Reversal.objects.create(purchase=sub.paid, kind="refund", amount_cents=100)
    alert_staff(kind="books", text="Look")
    FailedLogin.objects.create(email="a@example.com", ip="10.0.0.1")
    JobRun.objects.create(name="wallets.tick", started_at=now)
    StripeEvent.objects.create(event_id="evt_1", type="refund.updated", payload={})
    StaffAction.objects.create(actor=staff, kind="adjust", subject="x", reason="x", form_key="x")
    CardAttempt.objects.create(account=sub.account)
    place_hold(sub.wallet, call="call-2", seconds=60)
    calls.record(reports=[make_report(sub.account)], reporter=None)
    asked = {"wallet": sub.wallet, "pot": "credit", "amount": 500, "note": "x", "form_key": "a"}
    AdjustmentRequest.objects.create(**asked, asked_by=staff)
    found = {
        model._meta.label_lower: model.objects.values_list("pk", flat=True).first()
        for model in admin.site._registry
    }
    own = {
        "accounts.account": sub.account.pk,
        "accounts.user": sub.owner.pk,
        "campaigns.campaign": sub.campaign.pk,
        "wallets.purchase": sub.paid.pk,
    }
    return {model: key or 999_999 for model, key in (found | own).items()}
