"""Tokens that are nearly right: each differs from a genuine one in one thing, and not one may be taken.

Most are signed rightly, by the genuine key, so that nothing but the thing itself can be why they are refused.
"""

import base64
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

Forgery = tuple[str, str]  # what is wrong with it, and the token
NOW = 1_700_000_000  # any time in the past


@dataclass(frozen=True, kw_only=True)
class Genuine:
    """A token that would be taken: its parts and its ES256 key."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    key: EllipticCurvePrivateKey

    def token(self, header: Mapping[str, Any] | None = None, claims: Mapping[str, Any] | None = None) -> str:
        """Signed rightly, with another header or other claims if given."""
        said = self.claims if claims is None else claims
        return self.signed(written(self.header if header is None else header), written(said))

    def signed(self, header: bytes, payload: bytes, key: EllipticCurvePrivateKey | None = None) -> str:
        """Any bytes at all, signed rightly."""
        text = f"{b64(header)}.{b64(payload)}"
        return f"{text}.{b64(es256(key or self.key, text.encode()))}"


def written(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def es256(key: EllipticCurvePrivateKey, text: bytes) -> bytes:
    r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def all_forgeries(genuine: Genuine, *, without: tuple[str, ...] = ()) -> list[Forgery]:
    """Every forgery of a token, but for those whose name begins with one of `without`."""
    made = [*algorithms(genuine), *signatures(genuine), *headers(genuine), *payloads(genuine), *spellings(genuine)]
    assert len({name for name, _ in made}) == len(made)
    return [(name, token) for name, token in made if not name.startswith(without)]


def algorithms(genuine: Genuine) -> Iterator[Forgery]:
    """Another algorithm than the key's."""

    def by_hash(secret: bytes, digest: str) -> Callable[[bytes], bytes]:
        return lambda text: hmac.digest(secret, text, digest)

    def token(name: object, sign: Callable[[bytes], bytes]) -> str:
        text = f"{b64(written({**genuine.header, 'alg': name}))}.{b64(written(genuine.claims))}"
        return f"{text}.{b64(sign(text.encode()))}"

    def rightly(text: bytes) -> bytes:
        return es256(genuine.key, text)

    for name in ("none", "None", "NONE", "nOnE", "", None, [], ["ES256"], {"name": "ES256"}, 0, True):
        yield f"alg {name!r}, unsigned", token(name, lambda _: b"")
        yield f"alg {name!r}, signed", token(name, rightly)
    public = genuine.key.public_key()
    secrets = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "pem, stripped": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).strip(),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "point": public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        "jwk": ECAlgorithm.to_jwk(public).encode(),
        "empty": b"",
    }
    for what, secret in secrets.items():
        for name, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")):
            yield f"alg {name} with the public key as {what}", token(name, by_hash(secret, digest))
    yield "alg ES256 said, HS256 done with the public key", token("ES256", by_hash(secrets["pem"], "sha256"))
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    yield "alg RS256", token("RS256", lambda text: other.sign(text, padding.PKCS1v15(), hashes.SHA256()))
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    yield "alg PS256", token("PS256", lambda text: other.sign(text, pss, hashes.SHA256()))
    for name in (
        "ES384",
        "ES512",
        "ES256K",
        "EdDSA",
        "Ed25519",
        "RS256",
        "PS256",
        "es256",
        "ES256 ",
        " ES256",
        "ES-256",
    ):
        yield f"alg {name!r} said, ES256 done", token(name, rightly)
    yield "alg left out", genuine.token({n: v for n, v in genuine.header.items() if n != "alg"})


def signatures(genuine: Genuine) -> Iterator[Forgery]:
    """Another signature than the key's over these very bytes."""
    good = genuine.token()
    text, _, signature = good.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    wrong = {
        "none at all": b"",
        "one byte": b"\0",
        "zeros (CVE-2022-21449)": bytes(64),
        "r zero": bytes(32) + raw[32:],
        "s zero": raw[:32] + bytes(32),
        "ones": b"\xff" * 64,
        "the order twice": order.to_bytes(32, "big") * 2,
        "s beyond the order": raw[:32] + min(int.from_bytes(raw[32:]) + order, 2**256 - 1).to_bytes(32, "big"),
        "halves exchanged": raw[32:] + raw[:32],
        "cut short": raw[:-1],
        "one byte longer": raw + b"\0",
        "a zero before each half": b"\0" + raw[:32] + b"\0" + raw[32:],
        "as ASN.1": utils.encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:])),
        "twice": raw * 2,
        "of the payload alone": es256(genuine.key, text.split(".")[1].encode()),
        "of the text with its last dot": es256(genuine.key, f"{text}.".encode()),
        "of another token": base64.urlsafe_b64decode(genuine.token(claims={}).rpartition(".")[2] + "=="),
        "by another key": es256(ec.generate_private_key(ec.SECP256R1()), text.encode()),
    }
    for what, forged in wrong.items():
        yield f"signature: {what}", f"{text}.{b64(forged)}"
    for bit in (0, 7, 255, 256, 511):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        yield f"signature: bit {bit} flipped", f"{text}.{b64(bytes(flipped))}"
    changed = b64(written({**genuine.claims, "extra": 1}))
    yield "signature: of before the payload was changed", f"{text.split('.')[0]}.{changed}.{signature}"


