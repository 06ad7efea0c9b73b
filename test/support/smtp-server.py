"""A real SMTP server for tests: prints its port and certificate, then each message, as lines of JSON.

With the argument `tls` it offers STARTTLS under a certificate of its own and takes nobody without the login
`millwright` / `p@ss word`. Recipients at refused.example get a 550, those at later.example a 451. Ends with its stdin.
"""

import asyncio
import datetime
import json
import ssl
import sys
import tempfile

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def say(line):
    print(json.dumps(line), flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.endswith("@refused.example"):
            return "550 no such mailbox"
        if address.endswith("@later.example"):
            return "451 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        data = envelope.content.decode("utf8", "surrogateescape")
        login = session.auth_data.decode() if session.auth_data else None
        say({"from": envelope.mail_from, "to": envelope.rcpt_tos, "data": data, "isTls": session.ssl is not None, "login": login})
        return "250 taken"


def certificate():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, private


def authenticate(server, session, envelope, mechanism, auth_data):
    is_known = (auth_data.login, auth_data.password) == (b"millwright", b"p@ss word")
    return AuthResult(success=is_known, handled=False, auth_data=auth_data.login)


options, pem = {}, None
if "tls" in sys.argv:
    pem, private = certificate()
    with tempfile.NamedTemporaryFile() as file:
        file.write(private + pem)
        file.flush()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file.name)
    options = dict(tls_context=context, require_starttls=True, auth_required=True, authenticator=authenticate)

controller = Controller(Handler(), hostname="127.0.0.1", port=0, **options)


async def main():
    server = await asyncio.get_running_loop().create_server(controller._factory_invoker, host="127.0.0.1", port=0)
    say({"port": server.sockets[0].getsockname()[1], "certificate": pem and pem.decode()})
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
