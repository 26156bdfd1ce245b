"""Who may do what to what, written by hand: the promise, and nothing taken from the code.

A new page or route is not here yet, and fails the tests that read this; so does a line whose route
is gone."""

# The tenants of the world (world.py): an agency with two sub-accounts and a closed one, an account
# of its own, one that was closed, and a rival agency with its sub-account.
TENANTS = ("sub", "sister", "agency", "closed_sub", "single", "closed", "rival", "rival_sub")
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")

# What somebody may do in an account.
GRANTS = {
    "-": set(),
    "s": {"see"},
    # Without a seat in it, through their agency.
    "v": {"see"},
    "m": {"see", "money", "withdraw", "campaigns"},
    "a": {"see", "campaigns", "allocate"},
    "c": {"see", "withdraw"},
}
SEATS = "smc"
# "*" is the account they are in after logging in. Without one they have no account.
PEOPLE = """
                    sub  sister  agency  closed_sub  single  closed  rival  rival_sub
sub owner           m*   -       -       -           -       -       -      -
sub admin           m*   -       -       -           -       -       -      -
sub member          s*   -       -       -           -       -       -      -
agency owner        a    a       m*      v           -       -       -      -
agency admin        a    a       m*      v           -       -       -      -
agency member       v    v       s*      v           -       -       -      -
single owner        -    -       -       -           m*      -       -      -
closed owner        -    -       -       -           -       c*      -      -
closed sub owner    -    -       -       c*          -       -       -      -
two accounts        s    -       -       -           m*      -       -      -
looking             s*   -       -       -           -       -       -      -
no account          -    -       -       -           -       -       -      -
inactive            m*   -       -       -           -       -       -      -
nobody              -    -       -       -           -       -       -      -
staff, no role      -    -       -       -           -       -       -      -
Read-only           -    -       -       -           -       -       -      -
Support             -    -       -       -           -       -       -      -
Billing operations  -    -       -       -           -       -       -      -
superuser           -    -       -       -           -       -       -      -
"""
# Whose requests are made by every method, also by those a page does not know.
BY_EVERY_METHOD = {"sub owner", "no account", "nobody"}
# As another line in the same place: asked about their own account and a stranger's.
ALIKE = {"sub admin", "agency admin", "closed sub owner"}
# Treated as signed out.
SIGNED_OUT = {"nobody", "inactive"}

