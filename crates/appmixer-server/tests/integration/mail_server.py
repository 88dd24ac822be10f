"""A real SMTP server for the tests: says what it took, one JSON object a line.

Arguments, as JSON: port, tls ("none", "starttls" or "implicit"), cert and key (PEM files), user and password
(which it then asks for), refuse (a recipient), utf8 (whether it has SMTPUTF8), replies (by command, what it
answers in the place of its own replies, one after the other; the last one of a list that ends with null stays).
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

options = json.loads(sys.argv[1])


def say(**event):
    print(json.dumps(event), flush=True)


def reply(command):
    waiting = options.get("replies", {}).get(command, [])
    if not waiting:
        return None
    said = waiting[0] if waiting[1:] == [None] else waiting.pop(0)
    say(said=said)
    return said


class Handler:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        said = reply("EHLO")
        if said:
            return [said]
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        said = reply("MAIL")
        if said:
            return said
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        said = reply("RCPT")
        if said:
            return said
        if address == options.get("refuse"):
            say(refused=address)
            return f"550 5.1.1 <{address}>: no such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        said = reply("DATA")
        if said:
            return said
        say(
            helo=session.host_name,
            mail_from=envelope.mail_from,
            to=envelope.rcpt_tos,
            data=envelope.content.decode("utf-8"),
            tls=session.ssl is not None or options["tls"] == "implicit",
            authenticated=bool(session.authenticated),
        )
        return "250 2.0.0 OK: queued as 4711"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == (
        options.get("user"),
        options.get("password"),
    )
    say(auth=good)
    # Not handled: the server itself answers 535.
    return AuthResult(success=good, handled=False)


async def main():
    context = None
    if options["tls"] != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options["cert"], options["key"])
    wants_password = "user" in options

    def session():
        return SMTP(
            Handler(),
            hostname="mail.test",
            tls_context=context if options["tls"] == "starttls" else None,
            authenticator=authenticate if wants_password else None,
            auth_required=wants_password,
            auth_require_tls=False,
            enable_SMTPUTF8=options.get("utf8", True),
        )

    implicit = context if options["tls"] == "implicit" else None
    server = await asyncio.get_running_loop().create_server(
        session, "127.0.0.1", options.get("port", 0), ssl=implicit
    )
    say(port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
