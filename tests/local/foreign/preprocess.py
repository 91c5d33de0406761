"""Makes a regression dataset and splits it, with SageMaker's folders written into the code."""

import argparse
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--test-share", type=float)
options = parser.parse_args()

rows = np.loadtxt("/opt/ml/processing/input/rows.csv", delimiter=",")
train, test = train_test_split(rows, test_size=options.test_share, random_state=0)
for name, part in (("train", train), ("test", test)):
    folder = Path("/opt/ml/processing") / name
    np.savetxt(folder / f"{name}.csv", part, delimiter=",")
np.savetxt("/opt/ml/processing/batch/batch.csv", test[:, 1:], delimiter=",")
print(f"{len(train)} rows to learn from, {len(test)} to test on")
