"""Files: the pictures of the account's branding, which its owner uploaded."""

from thinkrr_billing.sandbox.stripe.state.context import Context


def save_picture(ctx: Context, id: str, *, use: str) -> None:
    """`use` is icon or logo."""
    stamp = ctx.stamp("file", "file")
    del stamp["livemode"]
    ctx.store.save(
        stamp
        | {
            "id": id,
            "expires_at": None,
            "filename": f"{use}.png",
            "links": {
                "object": "list",
                "data": [],
                "has_more": False,
                "url": f"/v1/file_links?file={id}",
            },
            "purpose": f"business_{use}",
            "size": 1024,
            "title": None,
            "type": "png",
            "url": f"https://files.stripe.com/v1/files/{id}/contents",
        }
    )
