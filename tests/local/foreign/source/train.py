"""A script-mode training program, as the SDK's documentation shows them."""

import argparse
import json
import os
from pathlib import Path

import numpy as np
from shrinkage import ridge

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
parser.add_argument("--unit", type=str, default="")
parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
parser.add_argument("--test", default=os.environ["SM_CHANNEL_TEST"])
options, _ = parser.parse_known_args()

train, test = (np.loadtxt(next(Path(folder).glob("*.csv")), delimiter=",") for folder in (options.train, options.test))
coefficients = ridge(train, options.alpha)
errors = np.column_stack([np.ones(len(test)), test[:, 1:]]) @ coefficients - test[:, 0]
print(f"validation:rmse={np.sqrt(np.mean(errors**2)):.6f}; of {os.environ['SM_CURRENT_HOST']}")
Path(options.model_dir, "model.json").write_text(
    json.dumps({"coefficients": coefficients.tolist(), "unit": options.unit, "alpha": options.alpha})
)
