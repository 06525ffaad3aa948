"""The smallest application that Envoy can carry: it says what reached it."""

import json


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    body = await _body(receive)
    headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
    seen = {"method": scope["method"], "path": scope["path"], "bytes": len(body), "headers": headers}
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
    )
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})


async def _live(receive, send):
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _body(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body
