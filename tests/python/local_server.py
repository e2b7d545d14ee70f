"""llama.cpp's own HTTP server with a model of one sentence, as a user would have it on the same machine.

    local_server.py PORT      0: any that is free

Says where it listens (`LISTENING http://127.0.0.1:PORT`) once it can answer, and stays until standard input ends.
Run by tests/it/harness/local_server.rs.
"""

import os
import sys
import tempfile

import xllamacpp

import tiny_gguf

params = xllamacpp.CommonParams()
params.hostnames = ["127.0.0.1"]
params.port = int(sys.argv[1])
params.n_parallel = 2
params.ui = False
params.verbosity = 1  # errors
with tempfile.TemporaryDirectory() as folder:
    params.model.path = os.path.join(folder, "tiny.gguf")
    tiny_gguf.write(params.model.path)
    # Mapped into memory from here on: whoever kills this process leaves no file behind.
    server = xllamacpp.Server(params)
print("LISTENING", server.listening_address, flush=True)
sys.stdin.read()
