"""EfficientNet-Lite0 in plain NumPy, on the checkpoint's own names: what the Keras model must compute."""

import numpy as np

GROUPS = ((3, 1, 1, 1), (3, 2, 6, 2), (5, 2, 6, 2), (3, 3, 6, 2), (5, 3, 6, 1), (5, 4, 6, 2), (3, 1, 6, 1))


def logits(tensors, images):
    """(N, 1000) for images float32 (N, H, W, 3) in [0, 1]."""
    x = ((images * 255 - 127) / 128).transpose(0, 3, 1, 2)
    x = relu6(normalize(convolve(x, tensors["_conv_stem.weight"], 2), tensors, "_bn0"))
    place = 0
    for _, blocks, expansion, stride in GROUPS:
        for number in range(blocks):
            x = block(x, tensors, f"_blocks.{place}", expansion, stride if number == 0 else 1)
            place += 1
    x = relu6(normalize(convolve(x, tensors["_conv_head.weight"], 1), tensors, "_bn1"))
    return x.mean((2, 3)) @ tensors["_fc.weight"].T + tensors["_fc.bias"]


def block(x, tensors, name, expansion, stride):
    inputs = x
    if expansion != 1:
        x = relu6(normalize(convolve(x, tensors[f"{name}._expand_conv.weight"], 1), tensors, f"{name}._bn0"))
    x = depthwise(x, tensors[f"{name}._depthwise_conv.weight"], stride)
    x = relu6(normalize(x, tensors, f"{name}._bn1"))
    x = normalize(convolve(x, tensors[f"{name}._project_conv.weight"], 1), tensors, f"{name}._bn2")
    return x + inputs if stride == 1 and x.shape == inputs.shape else x


def relu6(x):
    return np.clip(x, 0, 6)


def normalize(x, tensors, name):
    mean, variance, gamma, beta = (
        tensors[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta


def windows(x, kernel, stride):
    """(N, C, H', W', kernel, kernel): padded so that H' = ceil(H / stride), the odd pixel at the end."""
    pads = []
    for side in x.shape[2:]:
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        pads.append((total // 2, total - total // 2))
    x = np.pad(x, ((0, 0), (0, 0), *pads))
    return np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), (2, 3))[:, :, ::stride, ::stride]


def convolve(x, weight, stride):
    return np.einsum("nchwij,ocij->nohw", windows(x, weight.shape[2], stride), weight, optimize=True)


def depthwise(x, weight, stride):
    return np.einsum("nchwij,cij->nchw", windows(x, weight.shape[2], stride), weight[:, 0], optimize=True)
