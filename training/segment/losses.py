"""Loss of lung networks: cross-entropy and soft Dice, over the definitions that a film has a mask of."""

import keras
from keras import ops

UNKNOWN = -1.0  # value of all pixels of a mask that a film lacks
SMOOTH = 1.0  # pixels added to both sides of a Dice, so that an empty mask has one


@keras.saving.register_keras_serializable("cxnet")
class MaskLoss(keras.losses.Loss):
    """Binary cross-entropy plus 1 - soft Dice, averaged over the masks that are known; batches without any give 0."""

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Loss of each film (N,).

        Args:
            y_true: shares of lung in each pixel, (N, H, W, K), or :data:`UNKNOWN` throughout a mask.
            y_pred: probabilities, same shape.
        """
        known = ops.cast(ops.min(y_true, axis=(1, 2)) >= 0, y_pred.dtype)  # (N, K)
        shares = ops.maximum(y_true, 0.0)
        likely = ops.clip(y_pred, 1e-5, 1 - 1e-5)
        entropy = -ops.mean(shares * ops.log(likely) + (1 - shares) * ops.log(1 - likely), axis=(1, 2))
        both = 2 * ops.sum(shares * y_pred, axis=(1, 2)) + SMOOTH
        dice = both / (ops.sum(shares * shares + y_pred * y_pred, axis=(1, 2)) + SMOOTH)
        return ops.sum((entropy + 1 - dice) * known, axis=1) / ops.maximum(ops.sum(known, axis=1), 1.0)