def headers(genuine: Genuine) -> Iterator[Forgery]:
    """A header with something less, more, or else."""
    good = dict(genuine.header)
    thief = ec.generate_private_key(ec.SECP256R1())
    own = ECAlgorithm.to_jwk(thief.public_key(), as_dict=True)
    extra: dict[str, Any] = {
        "jku": "https://thief.example/jwks.json",
        "x5u": "https://thief.example/cert.pem",
        "x5c": ["MIIB"],
        "x5t": "x",
        "x5t#S256": "x",
        "crit": [],
        "b64": False,
        "zip": "DEF",
        "cty": "JWT",
        "enc": "A256GCM",
        "epk": own,
        "p2c": 10**9,
        "iss": "x",
        "url": "x",
        "nonce": "x",
        "": "x",
    }
    for name, value in extra.items():
        yield f"header: with {name or 'an empty name'}", genuine.token({**good, name: value})
    yield "header: crit exp", genuine.token({**good, "crit": ["exp"]})
    yield "header: crit b64, and b64 false", genuine.token({**good, "crit": ["b64"], "b64": False})
    yield "header: jwk beside kid", genuine.token({"kid": "1", **good, "jwk": own})
    yield "header: jwk of the thief's", genuine.signed(written({**good, "jwk": own}), written(genuine.claims), thief)
    kids: list[Any] = [None, "", 0, 1, True, [], {}]
    for kid in [*kids, "unknown", "../../dev/null", "' OR 1=1 --", "\0", "1\n", "x" * 4000]:
        yield f"kid: {kid!r:.20}", genuine.token({**good, "kid": kid})
    if "kid" in good:
        yield "kid: left out", genuine.token({name: value for name, value in good.items() if name != "kid"})
        yield "kid: as a list", genuine.token({**good, "kid": [good["kid"]]})
        yield "kid: in capitals and more", genuine.token({**good, "kid": f"{good['kid']} "})
    types: list[Any] = [None, 0, [], "", "JOSE", "secevent+jwt", "application/at+jwt ", "at+jwt+dpop"]
    for typ in types:
        yield f"typ: {typ!r}", genuine.token({**good, "typ": typ})
    parts = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in good.items()]
    for name, value in good.items():
        doubled = "{" + ",".join([*parts, f"{json.dumps(name)}:{json.dumps(value)}"]) + "}"
        yield f"header: {name} twice", genuine.signed(doubled.encode(), written(genuine.claims))
    escaped = "{" + ",".join([*parts, '"\\u0061lg":"none"']) + "}"
    yield "header: alg twice, once escaped", genuine.signed(escaped.encode(), written(genuine.claims))
    for what, raw in _no_objects(good).items():
        yield f"header: {what}", genuine.signed(raw, written(genuine.claims))


def payloads(genuine: Genuine) -> Iterator[Forgery]:
    """Claims that are missing, of another kind, of another time, or twice."""
    good = dict(genuine.claims)
    for name in ("exp", "iat"):
        if name not in good:
            continue
        times: list[Any] = [
            None,
            "",
            str(good[name]),
            float(good[name]),
            good[name] + 0.5,
            True,
            [good[name]],
            {},
            -1,
            0,
            NOW,
        ]
        for value in times:
            if name == "iat" and value in (-1, 0, NOW):
                continue  # old alone is no forgery: `exp` decides
            yield f"{name}: {value!r:.20}", genuine.token(claims={**good, name: value})
        yield f"{name}: left out", genuine.token(claims={n: v for n, v in good.items() if n != name})
        raw = written(good)
        for what in ("NaN", "Infinity", "-Infinity", "1e400", "0x1", "01", f"{good[name]}.0", f"{good[name]}e0"):
            number = str(good[name]).encode()
            yield (
                f"{name}: written {what}",
                genuine.signed(
                    written(genuine.header),
                    raw.replace(b'"%b":%b' % (name.encode(), number), f'"{name}":{what}'.encode()),
                ),
            )
    yield "iat: in the future", genuine.token(claims={**good, "iat": good["iat"] + 3600})
    yield "iat: beyond all numbers", genuine.token(claims={**good, "iat": 10**400})
    for value in (good["iat"] + 3600, str(good["iat"]), float(good["iat"]), True, None, []):
        yield f"nbf: {value!r:.20}", genuine.token(claims={**good, "nbf": value})
    for name in ("iss", "aud", "sub"):
        if name not in good:
            continue
        for value in (
            None,
            "",
            0,
            True,
            {},
            [],
            ["other"],
            "other",
            f"{good[name]} ",
            f"{good[name]}/",
            [[good[name]]],
        ):
            yield f"{name}: {value!r:.60}", genuine.token(claims={**good, name: value})
        yield f"{name}: left out", genuine.token(claims={n: v for n, v in good.items() if n != name})
    parts = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in good.items()]
    for name, value in good.items():
        for first in (True, False):
            more = f"{json.dumps(name)}:{json.dumps(value)}"
            text = "{" + ",".join([more, *parts] if first else [*parts, more]) + "}"
            yield f"claims: {name} twice, {first}", genuine.signed(written(genuine.header), text.encode())
    inner = genuine.token()
    yield "claims: a token inside", genuine.signed(written(genuine.header), inner.encode())
    yield "claims: a token inside, as text", genuine.signed(written(genuine.header), written(inner))
    for what, raw in _no_objects(good).items():
        yield f"claims: {what}", genuine.signed(written(genuine.header), raw)


