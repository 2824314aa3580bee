"""The long-connection diagnosis as the origin does it: asyncio, HEAD on every connection, again after a random pause.

usage: origin.py HOST PORT CONNECTIONS KEEPALIVE SECONDS

Opens 10 connections every 10 ms. After SECONDS it prints {"opened", "answered", "failed"} as one line of JSON, waits for
the end of its standard input (so that its memory can be read), and exits.
"""

import asyncio
import json
import os
import random
import resource
import sys

BATCH, EVERY = 10, 0.01
TIMEOUT = 3

tally = {"opened": 0, "answered": 0, "failed": 0}


async def line(reader):
    text = await asyncio.wait_for(reader.readline(), TIMEOUT)
    if not text:
        raise ConnectionResetError("closed by the server")
    return text


async def keep(host, port, longest):
    request = f"HEAD / HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), TIMEOUT)
        tally["opened"] += 1
        while True:
            writer.write(request)
            status = await line(reader)
            while await line(reader) != b"\r\n":
                pass
            if status.split()[1] != b"200":
                raise ConnectionError(status)
            tally["answered"] += 1
            await asyncio.sleep(random.randint(1, longest))
    except (OSError, asyncio.TimeoutError):
        tally["failed"] += 1


async def ramp(host, port, conns, longest):
    tasks = []
    for i in range(conns):
        if i and i % BATCH == 0:
            await asyncio.sleep(EVERY)
        tasks.append(asyncio.ensure_future(keep(host, port, longest)))
    await asyncio.wait(tasks)


async def main(host, port, conns, keepalive, seconds):
    await asyncio.wait([asyncio.ensure_future(ramp(host, port, conns, max(1, keepalive // 2)))], timeout=seconds)
    print(json.dumps(tally), flush=True)
    sys.stdin.read()
    os._exit(0)  # as Ctrl-C ends the origin: without taking ten thousand tasks apart


_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
