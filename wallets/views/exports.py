"""Taking the ledger away as a file: the dialog that asks which, and the files."""

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.errors import Unusable
from accounts.pages import needs, once, only
from accounts.people.access import Permission
from accounts.runtime import exports
from accounts.views.dialogs import add_errors, dialog
from wallets.errors import InvalidAmount
from wallets.exports import asking, files
from wallets.exports.asking import Format
from wallets.views.export_form import NAMES, OTHER_NAMES, ExportForm


@require_safe
@needs(Permission.SEE)
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The dialog; with a format in the address, the file."""
    once(request.GET)
    if "format" in request.GET:
        only(request.GET, NAMES)
        return _file(request, _named(request.GET))
    given = _named(request.GET)
    return _dialog(request, ExportForm(initial={"format": Format.CSV, **given.dict()}))


@require_safe
@needs(Permission.SEE)
def transactions_csv(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The CSV by the address it has always had, with the filters of the page."""
    only(request.GET, [name for name in NAMES if name != "format"])
    given = _named(request.GET)
    given["format"] = Format.CSV
    return _file(request, given)


def _named(query: QueryDict) -> QueryDict:
    given = query.copy()
    for name, other in OTHER_NAMES.items():
        if other in given and name in given:
            raise Unusable(f"“{name}” and “{other}” are the same day. Send one of them.")
        if other in given:
            given[name] = given[other]
    return given


def _file(request: HttpRequest, given: QueryDict) -> HttpResponse | StreamingHttpResponse:
    form = ExportForm(given)
    if not form.is_valid():
        return _dialog(request, form, status=Unusable.status)
    try:
        asked = asking.ask(account=request.account, **form.asked())
        exports.note(user=request.user, name=_logged(asked.format))
        file = files.make(asked)
    except InvalidAmount as error:
        add_errors(form, error)
        return _dialog(request, form, status=Unusable.status)
    bites = exports.begun(file.bites)
    response = StreamingHttpResponse(bites, content_type=file.content_type)
    response["Content-Disposition"] = f'attachment; filename="{file.name}"'
    return response


def _logged(format: Format) -> str:
    return "transactions" if format == Format.CSV else f"transactions {format}"


def _dialog(request: HttpRequest, form: ExportForm, *, status: int = 200) -> HttpResponse:
    back = reverse("wallets:transactions")
    return dialog(
        request,
        partial="wallets/exports/_export.html",
        title="Export",
        back=back,
        context={"form": form, "back": back},
        status=status,
    )
