"""The hosted pages a person sees: saving a card, and the bank's question."""

import html
from urllib.parse import parse_qsl, urlencode

from thinkrr_billing.sandbox.stripe.objects import attempts, cards, checkout, setups
from thinkrr_billing.sandbox.stripe.state.context import Context
from thinkrr_billing.sandbox.stripe.state.machine import Sandbox
from thinkrr_billing.sandbox.stripe.wire.errors import ApiError
from thinkrr_billing.sandbox.stripe.wire.messages import Answer, Request

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
_LATER = {
    "": "as the card's number says",
    "ok": "succeed",
    "insufficient_funds": "declined: insufficient funds",
    "lost_card": "declined: lost card",
    "authentication_required": "the bank wants confirmation",
    "processing": "stay in processing",
}
_STYLE = """
:root{color-scheme:light}*{box-sizing:border-box}
body{margin:0;background:#f4f6fa;color:#1b2233;font:16px/1.5 system-ui,sans-serif}
main{max-width:32rem;margin:3rem auto;padding:2rem;background:#fff;border:1px solid #dfe4ee;
border-radius:12px}h1{font-size:1.35rem;margin:.75rem 0 .25rem}p{margin:.25rem 0 1rem}
.test{display:inline-block;background:#ffe3b0;color:#5b3a00;border-radius:6px;padding:.1rem .6rem;
font-weight:600;font-size:.85rem}.error{background:#fdecec;color:#8f1d1d;border-radius:8px;
padding:.6rem .9rem}label{display:block;margin:1rem 0 .25rem;font-weight:600}
select,input{width:100%;font:inherit;padding:.55rem .7rem;border:1px solid #97a1b5;
border-radius:8px;background:#fff;color:inherit}button{font:inherit;font-weight:600;
padding:.65rem 1.2rem;border-radius:8px;border:1px solid #3949c6;background:#3949c6;color:#fff;
cursor:pointer}button.plain{background:#fff;color:#3949c6}.row{display:flex;gap:.75rem;
margin-top:1.5rem}:focus-visible{outline:3px solid #8b97ff;outline-offset:2px}
small{color:#4c566b;font-weight:400}
"""


def answer(sandbox: Sandbox, request: Request) -> Answer:
    """Answer a page. Anything but GET and POST, and unknown ids, get a plain page saying so."""
    ctx = sandbox.context(base_url=request.base_url)
    form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    section, _, id = request.path.strip("/").rpartition("/")
    with sandbox.store.transaction():
        try:
            if request.method not in ("GET", "POST"):
                return _page("Not possible", "<p>This page only knows GET and POST.</p>", 405)
            posted = form if request.method == "POST" else None
            if section == "c/pay":
                return _checkout(ctx, id, posted)
            if section == "bank":
                return _bank(ctx, id, posted)
        except ApiError as error:
            if error.executed:  # Not reached by the pages above: they show declines themselves.
                raise
            return _page("Not here", f"<p>{html.escape(error.message)}</p>", error.status)
    return _page("Not here", "<p>There is no such page.</p>", 404)


def _checkout(ctx: Context, id: str, form: dict | None) -> Answer:
    session = checkout.current(ctx, id)
    if session["status"] != "open":
        word = {"complete": "already done", "expired": "expired"}[session["status"]]
        return _page("This link is no longer valid", f"<p>This session is {word}.</p>", 410)
    if form is None:
        setup = ctx.get(kind="setup_intent", id=session["setup_intent"])
        return _card_form(ctx, session, error=(setup["last_setup_error"] or {}).get("message", ""))
    if form.get("action") == "cancel":
        return _redirect(session["cancel_url"] or session["success_url"])
    typed = form.get("number", "").strip() or form.get("card", "")
    later = form.get("later", "")
    behaviour: object = later or None
    if later in ("insufficient_funds", "lost_card"):
        behaviour = {"decline_code": later}
    try:
        _, url = checkout.save_card(
            ctx, session, number=typed, behaviour=cards.checked_behaviour(behaviour)
        )
    except ApiError as error:
        return _card_form(ctx, session, error=error.message)
    return _redirect(url)