# What a page asks for, in this order, and the refusal of whoever has it not:
#   see, money, withdraw, campaigns  in the account they work in, else 403
#   agency     it is an agency, else 404
#   client     it is a sub-account, else 404
#   below      the account in the address is a sub-account of it, else 404
#   allocate   in the account in the address, else 403
#   seat       they have a seat in it themselves, else 403
#   own        what the address names is the account's, else 404
#   card       the card in the address is the account's, else sent back (302) with a sentence
# and of pages that are of no account:
#   person     signed in, and in some account;  alone: signed in
#   theirs     not support that looks as them, else 403
#   visible    what is sent names an account they see, else 404
#   anyone     nothing;  secret: a link or signature that nobody here has, else 404 or 400
PAGES = {
    "": {"GET HEAD OPTIONS POST PUT PATCH DELETE": "person"},
    "settings/": {"GET": "see", "POST": "money"},
    "settings/api-keys/": {"GET": "see", "POST": "money"},
    "settings/alerts/": {"GET HEAD": "see"},
    "settings/alerts/add/": {"GET HEAD POST": "money"},
    "settings/alerts/slack/": {"POST": "money"},
    "settings/alerts/<int:alert_id>/": {"GET HEAD POST": "money own"},
    "settings/alerts/<int:alert_id>/remove/": {"POST": "money own"},
    "settings/alerts/<int:alert_id>/test/": {"POST": "money own"},
    "settings/alerts/<int:alert_id>/preview/": {"GET HEAD": "see own"},
    "settings/api-keys/<int:key_id>/revoke/": {"POST": "money own"},
    "settings/api-keys/<int:key_id>/rotate/": {"POST": "money own"},
    "settings/webhooks/": {"GET HEAD": "see", "POST": "money"},
    "settings/webhooks/<uuid:endpoint_id>/": {"GET HEAD": "see own", "POST": "money own"},
    "settings/webhooks/<uuid:endpoint_id>/rotate/": {"POST": "money own"},
    "settings/webhooks/<uuid:endpoint_id>/pause/": {"POST": "money own"},
    "settings/webhooks/<uuid:endpoint_id>/resume/": {"POST": "money own"},
    "settings/webhooks/<uuid:endpoint_id>/test/": {"POST": "money own"},
    "settings/webhooks/<uuid:endpoint_id>/delete/": {"POST": "money own"},
    "settings/webhooks/<uuid:endpoint_id>/deliveries/<int:delivery_id>/": {"GET HEAD": "see own"},
    "settings/webhooks/<uuid:endpoint_id>/deliveries/<int:delivery_id>/resend/": {
        "POST": "money own"
    },
    "settings/members/": {"GET": "see"},
    "settings/members/invite/": {"POST": "money"},
    "settings/members/<int:user_id>/role/": {"POST": "money own"},
    "settings/members/<int:user_id>/remove/": {"POST": "money own"},
    "settings/members/invitations/<int:invitation_id>/withdraw/": {"POST": "money"},
    "settings/billing/": {"GET HEAD": "see"},
    "settings/billing/add/": {"POST": "money"},
    "settings/billing/<int:address_id>/choose/": {"POST": "money own"},
    "settings/billing/<int:address_id>/link/": {"POST": "money own"},
    "settings/billing/<int:address_id>/remove/": {"POST": "withdraw own"},
    "payments/": {"GET HEAD": "see"},
    "payments/auto-recharge/": {"GET HEAD POST": "money"},
    "payments/auto-recharge/preview/": {"GET HEAD": "money"},
    "payments/auto-recharge/retry/": {"POST": "money"},
    "payments/outcome/": {"GET HEAD": "money"},
    "payments/auto-recharge/off/": {"POST": "withdraw"},
    "payments/low-minutes/": {"POST": "money"},
    "payments/bill-to/": {"POST": "money"},
    "payments/recharge/": {"GET HEAD POST": "money"},
    "payments/recharge/quote/": {"GET HEAD": "money"},
    "payments/recharge/outcome/<uuid:form_key>/": {"GET HEAD": "money"},
    "payments/transactions.csv": {"GET HEAD": "see"},
    "payments/export/": {"GET HEAD": "see"},
    "payments/transactions/": {"GET HEAD": "see"},
    "payments/purchases/<uuid:purchase_id>/": {"GET HEAD": "see own"},
    "payments/purchases/<uuid:purchase_id>/confirm/": {"POST": "money own"},
    "payments/purchases/<uuid:purchase_id>/cancel/": {"POST": "money own"},
    "payments/receipts/<uuid:purchase_id>/": {"GET HEAD": "see own"},
    "payments/receipts/<uuid:purchase_id>.pdf": {"GET HEAD": "see own"},
    "payments/credit-notes/<uuid:reversal_id>/": {"GET HEAD": "see own"},
    "payments/credit-notes/<uuid:reversal_id>.pdf": {"GET HEAD": "see own"},
    "payments/transactions/<int:entry_id>/calls/": {"GET HEAD": "see own"},
    "payments/receipts/": {"GET HEAD": "see"},
    "payments/receipts.pdf": {"GET HEAD": "see"},
    "payments/statements/": {"GET HEAD": "see"},
    "payments/statements/<str:month>/": {"GET HEAD": "see"},
    "payments/statements/<str:month>.pdf": {"GET HEAD": "see"},
    "payments/statements/<str:month>.csv": {"GET HEAD": "see"},
    "payments/why/": {"GET HEAD": "see"},
    "payments/ask/": {"POST": "see seat"},
    "help/": {"GET HEAD": "see"},
    "payments/methods/add/": {"GET HEAD POST": "money"},
    "payments/methods/added/": {"GET HEAD": "money"},
    "payments/methods/<str:card_id>/default/": {"POST": "money card"},
    "payments/methods/<str:card_id>/backup/": {"POST": "money card"},
    "payments/methods/<str:card_id>/remove/": {"GET HEAD POST": "withdraw own"},
    "payments/ask-agency/": {"GET HEAD POST": "money client"},
    "payments/ask-agency/<int:ask_id>/withdraw/": {"POST": "money client own"},
    "account-manager/": {"GET HEAD": "see agency"},
    "account-manager.csv": {"GET HEAD": "see agency"},
    "account-manager/several/allocation/": {"POST": "money agency"},
    "account-manager/several/notice/": {"POST": "money agency"},
    "account-manager/<uuid:account_id>/rename/": {"GET HEAD POST": "see agency below allocate"},
    "account-manager/<uuid:account_id>/archive/": {"GET HEAD POST": "see agency below allocate"},
    "account-manager/<uuid:account_id>/invite/": {"GET HEAD POST": "see agency below allocate"},
    "account-manager/<uuid:account_id>/invite/withdraw/": {"POST": "see agency below allocate"},
    "account-manager/<uuid:account_id>/give-minutes/": {
        "GET HEAD POST": "see agency below allocate"
    },
    "account-manager/<uuid:account_id>/give-minutes/estimate/": {
        "GET HEAD": "see agency below allocate"
    },
    "account-manager/<uuid:account_id>/asks/<int:ask_id>/decline/": {
        "POST": "see agency below allocate"
    },
    "account-manager/add/": {"GET HEAD POST": "money agency"},
    "account-manager/<uuid:account_id>/": {"GET HEAD": "see agency below"},
    "account-manager/<uuid:account_id>/notices/": {"POST": "see agency below allocate"},
    "account-manager/<uuid:account_id>/auto-allocation/": {
        "GET HEAD POST": "see agency below allocate"
    },
    "account-manager/<uuid:account_id>/auto-allocation/estimate/": {
        "GET HEAD": "see agency below allocate"
    },
    "account-manager/<uuid:account_id>/auto-allocation/retry/": {
        "POST": "see agency below allocate"
    },
    "account-manager/<uuid:account_id>/auto-allocation/skip/": {
        "POST": "see agency below allocate"
    },
    "campaigns/": {"GET HEAD": "see"},
    "campaigns/resume/": {"GET HEAD": "see", "POST": "see campaigns"},
    "campaigns/resume/tiers/": {"GET HEAD": "see"},
    "campaigns/<int:campaign_id>/": {"GET HEAD": "see own"},
    "campaigns/<int:campaign_id>/pause/": {"POST": "campaigns own"},
    "campaigns/<int:campaign_id>/resume/": {"POST": "campaigns own"},
    "usage/": {"GET HEAD": "see"},
    "usage.csv": {"GET HEAD": "see"},
    "banner/": {"GET HEAD POST": "see"},
    "notifications/": {"GET": "see"},
    # One's agency saw them, and leaves them unread.
    "notifications/read/": {"POST": "seat"},
    "accounts/switch/": {"GET": "person", "POST": "person visible"},
    "settings/profile/": {"GET POST": "alone"},
    "settings/profile/password/": {"POST": "person"},
    "settings/profile/mails/": {"POST": "person"},
    "settings/security/": {"GET": "alone theirs"},
    "settings/security/second-factor/": {"GET POST": "alone theirs"},
    "settings/security/second-factor/off/": {"GET POST": "alone theirs"},
    "settings/security/recovery-codes/": {"GET POST": "alone theirs"},
    # A session that is not theirs has ended for them.
    "settings/security/sessions/<int:session_id>/end/": {"POST": "alone theirs"},
    "settings/security/sessions/end-others/": {"POST": "alone theirs"},
    "logout/": {"OPTIONS POST": "alone"},
    "login/": {"GET HEAD OPTIONS POST PUT": "anyone"},
    # Leads to the log-in, unless a password was typed just before.
    "login/code/": {"GET POST": "anyone"},
    "password-reset/": {"GET HEAD OPTIONS POST PUT": "anyone"},
    "password-reset/sent/": {"GET HEAD OPTIONS": "anyone"},
    # Says that the link is not valid, however it is asked.
    "password-reset/<uidb64>/<token>/": {" ".join(METHODS): "anyone"},
    "password-reset/done/": {"GET HEAD OPTIONS": "anyone"},
    "invitations/<str:token>/": {"GET POST": "anyone secret"},
    "billing/confirm/<str:token>/": {"GET POST": "anyone secret"},
    "billing/stop/<str:token>/": {"GET POST": "anyone secret"},
    "invitations/<str:token>/opened/": {"POST": "anyone secret"},
    "stripe/webhook/": {"POST": "anyone secret"},
    "healthz": {"GET HEAD": "anyone"},
    "readyz": {"GET HEAD": "anyone"},
    "metrics": {"GET HEAD": "anyone"},
}
# What support may send while looking as a customer; probes are answered before anybody looks.
LOOKING_MAY = {"accounts/switch/", "logout/", "healthz", "readyz", "metrics"}
# About the person: what a page of another account sends them is done all the same.
PERSONAL = {
    "accounts/switch/",
    "settings/profile/",
    "settings/profile/password/",
    "settings/profile/mails/",
    "logout/",
    *(route for route, methods in PAGES.items() if "alone theirs" in methods.values()),
}

