"""Where Stripe delivers its events: recorded here, applied by a task."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from wallets import inbox, limits
from wallets.inbox import EventRefused


@csrf_exempt
@login_not_required
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """200 once the event is stored, also when it was before; 400 when Stripe did not sign it."""
    # Read, not `request.body`: events may be larger than what people upload.
    payload = request.read(limits.EVENT_LARGEST_BYTES + 1)
    if len(payload) > limits.EVENT_LARGEST_BYTES:
        return HttpResponse("The event is too large.", status=413, content_type="text/plain")
    signature = request.headers.get("Stripe-Signature", "")
    try:
        inbox.record(payload=payload, signature=signature)
    except EventRefused as error:
        return HttpResponse(str(error), status=error.status, content_type="text/plain")
    return HttpResponse(status=200)
