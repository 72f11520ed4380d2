"""Hetzner's metadata service: answers each server, known by its address, with its own documents below /srv/metadata/ADDRESS/."""
import http.server
import pathlib

ROOT = pathlib.Path("/srv/metadata")
PREFIX = "/hetzner/v1/"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.removeprefix(PREFIX).strip("/").replace("/", ".") if self.path.startswith(PREFIX) else ""
        path = ROOT / self.client_address[0] / name
        if not name or ".." in name or not path.is_file():
            self.send_error(404)
            return
        body = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        print(self.client_address[0], format % args, flush=True)


http.server.ThreadingHTTPServer(("169.254.169.254", 80), Handler).serve_forever()
