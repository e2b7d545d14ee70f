"""Writes a model for llama.cpp that knows one sentence: real weights, made by hand, a few hundred kilobytes.

The format is GGUF, version 3 (ggml's docs/gguf.md). The architecture is Llama's, one block of it. All weights of the
block are zero, so that a token's embedding reaches the output as it is. Embeddings are unit vectors: one for each word of
the sentence, and one for all other tokens, so that the output layer can be a table of what follows what. Whatever was
asked, the first word follows, then the second, and after the last the end.
"""

import struct

WORDS = ["I", " am", " a", " real", " model", " on", " this", " machine", "."]
SENTENCE = "".join(WORDS)

WIDTH = 32  # of an embedding; more than there are words
INNER = 32  # of the block
CONTEXT = 2048

# Roles and texts, one line each, and then it is the assistant's turn.
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)

NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # kinds of tokens
END = 2


def vocabulary():
    """Texts and kinds: three special tokens, the 256 bytes (so that any prompt can be read), the words."""
    special = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
    assert special[END][0] == "</s>"
    octets = [(f"<0x{octet:02X}>", BYTE) for octet in range(256)]
    return special + octets + [(word.replace(" ", "\u2581"), NORMAL) for word in WORDS]


def tensors():
    """Names, shapes (rows last) and values."""
    count = len(vocabulary())
    first = count - len(WORDS)
    unit = lambda place: [1.0 if at == place else 0.0 for at in range(WIDTH)]

    # Place 0 is any token that is no word; place k is the k-th word.
    embeddings = [unit(max(0, token - first + 1)) for token in range(count)]
    follows = [[0.0] * WIDTH for _ in range(count)]
    for place in range(len(WORDS) + 1):
        following = first + place if place < len(WORDS) else END
        follows[following][place] = 100.0

    flat = lambda rows: [value for row in rows for value in row]
    zeros = lambda width, rows: [0.0] * (width * rows)
    yield "token_embd.weight", (WIDTH, count), flat(embeddings)
    yield "output.weight", (WIDTH, count), flat(follows)
    yield "output_norm.weight", (WIDTH,), [1.0] * WIDTH
    for name in ["attn_norm", "ffn_norm"]:
        yield f"blk.0.{name}.weight", (WIDTH,), [1.0] * WIDTH
    for name in ["attn_q", "attn_k", "attn_v", "attn_output"]:
        yield f"blk.0.{name}.weight", (WIDTH, WIDTH), zeros(WIDTH, WIDTH)
    for name, shape in [("ffn_gate", (WIDTH, INNER)), ("ffn_up", (WIDTH, INNER)), ("ffn_down", (INNER, WIDTH))]:
        yield f"blk.0.{name}.weight", shape, zeros(*shape)


def metadata():
    tokens = vocabulary()
    return {
        "general.architecture": text("llama"),
        "general.alignment": whole(32),
        "llama.context_length": whole(CONTEXT),
        "llama.embedding_length": whole(WIDTH),
        "llama.block_count": whole(1),
        "llama.feed_forward_length": whole(INNER),
        "llama.attention.head_count": whole(2),
        "llama.attention.head_count_kv": whole(2),
        "llama.attention.layer_norm_rms_epsilon": real(1e-5),
        "llama.rope.dimension_count": whole(WIDTH // 2),
        "llama.vocab_size": whole(len(tokens)),
        "tokenizer.ggml.model": text("llama"),
        "tokenizer.ggml.tokens": array([text(token) for token, _ in tokens]),
        "tokenizer.ggml.scores": array([real(0.0) for _ in tokens]),
        "tokenizer.ggml.token_type": array([signed(kind) for _, kind in tokens]),
        "tokenizer.ggml.unknown_token_id": whole(0),
        "tokenizer.ggml.bos_token_id": whole(1),
        "tokenizer.ggml.eos_token_id": whole(END),
        "tokenizer.ggml.add_space_prefix": flag(False),
        "tokenizer.chat_template": text(TEMPLATE),
    }


# A value is the number of its type and its bytes.


def whole(number):
    return 4, struct.pack("<I", number)


def signed(number):
    return 5, struct.pack("<i", number)


def real(number):
    return 6, struct.pack("<f", number)


def flag(value):
    return 7, struct.pack("<?", value)


def text(value):
    encoded = value.encode()
    return 8, struct.pack("<Q", len(encoded)) + encoded


def array(values):
    return 9, struct.pack("<IQ", values[0][0], len(values)) + b"".join(encoded for _, encoded in values)


def padded(data):
    return data + bytes(-len(data) % 32)


def write(path):
    values, rows = metadata(), list(tensors())
    head = b"GGUF" + struct.pack("<IQQ", 3, len(rows), len(values))
    for key, (kind, encoded) in values.items():
        head += text(key)[1] + struct.pack("<I", kind) + encoded
    data = b""
    for name, shape, numbers in rows:
        float32 = 0
        head += text(name)[1] + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, float32, len(data))
        data += padded(struct.pack(f"<{len(numbers)}f", *numbers))
    with open(path, "wb") as file:
        file.write(padded(head) + data)
