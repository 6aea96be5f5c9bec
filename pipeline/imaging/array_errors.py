"""What NumPy raises for a damaged ``.npy`` or ``.npz`` file.

Its headers are Python literals, so that besides wrong values there are errors of Python's own parser: a flipped bit may
open a bracket that nothing closes (``tokenize.TokenError``) or make a list a key (``TypeError``).
"""

import tokenize
import zipfile
import zlib

ARRAY_ERRORS = (
    *(OSError, EOFError, ValueError, KeyError, TypeError, OverflowError),
    *(SyntaxError, tokenize.TokenError, RecursionError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError),
)
