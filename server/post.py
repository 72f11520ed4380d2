"""POST standard input, JSON, to the address in a file. Debian's cloud-init brings Python; curl would show the address in its arguments."""

import sys
import urllib.error
import urllib.request

with open(sys.argv[1], encoding="utf-8") as file:
    address = file.read().strip()
request = urllib.request.Request(address, data=sys.stdin.buffer.read(), headers={"Content-Type": "application/json", "User-Agent": "berth"})
try:
    with urllib.request.urlopen(request, timeout=30) as response:
        print(f"the webhook answered {response.status}", file=sys.stderr)
except urllib.error.HTTPError as error:
    sys.exit(f"the webhook answered {error.code}: required 2xx")
except (OSError, ValueError) as error:
    # Without the address: a reason may hold it.
    sys.exit(f"the webhook did not answer: {type(error).__name__} {getattr(error, 'reason', '') if isinstance(error, urllib.error.URLError) else ''}")
