"""cleanvision on a folder: ``python cleanvision_issues.py FOLDER`` prints seconds and the blurry files as JSON."""

import json
import sys
import time
from pathlib import Path


def main(folder: str) -> None:
    from cleanvision import Imagelab

    began = time.perf_counter()
    lab = Imagelab(data_path=folder, verbose=False)
    lab.find_issues(n_jobs=2, verbose=False)
    seconds = time.perf_counter() - began
    blurry = [Path(str(path)).name for path in lab.issues.index[lab.issues["is_blurry_issue"]]]
    print(json.dumps({"seconds": seconds, "blurry": sorted(blurry)}))


if __name__ == "__main__":
    main(sys.argv[1])
