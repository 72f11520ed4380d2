"""POST standard input, JSON, to the address in a file. Debian's cloud-init brings Python; curl would show the address in its arguments."""

import http.client
import sys
import urllib.error
import urllib.request


class NotFollowed(urllib.request.HTTPRedirectHandler):
    """A redirected POST becomes a GET without the message: what answers 200 then has heard nothing."""

    def redirect_request(self, *_):
        return None


def said(error):
    """Without the address, which is secret: other reasons may hold it."""
    return f"{type(error).__name__} {error.reason if isinstance(error, urllib.error.URLError) else ''}".strip()


with open(sys.argv[1], encoding="utf-8") as file:
    address = file.read().strip()
try:
    request = urllib.request.Request(address, data=sys.stdin.buffer.read(), headers={"Content-Type": "application/json", "User-Agent": "berth"})
    with urllib.request.build_opener(NotFollowed).open(request, timeout=30) as response:
        print(f"the webhook answered {response.status}", file=sys.stderr)
except urllib.error.HTTPError as error:
    sys.exit(f"the webhook answered {error.code}: required 2xx{'; berth:secrets.alertWebhook must be the address that this one leads to' if 300 <= error.code < 400 else ''}")
except (OSError, ValueError, http.client.HTTPException) as error:
    sys.exit(f"the webhook did not answer: {said(error)}")
