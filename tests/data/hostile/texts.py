"""Text that a service should survive: JSON, addresses, rectangles, values of parameters, names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path


def json_bodies(canary: Path) -> Iterator[tuple[str, bytes]]:
    """Yield JSON that is deep, large, ambiguous or none; and the single-quoted form with code where text belongs."""
    deep = 100_000
    yield "depth 100000, lists", b"[" * deep + b"]" * deep
    yield "depth 100000, unclosed", b"[" * deep
    yield "depth 100000, objects", b'{"url":' * deep + b"1" + b"}" * deep
    yield "depth 100000, in url", b'{"url":' + b"[" * deep + b"]" * deep + b"}"
    yield "10 MB, one text", b'{"url":"' + b"a" * 10_000_000 + b'"}'
    yield "10 MB, numbers", b'{"url":[' + b"1," * 5_000_000 + b"1]}"
    yield "10 MB, keys", json.dumps({f"k{number}": 1 for number in range(700_000)}).encode()
    yield "1 MB of spaces", b"{" + b" " * 1_000_000 + b"}"
    yield "number of 100000 digits", b'{"url":' + b"9" * 100_000 + b"}"
    for value in ("NaN", "Infinity", "-Infinity", "1e999999", "-0", "null", "true", "[]", "{}", '""', '" "', "1"):
        yield f"url is {value}", f'{{"url":{value}}}'.encode()
    yield "the same key twice", b'{"url":"http://a.invalid/","url":"http://b.invalid/"}'
    yield "the same key in two cases", b'{"url":"http://a.invalid/","URL":1}'
    yield "invalid UTF-8", b'{"url":"\xff\xfe\xc0\x80"}'
    yield "lone surrogate", b'{"url":"http://\\ud800.invalid/\\udfff"}'
    yield "lone surrogate in a key", b'{"\\ud800":"x"}'
    yield "zero character", b'{"url":"http://a\\u0000.invalid/"}'
    yield "byte order mark", b'\xef\xbb\xbf{"url":"x"}'
    yield "UTF-16", '{"url":"x"}'.encode("utf-16")
    yield "UTF-32", '{"url":"x"}'.encode("utf-32")
    for text in (
        "[]",
        "null",
        '"text"',
        "1",
        "{",
        "}",
        '{"url"',
        '{"url":}',
        "{url:1}",
        '{"url":"x"}}',
        "{}",
        '{"":""}',
    ):
        yield f"body {text}", text.encode()
    yield "quoted: code", f"{{'url': open({str(canary)!r}, 'w')}}".encode()
    yield "quoted: import", f"{{'url': __import__('pathlib').Path({str(canary)!r}).touch()}}".encode()
    yield "quoted: product", b"{'url': 'a' * 10**10}"
    yield "quoted: power", b"{'url': 9**9**9**9}"
    for sign in (b"[", b"(", b"{", b"-", b"not ", b"{'a':", b"f'{", b"lambda:"):
        yield f"quoted: depth of {sign.decode()}", b"{'url': " + sign * deep
    for text in (
        r"'\ud800'",
        "b'x'",
        "'a' 'b'",
        "'a",
        "'''a'''",
        "{'x'}",
        "1j",
        "...",
        r"'\N{BULLET}'",
        r"'\x'",
        "'a\nb'",
    ):
        yield f"quoted: {text}", f"{{'url': {text}}}".encode()


def addresses(allowed: int, canary: int) -> Iterator[str]:
    """Yield addresses that must not be fetched: other schemes, spellings of this machine, confusions, no addresses."""
    yield from ("file:///etc/passwd", "FILE:///etc/passwd", "file://localhost/etc/passwd", "/etc/passwd", "etc/passwd")
    yield from (f"gopher://127.0.0.1:{canary}/_GET", f"ftp://127.0.0.1:{canary}/a", f"dict://127.0.0.1:{canary}/a")
    yield from (
        "data:image/jpeg;base64,/9j/4AAQ",
        "javascript:alert(1)",
        "\\\\127.0.0.1\\share",
        f"//127.0.0.1:{canary}/",
    )
    hosts = ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "[::ffff:127.0.0.1]", "[::]", "0", "0.0.0.0", "127.1"]
    hosts += [
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.1.",
        "localhost.",
        "127。0。0。1",
        "１２７.0.0.1",
        "①②⑦.⓪.⓪.①",
    ]
    hosts += ["user:pass@127.0.0.1", f"127.0.0.1:{allowed}@127.0.0.1", "%31%32%37.0.0.1", "127.0.0.1%00", "[::1%25lo]"]
    yield from (f"http://{host}:{canary}/a.jpg" for host in hosts)
    yield from (
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://10.0.0.1/",
        "http://192.168.0.1/",
    )
    yield from ("http://224.0.0.1/", "http://255.255.255.255/", "http://[fe80::1%25eth0]/", "http://[ff02::1]/")
    yield f"http://127.0.0.1:{allowed}#@127.0.0.1:{canary}/"
    yield f"http://127.0.0.1:{canary}\\@127.0.0.1:{allowed}/"
    yield f"http://127.0.0.1:{allowed}\\@127.0.0.1:{canary}/"
    yield f"http://127.0.0.1:{canary}/?http://127.0.0.1:{allowed}/"
    yield f"http://127.0.0.1:{allowed} @127.0.0.1:{canary}/"
    yield f"http://127.0.0.1:{allowed}\t@127.0.0.1:{canary}/"
    yield f"https://127.0.0.1:{canary}/"
    yield from (
        f"http:127.0.0.1:{canary}",
        f"http:/127.0.0.1:{canary}",
        f"http:///127.0.0.1:{canary}",
        "http://",
        "http:",
    )
    yield from (
        "http://[",
        "http://]",
        "http://[::1",
        "http://a..b/",
        "http://.",
        "http://%",
        "http://\x7f/",
        "http://\ud83d\ude00/",
    )
    yield from (f"http://127.0.0.1:{port}/" for port in ("0", "99999", "-1", " 80", "８０", "1e3", "+1", "x"))
    yield from (
        "http://" + "a" * 300 + ".invalid/",
        "http://" + "a." * 5000 + "invalid/",
        "x" * 1_000_000,
        "",
        " ",
        "\r\n",
        "\0",
    )
    yield from (
        "http://" + "@" * 5000,
        "http://xn--a/",
        "http://xn--" + "9" * 200 + "/",
        "http://" + "ß" * 64 + ".invalid/",
    )


def traps(allowed: int) -> list[str]:
    """Return the addresses of the hostile web server, which the service may fetch from."""
    bad = (
        "canary",
        "loop",
        "file",
        "endless",
        "drip",
        "length",
        "bomb",
        "nothing",
        "garbage",
        "headers",
        "html",
        "late",
    )
    bad += ("empty", "teapot", "chunks", "bracket", "port", "control", "nowhere")
    split = (
        "a\r\nHost: b\r\n\r\n",
        "a%0d%0aX-Injected:%201",
        "a b",
        "é",
        "\u202e",
        "..//../..",
        "?" * 5000,
        "html\\..",
    )
    return [f"http://127.0.0.1:{allowed}/{path}" for path in (*bad, *split)]


RECTANGLES = (
    *(
        "nan,nan,nan,nan",
        "inf,inf,inf,inf",
        "-inf,0,1,1",
        "1e999,1,1,1",
        "1e308,1e308,1e308,1e308",
        "0,0,1e-320,1e-320",
    ),
    *(
        "-1,-1,50,50",
        "0,0,0,0",
        "0,0,-5,-5",
        "99999999999999999999,0,1,1",
        "0,0,2147483648,2147483648",
        "9" * 5000 + ",0,1,1",
    ),
    *(
        "١٢,٣٤,٥٦,٧٨",
        "１,２,３４,５６",
        "²,0,50,50",
        "0x10,0,50,50",
        "1_0,0,50,50",
        " 10 , 10 , 50 , 50 ",
        "+10,10,50,50",
    ),
    *(
        "10,10,50",
        "10,10,50,50,50",
        ",,,",
        ";;;;",
        ";",
        ",",
        "a,b,c,d",
        "10.5,10.5,50.5,50.5",
        "10,10,50,50;",
        ";10,10,50,50",
    ),
    *(
        "10;10;50;50",
        "10,10,50,50;x",
        "10\n,10,50,50",
        "10,10,50,50\0",
        "\0",
        "None,None,None,None",
        "[10,10,50,50]",
        "%",
        "%zz",
    ),
    *(
        ";".join(["10,10,50,50"] * 64),
        ";".join(["10,10,50,50"] * 65),
        ";".join(["1,1,9,9"] * 5000),
        "(((((",
        "1e400000000,0,1,1",
    ),
)
VALUES = (
    *(
        "0",
        "-1",
        "1",
        "64",
        "1e9",
        "99999999999999999999999",
        "9" * 5000,
        "nan",
        "inf",
        "-inf",
        "1e-320",
        "1e308",
        "0.5",
        "-0",
    ),
    *(
        "",
        " ",
        "\0",
        "abc",
        "٣",
        "１",
        "0x1",
        "1_0",
        "true",
        "null",
        "[]",
        "{}",
        "../..",
        "%00",
        "\r\nX-A: 1",
        "😀",
        "a" * 4000,
    ),
    *(
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
        "None",
        "1;2",
        "1,2",
        "emotion, headPose",
        "emotion,,",
        ",",
        "age",
    ),
)
NAMES = (
    *(
        "../../../etc/passwd",
        "..",
        ".",
        "...",
        "..\\..\\windows",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/etc/passwd",
        "//",
        "~root",
    ),
    *(
        "\0",
        "a\0b",
        "a\r\nX-Injected: 1",
        "a\r\n\r\n<html>",
        'a";filename="b',
        "a';b",
        'a"b\\"c',
        "a;b=c",
        "=?utf-8?q?a?=",
        "'",
        '"',
    ),
    *(
        "😀.mp4",
        "顔.mp4",
        "\u202egpj.exe",
        "e\u0301",
        "\ufeff",
        "a" * 255,
        "a" * 10_000,
        "😀" * 3000,
        "con",
        "nul.mp4",
        "-rf",
        "--out=x",
    ),
    *(
        "concat:a|b",
        "%d.png",
        "pipe:0",
        "http://127.0.0.1/",
        "a b",
        "a\tb",
        "<script>alert(1)</script>",
        "${IFS}",
        "$(id)",
        "`id`",
        "*",
    ),
    *(
        "null",
        "0",
        "-1",
        "1e9",
        "\x7f",
        "\x1b[31m",
        "´",
        "\ud7ff",
        "\uffff",
        "0" * 32,
        "f" * 64,
        "' OR 1=1 --",
        "x'; DROP TABLE jobs; --",
    ),
)
