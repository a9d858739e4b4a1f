"""A FastAPI server that does the same work for a request: it checks the token's claims and signature with libsecp256k1,
finds the participant's feed in memory, cuts a page, writes the exposure before it answers, and answers with it."""
import base64, hashlib, json, os, secrets, sys, time

import coincurve
import orjson
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response

folder, accounts, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def did_of(n):
    text = ""
    while len(text) < 24:
        text = LETTERS[n % 32] + text
        n //= 32
    return f"did:plc:{text}"


posts = [f"at://{did_of(1_000_000 + i % 9_000)}/app.bsky.feed.post/3k{i:011d}" for i in range(50_000)]
keys, feeds, names = {}, {}, {}
for n in range(accounts):
    did = did_of(n)
    keys[did] = coincurve.PrivateKey(hashlib.sha256(f"account {n}".encode()).digest()).public_key
    names[did] = f"p_{n:024x}"
    feeds[did] = [(n * 7_919 + i * 104_729) % 50_000 for i in range(100)]
log = open(os.path.join(folder, "exposures.ndjson"), "ab", buffering=0)
app = FastAPI()
seen = set()


def unpack(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def der(number):
    raw = number.to_bytes(33, "big").lstrip(b"\0") or b"\0"
    raw = b"\0" + raw if raw[0] & 0x80 else raw
    return b"\x02" + bytes([len(raw)]) + raw


@app.get("/xrpc/app.bsky.feed.getFeedSkeleton")
async def skeleton(request: Request, feed: str, limit: int = 50, cursor: str | None = None):
    begun = time.perf_counter()
    token = request.headers["authorization"][7:]
    signed, _, signature = token.rpartition(".")
    claims = orjson.loads(unpack(signed.split(".")[1]))
    now = time.time()
    if claims["exp"] < now or claims["aud"] != "did:web:feeds.example" or claims["lxm"] != "app.bsky.feed.getFeedSkeleton":
        return Response(status_code=401)
    did = claims["iss"]
    raw = unpack(signature)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    body = der(r) + der(s)
    if s > HALF_ORDER or not keys[did].verify(b"\x30" + bytes([len(body)]) + body, signed.encode()):
        return Response(status_code=401)
    reused = claims["jti"] in seen
    seen.add(claims["jti"])
    offset = int(cursor or 0)
    uris = [posts[i] for i in feeds[did][offset : offset + limit]]
    req_id = secrets.token_urlsafe(24)
    answer = orjson.dumps({"cursor": f"g1:personal:{offset + limit}", "feed": [{"post": uri, "feedContext": req_id} for uri in uris], "reqId": req_id})
    log.write(orjson.dumps({"t": "exposure", "req_id": req_id, "served_us": int(now * 1e6), "participant_id": names[did], "generation": "g1", "feed_offset": offset, "page_limit": limit, "uris": uris, "positions": list(range(offset + 1, offset + 1 + len(uris))), "client": request.headers.get("user-agent"), "jti_reused": reused, "http_status": 200, "latency_us": int((time.perf_counter() - begun) * 1e6)}) + b"\n")
    return Response(answer, media_type="application/json")


uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, loop="uvloop", http="httptools")
