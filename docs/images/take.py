"""Takes the README's pictures: a machine of its own, a few viewers, and the two pages in Chromium."""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
from playwright.async_api import Browser, Page, async_playwright

HERE = Path(__file__).parent
VIEWERS, OPERATORS = "http://127.0.0.1:28080", "http://127.0.0.1:28090"
AUDIENCE = 60
ARRIVALS_EVERY_S = 0.6
BEAT_EVERY_S = 5
READY_S_MAX = 60
SHOWN_S = 75
"""Seconds of curves in the cockpit's picture."""

CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


async def audience(client: httpx.AsyncClient) -> None:
    """Viewers who arrive one after the other, each with an account of its own, and stay."""
    async with asyncio.TaskGroup() as group:
        for n in range(AUDIENCE):
            group.create_task(one_viewer(client, f"fan-{n}"))
            await asyncio.sleep(ARRIVALS_EVERY_S)


async def one_viewer(client: httpx.AsyncClient, account: str) -> None:
    """Start a session, then ask and report as a player does, until cancelled."""
    login = await client.post(f"{VIEWERS}/v1/dev/login", json={"account": account})
    body = {"event": "demo", "device": {"id": "sofa", "kind": "tv"}}
    access = {"authorization": f"Bearer {login.json()['access_token']}"}
    started = (await client.post(f"{VIEWERS}/v1/sessions", json=body, headers=access)).json()
    token = started["token"]
    while True:
        steering = (await client.get(f"{VIEWERS}/v1/steering/{token}")).json()
        await client.get(
            f"{VIEWERS}/v1/steering/{token}", params={"_HLS_pathway": steering["PATHWAY-PRIORITY"][0]}
        )
        await client.get(f"{VIEWERS}/v1/playback/{token}/master.m3u8")
        await asyncio.sleep(BEAT_EVERY_S)
        beat = await client.post(
            f"{VIEWERS}/v1/sessions/{started['session']}/heartbeat",
            headers={"authorization": f"Bearer {token}"},
        )
        token = beat.json().get("token", token)


async def take(browser: Browser) -> None:
    """The two pictures."""
    watch = await page(browser, f"{VIEWERS}/watch/demo", 1280, 760)
    cockpit = await page(browser, f"{OPERATORS}/", 1280, 1180)
    await asyncio.sleep(SHOWN_S)
    await watch.screenshot(path=HERE / "watch.png")
    await cockpit.screenshot(path=HERE / "cockpit.png")


async def page(browser: Browser, address: str, width: int, height: int) -> Page:
    """A page of that size at that address."""
    opened = await browser.new_page(viewport={"width": width, "height": height})
    await opened.goto(address)
    return opened


async def ready(client: httpx.AsyncClient) -> None:
    """Until a viewer could watch."""
    async with asyncio.timeout(READY_S_MAX):
        while True:
            try:
                if (await client.get(f"{VIEWERS}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)


async def main() -> None:
    """Start, take, stop."""
    with tempfile.TemporaryDirectory(prefix="tifo-") as data:
        command = [sys.executable, "-m", "tifo", "up", "--port", "28080", "--operator-port", "28090"]
        machine = await asyncio.create_subprocess_exec(
            *command, "--data", data, "--break-every", "0", stdout=subprocess.DEVNULL
        )
        try:
            async with httpx.AsyncClient(trust_env=False) as client, async_playwright() as playwright:
                await ready(client)
                crowd = asyncio.create_task(audience(client))
                browser = await playwright.chromium.launch(
                    executable_path="/usr/bin/chromium", args=CHROMIUM_ARGUMENTS
                )
                await take(browser)
                await browser.close()
                crowd.cancel()
                await asyncio.gather(crowd, return_exceptions=True)
        finally:
            machine.terminate()
            await machine.wait()


if __name__ == "__main__":
    asyncio.run(main())
