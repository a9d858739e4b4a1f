"""The filters of models/preprocess in pandas 3 on pyarrow strings: columns read once, every step over a whole column, nothing by row.

argv: folder. Prints JSON: posts by first reason, CPU seconds and peak memory of the process after the imports; then, unmeasured,
writes pandas.parquet (uri, first_reason, reasons as one text) for the comparison post by post.
"""

import json
import resource
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from peak import peak_mb

folder = sys.argv[1]
parameters = json.load(open(f"{folder}/parameters.json"))
before = resource.getrusage(resource.RUSAGE_SELF)


def read(name, columns):
    return pd.read_parquet(f"{folder}/{name}.parquet", columns=columns, dtype_backend="pyarrow")


def true_where(mask):
    return mask.fillna(False).to_numpy(dtype=bool)


posts = read(
    "posts", ["uri", "cid", "did", "text", "links", "tags", "mentions", "is_nsfw", "is_deleted", "event_us"]
)

# text as people read it: the expensive replacements only where a cheap test says that they would change something
text = pd.Series(pc.utf8_normalize(pa.array(posts.pop("text")), form="NFC"), dtype=pd.ArrowDtype(pa.string()))
odd = true_where(
    text.str.contains(
        r"[\x00-\x1F\x7F\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}\x{FEFF}\x{00A0}]|  ", regex=True
    )
)
text = text.mask(
    odd,
    text[odd]
    .str.replace(
        r"[\x00-\x08\x0E-\x1F\x7F\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2060}\x{FEFF}]", "", regex=True
    )
    .str.replace(r"[\s\x{00A0}]+", " ", regex=True),
).str.strip(" ")
linked = true_where(text.str.contains(r"/|www\.|@|#", regex=True))
own = text.mask(
    linked, text[linked].str.replace(r"(?:https?://|www\.)\S+|[@#]\S+|\S+\.\S+/\S*(?:…|\.\.\.)|(?:^|\s)(?:[a-z0-9-]+\.)+[a-z]{2,}/\S+", "", regex=True)
).str.strip(" ")
characters = text.str.len().fillna(0).to_numpy(dtype="int32")
own_characters = own.str.len().fillna(0).to_numpy(dtype="int32")
hashtags = np.maximum(
    posts["tags"].to_numpy(dtype="int64"), text.str.count("#").fillna(0).to_numpy(dtype="int64")
)
del text
words = own.str.lower()
del own

spam_weight = np.zeros(len(posts))
for term, weight in parameters["spam_terms"].items():
    spam_weight += true_where(words.str.contains(term, regex=False)) * weight

# the same words by the same author shortly before
said = pd.DataFrame({"did": posts["did"], "words": words, "event_us": posts["event_us"], "uri": posts["uri"]})
said = said[own_characters > 0]
twice = said[said.duplicated(["did", "words"], keep=False)].sort_values(["event_us", "uri"])
del said, words
since = twice["event_us"] - twice.groupby(["did", "words"])["event_us"].shift()
repeated = np.zeros(len(posts), dtype=bool)
repeated[twice.index[true_where(since <= parameters["duplicate_window_us"])]] = True

facts = (
    posts[["uri", "cid", "did"]]
    .merge(read("language", ["uri", "cid", "language", "language_score"]), on=["uri", "cid"], how="left")
    .merge(read("authors", None), on="did", how="left")
)
has_content = ~posts["is_deleted"].to_numpy(dtype=bool)
english = true_where(
    (facts["language"] == "en") & (facts["language_score"] >= parameters["min_english_score"])
)
unknown = facts["language"].isna().to_numpy(dtype=bool)
event_us = posts["event_us"].to_numpy()
reasons = {
    "deleted": ~has_content,
    "account_inactive": true_where(facts["is_inactive"]),
    "excludelist": true_where(facts["is_excludelisted"]),
    "moderated": true_where(facts["is_moderated"]),
    "nsfw_label": true_where(facts["is_nsfw"]) | posts["is_nsfw"].to_numpy(dtype=bool),
    "empty_text": has_content & (characters == 0),
    "link_only": (characters > 0) & (own_characters == 0),
    "too_short": (own_characters > 0) & (own_characters < parameters["min_characters"]),
    "too_many_hashtags": hashtags > parameters["max_hashtags"],
    "spam": (spam_weight >= parameters["spam_weight"])
    | (posts["mentions"].to_numpy(dtype="int64") > parameters["max_mentions"]),
    "duplicate_text": repeated,
    "not_english": has_content & ~unknown & ~english,
    "language_unknown": has_content & unknown,
    "after_as_of": event_us > parameters["as_of_us"],
    "too_old": event_us < parameters["oldest_us"],
}
# all reasons of a post as bits, which is the least that pandas can keep them in
bits = np.zeros(len(posts), dtype="int32")
for place, reason in enumerate(reasons.values()):
    bits |= reason.astype("int32") << place
first = pd.Categorical.from_codes(np.where(bits == 0, len(reasons), np.log2(np.maximum(bits & -bits, 1))).astype("int8"), [*reasons, "eligible"])
counts = pd.Series(first).value_counts()

after = resource.getrusage(resource.RUSAGE_SELF)
print(
    json.dumps(
        {
            "counts": {name: int(n) for name, n in counts.items() if n > 0},
            "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "peak_mb": peak_mb(),
            "version": f"pandas {pd.__version__}, pyarrow {pa.__version__}",
        }
    )
)
names = np.array(list(reasons))
texts = {value: ",".join(names[[i for i in range(len(names)) if value >> i & 1]]) for value in np.unique(bits)}
pd.DataFrame({"uri": posts["uri"], "first_reason": first.astype(str), "reasons": pd.Series(bits).map(texts)}).to_parquet(
    f"{folder}/pandas.parquet"
)
