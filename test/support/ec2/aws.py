"""usage: aws.py ADDRESS KEYSTORE - AWS by TLS at ADDRESS (moto), and an instance's metadata service where all look for it."""

import contextlib
import http.server
import json
import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

TOKEN = "metadata-token"
CREDENTIALS = {
    "Code": "Success",
    "Type": "AWS-HMAC",
    "AccessKeyId": "AKIAINSTANCE",
    "SecretAccessKey": "instance-secret",
    "Token": "session-token",
    "LastUpdated": "2026-11-01T00:00:00Z",
    "Expiration": "2036-11-01T00:00:00Z",
}
ROLES = "/latest/meta-data/iam/security-credentials/"


class Metadata(http.server.BaseHTTPRequestHandler):
    """Version 2 only: without a token it answers nothing."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        wanted = self.path == "/latest/api/token" and self.headers["x-aws-ec2-metadata-token-ttl-seconds"]
        self.answer(200 if wanted else 400, TOKEN)

    def do_GET(self):
        if self.headers["x-aws-ec2-metadata-token"] != TOKEN:
            self.answer(401, "")
        elif self.path.rstrip("/") == ROLES.rstrip("/"):
            self.answer(200, "timescale-role")
        elif self.path == "/latest/meta-data/local-ipv4":
            self.answer(200, self.client_address[0])
        elif self.path == ROLES + "timescale-role":
            self.answer(200, json.dumps(CREDENTIALS))
        else:
            self.answer(404, "")

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


metadata = http.server.ThreadingHTTPServer(("169.254.169.254", 80), Metadata)
threading.Thread(target=metadata.serve_forever, daemon=True).start()

class EndsTlsInOrder(WSGIRequestHandler):
    """A connection that ends without TLS's own word for it is a broken one to pgBackRest, as it should be."""

    def finish(self):
        super().finish()
        self.connection.settimeout(5)
        with contextlib.suppress(OSError):
            self.connection.unwrap()


address, keystore = sys.argv[1:]
moto = DomainDispatcherApplication(create_backend_app)
tls = {"ssl_context": (keystore, keystore), "request_handler": EndsTlsInOrder}
make_server(address, 443, moto, threaded=True, **tls).serve_forever()
