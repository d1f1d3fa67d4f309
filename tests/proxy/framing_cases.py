"""HTTP/1.1 messages with what must become of them: the table behind `test_conformance`.

Each case is one message as bytes, a verdict, and why where it is not plain from the name. `PASS`:
it goes through as it is and the connection lives on; `CLOSE`: it goes through and the connection
ends after it; a number: the edge answers with this status and nothing of the message goes on;
`BREAK`: its head went on before what is wrong came, so the connection is reset. Where less goes
through than came, `passed` is that part. RFC numbers in the reasons are sections of RFC 9112
unless they say otherwise.
"""

from typing import NamedTuple

PASS, CLOSE, BREAK = "pass", "close", "break"


class Case(NamedTuple):
    raw: bytes
    verdict: str | int
    why: str = ""
    passed: bytes | None = None
    method: bytes = b"GET"
    """Of the request that an answer answers."""


HOST = b"Host: shop\r\n"


def get(fields: bytes = b"", target: bytes = b"/") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + fields + b"\r\n"


def post(fields: bytes, body: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body


def hosted(fields: bytes, version: bytes = b"1.1") -> bytes:
    return b"GET / HTTP/" + version + b"\r\n" + fields + b"\r\n"


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked\r\n", body)


END = b"0\r\n\r\n"
ABC = b"3\r\nabc\r\n"

REQUEST_LINES = {
    "GET": Case(get(), PASS),
    "HEAD": Case(b"HEAD / HTTP/1.1\r\n" + HOST + b"\r\n", PASS),
    "a method in lower case": Case(
        b"get / HTTP/1.1\r\n" + HOST + b"\r\n", PASS, "methods are any token; upstream decides"
    ),
    "a method nobody knows": Case(b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", PASS),
    "a method of signs": Case(b"!#$%&'*+-.^_`|~ / HTTP/1.1\r\n" + HOST + b"\r\n", PASS),
    "a method with a brace": Case(b"G{T / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a method in quotes": Case(b'"GET" / HTTP/1.1\r\n' + HOST + b"\r\n", 400),
    "no method": Case(b" / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "no target": Case(b"GET HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "two spaces before the target": Case(b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "two spaces after the target": Case(b"GET /  HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "tabs for spaces": Case(b"GET\t/\tHTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a form feed for a space": Case(b"GET\x0c/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "space after the version": Case(b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n", 400),
    "a line feed before the version": Case(b"GET /\nHTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "HTTP/0.9": Case(b"GET /\r\n\r\n", 400),
    "http in lower case": Case(b"GET / http/1.1\r\n" + HOST + b"\r\n", 400, "2.3"),
    "HTTP/1.1 with a comma": Case(b"GET / HTTP/1,1\r\n" + HOST + b"\r\n", 400),
    "no version": Case(b"GET / HTTP/\r\n" + HOST + b"\r\n", 400),
    "another protocol": Case(b"GET / RTSP/1.0\r\n" + HOST + b"\r\n", 400),
    "HTTP/1.2": Case(b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 505),
    "HTTP/1.10": Case(b"GET / HTTP/1.10\r\n" + HOST + b"\r\n", 505),
    "HTTP/2 by name": Case(b"GET / HTTP/2\r\n" + HOST + b"\r\n", 505),
    "the HTTP/2 preface": Case(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "TLS": Case(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "told before its end"),
    "TLS with line ends": Case(b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    "empty lines first": Case(b"\r\n\r\n" + get(), PASS, "2.2: passed over", passed=get()),
    "a bare line feed first": Case(b"\n" + get(), 400),
    "a bare carriage return first": Case(b"\r" + get(), 400),
    "space first": Case(b" " + get(), 400),
    "NUL first": Case(b"\x00" + get(), 400),
    "an answer": Case(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 400),
}

TARGETS = {
    "a query": Case(get(target=b"/a?b=c&d"), PASS),
    "everything a path may have": Case(get(target=b"/%20~!$&'()*+,;=:@-._"), PASS),
    "two slashes": Case(get(target=b"//there/x"), PASS, "a path all the same"),
    "bad percent encoding": Case(get(target=b"/%zz%"), PASS, "upstream decides"),
    "a fragment": Case(get(target=b"/a#b"), PASS, "upstream decides"),
    "quotes and braces": Case(get(target=b'/"<>\\^`{|}'), PASS, "upstream decides"),
    "raw UTF-8": Case(get(target="/grün".encode()), PASS, "upstream decides"),
    "NUL in the target": Case(get(target=b"/\x00"), 400),
    "a control in the target": Case(get(target=b"/\x0b"), 400),
    "DEL in the target": Case(get(target=b"/\x7f"), 400),
    "a tab in the target": Case(get(target=b"/\t"), 400),
    "a space in the target": Case(
        get(target=b"/a b"), 400, "3: MUST NOT be repaired by forwarding"
    ),
    "a bare carriage return in the target": Case(get(target=b"/\r"), 400),
    "a name for a target": Case(get(target=b"shop"), 400),
    "host and port for a target": Case(get(target=b"shop:80"), 400),
    "asterisk for OPTIONS": Case(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", PASS),
    "asterisk for GET": Case(get(target=b"*"), 400),
    "CONNECT": Case(b"CONNECT shop:443 HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "an absolute target": Case(get(target=b"http://shop/a"), PASS),
    "an absolute target with another host": Case(
        get(target=b"http://other/a"), PASS, "3.2.2: the target counts; the edge routes by neither"
    ),
    "an absolute target in capitals": Case(get(target=b"HTTPS://SHOP:443"), PASS),
    "an absolute target with a user": Case(get(target=b"http://user:pw@shop/"), PASS),
    "an absolute target with two users": Case(get(target=b"http://a@b@shop/"), 400),
    "an absolute target without a host": Case(get(target=b"http:///a"), 400, "RFC 9110, 4.2.1"),
    "an absolute target with only a port": Case(get(target=b"http://:80/a"), 400),
    "an absolute target with a bad host": Case(get(target=b"http://sh[op/"), 400),
    "another scheme": Case(get(target=b"ftp://shop/a"), 400),
    "a long target": Case(get(target=b"/" + b"x" * 20_000), 414),
    "an endless target": Case(b"GET /" + b"x" * 40_000, 414),
}

HOSTS = {
    "no Host": Case(hosted(b""), 400, "3.2"),
    "no Host in 1.0": Case(hosted(b"", b"1.0"), CLOSE),
    "two Hosts": Case(hosted(b"Host: a\r\nHost: b\r\n"), 400, "3.2"),
    "the same Host twice": Case(hosted(b"Host: a\r\nHost: a\r\n"), 400, "3.2"),
    "two Hosts in two spellings": Case(hosted(b"Host: a\r\nhOST: b\r\n"), 400),
    "two Hosts in 1.0": Case(hosted(b"Host: a\r\nHost: b\r\n", b"1.0"), 400),
    "two Hosts in one": Case(hosted(b"Host: a, b\r\n"), 400),
    "two Hosts, the first before space and colon": Case(hosted(b"Host : a\r\nHost: b\r\n"), 400),
    "an empty Host": Case(hosted(b"Host:\r\n"), PASS, "3.2: for targets without authority"),
    "a port": Case(hosted(b"Host: shop:8080\r\n"), PASS),
    "an empty port": Case(hosted(b"Host: shop:\r\n"), PASS, "RFC 3986, 3.2.3"),
    "IPv6": Case(hosted(b"Host: [::1]:80\r\n"), PASS),
    "underscores and capitals": Case(hosted(b"Host: The_Shop.local\r\n"), PASS),
    "a port that is no number": Case(hosted(b"Host: shop:eighty\r\n"), 400),
    "a signed port": Case(hosted(b"Host: shop:+80\r\n"), 400),
    "space in the Host": Case(hosted(b"Host: a b\r\n"), 400),
    "a path in the Host": Case(hosted(b"Host: shop/x\r\n"), 400),
    "a user in the Host": Case(hosted(b"Host: a@shop\r\n"), 400),
    "a URL for a Host": Case(hosted(b"Host: http://shop\r\n"), 400),
    "a query in the Host": Case(hosted(b"Host: shop?x\r\n"), 400),
    "raw UTF-8 in the Host": Case(hosted("Host: grün\r\n".encode()), 400),
}

FIELDS = {
    "no space after the colon": Case(get(b"X-A:1\r\n"), PASS),
    "space and tabs around a value": Case(get(b"X-A: \t 1\t 2 \t\r\n"), PASS),
    "an empty value": Case(get(b"X-A:\r\n"), PASS),
    "a value of bytes": Case(get(b"X-A: \x80\xff\r\n"), PASS, "RFC 9110, 5.5: obs-text"),
    "a name of signs": Case(get(b"!#$%&'*+-.^_`|~: 1\r\n"), PASS),
    "the same name twice": Case(get(b"Cookie: a\r\nCookie: b\r\n"), PASS),
    "a hundred fields": Case(get(b"X: 1\r\n" * 99), PASS),
    "too many fields": Case(get(b"X: 1\r\n" * 150), 431),
    "a big head": Case(get(b"X: " + b"1" * 60_000 + b"\r\n"), PASS),
    "too big a head": Case(get(b"X: " + b"1" * 70_000 + b"\r\n"), 431),
    "an endless head": Case(get()[:-2] + b"X: " + b"1" * 70_000, 431),
    "space before the colon": Case(get(b"X-A : 1\r\n"), 400, "5.1"),
    "a tab before the colon": Case(get(b"X-A\t: 1\r\n"), 400, "5.1"),
    "space before the name": Case(get(b" X-A: 1\r\n"), 400, "2.2, 5.2"),
    "folded": Case(get(b"X-A: 1\r\n 2\r\n"), 400, "5.2"),
    "folded with a tab": Case(get(b"X-A: 1\r\n\t2\r\n"), 400, "5.2"),
    "folded before anything": Case(b"GET / HTTP/1.1\r\n " + HOST + b"\r\n", 400, "2.2"),
    "a line of space": Case(get(b"X-A: 1\r\n \r\n"), 400),
    "no colon": Case(get(b"X-A\r\n"), 400),
    "no name": Case(get(b": 1\r\n"), 400),
    "space in a name": Case(get(b"X A: 1\r\n"), 400),
    "a bracket in a name": Case(get(b"X(A): 1\r\n"), 400),
    "a byte in a name": Case(get(b"X-\xff: 1\r\n"), 400),
    "NUL in a name": Case(get(b"X\x00A: 1\r\n"), 400),
    "NUL in a value": Case(get(b"X-A: \x00\r\n"), 400, "RFC 9110, 5.5"),
    "a control in a value": Case(get(b"X-A: \x0b\r\n"), 400),
    "DEL in a value": Case(get(b"X-A: \x7f\r\n"), 400),
    "bare line feeds": Case(b"GET / HTTP/1.1\nHost: shop\n\n", 400, "2.2 lets one, many do not"),
    "a bare line feed after a value": Case(get(b"X-A: 1\nX-B: 2\r\n"), 400),
    "a bare line feed in a name": Case(get(b"X-\nA: 1\r\n"), 400),
    "a bare line feed at the end": Case(get()[:-2] + b"\n", 400),
    "a bare carriage return in a value": Case(get(b"X-A: 1\rX-B: 2\r\n"), 400, "2.2"),
    "a bare carriage return for a value": Case(get(b"X-A:\rX-B: 2\r\n"), 400),
    "two carriage returns": Case(get(b"X-A: 1\r\r\n"), 400),
    "a carriage return and more at the end": Case(get()[:-2] + b"\rZGET / HTTP/1.1\r\n\r\n", 400),
}

LENGTHS = {
    "a length": Case(post(b"Content-Length: 4\r\n", b"\r\n\x00x"), PASS),
    "a length of nothing": Case(post(b"Content-Length: 0\r\n"), PASS),
    "a length with zeros before it": Case(post(b"Content-Length: 0004\r\n", b"abcd"), PASS),
    "a length with space around it": Case(post(b"Content-Length: \t4 \t\r\n", b"abcd"), PASS),
    "a length for GET": Case(get(b"Content-Length: 4\r\n") + b"abcd", PASS, "RFC 9110, 9.3.1"),
    "a length for HEAD": Case(
        b"HEAD / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\nabcd", PASS
    ),
    "a length in an odd spelling": Case(post(b"cONTENT-lENGTH: 4\r\n", b"abcd"), PASS),
    "no length for POST": Case(post(b""), PASS, "6.3: no body"),
    "a length with an underscore in its name": Case(
        post(b"Content_Length: 4\r\n"), PASS, "another field, also for upstream"
    ),
    "a length named in Connection": Case(
        post(b"Connection: content-length\r\nContent-Length: 4\r\n", b"abcd"),
        PASS,
        "the edge drops no field, so both sides see it",
    ),
    "two lengths": Case(post(b"Content-Length: 4\r\nContent-Length: 5\r\n", b"abcd"), 400),
    "the same length twice": Case(
        post(b"Content-Length: 4\r\nContent-Length: 4\r\n", b"abcd"), 400, "6.3: may be refused"
    ),
    "a list of lengths": Case(post(b"Content-Length: 4, 4\r\n", b"abcd"), 400),
    "an empty item before a length": Case(post(b"Content-Length: ,4\r\n", b"abcd"), 400),
    "two numbers": Case(post(b"Content-Length: 4 4\r\n", b"abcd"), 400),
    "a parameter after a length": Case(post(b"Content-Length: 4;x\r\n", b"abcd"), 400),
    "a positive length": Case(post(b"Content-Length: +4\r\n", b"abcd"), 400),
    "a negative length": Case(post(b"Content-Length: -4\r\n", b"abcd"), 400),
    "a length below nothing": Case(post(b"Content-Length: -0\r\n"), 400),
    "a hexadecimal length": Case(post(b"Content-Length: 0x4\r\n", b"abcd"), 400),
    "a length with an exponent": Case(post(b"Content-Length: 1e1\r\n", b"abcdefghij"), 400),
    "a length with a point": Case(post(b"Content-Length: 4.0\r\n", b"abcd"), 400),
    "a length in quotes": Case(post(b'Content-Length: "4"\r\n', b"abcd"), 400),
    "an underscore in a length": Case(post(b"Content-Length: 1_0\r\n", b"abcdefghij"), 400),
    "a length in other digits": Case(post("Content-Length: ４\r\n".encode(), b"abcd"), 400),
    "a length in superscript": Case(post(b"Content-Length: \xb2\r\n", b"ab"), 400),
    "an empty length": Case(post(b"Content-Length:\r\n"), 400),
    "a length beyond 63 bits": Case(post(b"Content-Length: 9223372036854775808\r\n"), 400),
    "a length beyond 64 bits": Case(post(b"Content-Length: 18446744073709551620\r\n"), 400),
    "a length folded": Case(post(b"Content-Length:\r\n 4\r\n", b"abcd"), 400),
    "a length after a fold": Case(post(b"X-A: 1\r\n Content-Length: 4\r\n", b"abcd"), 400),
    "a length after a bare line feed": Case(post(b"X-A: 1\nContent-Length: 4\r\n", b"abcd"), 400),
    "space before a length's colon": Case(post(b"Content-Length : 4\r\n", b"abcd"), 400),
    "NUL after a length's name": Case(post(b"Content-Length\x00: 4\r\n", b"abcd"), 400),
}

BOTH = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
CODINGS = {
    "chunked": Case(chunked(ABC + END), PASS),
    "chunked in capitals": Case(post(b"TRANSFER-ENCODING: Chunked\r\n", ABC + END), PASS),
    "chunked for GET": Case(get(b"Transfer-Encoding: chunked\r\n") + ABC + END, PASS),
    "no space before chunked": Case(post(b"Transfer-Encoding:chunked\r\n", END), PASS),
    "space around chunked": Case(post(b"Transfer-Encoding: \tchunked\t \r\n", END), PASS),
    "gzip and chunked": Case(post(b"Transfer-Encoding: gzip, chunked\r\n", ABC + END), PASS),
    "gzip,chunked": Case(post(b"Transfer-Encoding: gzip,chunked\r\n", ABC + END), PASS),
    "chunked with an underscore in its name": Case(
        post(b"Content-Length: 5\r\nTransfer_Encoding: chunked\r\n", END), PASS, "another field"
    ),
    "TE is something else": Case(get(b"TE: trailers, chunked\r\n"), PASS),
    "a length, then chunked": Case(post(BOTH, END), 400, "6.3: smuggling"),
    "chunked, then a length": Case(
        post(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", END), 400, "6.3: smuggling"
    ),
    "a length beside something like chunked": Case(
        post(b"Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n", END), 400
    ),
    "a length beside an empty coding": Case(
        post(b"Content-Length: 5\r\nTransfer-Encoding:\r\n", END), 400
    ),
    "chunked in 1.0": Case(
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + END, 400, "6.1"
    ),
    "chunked twice": Case(post(b"Transfer-Encoding: chunked, chunked\r\n", END), 400, "7.1"),
    "chunked in two fields": Case(
        post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", END), 400
    ),
    "chunked, then identity in another field": Case(
        post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", END), 400
    ),
    "gzip and chunked in two fields": Case(
        post(b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", END),
        400,
        "one list says the same, and two readers may each take one of two fields",
    ),
    "chunked not last": Case(post(b"Transfer-Encoding: chunked, gzip\r\n", END), 400, "6.3"),
    "not chunked at all": Case(post(b"Transfer-Encoding: gzip\r\n"), 400, "6.3"),
    "identity": Case(post(b"Transfer-Encoding: identity\r\n"), 400, "no such coding any more"),
    "an empty coding": Case(post(b"Transfer-Encoding:\r\n"), 400),
    "an empty item before chunked": Case(post(b"Transfer-Encoding: , chunked\r\n", END), 400),
    "an empty item after chunked": Case(post(b"Transfer-Encoding: chunked,\r\n", END), 400),
    "something like chunked": Case(post(b"Transfer-Encoding: xchunked\r\n", END), 400),
    "chunked with a letter more": Case(post(b"Transfer-Encoding: chunkedx\r\n", END), 400),
    "chunked with a parameter": Case(post(b"Transfer-Encoding: chunked;q=1\r\n", END), 400),
    "chunked in quotes": Case(post(b'Transfer-Encoding: "chunked"\r\n', END), 400),
    "chunked without commas": Case(post(b"Transfer-Encoding: gzip chunked\r\n", END), 400),
    "chunked after a control": Case(post(b"Transfer-Encoding: \x0bchunked\r\n", END), 400),
    "chunked before a control": Case(post(b"Transfer-Encoding: chunked\x0c\r\n", END), 400),
    "chunked before a byte": Case(post(b"Transfer-Encoding: chunked\xa0\r\n", END), 400),
    "chunked before NUL": Case(post(b"Transfer-Encoding: chunked\x00\r\n", END), 400),
    "chunked folded": Case(post(b"Transfer-Encoding:\r\n chunked\r\n", END), 400),
    "chunked after a bare line feed": Case(
        post(b"X-A: 1\nTransfer-Encoding: chunked\r\n", END), 400
    ),
    "space before chunked's colon": Case(post(b"Transfer-Encoding : chunked\r\n", END), 400),
    "a tab before chunked's colon": Case(post(b"Transfer-Encoding\t: chunked\r\n", END), 400),
    "space before Transfer-Encoding": Case(post(b" Transfer-Encoding: chunked\r\n", END), 400),
    "a coding nobody knows before chunked": Case(
        post(b"Transfer-Encoding: zip, chunked\r\n", END), 501, "6.1"
    ),
}

CHUNKS = {
    "sizes in both cases": Case(chunked(b"A\r\n0123456789\r\na\r\n0123456789\r\n" + END), PASS),
    "no chunk but the last": Case(chunked(END), PASS),
    "zeros before a size": Case(chunked(b"000000000000003\r\nabc\r\n000\r\n\r\n"), PASS),
    "line ends in a chunk": Case(chunked(b"5\r\n0\r\n\r\n\r\n" + END), PASS),
    "extensions": Case(chunked(b'3;a;b=c;d="e;\t\\"f"\r\nabc\r\n0;last\r\n\r\n'), PASS),
    "space around an extension": Case(chunked(b"3 ; a = b\r\nabc\r\n" + END), PASS, "7.1.1: BWS"),
    "bytes in a quoted extension": Case(chunked(b'3;a="\xff"\r\nabc\r\n' + END), PASS),
    "a long extension": Case(chunked(b"3;" + b"x" * 8000 + b"\r\nabc\r\n" + END), PASS),
    "many long extensions": Case(chunked((b"1;" + b"x" * 3000 + b"\r\na\r\n") * 20 + END), PASS),
    "a thousand chunks of a byte": Case(chunked(b"1\r\na\r\n" * 1000 + END), PASS),
    "trailers": Case(chunked(ABC + b"0\r\nX-A: 1\r\nEmpty:\r\n\r\n"), PASS),
    "trailers about framing": Case(
        chunked(b"0\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\nHost: b\r\n\r\n"),
        PASS,
        "RFC 9110, 6.5.1: a reader ignores them, and so does the edge",
    ),
    "an extension of nothing": Case(chunked(b"3;\r\nabc\r\n" + END), 400, "7.1.1"),
    "an extension that is no token": Case(chunked(b"3;@=(\r\nabc\r\n" + END), 400, "7.1.1"),
    "an extension with half a quote": Case(chunked(b'3;a="b\r\nabc\r\n' + END), 400, "7.1.1"),
    "an extension of bytes": Case(chunked(b"3;\xff\r\nabc\r\n" + END), 400, "7.1.1"),
    "an extension that escapes its end": Case(chunked(b'3;a="\\\r\nabc\r\n' + END), 400),
    "too long an extension": Case(chunked(b"3;" + b"x" * 9000 + b"\r\nabc\r\n" + END), 400),
    "an endless extension": Case(chunked(b"3;" + b"x" * 9000), 400),
    "too many trailers": Case(chunked(b"0\r\n" + b"X: 1\r\n" * 20_000 + b"\r\n"), 400),
    "no size": Case(chunked(b"\r\nabc\r\n" + END), 400),
    "a size that is no number": Case(chunked(b"g\r\nabc\r\n" + END), 400),
    "a positive size": Case(chunked(b"+3\r\nabc\r\n" + END), 400),
    "a negative size": Case(chunked(b"-3\r\nabc\r\n" + END), 400),
    "a size with 0x": Case(chunked(b"0x3\r\nabc\r\n" + END), 400),
    "a size with an underscore": Case(chunked(b"0_3\r\nabc\r\n" + END), 400),
    "a size with h": Case(chunked(b"3h\r\nabc\r\n" + END), 400),
    "a size beyond 60 bits": Case(chunked(b"fffffffffffffff0\r\nabc\r\n" + END), 400),
    "a size beyond 64 bits": Case(chunked(b"10000000000000003\r\nabc\r\n" + END), 400),
    "a size of many zeros": Case(
        chunked(b"0000000000000003\r\nabc\r\n" + END), 400, "some readers keep the last 64 bits"
    ),
    "space before a size": Case(chunked(b" 3\r\nabc\r\n" + END), 400),
    "space after a size": Case(chunked(b"3 \r\nabc\r\n" + END), 400, "7.1.1: only before ';'"),
    "space for a semicolon": Case(chunked(b"3 a\r\nabc\r\n" + END), 400),
    "a comma for a semicolon": Case(chunked(b"3,a\r\nabc\r\n" + END), 400),
    "a bare line feed after a size": Case(chunked(b"3\nabc\r\n" + END), 400, "TERM.EXT"),
    "a bare line feed in an extension": Case(chunked(b"3;a\nabc\r\n" + END), 400, "TERM.EXT"),
    "a bare line feed after a semicolon": Case(chunked(b"3;\nabc\r\n" + END), 400),
    "a bare line feed after a chunk": Case(chunked(b"3\r\nabc\n" + END), 400, "TERM.SPILL"),
    "a bare line feed for the last size": Case(chunked(ABC + b"0\n\r\n"), 400),
    "a bare line feed at the very end": Case(chunked(ABC + b"0\r\n\n"), 400),
    "a bare carriage return after a size": Case(chunked(b"3\rabc\r\n" + END), 400),
    "a bare carriage return before a semicolon": Case(chunked(b"2\r\r;a\r\n02\r\n" + END), 400),
    "a bare carriage return in an extension": Case(chunked(b"3;a\rb\r\nabc\r\n" + END), 400),
    "a line end in a quoted extension": Case(chunked(b'3;a="\r\nabc\r\n"\r\n' + END), 400),
    "NUL in an extension": Case(chunked(b"3;\x00\r\nabc\r\n" + END), 400),
    "a chunk longer than its size": Case(chunked(b"3\r\nabcd\r\n" + END), 400),
    "a chunk shorter than its size": Case(chunked(b"5\r\nabc\r\n" + END), 400),
    "no line end after a chunk": Case(chunked(b"3\r\nabc" + END), 400),
    "two bytes for a line end": Case(chunked(b"3\r\nabcXX" + END), 400),
    "a trailer with space before its colon": Case(chunked(b"0\r\nX : 1\r\n\r\n"), 400),
    "a trailer folded": Case(chunked(b"0\r\nX: 1\r\n 2\r\n\r\n"), 400),
    "a trailer without a colon": Case(chunked(b"0\r\nX\r\n\r\n"), 400),
    "a trailer after a bare line feed": Case(chunked(b"0\r\nX: 1\nY: 2\r\n\r\n"), 400),
    "a request for a trailer": Case(chunked(b"0\r\nGET /evil HTTP/1.1\r\n\r\n"), 400),
}

CONNECTIONS = {
    "close": Case(get(b"Connection: close\r\n"), CLOSE),
    "close among others": Case(get(b"Connection: x, Close ,y\r\n"), CLOSE),
    "close among nothing": Case(get(b"Connection: ,,close\r\n"), CLOSE),
    "close in a second field": Case(get(b"Connection: x\r\nConnection: close\r\n"), CLOSE),
    "close wins": Case(get(b"Connection: keep-alive, close\r\n"), CLOSE, "9.3"),
    "something like close": Case(get(b"Connection: closed, not-close\r\n"), PASS),
    "close for a proxy": Case(get(b"Proxy-Connection: close\r\n"), PASS, "no such field"),
    "1.0": Case(hosted(HOST, b"1.0"), CLOSE, "9.3"),
    "1.0 keeps alive": Case(hosted(HOST + b"Connection: Keep-Alive\r\n", b"1.0"), PASS, "9.3"),
    "an expectation": Case(post(b"Expect: 100-Continue\r\nContent-Length: 3\r\n", b"abc"), PASS),
    "an expectation nobody knows": Case(get(b"Expect: 200-ok\r\n"), PASS, "upstream answers 417"),
    "an expectation without a body": Case(get(b"Expect: 100-continue\r\n"), PASS),
    "an upgrade that is refused": Case(get(b"Connection: upgrade\r\nUpgrade: h2c\r\n"), PASS),
    "an upgrade named nowhere": Case(get(b"Upgrade: websocket\r\n"), PASS, "RFC 9110, 7.8"),
}

REQUESTS: dict[str, Case] = {
    **REQUEST_LINES,
    **TARGETS,
    **HOSTS,
    **FIELDS,
    **LENGTHS,
    **CODINGS,
    **CHUNKS,
    **CONNECTIONS,
}


def ok(fields: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    return b"HTTP/" + version + b" 200 OK\r\n" + fields + b"\r\n" + body


TWO = b"Content-Length: 2\r\n"
CODED = b"Transfer-Encoding: chunked\r\n"
EMPTY_200 = ok(b"Content-Length: 0\r\n")

STATUS_LINES = {
    "an answer": Case(ok(TWO, b"ok"), PASS),
    "no phrase": Case(b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", PASS),
    "not even a space": Case(
        b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", PASS, "4 wants the space, servers forget it"
    ),
    "a phrase of bytes": Case(b"HTTP/1.1 200 \xe4\t!\r\nContent-Length: 0\r\n\r\n", PASS),
    "a status nobody knows": Case(b"HTTP/1.1 799 Odd\r\nContent-Length: 1\r\n\r\nx", PASS),
    "999": Case(b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n", PASS),
    "a status of two digits": Case(b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", 502),
    "a status of four digits": Case(b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", 502),
    "a status below 100": Case(b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", 502),
    "a status that is no number": Case(b"HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", 502),
    "two spaces before a status": Case(b"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n", 502),
    "NUL in a phrase": Case(b"HTTP/1.1 200 O\x00K\r\nContent-Length: 0\r\n\r\n", 502),
    "another protocol": Case(b"ICY 200 OK\r\nContent-Length: 0\r\n\r\n", 502),
    "http in lower case": Case(b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 502),
    "HTTP/2": Case(b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", 502),
    "HTTP/0.9": Case(b"<html>hello\r\n", 502, "told at the end of its first line"),
    "an SSH server": Case(b"SSH-2.0-OpenSSH_9.6\r\n", 502, "told at the end of its first line"),
    "an empty line first": Case(b"\r\n" + EMPTY_200, 502, "2.2 is for requests"),
    "a request": Case(get(), 502),
}

INTERIM = {
    "a hint": Case(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + EMPTY_200, PASS),
    "a flood of interim answers": Case(b"HTTP/1.1 100 Continue\r\n\r\n" * 500 + EMPTY_200, PASS),
    "an interim status nobody knows": Case(b"HTTP/1.1 199 X\r\n\r\n" + EMPTY_200, PASS),
    "a length on an interim answer": Case(
        b"HTTP/1.1 103 X\r\nContent-Length: 2\r\n\r\n" + EMPTY_200, PASS, "6.3: no body"
    ),
    "switching without being asked": Case(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 502),
}

NO_BODY = {
    "204": Case(b"HTTP/1.1 204 No Content\r\n\r\n", PASS),
    "204 with a length": Case(
        b"HTTP/1.1 204 No Content\r\n" + TWO + b"\r\nok",
        PASS,
        "6.3: it has none; what follows is no answer to anything",
        passed=b"HTTP/1.1 204 No Content\r\n" + TWO + b"\r\n",
    ),
    "204 in chunks": Case(
        b"HTTP/1.1 204 No Content\r\n" + CODED + b"\r\n" + END,
        PASS,
        "6.3",
        passed=b"HTTP/1.1 204 No Content\r\n" + CODED + b"\r\n",
    ),
    "304 with a length": Case(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 90\r\n\r\n", PASS),
    "304 in chunks": Case(b"HTTP/1.1 304 Not Modified\r\n" + CODED + b"\r\n", PASS),
    "205": Case(b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", PASS),
    "HEAD": Case(ok(b"Content-Length: 1000\r\n"), PASS, "6.3", method=b"HEAD"),
    "HEAD in chunks": Case(ok(CODED), PASS, "6.3", method=b"HEAD"),
    "HEAD without a length": Case(ok(b""), PASS, "6.3", method=b"HEAD"),
    "HEAD with a body": Case(ok(TWO, b"ok"), PASS, "6.3", passed=ok(TWO), method=b"HEAD"),
}

ANSWER_FRAMING = {
    "chunks": Case(ok(CODED, ABC + END), PASS),
    "chunks with all there is": Case(ok(CODED, b"3;a=b\r\nabc\r\n0\r\nX: 1\r\n\r\n"), PASS),
    "gzip and chunks": Case(ok(b"Transfer-Encoding: gzip, chunked\r\n", ABC + END), PASS),
    "nothing says how long": Case(ok(b"", b"until I go"), CLOSE, "6.3"),
    "a coding that ends with the connection": Case(
        ok(b"Transfer-Encoding: gzip\r\n", b"until I go"), CLOSE, "6.3"
    ),
    "1.0": Case(ok(TWO, b"ok", b"1.0"), CLOSE),
    "1.0 keeps alive": Case(ok(TWO + b"Connection: keep-alive\r\n", b"ok", b"1.0"), PASS),
    "close": Case(ok(TWO + b"Connection: close\r\n", b"ok"), CLOSE),
    "more than was said": Case(
        ok(TWO, b"okEVIL"), PASS, "the rest would answer the next request", passed=ok(TWO, b"ok")
    ),
    "two answers": Case(ok(TWO, b"ok") + EMPTY_200, PASS, "as above", passed=ok(TWO, b"ok")),
    "a request's fields": Case(
        ok(b"Host: a b\r\nHost: c\r\nExpect: x\r\n" + TWO, b"ok"), PASS, "they mean nothing here"
    ),
    "two lengths": Case(ok(TWO + b"Content-Length: 3\r\n", b"ok"), 502),
    "the same length twice": Case(ok(TWO + TWO, b"ok"), 502, "6.3: may be refused"),
    "a list of lengths": Case(ok(b"Content-Length: 2, 2\r\n", b"ok"), 502),
    "a positive length": Case(ok(b"Content-Length: +2\r\n", b"ok"), 502),
    "an empty length": Case(ok(b"Content-Length:\r\n", b"ok"), 502),
    "a length and chunks": Case(ok(TWO + CODED, ABC + END), 502, "6.3: smuggling"),
    "chunks in 1.0": Case(ok(CODED, ABC + END, b"1.0"), 502, "6.1"),
    "chunks twice": Case(ok(b"Transfer-Encoding: chunked, chunked\r\n", ABC + END), 502),
    "identity": Case(ok(b"Transfer-Encoding: identity\r\n", b"ok"), 502),
    "a coding nobody knows": Case(ok(b"Transfer-Encoding: zip, chunked\r\n", ABC + END), 502),
    "folded": Case(ok(b"X: 1\r\n 2\r\n" + TWO, b"ok"), 502, "5.2 lets a proxy refuse"),
    "space before a colon": Case(ok(b"X : 1\r\n" + TWO, b"ok"), 502),
    "NUL in a value": Case(ok(b"X: \x00\r\n" + TWO, b"ok"), 502),
    "bare line feeds": Case(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", 502, "told at once"),
    "a bare carriage return": Case(ok(b"X: 1\rY: 2\r\n" + TWO, b"ok"), 502),
    "too many fields": Case(ok(b"X: 1\r\n" * 150 + TWO, b"ok"), 502),
    "a big head": Case(ok(b"X: " + b"1" * 200_000 + b"\r\n" + TWO, b"ok"), PASS),
    "too big a head": Case(ok(b"X: " + b"1" * 300_000), 502),
    "a bad size": Case(ok(CODED, b"x\r\nabc\r\n" + END), BREAK),
    "a bare line feed after a size": Case(ok(CODED, b"3\nabc\r\n" + END), BREAK),
    "a chunk longer than its size": Case(ok(CODED, ABC + b"3\r\nabcd\r\n" + END), BREAK),
    "a bad trailer": Case(ok(CODED, ABC + b"0\r\nX : 1\r\n\r\n"), BREAK),
}

ANSWERS: dict[str, Case] = {**STATUS_LINES, **INTERIM, **NO_BODY, **ANSWER_FRAMING}
