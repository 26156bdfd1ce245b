"""A customer's server: healthy, failing and silent addresses. Says its port, then on its standard
input's end when each event came to each healthy address, as JSON."""

import asyncio
import json
import sys
import time

came: dict[str, float] = {}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    path = head.split(" ", 2)[1]
    if path.startswith("/silent"):
        # Until whoever asked hangs up.
        await reader.read()
        writer.close()
        return
    fails = path.startswith("/failing")
    if not fails:
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
        came.setdefault(f"{fields['webhook-id']} {path}", time.time())
    status = "500 No" if fails else "200 OK"
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok".encode())
    await writer.drain()
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=2000)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(came), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
