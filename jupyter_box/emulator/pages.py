"""What the emulator says of itself: that it is not Box."""

from __future__ import annotations

SERVER = "jupyter-box-emulator (not Box)"
WARNING = "This is not Box. It is the jupyter-box emulator: a local imitation of the Box API for demos and tests."


def front(base: str) -> str:
    """Return the page at `/`."""
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Not Box</title>"
        "<body style='font-family:sans-serif;max-width:40em;margin:4em auto'><h1>This is not Box</h1>"
        f"<p>{WARNING}</p><p>API: <code>{base}/2.0</code>, uploads: <code>{base}/api/2.0</code>, "
        f"tokens: <code>{base}/api/oauth2/token</code>. Keep no real data here.</p></body></html>"
    )