def spellings(genuine: Genuine) -> Iterator[Forgery]:
    """A good token, written otherwise, or in another number of parts."""
    good = genuine.token()
    header, payload, signature = good.split(".")
    for place, part in enumerate((header, payload, signature)):
        for what, change in _OTHERWISE.items():
            parts = [header, payload, signature]
            parts[place] = change(part)
            if parts[place] != part:
                yield f"spelling: part {place}, {what}", ".".join(parts)
    whole = {
        "nothing": "",
        "a dot": ".",
        "two dots": "..",
        "no signature part": f"{header}.{payload}",
        "an empty signature": f"{header}.{payload}.",
        "an empty payload (detached)": f"{header}..{signature}",
        "no header": f".{payload}.{signature}",
        "four parts": f"{good}.{signature}",
        "five parts (JWE)": f"{header}.{payload}.{signature}.{payload}.{signature}",
        "a dot more": f"{good}.",
        "a dot before": f".{good}",
        "flattened JSON": json.dumps({"protected": header, "payload": payload, "signature": signature}),
        "general JSON": json.dumps({"payload": payload, "signatures": [{"protected": header, "signature": signature}]}),
        "in quotes": f'"{good}"',
        "twice, by a comma": f"{good},{good}",
        "with a scheme": f"Bearer {good}",
        "percent-encoded": good.replace(".", "%2E"),
        "in capitals": good.upper(),
    }
    for what, token in whole.items():
        yield f"spelling: {what}", token
    yield "spelling: too large", genuine.token(claims={**genuine.claims, "pad": "x" * 9000})
    yield "spelling: a thousand parts", ".".join(["e30"] * 1000)
    yield "spelling: nested too deep", genuine.signed(written(genuine.header), b"[" * 3000 + b"]" * 3000)


def _no_objects(document: Mapping[str, Any]) -> dict[str, bytes]:
    """Bytes that are not one JSON object in UTF-8."""
    raw = written(document)
    return {
        "empty": b"",
        "null": b"null",
        "an array": b"[%b]" % raw,
        "a number": b"1",
        "in quotes": written(raw.decode()),
        "with something after it": raw + b"{}",
        "with something before it": b"{}" + raw,
        "with a comma at its end": raw[:-1] + b",}",
        "with a comment": raw[:-1] + b"/**/}",
        "in single quotes": raw.replace(b'"', b"'"),
        "with a byte order mark": b"\xef\xbb\xbf" + raw,
        "in UTF-16": raw.decode().encode("utf-16"),
        "not UTF-8": raw[:-1] + b',"x":"\xff"}',
        "with a control character": raw[:-1] + b',"x":"\x01"}',
        "cut short": raw[:-1],
    }


def _last_bits(part: str) -> str:
    """The same bytes with a bit set that base64url leaves unused; the part itself where there is none."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    if len(part) % 4 in (0, 1):
        return part
    return part[:-1] + alphabet[alphabet.index(part[-1]) | 1] if alphabet.index(part[-1]) % 2 == 0 else part


_OTHERWISE: dict[str, Callable[[str], str]] = {
    "padded": lambda part: part + "=" * (-len(part) % 4),
    "padded too much": lambda part: part + "====",
    "with one sign of padding": lambda part: part + "=",
    "with an unused bit": _last_bits,
    "in the other alphabet": lambda part: part.replace("-", "+").replace("_", "/"),
    "with a space after": lambda part: part + " ",
    "with a space inside": lambda part: f"{part[:4]} {part[4:]}",
    "with a tab inside": lambda part: f"{part[:4]}\t{part[4:]}",
    "with a letter more": lambda part: part + "A",
    "with a letter less": lambda part: part[:-1],
    "with four letters more": lambda part: part + "AAAA",
    "with a sign of no alphabet": lambda part: f"{part[:4]}!{part[4:]}",
    "with a soft hyphen": lambda part: f"{part[:4]}%C2%AD{part[4:]}",
}