# What a key may do in an account, by its scopes and whose it is.
KEY_GRANTS = {
    "-": set(),
    "r": {"see"},
    "o": {"see", "money", "campaigns", "calls"},
    "p": {"see", "money", "campaigns", "calls", "allocate"},
    "a": {"see", "allocate"},
    "l": {"calls"},
    "c": {"see", "calls"},
}
# "*" is the account the key belongs to: what a request without an account is about.
KEYS = """
                    sub  sister  agency  closed_sub  single  closed  rival  rival_sub
sub                 o*   -       -       -           -       -       -      -
sub, read only      r*   -       -       -           -       -       -      -
sub, calls only     l*   -       -       -           -       -       -      -
agency              a    a       o*      r           -       -       -      -
agency, read only   r    r       r*      r           -       -       -      -
single              -    -       -       -           o*      -       -      -
closed              -    -       -       -           -       c*      -      -
rival               -    -       -       -           -       -       o*     a
platform            p    p       o       c           o       c       o      p
platform, read only r    r       r       r           r       r       r      r
revoked             -    -       -       -           -       -       -      -
expired             -    -       -       -           -       -       -      -
other address       -    -       -       -           -       -       -      -
made up             -    -       -       -           -       -       -      -
no key              -    -       -       -           -       -       -      -
cookie of a person  -    -       -       -           -       -       -      -
"""
# Answered with 401, whatever they ask.
NO_KEYS = {"revoked", "expired", "other address", "made up", "no key", "cookie of a person"}
# As above; "reads": the scope alone; "every": the platform need not say of whom; "reports": the
# scope, and each call is judged by its account; "buys": the key is of the agency or the platform,
# else 403.
API = {
    "wallet": {"GET HEAD": "see"},
    "wallet/entries": {"GET HEAD": "see"},
    "wallet/auto-recharge": {"GET HEAD": "see", "PUT": "money"},
    "wallet/recharges": {"GET HEAD": "see", "POST": "money"},
    "wallet/auto-recharge/preview": {"POST": "money"},
    "wallet/auto-recharge/retry": {"POST": "money"},
    "wallet/low-minutes": {"GET HEAD": "see", "PUT": "money"},
    "wallet/recharges/<uuid:purchase_id>": {"GET HEAD": "see own"},
    "wallet/recharges/<uuid:purchase_id>/cancel": {"POST": "money own"},
    "wallet/recharges/preview": {"POST": "money"},
    "wallet/purchases/<uuid:purchase_id>/why": {"GET HEAD": "see own"},
    "wallet/decisions": {"GET HEAD": "see"},
    "wallet/cards": {"GET HEAD": "see"},
    "wallet/cards/default": {"PUT": "money"},
    "wallet/cards/backup": {"PUT": "money"},
    "wallet/alerts": {"GET HEAD": "see", "POST": "money"},
    "wallet/alerts/<int:alert_id>": {"GET HEAD": "see own", "PUT DELETE": "money own"},
    "wallet/alerts/<int:alert_id>/test": {"POST": "money own"},
    "sub-accounts": {"GET HEAD": "see agency", "POST": "money agency"},
    "sub-accounts/<uuid:account_id>/auto-allocation": {
        "GET HEAD": "see is_sub buys",
        "PUT": "allocate is_sub buys",
    },
    "sub-accounts/<uuid:account_id>/auto-allocation/preview": {"POST": "allocate is_sub buys"},
    "sub-accounts/<uuid:account_id>/auto-allocation/runs": {"GET HEAD": "see is_sub buys"},
    "sub-accounts/<uuid:account_id>/auto-allocation/retry": {"POST": "allocate is_sub buys"},
    "sub-accounts/<uuid:account_id>/auto-allocation/skip": {"PUT": "allocate is_sub buys"},
    "sub-accounts/<uuid:account_id>": {
        "GET HEAD": "see is_sub buys",
        "PUT": "allocate is_sub buys",
    },
    "sub-accounts/<uuid:account_id>/archive": {"PUT": "allocate is_sub buys"},
    "sub-accounts/<uuid:account_id>/owner": {
        "GET HEAD": "see is_sub buys",
        "PUT DELETE": "allocate is_sub buys",
    },
    "sub-accounts/<uuid:account_id>/notices": {"PUT": "allocate is_sub buys"},
    "sub-accounts/<uuid:account_id>/gifts": {
        "GET HEAD": "see is_sub buys",
        "POST": "allocate is_sub buys",
    },
    "sub-accounts/<uuid:account_id>/gifts/preview": {"POST": "allocate is_sub buys"},
    "sub-accounts/<uuid:account_id>/asks/<int:ask_id>/decline": {"POST": "allocate is_sub buys"},
    "auto-allocations": {"GET HEAD": "see agency"},
    "gifts/<uuid:gift_id>": {"GET HEAD": "see agency own"},
    "asks": {"GET HEAD": "see", "POST": "money is_sub"},
    "asks/<int:ask_id>": {"GET HEAD": "see is_sub own"},
    "asks/<int:ask_id>/withdraw": {"POST": "money is_sub own"},
    "members": {"GET HEAD": "see"},
    "invitations": {"GET HEAD": "see"},
    "notices": {"GET HEAD": "see"},
    "rates": {"GET HEAD": "reads"},
    "receipts": {"GET HEAD": "see"},
    "receipts/<uuid:purchase_id>": {"GET HEAD": "see own"},
    "statements/<str:month>": {"GET HEAD": "see"},
    "calls": {"GET HEAD": "see", "POST": "reports"},
    "calls/authorize": {"POST": "calls"},
    "calls/holds": {"POST": "calls"},
    "calls/holds/<path:call>": {"DELETE": "reports"},
    "usage": {"GET HEAD": "see"},
    "campaigns": {"GET HEAD": "see"},
    "changes": {"GET HEAD": "see every"},
    "campaigns/<str:external_id>": {"GET HEAD": "see own", "PUT": "campaigns"},
    "webhooks": {"GET HEAD": "see", "POST": "money"},
    "webhooks/<uuid:endpoint_id>": {
        "GET HEAD": "see own",
        "PUT": "money own",
        "DELETE": "money own",
    },
    "webhooks/<uuid:endpoint_id>/rotate": {"POST": "money own"},
    "webhooks/<uuid:endpoint_id>/test": {"POST": "money own"},
    "webhooks/<uuid:endpoint_id>/deliveries": {"GET HEAD": "see own"},
    "webhooks/<uuid:endpoint_id>/deliveries/<int:delivery_id>/resend": {"POST": "money own"},
    "campaigns/<str:external_id>/<str:step>": {"POST": "campaigns own"},
}
# The documents are open to everybody; nothing is anywhere else.
API_PUBLIC = {
    "schema/": {"GET HEAD OPTIONS": "anyone"},
    "docs/": {"GET HEAD": "anyone"},
    "<anything:route>": {" ".join(METHODS): "anyone secret"},
}


def grid(text: str) -> dict[str, dict[str, str]]:
    """A grid above: by row and column, its letter (and its star)."""
    head, *rows = [line for line in text.splitlines() if line.strip()]
    columns = head.split()
    assert columns == list(TENANTS)
    found = {}
    for row in rows:
        cells = row[20:].split()
        assert len(cells) == len(columns), row
        found[row[:20].strip()] = dict(zip(columns, cells, strict=True))
    return found


def needs(methods: dict[str, str], method: str) -> list[str] | None:
    """What the method asks for, in order; None where the page does not know it."""
    for names, asked in methods.items():
        if method in names.split():
            return asked.split()
    return None
