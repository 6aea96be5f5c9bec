"""A small DenseNet in plain NumPy, on torchvision's names: what converted weights must compute."""

import numpy as np

EPSILON = 1e-5
GROWTH, STEM, BOTTLENECK = 32, 64, 128


def random_tensors(blocks, channels=3, findings=14, seed=5):
    """Tensors of a DenseNet with ``blocks`` layers in each of its four blocks."""
    rng = np.random.default_rng(seed)
    tensors = {"features.conv0.weight": kernel(rng, STEM, channels, 7), **norm(rng, "features.norm0", STEM)}
    width = STEM
    for block, count in enumerate(blocks, 1):
        for layer in range(1, count + 1):
            name = f"features.denseblock{block}.denselayer{layer}"
            tensors |= norm(rng, f"{name}.norm1", width)
            tensors[f"{name}.conv1.weight"] = kernel(rng, BOTTLENECK, width, 1)
            tensors |= norm(rng, f"{name}.norm2", BOTTLENECK)
            tensors[f"{name}.conv2.weight"] = kernel(rng, GROWTH, BOTTLENECK, 3)
            width += GROWTH
        if block < len(blocks):
            tensors |= norm(rng, f"features.transition{block}.norm", width)
            tensors[f"features.transition{block}.conv.weight"] = kernel(rng, width // 2, width, 1)
            width //= 2
    tensors |= norm(rng, "features.norm5", width)
    tensors["classifier.weight"] = rng.normal(0, width**-0.5, (findings, width)).astype(np.float32)
    tensors["classifier.bias"] = rng.normal(0, 0.1, findings).astype(np.float32)
    return tensors


def kernel(rng, out, given, side):
    return rng.normal(0, (2 / (given * side * side)) ** 0.5, (out, given, side, side)).astype(np.float32)


def norm(rng, name, width):
    variances = rng.uniform(0.5, 1.5, width)
    variances[::5] = 2e-8  # of channels that are almost constant; there the epsilon matters
    parts = {
        "weight": rng.uniform(0.5, 1.5, width) * np.sqrt(variances),
        "bias": rng.normal(0, 0.2, width),
        "running_mean": rng.normal(0, 0.2, width),
        "running_var": variances,
        "num_batches_tracked": np.array(7),
    }
    return {f"{name}.{part}": np.asarray(values, np.float32) for part, values in parts.items()}


def maps(tensors, blocks, images):
    """Feature maps (N, h, w, c) of images (N, H, W, C) that are scaled as the network expects."""
    x = convolve(np.asarray(images, np.float64).transpose(0, 3, 1, 2), tensors["features.conv0.weight"], 2, 3)
    x = windows(np.pad(active(x, tensors, "features.norm0"), ((0, 0), (0, 0), (1, 1), (1, 1))), 3, 2).max((4, 5))
    for block, count in enumerate(blocks, 1):
        for layer in range(1, count + 1):
            name = f"features.denseblock{block}.denselayer{layer}"
            y = convolve(active(x, tensors, f"{name}.norm1"), tensors[f"{name}.conv1.weight"], 1, 0)
            y = convolve(active(y, tensors, f"{name}.norm2"), tensors[f"{name}.conv2.weight"], 1, 1)
            x = np.concatenate([x, y], axis=1)
        if block < len(blocks):
            name = f"features.transition{block}"
            x = convolve(active(x, tensors, f"{name}.norm"), tensors[f"{name}.conv.weight"], 1, 0)
            x = windows(x, 2, 2).mean((4, 5))
    return active(x, tensors, "features.norm5").transpose(0, 2, 3, 1)


def findings(tensors, blocks, images):
    """Probability of each finding (N, k)."""
    pooled = maps(tensors, blocks, images).mean((1, 2))
    return 1 / (1 + np.exp(-(pooled @ tensors["classifier.weight"].T + tensors["classifier.bias"])))


def active(x, tensors, name):
    """Batch normalization and ReLU."""
    mean, variance, gamma, beta = (
        tensors[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return np.maximum((x - mean) / np.sqrt(variance.astype(np.float64) + EPSILON) * gamma + beta, 0)


def windows(x, side, stride):
    return np.lib.stride_tricks.sliding_window_view(x, (side, side), (2, 3))[:, :, ::stride, ::stride]


def convolve(x, weight, stride, pad):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    return np.einsum("nchwij,ocij->nohw", windows(x, weight.shape[2], stride), weight, optimize=True)
