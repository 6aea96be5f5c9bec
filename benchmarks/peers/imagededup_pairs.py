"""imagededup's PHash: ``python imagededup_pairs.py pairs FOLDER DISTANCE`` prints seconds and pairs as JSON.

``python imagededup_pairs.py search FILE DISTANCE`` searches among given hashes and prints seconds.
"""

import json
import sys
import time


def main(folder: str, distance: int) -> None:
    from imagededup.methods import PHash

    hasher = PHash(verbose=False)
    began = time.perf_counter()
    hashes = hasher.encode_images(image_dir=folder, num_enc_workers=2)
    encoded = time.perf_counter()
    duplicates = hasher.find_duplicates(
        encoding_map=hashes, max_distance_threshold=distance, scores=True, num_dist_workers=2
    )
    ended = time.perf_counter()
    pairs = [[a, b, -int(bits)] for a, others in duplicates.items() for b, bits in others if a < b]
    print(
        json.dumps({"seconds": ended - began, "encode_s": encoded - began, "search_s": ended - encoded, "pairs": pairs})
    )


def search(path: str, distance: int) -> None:
    """Search among the hashes of a file, one of 16 hexadecimal digits per line."""
    from imagededup.methods import PHash

    with open(path, encoding="ascii") as file:  # noqa: PTH123 - runs without this project
        hashes = {f"{place:07d}": line.strip() for place, line in enumerate(file)}
    hasher = PHash(verbose=False)
    began = time.perf_counter()
    hasher.find_duplicates(encoding_map=hashes, max_distance_threshold=distance, num_dist_workers=2)
    print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    {"pairs": main, "search": search}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