def _card_form(ctx: Context, session: dict, *, error: str) -> Answer:
    options = "".join(
        f'<option value="{card.number}">{_spaced(card.number)} – {html.escape(card.label)}</option>'
        for card in cards.BY_NUMBER.values()
    )
    later = "".join(f'<option value="{value}">{text}</option>' for value, text in _LATER.items())
    problem = f'<p class="error" role="alert">{html.escape(error)}</p>' if error else ""
    customer = ctx.store.find(kind="customer", id=session["customer"] or "") or {}
    who = html.escape(customer.get("name") or customer.get("email") or "your account")
    return _page(
        "Save a card",
        f"""
<p>for {who}. Nothing is charged now.</p>{problem}
<form method="post" autocomplete="off">
<label for="card">Test card</label><select id="card" name="card">{options}</select>
<label for="number">or type a test number <small>(never a real one: it is refused)</small></label>
<input id="number" name="number" inputmode="numeric" placeholder="4242 4242 4242 4242">
<label for="later">Later charges will</label><select id="later" name="later">{later}</select>
<div class="row"><button name="action" value="save">Save card</button>
<button class="plain" name="action" value="cancel">Cancel</button></div></form>""",
    )


def _spaced(number: str) -> str:
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def _bank(ctx: Context, id: str, form: dict | None) -> Answer:
    kind = "setup_intent" if id.startswith("seti_") else "payment_intent"
    intent = ctx.get(kind=kind, id=id)
    if intent["status"] != "requires_action":
        return _page(
            "Nothing to confirm",
            "<p>The bank has nothing left to ask. You can close this page.</p>",
            410,
        )
    if form is None:
        return _bank_form(intent, kind=kind)
    method = ctx.get(kind="payment_method", id=intent["payment_method"])
    approved = form.get("action") == "approve"
    action = intent["next_action"]
    target = action.get("redirect_to_url", {}).get("return_url")
    if kind == "payment_intent":
        intent = attempts.answer_of_bank(ctx, intent, method, approved=approved)
    else:
        intent = setups.answer_of_bank(ctx, intent, method, approved=approved)
        if intent["_sandbox"]["session"]:
            return _back_to_checkout(ctx, intent)
    if not target:
        return _page("Thank you", f"<p>The payment is now {intent['status']}.</p>")
    done = "succeeded" if intent["status"] == "succeeded" else "failed"
    return _redirect(
        _with_query(
            target,
            {
                kind: id,
                f"{kind}_client_secret": intent["client_secret"],
                "redirect_status": done,
            },
        )
    )


def _back_to_checkout(ctx: Context, setup: dict) -> Answer:
    session = checkout.current(ctx, setup["_sandbox"]["session"])
    if setup["status"] == "succeeded":
        _, url = checkout.complete(ctx, session)
        return _redirect(url)
    return _redirect(session["url"])


def _bank_form(intent: dict, *, kind: str) -> Answer:
    what = "save this card for later charges"
    if kind == "payment_intent":
        what = f"pay ${intent['amount'] / 100:,.2f} to thinkrr"
    return _page(
        "Your bank asks",
        f"""
<p>Do you want to {what}?</p>
<form method="post"><div class="row"><button name="action" value="approve">Approve</button>
<button class="plain" name="action" value="fail">Fail</button></div></form>""",
    )


def _with_query(url: str, values: dict) -> str:
    base, mark, fragment = url.partition("#")
    joint = "&" if "?" in base else "?"
    return f"{base}{joint}{urlencode(values)}{mark}{fragment}"


def _redirect(url: str) -> Answer:
    return Answer(status=303, body=b"", headers={"Location": url, "Cache-Control": "no-store"})


def _page(title: str, content: str, status: int = 200) -> Answer:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} – Stripe '
        'sandbox</title><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<style>{_STYLE}</style></head><body><main><span class="test">Test mode</span>'
        f"<h1>{title}</h1>{content}</main></body></html>"
    )
    return Answer(
        status=status,
        body=text.encode(),
        headers={
            "Content-Type": "text/html; charset=utf-8",
            "Cache-Control": "no-store",
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
        },
    )
