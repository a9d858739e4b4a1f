"""The filters of models/preprocess in pandas 3 on pyarrow strings: vectorised, columns read once, nothing by row.

Prints JSON: posts by first reason, CPU seconds and peak memory of the process from after the imports on.
"""

import json
import resource
import sys
import unicodedata

import numpy as np
import pandas as pd
import pyarrow as pa

folder = sys.argv[1]
parameters = json.load(open(f"{folder}/parameters.json"))
arrow = pd.ArrowDtype(pa.string())
before = resource.getrusage(resource.RUSAGE_SELF)

posts = pd.read_parquet(
    f"{folder}/posts.parquet",
    columns=["uri", "cid", "did", "text", "links", "tags", "mentions", "is_nsfw", "is_deleted", "event_us"],
    dtype_backend="pyarrow",
)
language = pd.read_parquet(f"{folder}/language.parquet", dtype_backend="pyarrow")
authors = pd.read_parquet(f"{folder}/authors.parquet", dtype_backend="pyarrow")

# text as people read it: the expensive replacements only where a cheap test says that they would change something
text = posts["text"]
odd = text.str.contains(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060\ufeff\u00a0]|  ", regex=True).fillna(False)
if odd.any():
    cleaned = (
        text[odd]
        .map(lambda value: unicodedata.normalize("NFC", value))
        .astype(arrow)
        .str.replace(r"[\x00-\x08\x0e-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2060\ufeff]", "", regex=True)
        .str.replace(r"[\s\u00a0]+", " ", regex=True)
    )
    text = text.where(~odd, cleaned)
text = text.str.strip()
linked = text.str.contains(r"http|www\.|@|#|…", regex=True).fillna(False)
own = text.where(
    ~linked, text[linked].str.replace(r"(?:https?://|www\.)\S+|[@#]\S+|\S+\.\S+/\S*…", "", regex=True)
).str.strip()
words = own.str.lower()
characters = text.str.len().fillna(0)
own_characters = own.str.len().fillna(0)
hashtags = np.maximum(posts["tags"], text.str.count("#").fillna(0))

spam_weight = np.zeros(len(posts))
for term, weight in parameters["spam_terms"].items():
    spam_weight += words.str.contains(term, regex=False).fillna(False).to_numpy(dtype=bool) * weight

# the same words by the same author shortly before
said = pd.DataFrame({"did": posts["did"], "words": words, "event_us": posts["event_us"], "uri": posts["uri"]})
said = said[own_characters > 0]
twice = said[said.duplicated(["did", "words"], keep=False)].sort_values(["event_us", "uri"])
since = twice["event_us"] - twice.groupby(["did", "words"])["event_us"].shift()
repeated = pd.Series(False, index=posts.index)
repeated[twice.index[(since <= parameters["duplicate_window_us"]).fillna(False)]] = True

facts = posts[["uri", "cid", "did"]].merge(language, on=["uri", "cid"], how="left").merge(authors, on="did", how="left")
flag = lambda name: facts[name].fillna(False)
has_content = ~posts["is_deleted"]
reasons = {
    "deleted": posts["is_deleted"],
    "account_inactive": flag("is_inactive"),
    "excludelist": flag("is_excludelisted"),
    "moderated": flag("is_moderated"),
    "nsfw_label": flag("is_nsfw") | posts["is_nsfw"],
    "after_as_of": posts["event_us"] > parameters["as_of_us"],
    "too_old": posts["event_us"] < parameters["oldest_us"],
    "empty_text": has_content & (characters == 0),
    "link_only": (characters > 0) & (own_characters == 0),
    "too_short": (own_characters > 0) & (own_characters < parameters["min_characters"]),
    "too_many_hashtags": hashtags > parameters["max_hashtags"],
    "spam": (spam_weight >= parameters["spam_weight"]) | (posts["mentions"] > parameters["max_mentions"]),
    "duplicate_text": repeated,
    "not_english": has_content & (facts["language"].fillna("en") != "en"),
    "language_unknown": has_content & facts["language"].isna(),
}
first = np.select([reason.to_numpy(dtype=bool) for reason in reasons.values()], list(reasons), default="eligible")
counts = pd.Series(first).value_counts()

after = resource.getrusage(resource.RUSAGE_SELF)
print(
    json.dumps(
        {
            "counts": counts.to_dict(),
            "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "peak_mb": after.ru_maxrss / 1024,
            "version": f"pandas {pd.__version__}, pyarrow {pa.__version__}",
        }
    )
)
