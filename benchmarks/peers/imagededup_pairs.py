"""imagededup's PHash over a folder: ``python imagededup_pairs.py FOLDER DISTANCE`` prints seconds and pairs as JSON."""

import json
import sys
import time


def main(folder: str, distance: int) -> None:
    from imagededup.methods import PHash

    hasher = PHash(verbose=False)
    began = time.perf_counter()
    hashes = hasher.encode_images(image_dir=folder, num_enc_workers=2)
    encoded = time.perf_counter()
    found = hasher.find_duplicates(
        encoding_map=hashes, max_distance_threshold=distance, scores=True, num_dist_workers=2
    )
    ended = time.perf_counter()
    pairs = [[a, b, -int(bits)] for a, others in found.items() for b, bits in others if a < b]
    print(
        json.dumps({"seconds": ended - began, "encode_s": encoded - began, "search_s": ended - encoded, "pairs": pairs})
    )


def search(path: str, distance: int) -> None:
    """Seconds to search hashes, one of 16 hexadecimal digits a line."""
    from imagededup.methods import PHash

    with open(path, encoding="ascii") as file:  # noqa: PTH123 - runs without this project
        hashes = {f"{place:07d}": line.strip() for place, line in enumerate(file)}
    hasher = PHash(verbose=False)
    began = time.perf_counter()
    hasher.find_duplicates(encoding_map=hashes, max_distance_threshold=distance, num_dist_workers=2)
    print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    {"pairs": main, "search": search}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
