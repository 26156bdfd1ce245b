"""The button of whoever may not pay: it asks the owners."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from accounts.errors import AccountError, Unusable
from accounts.pages import needs, next_path
from accounts.people.access import Permission
from accounts.views.dialogs import done, refused
from wallets import asking


@require_POST
@needs(Permission.SEE)
def ask_owner(request: HttpRequest) -> HttpResponse:
    asking.require_seat(account=request.account, user=request.user)
    about = request.POST.get("about", "")
    if about not in asking.subjects():
        raise Unusable("Ask for credit, a card, Auto-Recharge or resuming campaigns.")
    back = next_path(request)
    try:
        asking.ask_owner(account=request.account, user=request.user, about=about)
    except AccountError as error:
        return refused(request, back=back, error=error)
    return done(request, back=back, text="Asked. The owners and admins get a mail.")
